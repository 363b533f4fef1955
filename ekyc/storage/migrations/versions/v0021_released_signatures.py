"""Signatures that were let out, for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "released_signatures",
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("credential", sa.String(64), nullable=False),
        sa.Column("sad_digest", sa.String(64), nullable=False),
        sa.Column("signatures", sa.LargeBinary(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("jti", name="pk_released_signatures"),
    )
    op.create_index(
        "ix_released_signatures_credential", "released_signatures", ["credential", "released_at"]
    )
    op.create_index("ix_released_signatures_released_at", "released_signatures", ["released_at"])


def downgrade() -> None:
    op.drop_table("released_signatures")

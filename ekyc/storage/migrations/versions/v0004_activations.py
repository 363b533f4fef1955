"""Which activations of signing keys were used, and which of them let a signature out."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activations",
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("credential", sa.String(64), nullable=False),
        sa.Column("evidence", sa.String(64), nullable=False),
        sa.Column("holds", sa.String(64), nullable=True),
        sa.Column("hashes_digest", sa.String(64), nullable=False),
        sa.Column("burnt_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("jti", name="pk_activations"),
        sa.UniqueConstraint("holds", name="uq_activations_holds"),
    )
    op.create_index("ix_activations_evidence", "activations", ["evidence"])


def downgrade() -> None:
    op.drop_table("activations")

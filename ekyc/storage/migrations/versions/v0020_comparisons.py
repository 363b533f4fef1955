"""Comparisons of what was submitted to a session."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "session_comparisons",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_session_comparisons"),
    )
    op.create_index(
        "ix_session_comparisons_session_id", "session_comparisons", ["tenant_id", "session_id"]
    )


def downgrade() -> None:
    op.drop_table("session_comparisons")

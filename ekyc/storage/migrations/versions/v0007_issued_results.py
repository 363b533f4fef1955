"""Results that were issued, their places in status lists, and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "status_lists",
        sa.Column("uri", sa.String(200), nullable=False),
        sa.Column("series", sa.String(200), nullable=False),
        sa.Column("bits", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uri", name="pk_status_lists"),
    )
    op.create_index("ix_status_lists_series", "status_lists", ["series", "opened_at"])
    op.create_table(
        "issued_results",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("schema", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("list", sa.String(200), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=True),
        sa.Column("successor", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_issued_results"),
        sa.UniqueConstraint("list", "place", name="uq_issued_results_place"),
    )
    op.create_index("ix_issued_results_subject", "issued_results", ["subject"])
    op.create_index("ix_issued_results_status", "issued_results", ["list", "status"])


def downgrade() -> None:
    op.drop_table("issued_results")
    op.drop_table("status_lists")

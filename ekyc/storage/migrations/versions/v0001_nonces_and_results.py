"""The first tables: single-use challenges and records of decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "nonces",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nonces"),
    )
    op.create_index("ix_nonces_expires_at", "nonces", ["expires_at"])
    op.create_table(
        "results",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("case_digest", sa.String(64), nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("report_digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_results"),
        sa.CheckConstraint("verdict IN ('accept', 'review', 'reject')", name="ck_results_verdict"),
    )
    op.create_index("ix_results_created_at", "results", ["created_at"])
    op.create_index("ix_results_case_digest", "results", ["case_digest"])


def downgrade() -> None:
    op.drop_table("results")
    op.drop_table("nonces")

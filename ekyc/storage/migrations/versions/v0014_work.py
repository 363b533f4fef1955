"""Timers, workers that are alive, and when a session's time is up."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "work_timers",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("ran_at", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.String(80), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_work_timers"),
    )
    op.create_table(
        "work_workers",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_work_workers"),
    )
    op.create_index("ix_work_workers_seen_at", "work_workers", ["seen_at"])
    op.add_column("verification_sessions", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_verification_sessions_due_at", "verification_sessions", ["state", "due_at"])


def downgrade() -> None:
    op.drop_index("ix_verification_sessions_due_at", "verification_sessions")
    op.drop_column("verification_sessions", "due_at")
    op.drop_table("work_workers")
    op.drop_table("work_timers")

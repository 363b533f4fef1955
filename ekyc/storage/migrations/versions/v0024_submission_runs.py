"""Submitted cases on their way, and what is held for them."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_HOLDING = ("nonces", "liveness_sessions")


def upgrade() -> None:
    op.create_table(
        "submission_runs",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("answered", sa.String(16), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.String(40), nullable=True),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_submission_runs"),
    )
    op.create_index("ix_submission_runs_lease_until", "submission_runs", ["lease_until"])
    for table in _HOLDING:
        op.add_column(table, sa.Column("held_for", sa.String(40), nullable=True))


def downgrade() -> None:
    for table in reversed(_HOLDING):
        op.drop_column(table, "held_for")
    op.drop_table("submission_runs")

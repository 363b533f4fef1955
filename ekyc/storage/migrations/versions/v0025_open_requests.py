"""Indexes for the worker's look at requests of data subjects: those that are open, and exports that are over."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_TABLE = "subject_requests"


def upgrade() -> None:
    op.create_index("ix_subject_requests_state", _TABLE, ["tenant_id", "state", "created_at"])
    op.create_index("ix_subject_requests_export_until", _TABLE, ["tenant_id", "export_until"])


def downgrade() -> None:
    op.drop_index("ix_subject_requests_state", _TABLE)
    op.drop_index("ix_subject_requests_export_until", _TABLE)

"""Whose events, endpoints and liveness sessions are: of which tenant, of which office."""

import sqlalchemy as sa
from alembic import op

from ekyc.values import DEFAULT_TENANT

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ADDED = (
    ("outbox_events", sa.Column("office", sa.String(64), nullable=True)),
    ("webhook_endpoints", sa.Column("offices", sa.Text(), nullable=True)),
    (
        "liveness_sessions",
        sa.Column("tenant_id", sa.String(64), nullable=False, server_default=DEFAULT_TENANT),
    ),
    ("liveness_sessions", sa.Column("office", sa.String(64), nullable=True)),
    ("liveness_sessions", sa.Column("subject", sa.String(64), nullable=True)),
)


def upgrade() -> None:
    for table, column in _ADDED:
        op.add_column(table, column)


def downgrade() -> None:
    for table, column in reversed(_ADDED):
        op.drop_column(table, column.name)

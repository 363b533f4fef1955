"""Attempts at liveness are counted for each tenant: one could use up those of another's citizens.

Whose the attempts so far were is known of none but those whose session is still there; the others count for every
tenant until they are forgotten, as they did.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("liveness_attempts", sa.Column("tenant_id", sa.String(64)))
    op.execute(
        "UPDATE liveness_attempts SET tenant_id = (SELECT s.tenant_id FROM liveness_sessions AS s "
        "WHERE s.id = liveness_attempts.session_id)"
    )


def downgrade() -> None:
    op.drop_column("liveness_attempts", "tenant_id")

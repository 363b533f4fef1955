"""Which sealed artefacts belong to which verification session."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "session_artefacts",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("artefact_id", sa.String(40), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "artefact_id", name="pk_session_artefacts"),
    )
    op.create_index(
        "ix_session_artefacts_session_id", "session_artefacts", ["tenant_id", "session_id"]
    )


def downgrade() -> None:
    op.drop_table("session_artefacts")

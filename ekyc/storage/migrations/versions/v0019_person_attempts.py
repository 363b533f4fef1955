"""How often a person tried a procedure, by a mark that only the service's key makes."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_attempts",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "mark", "session_id", "attempt", name="pk_person_attempts"
        ),
    )
    op.create_index("ix_person_attempts_session_id", "person_attempts", ["tenant_id", "session_id"])
    op.create_index("ix_person_attempts_at", "person_attempts", ["at"])


def downgrade() -> None:
    op.drop_table("person_attempts")

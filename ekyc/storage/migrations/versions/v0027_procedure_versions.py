"""Versions of procedures are kept with what was judged by them: a result was issued by today's profile.

By which version older results were judged is not written anywhere but in the logs of their sessions; they stay without one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "procedure_versions",
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("procedure", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_procedure_versions"),
    )
    op.add_column("session_results", sa.Column("procedure_version", sa.String(64)))


def downgrade() -> None:
    op.drop_column("session_results", "procedure_version")
    op.drop_table("procedure_versions")

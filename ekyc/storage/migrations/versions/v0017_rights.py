"""Requests of data subjects; which alerts were told; whose an entry of the evidence log is."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subject_requests",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("procedure", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("office", sa.String(64), nullable=True),
        sa.Column("subject", sa.String(64), nullable=True),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=True),
        sa.Column("export", sa.String(40), nullable=True),
        sa.Column("export_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_subject_requests"),
    )
    op.create_index(
        "ix_subject_requests_created_at", "subject_requests", ["tenant_id", "created_at"]
    )
    op.create_index("ix_subject_requests_subject", "subject_requests", ["tenant_id", "subject"])
    op.create_table(
        "clock_notices",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("file_id", sa.String(40), nullable=False),
        sa.Column("alert", sa.String(32), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "file_id", "alert", "origin", name="pk_clock_notices"),
    )
    op.create_table(
        "evidence_places",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("file", sa.String(40), nullable=True),
        sa.Column("actor", sa.String(32), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_evidence_places"),
    )
    op.create_index("ix_evidence_places_kind", "evidence_places", ["tenant_id", "kind", "number"])


def downgrade() -> None:
    op.drop_table("evidence_places")
    op.drop_table("clock_notices")
    op.drop_table("subject_requests")

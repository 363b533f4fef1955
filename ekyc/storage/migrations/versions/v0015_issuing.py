"""What verified sessions lead to: results, what was issued for them, and requests for signatures."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "issued_results",
        sa.Column("tenant_id", sa.String(64), nullable=False, server_default="default"),
    )
    op.add_column("issued_results", sa.Column("office", sa.String(64), nullable=True))
    op.create_table(
        "session_results",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("report_digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=True),
        sa.Column("holder", sa.String(64), nullable=True),
        sa.Column("signing_session", sa.String(64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", "attempt", name="pk_session_results"),
    )
    op.create_index("ix_session_results_holder", "session_results", ["holder"])
    op.create_index("ix_session_results_person", "session_results", ["person"])
    op.create_table(
        "session_credentials",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("procedure", sa.String(64), nullable=False),
        sa.Column("office", sa.String(64), nullable=True),
        sa.Column("subject", sa.String(64), nullable=True),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("document", sa.String(40), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_session_credentials"),
        sa.UniqueConstraint(
            "tenant_id", "session_id", "decision", name="uq_session_credentials_decision"
        ),
    )
    op.create_index(
        "ix_session_credentials_created_at", "session_credentials", ["tenant_id", "created_at"]
    )
    op.create_table(
        "credential_changes",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("credential_id", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "credential_id", "number", name="pk_credential_changes"
        ),
    )
    op.create_table(
        "signature_requests",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("procedure", sa.String(64), nullable=False),
        sa.Column("office", sa.String(64), nullable=True),
        sa.Column("subject", sa.String(64), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("failure", sa.String(64), nullable=True),
        sa.Column("document", sa.String(40), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_signature_requests"),
    )
    op.create_index(
        "ix_signature_requests_created_at", "signature_requests", ["tenant_id", "created_at"]
    )
    op.create_index(
        "ix_signature_requests_session_id", "signature_requests", ["tenant_id", "session_id"]
    )
    op.create_index(
        "ix_signature_requests_token_digest", "signature_requests", ["token_digest"], unique=True
    )


def downgrade() -> None:
    for table in (
        "signature_requests",
        "credential_changes",
        "session_credentials",
        "session_results",
    ):
        op.drop_table(table)
    op.drop_column("issued_results", "office")
    op.drop_column("issued_results", "tenant_id")

"""Dossiers, verification sessions, their log, and what keeps a request from being carried out twice."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _files("dossiers")
    _files("verification_sessions", sa.Column("dossier_id", sa.String(40), nullable=True))
    op.create_index(
        "ix_verification_sessions_dossier_id", "verification_sessions", ["tenant_id", "dossier_id"]
    )
    op.create_index(
        "ix_verification_sessions_state",
        "verification_sessions",
        ["tenant_id", "state", "created_at"],
    )
    op.create_table(
        "dossier_actions",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("file_id", sa.String(40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "file_id", "sequence", name="pk_dossier_actions"),
    )
    op.create_table(
        "session_checks",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", "attempt", name="pk_session_checks"),
    )
    _tokens_and_keys()


def _files(name: str, *further: sa.Column[str]) -> None:
    op.create_table(
        name,
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        *further,
        sa.Column("procedure", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("office", sa.String(64), nullable=True),
        sa.Column("subject", sa.String(64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=f"pk_{name}"),
    )
    op.create_index(f"ix_{name}_created_at", name, ["tenant_id", "created_at"])


def _tokens_and_keys() -> None:
    op.create_table(
        "capture_tokens",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(40), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_capture_tokens"),
    )
    op.create_index("ix_capture_tokens_session_id", "capture_tokens", ["tenant_id", "session_id"])
    op.create_index("ix_capture_tokens_expires_at", "capture_tokens", ["expires_at"])
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "digest", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])


def downgrade() -> None:
    tables = ("idempotency_keys", "capture_tokens", "session_checks", "dossier_actions")
    for name in (*tables, "verification_sessions", "dossiers"):
        op.drop_table(name)

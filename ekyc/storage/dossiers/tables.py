"""Tables of dossiers and verification sessions. Every row has its tenant, and every query takes it.

The log (``dossier_actions``) is the truth; ``state`` and ``office`` beside it are an index, written in the same
transaction as the action that moves them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from ekyc.storage.tables import Instant, metadata

dossiers: Final = Table(
    "dossiers",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("procedure", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("office", String(64), nullable=True),
    Column("subject", String(64), nullable=True),
    Column("created_at", Instant, nullable=False),
    Index("ix_dossiers_created_at", "tenant_id", "created_at"),
)

verification_sessions: Final = Table(
    "verification_sessions",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("dossier_id", String(40), nullable=True),
    Column("procedure", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("office", String(64), nullable=True),
    Column("subject", String(64), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=True),
    Index("ix_verification_sessions_created_at", "tenant_id", "created_at"),
    Index("ix_verification_sessions_due_at", "state", "due_at"),
    Index("ix_verification_sessions_dossier_id", "tenant_id", "dossier_id"),
    Index("ix_verification_sessions_state", "tenant_id", "state", "created_at"),
)

dossier_actions: Final = Table(
    "dossier_actions",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("file_id", String(40), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
)

session_checks: Final = Table(
    "session_checks",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("body", Text, nullable=False),
)

capture_tokens: Final = Table(
    "capture_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("session_id", String(40), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Index("ix_capture_tokens_session_id", "tenant_id", "session_id"),
    Index("ix_capture_tokens_expires_at", "expires_at"),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=True),
    Column("expires_at", Instant, nullable=False),
    Index("ix_idempotency_keys_expires_at", "expires_at"),
)

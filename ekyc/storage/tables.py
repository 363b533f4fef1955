"""The tables as of the newest migration. ``tests/storage`` holds both against each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from ekyc.values import DEFAULT_TENANT

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole microseconds since 1970 so that every database orders it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        del dialect
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

nonces = Table(
    "nonces",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("purpose", String(64), nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("redeemed_at", Instant, nullable=True),
    Column("held_for", String(40), nullable=True),
    Index("ix_nonces_expires_at", "expires_at"),
)

results = Table(
    "results",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("case_digest", String(64), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("report_digest", String(64), nullable=False),
    CheckConstraint("verdict IN ('accept', 'review', 'reject')", name="verdict"),
    Index("ix_results_created_at", "created_at"),
    Index("ix_results_case_digest", "case_digest"),
)

liveness_sessions = Table(
    "liveness_sessions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("opened_at", Instant, nullable=True),
    Column("capture_digest", LargeBinary, nullable=False),
    Column("result_digest", LargeBinary, nullable=False),
    Column("binding", LargeBinary, nullable=False),
    Column("settings", Text, nullable=False),
    Column("secret", LargeBinary, nullable=True),
    Column("chunks", Integer, nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    Column("stopped_by", Text, nullable=True),
    Column("report", LargeBinary, nullable=True),
    Column("best_frame", LargeBinary, nullable=True),
    Column("tenant_id", String(64), nullable=False, server_default=DEFAULT_TENANT),
    Column("office", String(64), nullable=True),
    Column("subject", String(64), nullable=True),
    Column("held_for", String(40), nullable=True),
    CheckConstraint("state IN ('waiting', 'running', 'finished', 'used')", name="state"),
    Index("ix_liveness_sessions_expires_at", "expires_at"),
)

liveness_chunks = Table(
    "liveness_chunks",
    metadata,
    Column("session_id", String(40), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("arrived_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("seen", LargeBinary, nullable=False),
)

liveness_attempts = Table(
    "liveness_attempts",
    metadata,
    Column("pseudonym", LargeBinary, primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Column("made_at", Instant, nullable=False),
    # Without one it is from before tenants were told apart, and counts for each of them.
    Column("tenant_id", String(64)),
    Index("ix_liveness_attempts_made_at", "made_at"),
)

liveness_frames = Table(
    "liveness_frames",
    metadata,
    Column("session_id", String(40), primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    Index("ix_liveness_frames_expires_at", "expires_at"),
)

liveness_frame_marks = Table(
    "liveness_frame_marks",
    metadata,
    Column("mark", BigInteger, primary_key=True),
    Column("session_id", String(40), primary_key=True),
    Index("ix_liveness_frame_marks_session_id", "session_id"),
)

certificates = Table(
    "certificates",
    metadata,
    Column("issuer", String(64), primary_key=True),
    Column("serial", String(40), primary_key=True),
    Column("profile", String(64), nullable=False),
    Column("credential", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant, nullable=True),
    Column("revocation_reason", String(32), nullable=True),
    Index("ix_certificates_credential", "credential"),
    Index("ix_certificates_revoked_at", "issuer", "revoked_at"),
)

crl_numbers = Table(
    "crl_numbers",
    metadata,
    Column("issuer", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
)

activations = Table(
    "activations",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("credential", String(64), nullable=False),
    Column("evidence", String(64), nullable=False),
    Column("holds", String(64), nullable=True),
    Column("hashes_digest", String(64), nullable=False),
    Column("burnt_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("released_at", Instant, nullable=True),
    UniqueConstraint("holds", name="uq_activations_holds"),
    Index("ix_activations_evidence", "evidence"),
)

grants = Table(
    "grants",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("family", String(40), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    Index("ix_grants_family", "family"),
    Index("ix_grants_expires_at", "expires_at"),
)

persons = Table(
    "persons",
    metadata,
    Column("result_id", String(40), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("session", String(64), nullable=False),
    Column("bound_at", Instant, nullable=False),
    Index("ix_persons_session", "session", "holder"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("key_label", String(64), nullable=False),
    Column("methods", String(200), nullable=False),
    Column("certificates", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant, nullable=True),
    Index("ix_credentials_holder", "holder"),
)

factors = Table(
    "factors",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("decision", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("confirmed_at", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    UniqueConstraint("decision", name="uq_factors_decision"),
    Index("ix_factors_holder", "holder"),
)

status_lists = Table(
    "status_lists",
    metadata,
    Column("uri", String(200), primary_key=True),
    Column("series", String(200), nullable=False),
    Column("bits", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Index("ix_status_lists_series", "series", "opened_at"),
)

issued_results = Table(
    "issued_results",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant_id", String(64), nullable=False, server_default=DEFAULT_TENANT),
    Column("office", String(64), nullable=True),
    Column("schema", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("list", String(200), nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("status", Integer, nullable=False),
    Column("changed_at", Instant, nullable=True),
    Column("successor", String(32), nullable=True),
    UniqueConstraint("list", "place", name="uq_issued_results_place"),
    Index("ix_issued_results_subject", "subject"),
    Index("ix_issued_results_status", "list", "status"),
)

"""The tables as of the newest migration. ``tests/storage`` holds both against each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

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

"""Tables of people and of what is kept about them. No column can be read without a key but ids, kinds, sizes and times.

What makes a person readable, or found by number, is in ``subject_keys`` and ``tenant_keys`` alone: a copy of the database
without these two is noise about somebody.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from ekyc.storage.tables import Instant, metadata

subjects: Final = Table(
    "subjects",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("reference", LargeBinary, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("erased_at", Instant, nullable=True),
)

subject_keys: Final = Table(
    "subject_keys",
    metadata,
    Column("subject_id", String(32), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("kek_version", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("blind_index", LargeBinary, nullable=True),
    Column("index_version", Integer, nullable=True),
    UniqueConstraint("tenant_id", "blind_index", name="uq_subject_keys_blind_index"),
    Index("ix_subject_keys_kek_version", "tenant_id", "kek_version"),
)

tenant_keys: Final = Table(
    "tenant_keys",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("kek_version", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

artefacts: Final = Table(
    "artefacts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("subject_id", String(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("retention", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=True),
    Column("blob", String(32), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("removed_at", Instant, nullable=True),
    UniqueConstraint("blob", name="uq_artefacts_blob"),
    Index("ix_artefacts_subject_id", "tenant_id", "subject_id", "created_at"),
    Index("ix_artefacts_retention", "retention", "kind", "created_at"),
)

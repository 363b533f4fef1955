"""Tables of the evidence log. Triggers of the migration refuse to change or delete a row of the first two.

``evidence_places`` says whose an entry is, for those who may read their own alone. It proves nothing: what counts is the
entry, and who has all leaves sees that none is missing.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text

from ekyc.storage.tables import Instant, metadata

evidence_entries = Table(
    "evidence_entries",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("event", Text, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("nodes", LargeBinary, nullable=False),
)

evidence_checkpoints = Table(
    "evidence_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("timestamp", LargeBinary, nullable=True),
)

evidence_subjects = Table(
    "evidence_subjects",
    metadata,
    Column("reference", String(64), primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

evidence_places = Table(
    "evidence_places",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("file", String(40), nullable=True),
    Column("actor", String(32), nullable=True),
    Column("at", Instant, nullable=False),
    Column("office", String(64), nullable=True),
    Index("ix_evidence_places_kind", "tenant_id", "kind", "number"),
)

"""Tables of the evidence log. Triggers of the migration refuse to change or delete a row of the first two."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, Text

from ekyc.storage.tables import metadata

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

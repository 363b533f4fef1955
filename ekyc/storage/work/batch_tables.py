"""Tables of batches: cases that were uploaded for one, the batches, and their items. Every row has its tenant.

The cases themselves lie sealed in the vault, each under a key of its own that is destroyed once its item is done.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from ekyc.storage.tables import Instant, metadata

batch_cases: Final = Table(
    "batch_cases",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("office", String(64), nullable=True),
    Column("artefact_id", String(40), nullable=False),
    Column("subject_id", String(40), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_batch_cases_created_at", "created_at"),
)

batches: Final = Table(
    "batches",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("office", String(64), nullable=True),
    Column("actor", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True),
    Index("ix_batches_created_at", "tenant_id", "created_at"),
)

batch_items: Final = Table(
    "batch_items",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("batch_id", String(40), nullable=False),
    Column("number", Integer, nullable=False),
    Column("reference", String(64), nullable=False),
    Column("artefact_id", String(40), nullable=False),
    Column("subject_id", String(40), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("queued_at", Instant, nullable=True),
    Column("finished_at", Instant, nullable=True),
    Column("erased_at", Instant, nullable=True),
    Column("body", Text, nullable=True),
    Index("ix_batch_items_number", "tenant_id", "batch_id", "number", unique=True),
    Index("ix_batch_items_state", "state", "queued_at"),
    Index("ix_batch_items_erased_at", "erased_at", "state"),
)

"""Tables of what runs by itself: when each timer is due, and which workers are alive. No personal data, no tenant."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, String, Table

from ekyc.storage.tables import Instant, metadata

work_timers: Final = Table(
    "work_timers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("ran_at", Instant, nullable=True),
    Column("failure", String(80), nullable=True),
)

work_workers: Final = Table(
    "work_workers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("seen_at", Instant, nullable=False),
    Index("ix_work_workers_seen_at", "seen_at"),
)

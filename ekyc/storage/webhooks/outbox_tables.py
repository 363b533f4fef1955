"""Tables of events that others are told of, and of how they were told. Every row has its tenant."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from ekyc.storage.tables import Instant, metadata

outbox_events: Final = Table(
    "outbox_events",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("spread_at", Instant, nullable=True),
    Column("office", String(64), nullable=True),
    Index("ix_outbox_events_spread_at", "spread_at", "at"),
)

webhook_endpoints: Final = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("url", LargeBinary, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("cause", String(16), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("failing_since", Instant, nullable=True),
    Column("paused_until", Instant, nullable=True),
    Column("offices", Text, nullable=True),
    Index("ix_webhook_endpoints_tenant_id", "tenant_id", "created_at"),
)

webhook_secrets: Final = Table(
    "webhook_secrets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("endpoint_id", String(32), nullable=False),
    Column("form", String(8), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True),
    Index("ix_webhook_secrets_endpoint_id", "endpoint_id"),
)

webhook_deliveries: Final = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("endpoint_id", String(32), nullable=False),
    Column("event_id", String(40), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease", String(32), nullable=True),
    Column("leased_until", Instant, nullable=True),
    Column("finished_at", Instant, nullable=True),
    Column("replay_of", String(32), nullable=True),
    Index("ix_webhook_deliveries_state", "state", "endpoint_id", "due_at"),
    Index("ix_webhook_deliveries_created_at", "tenant_id", "created_at", "id"),
    Index("ix_webhook_deliveries_endpoint_id", "endpoint_id", "created_at"),
    Index("ix_webhook_deliveries_event_id", "event_id"),
    Index("ix_webhook_deliveries_finished_at", "finished_at"),
)

webhook_attempts: Final = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("cause", String(32), nullable=False),
    Column("status", Integer, nullable=True),
    Column("duration_ms", Integer, nullable=False),
)

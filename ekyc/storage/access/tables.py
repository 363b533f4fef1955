"""Tables of access: tenants, offices, clients, keys, logins, consents. Every row has its tenant, and every query takes it.

Only two tables are asked before the tenant is known, by the digest of a secret that says which it is: ``access_keys``
and ``access_sessions``.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Index, LargeBinary, String, Table, Text, UniqueConstraint

from ekyc.storage.tables import Instant, metadata

tenants: Final = Table(
    "access_tenants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
)

offices: Final = Table(
    "access_offices",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("parent", String(64), nullable=True),
    Column("path", String(700), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    Index("ix_access_offices_path", "tenant_id", "path"),
)

clients: Final = Table(
    "access_clients",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("offices", Text, nullable=True),
    Column("networks", Text, nullable=False),
    Column("jwks", Text, nullable=True),
    Column("certificate", String(64), nullable=True),
    Column("is_agent", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    Index("ix_access_clients_tenant_id", "tenant_id"),
)

keys: Final = Table(
    "access_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("client_id", String(64), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("networks", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_on", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    UniqueConstraint("digest", name="uq_access_keys_digest"),
    Index("ix_access_keys_client_id", "tenant_id", "client_id"),
)

signing_keys: Final = Table(
    "access_signing_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("algorithm", String(16), nullable=False),
    Column("public", Text, nullable=False),
    Column("private", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("signs_from", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
)

sessions: Final = Table(
    "access_sessions",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    UniqueConstraint("digest", name="uq_access_sessions_digest"),
    Index("ix_access_sessions_expires_at", "expires_at"),
)

consents: Final = Table(
    "access_consents",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("subject", String(64), nullable=False),
    Column("client_id", String(64), nullable=False),
    Column("text_digest", String(64), nullable=False),
    Column("purposes", Text, nullable=False),
    Column("channel", String(32), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("withdrawn_at", Instant, nullable=True),
    Column("withdrawn_by", String(64), nullable=True),
    Column("office", String(64), nullable=True),
    Index("ix_access_consents_subject", "tenant_id", "subject"),
)

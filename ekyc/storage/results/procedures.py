"""Procedure profiles as they stood when somebody was judged by them, under the SHA-256 of what they say.

A profile ships with the software and changes with it; what was decided by it does not. Nothing here is of a person or a
tenant, so all tenants share a row, and none is ever changed or removed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, String, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite

from ekyc.errors import InputError
from ekyc.policy import profile_as_text, profile_from_text, profile_version
from ekyc.storage.errors import StorageError
from ekyc.storage.tables import Instant, metadata

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from ekyc.policy import ProcedureProfile

procedure_versions: Final = Table(
    "procedure_versions",
    metadata,
    Column("version", String(64), primary_key=True),
    Column("procedure", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("kept_at", Instant, nullable=False),
)


class ProcedureVersions:
    """Versions of profiles, inside one transaction."""

    def __init__(self, connection: Connection, *, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def keep(self, profile: ProcedureProfile) -> str:
        """Keep what a profile says, once however often it is kept, and name its version."""
        version = profile_version(profile)
        if self._body(version) is None:
            on_postgresql = self._connection.dialect.name == "postgresql"
            row = (postgresql if on_postgresql else sqlite).insert(procedure_versions)
            self._connection.execute(
                row.values(
                    version=version,
                    procedure=profile.id,
                    body=profile_as_text(profile),
                    kept_at=self._now,
                ).on_conflict_do_nothing(index_elements=["version"])
            )
        return version

    def get(self, version: str) -> ProcedureProfile | None:
        """A profile as it stood; ``None``: this version was not kept.

        Raises:
            StorageError: ``storage.corrupted``: it no longer says what its version says, or cannot be read.
        """
        body = self._body(version)
        if body is None:
            return None
        if hashlib.sha256(body.encode()).hexdigest() != version:
            raise _damaged()
        try:
            return profile_from_text(body)
        except InputError as exc:
            raise _damaged() from exc

    def _body(self, version: str) -> str | None:
        table = procedure_versions.c
        query = select(table.body).where(table.version == version)
        return self._connection.execute(query).scalar_one_or_none()


def _damaged() -> StorageError:
    return StorageError(
        "a kept version of a procedure is damaged",
        code="storage.corrupted",
        subject="procedure_versions",
    )

"""Credentials of people: whose key has which name, under which certificate, and how its holder may authorise.

The key itself is elsewhere. Certificates name people and lie sealed; holders are pseudonyms.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ekyc.errors import InputError
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import KeyAdded, KeyDisabled, Reference
from ekyc.storage.tables import credentials

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog
    from ekyc.storage.service_key import ServiceKey

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")
_METHOD: Final = re.compile(r"[a-z]+(\+[a-z]+)?\Z")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """A credential as recorded."""

    id: str
    holder: str
    """SHA-256 (hex) pseudonym."""
    key_label: str
    """Name of its key in the key store."""
    methods: tuple[str, ...]
    """Ways in which its holder may authorise."""
    certificates: tuple[bytes, ...] = field(repr=False)
    """DER: its own, then the chain above, root last."""
    created_at: datetime
    disabled_at: datetime | None


class CredentialStore:
    """The credentials of this installation. Safe across threads and processes."""

    def __init__(
        self,
        engine: Engine,
        *,
        log: EvidenceLog,
        key: ServiceKey,
        clock: Clock,
        random: Random,
        subject: str,
    ) -> None:
        self._engine = engine
        self._log = log
        self._reading = reading(engine)
        self._sealer = key.sealer("credentials", random)
        self._clock = clock
        self._subject = subject

    def add(
        self,
        credential_id: str,
        *,
        holder: str,
        key_label: str,
        methods: tuple[str, ...],
        certificates: tuple[bytes, ...],
    ) -> None:
        """Record a credential.

        Raises:
            InputError: ``credentials.exists``, or a value is not of its form.
            StorageError, BusyError: it could not be stored.
        """
        forms = {
            "credential_id": _NAME.match(credential_id),
            "holder": _DIGEST.match(holder),
            "key_label": _LABEL.match(key_label),
            "methods": bool(methods) and all(map(_METHOD.match, methods)),
            "certificates": bool(certificates),
        }
        for name, kept in forms.items():
            if not kept:
                raise InputError("not of the form that is kept", subject=name)
        sealed = self._sealer.seal(_packed(certificates), _place(credential_id))
        with storage_errors(self._subject):
            try:
                with self._engine.begin() as connection:
                    connection.execute(
                        insert(credentials).values(
                            id=credential_id,
                            holder=holder,
                            key_label=key_label,
                            methods=json.dumps(methods),
                            certificates=sealed,
                            created_at=self._clock.now(),
                        )
                    )
                    self._log.append(
                        connection,
                        KeyAdded(
                            key=_reference(credential_id),
                            subject=Reference(kind="holder", text=holder),
                        ),
                    )
            except IntegrityError as exc:
                raise InputError(
                    "a credential of this name exists already",
                    code="credentials.exists",
                    subject=credential_id,
                ) from exc

    def find(self, credential_id: str) -> StoredCredential | None:
        """One by its name."""
        query = select(credentials).where(credentials.c.id == credential_id)
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else self._opened(row)

    def of_holder(self, holder: str) -> tuple[StoredCredential, ...]:
        """All of one person, the oldest first."""
        query = select(credentials).where(credentials.c.holder == holder)
        query = query.order_by(credentials.c.created_at, credentials.c.id)
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(self._opened(row) for row in connection.execute(query))

    def disable(self, credential_id: str) -> None:
        """Switch a credential off, for good. Twice is once.

        Raises:
            InputError: ``credentials.unknown``.
            StorageError, BusyError: it could not be stored.
        """
        if self.find(credential_id) is None:
            raise InputError("no such credential", code="credentials.unknown")
        with storage_errors(self._subject), self._engine.begin() as connection:
            switched = connection.execute(
                update(credentials)
                .where(credentials.c.id == credential_id, credentials.c.disabled_at.is_(None))
                .values(disabled_at=self._clock.now())
            )
            if switched.rowcount == 1:
                self._log.append(connection, KeyDisabled(key=_reference(credential_id)))

    def _opened(self, row: Any) -> StoredCredential:
        return StoredCredential(
            id=row.id,
            holder=row.holder,
            key_label=row.key_label,
            methods=tuple(json.loads(row.methods)),
            certificates=_unpacked(self._sealer.open(row.certificates, _place(row.id))),
            created_at=row.created_at,
            disabled_at=row.disabled_at,
        )


def _reference(credential_id: str) -> Reference:
    return Reference(kind="key", text=credential_id)


def _packed(certificates: tuple[bytes, ...]) -> bytes:
    return json.dumps([b64encode(der).decode() for der in certificates]).encode()


def _unpacked(packed: bytes) -> tuple[bytes, ...]:
    return tuple(b64decode(text) for text in json.loads(packed))


def _place(credential_id: str) -> str:
    return f"credentials/{credential_id}/certificates"

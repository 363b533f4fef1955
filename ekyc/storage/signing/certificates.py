"""What an authority issued and what it revoked.

A certificate is made inside the transaction that records it and leaves it only after the commit: none exists that the
register does not know, and no serial number is given twice. A revocation list is made inside the transaction that
reads what is revoked and takes the next number, so that a list with a higher number never knows less.

Serial numbers, digests, times and codes; no subject and no key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ekyc.errors import InputError
from ekyc.storage.engine import reading
from ekyc.storage.errors import StorageError, storage_errors
from ekyc.storage.evidence.events import (
    REVOCATION,
    CertificateIssued,
    CertificateRevoked,
)
from ekyc.storage.tables import certificates, crl_numbers

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog

_ISSUER: Final = re.compile(r"[0-9a-f]{64}\Z")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")
_REASON: Final = re.compile(r"[a-zA-Z]{1,32}\Z")
_INSERT: Final = insert(certificates)
KEEP_EXPIRED: Final = timedelta(days=40)
"""How long a revoked certificate stays on the lists after it expired: longer than any list lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateStatus:
    """What the register knows of one certificate."""

    serial: int
    profile: str
    credential: str
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revocation_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """An entry of a revocation list."""

    serial: int
    at: datetime
    reason: str


class CertificateRegister:
    """The register of all authorities of this installation. Safe across threads and processes."""

    def __init__(
        self, engine: Engine, *, log: EvidenceLog, clock: Clock, random: Random, subject: str
    ) -> None:
        self._engine = engine
        self._log = log
        self._reading = reading(engine)
        self._clock = clock
        self._random = random
        self._subject = subject

    def issue(
        self,
        make: Callable[[int], bytes],
        *,
        issuer: str,
        profile: str,
        credential: str,
        expires_at: datetime,
    ) -> bytes:
        """Draw a serial number, have the certificate made, and record both before it leaves.

        Args:
            make: signs the certificate with the serial number it is given and returns its DER. Nothing is recorded
                if it raises.
            issuer: SHA-256 (hex) of the issuer's public key.
            profile: what the certificate is for.
            credential: what it belongs to, by a name that says nothing of a person.
            expires_at: end of its validity.

        Raises:
            InputError: a name is not of its form.
            StorageError, BusyError: it could not be recorded; then it was not issued.
        """
        _require(_ISSUER, issuer, "issuer")
        _require(_NAME, profile, "profile")
        _require(_NAME, credential, "credential")
        # RFC 5280 §4.1.2.2: positive and at most 20 octets; the leading 01 fixes sign and length.
        serial = int.from_bytes(b"\x01" + self._random.token_bytes(15))
        made = b""
        try:
            with storage_errors(self._subject), self._engine.begin() as connection:
                made = make(serial)
                row = {
                    "issuer": issuer,
                    "serial": f"{serial:x}",
                    "profile": profile,
                    "credential": credential,
                    "digest": hashlib.sha256(made).hexdigest(),
                    "issued_at": self._clock.now(),
                    "expires_at": expires_at,
                }
                connection.execute(_INSERT, row)
                self._log.append(
                    connection,
                    CertificateIssued(
                        issuer=issuer, certificate=str(row["digest"]), profile=profile
                    ),
                )
        except StorageError as exc:
            if isinstance(exc.__cause__, IntegrityError):
                raise StorageError(
                    "a serial number was drawn twice: the source of randomness repeats itself",
                    code="storage.serial_repeated",
                    subject=self._subject,
                ) from exc
            raise
        return made

    def status(self, issuer: str, serial: int) -> CertificateStatus | None:
        """What is known of a certificate; ``None``: this issuer never issued it."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            return _status(connection, issuer, serial)

    def revoke(self, issuer: str, serial: int, reason: str) -> CertificateStatus:
        """Revoke a certificate now. One that is revoked keeps its first time and reason.

        Args:
            issuer: SHA-256 (hex) of the issuer's public key.
            serial: of the certificate.
            reason: name in RFC 5280 §5.3.1, such as ``keyCompromise``.

        Raises:
            InputError: ``signing.certificate.unknown``.
        """
        _require(_REASON, reason, "reason")
        with storage_errors(self._subject), self._engine.begin() as connection:
            digest = connection.execute(
                update(certificates)
                .where(
                    certificates.c.issuer == issuer,
                    certificates.c.serial == f"{serial:x}",
                    certificates.c.revoked_at.is_(None),
                )
                .values(revoked_at=self._clock.now(), revocation_reason=reason)
                .returning(certificates.c.digest)
            ).scalar_one_or_none()
            status = _status(connection, issuer, serial)
            if digest is not None:
                known = reason if REVOCATION.admits(reason) else "unspecified"
                revoked = CertificateRevoked(issuer=issuer, certificate=digest, reason=known)
                self._log.append(connection, revoked)
        if status is None:
            raise InputError(
                "this authority issued no such certificate", code="signing.certificate.unknown"
            )
        return status

    def next_crl(
        self, issuer: str, make: Callable[[int, tuple[Revocation, ...], datetime], bytes]
    ) -> bytes:
        """Take the next number, read what is revoked and have the list made, in one transaction.

        Args:
            issuer: SHA-256 (hex) of the issuer's public key.
            make: signs a list with this number and these entries as of this time. If it raises, the number is
                not taken.
        """
        _require(_ISSUER, issuer, "issuer")
        with storage_errors(self._subject), self._engine.begin() as connection:
            number = _take_number(
                connection, issuer
            )  # and with it the row's lock, until the commit
            now = self._clock.now()
            return make(number, _revoked(connection, issuer, now), now)


def _require(form: re.Pattern[str], value: str, name: str) -> None:
    if not form.match(value):
        raise InputError("not of the form that the register keeps", subject=name)


def _status(connection: Connection, issuer: str, serial: int) -> CertificateStatus | None:
    row = connection.execute(
        select(certificates).where(
            certificates.c.issuer == issuer, certificates.c.serial == f"{serial:x}"
        )
    ).one_or_none()
    if row is None:
        return None
    return CertificateStatus(
        serial=serial,
        profile=row.profile,
        credential=row.credential,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        revocation_reason=row.revocation_reason,
    )


def _take_number(connection: Connection, issuer: str) -> int:
    number = connection.execute(
        update(crl_numbers)
        .where(crl_numbers.c.issuer == issuer)
        .values(number=crl_numbers.c.number + 1)
        .returning(crl_numbers.c.number)
    ).scalar_one_or_none()
    if number is None:
        number = 1
        connection.execute(insert(crl_numbers).values(issuer=issuer, number=number))
    return int(number)


def _revoked(connection: Connection, issuer: str, now: datetime) -> tuple[Revocation, ...]:
    rows = connection.execute(
        select(certificates.c.serial, certificates.c.revoked_at, certificates.c.revocation_reason)
        .where(
            certificates.c.issuer == issuer,
            certificates.c.revoked_at.is_not(None),
            certificates.c.expires_at > now - KEEP_EXPIRED,
        )
        .order_by(certificates.c.revoked_at, certificates.c.serial)
    )
    return tuple(
        Revocation(serial=int(row.serial, 16), at=row.revoked_at, reason=row.revocation_reason)
        for row in rows
    )

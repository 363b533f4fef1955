"""Activations of signing keys: each is used once, and each piece of evidence lets signatures out once.

An activation is *burnt* before the key is touched and *released* before a signature leaves. What lies between may be
cut off by a crash: then nothing left, the activation stays burnt, and once it has expired the evidence is free for
another one. A released activation holds its evidence for good, and what left under it is kept for a while
(:mod:`~ekyc.storage.signing.released`).

A UNIQUE column decides, so that of any number of racing processes exactly one goes on, on every database.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from ekyc.errors import InputError
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import ActivationBurnt, ActivationReleased, Reference, drawn
from ekyc.storage.signing import released
from ekyc.storage.tables import activations

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ekyc.ports import Clock
    from ekyc.storage.evidence.log import EvidenceLog

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


class ActivationUsedError(InputError):
    """The activation cannot be used.

    Codes: ``activation.already_used`` (this very one was), ``activation.evidence_used`` (another one with the same
    evidence was, or is being used right now), ``activation.expired`` (too late to be used), ``activation.not_burnt``;
    of one that is recalled ``activation.pending`` (signatures may still leave), ``activation.not_released`` (none left, and
    none will), ``activation.not_kept`` (they left, and are kept no longer).
    """

    default_code: ClassVar[str] = "activation.already_used"


class ActivationStore:
    """The used activations. Safe across threads and processes."""

    def __init__(self, engine: Engine, *, log: EvidenceLog, clock: Clock, subject: str) -> None:
        self._engine = engine
        self._log = log
        self._clock = clock
        self._subject = subject

    def burn(
        self, jti: str, *, credential: str, evidence: str, hashes_digest: str, expires_at: datetime
    ) -> None:
        """Use an activation up. It is on disk before this returns.

        Args:
            jti: its identifier.
            credential: whose key is to sign.
            evidence: identifier of the decision that it rests on.
            hashes_digest: SHA-256 (hex) over what is to be signed, for the audit.
            expires_at: its end.

        Raises:
            ActivationUsedError: ``activation.already_used``, ``activation.evidence_used``, ``activation.expired``.
            InputError: a value is not of its form.
            StorageError, BusyError: the database failed; whether it is used up is then not known, and the key is not
                to be touched.
        """
        for name, value in (("jti", jti), ("credential", credential), ("evidence", evidence)):
            if not _NAME.match(value):
                raise InputError("not of the form that is kept", subject=name)
        if not _DIGEST.match(hashes_digest):
            raise InputError("not a SHA-256 in lower-case hexadecimal", subject="hashes_digest")
        with storage_errors(self._subject):
            try:
                with self._engine.begin() as connection:
                    now = self._clock.now()  # after the wait for the database, not before
                    if now >= expires_at:
                        raise ActivationUsedError("it has expired", code="activation.expired")
                    connection.execute(
                        update(activations)
                        .where(
                            activations.c.holds == evidence,
                            activations.c.released_at.is_(None),
                            activations.c.expires_at <= now,
                        )
                        .values(holds=None)
                    )
                    connection.execute(
                        insert(activations).values(
                            jti=jti,
                            credential=credential,
                            evidence=evidence,
                            holds=evidence,
                            hashes_digest=hashes_digest,
                            burnt_at=now,
                            expires_at=expires_at,
                        )
                    )
                    self._log.append(
                        connection,
                        ActivationBurnt(
                            activation=drawn("activation", jti),
                            credential=Reference(kind="key", text=credential),
                            evidence=drawn("evidence", evidence),
                            hashes=hashes_digest,
                        ),
                    )
            except IntegrityError as exc:
                raise self._refusal(jti) from exc

    def release(self, jti: str, *, sad_digest: str, signatures: Sequence[bytes]) -> None:
        """Record that signatures leave, and keep them. Nothing may leave before this returns, nor if it raises.

        Args:
            jti: of the activation.
            sad_digest: SHA-256 (hex) of the activation data as it was used.
            signatures: the values, in the order of the sorted hashes.

        Raises:
            ActivationUsedError: ``activation.not_burnt``: unknown, released before, or its evidence is no longer held.
            StorageError, BusyError: the database failed.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            credential = connection.execute(
                update(activations)
                .where(
                    activations.c.jti == jti,
                    activations.c.released_at.is_(None),
                    activations.c.holds.is_not(None),
                )
                .values(released_at=now)
                .returning(activations.c.credential)
            ).scalar_one_or_none()
            if credential is None:
                raise ActivationUsedError(
                    "no burnt activation waits for its release", code="activation.not_burnt"
                )
            released.keep(
                connection,
                jti,
                credential=credential,
                sad_digest=sad_digest,
                signatures=signatures,
                now=now,
            )
            self._log.append(connection, ActivationReleased(activation=drawn("activation", jti)))

    def recall(self, jti: str, *, sad_digest: str, expires_at: datetime) -> tuple[bytes, ...]:
        """What left by an activation, again.

        An activation that has expired without a release is given up here, so that of this call and a release that comes
        late exactly one holds.

        Args:
            jti: its identifier.
            sad_digest: SHA-256 (hex) of the activation data: of no other anything is given out.
            expires_at: its end.

        Returns:
            The values in the order of the sorted hashes, as they were kept.

        Raises:
            ActivationUsedError: ``activation.pending``, ``activation.not_released``, ``activation.not_kept``.
            StorageError, BusyError: the database failed.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            own = activations.c.jti == jti
            if now >= expires_at:
                connection.execute(
                    update(activations)
                    .where(own, activations.c.released_at.is_(None))
                    .values(holds=None)
                )
            left = connection.execute(select(activations.c.released_at).where(own)).scalar()
            found = released.kept(connection, jti, sad_digest=sad_digest, now=now)
        if left is None:
            code = "activation.pending" if now < expires_at else "activation.not_released"
            raise ActivationUsedError("no signature left by this activation", code=code)
        if found is None:
            raise ActivationUsedError("what left is kept no longer", code="activation.not_kept")
        return found

    def _refusal(self, jti: str) -> ActivationUsedError:
        with self._engine.begin() as connection:
            query = select(activations.c.jti).where(activations.c.jti == jti)
            known = connection.execute(query).one_or_none() is not None
        if known:
            return ActivationUsedError("the activation was used already")
        return ActivationUsedError(
            "the evidence was used, or is being used, by another activation",
            code="activation.evidence_used",
        )

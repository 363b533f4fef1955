"""Consents: that a citizen lets an agent act, as an artefact that can be shown and withdrawn, and is never deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from ekyc.storage.access.register import reference_to
from ekyc.storage.access.tables import clients, consents
from ekyc.storage.access.values import Consent, RegisterError
from ekyc.storage.drawn_ids import is_drawn_id
from ekyc.storage.errors import storage_errors
from ekyc.storage.evidence.events import ConsentGiven, ConsentWithdrawn, Reference

if TYPE_CHECKING:
    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog
    from ekyc.storage.webhooks.units import Units

CHANNELS: Final = ("counter", "portal", "app", "form", "sms", "recorded-call")
"""How a citizen may say so; there is no tacit one."""
MAX_CONSENT_LIFE: Final = timedelta(days=365)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_PURPOSE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_MOST_PURPOSES: Final = 20
_MOST_LISTED: Final = 200


class ConsentStore:
    """Records, reads and withdraws consents, each within its tenant. Safe across threads and processes."""

    def __init__(
        self, units: Units, *, log: EvidenceLog, clock: Clock, random: Random, subject: str
    ) -> None:
        self._engine, self._reading = units.writing, units.reading
        self._log = log
        self._clock = clock
        self._random = random
        self._subject = subject

    def record(
        self,
        tenant: str,
        *,
        citizen: str,
        agent: str,
        text_digest: str,
        purposes: Iterable[str],
        channel: str,
        actor: str,
        life: timedelta = timedelta(days=30),
        office: str | None = None,
    ) -> Consent:
        """Write a consent down.

        Args:
            tenant: where it counts.
            citizen: pseudonym, 64 hexadecimal digits.
            agent: client that may act.
            text_digest: SHA-256 (hex) of the text as it was shown.
            purposes: procedures, each named; there is no consent to everything.
            channel: one of :data:`CHANNELS`.
            actor: who records it: another one than the agent.
            life: at most a year.
            office: that records it; ``None``: the whole tenant's.

        Raises:
            RegisterError: not of this form; no such standing agent in the tenant; recorded by the agent itself.
        """
        wanted = frozenset(purposes)
        kept = {
            "citizen": _DIGEST.match(citizen),
            "text_digest": _DIGEST.match(text_digest),
            "purposes": 0 < len(wanted) <= _MOST_PURPOSES and all(map(_PURPOSE.match, wanted)),
            "channel": channel in CHANNELS,
            "actor": actor != agent and 0 < len(actor) <= 64,
            "life": timedelta(0) < life <= MAX_CONSENT_LIFE,
        }
        for name, holds in kept.items():
            if not holds:
                raise RegisterError("not of the form asked for", subject=name)
        now = self._clock.now()
        made = Consent(
            id=self._random.token_bytes(16).hex(),
            tenant=tenant,
            subject=citizen,
            client=agent,
            text_digest=text_digest,
            purposes=wanted,
            channel=channel,
            actor=actor,
            given_at=now,
            expires_at=now + life,
            office=office,
        )
        standing = select(clients.c.id).where(
            clients.c.id == agent,
            clients.c.tenant_id == tenant,
            clients.c.is_agent.is_(True),
            clients.c.ended_at.is_(None),
        )
        with storage_errors(self._subject), self._engine.begin() as connection:
            if connection.execute(standing).one_or_none() is None:
                raise RegisterError(
                    "there is no such agent", code="register.unknown", subject="agent"
                )
            connection.execute(
                insert(consents).values(
                    tenant_id=tenant,
                    id=made.id,
                    subject=citizen,
                    client_id=agent,
                    text_digest=text_digest,
                    purposes=json.dumps(sorted(wanted)),
                    channel=channel,
                    actor=actor,
                    given_at=now,
                    expires_at=made.expires_at,
                    office=office,
                )
            )
            self._log.append(connection, _given(made), tenant=tenant, office=office)
        return made

    def read(self, tenant: str, consent_id: str) -> Consent | None:
        """A consent, standing or not; ``None`` where the tenant has none of that id."""
        if not is_drawn_id(consent_id):
            return None
        query = select(consents).where(consents.c.tenant_id == tenant, consents.c.id == consent_id)
        with storage_errors(self._subject), self._reading.begin() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _consent(row)

    def of(self, tenant: str, citizen: str) -> tuple[Consent, ...]:
        """What a citizen consented to, the latest first, at most 200."""
        query = (
            select(consents)
            .where(consents.c.tenant_id == tenant, consents.c.subject == citizen)
            .order_by(consents.c.given_at.desc(), consents.c.id)
            .limit(_MOST_LISTED)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(_consent(row) for row in connection.execute(query))

    def withdraw(self, tenant: str, consent_id: str, *, by: str) -> Consent | None:
        """Withdraw a consent from now on; the first time counts. ``None`` where the tenant has none of that id."""
        which = (consents.c.tenant_id == tenant, consents.c.id == consent_id)
        ended = update(consents).where(*which, consents.c.withdrawn_at.is_(None))
        with storage_errors(self._subject), self._engine.begin() as connection:
            now = self._clock.now()
            changed = connection.execute(ended.values(withdrawn_at=now, withdrawn_by=by)).rowcount
            row = connection.execute(select(consents).where(*which)).one_or_none()
            if row is not None and changed:
                told = ConsentWithdrawn(consent=consent_id)
                self._log.append(connection, told, tenant=tenant, office=row.office)
        return None if row is None else _consent(row)

    def standing(self, tenant: str, consent_id: str, agent: str) -> Consent | None:
        """The consent, if it counts now and is this agent's."""
        found = self.read(tenant, consent_id)
        if found is None or found.client != agent or not stands(found, self._clock.now()):
            return None
        return found


def _given(consent: Consent) -> ConsentGiven:
    return ConsentGiven(
        consent=consent.id,
        text=consent.text_digest,
        channel=consent.channel,
        purposes=tuple(sorted(consent.purposes)),
        agent=reference_to(consent.client),
        subject=Reference(kind="citizen", text=consent.subject),
    )


def stands(consent: Consent, now: datetime) -> bool:
    """Whether a consent counts at a moment."""
    return consent.withdrawn_at is None and consent.given_at <= now < consent.expires_at


def _consent(row: Any) -> Consent:
    return Consent(
        id=row.id,
        tenant=row.tenant_id,
        subject=row.subject,
        client=row.client_id,
        text_digest=row.text_digest,
        purposes=frozenset(json.loads(row.purposes)),
        channel=row.channel,
        actor=row.actor,
        given_at=row.given_at,
        expires_at=row.expires_at,
        withdrawn_at=row.withdrawn_at,
        office=row.office,
    )

"""Consents by which agents act for citizens, in a group of a client.

::

    consent = ekyc.consents.record(
        citizen=pseudonym, agent="post-office", text=shown, purposes=("identity",), channel="counter"
    )
    ...  # the agent exchanges consent.id for a token that names the citizen
    ekyc.consents.withdraw(consent.id)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ekyc.client.calls import Operation, get, post
from ekyc.client.exchange import Call
from ekyc.client.tools import Do, DoAsync

_ROOT: Final = "/v1/consents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A citizen's word, on record. Whose it is, only who recorded it knows."""

    id: str
    """What the agent exchanges for a token (``subject_token``)."""
    agent: str
    text_digest: str
    """SHA-256 (hex) of the text that was shown."""
    purposes: tuple[str, ...]
    channel: str
    given_at: str
    expires_at: str
    withdrawn_at: str | None
    office: str | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Consent:
        """From its JSON."""
        named: dict[str, Any] = {name: body[name] for name in cls.__slots__}
        named["purposes"] = tuple(body["purposes"])
        return cls(**named)


class Consents:
    """Consents of citizens for agents."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def record(
        self,
        *,
        citizen: str,
        agent: str,
        text: bytes,
        purposes: tuple[str, ...],
        channel: str,
        idempotency_key: str | None = None,
        **members: Any,
    ) -> Consent:
        """Record what a citizen agreed to; never by the agent itself.

        Args:
            citizen: their pseudonym.
            agent: client id of whoever may act for them.
            text: the text that they were shown. Its SHA-256 is sent, it is not.
            purposes: ids of procedures; ``data-subject-requests``.
            channel: ``counter``, ``portal``, ``app``, ``form``, ``sms`` or ``recorded-call``.
            idempotency_key: of the request; drawn where there is none.
            members: ``days``, ``office``.
        """
        told = {"citizen": citizen, "agent": agent, "channel": channel, **members}
        return self._do(_recorded(told, text, purposes, idempotency_key))

    def get(self, consent_id: str) -> Consent:
        """One consent."""
        return self._do(get(f"{_ROOT}/{consent_id}", Consent.of))

    def withdraw(self, consent_id: str) -> Consent:
        """End it, for tokens in use too; the record stays."""
        return self._do(_withdrawn(consent_id))


class AsyncConsents:
    """As :class:`Consents`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def record(
        self,
        *,
        citizen: str,
        agent: str,
        text: bytes,
        purposes: tuple[str, ...],
        channel: str,
        idempotency_key: str | None = None,
        **members: Any,
    ) -> Consent:
        """As :meth:`Consents.record`."""
        told = {"citizen": citizen, "agent": agent, "channel": channel, **members}
        return await self._do(_recorded(told, text, purposes, idempotency_key))

    async def get(self, consent_id: str) -> Consent:
        """As :meth:`Consents.get`."""
        return await self._do(get(f"{_ROOT}/{consent_id}", Consent.of))

    async def withdraw(self, consent_id: str) -> Consent:
        """As :meth:`Consents.withdraw`."""
        return await self._do(_withdrawn(consent_id))


def _recorded(
    told: Mapping[str, Any], text: bytes, purposes: tuple[str, ...], key: str | None
) -> Operation[Consent]:
    digest = hashlib.sha256(text).hexdigest()
    body = {**told, "text_digest": digest, "purposes": list(purposes)}
    return post(_ROOT, Consent.of, key=key, body=body)


def _withdrawn(consent_id: str) -> Operation[Consent]:
    return Operation(call=Call(method="DELETE", path=f"{_ROOT}/{consent_id}"), read=Consent.of)

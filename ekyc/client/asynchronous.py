"""The client for an event loop: the same calls, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from ekyc.client import calls
from ekyc.client.batches import AsyncBatches
from ekyc.client.calls import Operation
from ekyc.client.captures import AsyncCaptures
from ekyc.client.case import AsyncPresence, AsyncResults, AsyncSignatures
from ekyc.client.case_calls import LivenessSession
from ekyc.client.chips import AsyncChips
from ekyc.client.consents import AsyncConsents
from ekyc.client.exchange import Call, Reply, RetryPolicy, Wait, exchange
from ekyc.client.factors import AsyncFactors
from ekyc.client.oversight import AsyncAudit, AsyncReports, AsyncRights
from ekyc.client.protections import AsyncProtections
from ekyc.client.tools import AsyncTools
from ekyc.client.transport import options, reply_of, request_of
from ekyc.client.values import (
    Artefact,
    CaptureToken,
    Check,
    Comparison,
    Decision,
    Dossier,
    Page,
    Procedure,
    Reason,
    Session,
    TimelineEntry,
)
from ekyc.client.webhooks import AsyncWebhooks

_T = TypeVar("_T")


class AsyncClient:
    """Calls one service, as :class:`~ekyc.client.Client` does. Lives in one event loop.

    Args:
        base_url: of the service; ``https``, or this machine.
        key: API key or access token; none for a service that asks for none.
        language: of the texts in errors, ``"vi"`` or ``"en"``.
        retries: when a call is sent again.
        transport: of httpx; the network by default.
        sleep: waits so many seconds.

    Every method raises :class:`~ekyc.client.ApiError` or :class:`~ekyc.client.UnreachableError`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        language: str = "vi",
        retries: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(transport=transport, **options(base_url, key, language))
        self._retries = retries or RetryPolicy()
        self._sleep = sleep
        self.audit = AsyncAudit(self._do)
        """The evidence log, for auditors."""
        self.batches = AsyncBatches(self._do)
        """Many cases at once."""
        self.reports = AsyncReports(self._do)
        """Counts by office."""
        self.rights = AsyncRights(self._do)
        """Requests of data subjects."""
        self.protections = AsyncProtections(self._do)
        """Restrictions of processing and legal holds."""
        self.captures = AsyncCaptures(self._do)
        """The telephone's side of one session."""
        self.chips = AsyncChips(self._do)
        """Readings of chips that a device relays."""
        self.consents = AsyncConsents(self._do)
        """Consents of citizens for agents."""
        self.presence = AsyncPresence(self._do)
        """Proofs that the chip and the person are there, now."""
        self.results = AsyncResults(self._do)
        """Results that are issued for final decisions."""
        self.signatures = AsyncSignatures(self._do)
        """Signatures of people who were verified."""
        self.factors = AsyncFactors(self._do)
        """Second factors for signing."""
        self.webhooks = AsyncWebhooks(self._do)
        """Who is told of events."""
        self.tools = AsyncTools(self._do)
        """Single questions, answered at once."""

    async def procedures(self) -> tuple[Procedure, ...]:
        """All procedures."""
        return await self._do(calls.get("/v1/procedures", calls.read_procedures))

    async def procedure(self, procedure_id: str) -> Procedure:
        """As :meth:`~ekyc.client.Client.procedure`."""
        return await self._do(calls.get(f"/v1/procedures/{procedure_id}", Procedure.of))

    async def reasons(self) -> Mapping[str, Reason]:
        """As :meth:`~ekyc.client.Client.reasons`."""
        return await self._do(calls.get("/v1/reasons", calls.read_reasons))

    async def create_dossier(
        self,
        procedure: str,
        *,
        reference: str | None = None,
        office: str | None = None,
        idempotency_key: str | None = None,
    ) -> Dossier:
        """Open a dossier."""
        body = {"procedure": procedure, "reference": reference, "office": office}
        return await self._do(
            calls.post("/v1/dossiers", Dossier.of, key=idempotency_key, body=body)
        )

    async def dossier(self, dossier_id: str) -> Dossier:
        """One dossier."""
        return await self._do(calls.get(f"/v1/dossiers/{dossier_id}", Dossier.of))

    async def timeline(self, dossier_id: str) -> tuple[TimelineEntry, ...]:
        """As :meth:`~ekyc.client.Client.timeline`."""
        return await self._do(calls.get(f"/v1/dossiers/{dossier_id}/timeline", calls.read_timeline))

    async def edit_dossier(self, dossier: Dossier, **changes: Any) -> Dossier:
        """Change ``reference``, ``office`` or ``state`` of a dossier as it was seen."""
        return await self._do(calls.edit(dossier, changes))

    def dossiers(self, **filters: str) -> AsyncIterator[Dossier]:
        """All dossiers that are visible, the newest first; filters are ``state``, ``procedure``, ``alert``."""
        return self._all("/v1/dossiers", Dossier.of, filters)

    async def create_session(
        self,
        *,
        procedure: str | None = None,
        dossier_id: str | None = None,
        idempotency_key: str | None = None,
        **members: Any,
    ) -> Session:
        """Make a verification session; ``members`` are ``office``, ``attempts``, ``lasts_s``, ``review_only``."""
        body = {"procedure": procedure, "dossier_id": dossier_id, **members}
        return await self._do(
            calls.post("/v1/sessions", Session.of, key=idempotency_key, body=body)
        )

    async def session(self, session_id: str) -> Session:
        """One session."""
        return await self._do(calls.get(f"/v1/sessions/{session_id}", Session.of))

    def sessions(self, **filters: str) -> AsyncIterator[Session]:
        """All sessions that are visible, the newest first; filters are ``state``, ``procedure``, ``dossier_id``."""
        return self._all("/v1/sessions", Session.of, filters)

    async def submit(
        self,
        session_id: str,
        case: Path,
        *,
        challenge_id: str | None = None,
        liveness: LivenessSession | None = None,
        wait_s: int = 0,
        idempotency_key: str | None = None,
    ) -> Session:
        """Submit a case folder; with ``wait_s``, at most 30, wait that long for the result.

        ``challenge_id`` is what the chip answered, ``liveness`` the finished test for a live person, ordered for this case.
        """
        return await self._do(
            calls.submission(
                session_id,
                case,
                challenge_id=challenge_id,
                liveness=None if liveness is None else liveness.as_part(),
                wait_s=wait_s,
                key=idempotency_key,
            )
        )

    async def settled(
        self, session_id: str, *, timeout_s: float = 60.0, every_s: float = 1.0
    ) -> Session:
        """The session when it is no longer being verified, or as it is after ``timeout_s``."""
        left_s = timeout_s
        session = await self.session(session_id)
        while session.state == "processing" and left_s > 0:
            await self._sleep(every_s)
            left_s -= every_s
            session = await self.session(session_id)
        return session

    async def link(
        self, session_id: str, kind: str, target: str, *, idempotency_key: str | None = None
    ) -> Session:
        """As :meth:`~ekyc.client.Client.link`."""
        return await self._do(calls.link(session_id, kind, target, key=idempotency_key))

    async def artefacts(self, session_id: str) -> tuple[Artefact, ...]:
        """As :meth:`~ekyc.client.Client.artefacts`."""
        path = f"/v1/sessions/{session_id}/artefacts"
        return await self._do(calls.get(path, calls.read_artefacts))

    async def artefact(self, session_id: str, artefact_id: str) -> bytes:
        """As :meth:`~ekyc.client.Client.artefact`."""
        path = f"/v1/sessions/{session_id}/artefacts/{artefact_id}"
        return await self._do(calls.digested_file(path))

    async def checks(self, session_id: str) -> tuple[Check, ...]:
        """The checks of the last attempt that was concluded."""
        return await self._do(calls.get(f"/v1/sessions/{session_id}/checks", calls.read_checks))

    async def compare(
        self,
        session_id: str,
        kind: str,
        first: Sequence[str],
        second: Sequence[str],
        *,
        idempotency_key: str | None = None,
    ) -> Comparison:
        """Hold artefacts of a session against each other: ``copy`` with its original, or ``face`` with one portrait."""
        asked = calls.comparison(session_id, kind, first, second, key=idempotency_key)
        return await self._do(asked)

    async def comparisons(self, session_id: str) -> tuple[Comparison, ...]:
        """All comparisons of a session, the oldest first."""
        path = f"/v1/sessions/{session_id}/comparisons"
        return await self._do(calls.get(path, calls.read_comparisons))

    async def decisions(self, session_id: str) -> tuple[Decision, ...]:
        """All decisions, the oldest first."""
        return await self._do(
            calls.get(f"/v1/sessions/{session_id}/decisions", calls.read_decisions)
        )

    async def decide(
        self,
        session: Session,
        outcome: str,
        *,
        reasons: tuple[str, ...] = (),
        idempotency_key: str | None = None,
    ) -> Session:
        """Decide a session as it was seen: ``approved``, ``rejected`` or ``resubmit``."""
        return await self._do(calls.decision(session, outcome, reasons, key=idempotency_key))

    async def capture_token(
        self, session_id: str, *, idempotency_key: str | None = None
    ) -> CaptureToken:
        """A token for the telephone that takes the pictures."""
        path = f"/v1/sessions/{session_id}/capture-tokens"
        return await self._do(calls.post(path, calls.read_token, key=idempotency_key))

    async def cancel(self, session_id: str, *, idempotency_key: str | None = None) -> Session:
        """Call a session off."""
        path = f"/v1/sessions/{session_id}/cancel"
        return await self._do(calls.post(path, Session.of, key=idempotency_key))

    async def redact(self, session_id: str, *, idempotency_key: str | None = None) -> Session:
        """Erase what the checks of a session found."""
        path = f"/v1/sessions/{session_id}/redact"
        return await self._do(calls.post(path, Session.of, key=idempotency_key))

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _all(
        self, path: str, read: Callable[[Any], _T], filters: dict[str, str]
    ) -> AsyncIterator[_T]:
        cursor: str | None = None
        while True:
            operation = calls.get(path, calls.page_of(read), limit=200, cursor=cursor, **filters)
            page: Page[_T] = await self._do(operation)
            for item in page.items:
                yield item
            if page.next is None:
                return
            cursor = page.next

    async def _do(self, operation: Operation[_T]) -> _T:
        steps = exchange(operation.call, self._retries)
        told: Reply | None = None
        try:
            step = next(steps)
            while True:
                if isinstance(step, Wait):
                    await self._sleep(step.seconds)
                    told = None
                else:
                    told = await self._send(operation.call)
                step = steps.send(told)
        except StopIteration as done:
            reply: Reply = done.value
            return operation.result(reply)

    async def _send(self, call: Call) -> Reply | None:
        try:
            return reply_of(await self._http.send(request_of(self._http, call)))
        except httpx.TransportError:
            return None

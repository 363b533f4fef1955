"""The client that waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from ekyc.client import calls
from ekyc.client.batches import Batches
from ekyc.client.calls import Operation
from ekyc.client.captures import Captures
from ekyc.client.case import Presence, Results, Signatures
from ekyc.client.case_calls import LivenessSession
from ekyc.client.chips import Chips
from ekyc.client.consents import Consents
from ekyc.client.exchange import Call, Reply, RetryPolicy, Wait, exchange
from ekyc.client.factors import Factors
from ekyc.client.oversight import Audit, Reports, Rights
from ekyc.client.protections import Protections
from ekyc.client.tools import Tools
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
from ekyc.client.webhooks import Webhooks

_T = TypeVar("_T")


class Client:
    """Calls one service. Safe across threads; close it, or use it as a context manager.

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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(transport=transport, **options(base_url, key, language))
        self._retries = retries or RetryPolicy()
        self._sleep = sleep
        self.audit = Audit(self._do)
        """The evidence log, for auditors."""
        self.batches = Batches(self._do)
        """Many cases at once."""
        self.reports = Reports(self._do)
        """Counts by office."""
        self.rights = Rights(self._do)
        """Requests of data subjects."""
        self.protections = Protections(self._do)
        """Restrictions of processing and legal holds."""
        self.captures = Captures(self._do)
        """The telephone's side of one session."""
        self.chips = Chips(self._do)
        """Readings of chips that a device relays."""
        self.consents = Consents(self._do)
        """Consents of citizens for agents."""
        self.presence = Presence(self._do)
        """Proofs that the chip and the person are there, now."""
        self.results = Results(self._do)
        """Results that are issued for final decisions."""
        self.signatures = Signatures(self._do)
        """Signatures of people who were verified."""
        self.factors = Factors(self._do)
        """Second factors for signing."""
        self.webhooks = Webhooks(self._do)
        """Who is told of events."""
        self.tools = Tools(self._do)
        """Single questions, answered at once."""

    def procedures(self) -> tuple[Procedure, ...]:
        """All procedures."""
        return self._do(calls.get("/v1/procedures", calls.read_procedures))

    def procedure(self, procedure_id: str) -> Procedure:
        """One procedure."""
        return self._do(calls.get(f"/v1/procedures/{procedure_id}", Procedure.of))

    def reasons(self) -> Mapping[str, Reason]:
        """All reason codes, each with its texts."""
        return self._do(calls.get("/v1/reasons", calls.read_reasons))

    def create_dossier(
        self,
        procedure: str,
        *,
        reference: str | None = None,
        office: str | None = None,
        idempotency_key: str | None = None,
    ) -> Dossier:
        """Open a dossier."""
        body = {"procedure": procedure, "reference": reference, "office": office}
        return self._do(calls.post("/v1/dossiers", Dossier.of, key=idempotency_key, body=body))

    def dossier(self, dossier_id: str) -> Dossier:
        """One dossier."""
        return self._do(calls.get(f"/v1/dossiers/{dossier_id}", Dossier.of))

    def timeline(self, dossier_id: str) -> tuple[TimelineEntry, ...]:
        """All that happened to a dossier and its sessions, and by whom."""
        return self._do(calls.get(f"/v1/dossiers/{dossier_id}/timeline", calls.read_timeline))

    def edit_dossier(self, dossier: Dossier, **changes: Any) -> Dossier:
        """Change ``reference``, ``office`` or ``state`` of a dossier as it was seen."""
        return self._do(calls.edit(dossier, changes))

    def dossiers(self, **filters: str) -> Iterator[Dossier]:
        """All dossiers that are visible, the newest first; filters are ``state``, ``procedure``, ``alert``."""
        return self._all("/v1/dossiers", Dossier.of, filters)

    def create_session(
        self,
        *,
        procedure: str | None = None,
        dossier_id: str | None = None,
        idempotency_key: str | None = None,
        **members: Any,
    ) -> Session:
        """Make a verification session; ``members`` are ``office``, ``attempts``, ``lasts_s``, ``review_only``."""
        body = {"procedure": procedure, "dossier_id": dossier_id, **members}
        return self._do(calls.post("/v1/sessions", Session.of, key=idempotency_key, body=body))

    def session(self, session_id: str) -> Session:
        """One session."""
        return self._do(calls.get(f"/v1/sessions/{session_id}", Session.of))

    def sessions(self, **filters: str) -> Iterator[Session]:
        """All sessions that are visible, the newest first; filters are ``state``, ``procedure``, ``dossier_id``."""
        return self._all("/v1/sessions", Session.of, filters)

    def submit(
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
        return self._do(
            calls.submission(
                session_id,
                case,
                challenge_id=challenge_id,
                liveness=None if liveness is None else liveness.as_part(),
                wait_s=wait_s,
                key=idempotency_key,
            )
        )

    def settled(self, session_id: str, *, timeout_s: float = 60.0, every_s: float = 1.0) -> Session:
        """The session when it is no longer being verified, or as it is after ``timeout_s``."""
        left_s = timeout_s
        session = self.session(session_id)
        while session.state == "processing" and left_s > 0:
            self._sleep(every_s)
            left_s -= every_s
            session = self.session(session_id)
        return session

    def link(
        self, session_id: str, kind: str, target: str, *, idempotency_key: str | None = None
    ) -> Session:
        """Name a ``chip-session`` or ``liveness-session`` as part of a session."""
        return self._do(calls.link(session_id, kind, target, key=idempotency_key))

    def artefacts(self, session_id: str) -> tuple[Artefact, ...]:
        """What was submitted, without names of files."""
        path = f"/v1/sessions/{session_id}/artefacts"
        return self._do(calls.get(path, calls.read_artefacts))

    def artefact(self, session_id: str, artefact_id: str) -> bytes:
        """One submitted file, held against its digest. Every look is logged."""
        path = f"/v1/sessions/{session_id}/artefacts/{artefact_id}"
        return self._do(calls.digested_file(path))

    def checks(self, session_id: str) -> tuple[Check, ...]:
        """The checks of the last attempt that was concluded."""
        return self._do(calls.get(f"/v1/sessions/{session_id}/checks", calls.read_checks))

    def compare(
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
        return self._do(asked)

    def comparisons(self, session_id: str) -> tuple[Comparison, ...]:
        """All comparisons of a session, the oldest first."""
        path = f"/v1/sessions/{session_id}/comparisons"
        return self._do(calls.get(path, calls.read_comparisons))

    def decisions(self, session_id: str) -> tuple[Decision, ...]:
        """All decisions, the oldest first."""
        return self._do(calls.get(f"/v1/sessions/{session_id}/decisions", calls.read_decisions))

    def decide(
        self,
        session: Session,
        outcome: str,
        *,
        reasons: tuple[str, ...] = (),
        idempotency_key: str | None = None,
    ) -> Session:
        """Decide a session as it was seen: ``approved``, ``rejected`` or ``resubmit``."""
        return self._do(calls.decision(session, outcome, reasons, key=idempotency_key))

    def capture_token(self, session_id: str, *, idempotency_key: str | None = None) -> CaptureToken:
        """A token for the telephone that takes the pictures."""
        path = f"/v1/sessions/{session_id}/capture-tokens"
        return self._do(calls.post(path, calls.read_token, key=idempotency_key))

    def cancel(self, session_id: str, *, idempotency_key: str | None = None) -> Session:
        """Call a session off."""
        path = f"/v1/sessions/{session_id}/cancel"
        return self._do(calls.post(path, Session.of, key=idempotency_key))

    def redact(self, session_id: str, *, idempotency_key: str | None = None) -> Session:
        """Erase what the checks of a session found."""
        path = f"/v1/sessions/{session_id}/redact"
        return self._do(calls.post(path, Session.of, key=idempotency_key))

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _all(self, path: str, read: Callable[[Any], _T], filters: dict[str, str]) -> Iterator[_T]:
        cursor: str | None = None
        while True:
            operation = calls.get(path, calls.page_of(read), limit=200, cursor=cursor, **filters)
            page: Page[_T] = self._do(operation)
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def _do(self, operation: Operation[_T]) -> _T:
        steps = exchange(operation.call, self._retries)
        told: Reply | None = None
        try:
            step = next(steps)
            while True:
                if isinstance(step, Wait):
                    self._sleep(step.seconds)
                    told = None
                else:
                    told = self._send(operation.call)
                step = steps.send(told)
        except StopIteration as done:
            reply: Reply = done.value
            return operation.result(reply)

    def _send(self, call: Call) -> Reply | None:
        try:
            return reply_of(self._http.send(request_of(self._http, call)))
        except httpx.TransportError:
            return None

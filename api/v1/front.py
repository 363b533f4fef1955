"""What the operations of resources work with, and how they ask it."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import anyio.to_thread
from fastapi import Depends, Request, Response

from ekyc.api.access import Principal, require
from ekyc.api.v1.notices import Notices
from ekyc.api.v1.once import Answer, Once
from ekyc.api.v1.rates import RateError, RateLimit, Rates
from ekyc.api.v1.wire import Cursors, add_headers
from ekyc.dossiers import WorkingCalendar
from ekyc.errors import BusyError
from ekyc.flows.clock_book import ClockBook

if TYPE_CHECKING:
    from ekyc.storage import DossierDesk, DossierUnit, SubmissionRun, Vault

_T = TypeVar("_T")
_CAPTURE: Final = "capture tokens"
_ONCE: Final = "idempotency digests"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLimits:
    """What resources may cost one process."""

    rate: RateLimit = field(default_factory=RateLimit)
    subscribers: int = 1000
    """Event streams and long polls at once."""
    heartbeat_s: float = 15.0
    """After which an event stream says that it lives, and looks by itself."""
    stream_s: float = 900.0
    """After which an event stream ends; its client comes again with Last-Event-ID."""
    wait_s: float = 30.0
    """Longest ``Prefer: wait``."""
    identified: timedelta = timedelta(hours=24)
    """How old a login may be that fetches an export, and at filing a verification that shows whose a request is."""
    processing: timedelta = timedelta(days=1)
    """After which a verification is given back, whoever works on it: nobody came back to carry it on."""
    lease: timedelta = timedelta(seconds=30)
    """For which a process has a submission without saying that it still works on it; then another one takes it up."""
    session: timedelta = timedelta(hours=24)
    """For which a session waits for its case, unless it is asked for otherwise."""
    capture: timedelta = timedelta(minutes=15)
    """For which a capture token is good."""
    capture_uses: int = 3
    """Submissions with one capture token."""


class ResourceFront:
    """Resources over a desk. Lives in one event loop.

    Args:
        desk: dossiers and sessions; its storage must be the verifier's own.
        vault: keeps what is submitted, sealed; without it nothing is kept, and officers see checks only.
        limits: bounds.
        calendar: of the offices, for clocks and deadlines; the shipped one by default.
        monotonic: seconds of a clock that never goes back, for rates.
    """

    def __init__(
        self,
        desk: DossierDesk,
        *,
        vault: Vault | None = None,
        limits: ResourceLimits | None = None,
        calendar: WorkingCalendar | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.desk = desk
        self.vault = vault
        self.clocks = ClockBook(calendar)
        self.calendar = self.clocks.calendar
        self.reports = anyio.CapacityLimiter(1)  # a thread for all reports together
        self.limits = limits or ResourceLimits()
        self.once = Once(desk.key.derive(_ONCE))
        self.cursors = Cursors(desk.key.derive("cursors"))
        self.rates = Rates(self.limits.rate, monotonic)
        self.notices = Notices(self.limits.subscribers)
        self._capture_secret = desk.key.derive(_CAPTURE)
        self._tasks: set[asyncio.Task[None]] | None = None
        self._held: set[SubmissionRun] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While verifications may be begun; at the end, those that run are waited for."""
        tasks: set[asyncio.Task[None]] = set()
        self._tasks = tasks
        try:
            yield
        finally:
            self._tasks = None
            await asyncio.gather(*tasks)

    @property
    def is_running(self) -> bool:
        """Whether verifications may be begun."""
        return self._tasks is not None

    @property
    def held(self) -> tuple[SubmissionRun, ...]:
        """Submissions that this process works on."""
        return tuple(self._held)

    @contextmanager
    def holding(self, run: SubmissionRun) -> Iterator[None]:
        """This process works on a submission during the block, and its lease is renewed.

        Whoever was slow for longer than a lease may meet itself: each claim of a submission is held for itself.
        """
        self._held.add(run)
        try:
            yield
        finally:
            self._held.remove(run)

    def require_running(self) -> None:
        """Return if a verification may be begun.

        Raises:
            BusyError: ``busy.ending``: the service is shutting down.
        """
        if self._tasks is None:
            raise BusyError("the service is ending", code="busy.ending")

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Have ``work`` carried out beside the requests.

        Raises:
            BusyError: as :meth:`require_running`.
        """
        if self._tasks is None:
            work.close()
            raise BusyError("the service is ending", code="busy.ending")
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def capture_digest(self, token: str) -> bytes:
        """What is kept of a capture token."""
        return hmac.digest(self._capture_secret, token.encode("utf-8", "surrogatepass"), "sha256")

    async def looking(self, tenant: str, work: Callable[[DossierUnit], _T]) -> _T:
        """Do ``work`` in a transaction that only reads."""

        def look() -> _T:
            with self.desk.looking(tenant) as unit:
                return work(unit)

        return await anyio.to_thread.run_sync(look)

    async def writing(self, tenant: str, work: Callable[[DossierUnit], _T]) -> _T:
        """Do ``work`` in a transaction."""

        def write() -> _T:
            with self.desk.writing(tenant) as unit:
                return work(unit)

        return await anyio.to_thread.run_sync(write)

    async def creating(
        self, request: Request, caller: Principal, work: Callable[[DossierUnit], Answer]
    ) -> Response:
        """Carry out a POST once; see :mod:`ekyc.api.v1.once`."""
        with self.once.working(request, client_of(caller)) as pending:
            claim = pending.claim(await request.body())
            answer, replayed = await self.writing(
                caller.tenant, lambda unit: claim.carry_out(unit, work)
            )
        return answer.response(replayed=replayed)


def front_of(request: Request) -> ResourceFront:
    """The front that this application was made with."""
    front: ResourceFront = request.app.state.resources
    return front


def once_of(request: Request) -> Once:
    """The keys that this process works on, whatever the operation is about."""
    once: Once = request.app.state.once
    return once


def client_of(caller: Principal) -> str:
    """Whose keys and rates a caller's are: an agent's by each consent, for another may give it less."""
    acting = "" if caller.act is None else f"{caller.act.subject}\0{caller.act.consent}"
    return f"{caller.tenant}\0{caller.kind}\0{caller.client or ''}\0{caller.subject}\0{acting}"


def allowed(scope: str) -> Any:
    """A dependency that lets through whoever has ``scope`` and does not ask too often, and is their principal."""

    async def limited(request: Request, caller: Principal = require(scope)) -> Principal:  # noqa: B008 - a closure's value cannot stand in an annotation
        count_request(request, client_of(caller))
        return caller

    return Depends(limited)


def count_request(request: Request, client: str) -> None:
    """Count a request of ``client``, and tell it what is left.

    Raises:
        RateError: none is.
    """
    rates: Rates = request.app.state.rates
    try:
        add_headers(request, rates.take(client))
    except RateError as error:
        add_headers(request, rates.headers_when_spent(error.wait_s))
        raise

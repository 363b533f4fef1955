"""Cases that were accepted are carried on, whatever becomes of the process that accepted them.

1. While a process works on cases it renews their leases, three times in each.
2. As often, and when it starts, it looks for cases whose lease has ended, and claims what it has room for.
3. A case that was begun before may be what ended its process: such cases are taken up one at a time.
4. A process that is ending claims nothing, and renews until what it works on is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from ekyc.api.v1.processing import Workshop, take_up
from ekyc.errors import EkycError, place_of

if TYPE_CHECKING:
    from ekyc.api.v1.front import ResourceFront
    from ekyc.storage import RunPlace, SubmissionRun

_LOG: Final = logging.getLogger("ekyc.api")
_AT_ONCE: Final = 100
_IN_EACH: Final = 3
"""Renewals in each lease."""


@asynccontextmanager
async def carrying(front: ResourceFront, workshop: Workshop) -> AsyncIterator[None]:
    """Leases are renewed, and what others left is taken up, during the block; the front runs inside it."""
    task = asyncio.get_running_loop().create_task(_Carrier(front, workshop).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Carrier:
    """One process's part in it."""

    def __init__(self, front: ResourceFront, workshop: Workshop) -> None:
        self._front = front
        self._workshop = workshop
        self._lease = front.limits.lease
        self._trying_again = False

    async def run(self) -> None:
        while True:
            for step in (self._renew, self._look):
                try:
                    await step()
                except EkycError as error:
                    _LOG.warning("submissions wait: %s", error.code)
                except Exception as error:  # noqa: BLE001 - a service outlives a defect; its text may say too much
                    _LOG.error("defect: %s at %s", type(error).__name__, place_of(error))
            await asyncio.sleep(self._lease.total_seconds() / _IN_EACH)

    async def _renew(self) -> None:
        if held := self._front.held:
            await anyio.to_thread.run_sync(self._front.desk.leases.renew, held, self._lease)

    async def _look(self) -> None:
        front = self._front
        if not front.is_running:
            return
        ended = await anyio.to_thread.run_sync(front.desk.leases.ended, self._lease, _AT_ONCE)
        for place in ended:
            if not self._may_take(place):
                continue
            run = await anyio.to_thread.run_sync(front.desk.leases.claim, place, self._lease)
            if run is not None:
                front.begin(self._again(run) if run.tries else take_up(front, self._workshop, run))
                await asyncio.sleep(0)  # with its first step it takes its place: only then the next

    def _may_take(self, place: RunPlace) -> bool:
        """Whether there is room for it, and whether this process can open it (3)."""
        if place.sealed and self._front.vault is None:
            return False
        return self._workshop.admission.has_room and not (place.tries and self._trying_again)

    async def _again(self, run: SubmissionRun) -> None:
        self._trying_again = True
        try:
            await take_up(self._front, self._workshop, run)
        finally:
            self._trying_again = False

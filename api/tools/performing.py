"""Work for somebody who waits: bounded in number and time, and called off when nobody waits any more.

1. Room is asked for before the body is read, so that refusal is cheap.
2. The work runs on a worker thread of :class:`~ekyc.api.admission.Admission`. While it waits for one it can be dropped at
   once. Once it runs no thread can be stopped: it ends at its next call of a model, or by itself, and keeps its place until
   then, because it keeps its processor.
3. It is called off when its time is over (``busy.deadline``) or the caller has gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from ekyc.errors import BusyError
from ekyc.inference import Cancellation

if TYPE_CHECKING:
    from fastapi import Request

    from ekyc.api.admission import Admission

_T = TypeVar("_T")
_Stop = Callable[[str], None]


async def performed(
    request: Request, admission: Admission, work: Callable[[], _T], *, within_s: float
) -> _T:
    """What ``work`` gives (2, 3). The body of ``request`` must have been read.

    Raises:
        BusyError: ``busy.queue_full``; ``busy.deadline``; ``busy.cancelled``: the caller has gone.
        EkycError: the work failed.
    """
    cancellation = Cancellation()
    done: list[_T] = []
    failed: list[Exception] = []
    stopped: list[str] = []
    async with anyio.create_task_group() as tasks:

        def stop(code: str) -> None:
            stopped.append(code)
            cancellation.cancel()
            tasks.cancel_scope.cancel()

        tasks.start_soon(_watch_caller, request.receive, stop)
        tasks.start_soon(_watch_clock, within_s, stop)
        try:
            done.append(await admission.run(lambda: _under(cancellation, work)))
        except Exception as error:  # noqa: BLE001 - raised again below: the task group would wrap it
            failed.append(error)
        tasks.cancel_scope.cancel()
    if stopped:
        raise BusyError("it was called off", code=stopped[0])
    if failed:
        raise failed[0]
    return done[0]


def _under(cancellation: Cancellation, work: Callable[[], _T]) -> _T:
    from ekyc.inference import inference_terms  # noqa: PLC0415 - loads onnxruntime

    with inference_terms(cancellation=cancellation):
        return work()


async def _watch_caller(receive: Callable[[], Awaitable[object]], stop: _Stop) -> None:
    while True:
        message = await receive()
        if isinstance(message, dict) and message["type"] == "http.disconnect":
            stop("busy.cancelled")
            return


async def _watch_clock(seconds: float, stop: _Stop) -> None:
    await anyio.sleep(seconds)
    stop("busy.deadline")

"""Rows of the suite ``service`` about waiting: sessions that nothing happens to, and who listens whether it does."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.benchmarks.service_client import Connection, request_bytes, session_request
from ekyc.benchmarks.service_process import Served, measured_service
from ekyc.benchmarks.work import spread_over_threads
from ekyc.errors import UpstreamError

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder

_CALLERS: Final = 4
_AT_ONCE: Final = 50
_FIRST_EVENT: Final = b"session.created"
_ASKED: Final = 100
_MIB_OF_GB: Final = 1e9 / 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleSize:
    """How much waits."""

    sessions: int
    streams: int
    watched_s: float


def measure_idle(recorder: Recorder, folder: Path, *, size: IdleSize) -> None:
    """Memory and processor time of a service with loaded models while sessions wait and streams are open."""
    with measured_service(folder, real=True) as served:
        recorder.exact("idle_rss_before_mib", served.memory_mib()["Rss"], n=1, unit="MiB")
        names = _make_sessions(recorder, served, size.sessions)
        asyncio.run(_listen(recorder, served, names[: size.streams], size.watched_s))


def _make_sessions(recorder: Recorder, served: Served, count: int) -> list[str]:
    def make(share: int) -> list[str]:
        with Connection(served.socket) as connection:
            return [_new_session(connection, served.key) for _ in range(share)]

    shares = [count // _CALLERS + (number < count % _CALLERS) for number in range(_CALLERS)]
    began = time.perf_counter()
    made = spread_over_threads(make, shares, threads=_CALLERS)
    lasted_s = time.perf_counter() - began
    recorder.exact("sessions_made_per_s", count / lasted_s, n=count, unit="1/s")
    return [name for names in made for name in names]


def _new_session(connection: Connection, key: str) -> str:
    answer = connection.send(session_request(key))
    answer.require(201)
    return str(answer.json()["id"])


async def _listen(recorder: Recorder, served: Served, names: list[str], watched_s: float) -> None:
    room = asyncio.Semaphore(_AT_ONCE)
    began = time.perf_counter()
    writers = await asyncio.gather(*(_subscribe(served, name, room) for name in names))
    recorder.exact("streams_opened_s", time.perf_counter() - began, n=len(names), unit="s")
    cpu_s, watched = served.cpu_s(), time.perf_counter()
    await asyncio.sleep(watched_s)
    lasted_s = time.perf_counter() - watched
    recorder.exact("idle_cpu_of_a_core", (served.cpu_s() - cpu_s) / lasted_s, n=1, unit="fraction")
    took_ms = await asyncio.to_thread(_ask_meanwhile, served, names[0])
    recorder.samples("request_beside_streams_p50_ms", took_ms, unit="ms")
    memory = served.memory_mib()
    recorder.exact("idle_rss_mib", memory["Rss"], n=len(names), unit="MiB")
    recorder.exact("idle_pss_mib", memory["Pss"], n=len(names), unit="MiB")
    recorder.must("idle_rss_mib", at_most=_MIB_OF_GB)
    for writer in writers:
        writer.transport.abort()


async def _subscribe(served: Served, name: str, room: asyncio.Semaphore) -> asyncio.StreamWriter:
    """An open stream that has told its first event. The rest is left unread."""
    async with room:
        reader, writer = await asyncio.open_unix_connection(served.socket)
        writer.write(request_bytes("GET", f"/v1/sessions/{name}/events", key=served.key))
        try:
            await reader.readuntil(_FIRST_EVENT)
        except asyncio.IncompleteReadError as exc:
            raise UpstreamError("a stream was refused", code="bench.service") from exc
        return writer


def _ask_meanwhile(served: Served, name: str) -> list[float]:
    request = request_bytes("GET", f"/v1/sessions/{name}", key=served.key)
    with Connection(served.socket) as connection:
        return [connection.send(request).took_s * 1000 for _ in range(_ASKED)]

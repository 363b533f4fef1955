"""Rows of the suite ``service`` about load: the installed models through the service and bare, and too much of it."""

from __future__ import annotations

import asyncio
import io
import random
import subprocess
import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ekyc.benchmarks.service_client import Answer, Connection, ask_anew, request_bytes
from ekyc.benchmarks.service_process import Served, measured_service
from ekyc.benchmarks.work import spread_over_threads
from ekyc.inference.policy import usable_cores

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder

_VERIFICATIONS: Final = "/v1/verifications"
_OVERLOAD: Final = 5
_TURNED_AWAY: Final = frozenset({429, 503})
_GONE: Final = 0
"""In place of a status: the service closed the connection without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSize:
    """How long it is measured."""

    blocks: int
    cases: int
    """In a block."""
    overload_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    case: Path
    request: bytes
    """The same case, as an upload."""
    workers: int


def measure_load(recorder: Recorder, folder: Path, *, size: LoadSize) -> None:
    """Throughput at saturation beside that of the bare pipeline, then the same under too much load."""
    workers = usable_cores()
    case = _sample_case(folder / "sample")
    state = folder / "state"
    state.mkdir(mode=0o700)
    with measured_service(state, real=True, workers=workers) as served:
        work = _Work(case=case, request=_upload(case, served.key), workers=workers)
        peak = _saturate(recorder, served, work, size)
        asyncio.run(_overload(recorder, served, work.request, peak, size))


def _saturate(recorder: Recorder, served: Served, work: _Work, size: LoadSize) -> float:
    """Verifications a second at the peak; both ways in turns, each block first every other time."""
    through, bare, ratios = [], [], []
    _one_block(served, work, work.workers)  # models and caches are warm from here on
    for block in range(size.blocks):
        turns = {}
        for way in ("through", "bare") if block % 2 else ("bare", "through"):
            cpu_s = served.cpu_s()
            if way == "through":
                wall_s = _one_block(served, work, size.cases)
            else:
                wall_s = served.order(folder=str(work.case), cases=size.cases)["wall_s"]
            turns[way] = size.cases / wall_s
            recorder.observe(
                step="saturation", way=way, wall_s=wall_s, cpu_s=served.cpu_s() - cpu_s
            )
        through.append(turns["through"])
        bare.append(turns["bare"])
        ratios.append(turns["through"] / turns["bare"])
    recorder.samples("saturation_per_s", through, unit="1/s")
    recorder.samples("bare_per_s", bare, unit="1/s")
    recorder.samples("saturation_of_bare", ratios, unit="fraction")
    recorder.must("saturation_of_bare", at_least=0.92)
    return sorted(through)[len(through) // 2]


def _one_block(served: Served, work: _Work, cases: int) -> float:
    """Seconds for so many verifications, with two callers for each worker: nobody waits for a request to arrive."""

    def send(_number: int) -> None:
        with Connection(served.socket) as connection:
            connection.send(work.request).require(200)

    began = time.perf_counter()
    spread_over_threads(send, range(cases), threads=2 * work.workers)
    return time.perf_counter() - began


async def _overload(
    recorder: Recorder, served: Served, request: bytes, peak: float, size: LoadSize
) -> None:
    """Five times the peak, at moments of a Poisson process; what is answered within the time counts."""
    generator = random.Random(recorder.seed)  # noqa: S311 -- moments of arrival, repeatable
    loop = asyncio.get_running_loop()
    began, at_s, asked = loop.time(), 0.0, []
    while at_s < size.overload_s:
        await asyncio.sleep(max(0.0, began + at_s - loop.time()))
        asked.append(asyncio.create_task(_asked(served.socket, request)))
        at_s += generator.expovariate(_OVERLOAD * peak)
    answers = await asyncio.gather(*asked)
    lasted_s = loop.time() - began
    counts = Counter(answer.status for answer in answers)
    refused_ms = [one.took_s * 1000 for one in answers if one.status in _TURNED_AWAY]
    others = len(answers) - counts[200] - len(refused_ms)
    recorder.exact("overload_goodput", counts[200] / lasted_s / peak, n=counts[200], unit="of peak")
    recorder.must("overload_goodput", at_least=0.85)
    recorder.exact("overload_otherwise_answered", others, n=len(answers), unit="requests")
    recorder.must("overload_otherwise_answered", at_most=0.0)
    recorder.rate("overload_refused", len(refused_ms), len(answers))
    if refused_ms:
        recorder.samples("overload_refusal_p50_ms", refused_ms, unit="ms")
        recorder.exact("overload_refusal_longest_ms", max(refused_ms), n=len(refused_ms), unit="ms")
    recorder.observe(step="overload", peak_per_s=peak, lasted_s=lasted_s, counts=dict(counts))


async def _asked(path: Path, request: bytes) -> Answer:
    try:
        return await ask_anew(path, request)
    except (OSError, asyncio.IncompleteReadError):
        return Answer(status=_GONE, body=b"", took_s=0.0)


def _sample_case(folder: Path) -> Path:
    """The case of ``ekyc demo``."""
    subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "ekyc.cli", "demo", "--out", str(folder), "--json"],
        check=True,
        capture_output=True,
    )
    return folder / "case"


def _upload(case: Path, key: str) -> bytes:
    """The case as one archive, stored: unpacking is not what is measured."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(case.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(case))
    boundary = uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="archive"; filename="case.zip"\r\n\r\n'
    body = head.encode() + packed.getvalue() + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    return request_bytes("POST", _VERIFICATIONS, body=body, key=key, headers={"Content-Type": kind})

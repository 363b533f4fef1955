"""Suite ``service``: what the service costs beside its pipeline, and what it does when it is asked for too much.

The service is a process of its own on a Unix socket, as behind a proxy, and every request carries an API key, which is looked up
in the database. Wall time is that of the client; processor time is that of the service, as the system counts it.

1. *Beside the pipeline*: tools that are given 100 kB and find nothing to do; the rest is the service. And what a trace costs.
2. *Beside the commit* (:mod:`.service_stored`): a request that is stored, in turns with commits as large; on PostgreSQL too
   where one is given.
3. *Saturation* (:mod:`.service_load`): the installed models through the service and without it, in turns within one process.
4. *Overload*: five times as much as was answered at the peak, at random moments.
5. *Memory* (:mod:`.service_idle`): sessions that wait and event streams that are open.
6. *Start* of ``ekyc serve`` until ``/readyz`` says yes.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ekyc.benchmarks.service_client import Connection, collector, request_bytes
from ekyc.benchmarks.service_idle import IdleSize, measure_idle
from ekyc.benchmarks.service_load import LoadSize, measure_load
from ekyc.benchmarks.service_process import Served, measured_service, whole_service
from ekyc.benchmarks.service_stored import measure_stored, percentile_99

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder, RunOptions

TOOL: Final = "/v1/tools/chip-inspections"
UPLOAD: Final = "/v1/tools/document-readings"
_BODY_BYTES: Final = 100_000
_JSON: Final = {"Content-Type": "application/json"}
_ALIVE: Final = request_bytes("GET", "/livez")
_WARM_UP: Final = 50
_TURNS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    requests: int
    stored: int
    starts: int
    load: LoadSize
    idle: IdleSize


_FULL: Final = _Size(
    requests=2000,
    stored=400,
    starts=5,
    load=LoadSize(blocks=5, cases=6, overload_s=90.0),
    idle=IdleSize(sessions=10_000, streams=1000, watched_s=40.0),
)
_QUICK: Final = _Size(
    requests=60,
    stored=20,
    starts=1,
    load=LoadSize(blocks=1, cases=2, overload_s=4.0),
    idle=IdleSize(sessions=40, streams=20, watched_s=1.0),
)


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions; takes the installed models."""
    size = _QUICK if options.quick else _FULL
    steps = (
        ("beside the pipeline", partial(_measure_tools, count=size.requests)),
        ("traces", partial(_measure_traces, count=size.requests)),
        (
            "beside the commit",
            partial(measure_stored, count=size.stored, database=options.database),
        ),
        ("start", partial(_measure_start, count=size.starts)),
        ("saturation and overload", partial(measure_load, size=size.load)),
        ("idle sessions and streams", partial(measure_idle, size=size.idle)),
    )
    for done, (what, measure) in enumerate(steps):
        recorder.progress(what, done, len(steps))
        with tempfile.TemporaryDirectory(prefix="ekyc-bench-") as folder:
            measure(recorder, Path(folder))


def tool_request(served: Served) -> bytes:
    """100 kB in which there is nothing to inspect: no EF.SOD."""
    frame = len('{"files":{"EF.DG2":""}}')
    content = base64.b64encode(bytes((_BODY_BYTES - frame) * 3 // 4)).decode()
    body = json.dumps({"files": {"EF.DG2": content}}, separators=(",", ":")).encode()
    return request_bytes("POST", TOOL, body=body, key=served.key, headers=_JSON)


def upload_request(served: Served) -> bytes:
    """100 kB of a picture for a tool that does not look at it."""
    boundary = uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="pages"; filename="a.jpg"\r\n\r\n'
    body = head.encode() + b"\xff\xd8\xff" + bytes(_BODY_BYTES) + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    return request_bytes("POST", UPLOAD, body=body, key=served.key, headers={"Content-Type": kind})


def _measure_tools(recorder: Recorder, folder: Path, *, count: int) -> None:
    with measured_service(folder) as served, Connection(served.socket) as connection:
        asked = {"livez": _ALIVE, "tools": tool_request(served), "uploads": upload_request(served)}
        for name, request in asked.items():
            took_ms, cpu_ms = _answered(served, connection, request, count)
            recorder.samples(f"{name}_p50_ms", took_ms, unit="ms")
            recorder.samples(f"{name}_p99_ms", took_ms, unit="ms", statistic=percentile_99)
            recorder.exact(f"{name}_cpu_ms", cpu_ms, n=count, unit="ms")
            recorder.observe(step=name, took_ms=[round(took, 3) for took in took_ms])
    for name in ("tools", "uploads"):
        recorder.must(f"{name}_p50_ms", at_most=4.0)
        recorder.must(f"{name}_p99_ms", at_most=20.0)


def _measure_traces(recorder: Recorder, folder: Path, *, count: int) -> None:
    """What a span costs: the smallest request with traces and without, in turns."""
    with collector() as address:
        costs_us = []
        for number in range(_TURNS):
            cpu_ms = {}
            for way in ("", address) if number % 2 else (address, ""):
                home = folder / f"{number}-{bool(way)}"
                home.mkdir(mode=0o700)
                with (
                    measured_service(home, traces=way) as served,
                    Connection(served.socket) as connection,
                ):
                    _, cpu_ms[way] = _answered(served, connection, _ALIVE, count)
            costs_us.append((cpu_ms[address] - cpu_ms[""]) * 1000)
    recorder.samples("traces_cost_us", costs_us, unit="us")


def _answered(
    served: Served, connection: Connection, request: bytes, count: int
) -> tuple[list[float], float]:
    """How long each of ``count`` answers took, and the processor time of the service for one, in milliseconds."""
    for _ in range(_WARM_UP):
        connection.send(request).require(200)
    cpu_s, took_ms = served.cpu_s(), []
    for _ in range(count):
        answer = connection.send(request)
        answer.require(200)
        took_ms.append(answer.took_s * 1000)
    return took_ms, (served.cpu_s() - cpu_s) * 1000 / count


def _measure_start(recorder: Recorder, folder: Path, *, count: int) -> None:
    walls_s, cpus_s, memory = [], [], []
    for number in range(count + 1):
        home = folder / str(number)
        home.mkdir(mode=0o700)
        began = time.perf_counter()
        with whole_service(home) as served:
            wall_s = time.perf_counter() - began
            if number > 0:  # the first reads everything from the disk
                walls_s.append(wall_s)
                cpus_s.append(served.cpu_s())
                memory.append(served.memory_mib()["Rss"])
    recorder.samples("start_s", walls_s, unit="s")
    recorder.samples("start_cpu_s", cpus_s, unit="s")
    recorder.samples("start_rss_mib", memory, unit="MiB")
    recorder.must("start_s", at_most=4.0)

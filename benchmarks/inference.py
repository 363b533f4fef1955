"""Suite ``inference``: does the batcher keep every answer, and what does it cost?

1. *Same answers.* Items of several shapes go through each model's batcher from many threads at once, with batches
   forced to form; each answer is held against the bare session's answer for that item alone.
2. *Overhead.* A model that does nothing, through the engine's door and through the bare session; the difference is
   what a request pays, alone and with many threads.
3. *Throughput.* The face embedder through the engine and through a bare onnxruntime session, same threads (as many
   as cores, then four times as many), short turns in alternation within one run, so that a busy machine troubles
   both alike. And the bare session at batch sizes 1, 2 and 4: the ground for the CPU policy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from ekyc.benchmarks.work import spread_over_threads
from ekyc.inference import BatchPolicy, ModelRegistry, ModelStore, RegistryEntry
from ekyc.inference.engine import EngineModel
from ekyc.inference.parity import difference, random_items
from ekyc.inference.policy import usable_cores
from ekyc.inference.session import Session, open_graph

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder, RunOptions
    from ekyc.values import FloatArray

EMBEDDER = "sface-2021dec"
TOLERANCE = 1e-5
"""Largest relative difference at which a batched answer counts as the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    items_per_shape: int
    calls: int
    rounds: int
    images: int
    turns: int
    turn_images: int


_FULL = _Size(items_per_shape=8, calls=2000, rounds=15, images=24, turns=60, turn_images=8)
_QUICK = _Size(items_per_shape=3, calls=100, rounds=2, images=2, turns=2, turn_images=2)


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions with the installed models."""
    size = _QUICK if options.quick else _FULL
    store = ModelStore()
    entries = [entry for entry in store.registry.select(None) if entry.kind == "model"]
    for done, entry in enumerate(entries):
        recorder.progress(f"same answers: {entry.id}", done, len(entries) + 4)
        recorder.uses(entry)
        _same_answers(recorder, entry, store.require(entry.id).read(), size)
    recorder.progress("overhead", len(entries), len(entries) + 4)
    _overhead(recorder, size)
    embedder, content = store.registry[EMBEDDER], store.require(EMBEDDER).read()
    cores = usable_cores()
    for done, (name, threads) in enumerate(
        (("throughput", cores), ("crowded_throughput", 4 * cores)), len(entries) + 1
    ):
        recorder.progress(name.replace("_", " "), done, len(entries) + 4)
        _throughput(recorder, embedder, content, size, threads=threads, name=name)
    recorder.progress("batch sizes", len(entries) + 3, len(entries) + 4)
    _batch_sizes(recorder, embedder, content, size)
    recorder.progress("done", len(entries) + 4, len(entries) + 4)


def _same_answers(recorder: Recorder, entry: RegistryEntry, content: bytes, size: _Size) -> None:
    session = Session(entry, content)
    batches: list[int] = []

    def counting(batch: FloatArray) -> Sequence[FloatArray]:
        batches.append(len(batch))
        return session.run(batch)

    policy = BatchPolicy(max_batch=4, workers=1)
    model = EngineModel(entry, counting, policy)
    items = [
        item
        for shape in entry.parity_shapes
        for item in random_items(entry, shape, size.items_per_shape)
    ]
    together = spread_over_threads(model.infer, items, threads=8)
    worst = 0.0
    for item, outputs in zip(items, together, strict=True):
        alone = session.run(item[np.newaxis])
        for spec, found, wanted in zip(entry.outputs, outputs, alone, strict=True):
            worst = max(worst, difference(found, wanted.squeeze(spec.batch_axis)))
    recorder.observe(step="same_answers", model=entry.id, difference=worst, batches=batches)
    recorder.exact(f"difference.{entry.id}", worst, n=len(items), unit="relative")
    recorder.exact(f"largest_batch.{entry.id}", max(batches), n=len(batches), unit="items")


def _overhead(recorder: Recorder, size: _Size) -> None:
    entry, content = noop_model()
    session = Session(entry, content)
    item = np.zeros((4,), dtype=np.float32)
    model = EngineModel(entry, session.run, BatchPolicy())

    def bare() -> object:
        return session.run(item[np.newaxis])

    def through() -> object:
        return model.infer(item)

    alone = _paired_overhead_us(bare, through, calls=size.calls, rounds=size.rounds, threads=1)
    recorder.samples("overhead.one_thread", alone, unit="us")
    crowd = _paired_overhead_us(bare, through, calls=size.calls, rounds=size.rounds, threads=16)
    recorder.samples("overhead.sixteen_threads", crowd, unit="us")
    recorder.observe(step="overhead", one_thread_us=alone, sixteen_threads_us=crowd)


def _paired_overhead_us(
    bare: Callable[[], object],
    through: Callable[[], object],
    *,
    calls: int,
    rounds: int,
    threads: int,
) -> list[float]:
    """Wall time per request through the engine minus the bare session's, microseconds, one value a round."""
    differences = []
    for _ in range(rounds):
        without = _seconds(bare, calls, threads)
        within = _seconds(through, calls, threads)
        differences.append((within - without) / calls * 1e6)
    return differences


def _throughput(
    recorder: Recorder,
    entry: RegistryEntry,
    content: bytes,
    size: _Size,
    *,
    threads: int,
    name: str,
) -> None:
    """Many short turns in alternation: what else the machine does meanwhile troubles both alike."""
    items = random_items(entry, entry.parity_shapes[0], 4)
    bare_session: Any = open_graph(content, subject=entry.id)
    assert entry.input is not None  # a model
    input_name = entry.input.name
    model = EngineModel(entry, Session(entry, content).run, BatchPolicy())

    def bare() -> object:
        return bare_session.run(None, {input_name: items[:1]})

    def through() -> object:
        return model.infer(items[0])

    images = max(threads, size.turn_images)
    _seconds(bare, threads, threads)
    _seconds(through, threads, threads)
    ours, theirs = [], []
    for number in range(size.turns):
        order = (through, bare) if number % 2 else (bare, through)
        rates = {call: images / _seconds(call, images, threads) for call in order}
        ours.append(rates[through])
        theirs.append(rates[bare])
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    recorder.samples(f"{name}.rate", ours, unit="images/s")
    recorder.samples(f"{name}.rate", theirs, unit="images/s", peer="onnxruntime")
    recorder.samples(f"{name}.ratio", ratios, unit="fraction")
    recorder.observe(step=name, threads=threads, ours=ours, onnxruntime=theirs)


def _batch_sizes(recorder: Recorder, entry: RegistryEntry, content: bytes, size: _Size) -> None:
    session = Session(entry, content)
    items = random_items(entry, entry.parity_shapes[0], 4)
    rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for _ in range(size.rounds):
        for count, found in rates.items():
            calls = max(1, size.images // count)

            def together(batch: FloatArray = items[:count]) -> object:
                return session.run(batch)

            found.append(calls * count / _seconds(together, calls, threads=1))
    for count, found in rates.items():
        recorder.samples(f"one_thread_rate.batch_{count}", found, unit="images/s")
    recorder.observe(step="batch_sizes", rates={str(count): r for count, r in rates.items()})


def _seconds(call: Callable[[], object], calls: int, threads: int) -> float:
    """Wall time of ``calls`` calls shared by the threads; threads are started and gathered before the clock."""
    share = [calls // threads + (index < calls % threads) for index in range(threads)]
    if threads == 1:
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        return time.perf_counter() - begin
    ready = threading.Barrier(threads + 1)

    def work(count: int) -> None:
        ready.wait()
        for _ in range(count):
            call()

    crew = [threading.Thread(target=work, args=(count,)) for count in share]
    for thread in crew:
        thread.start()
    ready.wait()
    begin = time.perf_counter()
    for thread in crew:
        thread.join()
    return time.perf_counter() - begin


def noop_model() -> tuple[RegistryEntry, bytes]:
    """A model that gives its input back, with a registry entry."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "noop",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return ModelRegistry.parse(_NOOP_ENTRY, name="noop")["noop"], model.SerializeToString()


_NOOP_ENTRY = """
[noop]
kind = "model"
title = "gives its input back"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
size = 1
licence_code = "none"
licence_weights = "none"
training_data = "none"
disclosed = true
source = { registry = "pypi", package = "none", version = "0", path = "none" }
input = { name = "x", shape = [4], dtype = "float32", channel_order = "RGB", value_range = [0.0, 1.0] }
outputs = [{ name = "y", shape = [4], meaning = "the input" }]
card = { purpose = "measures the engine", measured = "nothing", limits = "does nothing" }
"""

"""Suite ``face-speed``: what does the pipeline cost per face beyond its bare models?

Pictures of the London set, one thread, processor time. A picture goes through the whole pipeline; then the same three
models are run one after the other on inputs of the same shapes, made beforehand. Both in turn, picture by picture, so
that a machine that slows down slows both. The time of each model by itself is given too: alone in a loop it finds its
weights in the cache, so these add up to less.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.face_material import Pictured, london
from ekyc.face import FacePipeline
from ekyc.inference import Engine

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.inference import EngineModel
    from ekyc.values import BgrImage

_PICTURES, _QUICK_PICTURES = 40, 6
_ROUNDS: Final = 5
_DETECTOR_LONG_SIDE_PX: Final = 480


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's question with the installed models."""
    assert options.data is not None  # the runner has seen to it
    count = _QUICK_PICTURES if options.quick else _PICTURES
    pictures = list(london(recorder, options.data / "faces/london", quick=options.quick))[:count]
    with Engine.open(ids=FacePipeline.MODELS) as engine:
        for model in FacePipeline.MODELS:
            recorder.uses(engine.store.registry[model])
        pipeline = FacePipeline.over(engine)
        models = [engine.model(model) for model in FacePipeline.MODELS]
        _compare(recorder, pictures, pipeline, models)


def _compare(
    recorder: Recorder,
    pictures: list[Pictured],
    pipeline: FacePipeline,
    models: list[EngineModel],
) -> None:
    whole: list[float] = []
    bare: list[float] = []
    parts: dict[str, list[float]] = {model.id: [] for model in models}
    for picture in pictures:
        runs = [_alone(model, picture.image) for model in models]
        whole.append(_least_ms(partial(pipeline.get, picture.image, max_num=1)))
        bare.append(_least_ms(partial(_in_turn, runs)))
        for model, alone in zip(models, runs, strict=True):
            parts[model.id].append(_least_ms(alone))
    recorder.samples("cpu_per_face.pipeline", whole, unit="ms")
    recorder.samples("cpu_per_face.bare_models", bare, unit="ms")
    for name, values in parts.items():
        recorder.samples(f"cpu_per_face.{name}", values, unit="ms")
    ratios = [a / b for a, b in zip(whole, bare, strict=True)]
    recorder.samples("cpu_per_face.pipeline_over_bare", ratios, unit="ratio")
    recorder.must("cpu_per_face.pipeline_over_bare", at_most=1.15)


def _in_turn(runs: list[Callable[[], object]]) -> None:
    for run_model in runs:
        run_model()


def _alone(model: EngineModel, image: BgrImage) -> Callable[[], object]:
    """One run of a model on an input of the shape that the pipeline gives it for this picture."""
    assert model.entry.input is not None
    height, width = image.shape[:2]
    scale = min(1.0, _DETECTOR_LONG_SIDE_PX / max(height, width))
    free = {"H": round(height * scale), "W": round(width * scale)}
    shape = tuple(
        size if isinstance(size, int) else -(-free[size] // 32) * 32
        for size in model.entry.input.shape
    )
    low, high = model.entry.input.value_range
    item = np.random.default_rng(1).uniform(low, high, shape).astype(np.float32)
    return lambda: model.infer(item)


def _least_ms(work: Callable[[], object]) -> float:
    """Least processor time of this thread over some rounds, in milliseconds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.thread_time()
        work()
        best = min(best, (time.thread_time() - started) * 1000)
    return best

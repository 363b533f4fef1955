"""Suite ``ocr-pages``: is a page read however it is handed in, and what cannot be read called unreadable?

1. *Corners.* Pages of five forms, some with a printed frame, on wood, cloth, stone, tiles, clutter, white on white, under
   fingers and shadows, beside other papers. Found with an intersection over union above 0.95; wrongly cut out below 0.9;
   the rest is refused, and the whole picture is read.
2. *Ways.* Birth certificates scanned upright, turned by right angles and by any angle, and photographed on surfaces: is the
   direction found, and how many fields are exact?
3. *Cost.* CPU milliseconds of one thread for bringing an upright scan upright, beyond reading it.

All material is generated; it shows what breaks, not what paper and telephones do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.card_scenes import SceneKind, make_scene
from ekyc.benchmarks.corner_scores import measure_corners
from ekyc.benchmarks.page_scenes import (
    SURFACE_NAMES,
    Certificate,
    any_page,
    askew_scan,
    invented_certificate,
    photograph,
    turned_scan,
)
from ekyc.imaging.document_sight import DocumentShape
from ekyc.inference import Engine
from ekyc.ocr import view_page
from ekyc.ocr.documents import interpret_document
from ekyc.ocr.engines import READING_MODELS, open_reader

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.ocr import Reader
    from ekyc.values import BgrImage

_LEAST_FOUND: Final = 0.95
_LEAST_EXACT: Final = 0.97
_LEAST_EXACT_PHOTO: Final = 0.95
_WAYS: Final = ("scan", "scan-90", "scan-180", "scan-270", "askew", "photo")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    scenes: int
    pages: int
    """Of each way."""


_FULL = _Size(scenes=200, pages=20)
_QUICK = _Size(scenes=11, pages=1)


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions with the installed models."""
    size = _QUICK if options.quick else _FULL
    pages = options.pages or size.pages
    random = np.random.default_rng(recorder.seed)
    _corners(recorder, size.scenes, random)
    with Engine.open(ids=READING_MODELS) as engine:
        for model_id in READING_MODELS:
            recorder.uses(engine.store.registry[model_id])
        _ways(recorder, open_reader(engine, workers=1), pages, random)
    recorder.must("corners.found", at_least=_LEAST_FOUND)
    recorder.must("corners.wrong", at_most=0.0)
    recorder.must("fields_exact.scan", at_least=_LEAST_EXACT)
    recorder.must("fields_exact.photo", at_least=_LEAST_EXACT_PHOTO)


def _corners(recorder: Recorder, count: int, random: np.random.Generator) -> None:
    kinds = list(SceneKind)
    scenes = (
        make_scene(any_page(random), kinds[done % len(kinds)], random) for done in range(count)
    )
    shaped = ((scene, DocumentShape.PAGE) for scene in scenes)
    measure_corners(recorder, shaped, count, wrong="corners.wrong")


def _ways(recorder: Recorder, reader: Reader, count: int, random: np.random.Generator) -> None:
    extra = list[float]()
    for way in _WAYS:
        exact = total = upright = 0
        for done in range(count):
            recorder.progress(f"read, {way}", done, count)
            certificate = invented_certificate(random)
            picture = _handed_in(certificate, way, done, random)
            started = time.process_time()
            view = view_page(picture, reader)
            seen = time.process_time()
            if way == "scan":
                reader.read_page(picture)
                extra.append((2 * seen - started - time.process_time()) * 1000)
            document = interpret_document((view.reading,))
            read = {field.name: field.value.reveal() for field in document.fields}
            wrong = sorted(k for k, value in certificate.fields.items() if read.get(k) != value)
            total += len(certificate.fields)
            exact += len(certificate.fields) - len(wrong)
            upright += document.kind == "birth-certificate"
            recorder.observe(
                step="read",
                way=way,
                turned_deg=round(view.turned_deg, 1),
                outline=None if view.search is None else view.search.document is not None,
                kind=document.kind,
                wrong=wrong,
            )
        recorder.rate(f"direction_found.{way}", upright, count)
        recorder.rate(f"fields_exact.{way}", exact, total)
    recorder.samples("upright.extra_cpu", extra, unit="ms", statistic=np.median)


def _handed_in(
    certificate: Certificate, way: str, done: int, random: np.random.Generator
) -> BgrImage:
    if way == "photo":
        surface = SURFACE_NAMES[done % len(SURFACE_NAMES)]
        return photograph(certificate.page, surface, random)
    if way == "askew":
        return askew_scan(certificate.page, random)
    quarters = _WAYS.index(way)
    return turned_scan(certificate.page, quarters, random)

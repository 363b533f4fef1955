"""How well a document's corners are found in scenes whose corners are known."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.document_corners import find_document
from ekyc.imaging.document_sight import DocumentShape
from ekyc.imaging.geometry import overlap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.benchmarks.card_scenes import Scene
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.values import QuadPx

_FOUND: Final = 0.95
_WRONG: Final = 0.9


def measure_corners(
    recorder: Recorder, scenes: Iterable[tuple[Scene, DocumentShape]], count: int, *, wrong: str
) -> None:
    """Record rates and cost.

    Args:
        recorder: takes ``corners.found``, of an intersection over union above 0.95; the rate named by ``wrong``, below
            0.9; ``corners.refused``, where nothing was found; and ``corners.cpu``, milliseconds of one thread.
        scenes: each with the shape that is looked for.
        count: how many they are.
        wrong: name of a rate.
    """
    found = mistaken = refused = 0
    milliseconds = list[float]()
    for number, (scene, shape) in enumerate(scenes):
        recorder.progress("corners", number, count)
        started = time.process_time()
        search = find_document(scene.image, shape)
        milliseconds.append((time.process_time() - started) * 1000)
        quad = search.document.quad if search.document is not None else None
        iou = None if quad is None else overlap(_corners_of(quad), _corners_of(scene.quad))
        refused += iou is None
        found += iou is not None and iou > _FOUND
        mistaken += iou is not None and iou < _WRONG
        is_page = shape is DocumentShape.PAGE
        recorder.observe(step="corners", kind=scene.kind.value, page=is_page, iou=iou)
    recorder.rate("corners.found", found, count)
    recorder.rate(wrong, mistaken, count)
    recorder.rate("corners.refused", refused, count)
    recorder.samples("corners.cpu", milliseconds, unit="ms", statistic=np.mean)


def _corners_of(quad: QuadPx) -> NDArray[np.float64]:
    return np.array([(p.x, p.y) for p in quad.corners])

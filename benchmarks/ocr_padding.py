"""Lines in batches: whether company changes what our net reads, and what it costs or saves."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.illumination import normalise_line
from ekyc.inference.session import Session
from ekyc.ocr.ctc import decode_greedy, text_of
from ekyc.ocr.engines import OWN, own_vocabulary
from ekyc.ocr.line_net import STEP, line_item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.inference import Engine
    from ekyc.values import BgrImage, FloatArray

    _Batch = list[FloatArray]

_BATCH: Final = 16
_ROUNDS: Final = 3


def count_equal_in_batches(engine: Engine, images: Sequence[BgrImage], *, seed: int) -> int:
    """How many lines read the same in random batches of 16 as alone, character by character."""
    store = engine.store
    session = Session(store.registry[OWN], store.require(OWN).read())
    vocabulary = own_vocabulary(engine)
    items = [line_item(normalise_line(image)) for image in images]

    def read(log_probs: FloatArray, width: int) -> str:
        return text_of(decode_greedy(log_probs[: -(-width // STEP)], vocabulary))

    equal = 0
    order = np.random.default_rng(seed).permutation(len(items))
    for start in range(0, len(items), _BATCH):
        chosen = [items[i] for i in order[start : start + _BATCH]]
        together = session.run(_stacked([item for item, _ in chosen]))[0]
        for (item, width), found in zip(chosen, together, strict=True):
            alone = session.run(item[np.newaxis])[0][0]
            equal += read(found, width) == read(alone, width)
    return equal


def cpu_of_batches(engine: Engine, images: Sequence[BgrImage], *, seed: int) -> dict[str, float]:
    """CPU milliseconds of the net for a line, one thread, the least of three rounds.

    Returns:
        ``alone``: one by one at their own widths. ``alone_in_buckets``: one by one, filled up to the next of a few widths.
        ``buckets_of_16``: 16 lines of one such width together. ``any_16``: 16 lines as they come, filled up to the
        longest.
    """
    session = Session(engine.store.registry[OWN], engine.store.require(OWN).read())
    lines = [line_item(normalise_line(image)) for image in images]
    order = np.random.default_rng(seed).permutation(len(lines))
    items = [lines[i][0] for i in order]
    own_widths = [lines[i][0][:, :, : -(-lines[i][1] // STEP) * STEP] for i in order]
    ways: dict[str, list[_Batch]] = {
        "alone": [[item] for item in own_widths],
        "alone_in_buckets": [[item] for item in items],
        "buckets_of_16": _by_width(items),
        "any_16": [items[k : k + _BATCH] for k in range(0, len(items), _BATCH)],
    }
    return {name: _cpu_ms(session, batches) / len(items) for name, batches in ways.items()}


def _by_width(items: Sequence[FloatArray]) -> list[_Batch]:
    alike: dict[int, _Batch] = defaultdict(list)
    for item in items:
        alike[item.shape[2]].append(item)
    return [group[k : k + _BATCH] for group in alike.values() for k in range(0, len(group), _BATCH)]


def _cpu_ms(session: Session, batches: Sequence[_Batch]) -> float:
    spent = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        for batch in batches:
            session.run(_stacked(batch))
        spent.append((time.process_time() - started) * 1000)
    return min(spent)


def _stacked(items: Sequence[FloatArray]) -> FloatArray:
    """Items filled up to the widest, shape (n, 2, height, width)."""
    widest = max(item.shape[2] for item in items)
    return np.stack([np.pad(item, ((0, 0), (0, 0), (0, widest - item.shape[2]))) for item in items])

"""Whether company changes what our net reads: lines in mixed batches, filled up to the longest."""

from __future__ import annotations

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

_BATCH: Final = 16


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
        widest = max(item.shape[2] for item, _ in chosen)
        batch = np.stack(
            [np.pad(item, ((0, 0), (0, 0), (0, widest - item.shape[2]))) for item, _ in chosen]
        )
        together = session.run(batch)[0]
        for (item, width), found in zip(chosen, together, strict=True):
            alone = session.run(item[np.newaxis])[0][0]
            equal += read(found, width) == read(alone, width)
    return equal

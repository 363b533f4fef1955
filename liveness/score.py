"""The live score of one frame: the network looks at four cuts around the face.

The network (registry entry ``faceplugin-liveness``) wants **blue-green-red** planes, 0 to 255. Fed red-green-blue, as
the JavaScript that comes with it does, it hardly tells selfies from attacks (area under the ROC curve 0.60 instead of
0.85). A cut must never be padded: black borders read as the edge of a screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import ModelError
from ekyc.imaging import crop, flip_horizontally, resize, to_bgr_planes
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.ports import Model
    from ekyc.values import BgrImage

INPUT_SIDE_PX = 128
WIDE_SCALE = 2.7
"""Wide cut: sides of the face box times this; shows the bezel or the edge of the paper."""
SQUARE_SCALE = 1.5
"""Square cut: longer side of the face box times this; shows skin and texture."""
_LIVE = 0
"""The network's classes: live, flat attack, solid attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameScore:
    """Scores of one frame, 0 (attack) to 1 (bona fide); each the mean of a cut and its mirror image."""

    wide: float
    square: float

    @property
    def live(self) -> float:
        """Mean of both cuts: they fail on different people."""
        return (self.wide + self.square) / 2


def score_frame(frame: BgrImage, box: BoxPx, model: Model) -> FrameScore:
    """Score the face inside ``box``.

    Args:
        frame: whole frame, uint8 (height, width, 3), blue-green-red.
        box: the face in pixels of the frame.
        model: float32 (3, 128, 128) blue-green-red planes, 0–255 → probabilities (3,).

    Raises:
        ModelError: the output is not three probabilities.
    """
    height, width = frame.shape[:2]
    side = max(box.width, box.height)
    wide = cut_inside(box, WIDE_SCALE * box.width, WIDE_SCALE * box.height, width, height)
    square = cut_inside(box, SQUARE_SCALE * side, SQUARE_SCALE * side, width, height)
    return FrameScore(
        wide=_score_cut(crop(frame, wide), model), square=_score_cut(crop(frame, square), model)
    )


def cut_inside(
    box: BoxPx, cut_width: float, cut_height: float, frame_width: int, frame_height: int
) -> BoxPx:
    """A cut of the asked size around a box, brought wholly inside the frame.

    Too large a cut shrinks in proportion; one that reaches over an edge slides back. Nothing is ever padded.
    """
    fit = min(1.0, frame_width / cut_width, frame_height / cut_height)
    cut_width, cut_height = cut_width * fit, cut_height * fit
    left = (box.left + box.right - cut_width) / 2
    top = (box.top + box.bottom - cut_height) / 2
    left = min(max(0.0, left), frame_width - cut_width)
    top = min(max(0.0, top), frame_height - cut_height)
    return BoxPx(left=left, top=top, right=left + cut_width, bottom=top + cut_height)


def context_scale(box: BoxPx, frame_width: int, frame_height: int) -> float:
    """Side of the largest cut shaped like the box that fits in the frame, in sides of the box."""
    return min(frame_width / box.width, frame_height / box.height)


def _score_cut(cut: BgrImage, model: Model) -> float:
    seen = resize(cut, INPUT_SIDE_PX, INPUT_SIDE_PX)
    return (_live(seen, model) + _live(flip_horizontally(seen), model)) / 2


def _live(seen: BgrImage, model: Model) -> float:
    (probabilities,) = model.infer(to_bgr_planes(seen))
    if (
        probabilities.shape != (3,)
        or not np.isclose(probabilities.sum(), 1.0, atol=1e-3)
        or probabilities.min() < 0
    ):
        raise ModelError(
            "the liveness network did not give three probabilities", code="model.unexpected_output"
        )
    return float(probabilities[_LIVE])

"""The live score of one frame: the network looks at four cuts around the face.

The network (registry entry ``faceplugin-liveness``) wants **blue-green-red** planes, 0 to 255. Fed red-green-blue, as
the JavaScript that comes with it does, it hardly tells selfies from attacks (area under the ROC curve 0.60 instead of
0.85). A cut must never be padded: black borders read as the edge of a screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import ModelError
from ekyc.imaging import crop, flip_horizontally, resize, to_bgr_planes, to_gray
from ekyc.imaging.effects import adjust
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.ports import Model
    from ekyc.values import BgrImage

INPUT_SIDE_PX = 128
WIDE_SCALE = 2.7
"""Wide cut: sides of the face box times this; shows the bezel or the edge of the paper."""
SQUARE_SCALE = 1.5
"""Square cut: longer side of the face box times this; shows skin and texture."""
_SUM_TOLERANCE = 1e-3
_LIVE = 0
"""The network's classes: live, flat attack, solid attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameScore:
    """Scores of one frame, 0 (attack) to 1 (bona fide)."""

    wide: float | None
    """Of the wide cut, with its mirror image where both were looked at; None where neither was."""
    square: float | None
    """The same of the square cut."""
    silent_face: float | None = None
    """Mean of the nets that the user brought, or None."""
    second_look: float | None = None
    """``live`` of the same frame at ordinary exposure, where it was looked at again."""

    @property
    def live(self) -> float:
        """Mean of the cuts that were looked at, for they fail on different people; then the mean with the user's nets."""
        cuts = [score for score in (self.wide, self.square) if score is not None]
        own = sum(cuts) / len(cuts)
        return own if self.silent_face is None else (own + self.silent_face) / 2

    @property
    def at_best(self) -> float:
        """The better of both looks: what is held against a person."""
        return self.live if self.second_look is None else max(self.live, self.second_look)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One thing that the network sees of a frame."""

    wide: bool
    mirrored: bool


ALL_VIEWS = (
    View(wide=True, mirrored=False),
    View(wide=True, mirrored=True),
    View(wide=False, mirrored=False),
    View(wide=False, mirrored=True),
)
VIEWS_IN_TURN = (ALL_VIEWS[0], ALL_VIEWS[2], ALL_VIEWS[1], ALL_VIEWS[3])


def score_frame(
    frame: BgrImage,
    box: BoxPx,
    model: Model,
    *,
    views: Sequence[View] = ALL_VIEWS,
    gain: float = 1.0,
) -> FrameScore:
    """Score the face inside ``box``.

    Args:
        frame: whole frame, uint8 (height, width, 3), blue-green-red.
        box: the face in pixels of the frame.
        model: float32 (3, 128, 128) blue-green-red planes, 0–255 → probabilities (3,).
        views: what the network is shown, one run each.
        gain: what levels are multiplied with first.

    Raises:
        ModelError: the output is not three probabilities.
    """
    seen = {wide: _cut(frame, box, wide=wide) for wide in {view.wide for view in views}}
    found: dict[bool, list[float]] = {True: [], False: []}
    for view in views:
        picture = flip_horizontally(seen[view.wide]) if view.mirrored else seen[view.wide]
        found[view.wide].append(_live(expose(picture, gain), model))
    return FrameScore(wide=_mean(found[True]), square=_mean(found[False]))


def gain_to(frame: BgrImage, box: BoxPx, *, luma: float, most: float) -> float:
    """What brings the median luma of a face to ``luma``; between 1 / ``most`` and ``most``."""
    median = float(np.median(to_gray(crop(frame, box))[::2, ::2]))
    return min(most, max(1 / most, luma / max(1.0, median)))


def expose(picture: BgrImage, gain: float) -> BgrImage:
    """Levels times ``gain``, clipped to 0–255."""
    return picture if gain == 1.0 else adjust(picture, gain=gain)


def _cut(frame: BgrImage, box: BoxPx, *, wide: bool) -> BgrImage:
    height, width = frame.shape[:2]
    side = max(box.width, box.height)
    sides = (
        (WIDE_SCALE * box.width, WIDE_SCALE * box.height)
        if wide
        else (SQUARE_SCALE * side, SQUARE_SCALE * side)
    )
    cut = cut_inside(box, *sides, width, height)
    rows = slice(round(cut.top), max(round(cut.top) + 1, round(cut.bottom)))
    columns = slice(round(cut.left), max(round(cut.left) + 1, round(cut.right)))
    return resize(frame[rows, columns], INPUT_SIDE_PX, INPUT_SIDE_PX)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


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


def _live(seen: BgrImage, model: Model) -> float:
    (probabilities,) = model.infer(to_bgr_planes(seen))
    if (
        probabilities.shape != (3,)
        or not abs(float(probabilities.sum()) - 1.0) < _SUM_TOLERANCE  # so written, NaN fails
        or probabilities.min() < 0
    ):
        raise ModelError(
            "the liveness network did not give three probabilities", code="model.unexpected_output"
        )
    return float(probabilities[_LIVE])

"""The corners of a card or page lying on any surface, found without a net; where they are not clear, a refusal.

A wrongly straightened document is worse than none: what is cut away cannot be read, and nobody sees that it was there.
So a quadrilateral counts only if all of this holds:

1. Its sides are long straight edges (:mod:`ekyc.imaging.edge_lines`); fingers may hide a part of one.
2. A flat rectangle of the sought document's proportions can look like it (:mod:`ekyc.imaging.perspective`).
3. Of several such quadrilaterals the outermost whose sides part paper from surface is the document: printed frames lie
   inside and have paper on both sides.
4. Its sides are fitted anew at full resolution, and 1 and 2 must hold afterwards.
5. No rival that contradicts it is about as good.

What this does not prove: that the rectangle is a document at all. The reader finds out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.edge_lines import find_edge_lines, measure_gradients, to_lab
from ekyc.imaging.geometry import overlap, resize_long_side
from ekyc.imaging.perspective import misfit
from ekyc.imaging.quad_hypotheses import MAX_MISFIT, Hypotheses, propose, steps_at_sides
from ekyc.imaging.side_fitting import fit_sides
from ekyc.values import PointPx, QuadPx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage

    _Floats = NDArray[np.float64]

SEARCH_LONG_SIDE_PX: Final = 720
_FIT_LONG_SIDE_PX: Final = 1600
_MIN_SIDE_PX: Final = 64
"""Pictures with a shorter side than this show no document that could be read."""
_LINES: Final = 100
_CLOSE_LOOKS: Final = 400
"""Best hypotheses whose sides are compared inside and outside."""

# Limits, chosen on generated scenes of seeds 1 to 3 (352 scenes); the benchmark measures on others.
_LEAST_SUPPORT: Final = (0.3, 0.75)
"""Of the worst side, which fingers may hide, and of the others."""
_LEAST_STEP: Final = 3.2
"""Levels between inside and outside of the weakest side: below, a printed frame and a white edge on a white table are
the same."""
_FULL_STEP: Final = 10.0
_MOST_BEYOND: Final = 0.55
_LEAST_AGREEING: Final = 0.42
"""Of the profiles of the worst side after the fit."""
_LEAST_LEAD: Final = 0.04
"""Before the best rival that overlaps and contradicts."""
_CLEAR_SIDES: Final = 0.95
_SAME: Final = 0.9
"""Intersection over union from which two quadrilaterals are one."""


class DocumentShape(StrEnum):
    """Proportions that are looked for."""

    CARD = "id-1"
    """85.60 × 53.98 mm (ISO/IEC 7810 ID-1)."""
    PAGE = "iso-a"
    """1 : √2 (ISO 216)."""

    @property
    def aspect(self) -> float:
        """Width divided by height: of a card lying, of a page standing."""
        return 85.60 / 53.98 if self is DocumentShape.CARD else 2**-0.5


class NotFound(StrEnum):
    """Why no document is given."""

    NOTHING = "nothing"
    """No quadrilateral of the sought proportions."""
    UNCLEAR = "unclear"
    """Something is there, but its sides are not clear enough, or several outlines contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDocument:
    """Where a document lies."""

    quad: QuadPx
    """Corners in pixels of the picture, clockwise, a long or short side first as the shape has it when lying
    (card) or standing (page). Which of the two possible ways is up is not known: the one nearer to the picture's own
    comes first."""
    confidence: float
    """0 to 1. Orders findings; calibrated on nothing. At 0.5 and above a finding is given at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSearch:
    """A document, or why there is none."""

    document: FoundDocument | None
    refusal: NotFound | None
    others: tuple[QuadPx, ...] = ()
    """Further documents of the same proportions that do not overlap the first."""


def find_document(image: BgrImage, shape: DocumentShape) -> DocumentSearch:
    """Find a card or page.

    Args:
        image: any picture.
        shape: what is looked for.

    Returns:
        The document with the outermost clear outline, or a refusal. Time and memory are bounded: the search looks at
        a picture of 720 pixels, the fit at one of 1600.
    """
    if min(image.shape[:2]) < _MIN_SIDE_PX:
        return DocumentSearch(document=None, refusal=NotFound.NOTHING)
    found = _search(image, shape)
    if not len(found.scores):
        return DocumentSearch(document=None, refusal=NotFound.NOTHING)
    return _judged(image, shape, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    """Hypotheses, best first."""

    hypotheses: Hypotheses
    steps: _Floats
    scores: _Floats


def _search(image: BgrImage, shape: DocumentShape) -> _Ranked:
    small = _shrunk(image, SEARCH_LONG_SIDE_PX)
    height, width = small.shape[:2]
    lab = to_lab(small)
    lines = find_edge_lines(lab, measure_gradients(lab), count=_LINES)
    found = propose(lines, width, height, shape.aspect)
    sorted_support = np.sort(found.support, axis=1)
    clear = (sorted_support[:, 0] > _LEAST_SUPPORT[0]) & (sorted_support[:, 1] > _LEAST_SUPPORT[1])
    found = found.take(clear)
    found = found.take(np.argsort(-_outline_score(found), kind="stable")[:_CLOSE_LOOKS])
    steps = steps_at_sides(lab, found.quads)
    parted = np.minimum(1.0, steps / _FULL_STEP)
    scores = _outline_score(found) + 0.5 * parted.mean(axis=1) + 0.5 * parted.min(axis=1)
    order = np.argsort(-scores, kind="stable")
    return _Ranked(hypotheses=found.take(order), steps=steps[order], scores=scores[order])


def _outline_score(found: Hypotheses) -> _Floats:
    """Clear sides that end at the corners, the right proportions, and rather the larger of two."""
    largest = found.areas.max(initial=1e-9)
    size = np.log(np.clip(found.areas / largest, 0.6, 1.0))
    sides = 2.0 * found.support.mean(axis=1) + 0.5 * found.support.min(axis=1)
    return np.asarray(sides - 0.5 * found.beyond.mean(axis=1) - 4.0 * found.misfits + 0.3 * size)


def _judged(image: BgrImage, shape: DocumentShape, found: _Ranked) -> DocumentSearch:
    unclear = DocumentSearch(document=None, refusal=NotFound.UNCLEAR)
    best = found.hypotheses.quads[0]
    overlaps = np.array([overlap(best, quad) for quad in found.hypotheses.quads])
    leads = found.scores[0] - found.scores
    contradicting = (overlaps > 0.02) & (overlaps < _SAME)
    if found.hypotheses.support[0].min() > _CLEAR_SIDES and found.steps[0].min() > _FULL_STEP:
        # Portraits, codes and fields inside a clear outline are outlines themselves and contradict nothing.
        inner = found.hypotheses.areas < 0.5 * found.hypotheses.areas[0]
        contradicting &= ~inner
    lead = float(leads[contradicting].min(initial=1.0))
    quad, agreeing = _fitted(image, best)
    if not np.isfinite(quad).all():
        return unclear
    height, width = image.shape[:2]
    fit = min(float(misfit(quad[None], a, width, height)[0]) for a in _both_ways(shape))
    margins = (
        _margin(float(found.steps[0].min()), _LEAST_STEP, _FULL_STEP),
        _margin(-float(found.hypotheses.beyond[0].mean()), -_MOST_BEYOND, -0.15),
        _margin(float(agreeing.min()), _LEAST_AGREEING, 0.9),
        _margin(lead, _LEAST_LEAD, 0.3),
        _margin(-fit, -MAX_MISFIT, -0.01),
    )
    if min(margins) <= 0:
        return unclear
    # The weakest evidence decides, the mean tells equals apart.
    confidence = 0.5 + 0.25 * min(margins) + 0.25 * float(np.mean(margins))
    return DocumentSearch(
        document=FoundDocument(quad=_as_quad(_most_upright(quad)), confidence=confidence),
        refusal=None,
        others=_others(image, found, overlaps),
    )


def _most_upright(quad: _Floats) -> _Floats:
    """Of the two possible ways up the one nearer to the picture's own."""
    return np.roll(quad, 2, axis=0) if quad[1, 0] < quad[0, 0] else quad


def _both_ways(shape: DocumentShape) -> tuple[float, float]:
    return shape.aspect, 1 / shape.aspect


def _margin(value: float, least: float, ample: float) -> float:
    """0 at ``least`` and below, 1 at ``ample`` and above."""
    return float(np.clip((value - least) / (ample - least), 0.0, 1.0))


def _fitted(image: BgrImage, quad: _Floats) -> tuple[_Floats, _Floats]:
    """Corners in pixels of the picture (between pixels, as :class:`QuadPx` counts), and agreement of each side."""
    fine = _shrunk(image, _FIT_LONG_SIDE_PX)
    scale = max(fine.shape[:2]) / min(SEARCH_LONG_SIDE_PX, max(image.shape[:2]))
    corners, agreeing = fit_sides(to_lab(fine), (quad + 0.5) * scale - 0.5, 4.0 * scale)
    return (corners + 0.5) * (max(image.shape[:2]) / max(fine.shape[:2])), agreeing


def _others(image: BgrImage, found: _Ranked, overlaps: _Floats) -> tuple[QuadPx, ...]:
    """Further clear outlines apart from the best and from each other."""
    scale = max(image.shape[:2]) / min(SEARCH_LONG_SIDE_PX, max(image.shape[:2]))
    kept: list[_Floats] = []
    for i in np.flatnonzero(overlaps < 0.02):
        quad = found.hypotheses.quads[i]
        clear = found.hypotheses.support[i].min() > 0.9 and found.steps[i].min() > _FULL_STEP
        ends = found.hypotheses.beyond[i].mean() < 0.3
        if clear and ends and all(overlap(quad, other) < 0.02 for other in kept):
            kept.append(quad)
    return tuple(_as_quad((quad + 0.5) * scale) for quad in kept)


def _shrunk(image: BgrImage, long_side: int) -> BgrImage:
    return image if max(image.shape[:2]) <= long_side else resize_long_side(image, long_side)


def _as_quad(corners: _Floats) -> QuadPx:
    a, b, c, d = (PointPx(float(x), float(y)) for x, y in corners)
    return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)

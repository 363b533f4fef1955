"""The corners of a card or page lying on any surface, found without a net; where they are not clear, a refusal.

A wrongly straightened document is worse than none: what is cut away cannot be read, and nobody sees that it was there.
So a quadrilateral counts only if all of this holds:

1. Its sides are long straight edges (:mod:`ekyc.imaging.edge_lines`); fingers may hide a part of one.
2. A flat rectangle of the sought document's proportions can look like it (:mod:`ekyc.imaging.perspective`).
3. Of several such quadrilaterals the outermost whose sides part paper from surface is the document: printed frames lie
   inside and have paper on both sides (:mod:`ekyc.imaging.printed_frames`).
4. Its sides are fitted anew at full resolution, and 1 and 2 must hold afterwards.
5. No rival that contradicts it is about as good.
6. Looked at straight, it carries many rows of print that fill it and run along its sides
   (:mod:`ekyc.imaging.printed_rows`). The rows know nothing of the sides, so the two judge each other. What carries no
   such print is dropped, and the next best is looked at.

What this does not prove: that the rectangle is a document at all. The reader finds out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.imaging.document_sight import FULL_STEP, DocumentShape, Sight
from ekyc.imaging.edge_lines import find_edge_lines, measure_gradients
from ekyc.imaging.geometry import overlap
from ekyc.imaging.perspective import misfit
from ekyc.imaging.printed_frames import only_paper_between, surrounding
from ekyc.imaging.quad_hypotheses import MAX_MISFIT, Hypotheses, propose, steps_at_sides
from ekyc.imaging.side_fitting import fit_sides
from ekyc.values import PointPx, QuadPx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.values import BgrImage

    _Floats = NDArray[np.float64]

_FIT_REACH_PX: Final = 4.0
"""How far a side may be moved by the fit, in pixels of the search."""
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
_LEAST_SHARE: Final = 0.2
"""Of the difference farther out that is there right at a side: else the document ends somewhere behind it."""
_MOST_BEYOND: Final = 0.55
_LEAST_AGREEING: Final = 0.42
"""Of the profiles of the worst side after the fit."""
_LEAST_LEAD: Final = 0.04
"""Before the best rival that overlaps and contradicts."""
_CLEAR_SIDES: Final = 0.95
_MOST_OTHERS: Final = 2
_APART: Final = 0.02
"""Least overlap of two quadrilaterals that lie over each other."""
_LOOKS: Final = 8
"""Quadrilaterals that are straightened to look for print on them."""
_HARDLY_LESS: Final = 0.15
"""A page's score below that of its printed frame, at most."""
_FRAMES: Final = 3
"""Of one page, mixed sides of frame and page among them."""
_ALIKE: Final = 0.95
_FITS: Final = 6
"""So many of the hypotheses that overlap so much are fitted; the fits decide between them."""
_PLAINLY: Final = 0.1
"""Share of the profiles of the worst side."""
_SAME: Final = 0.9
"""Intersection over union from which two quadrilaterals are one."""


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
    sight = Sight(image, shape)
    clear, ranked = _search(sight)
    if not len(ranked.scores):
        return DocumentSearch(document=None, refusal=NotFound.NOTHING)
    document = _best_document(sight, ranked)
    if document is None:
        return DocumentSearch(document=None, refusal=NotFound.UNCLEAR)
    return DocumentSearch(
        document=document, refusal=None, others=_others(sight, clear, document.quad)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    """Hypotheses, best first."""

    hypotheses: Hypotheses
    steps: _Floats
    scores: _Floats

    def led_by(self, index: int) -> _Ranked:
        """One of them, then the others."""
        others = np.arange(len(self.scores)) != index
        return self.take(np.concatenate([[index], np.flatnonzero(others)]))

    def take(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> _Ranked:
        """Some of them."""
        return _Ranked(
            hypotheses=self.hypotheses.take(index),
            steps=self.steps[index],
            scores=self.scores[index],
        )


def _search(sight: Sight) -> tuple[Hypotheses, _Ranked]:
    """All hypotheses with clear sides, and the best of them ranked."""
    height, width = sight.small.shape[:2]
    lines = find_edge_lines(sight.lab, measure_gradients(sight.lab), count=_LINES)
    found = propose(lines, width, height, sight.shape.aspect)
    sorted_support = np.sort(found.support, axis=1)
    clear = (sorted_support[:, 0] > _LEAST_SUPPORT[0]) & (sorted_support[:, 1] > _LEAST_SUPPORT[1])
    found = found.take(clear)
    return found, _ranked(sight, found)


def _ranked(sight: Sight, found: Hypotheses) -> _Ranked:
    found = found.take(np.argsort(-_outline_score(found), kind="stable")[:_CLOSE_LOOKS])
    steps = steps_at_sides(sight.lab, found.quads)
    parted = np.minimum(1.0, steps / FULL_STEP)
    scores = _outline_score(found) + 0.5 * parted.mean(axis=1) + 0.5 * parted.min(axis=1)
    order = np.argsort(-scores, kind="stable")
    return _Ranked(hypotheses=found.take(order), steps=steps[order], scores=scores[order])


def _outline_score(found: Hypotheses) -> _Floats:
    """Clear sides that end at the corners, the right proportions, and rather the larger of two."""
    largest = found.areas.max(initial=1e-9)
    size = np.log(np.clip(found.areas / largest, 0.6, 1.0))
    sides = 2.0 * found.support.mean(axis=1) + 0.5 * found.support.min(axis=1)
    return np.asarray(sides - 0.5 * found.beyond.mean(axis=1) - 4.0 * found.misfits + 0.3 * size)


def _best_document(sight: Sight, found: _Ranked) -> FoundDocument | None:
    """The best hypothesis that is a document, if nothing speaks against it."""
    for _ in range(_LOOKS):
        if not len(found.scores):
            return None
        found, quad, agreeing = _outermost(sight, found)
        overlaps = _overlaps(found.hypotheses.quads[0], found)
        rival = _rival(sight, found, overlaps)
        lead = 1.0 if rival is None else float(found.scores[0] - found.scores[rival])
        if not np.isfinite(quad).all() or not sight.shows_document(quad):
            found = found.take(overlaps < _SAME)
            continue
        if rival is not None and lead <= _LEAST_LEAD:
            other = found.hypotheses.quads[rival]
            if not sight.shows_document(sight.in_picture(other)):
                found = found.take(_overlaps(other, found) < _SAME)
                continue
        return _judged(sight, found, quad, float(agreeing.min()), lead)
    return None


def _outermost(sight: Sight, found: _Ranked) -> tuple[_Ranked, _Floats, _Floats]:
    """Hypotheses led by the best, or by the largest sheet around it of which it is a printed frame; that one's corners
    in the picture, and agreement of its sides.
    """
    best = 0
    for _ in range(_FRAMES if sight.shape is DocumentShape.PAGE else 0):
        sheet = _sheet_around(sight, found, best)
        if sheet is None:
            break
        best = sheet
    return _best_fitted(sight, found, best)


def _sheet_around(sight: Sight, found: _Ranked, frame: int) -> int | None:
    """The largest good hypothesis around another with nothing but paper between them."""
    quads = found.hypotheses.quads
    around = surrounding(quads, quads[frame]) & _as_good(found, 0)
    for k in sorted(np.flatnonzero(around), key=lambda k: -found.hypotheses.areas[k]):
        if only_paper_between(sight.lab, quads[k], quads[frame]):
            return int(k)
    return None


def _as_good(found: _Ranked, index: int) -> NDArray[np.bool_]:
    """Which hypotheses have all sides clear, and score hardly less than another."""
    clear = found.steps.min(axis=1) > _LEAST_STEP
    return np.asarray(clear & (found.scores > found.scores[index] - _HARDLY_LESS))


def _best_fitted(sight: Sight, found: _Ranked, index: int) -> tuple[_Ranked, _Floats, _Floats]:
    """A hypothesis, or of those that are nearly the same one whose sides agree with the finest pixels plainly better."""
    alike = _as_good(found, index) & (_overlaps(found.hypotheses.quads[index], found) > _ALIKE)
    alike[index] = False
    looks = [index, *np.flatnonzero(alike)[:_FITS].tolist()]
    fits = [(k, *_fitted(sight, found.hypotheses.quads[k])) for k in looks]
    best = max(fits, key=lambda fit: float(fit[2].min()) + _PLAINLY * (fit[0] == index))
    return found.led_by(best[0]), *best[1:]


def _overlaps(quad: _Floats, found: _Ranked) -> _Floats:
    return np.array([overlap(quad, other) for other in found.hypotheses.quads])


def _rival(sight: Sight, found: _Ranked, overlaps: _Floats) -> int | None:
    """The best hypothesis that contradicts the first."""
    contradicting = (overlaps > _APART) & (overlaps < _SAME)
    shapes = found.hypotheses
    if shapes.support[0].min() > _CLEAR_SIDES and found.steps[0].min() > FULL_STEP:
        # Portraits, codes and fields inside a clear outline are outlines themselves and contradict nothing.
        inner = shapes.areas < 0.5 * shapes.areas[0]
        contradicting &= ~inner
    for rival in np.flatnonzero(contradicting):
        if not _is_frame(sight, shapes.quads[0], shapes.quads[rival]):
            return int(rival)
    return None


def _is_frame(sight: Sight, sheet: _Floats, quad: _Floats) -> bool:
    """Whether a quadrilateral is a printed frame of a page."""
    if sight.shape is DocumentShape.CARD:
        return False
    return bool(surrounding(sheet[None], quad)[0]) and only_paper_between(sight.lab, sheet, quad)


def _judged(
    sight: Sight, found: _Ranked, quad: _Floats, agreeing: float, lead: float
) -> FoundDocument | None:
    height, width = sight.image.shape[:2]
    fit = min(float(misfit(quad[None], a, width, height)[0]) for a in _both_ways(sight.shape))
    step, share = sight.steps(quad)
    margins = (
        _margin(min(step, float(found.steps[0].min())), _LEAST_STEP, FULL_STEP),
        _margin(share, _LEAST_SHARE, 0.5),
        _margin(-float(found.hypotheses.beyond[0].mean()), -_MOST_BEYOND, -0.15),
        _margin(agreeing, _LEAST_AGREEING, 0.9),
        _margin(lead, _LEAST_LEAD, 0.3),
        _margin(-fit, -MAX_MISFIT, -0.01),
    )
    if min(margins) <= 0:
        return None
    # The weakest evidence decides, the mean tells equals apart.
    confidence = 0.5 + 0.25 * min(margins) + 0.25 * float(np.mean(margins))
    return FoundDocument(quad=_as_quad(_most_upright(quad)), confidence=confidence)


def _most_upright(quad: _Floats) -> _Floats:
    """Of the two possible ways up the one nearer to the picture's own."""
    return np.roll(quad, 2, axis=0) if quad[1, 0] < quad[0, 0] else quad


def _both_ways(shape: DocumentShape) -> tuple[float, float]:
    return shape.aspect, 1 / shape.aspect


def _margin(value: float, least: float, ample: float) -> float:
    """0 at ``least`` and below, 1 at ``ample`` and above."""
    return float(np.clip((value - least) / (ample - least), 0.0, 1.0))


def _fitted(sight: Sight, quad: _Floats) -> tuple[_Floats, _Floats]:
    """Corners in pixels of the picture (between pixels, as :class:`QuadPx` counts), and agreement of each side."""
    scale = max(sight.fine.shape[:2]) / max(sight.small.shape[:2])
    corners, agreeing = fit_sides(sight.fine, (quad + 0.5) * scale - 0.5, _FIT_REACH_PX * scale)
    return (corners + 0.5) * (sight.scale / scale), agreeing


def _others(sight: Sight, clear: Hypotheses, first: QuadPx) -> tuple[QuadPx, ...]:
    """Further printed documents apart from the first and from each other."""
    kept = [np.array([(p.x, p.y) for p in first.corners])]
    while len(kept) <= _MOST_OTHERS:
        clear = clear.take(~_have_middle_in(clear, kept[-1] / sight.scale - 0.5))
        found = _ranked(sight, clear)
        for quad in kept:
            found = found.take(_overlaps(quad / sight.scale - 0.5, found) < _APART)
        other = _first_printed(sight, found.take(found.steps.min(axis=1) > _LEAST_STEP))
        if other is None:
            break
        kept.append(other)
    return tuple(_as_quad(_most_upright(quad)) for quad in kept[1:])


def _have_middle_in(found: Hypotheses, quad: _Floats) -> NDArray[np.bool_]:
    """Which hypotheses have their middle in a quadrilateral whose corners are clockwise."""
    middle = found.quads.mean(axis=1)[:, None] - quad
    along = np.roll(quad, -1, axis=0) - quad
    return np.asarray((along[:, 0] * middle[..., 1] - along[:, 1] * middle[..., 0] > 0).all(axis=1))


def _first_printed(sight: Sight, found: _Ranked) -> _Floats | None:
    for _ in range(_LOOKS):
        if not len(found.scores):
            return None
        quad, _ = _fitted(sight, found.hypotheses.quads[0])
        if np.isfinite(quad).all() and sight.shows_document(quad):
            return quad
        found = found.take(_overlaps(found.hypotheses.quads[0], found) < _SAME)
    return None


def _as_quad(corners: _Floats) -> QuadPx:
    a, b, c, d = (PointPx(float(x), float(y)) for x, y in corners)
    return QuadPx(top_left=a, top_right=b, bottom_right=c, bottom_left=d)

"""One line of a copy against the same line of the original: what reads differently, and does the picture agree?

Reading wobbles: the same print, scanned twice, is not always read alike. Pictures wobble too: dirt, stamps, folds.
An alteration shows in both. So each difference of the text is held against the ink at its place:

===================  ============================  =========================
text                 ink at that place             difference is
===================  ============================  =========================
differs, both sure   differs                       CONFIRMED
differs              differs plainly, fairly sure  CONFIRMED
differs              differs plainly, or both sure UNCLEAR
differs, unsure      differs a little              WOBBLE
differs              agrees                        WOBBLE
agrees               differs strongly              UNCLEAR (picture only)
nothing there        nearly all gone               CONFIRMED (line missing)
===================  ============================  =========================

How much ink differs strongly depends on the page (:class:`PageWobble`): a photocopier sprinkles toner and wears strokes
away everywhere, a scanner does neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ekyc.ocr.alignment import DifferenceClass, TextDifference, text_differences
from ekyc.ocr.recognise import LineText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.imaging.strips import Spot, StripDifference
    from ekyc.ocr.ctc import ReadChar
    from ekyc.values import QuadPx, Redacted


# Thresholds of the unexplained ink around a spot, chosen on 60 generated pages of 150 dots per inch, with other seeds
# than the measured ones: lines of honest photographs stayed below 0.21, worn photocopies reached 0.38; an exchanged tone
# mark gave 0.23–0.7, an exchanged digit 0.48 and more.
INK_AGREES = 0.2
INK_DIFFERS = 0.24
INK_DIFFERS_ALONE = 0.25
"""The same where the text reads alike …"""
WOBBLES = 2.0
"""… or so many times what the page's lines differ by anyway (:attr:`PageWobble.ink`), whatever is more."""
INK_DIFFERS_PLAINLY = 0.3
"""So much unexplained ink is an alteration by itself: the text only has to say which."""
INK_DIFFERS_IN_STAMP = 0.4
"""Print under a stamp reads badly and copies badly: there only so much ink counts."""
SPECK_PX = 36
"""Added spots with fewer pixels, in strips of 64 pixels' height, are toner where a page has more of it. Tone marks are
no larger, so toner beside a letter is told from a mark by what is read there."""
MOSTLY_ADDED = 0.8
SURE_CHAR = 0.8
"""Confidence that both readings of a character need before a difference counts as confirmed."""
FAIRLY_SURE_CHAR = 0.4
"""The same where the ink differs plainly."""
WORTH_A_LOOK = 0.7
"""Confidence of both readings from which a small difference in ink is shown to an officer."""
_ENOUGH_LINES = 5
"""Fewer lines tell nothing about the page."""
_SPECKLED = 2
"""Specks between the lines from which a page is speckled; one may have been put there."""
_POINTS = frozenset(".,")
LOST_LINE = 0.6
"""Part of a line's ink that must be gone before the line counts as missing."""


class DifferenceStatus(StrEnum):
    """How sure a difference is."""

    CONFIRMED = "CONFIRMED"
    UNCLEAR = "UNCLEAR"
    WOBBLE = "WOBBLE"


class DifferenceScope(StrEnum):
    """How much a difference is about."""

    CHARACTER = "character"
    LINE = "line"
    """A whole line: missing, added, moved."""
    PICTURE = "picture"
    """A place where only the pictures differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDifference:
    """One place where a copy may differ from its original."""

    status: DifferenceStatus
    scope: DifferenceScope
    kind: DifferenceClass | None
    """Class of the difference in the text; None when only the pictures differ."""
    page: int
    """Index of the original's page."""
    line: int
    """Index of the line among the original's lines; -1 for a place outside all of them."""
    at: int
    """Index of the character in the original's line; -1 when only the pictures differ."""
    quad: QuadPx
    """The line, or the differing region, in pixels of the original's page."""
    spot: QuadPx
    """The place of the difference itself within ``quad``."""
    ink: float
    """Largest unexplained ink at the place, 0–1."""
    original: Redacted[str]
    """The character or line as the original has it; empty where the copy has more."""
    copy: Redacted[str]
    """The character or line as the copy has it; empty where the copy has less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWobble:
    """By what the pictures of a page's lines differ although nothing was changed."""

    ink: float = 0.0
    """Median of the lines' largest unexplained ink, specks aside."""
    speckled: bool = False
    """Whether dots of toner lie about on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDifference:
    """A difference within a line, before it is placed on a page."""

    status: DifferenceStatus
    scope: DifferenceScope
    kind: DifferenceClass | None
    at: int
    at_copy: int
    ink: float
    left: float
    """Where it stands, from here …"""
    right: float
    """… to here, as parts of the line's width."""


def page_wobble(lines: Sequence[StripDifference], *, specks: int) -> PageWobble:
    """What to expect of a page's lines.

    Args:
        lines: all lines of the page.
        specks: dots of toner between its lines.
    """
    peaks = sorted(
        max((spot.peak for spot in strips.spots(INK_AGREES) if not _is_speck(spot)), default=0.0)
        if strips.peak >= INK_AGREES
        else strips.peak
        for strips in lines
    )
    return PageWobble(
        ink=peaks[len(peaks) // 2] if len(peaks) >= _ENOUGH_LINES else 0.0,
        speckled=specks >= _SPECKLED,
    )


def judge_line(
    original: LineText,
    copy: LineText,
    strips: StripDifference,
    *,
    wobble: PageWobble | None = None,
    in_stamp: bool = False,
) -> tuple[JudgedDifference, ...]:
    """All differences of one line.

    Args:
        original: the line as read from the original.
        copy: the same line as read from the copy.
        strips: both pictures, cut with the margins that were used for reading.
        wobble: of the page; a clean one if None.
        in_stamp: the line stands within a stamp that is present in the copy.
    """
    if original.chars and not copy.chars and not in_stamp:
        return (_missing_line(strips),)
    wobble = wobble or PageWobble()
    solid = [spot for spot in strips.spots(INK_AGREES) if not (wobble.speckled and _is_speck(spot))]
    needed = max(INK_DIFFERS_ALONE, WOBBLES * wobble.ink)
    judged = list[JudgedDifference]()
    if in_stamp:
        needed = max(needed, INK_DIFFERS_IN_STAMP)
    else:
        judged += [
            _judge(difference, original.chars, copy.chars, strips, solid)
            for difference in text_differences(original.text, copy.text)
        ]
    explained = max((item.ink for item in judged), default=0.0)
    alone = [spot for spot in solid if spot.peak >= needed]
    if max((spot.peak for spot in alone), default=0.0) > explained:
        judged.append(_picture_only(alone, _reach(strips)))
    return tuple(judged)


def _is_speck(spot: Spot) -> bool:
    return spot.area_px < SPECK_PX and spot.added >= MOSTLY_ADDED


def _missing_line(strips: StripDifference) -> JudgedDifference:
    """The copy has no text here: the line is gone if its ink is gone, unreadable otherwise."""
    status = DifferenceStatus.UNCLEAR
    if strips.peak < INK_AGREES:
        status = DifferenceStatus.WOBBLE
    elif strips.lost >= LOST_LINE:
        status = DifferenceStatus.CONFIRMED
    return JudgedDifference(
        status=status,
        scope=DifferenceScope.LINE,
        kind=DifferenceClass.MISSING,
        at=-1,
        at_copy=-1,
        ink=strips.peak,
        left=0.0,
        right=1.0,
    )


def _picture_only(spots: Sequence[Spot], reach: float) -> JudgedDifference:
    return JudgedDifference(
        status=DifferenceStatus.UNCLEAR,
        scope=DifferenceScope.PICTURE,
        kind=None,
        at=-1,
        at_copy=-1,
        ink=max(spot.peak for spot in spots),
        left=max(0.0, min(spot.left for spot in spots) - reach),
        right=min(1.0, max(spot.right for spot in spots) + reach),
    )


def _judge(
    difference: TextDifference,
    original: tuple[ReadChar, ...],
    copy: tuple[ReadChar, ...],
    strips: StripDifference,
    solid: Sequence[Spot],
) -> JudgedDifference:
    """``solid``: the strips' spots that are no specks."""
    reach = _reach(strips)
    spans = [_span(original, difference.at_original), _span(copy, difference.at_copy)]
    if difference.kind is DifferenceClass.ADDED:
        spans = spans[1:]
    elif difference.kind is DifferenceClass.MISSING:
        spans = spans[:1]
    left = min(start for start, _ in spans) - reach
    right = max(end for _, end in spans) + reach
    ink = strips.peak_between(left, right)
    here = [spot.peak for spot in solid if spot.left < right and spot.right > left]
    plain = min(ink, max(here, default=0.0))
    if _adds_a_point(difference, original, copy):
        plain = ink
    return JudgedDifference(
        status=_status(difference, original, copy, (ink, plain)),
        scope=DifferenceScope.CHARACTER,
        kind=difference.kind,
        at=difference.at_original,
        at_copy=difference.at_copy,
        ink=ink,
        left=max(0.0, left),
        right=min(1.0, right),
    )


def _adds_a_point(
    difference: TextDifference, original: tuple[ReadChar, ...], copy: tuple[ReadChar, ...]
) -> bool:
    """Whether the copy has a point or comma more between two digits: a dot, and another number."""
    if difference.kind is not DifferenceClass.PUNCTUATION:
        return False
    behind = original[difference.at_original : difference.at_original + 1]
    if not behind or not behind[0].char.isdigit():
        return False  # another character stood there, and lost ink is no toner
    near = copy[max(0, difference.at_copy - 1) : difference.at_copy + 2]
    if len(near) < 3 or near[1].char not in _POINTS or near[1].confidence < SURE_CHAR:
        return False
    return near[0].char.isdigit() and near[2].char.isdigit()


def _status(
    difference: TextDifference,
    original: tuple[ReadChar, ...],
    copy: tuple[ReadChar, ...],
    inks: tuple[float, float],
) -> DifferenceStatus:
    ink, solid = inks
    if ink < INK_AGREES:
        return DifferenceStatus.WOBBLE
    if difference.kind is DifferenceClass.PUNCTUATION:
        return DifferenceStatus.WOBBLE if solid < INK_DIFFERS_PLAINLY else DifferenceStatus.UNCLEAR
    seen = list[float]()
    if difference.kind is not DifferenceClass.ADDED:
        seen.append(original[difference.at_original].confidence)
    if difference.kind is not DifferenceClass.MISSING:
        seen.append(copy[difference.at_copy].confidence)
    sure = min(seen)
    plainly = solid >= INK_DIFFERS_PLAINLY
    if solid >= INK_DIFFERS and sure >= (FAIRLY_SURE_CHAR if plainly else SURE_CHAR):
        return DifferenceStatus.CONFIRMED
    if plainly or sure >= WORTH_A_LOOK:
        return DifferenceStatus.UNCLEAR
    return DifferenceStatus.WOBBLE


def _span(chars: tuple[ReadChar, ...], index: int) -> tuple[float, float]:
    """Where a character stands, as parts of the line's width: halfway to its neighbours."""
    if not chars:
        return 0.0, 1.0
    index = min(index, len(chars) - 1)
    here = chars[index]
    before = chars[index - 1].centre if index else 0.0
    behind = chars[index + 1].centre if index + 1 < len(chars) else 1.0
    return (before + here.centre) / 2, (here.centre + behind) / 2


def _reach(strips: StripDifference) -> float:
    """A fifth of the line's height, as a part of its width: how far the net's time steps may be off."""
    height, width = strips.excess.shape
    return 0.2 * float(height) / float(width)

"""One line of a copy against the same line of the original: what reads differently, and does the picture agree?

Reading wobbles: the same print, scanned twice, is not always read alike. Pictures wobble too: dirt, stamps, folds.
An alteration shows in both. So each difference of the text is held against the ink at its place:

===================  ============================  =========================
text                 ink at that place             difference is
===================  ============================  =========================
differs, both sure   differs                       CONFIRMED
differs              differs plainly, fairly sure  CONFIRMED
differs              differs a little, or unsure   UNCLEAR
differs              agrees                        WOBBLE
agrees               differs strongly              UNCLEAR (picture only)
nothing there        nearly all gone               CONFIRMED (line missing)
===================  ============================  =========================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ekyc.ocr.alignment import DifferenceClass, TextDifference, text_differences
from ekyc.ocr.recognise import LineText

if TYPE_CHECKING:
    from ekyc.imaging.strips import StripDifference
    from ekyc.ocr.ctc import ReadChar
    from ekyc.values import QuadPx, Redacted


# Thresholds of the unexplained ink (0–1) around a spot, chosen on generated pages of 150 dots per inch (the suites `ocr`
# and `ocr-copy` with other seeds than the measured ones): honest copies stayed below 0.13 in print and below 0.17 under
# stamp and signature; an exchanged tone mark gave 0.25–0.69, an exchanged digit 0.59 and more.
INK_AGREES = 0.17
INK_DIFFERS = 0.2
INK_DIFFERS_ALONE = 0.3
"""The same where the text reads alike: telephones and paper that bends give up to 0.28."""
INK_DIFFERS_PLAINLY = 0.3
"""So much unexplained ink is an alteration by itself: the text only has to say which."""
SPECK_PX = 25
"""Spots of unexplained ink with fewer pixels, in strips of 64 pixels' height, are toner or dust: they confirm nothing.
The smallest tone mark that was exchanged in the same pages gave 26."""
SURE_CHAR = 0.8
"""Confidence that both readings of a character need before a difference counts as confirmed."""
FAIRLY_SURE_CHAR = 0.4
"""The same where the ink differs plainly."""
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


def judge_line(
    original: LineText, copy: LineText, strips: StripDifference
) -> tuple[JudgedDifference, ...]:
    """All differences of one line.

    Args:
        original: the line as read from the original.
        copy: the same line as read from the copy.
        strips: both pictures, cut with the margins that were used for reading.
    """
    if original.chars and not copy.chars:
        return (_missing_line(strips),)
    solid = strips.without_specks(ink=INK_AGREES, area_px=SPECK_PX)
    judged = [
        _judge(difference, original.chars, copy.chars, (strips, solid))
        for difference in text_differences(original.text, copy.text)
    ]
    explained = max((item.ink for item in judged), default=0.0)
    if solid.peak >= INK_DIFFERS_ALONE and explained < solid.peak:
        judged.append(_picture_only(solid))
    return tuple(judged)


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


def _picture_only(strips: StripDifference) -> JudgedDifference:
    columns = strips.excess.max(axis=0) >= INK_AGREES
    marked = columns.nonzero()[0]
    width = len(columns)
    reach = _reach(strips)
    return JudgedDifference(
        status=DifferenceStatus.UNCLEAR,
        scope=DifferenceScope.PICTURE,
        kind=None,
        at=-1,
        at_copy=-1,
        ink=strips.peak,
        left=max(0.0, float(marked[0]) / width - reach),
        right=min(1.0, float(marked[-1] + 1) / width + reach),
    )


def _judge(
    difference: TextDifference,
    original: tuple[ReadChar, ...],
    copy: tuple[ReadChar, ...],
    strips: tuple[StripDifference, StripDifference],
) -> JudgedDifference:
    """``strips`` as they are, and without specks."""
    reach = _reach(strips[0])
    spans = [_span(original, difference.at_original), _span(copy, difference.at_copy)]
    if difference.kind is DifferenceClass.ADDED:
        spans = spans[1:]
    elif difference.kind is DifferenceClass.MISSING:
        spans = spans[:1]
    left = min(start for start, _ in spans) - reach
    right = max(end for _, end in spans) + reach
    ink, solid = (strip.peak_between(left, right) for strip in strips)
    return JudgedDifference(
        status=_status(difference, original, copy, (ink, solid)),
        scope=DifferenceScope.CHARACTER,
        kind=difference.kind,
        at=difference.at_original,
        at_copy=difference.at_copy,
        ink=ink,
        left=max(0.0, left),
        right=min(1.0, right),
    )


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
        return DifferenceStatus.WOBBLE if solid < INK_DIFFERS_ALONE else DifferenceStatus.UNCLEAR
    seen = list[float]()
    if difference.kind is not DifferenceClass.ADDED:
        seen.append(original[difference.at_original].confidence)
    if difference.kind is not DifferenceClass.MISSING:
        seen.append(copy[difference.at_copy].confidence)
    needed = FAIRLY_SURE_CHAR if solid >= INK_DIFFERS_PLAINLY else SURE_CHAR
    if solid >= INK_DIFFERS and min(seen) >= needed:
        return DifferenceStatus.CONFIRMED
    return DifferenceStatus.UNCLEAR


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

"""One line of a copy against the same line of the original: what reads differently, and does the picture agree?

Reading wobbles: the same print, scanned twice, is not always read alike. Pictures wobble too: dirt, stamps, folds.
An alteration shows in both. So each difference of the text is held against the ink at its place:

===================  ============================  =========================
text                 ink at that place             difference is
===================  ============================  =========================
differs, both sure   differs                       CONFIRMED
differs              differs a little, or unsure   UNCLEAR
differs              agrees                        WOBBLE
agrees               differs strongly              UNCLEAR (picture only)
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


# Thresholds of the unexplained ink (0–1) around a spot, chosen on generated pages of 150 dots per inch through three
# simulated scanners (`ekyc bench run ocr`): honest copies stayed below 0.13 in print and below 0.17 under stamp and
# signature; an exchanged tone mark gave 0.25–0.69, an exchanged digit 0.59 and more.
INK_AGREES = 0.17
INK_DIFFERS = 0.2
INK_DIFFERS_ALONE = 0.2
SURE_CHAR = 0.8
"""Confidence that both readings of a character need before a difference counts as confirmed."""


class DifferenceStatus(StrEnum):
    """How sure a difference is."""

    CONFIRMED = "CONFIRMED"
    UNCLEAR = "UNCLEAR"
    WOBBLE = "WOBBLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDifference:
    """One place where a copy may differ from its original."""

    status: DifferenceStatus
    kind: DifferenceClass | None
    """Class of the difference in the text; None when only the pictures differ."""
    page: int
    line: int
    """Index of the line among the original's lines; -1 for a place outside all of them."""
    at: int
    """Index of the character in the original's line; -1 when only the pictures differ."""
    quad: QuadPx
    """The line, or the differing region, in pixels of the original's page."""
    ink: float
    """Largest unexplained ink at the place, 0–1."""
    original: Redacted[str]
    """The character as the original has it; empty where the copy has more."""
    copy: Redacted[str]
    """The character as the copy has it; empty where the copy has less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDifference:
    """A difference within a line, before it is placed on a page."""

    status: DifferenceStatus
    kind: DifferenceClass | None
    at: int
    at_copy: int
    ink: float


def judge_line(
    original: LineText, copy: LineText, strips: StripDifference
) -> tuple[JudgedDifference, ...]:
    """All differences of one line.

    Args:
        original: the line as read from the original.
        copy: the same line as read from the copy.
        strips: both pictures, cut with the margins that were used for reading.
    """
    judged = [
        _judge(difference, original.chars, copy.chars, strips)
        for difference in text_differences(original.text, copy.text)
    ]
    explained = max((item.ink for item in judged), default=0.0)
    if strips.peak >= INK_DIFFERS_ALONE and explained < strips.peak:
        judged.append(
            JudgedDifference(
                status=DifferenceStatus.UNCLEAR, kind=None, at=-1, at_copy=-1, ink=strips.peak
            )
        )
    return tuple(judged)


def _judge(
    difference: TextDifference,
    original: tuple[ReadChar, ...],
    copy: tuple[ReadChar, ...],
    strips: StripDifference,
) -> JudgedDifference:
    reach = _reach(strips)
    spans = [_span(original, difference.at_original), _span(copy, difference.at_copy)]
    if difference.kind is DifferenceClass.ADDED:
        spans = spans[1:]
    elif difference.kind is DifferenceClass.MISSING:
        spans = spans[:1]
    left = min(start for start, _ in spans) - reach
    right = max(end for _, end in spans) + reach
    ink = strips.peak_between(left, right)
    return JudgedDifference(
        status=_status(difference, original, copy, ink),
        kind=difference.kind,
        at=difference.at_original,
        at_copy=difference.at_copy,
        ink=ink,
    )


def _status(
    difference: TextDifference,
    original: tuple[ReadChar, ...],
    copy: tuple[ReadChar, ...],
    ink: float,
) -> DifferenceStatus:
    if ink < INK_AGREES:
        return DifferenceStatus.WOBBLE
    if difference.kind is DifferenceClass.PUNCTUATION:
        return DifferenceStatus.WOBBLE if ink < INK_DIFFERS else DifferenceStatus.UNCLEAR
    seen = list[float]()
    if difference.kind is not DifferenceClass.ADDED:
        seen.append(original[difference.at_original].confidence)
    if difference.kind is not DifferenceClass.MISSING:
        seen.append(copy[difference.at_copy].confidence)
    if ink >= INK_DIFFERS and min(seen) >= SURE_CHAR:
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

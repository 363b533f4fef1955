"""The machine readable zone of a photographed card: three lines found among the lines read, repaired, checked.

What is known of the Vietnamese zone is used to repair, what the check digits prove is never invented:

1. Recognisers miscount runs of fillers; the number of fillers follows from the other characters of the line.
2. Digits where only letters stand become the letters they look like.
3. Letters where only digits stand are put right if exactly one way satisfies all check digits
   (:mod:`ekyc.ocr.mrz_correction`).
4. A check digit that does not hold afterwards is a reason, not a task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ekyc.errors import InputError
from ekyc.mrz import Mrz, strip_diacritics
from ekyc.ocr.mrz_correction import LOOKALIKES, correct_td1

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINE = 30
_DIGITLIKE = f"[0-9{''.join(sorted(LOOKALIKES))}]"
_TO_LETTER = str.maketrans("0125678", "OIZSGTB")
_FILLERS = str.maketrans(
    {"-": "<", "«": "<<", "‹": "<", "(": "<", "{": "<", "[": "<", "≤": "<", "_": "<"}
)
_ALLOWED = re.compile(r"[^A-Z0-9<]")
_MIN_CHARS = 18
_MAX_CANDIDATES = 12

_LINE_1 = re.compile(rf"^{_DIGITLIKE}{{23}}$")
_LINE_2 = re.compile(
    rf"^({_DIGITLIKE}{{7}})([MF<])({_DIGITLIKE}{{7}})([A-Z]{{3}})<*({_DIGITLIKE})$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MrzReading:
    """A zone, or the reason why there is none."""

    mrz: Mrz | None = None
    reason: str = ""
    """Reason code when ``mrz`` is None: ``card.mrz_missing``, ``card.mrz_check_digit`` or ``card.mrz_ambiguous``."""


def read_mrz(lines: Sequence[str]) -> MrzReading:
    """Find the zone among the lines of a page.

    Args:
        lines: texts in reading order.
    """
    candidates = [
        (index, zone_text(line)) for index, line in enumerate(lines) if _looks_like_zone(line)
    ][-_MAX_CANDIDATES:]
    reason = "card.mrz_missing"
    for start in range(len(candidates) - 2):
        group = candidates[start : start + 3]
        if group[2][0] - group[0][0] != 2:
            continue
        repaired = repair_td1(*(text for _, text in group))
        if repaired is None:
            continue
        try:
            return MrzReading(mrz=correct_td1(repaired))
        except InputError as error:
            ambiguous = error.code == "mrz.ambiguous"
            reason = "card.mrz_ambiguous" if ambiguous else "card.mrz_check_digit"
    return MrzReading(reason=reason)


def zone_text(line: str) -> str:
    """A line in the alphabet of the zone: capitals, digits, fillers; nothing else."""
    return _ALLOWED.sub("", strip_diacritics(line).upper().replace(" ", "").translate(_FILLERS))


def _looks_like_zone(line: str) -> bool:
    text = zone_text(line)
    mostly_digits = sum(char.isdigit() for char in text) > len(text) // 2
    return "<<" in text or (len(text) >= _MIN_CHARS and ("<" in text or mostly_digits))


def repair_td1(one: str, two: str, three: str) -> str | None:
    """The 90 characters of a Vietnamese zone from three lines as read; None when they do not have its shape."""
    first, second, third = _repair_one(one), _repair_two(two), _repair_three(three)
    if first is None or second is None or third is None:
        return None
    return first + second + third


def _repair_one(text: str) -> str | None:
    """``IDVNM`` nine digits, check digit, twelve digits, two fillers, check digit."""
    head, digits = text[:5].translate(_TO_LETTER), text[5:].replace("<", "")
    if _LINE_1.match(digits) is None:
        return text if len(text) == _LINE else None
    return f"{head}{digits[:22]}<<{digits[22]}"


def _repair_two(text: str) -> str | None:
    """Birth, check digit, sex, expiry, check digit, ``VNM``, eleven fillers, composite check digit."""
    if len(text) < 19:
        return None
    match = _LINE_2.match(text[:15] + text[15:18].translate(_TO_LETTER) + text[18:])
    if match is None:
        return text if len(text) == _LINE else None
    return f"{''.join(match.groups()[:4])}{'<' * 11}{match[5]}"


def _repair_three(text: str) -> str | None:
    """Letters and fillers, filled up to thirty."""
    letters = text.translate(_TO_LETTER).rstrip("<")
    if not letters or len(letters) > _LINE:
        return None
    return letters.ljust(_LINE, "<")

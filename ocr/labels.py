"""Printed labels on lines of text, found in spite of misread letters; what stands behind them is a field's value.

Labels are data (``ocr/data/*.toml``). A label matches when its letters, without diacritics, capitals, spaces and
punctuation, occur in the line with few edits (Sellers' approximate search). It counts

* at the start of a line, or
* anywhere when a colon follows, because detectors merge neighbouring columns,

and where two labels claim the same letters the longer one wins: *Họ, chữ đệm, tên người mẹ* is no *Họ, chữ đệm, tên*.

Translations are printed small. Behind a label and a stroke, *Họ và tên / Full name*, one is known by fewer of its
letters: nothing else stands there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ekyc.mrz import strip_diacritics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_EDITS_PER_LETTER = 0.2
"""Allowed edits of a label; below five letters a label must match exactly."""
_EDITS_OF_TRANSLATION = 0.4
_REST_OF_WORD = 2
"""Letters that a label's last word may have too many."""
_JOINTS = " /:.,;-–|'\"()"
"""What may stand between a label, its translation and the value."""
_BEHIND_SHORT = re.compile(r"\s*([:;/.]|\d{6}|$)")
"""What follows a label of two letters at the start of a line."""
_LEADERS = ".…_"
"""Dots printed to write on."""
_TRAILING_LEADERS = re.compile(r"([._]{3,}|…)[\s.…_/:,;|\-–]*\Z")
_MAX_LINE = 300
"""Letters of a line that are searched; bounds the time on nonsense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A text reduced to letters and digits without diacritics, lower case, and the way back."""

    letters: str
    origins: tuple[int, ...]
    """Index in the source of each letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelHit:
    """A label found in a line."""

    field: str
    start: int
    """Index of its first character in the line."""
    end: int
    """Index behind its last character."""
    letters: int
    """Length of the label that matched, folded."""
    edits: int


def fold(text: str) -> Folded:
    """Letters and digits only, lower case, without diacritics."""
    letters: list[str] = []
    origins: list[int] = []
    for index, char in enumerate(text[:_MAX_LINE]):
        for letter in strip_diacritics(char).lower():
            if letter.isalnum():
                letters.append(letter)
                origins.append(index)
    return Folded(letters="".join(letters), origins=tuple(origins))


def find_labels(text: str, labels: Sequence[tuple[str, str]]) -> tuple[LabelHit, ...]:
    """Labels in a line, from left to right, none overlapping another.

    Args:
        text: the line.
        labels: pairs of field and label; labels are given as printed.
    """
    folded = fold(text)
    hits: list[LabelHit] = []
    for field, label in labels:
        pattern = fold(label).letters
        hit = _search(text, folded, pattern, field)
        if hit is not None and ":" not in text[hit.start : hit.end]:
            hits.append(hit)
    kept = _keep(hits, text)
    return _with_translations(kept, text, labels)


def _search(text: str, folded: Folded, pattern: str, field: str) -> LabelHit | None:
    if not pattern:
        return None
    allowed = 0 if len(pattern) < 5 else int(len(pattern) * _EDITS_PER_LETTER)
    found = best_match(pattern, folded.letters, allowed)
    if found is None:
        return None
    start, end, edits = found
    return LabelHit(
        field=field,
        start=folded.origins[start],
        end=_word_end(text, folded.origins[end - 1] + 1)
        if allowed
        else folded.origins[end - 1] + 1,
        letters=len(pattern),
        edits=edits,
    )


def _word_end(text: str, end: int) -> int:
    """Where the word ends of which all but a misread letter or two matched."""
    rest = re.match(r"\w+", text[end:])
    return end + rest.end() if rest is not None and rest.end() <= _REST_OF_WORD else end


def _with_translations(
    hits: Sequence[LabelHit], text: str, labels: Sequence[tuple[str, str]]
) -> tuple[LabelHit, ...]:
    """The hits, and behind each that a stroke follows the translation of its label, if it was not found yet."""
    every: list[LabelHit] = []
    for i, hit in enumerate(hits):
        every.append(hit)
        end = hits[i + 1].start if i + 1 < len(hits) else len(text)
        rest = text[hit.end : end]
        if "/" not in rest[: len(rest) - len(rest.lstrip(_JOINTS))]:
            continue
        others = [label for field, label in labels if field == hit.field]
        found = [_translation(rest, fold(label).letters) for label in others]
        best = max((item for item in found if item is not None), default=None)
        if best is not None:
            letters, stop, edits = best
            start = hit.end + len(rest) - len(rest.lstrip(_JOINTS))
            stop = min(end, _word_end(text, hit.end + stop))
            every.append(
                LabelHit(field=hit.field, start=start, end=stop, letters=letters, edits=edits)
            )
    return tuple(every)


def _translation(rest: str, pattern: str) -> tuple[int, int, int] | None:
    """Letters of the translation, index behind it in ``rest`` and edits, if ``rest`` begins with it."""
    allowed = int(len(pattern) * _EDITS_OF_TRANSLATION)
    folded = fold(rest[: 2 * len(pattern) + 8])
    found = best_match(pattern, folded.letters, allowed) if pattern else None
    if found is None or found[0] > allowed:
        return None
    start, end, edits = found
    if start + edits > allowed:
        return None
    return len(pattern), folded.origins[end - 1] + 1, start + edits


def best_match(pattern: str, text: str, allowed: int) -> tuple[int, int, int] | None:
    """The place in ``text`` where ``pattern`` occurs with the fewest edits: (start, end, edits).

    P. Sellers, "The theory and computation of evolutionary distances" (1980): edit distance with a free start.
    None when more than ``allowed`` edits are needed everywhere. The leftmost of equal places is taken.
    """
    # One column per letter of the text: cost and start of the best match of pattern[:i] that ends there.
    column = [(i, 0) for i in range(len(pattern) + 1)]
    best: tuple[int, int, int] | None = None
    for j, letter in enumerate(text, start=1):
        previous, column = column, [(0, j)]
        for i, wanted in enumerate(pattern, start=1):
            column.append(
                min(
                    (previous[i - 1][0] + (letter != wanted), previous[i - 1][1]),
                    (previous[i][0] + 1, previous[i][1]),
                    (column[i - 1][0] + 1, column[i - 1][1]),
                )
            )
        cost, start = column[-1]
        if cost <= allowed and start < j and (best is None or cost < best[2]):
            best = (start, j, cost)
    return best


def _keep(hits: Iterable[LabelHit], text: str) -> tuple[LabelHit, ...]:
    """The longest of overlapping hits, then only those that stand where a label may stand."""
    chosen: list[LabelHit] = []
    for hit in sorted(hits, key=lambda item: (-(item.letters - 3 * item.edits), item.start)):
        if all(hit.end <= other.start or hit.start >= other.end for other in chosen):
            chosen.append(hit)
    kept: list[LabelHit] = []
    for hit in sorted(chosen, key=lambda item: item.start):
        behind_label = bool(kept) and not text[kept[-1].end : hit.start].strip(_JOINTS)
        begins = _at_start(hit, text) or behind_label
        if (begins and _long_enough(hit, text)) or _before_colon(hit, text, chosen):
            kept.append(hit)
    return tuple(kept)


def _at_start(hit: LabelHit, text: str) -> bool:
    return not text[: hit.start].strip(_JOINTS) and _ends_a_word(hit, text)


def _long_enough(hit: LabelHit, text: str) -> bool:
    """*Số 12 đường Lê Lợi* is the beginning of an address, *Số: 12/2026* a label."""
    return hit.letters > 2 or _BEHIND_SHORT.match(text, hit.end) is not None


def _ends_a_word(hit: LabelHit, text: str) -> bool:
    rest = text[hit.end :]
    return not rest or not rest[0].isalnum()


def _before_colon(hit: LabelHit, text: str, chosen: Sequence[LabelHit]) -> bool:
    if hit.start and text[hit.start - 1].isalnum():
        return False
    rest = text[hit.end :].lstrip()
    if rest.startswith((":", ";")):
        return True
    following = next((other for other in chosen if other.start >= hit.end), None)
    return (
        following is not None
        and following.field == hit.field
        and not text[hit.end : following.start].strip(_JOINTS)
    )


def value_behind(text: str, start: int, end: int) -> tuple[int, int]:
    """``text[start:end]`` without the joints at both ends, as (start, end); a closing bracket or full stop may stay.

    Of dots printed to write on, those before and behind the value are left out too.
    """
    while start < end and (text[start] in _JOINTS or text[start] in _LEADERS):
        start += 1
    behind = _TRAILING_LEADERS.search(text, start, end)
    if behind is not None:
        end = behind.start()
    while end > start and text[end - 1] in " /:,;-–|":
        end -= 1
    return start, end

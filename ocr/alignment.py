"""Sequence alignment: edit distance, and Needleman–Wunsch with the kinds of difference that matter here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from ekyc.mrz import strip_diacritics

_T = TypeVar("_T")


class DifferenceClass(StrEnum):
    """What kind of difference two texts show at one place."""

    DIGIT = "digit"
    """One digit stands for another, or a digit for a letter."""
    LETTER = "letter"
    """Another letter."""
    DIACRITIC = "diacritic"
    """The same letter with other diacritics."""
    PUNCTUATION = "punctuation"
    """Punctuation, spacing or capitals."""
    MISSING = "missing"
    """A letter or digit of the original is missing from the copy."""
    ADDED = "added"
    """The copy has a letter or digit that the original lacks."""
    MOVED = "moved"
    """A line that stands elsewhere in the copy."""
    CUT_OFF = "cut_off"
    """Something of the original that lies outside the copy's picture, or partly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDifference:
    """One place where two texts differ; indices into both."""

    kind: DifferenceClass
    at_original: int
    """Index in the original's text; where a character was added, the index of the one behind it."""
    at_copy: int


def edit_distance(one: str, other: str) -> int:
    """Least number of inserted, deleted and replaced characters (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        previous, row = row, [i]
        for j, b in enumerate(other, start=1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (a != b)))
    return row[-1]


def align(
    one: Sequence[_T],
    other: Sequence[_T],
    *,
    replace_cost: Callable[[_T, _T], float],
    gap_cost: float = 1.0,
) -> tuple[tuple[int | None, int | None], ...]:
    """Pair two sequences in order with the least cost (Needleman & Wunsch 1970).

    Returns:
        Pairs of indices; None where one side has nothing.
    """
    rows, columns = len(one), len(other)
    cost = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(1, rows + 1):
        cost[i][0] = i * gap_cost
    for j in range(1, columns + 1):
        cost[0][j] = j * gap_cost
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            cost[i][j] = min(
                cost[i - 1][j - 1] + replace_cost(one[i - 1], other[j - 1]),
                cost[i - 1][j] + gap_cost,
                cost[i][j - 1] + gap_cost,
            )
    pairs: list[tuple[int | None, int | None]] = []
    i, j = rows, columns
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + replace_cost(one[i - 1], other[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and cost[i][j] == cost[i - 1][j] + gap_cost:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return tuple(reversed(pairs))


def text_differences(original: str, copy: str) -> tuple[TextDifference, ...]:
    """Where a copy's text differs from the original's, character by character, in order.

    Both texts are expected in NFC. Equal letters with other diacritics are paired before unlike ones.
    """
    differences: list[TextDifference] = []
    next_original = next_copy = 0
    for i, j in align(original, copy, replace_cost=_char_cost):
        if i is not None and j is not None:
            if original[i] != copy[j]:
                differences.append(
                    TextDifference(kind=_class_of(original[i], copy[j]), at_original=i, at_copy=j)
                )
        else:
            char = original[i] if i is not None else copy[j or 0]
            side = DifferenceClass.MISSING if i is not None else DifferenceClass.ADDED
            differences.append(
                TextDifference(
                    kind=side if char.isalnum() else DifferenceClass.PUNCTUATION,
                    at_original=next_original,
                    at_copy=next_copy,
                )
            )
        next_original += i is not None
        next_copy += j is not None
    return tuple(differences)


def _char_cost(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if _folded(one) == _folded(other):
        return 0.5
    alike = one.isalnum() == other.isalnum()
    return 1.0 if alike else 1.75


def _class_of(one: str, other: str) -> DifferenceClass:
    if one.isdigit() or other.isdigit():
        return DifferenceClass.DIGIT
    if not one.isalnum() or not other.isalnum():
        return DifferenceClass.PUNCTUATION
    if one.lower() == other.lower():
        return DifferenceClass.PUNCTUATION
    if _folded(one) == _folded(other):
        return DifferenceClass.DIACRITIC
    return DifferenceClass.LETTER


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    """Without diacritics and capitals; asked for every pair of characters of two lines."""
    return strip_diacritics(char).lower()

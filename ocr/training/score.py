"""From probabilities to text and from texts to figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from training.charset import accented_letters

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ACCENTED = frozenset(accented_letters())


@dataclass(slots=True)
class Score:
    """Running figures over lines of truth and reading."""

    edits: int = 0
    letters: int = 0
    exact: int = 0
    lines: int = 0
    accented: int = 0
    accented_wrong: int = 0
    wrong: list[tuple[int, str, str]] = field(default_factory=list)
    """Number of the line, truth, reading."""

    def add(self, truth: str, read: str) -> None:
        """Count one line."""
        truth = with_plain_dots(truth)
        path = _edit_path(truth, read)
        self.edits += path.edits
        self.letters += len(truth)
        self.accented += sum(letter in _ACCENTED for letter in truth)
        self.accented_wrong += sum(letter in _ACCENTED for letter in path.changed)
        if truth == read:
            self.exact += 1
        else:
            self.wrong.append((self.lines, truth, read))
        self.lines += 1

    @property
    def cer_percent(self) -> float:
        """Edits per letter of the truth."""
        return 100 * self.edits / max(1, self.letters)

    @property
    def exact_percent(self) -> float:
        """Lines read without any error."""
        return 100 * self.exact / max(1, self.lines)

    @property
    def accented_percent(self) -> float:
        """Accented letters of the truth that were not read as they stand."""
        return 100 * self.accented_wrong / max(1, self.accented)

    def __str__(self) -> str:
        return (
            f"CER {self.cer_percent:.2f} %, exact {self.exact_percent:.1f} %, accented letters wrong "
            f"{self.accented_percent:.2f} % ({self.lines} lines, {self.letters} letters)"
        )


def with_plain_dots(text: str) -> str:
    """No eye tells the one sign … from three dots: the net writes the three."""
    return text.replace("…", "...")


def decode(log_probs: NDArray[np.float32], classes: tuple[str, ...]) -> str:
    """The best path's text: (steps, classes) → single spaces, none at the ends."""
    best = log_probs.argmax(axis=1)
    kept = best[np.flatnonzero(np.diff(best, prepend=-1))]
    return " ".join("".join(classes[label] for label in kept if label).split())


def edit_distance(truth: str, read: str) -> int:
    """Fewest insertions, deletions and replacements."""
    return _edit_path(truth, read).edits


def right_letters(truth: str, read: str) -> tuple[bool, ...]:
    """For every letter read, whether the truth has it at that place."""
    return _edit_path(truth, read).right


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    edits: int
    changed: tuple[str, ...]
    right: tuple[bool, ...]


def _edit_path(truth: str, read: str) -> _Path:
    """Fewest insertions, deletions and replacements, and which letters they hit."""
    rows = [list(range(len(read) + 1))]
    for i, a in enumerate(truth, 1):
        above, row = rows[-1], [i]
        for j, b in enumerate(read, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b)))
        rows.append(row)
    changed: list[str] = []
    right = [False] * len(read)
    i, j = len(truth), len(read)
    while i:
        if j and rows[i][j] == rows[i - 1][j - 1] + (truth[i - 1] != read[j - 1]):
            right[j - 1] = truth[i - 1] == read[j - 1]
            if not right[j - 1]:
                changed.append(truth[i - 1])
            i, j = i - 1, j - 1
        elif rows[i][j] == rows[i - 1][j] + 1:
            changed.append(truth[i - 1])
            i -= 1
        else:
            j -= 1
    return _Path(edits=rows[-1][-1], changed=tuple(changed), right=tuple(right))

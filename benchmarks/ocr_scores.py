"""How readings are held against the truth, for the suites ``ocr-lines`` and ``ocr-documents``."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ekyc.errors import InputError
from ekyc.mrz import strip_diacritics
from ekyc.ocr.alignment import align, edit_distance

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LineScore:
    """One line of truth against what was read of it."""

    letters: int
    """Characters of the truth."""
    errors: int
    """Edit distance."""
    accented: int
    """Accented letters of the truth."""
    accented_wrong: int
    """Those of them that were not reproduced exactly."""

    @property
    def exact(self) -> bool:
        return not self.errors


def score_line(truth: str, read: str) -> LineScore:
    """Hold a reading against the truth; both NFC, single spaces."""
    truth, read = _tidy(truth), _tidy(read)
    accented = [i for i, char in enumerate(truth) if is_accented(char)]
    errors = edit_distance(truth, read)
    wrong = 0
    if errors and accented:
        pairs = align(truth, read, replace_cost=lambda a, b: float(a != b))
        kept = {i for i, j in pairs if i is not None and j is not None and truth[i] == read[j]}
        wrong = sum(i not in kept for i in accented)
    return LineScore(
        letters=len(truth), errors=errors, accented=len(accented), accented_wrong=wrong
    )


def is_accented(char: str) -> bool:
    """Whether a letter is one of the 134 that English does not have."""
    return char.isalpha() and strip_diacritics(char) != char


def cer(scores: Iterable[LineScore]) -> float:
    """Character error rate of all lines together."""
    kept = list(scores)
    return sum(score.errors for score in kept) / max(1, sum(score.letters for score in kept))


def accented_error(scores: Iterable[LineScore]) -> float:
    """Share of the truth's accented letters that were not reproduced exactly."""
    kept = list(scores)
    accented = sum(score.accented for score in kept)
    return sum(score.accented_wrong for score in kept) / max(1, accented)


def score_closest(truth: Sequence[str], read: Sequence[str]) -> list[LineScore]:
    """Each line of truth against the line read that is closest to it: for scans whose lines have no known places.

    It flatters: lines that were read where there is no text cost nothing.
    """
    lines = [line for line in map(_tidy, read) if line] or [""]
    scores = []
    for line in truth:
        wanted = _tidy(line)
        closest = min(lines, key=lambda found: edit_distance(wanted, found))
        scores.append(score_line(wanted, closest))
    return scores


def line_sets(folder: Path) -> dict[str, Path]:
    """Folders with a ``lines.jsonl`` by the name of their set: ``hard`` for generated ones under ``synth``.

    Raises:
        InputError: there is none (code ``bench.no_data``).
    """
    if (folder / "lines.jsonl").is_file():
        return {"hard": folder}
    found = {
        "hard" if path.parent.name == "synth" else path.parent.name: path.parent
        for path in sorted(folder.glob("*/lines.jsonl"))
    }
    if not found:
        raise InputError("the truth is missing", code="bench.no_data", subject="lines.jsonl")
    return found


def read_truth(file: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines.

    Raises:
        InputError: the file is missing (code ``bench.no_data``).
    """
    if not file.is_file():
        raise InputError("the truth is missing", code="bench.no_data", subject=file.name)
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())

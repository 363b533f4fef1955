"""A line read once more with language in mind: what would a Vietnamese text have here, where the net itself wavers?

1. The best path is cut at its certain spaces. Words that nothing speaks against are left alone, and so are words with
   digits or with capitals inside: numbers and codes follow no language.
2. For each doubtful word a prefix beam search gives what else may stand there and how probable the picture makes it.
3. A letter may be exchanged for a letter of the same case, one for one; spaces, signs and digits stay as they are. Each
   such spelling is weighed by the syllable before it and after it, with the power :data:`_WEIGHT`.
4. How much an unknown word counts is learnt from the line itself: where its certain words are no Vietnamese, language has
   little to say about the others.

It is a second opinion *beside* the letters as read, never in their place: a line keeps what the net alone read, and
whatever compares prints, or reads numbers, uses that. What language makes likely is not what stands there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, log
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.ocr.beam import likely_labels
from ekyc.ocr.ctc import BLANK, ReadChar
from ekyc.ocr.language import LanguageModel, syllables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr.ctc import BestPath, PathDoubts
    from ekyc.values import FloatArray

# Chosen on generated lines of Vietnamese in faces that training never drew; figures in the model card.
_WEIGHT: Final = 0.65
_DOUBTFUL: Final = log(0.97)
"""A word whose text is less probable than this is looked at again."""
_SURE_NEIGHBOUR: Final = log(0.9)
_SURE_SPACE: Final = log(0.95)
_UNKNOWN_BEFORE, _WORDS_BEFORE = 1.0, 6.0
"""Before a line is seen, one word in six is taken for unknown."""
_BEAMS, _LEAST = 10, -6.5
_SILENT: Final = log(0.9995)
_FARTHEST: Final = 9.0
"""Spellings so much less likely than the likeliest by their picture (a logarithm) are not weighed."""
MAX_STEPS: Final = 160
"""Longer stretches without a certain space are no word."""
MAX_WORDS: Final = 12
"""Of a line with more doubtful words the rest stays as read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtedLine:
    """A line as a net gave it."""

    log_probs: FloatArray
    """float32, shape (time, classes), natural logarithms of probabilities."""
    path: BestPath
    doubts: PathDoubts
    chars: tuple[ReadChar, ...]
    """The path's characters, none left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelyReading:
    """A line's characters as language makes them likely: as many as were read, at the same places."""

    chars: tuple[ReadChar, ...]
    evidence: float
    """How little speaks against this text when picture and language are weighed together, 0–1, raw, for calibration."""


@dataclass(frozen=True, slots=True)
class _Word:
    first: int
    """Its first step and character …"""
    at: int
    end: int
    """… and those behind its last."""
    at_end: int
    doubt: float
    """Logarithm of how probable the text as read is."""
    text: str


@dataclass(frozen=True, slots=True)
class _Choice:
    """One word's spelling: its characters with the confidence of those that were exchanged, and its probability."""

    chars: tuple[tuple[str, float | None], ...]
    log_evidence: float


def read_with_language(
    line: DoubtedLine, vocabulary: tuple[str, ...], model: LanguageModel
) -> LikelyReading:
    """The likely text of a line.

    Args:
        line: as the net gave it.
        vocabulary: the text of each class.
        model: the language.
    """
    chars, total = line.chars, line.doubts.total
    if total >= _DOUBTFUL or not chars:
        return LikelyReading(chars=chars, evidence=exp(total))
    words = _words(line)
    unknown = _unknown_share(words, model)
    likely = list(chars)
    left, before = MAX_WORDS, ""
    for word, after in zip(words, (*words[1:], None), strict=True):
        if left and _may_change(word):
            left -= 1
            following = _first_syllable(after) if after and after.doubt >= _SURE_NEIGHBOUR else ""
            choice = _Weighing(vocabulary, model, unknown, before, following).choose(
                word, _without_silence(line.log_probs[word.first : word.end])
            )
            total += choice.log_evidence - word.doubt
            for i, (char, confidence) in enumerate(choice.chars, word.at):
                if confidence is not None:
                    likely[i] = replace(likely[i], char=char, confidence=confidence)
        before = _last_syllable("".join(char.char for char in likely[word.at : word.at_end]))
    return LikelyReading(chars=tuple(likely), evidence=min(1.0, exp(min(0.0, total))))


def _words(line: DoubtedLine) -> list[_Word]:
    path, chars = line.path, line.chars
    spoken = path.labels[path.starts]
    kept = np.flatnonzero(spoken != BLANK)
    ends = np.append(path.starts[1:], len(path.labels))
    cuts = [
        i for i, char in enumerate(chars) if char.char == " " and path.peaks[kept[i]] > _SURE_SPACE
    ]
    agreed = np.concatenate(((0.0,), np.cumsum(line.doubts.steps)))
    peaked = np.concatenate(((0.0,), np.cumsum(line.doubts.chars, dtype=np.float64)))
    words: list[_Word] = []
    for before, behind in pairwise((-1, *cuts, len(chars))):
        at, at_end = before + 1, behind
        if at == at_end:
            continue
        first = int(ends[kept[before]]) if before >= 0 else 0
        end = int(path.starts[kept[behind]]) if behind < len(chars) else len(path.labels)
        doubt = float(agreed[end] - agreed[first] + peaked[at_end] - peaked[at])
        text = "".join(char.char for char in chars[at:at_end])
        words.append(_Word(first, at, end, at_end, doubt, text))
    return words


def _without_silence(log_probs: FloatArray) -> FloatArray:
    """Of several steps in a row that are certainly blank one is left: the others say nothing and cost as much."""
    silent = log_probs[:, BLANK] > _SILENT
    kept = ~silent
    kept[1:] |= ~silent[:-1]
    kept[:1] = True
    return log_probs[kept]


def _unknown_share(words: Sequence[_Word], model: LanguageModel) -> float:
    """How many of the words the line is taken to hold the model does not know, 0–1, by the certain ones."""
    seen = unknown = 0
    for word in words:
        if word.doubt >= _DOUBTFUL and not _has_digit(word.text):
            syllables = syllables_of(word.text)
            seen += len(syllables)
            unknown += sum(syllable not in model.used for syllable in syllables)
    return (unknown + _UNKNOWN_BEFORE) / (seen + _WORDS_BEFORE)


def _may_change(word: _Word) -> bool:
    if word.doubt >= _DOUBTFUL or word.end - word.first > MAX_STEPS or _has_digit(word.text):
        return False
    letters = ["".join(filter(str.isalpha, part)) for part in word.text.split()]
    return any(letters) and all(
        part.islower() or part.isupper() or part[1:].islower() for part in letters if part
    )


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)


def _first_syllable(word: _Word) -> str:
    syllables = syllables_of(word.text) if word.text[:1].isalpha() else ()
    return syllables[0] if syllables else ""


def _last_syllable(text: str) -> str:
    """The last syllable, where no sign stands behind it."""
    syllables = syllables_of(text) if text[-1:].isalpha() else ()
    return syllables[-1] if syllables else ""


class _Weighing:
    """Spellings of one word, weighed by picture and language together."""

    def __init__(
        self,
        vocabulary: tuple[str, ...],
        model: LanguageModel,
        unknown: float,
        before: str,
        following: str,
    ) -> None:
        self._vocabulary, self._model, self._unknown = vocabulary, model, unknown
        self._before, self._following = before, following

    def choose(self, word: _Word, log_probs: FloatArray) -> _Choice:
        found = [
            ("".join(self._vocabulary[label] for label in labels), seen)
            for labels, seen in likely_labels(log_probs, width=_BEAMS, least=_LEAST)
        ]
        top = found[0][1]
        alike = [
            (seen + _WEIGHT * self._language(text), seen, text)
            for text, seen in found
            if seen > top - _FARTHEST and _differs_in_letters_only(word.text, text)
        ]
        if not alike:
            return _Choice((), word.doubt)
        best, seen, text = max(alike)
        # What differs in more than letters has no say about the language: there the pictures alone compete.
        against = sum(
            exp(other - seen)
            for other_text, other in found
            if not _differs_in_letters_only(word.text, other_text)
        )
        shares = [(exp(score - best), spelt) for score, _, spelt in alike]
        whole = sum(share for share, _ in shares) + against
        chars = tuple(
            (new, None if new == old else sum(p for p, spelt in shares if spelt[i] == new) / whole)
            for i, (old, new) in enumerate(zip(word.text, text, strict=True))
        )
        return _Choice(chars, -log(whole))

    def _language(self, text: str) -> float:
        total, before = 0.0, self._before
        for syllable in (*syllables_of(text), *((self._following,) if self._following else ())):
            total += log(self._model.probability(syllable, before, self._unknown))
            before = syllable
        return total


def _differs_in_letters_only(one: str, other: str) -> bool:
    return len(one) == len(other) and all(
        a == b or (a.isalpha() and b.isalpha() and a.isupper() == b.isupper())
        for a, b in zip(one, other, strict=True)
    )

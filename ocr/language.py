"""How likely a syllable is in Vietnamese: what spelling allows, which syllables are used, which follow which.

The counts come from texts of our own (``training.language``), not from any book or paper; the model is a few hundred
kilobytes. It knows syllables, no letters' shapes: what it says is held against a picture by
:mod:`ekyc.ocr.language_reading`, and only where a reading is asked for that may lean on language.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ekyc.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SYLLABLE: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_FOREIGN: Final = 1e-6
"""Probability of one syllable that spelling does not allow, where all of a line's words are unknown."""
_NEW_FOLLOWERS: Final = 1.5
"""So many times its different followers a syllable is taken to be followed by something not counted (Witten and Bell)."""


def syllables_of(text: str) -> tuple[str, ...]:
    """The words of letters in a text, small."""
    return tuple(word.lower() for word in _SYLLABLE.findall(text))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LanguageModel:
    """Probabilities of syllables, small letters, NFC."""

    used: Mapping[str, float]
    """Share of each syllable among those that are used; together 1."""
    followers: Mapping[str, Mapping[str, float]]
    """After a syllable, how often each other was counted."""
    allowed: frozenset[str]
    """What spelling allows."""

    def probability(self, syllable: str, before: str, unknown: float) -> float:
        """Of a syllable after another, 0–1, never 0.

        Args:
            syllable: small letters.
            before: the syllable before it; empty where there is none, or a sign stands between.
            unknown: share of words, 0–1, that the line is taken to hold and the model does not know.
        """
        alone = (1.0 - unknown) * self.used.get(syllable, 0.0)
        if syllable in self.allowed:
            alone += unknown / len(self.allowed)
        alone = max(alone, unknown * _FOREIGN)
        counted = self.followers.get(before)
        if not counted:
            return alone
        new = _NEW_FOLLOWERS * len(counted) + 1.0
        return (counted.get(syllable, 0.0) + new * alone) / (sum(counted.values()) + new)


def load_language(path: Path) -> LanguageModel:
    """From a JSON object: ``used`` and ``followers`` (numbers by syllable), ``allowed`` (syllables, one space between).

    Raises:
        ModelError: the file is missing or has another form (code ``model.bad_language``).
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        used = _counts(content["used"])
        total = sum(used.values())
        return LanguageModel(
            used={syllable: count / total for syllable, count in used.items()},
            followers={before: _counts(after) for before, after in content["followers"].items()},
            allowed=_syllables(content["allowed"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as exc:
        raise ModelError(
            "the language model cannot be read", code="model.bad_language", subject=path.name
        ) from exc


def _syllables(content: Any) -> frozenset[str]:
    found = frozenset(str(content).split())
    if not found:
        raise ValueError("no syllables")
    return found


def _counts(content: Any) -> dict[str, float]:
    counts = {str(syllable): float(count) for syllable, count in content.items()}
    if not all(0.0 < count < 1e9 for count in counts.values()):
        raise ValueError("a count that is none")
    return counts

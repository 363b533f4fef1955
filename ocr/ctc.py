"""Connectionist temporal classification, the greedy way: most likely class per time step → text.

A. Graves et al., "Connectionist Temporal Classification" (ICML 2006) §3.2, best-path decoding: take the most
likely class of each step, merge runs of the same class, drop the blanks. Pure numpy; knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import ModelError

if TYPE_CHECKING:
    from ekyc.values import FloatArray

BLANK = 0
"""Index of the class that stands for "nothing"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChar:
    """One character as read."""

    char: str
    confidence: float
    """Largest probability of this character's class over its run of time steps, 0–1. Not calibrated."""
    left: float
    """Where its run starts, as a part of the line's width, 0–1. Runs are narrower than glyphs."""
    right: float
    """Where its run ends."""

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2


def decode_greedy(log_probs: FloatArray, vocabulary: tuple[str, ...]) -> tuple[ReadChar, ...]:
    """Best path of one line.

    Args:
        log_probs: float32, shape (time, classes), natural logarithms of probabilities.
        vocabulary: the text of each class; entry 0 is the blank and is never emitted.

    Raises:
        ModelError: classes and vocabulary differ in number, or numbers are not finite above
            (code ``model.bad_output``).
    """
    if log_probs.ndim != 2 or log_probs.shape[1] != len(vocabulary):
        raise ModelError(
            "the recogniser's classes do not match its vocabulary", code="model.bad_output"
        )
    if np.isnan(log_probs).any():
        raise ModelError("the recogniser gave numbers that are none", code="model.bad_output")
    steps = log_probs.shape[0]
    best = log_probs.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = np.append(starts[1:], steps)
    chars: list[ReadChar] = []
    for start, end in zip(starts, ends, strict=False):
        label = int(best[start])
        if label == BLANK:
            continue
        peak = float(np.exp(min(0.0, log_probs[start:end, label].max())))
        chars.append(
            ReadChar(
                char=vocabulary[label],
                confidence=peak,
                left=float(start) / steps,
                right=float(end) / steps,
            )
        )
    return tuple(chars)


def tidy_spaces(chars: tuple[ReadChar, ...]) -> tuple[ReadChar, ...]:
    """Without leading, trailing and doubled spaces."""
    kept: list[ReadChar] = []
    for char in chars:
        if char.char == " " and (not kept or kept[-1].char == " "):
            continue
        kept.append(char)
    while kept and kept[-1].char == " ":
        kept.pop()
    return tuple(kept)


def text_of(chars: tuple[ReadChar, ...]) -> str:
    return "".join(char.char for char in chars)

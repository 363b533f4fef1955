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
_NEVER = -60.0
"""Stands for the logarithm of 0: a blank that has it can still be chosen when nothing else may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChar:
    """One character as read."""

    char: str
    confidence: float
    """0–1. As decoded: the largest probability of its class over its run of time steps; a recogniser that is calibrated
    puts the share of right characters in its place."""
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
    steps = log_probs.shape[0]
    best = log_probs.argmax(axis=1)
    if np.isnan(
        log_probs[np.arange(steps), best]
    ).any():  # argmax takes what is no number for the largest
        raise ModelError("the recogniser gave numbers that are none", code="model.bad_output")
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


def restrict(
    log_probs: FloatArray, vocabulary: tuple[str, ...], alphabet: frozenset[str]
) -> FloatArray:
    """Probabilities given that only the blank, the space and ``alphabet`` occur.

    Other classes get nothing, and what remains is scaled up to 1 again: a net that wavers between O and 0 is sure of
    the 0 where only digits may stand.

    Returns:
        float32, same shape.
    """
    barred = [
        i
        for i, char in enumerate(vocabulary)
        if i != BLANK and char != " " and char not in alphabet
    ]
    kept = np.maximum(log_probs, _NEVER).astype(np.float32)
    kept[:, barred] = -np.inf
    top = kept.max(axis=1, keepdims=True)
    total = np.log(np.exp(kept - top).sum(axis=1, keepdims=True)) + top
    return np.asarray(kept - total, dtype=np.float32)


def path_evidence(log_probs: FloatArray) -> float:
    """How little speaks against the best path's text, 0–1: one number for the whole line, raw, for calibration.

    A step agrees with the text if it gives the blank, the character before it or the one after it: where runs meet the
    net may waver between those without any effect on the text. The product of the probability of agreement over all
    steps counts what speaks for another or a further character, and that of the characters' peaks what speaks against
    one that was read.
    """
    if not log_probs.size:
        return 1.0
    steps = np.arange(len(log_probs))
    best = log_probs.argmax(axis=1)
    spoken = np.where(best == BLANK, -1, steps)
    before = np.maximum.accumulate(spoken)
    after = np.minimum.accumulate(np.where(spoken < 0, len(steps), steps)[::-1])[::-1]
    one = np.where(before < 0, BLANK, best[np.maximum(before, 0)])
    other = np.where(after == len(steps), BLANK, best[np.minimum(after, len(steps) - 1)])
    agreeing = np.exp(log_probs[:, BLANK].astype(np.float64))
    agreeing += np.where(one == BLANK, 0.0, np.exp(log_probs[steps, one]))
    agreeing += np.where((other == BLANK) | (other == one), 0.0, np.exp(log_probs[steps, other]))
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    peaks = np.maximum.reduceat(log_probs[steps, best], starts)[best[starts] != BLANK]
    logs = np.log(np.clip(agreeing, 1e-9, 1.0)).sum() + np.clip(peaks, -20.0, 0.0).sum()
    return float(np.exp(logs))


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

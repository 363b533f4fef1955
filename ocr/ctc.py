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
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ekyc.values import FloatArray

    IntArray = NDArray[np.int64]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPath:
    """The most likely class of each step, and the runs of steps that share theirs."""

    labels: IntArray
    """int64, shape (time,)."""
    starts: IntArray
    """First step of each run: int64, shape (runs,)."""
    peaks: FloatArray
    """Largest logarithm that each run's class has within the run: float32, shape (runs,)."""


def best_path(log_probs: FloatArray) -> BestPath:
    """Best path of one line: float32, shape (time, classes), natural logarithms of probabilities.

    Raises:
        ModelError: numbers on the path are none (code ``model.bad_output``).
    """
    labels = log_probs.argmax(axis=1)
    logs = log_probs[np.arange(len(labels)), labels]
    if np.isnan(logs).any():  # argmax takes what is no number for the largest
        raise ModelError("the recogniser gave numbers that are none", code="model.bad_output")
    begins = np.ones(len(labels), dtype=bool)
    np.not_equal(labels[1:], labels[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    peaks = np.maximum.reduceat(logs, starts) if len(starts) else logs
    return BestPath(labels=labels, starts=starts, peaks=peaks)


def decode_greedy(log_probs: FloatArray, vocabulary: tuple[str, ...]) -> tuple[ReadChar, ...]:
    """Characters of one line's best path.

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
    return chars_of(best_path(log_probs), vocabulary)


def chars_of(
    path: BestPath,
    vocabulary: tuple[str, ...],
    worth: Callable[[FloatArray], FloatArray] | None = None,
) -> tuple[ReadChar, ...]:
    """The characters that a path spells.

    Args:
        path: as :func:`best_path` gives it.
        vocabulary: the text of each class.
        worth: from peaks (float32, shape (characters,), 0–1) to the confidences put in their place; none if None.
    """
    steps = len(path.labels)
    spoken = path.labels[path.starts]
    kept = np.flatnonzero(spoken != BLANK)
    confidences = np.exp(np.minimum(path.peaks[kept], 0.0))
    if worth is not None and len(kept):
        confidences = worth(confidences)
    ends = np.append(path.starts[1:], steps)
    rows = zip(
        spoken[kept].tolist(),
        confidences.tolist(),
        path.starts[kept].tolist(),
        ends[kept].tolist(),
        strict=True,
    )
    return tuple(
        ReadChar(
            char=vocabulary[label], confidence=confidence, left=start / steps, right=end / steps
        )
        for label, confidence, start, end in rows
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PathDoubts:
    """What speaks against a best path's text."""

    steps: NDArray[np.float64]
    """How much each step agrees with the text: logarithms, shape (time,), at most 0.

    A step agrees if it gives the blank, the character before it or the one after it: where runs meet the net may waver
    between those without any effect on the text. The others speak for another or a further character.
    """
    chars: FloatArray
    """Logarithms of the characters' peaks, shape (characters,), -20 to 0: what speaks against one that was read."""

    @property
    def total(self) -> float:
        """All of it together: a logarithm."""
        return float(self.steps.sum() + self.chars.sum())

    @property
    def evidence(self) -> float:
        """How little speaks against the text, 0–1: one number for the whole line, raw, for calibration."""
        return float(np.exp(self.total))


def path_doubts(log_probs: FloatArray, path: BestPath) -> PathDoubts:
    """What speaks against the text of a best path.

    Args:
        log_probs: float32, shape (time, classes), natural logarithms of probabilities.
        path: their best path.
    """
    steps = np.arange(len(path.labels))
    silent = path.labels == BLANK
    before = np.maximum.accumulate(np.where(silent, 0, steps))
    after = np.minimum.accumulate(np.where(silent, len(steps) - 1, steps)[::-1])[::-1]
    # Where nothing was spoken before, or nothing is after, these are blanks and drop out.
    one, other = path.labels[before], path.labels[after]
    said = np.exp(log_probs[steps, np.stack((np.zeros_like(one), one, other))], dtype=np.float64)
    agreeing = said[0] + said[1] * (one != BLANK) + said[2] * ((other != BLANK) & (other != one))
    peaks = path.peaks[path.labels[path.starts] != BLANK]
    return PathDoubts(
        steps=np.minimum(np.log(np.maximum(agreeing, 1e-9)), 0.0),
        chars=np.minimum(np.maximum(peaks, -20.0), 0.0),
    )


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

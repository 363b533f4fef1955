"""Prefix beam search: what a short stretch of a line may say, and how probable each of it is.

A. Graves, "Supervised Sequence Labelling with Recurrent Neural Networks" (2012) §7.5.2, without a language model: the
probability of a text is that of all its paths together. Meant for single words; knows no language.
"""

from __future__ import annotations

from math import exp, log1p
from typing import TYPE_CHECKING

import numpy as np

from ekyc.ocr.ctc import BLANK

if TYPE_CHECKING:
    from ekyc.values import FloatArray

Labels = tuple[int, ...]
_NEVER = -1e30
_APART = -30.0
"""What is so much less likely (a logarithm) adds nothing to a sum in double precision that matters."""


def likely_labels(
    log_probs: FloatArray, *, width: int, least: float
) -> tuple[tuple[Labels, float], ...]:
    """The most likely sequences of labels, without blanks, most likely first, with the logarithms of their probabilities.

    Args:
        log_probs: float32, shape (time, classes), natural logarithms of probabilities.
        width: sequences kept after each step.
        least: classes less likely than this (a logarithm) are not thought of at a step, but for the step's best.
    """
    beams: dict[Labels, tuple[float, float]] = {(): (0.0, _NEVER)}
    for row, top in zip(log_probs, log_probs.argmax(axis=1).tolist(), strict=True):
        thought_of = set(np.flatnonzero(row > least).tolist()) | {top}
        thought_of.discard(BLANK)
        said = [(label, float(row[label])) for label in sorted(thought_of)]
        beams = _stepped(beams, row, said)
        if len(beams) > width:
            kept = sorted(beams.items(), key=_weight)[:width]
            beams = dict(kept)
    found = ((labels, _sum(silent, spoken)) for labels, (silent, spoken) in beams.items())
    return tuple(sorted(found, key=lambda item: (-item[1], item[0])))


def _weight(item: tuple[Labels, tuple[float, float]]) -> tuple[float, Labels]:
    return -max(item[1]), item[0]


def _stepped(
    beams: dict[Labels, tuple[float, float]], row: FloatArray, said: list[tuple[int, float]]
) -> dict[Labels, tuple[float, float]]:
    """All beams one step on. Each has two logarithms: of its paths that end in a blank, and of those that do not."""
    blank = float(row[BLANK])
    after: dict[Labels, tuple[float, float]] = {}
    for labels, (silent, spoken) in beams.items():
        last = labels[-1] if labels else BLANK
        either = _sum(silent, spoken)
        old_silent, old_spoken = after.get(labels, (_NEVER, _NEVER))
        held = spoken + float(row[last]) if labels else _NEVER
        after[labels] = (_sum(old_silent, either + blank), _sum(old_spoken, held))
        for label, log_prob in said:
            # The same character twice needs a blank between its two.
            reached = (silent if label == last else either) + log_prob
            if reached <= _NEVER / 2:
                continue
            longer = (*labels, label)
            old_silent, old_spoken = after.get(longer, (_NEVER, _NEVER))
            after[longer] = (old_silent, _sum(old_spoken, reached))
    return after


def _sum(one: float, other: float) -> float:
    """Logarithm of the sum of two probabilities given as logarithms."""
    if one < other:
        one, other = other, one
    return one if other - one < _APART else one + log1p(exp(other - one))

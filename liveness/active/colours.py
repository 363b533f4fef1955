"""Does the face reflect the colours that the screen showed?

1. Per frame: logarithm of the skin's colour over the background's, channel by channel. The camera's exposure and white
   balance act on both alike and drop out; the screen lights the face more than what lies behind it.
2. Each channel is held against what the screen emitted in it (0 or 1), at delays of 0 to 0.6 s, by correlation; the
   best delay counts.
3. The same is done for sequences that might as well have been drawn. The share of them that fit as well or better is
   the p-value of a randomisation test (Edgington): exact, because the shown sequence was drawn in the same way.

What it does not prove: a print held to the screen reflects colours like a face, and bright sun hides them. It speaks
against recordings, which know nothing of the colours. Not measured on real faces: no such material is free.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ekyc.liveness.active.gestures import TimedFace
from ekyc.liveness.active.plan import Colour

DRAWN: Final = 499
"""Sequences drawn for comparison: the smallest p-value is 1 in 500."""
LAGS_S: Final = tuple(step / 10 for step in range(7))
_FEWEST_PER_COLOUR: Final = 2

_LABEL: Final = b"ekyc active liveness: colours not shown"
_EMITTED: Final = np.array([colour.bgr for colour in Colour], dtype=np.float64)

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourResponse:
    """How well the face followed the screen."""

    correlation: float
    """Mean over the channels at the best delay, -1 to 1."""
    lag_s: float
    p_value: float
    """Share of the sequences, the shown one included, that fit at least as well; 1 where nothing could be measured."""


UNMEASURED: Final = ColourResponse(correlation=0.0, lag_s=0.0, p_value=1.0)


def draw_other_colours(secret: bytes, length: int, count: int = DRAWN) -> NDArray[np.intp]:
    """Sequences that might as well have been shown, drawn like the plan's: no colour follows itself.

    Args:
        secret: of the session; equal secrets give equal sequences.
        length: colours a sequence.
        count: sequences.

    Returns:
        shape (count, length): indices into the colours.
    """
    seed = int.from_bytes(hashlib.sha256(_LABEL + secret).digest(), "big")
    random = np.random.default_rng(seed)
    steps = random.integers(1, len(Colour), size=(count, length))
    steps[:, 0] = random.integers(0, len(Colour), size=count)
    return np.asarray(np.cumsum(steps, axis=1) % len(Colour), dtype=np.intp)


def colour_response(
    faces: Sequence[TimedFace],
    shown: Sequence[Colour],
    others: NDArray[np.intp],
    *,
    began_s: float,
    colour_s: float,
) -> ColourResponse:
    """Hold the face's colours against the screen's.

    Args:
        faces: captured while the colours were shown.
        shown: what the screen showed.
        others: of :func:`draw_other_colours`, of the same length.
        began_s: when the first colour was shown, on the clock of ``faces``.
        colour_s: how long each was shown.
    """
    if len(faces) < _FEWEST_PER_COLOUR * len(shown):
        return UNMEASURED
    times = np.array([at for at, _ in faces]) - began_s
    seen = _reflected(faces)
    order = list(Colour)
    indices = np.vstack([[order.index(colour) for colour in shown], others])
    sequences = _EMITTED[indices]
    fits = np.stack([_fit(times - lag, seen, sequences, colour_s) for lag in LAGS_S])
    best = fits.max(axis=0)
    return ColourResponse(
        correlation=float(best[0]),
        lag_s=LAGS_S[int(fits[:, 0].argmax())],
        p_value=float((best >= best[0] - 1e-12).mean()),
    )


def _reflected(faces: Sequence[TimedFace]) -> _Floats:
    """Step 1: shape (frames, 3), blue, green, red."""
    skin = np.array([face.face_bgr for _, face in faces])
    behind = np.array([face.background_bgr for _, face in faces])
    return np.asarray(np.log((np.clip(skin, 0, 255) + 1) / (np.clip(behind, 0, 255) + 1)))


def _fit(times: _Floats, seen: _Floats, sequences: _Floats, colour_s: float) -> _Floats:
    """Step 2 at one delay: mean correlation of each sequence, shape (sequences,)."""
    slot = np.floor(times / colour_s).astype(int)
    inside = (slot >= 0) & (slot < sequences.shape[1])
    if inside.sum() < _FEWEST_PER_COLOUR * sequences.shape[1]:
        return np.full(len(sequences), -1.0)
    emitted = sequences[:, slot[inside], :]
    emitted = emitted - emitted.mean(axis=1, keepdims=True)
    found = seen[inside] - seen[inside].mean(axis=0)
    product = (emitted * found).sum(axis=1)
    norm = np.sqrt((emitted**2).sum(axis=1) * (found**2).sum(axis=0))
    correlation = np.divide(product, norm, out=np.zeros_like(product), where=norm > 1e-9)
    return np.asarray(correlation.mean(axis=1))

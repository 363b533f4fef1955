"""Reads single lines of text. Recognisers stand behind a small Protocol, so that one may replace another.

:mod:`ekyc.ocr.line_net` is our own, :mod:`ekyc.ocr.asterocr` and :mod:`ekyc.ocr.foreign` are others',
:mod:`ekyc.ocr.vote` lets several read and tells where they agree.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ekyc.errors import ModelError
from ekyc.imaging.geometry import resize
from ekyc.imaging.text_regions import split_columns
from ekyc.ocr.ctc import ReadChar, text_of, tidy_spaces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ekyc.values import BgrImage, GrayImage

MAX_HEIGHT = 96
"""Taller pictures of lines are shrunk to this many pixels before anything is done with them."""
MAX_PARTS = 8
"""Longer lines than eight parts are no text; the rest is not read."""
_FLAT_CONTRAST = 12
"""A crop whose grey values differ by less is blank."""

Alphabet = frozenset[str]
"""Characters that a line may hold, where the form of a document limits them."""
DIGITS: Alphabet = frozenset("0123456789")
MRZ: Alphabet = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
"""ICAO 9303-3 §4.3."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LikelyText:
    """What language makes of a line that the recogniser alone wavers at: a second opinion, not what stands there.

    As many characters as were read, at the same places; letters may be others, all else is the same
    (:mod:`ekyc.ocr.language_reading`). Not for numbers and codes, and not for holding one print against another: a letter
    that somebody changed must not be turned back into the one expected.
    """

    chars: tuple[ReadChar, ...]
    certainty: float | None = None
    """Probability that every character of this text is right, 0–1, calibrated; None where that was not measured."""

    @property
    def text(self) -> str:
        """The text, single spaces between words, NFC."""
        return text_of(self.chars)

    def __repr__(self) -> str:
        """The length, not the text."""
        return f"LikelyText({len(self.chars)} characters)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LineText:
    """A line as read. The text may be personal data: ``repr`` shows only its length."""

    chars: tuple[ReadChar, ...] = ()
    certainty: float | None = None
    """Probability that every character is right, 0–1, calibrated; None where the recogniser is not calibrated.
    It says nothing about text that the detector did not find, and on paper unlike the material that it was calibrated
    on it is too high."""
    engines: tuple[str, ...] = ()
    """Names of the engines that read exactly this, where several were asked."""
    likely: LikelyText | None = None
    """The same line with language in mind; None where the recogniser has none, or only certain characters may occur."""

    @property
    def text(self) -> str:
        """The text, single spaces between words, NFC."""
        return text_of(self.chars)

    @property
    def confidence(self) -> float:
        """The least certain character's confidence, 0–1; 0 for no text at all."""
        return min((char.confidence for char in self.chars), default=0.0)

    @property
    def mean_confidence(self) -> float:
        """The characters' mean confidence, 0–1; 0 for no text. Tells text from scribbles, not right from wrong."""
        return sum(char.confidence for char in self.chars) / max(len(self.chars), 1)

    def __repr__(self) -> str:
        """The length, not the text."""
        return f"LineText({len(self.chars)} characters)"


class LineRecogniser(Protocol):
    """Turns the picture of one line into text. Safe to call from several threads."""

    def read_line(self, line: BgrImage, *, alphabet: Alphabet | None = None) -> LineText:
        """Text of one upright line, dark on light; empty for a blank picture.

        Args:
            line: uint8, shape (height, width, 3), any size.
            alphabet: the only characters that may occur, with the space; all that the recogniser knows if None.

        Raises:
            ModelError: the recogniser's answer is none.
        """
        ...


def bounded(line: BgrImage, max_aspect: float) -> BgrImage:
    """A picture of any size as one of a line: at most 96 pixels high, no longer than what is read of it.

    Args:
        line: uint8, shape (height, width, 3).
        max_aspect: width divided by height of the longest part that the recogniser takes.
    """
    height = line.shape[0]
    line = line[:, : max(1, math.ceil(height * max_aspect * MAX_PARTS))]
    if height <= MAX_HEIGHT:
        return line
    return resize(line, max(1, round(line.shape[1] * MAX_HEIGHT / height)), MAX_HEIGHT)


def is_blank(line: BgrImage) -> bool:
    """Whether a picture is too small or too even to hold text."""
    if min(line.shape[:2]) < 2:
        return True
    # One plane of every ninth pixel tells ink from none; of 200 the darkest and the lightest do not count.
    values = np.sort(line[::3, ::3, 1], axis=None)
    aside = (len(values) - 1) // 200
    return int(values[-1 - aside]) - int(values[aside]) < _FLAT_CONTRAST


def read_in_parts(
    gray: GrayImage, max_aspect: float, read_part: Callable[[GrayImage], LineText]
) -> LineText:
    """A line of any length, cut at gaps between words into parts that a net can take.

    The certainty of the whole is that of all parts together.
    """
    width = gray.shape[1]
    parts = split_columns(gray, max_aspect)[:MAX_PARTS]
    if len(parts) == 1:
        return read_part(gray)
    read = [(left / width, right / width, read_part(gray[:, left:right])) for left, right in parts]
    likely = [(left, right, part.likely) for left, right, part in read if part.likely is not None]
    return LineText(
        chars=_one_after_another([(left, right, part.chars) for left, right, part in read]),
        certainty=_of_all([part.certainty for _, _, part in read]),
        likely=LikelyText(
            chars=_one_after_another([(left, right, part.chars) for left, right, part in likely]),
            certainty=_of_all([part.certainty for _, _, part in likely]),
        )
        if len(likely) == len(read)
        else None,
    )


def _one_after_another(
    parts: Sequence[tuple[float, float, tuple[ReadChar, ...]]],
) -> tuple[ReadChar, ...]:
    """Characters of all parts in the frame of the whole line, a space between two parts."""
    chars: list[ReadChar] = []
    for left, right, read in parts:
        if chars and read:
            chars.append(ReadChar(char=" ", confidence=1.0, left=left, right=left))
        chars.extend(_placed(char, left, right) for char in read)
    return tidy_spaces(tuple(chars))


def _of_all(certainties: Sequence[float | None]) -> float | None:
    known = [certainty for certainty in certainties if certainty is not None]
    return math.prod(known) if len(known) == len(certainties) else None


def load_vocabulary(path: Path) -> tuple[str, ...]:
    """Text of each class, blank first, from a JSON object with the list ``chars``.

    Raises:
        ModelError: the file is missing or has another form (code ``model.bad_vocabulary``).
    """
    try:
        chars = json.loads(path.read_text(encoding="utf-8"))["chars"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelError(
            "the vocabulary cannot be read", code="model.bad_vocabulary", subject=path.name
        ) from exc
    if not isinstance(chars, list) or not all(isinstance(char, str) for char in chars):
        raise ModelError(
            "the vocabulary is no list of characters",
            code="model.bad_vocabulary",
            subject=path.name,
        )
    return tuple(chars)


def _placed(char: ReadChar, left: float, right: float) -> ReadChar:
    """A character of a part, in the frame of the whole line."""
    span = right - left
    return replace(char, left=left + char.left * span, right=left + char.right * span)

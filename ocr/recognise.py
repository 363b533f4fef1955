"""Reads single lines of text. The recogniser stands behind a small Protocol, so that another net can replace it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ekyc.errors import InputError, ModelError
from ekyc.imaging.geometry import resize
from ekyc.imaging.illumination import normalise_line
from ekyc.imaging.text_regions import split_columns
from ekyc.ocr.ctc import ReadChar, decode_greedy, text_of, tidy_spaces

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray, GrayImage

_HEIGHT = 32
_MAX_WIDTH = 1024
"""The position table of the net ends at 256 steps of 4 pixels; a wider picture is an error in the graph."""
_MIN_WIDTH = 16
_STEP = 4
"""Columns per time step: a width that does not divide by it loses the end of the line."""
_MAX_PARTS = 8
"""Longer lines than eight parts (250 times their height) are no text; the rest is not read."""
_DARKEST, _LIGHTEST = 30, 245
"""The net was trained on pictures of paper, not on pure black and white: this range reads best."""
_FLAT_CONTRAST = 12
"""A crop whose grey values differ by less is blank."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LineText:
    """A line as read. The text may be personal data: ``repr`` shows only its length."""

    chars: tuple[ReadChar, ...] = ()

    @property
    def text(self) -> str:
        """The text, single spaces between words, NFC."""
        return text_of(self.chars)

    @property
    def confidence(self) -> float:
        """The least certain character's confidence, 0–1; 0 for no text at all.

        Not calibrated. It says nothing about text that the detector did not find.
        """
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

    def read_line(self, line: BgrImage) -> LineText:
        """Text of one upright line; empty for a blank picture."""
        ...


class CtcLineRecogniser:
    """asterocr's net (three planes, 32 pixels high, at most 1024 wide) with greedy decoding.

    Lines are never padded: the net reads padding. Longer lines are cut at gaps between words.
    """

    def __init__(self, model: Model, vocabulary: tuple[str, ...]) -> None:
        if not vocabulary:
            raise InputError("an empty vocabulary reads nothing", subject="vocabulary")
        self._model = model
        self._vocabulary = vocabulary

    def read_line(self, line: BgrImage) -> LineText:
        """Text of one upright line, dark on light.

        Raises:
            ModelError: the model's output does not fit the vocabulary.
        """
        if min(line.shape[:2]) < 2 or _is_blank(line):
            return LineText()
        gray = normalise_line(line, darkest=_DARKEST, lightest=_LIGHTEST)
        width = gray.shape[1]
        chars: list[ReadChar] = []
        for left, right in split_columns(gray, _MAX_WIDTH / _HEIGHT)[:_MAX_PARTS]:
            part = self._read_part(gray[:, left:right])
            if chars and part:
                chars.append(
                    ReadChar(char=" ", confidence=1.0, left=left / width, right=left / width)
                )
            chars.extend(_placed(char, left / width, right / width) for char in part)
        return LineText(chars=tidy_spaces(tuple(chars)))

    def _read_part(self, gray: GrayImage) -> tuple[ReadChar, ...]:
        log_probs = self._model.infer(recogniser_item(gray))[0]
        return tidy_spaces(decode_greedy(log_probs, self._vocabulary))


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


def recogniser_item(gray: GrayImage) -> FloatArray:
    """float32, shape (3, 32, width), grey in all planes, 0–1; width from 16 to 1024, a multiple of 4."""
    height, width = gray.shape
    steps = math.ceil(round(width * _HEIGHT / height) / _STEP)
    target = min(_MAX_WIDTH, max(_MIN_WIDTH, steps * _STEP))
    planes = np.repeat(gray[:, :, None], 3, axis=2)
    small = resize(planes, target, _HEIGHT).transpose(2, 0, 1)
    return np.ascontiguousarray(small, dtype=np.float32) / np.float32(255.0)


def _is_blank(line: BgrImage) -> bool:
    low, high = np.percentile(line, (0.5, 99.5))
    return bool(high - low < _FLAT_CONTRAST)


def _placed(char: ReadChar, left: float, right: float) -> ReadChar:
    """A character of a part, in the frame of the whole line."""
    span = right - left
    return replace(char, left=left + char.left * span, right=left + char.right * span)

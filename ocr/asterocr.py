"""asterocr's net: three planes, 32 pixels high, at most 1024 wide. The second engine beside our own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import InputError
from ekyc.imaging.geometry import resize
from ekyc.imaging.illumination import normalise_line
from ekyc.ocr.ctc import decode_greedy, restrict, tidy_spaces
from ekyc.ocr.recognise import Alphabet, LineText, bounded, is_blank, read_in_parts

if TYPE_CHECKING:
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray, GrayImage

_HEIGHT = 32
_MAX_WIDTH = 1024
"""The position table of the net ends at 256 steps of 4 pixels; a wider picture is an error in the graph."""
_MIN_WIDTH = 16
_STEP = 4
"""Columns per time step: a width that does not divide by it loses the end of the line."""
_DARKEST, _LIGHTEST = 30, 245
"""The net was trained on pictures of paper, not on pure black and white: this range reads best."""


class AsterRecogniser:
    """Greedy decoding of asterocr's net.

    Lines are never padded: the net reads padding. Longer lines are cut at gaps between words.
    """

    def __init__(self, model: Model, vocabulary: tuple[str, ...]) -> None:
        if not vocabulary:
            raise InputError("an empty vocabulary reads nothing", subject="vocabulary")
        self._model = model
        self._vocabulary = vocabulary

    def read_line(self, line: BgrImage, *, alphabet: Alphabet | None = None) -> LineText:
        """Text of one upright line, dark on light, with confidences that are not calibrated.

        Raises:
            ModelError: the model's output does not fit the vocabulary.
        """
        line = bounded(line, _MAX_WIDTH / _HEIGHT)
        if is_blank(line):
            return LineText()
        gray = normalise_line(line, darkest=_DARKEST, lightest=_LIGHTEST)

        def read_part(part: GrayImage) -> LineText:
            log_probs = self._model.infer(recogniser_item(part))[0]
            if alphabet is not None:
                log_probs = restrict(log_probs, self._vocabulary, alphabet)
            return LineText(chars=tidy_spaces(decode_greedy(log_probs, self._vocabulary)))

        return read_in_parts(gray, _MAX_WIDTH / _HEIGHT, read_part)


def recogniser_item(gray: GrayImage) -> FloatArray:
    """float32, shape (3, 32, width), grey in all planes, 0–1; width from 16 to 1024, a multiple of 4."""
    height, width = gray.shape
    steps = math.ceil(round(width * _HEIGHT / height) / _STEP)
    target = min(_MAX_WIDTH, max(_MIN_WIDTH, steps * _STEP))
    planes = np.repeat(gray[:, :, None], 3, axis=2)
    small = resize(planes, target, _HEIGHT).transpose(2, 0, 1)
    return np.ascontiguousarray(small, dtype=np.float32) / np.float32(255.0)

"""Our own recogniser of Vietnamese lines (``ocr/data/line-recogniser.onnx``; recipe in ``ocr/training``).

1. The light of the line is evened out (:func:`~ekyc.imaging.illumination.normalise_line`).
2. It is scaled to 40 pixels of height; width free. Lines beyond 4096 pixels, a hundred times their height, are cut at
   gaps between words: not because of the net, but to bound memory.
3. Plane 0 is ink, plane 1 says where the line is. To the right the item is filled up to the next of a few widths, so
   that lines of like length share a batch. The net masks the filling out; it cannot change what is read.
4. Greedy decoding; confidences through the table of ``line-calibration.json``.
5. Beside it, where a language model is given and any character may occur, what language makes likely
   (:mod:`ekyc.ocr.language_reading`). The letters as read stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import InputError, ModelError
from ekyc.imaging.geometry import resize
from ekyc.imaging.illumination import normalise_line
from ekyc.ocr.calibration import UNCALIBRATED, LineCalibration
from ekyc.ocr.ctc import best_path, chars_of, path_doubts, restrict, tidy_spaces
from ekyc.ocr.language_reading import DoubtedLine, read_with_language
from ekyc.ocr.recognise import (
    Alphabet,
    LikelyText,
    LineText,
    bounded,
    is_blank,
    read_in_parts,
)

if TYPE_CHECKING:
    from ekyc.ocr.language import LanguageModel
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray, GrayImage

HEIGHT = 40
MAX_WIDTH = 4096
MIN_WIDTH = 8
STEP = 4
"""Columns per time step."""
_LEAST_OF_WORDS, _LEAST_OF_SIGNS, _LEAST_OF_A_PATTERN = 0.6, 0.7, 0.9
"""What is read with less on average is no text: a photograph, scribbles, a printed pattern.

Of 1,000 generated crops without text none gave four different characters at 0.6, while illegible print often stays
below 0.7: dropping it loses what little can be read. Waves and rasters give one sign again and again, at up to 0.8.
"""
_VARIED = 4
_TIMES_EACH = 3


class LineNet:
    """Reads lines with our net. Safe to call from several threads."""

    def __init__(
        self,
        model: Model,
        vocabulary: tuple[str, ...],
        *,
        calibration: LineCalibration = UNCALIBRATED,
        language: LanguageModel | None = None,
    ) -> None:
        if not vocabulary:
            raise InputError("an empty vocabulary reads nothing", subject="vocabulary")
        self._model = model
        self._vocabulary = vocabulary
        self._calibration = calibration
        self._language = language

    def read_line(self, line: BgrImage, *, alphabet: Alphabet | None = None) -> LineText:
        """Text of one upright line, dark on light; empty for what is blank or no text.

        Raises:
            ModelError: the model's output does not fit the vocabulary.
        """
        line = bounded(line, MAX_WIDTH / HEIGHT)
        if is_blank(line):
            return LineText()
        gray = normalise_line(line)
        text = read_in_parts(
            gray, MAX_WIDTH / HEIGHT, lambda part: self._read_part(part, alphabet=alphabet)
        )
        return text if text.mean_confidence >= _least_mean_confidence(text.text) else LineText()

    def _read_part(self, gray: GrayImage, *, alphabet: Alphabet | None) -> LineText:
        item, width = line_item(gray)
        log_probs = self._model.infer(item)[0]
        if log_probs.shape[0] * STEP != item.shape[2]:
            raise ModelError("the net's steps do not span its item", code="model.bad_output")
        log_probs = log_probs[: -(-width // STEP)]
        if alphabet is not None:
            log_probs = restrict(log_probs, self._vocabulary, alphabet)
        if log_probs.shape[1] != len(self._vocabulary):
            raise ModelError(
                "the net's classes do not match its vocabulary", code="model.bad_output"
            )
        path = best_path(log_probs)
        chars = chars_of(path, self._vocabulary, self._calibration.of_peaks)
        doubts = path_doubts(log_probs, path)
        line = DoubtedLine(log_probs=log_probs, path=path, doubts=doubts, chars=chars)
        return LineText(
            chars=tidy_spaces(chars),
            certainty=self._calibration.of_line(doubts.evidence),
            likely=self._likely(line) if alphabet is None else None,
        )

    def _likely(self, line: DoubtedLine) -> LikelyText | None:
        if self._language is None:
            return None
        read = read_with_language(line, self._vocabulary, self._language)
        return LikelyText(
            chars=tidy_spaces(read.chars), certainty=self._calibration.of_likely(read.evidence)
        )


def _least_mean_confidence(text: str) -> float:
    letters = text.replace(" ", "")
    kinds = len(set(letters))
    if len(letters) >= 2 * _TIMES_EACH and kinds * _TIMES_EACH <= len(letters):
        return _LEAST_OF_A_PATTERN
    return _LEAST_OF_WORDS if kinds >= _VARIED else _LEAST_OF_SIGNS


def line_item(gray: GrayImage) -> tuple[FloatArray, int]:
    """A line as the net takes it, and its true width in columns.

    Args:
        gray: uint8, shape (height, width), dark on light, evened out.

    Returns:
        float32, shape (2, 40, width of the bucket): ink 0–1, and 1 inside the true width.
    """
    height, width = gray.shape
    true = min(MAX_WIDTH, max(MIN_WIDTH, round(width * HEIGHT / height)))
    item = np.zeros((2, HEIGHT, bucket_width(true)), dtype=np.float32)
    ink = np.subtract(255, resize(gray, true, HEIGHT), dtype=np.float32)
    np.divide(ink, np.float32(255.0), out=item[0, :, :true])
    item[1, :, :true] = 1.0
    return item, true


def bucket_width(width: int) -> int:
    """The next width of item: steps of 32 pixels up to 512, then of a sixteenth of the next power of two."""
    step = 32
    while step * 16 < width:
        step *= 2
    return -(-width // step) * step

"""Finds lines of text on a page with a PP-OCR detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from ekyc.errors import ModelError
from ekyc.imaging.geometry import resize
from ekyc.imaging.text_regions import RegionRules, TextRegion, regions_from_map

if TYPE_CHECKING:
    from ekyc.ports import Model
    from ekyc.values import BgrImage, FloatArray

# PP-OCR detectors take planes blue, green, red, scaled to 0–1, minus these means, divided by these deviations:
# the ImageNet numbers, applied in this order of planes by PaddleOCR itself.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
_MULTIPLE = 32

LONG_SIDE_PAGE = 1280
"""Pages: 38 lines of text on A4 keep about 20 pixels of height."""
LONG_SIDE_CARD = 960


class RegionDetector(Protocol):
    """Finds lines of text."""

    def detect(self, image: BgrImage, *, long_side: int) -> tuple[TextRegion, ...]:
        """Regions in pixels of ``image``, in no particular order."""
        ...


class TextDetector:
    """PP-OCR detector behind a :class:`~ekyc.ports.Model`.

    The page is scaled to ``long_side`` (never enlarged more than twice), both sides to multiples of 32, so a page
    of any size costs the same.
    """

    def __init__(self, model: Model, *, rules: RegionRules | None = None) -> None:
        self._model = model
        self._rules = rules or RegionRules()

    def detect(self, image: BgrImage, *, long_side: int = LONG_SIDE_PAGE) -> tuple[TextRegion, ...]:
        """Lines of text in pixels of ``image``.

        Raises:
            ModelError: the model's map has another shape than its input (code ``model.bad_output``).
        """
        height, width = image.shape[:2]
        inner_width, inner_height = _detector_size(width, height, long_side)
        item = detector_item(resize(image, inner_width, inner_height))
        probability = self._model.infer(item)[0]
        if probability.shape != (1, inner_height, inner_width):
            raise ModelError(
                "the detector's map has another size than its input", code="model.bad_output"
            )
        return regions_from_map(
            probability[0],
            scale_x=width / inner_width,
            scale_y=height / inner_height,
            rules=self._rules,
        )


def detector_item(image: BgrImage) -> FloatArray:
    """float32, shape (3, height, width), planes blue, green, red, normalised as PP-OCR detectors want."""
    item = np.empty((3, *image.shape[:2]), dtype=np.float32)
    for plane, mean, deviation in zip(range(3), _MEAN, _DEVIATION, strict=True):
        np.multiply(image[:, :, plane], np.float32(1 / (255.0 * deviation)), out=item[plane])
        item[plane] -= np.float32(mean / deviation)
    return item


def _detector_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    scale = min(2.0, long_side / max(width, height))
    return _to_multiple(width * scale), _to_multiple(height * scale)


def _to_multiple(side: float) -> int:
    return max(_MULTIPLE, round(side / _MULTIPLE) * _MULTIPLE)

"""A detector that looks at every picture once, however many checks ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ekyc.face.faces import DetectedFace
    from ekyc.face.select import FindsFaces
    from ekyc.values import BgrImage


class SeenOnce:
    """A :class:`~ekyc.face.select.FindsFaces` that remembers its answers about each array while it lives.

    For the pictures of one case: it keeps them, and knows them by identity, so they must not be changed. Safe to share
    between threads; two that ask at once may both be computed, with the same answer.
    """

    def __init__(self, detector: FindsFaces) -> None:
        self._detector = detector
        self._found: dict[int, tuple[BgrImage, tuple[DetectedFace, ...]]] = {}
        self._refined: dict[tuple[int, int], tuple[BgrImage, DetectedFace, DetectedFace]] = {}

    def detect(self, image: BgrImage) -> tuple[DetectedFace, ...]:
        """As the detector inside."""
        if id(image) not in self._found:
            self._found[id(image)] = (image, self._detector.detect(image))
        return self._found[id(image)][1]

    def refine(self, image: BgrImage, face: DetectedFace) -> DetectedFace:
        """As the detector inside."""
        key = (id(image), id(face))
        if key not in self._refined:
            self._refined[key] = (image, face, self._detector.refine(image, face))
        return self._refined[key][2]

    def configured(self, *, long_sides_px: Sequence[int] | None, score_threshold: float) -> Self:
        """With other settings, nothing remembered."""
        return type(self)(
            self._detector.configured(long_sides_px=long_sides_px, score_threshold=score_threshold)
        )

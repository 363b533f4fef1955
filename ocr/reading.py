"""Reads whole pages: lines with text, place and confidence, in reading order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ekyc.imaging.text_regions import cut_line
from ekyc.ocr.detect import LONG_SIDE_PAGE, RegionDetector
from ekyc.ocr.lines import ReadLine
from ekyc.ocr.recognise import LineRecogniser, LineText
from ekyc.ocr.rows import group_rows, place_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.imaging.text_regions import TextRegion
    from ekyc.values import BgrImage, QuadPx

MAX_LINES = 200
"""Lines read per page; a page of generated noise would otherwise cost minutes. The highest scores are kept."""
_MIN_MEAN_CONFIDENCE = 0.8
"""What is read with less is handwriting, a signature, a stamp's edge, or print of which every sixth letter and more would
be wrong (280 lines shrunk and blurred); 220 drawn lines of scribbles stayed below. Print is read with 0.96 and more."""
MARGIN = (0.12, 0.06)
"""Added before and behind, above and below each crop, as parts of the line's height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReading:
    """What a page says."""

    width: int
    height: int
    lines: tuple[ReadLine, ...]
    """In reading order: rows from top to bottom, in a row from left to right."""
    truncated: bool = False
    """Whether the page had more lines than were read."""
    unread: tuple[QuadPx, ...] = ()
    """Places where something stands that looks like lines of text and could not be read: handwriting, blur."""

    @property
    def text(self) -> str:
        """All lines, one a row of text."""
        return "\n".join(line.text for line in self.lines)


class Reader(Protocol):
    """Reads pages and lines. Tests bring their own."""

    def read_page(self, image: BgrImage, *, long_side: int = LONG_SIDE_PAGE) -> PageReading:
        """All lines of a page."""
        ...

    def read_line(self, image: BgrImage) -> LineText:
        """One line."""
        ...

    def read_quads(self, image: BgrImage, quads: Sequence[QuadPx]) -> tuple[LineText, ...]:
        """Lines at known places of a page, in the order of ``quads``."""
        ...

    def find_lines(
        self, image: BgrImage, *, long_side: int = LONG_SIDE_PAGE
    ) -> tuple[TextRegion, ...]:
        """Places of lines, unread."""
        ...


class TextReader:
    """Detector and recogniser together. Holds no state between calls and may be shared by threads.

    Args:
        detector: finds lines.
        recogniser: reads each. :func:`ekyc.ocr.engines.open_reader` chooses both.
        workers: lines read at the same time.
    """

    def __init__(
        self, detector: RegionDetector, recogniser: LineRecogniser, *, workers: int = 2
    ) -> None:
        self._detector = detector
        self._recogniser = recogniser
        self._workers = workers

    def read_page(self, image: BgrImage, *, long_side: int = LONG_SIDE_PAGE) -> PageReading:
        """All lines of a page that is turned by less than 45°.

        Raises:
            ModelError: a model's output contradicts its registry entry.
            BusyError: a model's queue is full.
        """
        return read_regions(image, self.find_lines(image, long_side=long_side), self)

    def find_lines(
        self, image: BgrImage, *, long_side: int = LONG_SIDE_PAGE
    ) -> tuple[TextRegion, ...]:
        """Places of lines, unread, in no particular order."""
        return self._detector.detect(image, long_side=long_side)

    def read_quads(self, image: BgrImage, quads: Sequence[QuadPx]) -> tuple[LineText, ...]:
        """The texts of lines at known places, in the order of ``quads``."""
        crops = [cut_line(image, quad, margin=MARGIN) for quad in quads]
        # Lines of like length one after the other: where items are batched, those of one width find each other.
        order = sorted(range(len(crops)), key=lambda i: crops[i].shape[1] / crops[i].shape[0])
        with ThreadPoolExecutor(max_workers=self._workers) as pool:
            texts = list(pool.map(self._recogniser.read_line, (crops[i] for i in order)))
        return tuple(text for _, text in sorted(zip(order, texts, strict=True), key=_first))

    def read_line(self, image: BgrImage) -> LineText:
        """The text of a picture that holds one upright line; empty when it is blank."""
        return self._recogniser.read_line(image)


def read_regions(image: BgrImage, regions: Sequence[TextRegion], reader: Reader) -> PageReading:
    """The lines of a page whose places are known."""
    kept = sorted(regions, key=lambda region: -region.score)[:MAX_LINES]
    texts = reader.read_quads(image, [region.quad for region in kept])
    lines = [
        ReadLine(
            chars=text.chars,
            quad=region.quad,
            score=region.score,
            certainty=text.certainty,
            engines=text.engines,
            likely=text.likely,
        )
        for region, text in zip(kept, texts, strict=True)
        if text.mean_confidence >= _MIN_MEAN_CONFIDENCE
    ]
    return PageReading(
        width=image.shape[1],
        height=image.shape[0],
        lines=in_reading_order(lines),
        truncated=len(regions) > MAX_LINES,
        unread=tuple(
            region.quad
            for region, text in zip(kept, texts, strict=True)
            if text.mean_confidence < _MIN_MEAN_CONFIDENCE
        ),
    )


def _first(pair: tuple[int, LineText]) -> int:
    return pair[0]


def in_reading_order(lines: Sequence[ReadLine]) -> tuple[ReadLine, ...]:
    """Rows from top to bottom, in a row from left to right."""
    return tuple(placed.line for row in group_rows(place_lines(lines)) for placed in row)

"""A line of text as read, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from ekyc.ocr.ctc import ReadChar
from ekyc.ocr.recognise import LikelyText, LineText
from ekyc.values import BoxPx, QuadPx


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReadLine:
    """One line on a page. The text is personal data: ``repr`` shows only the place."""

    chars: tuple[ReadChar, ...]
    quad: QuadPx
    """In pixels of the page."""
    score: float
    """The detector's score, 0–1."""
    certainty: float | None = None
    """Probability that the whole line is right, 0–1; None where the recogniser is not calibrated."""
    engines: tuple[str, ...] = ()
    """Names of the engines that read exactly this, where several were asked."""
    likely: LikelyText | None = None
    """The same line with language in mind, as :class:`~ekyc.ocr.recognise.LineText` has it."""

    @property
    def text(self) -> str:
        return LineText(chars=self.chars).text

    @property
    def confidence(self) -> float:
        """The least certain character's confidence, 0–1."""
        return LineText(chars=self.chars).confidence

    @property
    def box(self) -> BoxPx:
        """Smallest upright box around the line."""
        return self.quad.box

    def __repr__(self) -> str:
        """The place, not the text."""
        return f"ReadLine({len(self.chars)} characters at {self.box})"

"""Decode the pictures of a case before anything is decided, so that a bad file is named at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ekyc.errors import InputError, LimitError
from ekyc.flows.case import DEFAULT_CASE_LIMITS, Case, CaseFile
from ekyc.flows.stages import Progress, Stage, StageResult, run_stage
from ekyc.imaging.decode import decode_image
from ekyc.imaging.document_pages import decode_pages

if TYPE_CHECKING:
    from ekyc.chip import ChipReport
    from ekyc.values import BgrImage

_MAX_DECODED_PIXELS: Final = 400_000_000
"""All pictures of one case together: 1.2 GB of pixels, so that many allowed files cannot fill the memory."""
_BUDGET_S: Final = 120.0
"""Time for all pictures of one case: eighty PDF files, each within its own bound, would take forty minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePictures:
    """Every picture of a case, decoded: uint8 (height, width, 3), blue-green-red."""

    card_front: BgrImage | None = field(default=None, repr=False)
    card_back: BgrImage | None = field(default=None, repr=False)
    face_frames: tuple[BgrImage, ...] = field(default=(), repr=False)
    original_pages: tuple[BgrImage, ...] = field(default=(), repr=False)
    copy_pages: tuple[BgrImage, ...] = field(default=(), repr=False)


class _Decoder:
    def __init__(self, budget_s: float) -> None:
        self._pixels_left = _MAX_DECODED_PIXELS
        self._ends = time.monotonic() + budget_s

    def image(self, file: CaseFile) -> BgrImage:
        self._require_time(file)
        image = decode_image(file.data, name=file.name)
        self._spend(file, image)
        return image

    def optional(self, file: CaseFile | None) -> BgrImage | None:
        return None if file is None else self.image(file)

    def pages(self, files: tuple[CaseFile, ...]) -> tuple[BgrImage, ...]:
        pages: list[BgrImage] = []
        for file in files:
            self._require_time(file)
            for page in decode_pages(file.data, name=file.name):
                self._spend(file, page)
                pages.append(page)
            if len(pages) > DEFAULT_CASE_LIMITS.pages:
                raise LimitError(
                    f"the documents hold more than {DEFAULT_CASE_LIMITS.pages} pages together",
                    code="case.too_many_pages",
                    subject=file.name,
                )
        return tuple(pages)

    def _require_time(self, file: CaseFile) -> None:
        if time.monotonic() >= self._ends:
            raise LimitError(
                "the pictures of the case take too long to decode",
                code="case.too_slow",
                subject=file.name,
            )

    def _spend(self, file: CaseFile, image: BgrImage) -> None:
        self._pixels_left -= image.shape[0] * image.shape[1]
        if self._pixels_left < 0:
            raise LimitError(
                "the pictures of the case hold too many pixels together",
                code="case.too_many_pixels",
                subject=file.name,
            )


def decode_pictures(case: Case, *, budget_s: float = _BUDGET_S) -> CasePictures:
    """Decode every picture of ``case``; documents may be PDF or TIFF files of several pages.

    Args:
        case: what was submitted.
        budget_s: no further file is begun after this time.

    Raises:
        InputError: a file is not a readable picture or PDF; ``subject`` names it.
        LimitError: a picture, a PDF or the case as a whole is too large or too slow.
    """
    decoder = _Decoder(budget_s)
    return CasePictures(
        card_front=decoder.optional(case.card_front),
        card_back=decoder.optional(case.card_back),
        face_frames=tuple(decoder.image(file) for file in case.face_frames),
        original_pages=decoder.pages(case.original_pages),
        copy_pages=decoder.pages(case.copy_pages),
    )


def decode_portrait(chip: ChipReport | None) -> BgrImage | None:
    """The chip's portrait; None where there is none or what the issuer signed is no readable picture."""
    if chip is None or chip.portrait is None:
        return None
    try:
        return decode_image(chip.portrait, name="EF.DG2 portrait")
    except InputError:
        return None


def take_in(case: Case, progress: Progress | None) -> CasePictures:
    """:func:`decode_pictures` as a stage of its own.

    Raises:
        InputError: a picture cannot be decoded.
    """
    intake = run_stage(
        Stage.INTAKE, (), lambda: StageResult(value=decode_pictures(case), checks=()), progress
    )
    if intake.value is None:
        raise InputError("the pictures of the case cannot be decoded", code="case.pictures")
    return intake.value

"""The pages of a paper, whatever it was scanned into: one picture, a TIFF file of several pages, a PDF file, many files.

All bounds of papers stand here (:class:`PaperLimits`) and in what it leads to: one picture's in
:class:`ekyc.imaging.decode.ImageLimits`, a PDF's and its child process's in :class:`ekyc.imaging.pdf_pages.PdfLimits`.
Pages larger than any comparison needs are shrunk as soon as they are decoded, so that a paper of large scans stays
within a bounded memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ekyc.errors import LimitError
from ekyc.imaging.decode import (
    DEFAULT_LIMITS,
    ImageLimits,
    ImageType,
    decode_image,
    decode_tiff_pages,
    sniff_type,
)
from ekyc.imaging.geometry import resize_long_side
from ekyc.imaging.pdf_pages import DEFAULT_PDF_LIMITS, is_pdf, render_pdf_pages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ekyc.values import BgrImage


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLimits:
    """Bounds on a paper as a whole."""

    max_pages: int = DEFAULT_PDF_LIMITS.max_pages
    max_total_pixels: int = DEFAULT_PDF_LIMITS.max_total_pixels
    """All pages together, after shrinking: 600 MB."""
    long_side_px: int = 3600
    """Longer pages are shrunk to this: A4 at 300 dots per inch has 3508."""
    image: ImageLimits = DEFAULT_LIMITS
    """On each file that is no PDF."""


DEFAULT_PAPER_LIMITS = PaperLimits()
MAX_PAGES: Final = DEFAULT_PAPER_LIMITS.max_pages
MOST_COMPARED: Final = 20
"""Pages of a paper that is held against another: each is looked for among the other's, for 0.7 s of CPU, and then compared."""


def decode_pages(
    data: bytes, *, name: str, limits: PaperLimits = DEFAULT_PAPER_LIMITS
) -> tuple[BgrImage, ...]:
    """Decode every page of a file.

    Args:
        data: the encoded file.
        name: what errors call this input; nothing personal.
        limits: bounds on the paper.

    Returns:
        One picture a page, at least one: uint8, shape (height, width, 3), blue-green-red, no side longer than
        ``limits.long_side_px``.

    Raises:
        InputError, LimitError: as :func:`~ekyc.imaging.decode.decode_image` and
            :func:`~ekyc.imaging.pdf_pages.render_pdf_pages`; too many pages is ``image.too_many_pages`` or
            ``pdf.too_many_pages``.
    """
    if is_pdf(data):
        pages = render_pdf_pages(data, name=name)
    elif sniff_type(data) is ImageType.TIFF:
        pages = decode_tiff_pages(data, name=name, limits=limits.image, max_pages=limits.max_pages)
    else:
        pages = (decode_image(data, name=name, limits=limits.image),)
    return tuple(_shrunk(page, limits.long_side_px) for page in pages)


def decode_files(
    files: Iterable[tuple[str, bytes]], *, limits: PaperLimits = DEFAULT_PAPER_LIMITS
) -> tuple[BgrImage, ...]:
    """Decode the pages of several files, in order, as those of one paper.

    Args:
        files: name and content of each; asked for one by one, so that they need not be in memory together.
        limits: bounds on the paper.

    Raises:
        InputError, LimitError: as :func:`decode_pages`; ``image.too_many_pages`` or ``image.too_many_pixels`` also
            for all files together.
    """
    pages: list[BgrImage] = []
    pixels = 0
    for name, data in files:
        for page in decode_pages(data, name=name, limits=limits):
            pages.append(page)
            pixels += page.shape[0] * page.shape[1]
            if len(pages) > limits.max_pages:
                raise LimitError(
                    f"more than {limits.max_pages} pages",
                    code="image.too_many_pages",
                    subject=name,
                )
            if pixels > limits.max_total_pixels:
                raise LimitError(
                    f"more than {limits.max_total_pixels} pixels in all pages together",
                    code="image.too_many_pixels",
                    subject=name,
                )
    return tuple(pages)


def _shrunk(page: BgrImage, long_side_px: int) -> BgrImage:
    return resize_long_side(page, long_side_px) if max(page.shape[:2]) > long_side_px else page

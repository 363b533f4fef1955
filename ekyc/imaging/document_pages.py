"""The pages of a paper, whatever it was scanned into: one picture, a TIFF file of several pages, or a PDF file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ekyc.imaging.decode import ImageType, decode_image, decode_tiff_pages, sniff_type
from ekyc.imaging.pdf_pages import DEFAULT_PDF_LIMITS, is_pdf, render_pdf_pages

if TYPE_CHECKING:
    from ekyc.values import BgrImage

MAX_PAGES: Final = DEFAULT_PDF_LIMITS.max_pages


def decode_pages(data: bytes, *, name: str) -> tuple[BgrImage, ...]:
    """Decode every page of a paper.

    Args:
        data: the encoded file.
        name: what errors call this input; nothing personal.

    Returns:
        One picture a page, at least one: uint8, shape (height, width, 3), blue-green-red.

    Raises:
        InputError, LimitError: as :func:`~ekyc.imaging.decode.decode_image` and
            :func:`~ekyc.imaging.pdf_pages.render_pdf_pages`; too many pages is ``image.too_many_pages`` or
            ``pdf.too_many_pages``.
    """
    if is_pdf(data):
        return render_pdf_pages(data, name=name)
    if sniff_type(data) is ImageType.TIFF:
        return decode_tiff_pages(data, name=name, max_pages=MAX_PAGES)
    return (decode_image(data, name=name),)

"""The code of a result in whatever it was printed or scanned into."""

from __future__ import annotations

from typing import Final

from ekyc.errors import InputError
from ekyc.imaging.barcode import read_qr_texts
from ekyc.imaging.document_pages import DEFAULT_PAPER_LIMITS, PaperLimits, decode_pages

_PREFIX: Final = "EKYC1:"


def code_in(data: bytes, *, name: str, limits: PaperLimits = DEFAULT_PAPER_LIMITS) -> str:
    """The text of the one result in a file: its text itself, a picture, or a PDF file.

    Args:
        data: the file.
        name: what errors call it.
        limits: on a picture or paper.

    Raises:
        InputError: ``credential.no_code``: none; ``credential.several_codes``; or it is no picture or paper.
        LimitError: it is larger than allowed.
    """
    if data.startswith(_PREFIX.encode()):
        return data.decode("utf-8", "replace").rstrip("\r\n")
    pages = decode_pages(data, name=name, limits=limits)
    found = list(dict.fromkeys(text for page in pages for text in read_qr_texts(page)))
    results = [text for text in found if text.startswith(_PREFIX)]
    if len(results) > 1:
        raise InputError(
            "several results are in this file: give one at a time",
            code="credential.several_codes",
            subject=name,
        )
    if not found:
        raise InputError(
            "no QR code can be read in this file", code="credential.no_code", subject=name
        )
    return (results or found)[0]

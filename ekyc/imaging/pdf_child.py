"""The child process of :mod:`ekyc.imaging.pdf_pages`: PDF on stdin, pixels on stdout, nothing else.

Run as ``python -m ekyc.imaging.pdf_child LIMITS``. Imports as little as possible, so that it starts fast.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import pypdfium2

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD of fpdfview.h
_POINTS_PER_INCH = 72.0


def main() -> None:
    """Render what stands on stdin."""
    limits = json.loads(sys.argv[1])
    memory = int(limits["max_memory_bytes"])
    seconds = math.ceil(limits["timeout_s"])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # The signal at the first bound tells the parent why; the second kills. Files may be read, not written: pages name
    # fonts that they do not carry.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    write_answer(sys.stdin.buffer.read(), limits, sys.stdout.buffer)


def write_answer(data: bytes, limits: Mapping[str, Any], out: BinaryIO) -> None:
    """Write why a file is refused, or its pages.

    Args:
        data: the file.
        limits: fields of :class:`ekyc.imaging.pdf_pages.PdfLimits`, and ``dpi``.
        out: gets one line with the verdict; behind ``ok`` each page's height and width, six digits each, and its pixels.

    Raises:
        PdfiumError: a page cannot be loaded or rendered.
    """
    scale = limits["dpi"] / _POINTS_PER_INCH
    try:
        document = _opened(data, limits)
        _check_pixels(document, scale, limits)
    except _RefusedError as refused:
        out.write(f"{refused}\n".encode("ascii"))
        return
    out.write(b"ok\n")
    for page in document:
        longest = max(page.get_size()) * scale
        # PDFium rounds sides up: a hair less, or it would be one pixel more.
        shrunk = scale * min(1.0, (limits["long_side_px"] - 1e-6) / max(longest, 1.0))
        bitmap = page.render(scale=shrunk, rev_byteorder=False, prefer_bgrx=False)
        picture = bitmap.to_numpy()
        if picture.ndim == 2:  # PDFium renders grey pages with one channel
            picture = picture[:, :, None].repeat(3, axis=2)
        height, width = picture.shape[:2]
        out.write(f"{height:06d}{width:06d}".encode("ascii"))
        out.write(picture[:, :, :3].tobytes())
        bitmap.close()
        page.close()


class _RefusedError(Exception):
    """Its text is the verdict."""


def _opened(data: bytes, limits: Mapping[str, Any]) -> Any:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == _PASSWORD_ERROR
        raise _RefusedError("encrypted" if locked else "broken") from error
    if len(document) == 0:
        raise _RefusedError("empty")
    if len(document) > limits["max_pages"]:
        raise _RefusedError("too_many_pages")
    return document


def _check_pixels(document: Any, scale: float, limits: Mapping[str, Any]) -> None:
    total = 0
    for index in range(len(document)):
        width, height = document.get_page_size(index)
        sides = width * scale, height * scale
        # Page boxes may be infinite, or no number.
        if not all(side <= limits["max_side_px"] for side in sides):
            raise _RefusedError("too_many_pixels")
        pixels = math.ceil(sides[0]) * math.ceil(sides[1])
        total += pixels
        if pixels > limits["max_pixels"] or total > limits["max_total_pixels"]:
            raise _RefusedError("too_many_pixels")


if __name__ == "__main__":
    main()

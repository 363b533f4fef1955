"""The child process of :mod:`ekyc.imaging.pdf_pages`: PDF on stdin, pixels on stdout, nothing else.

Run as ``python -m ekyc.imaging.pdf_child LIMITS``. Imports as little as possible, so that it starts fast.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from typing import TYPE_CHECKING, Any, NoReturn

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
    document = _opened(sys.stdin.buffer.read(), limits)
    scale = limits["dpi"] / _POINTS_PER_INCH
    _check_pixels(document, scale, limits)
    out = sys.stdout.buffer
    out.write(b"ok\n")
    for page in document:
        longest = max(page.get_size()) * scale
        shrunk = scale * min(1.0, limits["long_side_px"] / max(longest, 1.0))
        bitmap = page.render(scale=shrunk, rev_byteorder=False, prefer_bgrx=False)
        picture = bitmap.to_numpy()
        if picture.ndim == 2:  # PDFium renders grey pages with one channel
            picture = picture[:, :, None].repeat(3, axis=2)
        height, width = picture.shape[:2]
        out.write(f"{height:06d}{width:06d}".encode("ascii"))
        out.write(picture[:, :, :3].tobytes())
        bitmap.close()
        page.close()


def _opened(data: bytes, limits: Mapping[str, Any]) -> Any:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        _refuse("encrypted" if getattr(error, "err_code", None) == _PASSWORD_ERROR else "broken")
    if len(document) == 0:
        _refuse("empty")
    if len(document) > limits["max_pages"]:
        _refuse("too_many_pages")
    return document


def _check_pixels(document: Any, scale: float, limits: Mapping[str, Any]) -> None:
    total = 0.0
    for index in range(len(document)):
        width, height = document.get_page_size(index)
        pixels = math.ceil(width * scale) * math.ceil(height * scale)
        total += pixels
        longest = max(width, height) * scale
        too_large = pixels > limits["max_pixels"] or longest > limits["max_side_px"]
        if too_large or total > limits["max_total_pixels"]:
            _refuse("too_many_pixels")


def _refuse(reason: str) -> NoReturn:
    sys.stdout.write(f"{reason}\n")
    sys.stdout.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()

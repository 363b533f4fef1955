"""The QR code of a result as a picture.

Level M (15 % of the code may be lost), four modules of quiet zone: ISO/IEC 18004. Base45 lets the code use its
alphanumeric mode, and segno picks the smallest version.
"""

from __future__ import annotations

from io import BytesIO

import segno

from ekyc.errors import InputError, LimitError


def qr_picture(text: str, kind: str, *, module_px: int = 6) -> bytes:
    """A QR code.

    Args:
        text: of the result.
        kind: ``"svg"`` or ``"png"``.
        module_px: width of a module; pixels of a PNG, user units of an SVG.

    Raises:
        LimitError: ``credential.too_large``: more than a code of level M holds.
        InputError: another kind.
    """
    if kind not in {"svg", "png"}:
        raise InputError("a picture is svg or png", code="out.format")
    try:
        code = segno.make_qr(text, error="m", boost_error=False)
    except segno.DataOverflowError as exc:
        raise LimitError("more than a QR code holds", code="credential.too_large") from exc
    out = BytesIO()
    code.save(out, kind=kind, scale=module_px, border=4)
    return out.getvalue()

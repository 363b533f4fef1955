"""The visible part of a signature: who, when, which record, where to look it up, and a QR code.

It is drawn by reportlab as a page of its own and placed into the signature field. Drawing says nothing about
validity: whoever wants to know runs a validator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.layout import (
    AxisAlignment,
    BoxConstraints,
    InnerScaling,
    Margins,
    SimpleBoxLayoutRule,
)
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.stamp import StaticStampStyle
from reportlab.pdfgen.canvas import Canvas

from ekyc.errors import InputError
from ekyc.signing.pdf.drawing import draw_fitting, draw_qr, drawing
from ekyc.values import Sha256Hex

VIETNAM_TIME: Final = timezone(timedelta(hours=7), "GMT+7")
_SMALLEST_SIDE_PT: Final = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """Where the signature is seen and what stands in it. Holds no personal data but the signer's name."""

    box_pt: tuple[float, float, float, float]
    """Left, bottom, right, top in points from the page's lower left corner."""
    page: int = 0
    """Page index; negative counts from the back."""
    signer_name: str
    record_id: str
    """Mã hồ sơ: identifies the record, not the person."""
    evidence_digest: Sha256Hex
    """SHA-256 of the evidence; the QR code carries its first 16 digits."""
    lookup_url: str | None = None

    def __post_init__(self) -> None:
        left, bottom, right, top = self.box_pt
        if min(right - left, top - bottom) < _SMALLEST_SIDE_PT:
            raise InputError(
                f"a visible signature needs {_SMALLEST_SIDE_PT:.0f} points each way",
                code="signing.appearance.too_small",
            )

    @property
    def qr_text(self) -> str:
        """What the QR code says: lookup address if there is one, record id, start of the evidence digest."""
        parts = (self.lookup_url, self.record_id, self.evidence_digest[:16])
        return " ".join(part for part in parts if part)


@drawing()
def draw_appearance(appearance: Appearance, at: datetime) -> bytes:
    """A one-page PDF of the size of the appearance's box. Equal input gives equal bytes."""
    left, bottom, right, top = appearance.box_pt
    width, height = right - left, top - bottom
    out = BytesIO()
    canvas = Canvas(out, pagesize=(width, height), invariant=1, pageCompression=1)
    canvas.setStrokeGray(0.55)
    canvas.setLineWidth(0.6)
    canvas.rect(0.3, 0.3, width - 0.6, height - 0.6)
    side = min(height, width / 3)
    draw_qr(canvas, appearance.qr_text, left=0, bottom=(height - side) / 2, side=side)
    lines = _lines(appearance, at)
    leading = min(13.0, (height - 8) / len(lines))
    baseline = (height + leading * len(lines)) / 2 - leading * 0.78
    for line in lines:
        draw_fitting(
            canvas,
            line,
            left=side + 2,
            baseline=baseline,
            width=width - side - 8,
            size=leading * 0.72,
        )
        baseline -= leading
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def stamp_style(page_pdf: bytes) -> StaticStampStyle:
    """A stamp for pyHanko that shows a drawn page edge to edge."""
    return StaticStampStyle(
        border_width=0,
        background=_DrawnPage(page_pdf),
        background_opacity=1.0,
        background_layout=SimpleBoxLayoutRule(
            x_align=AxisAlignment.ALIGN_MIN,
            y_align=AxisAlignment.ALIGN_MIN,
            margins=Margins(left=0, right=0, top=0, bottom=0),
            inner_content_scaling=InnerScaling.NO_SCALING,
        ),
    )


class _DrawnPage(PdfContent):
    """Content of a signature field taken from a page in memory; pyHanko's own takes file names only."""

    def __init__(self, page_pdf: bytes) -> None:
        super().__init__()
        self._page_pdf = page_pdf

    def render(self) -> bytes:
        writer = self.writer
        assert writer is not None
        page = writer.import_page_as_xobject(PdfFileReader(BytesIO(self._page_pdf)))
        self.resources.xobject[pdf_name("/Drawn")] = page
        form: Any = page.get_object()
        x1, y1, x2, y2 = form["/BBox"]
        self.box = BoxConstraints(width=abs(x2 - x1), height=abs(y2 - y1))
        return b"/Drawn Do"


def _lines(appearance: Appearance, at: datetime) -> list[str]:
    local = at.astimezone(VIETNAM_TIME)
    lines = [
        f"Ký bởi: {appearance.signer_name}",
        f"Thời gian: {local:%d/%m/%Y %H:%M:%S} (GMT+7)",
        f"Mã hồ sơ: {appearance.record_id}",
    ]
    if appearance.lookup_url:
        lines.append(f"Tra cứu: {appearance.lookup_url}")
    return lines

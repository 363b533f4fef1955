"""The result page: what was checked, what came out, and a free place for the visible signature.

A4, Vietnamese first, drawn with the shipped font. It holds the outcome of each check and digests of the evidence,
no name, number or picture of a person: whoever needs those looks the record up. Equal documents give equal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, Spacer, Table
from reportlab.platypus.flowables import Flowable

from ekyc.errors import LimitError
from ekyc.outcomes import Check, Outcome, check_title, describe_reason
from ekyc.policy import Verdict
from ekyc.signing.pdf.appearance import VIETNAM_TIME, Appearance
from ekyc.signing.pdf.drawing import BOLD, REGULAR, Canvas, draw_qr, drawing
from ekyc.values import Sha256Hex

SIGNATURE_BOX_PT: Final = (56.0, 50.0, 356.0, 140.0)
"""Where the first page keeps room for the visible signature: left, bottom, right, top."""
MAX_CHECKS: Final = 200
CREDENTIAL_BOX_PT: Final = (390.0, 46.0, 534.0, 190.0)
"""Where the first page shows the QR code of the result: left, bottom, right, top. 51 mm a side."""
MAX_CREDENTIAL: Final = 620
"""Characters; in a code of 51 mm a module is then no smaller than half a millimetre."""

_MARGIN_PT: Final = 20 * mm
_OUTCOME_VI: Final = {
    Outcome.PASSED: "Đạt",
    Outcome.FAILED: "Không đạt",
    Outcome.INDETERMINATE: "Chưa xác định",
    Outcome.NOT_PERFORMED: "Chưa thực hiện",
}
_OUTCOME_COLOUR: Final = {
    Outcome.PASSED: colors.HexColor("#1b6e3c"),
    Outcome.FAILED: colors.HexColor("#a61b1b"),
    Outcome.INDETERMINATE: colors.HexColor("#8a5a00"),
    Outcome.NOT_PERFORMED: colors.HexColor("#555555"),
}
_VERDICT_VI: Final = {
    Verdict.ACCEPT: "CHẤP NHẬN",
    Verdict.REVIEW: "CẦN CÁN BỘ XEM XÉT",
    Verdict.REJECT: "TỪ CHỐI",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDocument:
    """What stands on the result page."""

    record_id: str
    """Mã hồ sơ: identifies the verification, not the person."""
    profile_title_vi: str
    profile_title_en: str
    issued_at: datetime
    """Aware."""
    verdict: str
    """A :class:`~ekyc.policy.Verdict`."""
    checks: tuple[Check, ...]
    required: tuple[str, ...]
    """Ids of the checks that the procedure requires."""
    case_digest: str
    """SHA-256 (hex) over all that was submitted."""
    report_digest: str
    """SHA-256 (hex) of the full report; the QR code carries its first 16 digits."""
    sample: bool
    """Marks every page as a sample without legal value."""
    by_officer: bool = False
    """Whether an officer accepted it after looking at it."""
    lookup_url: str | None = None
    credential: str | None = None
    """Text of the QR code by which the result is verified offline (:mod:`ekyc.signing.credentials`)."""

    def __post_init__(self) -> None:
        Verdict(self.verdict)
        if self.credential is not None and len(self.credential) > MAX_CREDENTIAL:
            raise LimitError("too long to print", code="signing.qr.too_long")
        if len(self.checks) > MAX_CHECKS:
            raise LimitError(f"more than {MAX_CHECKS} checks", code="signing.result.too_long")

    def appearance(self, signer_name: str) -> Appearance:
        """The visible signature of this page; the signer is named as in his certificate."""
        return Appearance(
            box_pt=SIGNATURE_BOX_PT,
            signer_name=signer_name,
            record_id=self.record_id,
            evidence_digest=Sha256Hex(self.report_digest),
            lookup_url=self.lookup_url,
        )


@drawing()
def render_result_pdf(document: ResultDocument) -> bytes:
    """Draw the result page, unsigned.

    Raises:
        LimitError: ``signing.result.too_long``.
    """
    out = BytesIO()
    width, height = A4
    first_frame = _frame(_MARGIN_PT + SIGNATURE_BOX_PT[3], height)
    later_frame = _frame(_MARGIN_PT, height)

    def decorate(canvas: Canvas, _template: BaseDocTemplate) -> None:
        _decorate(canvas, document, width, height)

    template = BaseDocTemplate(
        out,
        pagesize=A4,
        title=f"{document.profile_title_vi} – {document.record_id}",
        author="ekyc-vn",
        lang="vi",
        invariant=1,
        pageTemplates=[
            PageTemplate("first", [first_frame], onPage=decorate, autoNextPageTemplate="later"),
            PageTemplate("later", [later_frame], onPage=decorate),
        ],
    )
    template.build(_story(document))
    return out.getvalue()


def _frame(bottom: float, page_height: float) -> Frame:
    top = page_height - _MARGIN_PT
    return Frame(
        _MARGIN_PT,
        bottom,
        A4[0] - 2 * _MARGIN_PT,
        top - bottom,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )


def _story(document: ResultDocument) -> list[Flowable]:
    local = document.issued_at.astimezone(VIETNAM_TIME)
    heading = ParagraphStyle("heading", fontName=BOLD, fontSize=15, leading=20)
    plain = ParagraphStyle("plain", fontName=REGULAR, fontSize=9.5, leading=14)
    verdict = ParagraphStyle("verdict", fontName=BOLD, fontSize=12.5, leading=20, spaceBefore=6)
    outcome = _VERDICT_VI[Verdict(document.verdict)]
    return [
        Paragraph("KẾT QUẢ XÁC MINH TRỰC TUYẾN", heading),
        Paragraph(_escaped(document.profile_title_vi), plain),
        Paragraph(_escaped(document.profile_title_en), plain),
        Spacer(1, 8),
        Paragraph(f"Mã hồ sơ: {_escaped(document.record_id)}", plain),
        Paragraph(f"Thời điểm: {local:%d/%m/%Y %H:%M:%S} (GMT+7)", plain),
        Paragraph(f"Kết luận: {outcome}", verdict),
        *_officer_note(document),
        Spacer(1, 6),
        _checks_table(document),
        Spacer(1, 10),
        Paragraph(f"SHA-256 của hồ sơ nộp: {_escaped(document.case_digest)}", _SMALL),
        Paragraph(f"SHA-256 của báo cáo đầy đủ: {_escaped(document.report_digest)}", _SMALL),
        *_credential_note(document),
        Paragraph(
            "Trang này không chứa dữ liệu cá nhân. Kết quả của máy không thay quyết định của người có thẩm quyền.",
            _SMALL,
        ),
    ]


_SMALL: Final = ParagraphStyle("small", fontName=REGULAR, fontSize=8, leading=11.5)
_CELL: Final = ParagraphStyle("cell", fontName=REGULAR, fontSize=8.5, leading=11.5)
_HEAD: Final = ParagraphStyle("head", fontName=BOLD, fontSize=8.5, leading=11.5)


def _officer_note(document: ResultDocument) -> list[Flowable]:
    if not document.by_officer:
        return []
    text = "Cán bộ có thẩm quyền đã xem xét và quyết định. / Decided by an officer after review."
    return [Paragraph(text, _SMALL)]


def _credential_note(document: ResultDocument) -> list[Flowable]:
    if document.credential is None:
        return []
    text = (
        "Mã QR lớn ở cuối trang đầu là chính kết quả này, do nơi cấp ký: quét để kiểm tra không cần mạng, và để biết kết "
        "quả còn hiệu lực hay đã bị thu hồi. / The large code at the foot of the first page is this result, signed by its "
        "issuer."
    )
    return [Paragraph(text, _SMALL)]


def _checks_table(document: ResultDocument) -> Table:
    rows: list[list[Any]] = [[Paragraph(t, _HEAD) for t in ("Bước kiểm tra", "Kết quả", "Lý do")]]
    rows += [_row(check, required=check.id in document.required) for check in document.checks]
    line = colors.HexColor("#bbbbbb")
    return Table(
        rows,
        colWidths=[62 * mm, 32 * mm, 76 * mm],
        repeatRows=1,
        style=[
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, line),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
        ],
    )


def _row(check: Check, *, required: bool) -> list[Any]:
    title = check_title(check.id, "vi") + ("" if required else " (không bắt buộc)")
    colour = _OUTCOME_COLOUR[check.outcome].hexval().replace("0x", "#")
    reasons = " ".join(describe_reason(code, "vi") for code in check.reasons)
    return [
        Paragraph(_escaped(title), _CELL),
        Paragraph(f'<font color="{colour}">{_OUTCOME_VI[check.outcome]}</font>', _CELL),
        Paragraph(_escaped(reasons), _CELL),
    ]


def _decorate(canvas: Canvas, document: ResultDocument, width: float, height: float) -> None:
    """Page number and, on samples, the mark across every page."""
    canvas.saveState()
    if document.sample:
        canvas.setFillColor(colors.Color(0.75, 0.1, 0.1, alpha=0.10))
        canvas.setFont(BOLD, 62)
        canvas.translate(width / 2, height / 2)
        canvas.rotate(38)
        canvas.drawCentredString(0, 20, "MẪU – SAMPLE")
        canvas.setFont(BOLD, 22)
        canvas.drawCentredString(0, -22, "không có giá trị pháp lý")
    canvas.restoreState()
    if document.credential is not None and canvas.getPageNumber() == 1:
        left, bottom, right, _ = CREDENTIAL_BOX_PT
        side = right - left
        canvas.setFillGray(1)  # nothing of the mark shines through the code
        canvas.rect(left, bottom, side, side, stroke=0, fill=1)
        text = document.credential
        draw_qr(canvas, text, left=left, bottom=bottom, side=side, most=MAX_CREDENTIAL)
    canvas.saveState()
    canvas.setFillGray(0.35)
    canvas.setFont(REGULAR, 8)
    canvas.drawRightString(width - _MARGIN_PT, 30, f"Trang {canvas.getPageNumber()}")
    canvas.restoreState()


def _escaped(text: str) -> str:
    """Text for reportlab's paragraphs, whose markup must not be reachable from a title or an id."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""Tools for cards and papers: read one, hold a copy against its original."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from ekyc.api.tools.answering import answer, answered, as_json, tool
from ekyc.api.tools.parts import Part, PartKind, Parts
from ekyc.api.tools.schemas import CardReadingModel, CopyComparisonModel, DocumentReadingModel
from ekyc.api.v1.front import allowed
from ekyc.flows.tools import PAPER_BYTES, PICTURE_BYTES
from ekyc.imaging.document_pages import MAX_PAGES, MOST_COMPARED

CARD: Final = Parts(
    (
        Part(
            name="front",
            kind=PartKind.PICTURE,
            vi="Ảnh mặt trước của thẻ",
            en="Picture of the card's front",
            required=True,
        ),
        Part(
            name="back",
            kind=PartKind.PICTURE,
            vi="Ảnh mặt sau của thẻ",
            en="Picture of the card's back",
        ),
    ),
    2 * PICTURE_BYTES,
)
DOCUMENT: Final = Parts(
    (
        Part(
            name="pages",
            kind=PartKind.PAPER,
            vi="Các trang của một giấy tờ: ảnh hoặc PDF, theo thứ tự",
            en="The pages of one paper in order: pictures or PDF",
            most=MAX_PAGES,
            required=True,
        ),
    ),
    PAPER_BYTES,
)
COPY: Final = Parts(
    (
        Part(
            name="original",
            kind=PartKind.PAPER,
            vi="Các trang của bản chính: ảnh hoặc PDF",
            en="The original's pages: pictures or PDF",
            most=MOST_COMPARED,
            required=True,
        ),
        Part(
            name="copy",
            kind=PartKind.PAPER,
            vi="Các trang của bản sao: ảnh hoặc PDF",
            en="The copy's pages: pictures or PDF",
            most=MOST_COMPARED,
            required=True,
        ),
    ),
    2 * PAPER_BYTES,
)
_UNREADABLE: Final = ("image.unreadable", "image.wrong_type", "image.too_many_pixels")
_PAPER_UNREADABLE: Final = (*_UNREADABLE, "pdf.too_many_pages", "document.too_many_pages")
_HTML: Final[dict[str, Any]] = {
    "description": "JSON, hoặc trang để cán bộ xem. / JSON, or a page for an officer.",
    "model": CopyComparisonModel,
    "content": {"text/html": {"schema": {"type": "string"}}},
}
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox",
    "Vary": "Accept",
}
router = APIRouter(
    prefix="/v1/tools", tags=["Công cụ / Tools"], dependencies=[allowed("tools:use")]
)


@router.post(
    "/card-readings",
    operation_id="read_card",
    summary="Đọc thẻ căn cước / Read an identity card",
    response_model=CardReadingModel,
    **tool(CARD, *_UNREADABLE),
)
async def read_card(request: Request) -> Response:
    """Chữ in, vùng MRZ, mã QR, đối chiếu chéo, và lỗi khi chụp. Không gì trên thẻ được ký: kết quả không chứng minh thẻ thật.

    Print, machine readable zone, QR code, whether they agree, and faults of the pictures. Nothing on a card is signed: this
    does not prove that the card is genuine.
    """
    return await answer(
        request, CARD, lambda tools, asked: tools.read_card(asked.one("front"), asked.maybe("back"))
    )


@router.post(
    "/document-readings",
    operation_id="read_document",
    summary="Đọc giấy tờ / Read a paper",
    response_model=DocumentReadingModel,
    **tool(DOCUMENT, *_PAPER_UNREADABLE),
)
async def read_document(request: Request) -> Response:
    """Loại giấy tờ, các trường cùng mức tin cậy, và mọi dòng chữ. Trang có thể xoay hoặc nghiêng.

    Its kind, fields with their standing, and every line. Pages may be turned or slanted.
    """
    return await answer(
        request, DOCUMENT, lambda tools, asked: tools.read_document(asked.all("pages"))
    )


@router.post(
    "/copy-comparisons",
    operation_id="compare_copy",
    summary="So bản sao với bản chính / Hold a copy against its original",
    response_model=CopyComparisonModel,
    **tool(COPY, *_PAPER_UNREADABLE, answers={200: _HTML}),
)
async def compare_copy(request: Request) -> Response:
    """Chỗ nào khác nhau. `Accept: text/html` cho trang để xem, có ảnh từng chỗ khác. PASSED nghĩa là không thấy khác, không phải
    là bản sao đúng: quyết định thuộc cán bộ.

    What differs. `Accept: text/html` gives a page with pictures of every difference. PASSED says that none was found, not
    that the copy is true: an officer decides that.
    """
    with_page = prefers_html(request.headers.get("accept"))
    finding, question = await answered(
        request,
        COPY,
        lambda tools, asked: tools.compare_copy(
            asked.all("original"), asked.all("copy"), with_page=with_page
        ),
    )
    if finding.page is not None:
        return HTMLResponse(finding.page, headers=_PAGE_HEADERS)
    response = as_json(finding, question)
    response.headers["Vary"] = "Accept"
    return response


def prefers_html(header: str | None) -> bool:
    """Whether ``Accept`` names a page before JSON (RFC 9110 §12.5.1); no preference is JSON."""
    named = [part.split(";")[0].strip().lower() for part in (header or "").split(",")[:20]]
    kinds = [kind for kind in named if kind in {"text/html", "application/json", "*/*"}]
    return bool(kinds) and kinds[0] == "text/html"

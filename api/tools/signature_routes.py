"""Tools for what is signed: the signatures of a file, and results that were issued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from ekyc.api.tools.answering import answer, tool
from ekyc.api.tools.parts import Part, PartKind, Parts, Question, missing
from ekyc.api.tools.schemas import ResultVerificationModel, SignatureValidationModel
from ekyc.api.v1.front import allowed
from ekyc.errors import InputError
from ekyc.flows.tools import PAPER_BYTES, Presented, ToolFile

if TYPE_CHECKING:
    from ekyc.api.tools.ports import Tools
    from ekyc.flows.tools import ToolFinding

SIGNED: Final = Parts(
    (
        Part(
            name="file",
            kind=PartKind.FILE,
            vi="Tệp đã ký: PDF, XML, JWS hoặc CMS",
            en="The signed file: PDF, XML, JWS or CMS",
            required=True,
        ),
        Part(
            name="content",
            kind=PartKind.FILE,
            vi="Nội dung mà CMS tách rời ký lên",
            en="What a detached CMS is over",
        ),
    ),
    2 * PAPER_BYTES,
)
RESULT: Final = Parts(
    (
        Part(
            name="file",
            kind=PartKind.PAPER,
            vi="Chữ của mã QR (`EKYC1:…`), hoặc ảnh hay PDF có mã; hoặc `presentation`",
            en="The QR code's text (`EKYC1:…`), or a picture or PDF that bears it; or `presentation`",
        ),
        Part(
            name="presentation",
            kind=PartKind.TEXT,
            vi="SD-JWT mà ví điện tử xuất trình, cùng `audience` và `nonce`",
            en="SD-JWT that a wallet presents, with `audience` and `nonce`",
        ),
        Part(
            name="audience",
            kind=PartKind.TEXT,
            vi="Ví phải xuất trình cho ai",
            en="To whom the wallet must present",
        ),
        Part(
            name="nonce",
            kind=PartKind.TEXT,
            vi="Số ngẫu nhiên bên gọi đã cấp; chỉ chấp nhận một lần",
            en="What the caller gave out; accept it once only",
        ),
        Part(
            name="status_lists",
            kind=PartKind.STATUS_LIST,
            vi="Danh sách trạng thái đã ký mà bên gọi có",
            en="Signed status lists that the caller has",
            most=16,
        ),
    ),
    PAPER_BYTES + 8 * PartKind.STATUS_LIST.most_bytes,
)
router = APIRouter(
    prefix="/v1/tools", tags=["Công cụ / Tools"], dependencies=[allowed("tools:use")]
)


@router.post(
    "/signature-validations",
    operation_id="validate_signatures",
    summary="Kiểm tra chữ ký số / Validate digital signatures",
    response_model=SignatureValidationModel,
    **tool(SIGNED),
)
async def validate_signatures(request: Request) -> Response:
    """Chữ ký có nguyên vẹn, phủ nội dung hiển thị, và dẫn đến một gốc mà đơn vị vận hành tin cậy hay không. Gốc tin cậy do đơn vị vận
    hành đặt, không do bên gọi. Không tải gì từ mạng.

    Whether signatures are intact, cover what is shown, and lead to an authority that the operator trusts. The caller does not
    choose whom to trust. Nothing is fetched from a network.
    """
    return await answer(
        request,
        SIGNED,
        lambda tools, asked: tools.validate_signatures(asked.one("file"), asked.maybe("content")),
    )


@router.post(
    "/result-verifications",
    operation_id="verify_result",
    summary="Kiểm tra kết quả đã cấp / Verify an issued result",
    response_model=ResultVerificationModel,
    **tool(
        RESULT,
        *("credential.no_code", "credential.several_codes", "credential.not_published"),
        "image.wrong_type",
    ),
)
async def verify_result(request: Request) -> Response:
    """Ai cấp, có bị sửa, còn hiệu lực hay không. Mã có thể bị sao chép: hãy đối chiếu các trường với giấy tờ của người xuất trình.

    Who issued it, whether it was altered, whether it stands. A code can be copied: hold its fields against the bearer's identity
    card.
    """
    return await answer(request, RESULT, _verify)


def _verify(tools: Tools, asked: Question) -> ToolFinding:
    file, presentation = asked.maybe("file"), asked.texts.get("presentation")
    shown: ToolFile | Presented
    if presentation is None:
        shown = asked.one("file")
    elif file is not None:
        raise InputError(
            "a file and a presentation exclude each other", code="request.part", subject="file"
        )
    else:
        for name in ("audience", "nonce"):
            if name not in asked.texts:
                raise missing(name)
        texts = asked.texts
        shown = Presented(text=presentation, audience=texts["audience"], nonce=texts["nonce"])
    return tools.verify_result(shown, asked.all("status_lists"))

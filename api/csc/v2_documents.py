"""Version 2: signatures over whole documents (§11.11). PAdES alone is offered."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from ekyc.api.csc.answers import Caller, CscInput, CscRoute, Front, errors, run
from ekyc.api.csc.front import V2
from ekyc.api.csc.schemas import CredentialId, Oid, Parameters, SadText
from ekyc.api.csc.v2 import require_synchronous
from ekyc.signing.activation.remote import CredentialInfo
from ekyc.signing.csc import (
    CscError,
    WantedDocument,
    invalid,
    missing,
    read_document,
    require_few,
    text,
)
from ekyc.signing.csc.documents import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS

router = APIRouter(prefix=V2, route_class=CscRoute, tags=["CSC v2"])


class DocumentInput(CscInput):
    """A PDF to be signed."""

    document: str = Field(
        max_length=MAX_DOCUMENT_BYTES * 4 // 3 + 4,
        repr=False,
        description="Tệp PDF, base64. / The PDF in base64.",
    )
    signature_format: str = Field(max_length=8, description="`P`")
    conformance_level: str | None = Field(default=None, max_length=32)
    signAlgo: Oid  # noqa: N815  # the standard's name
    signAlgoParams: Parameters = None  # noqa: N815  # the standard's name
    signed_envelope_property: str | None = Field(
        default=None,
        max_length=32,
        description="`Certification` (mặc định / default), `Revision`",
    )
    signed_props: list[Any] | None = Field(default=None, max_length=20)
    label: str | None = Field(
        default=None,
        max_length=200,
        repr=False,
        description="Mở rộng: tên tài liệu cho người ký xem. / Extension: the title that the person is shown.",
    )


class SignDocInput(CscInput):
    """``signatures/signDoc`` (§11.11)."""

    credentialID: CredentialId | None = None  # noqa: N815  # the standard's name
    SAD: SadText = None
    documents: list[DocumentInput] | None = Field(default=None, max_length=MAX_DOCUMENTS)
    documentDigests: list[Any] | None = Field(default=None, max_length=MAX_DOCUMENTS)  # noqa: N815  # the standard's name
    operationMode: str | None = Field(default=None, max_length=8)  # noqa: N815  # the standard's name
    returnValidationInfo: bool = False  # noqa: N815  # the standard's name


class SignDocOutput(BaseModel):
    """Signed files, in the order asked for."""

    DocumentWithSignature: list[str] = Field(
        description="Tệp đã ký, base64. / Signed files in base64."
    )


@router.post(
    "/signatures/signDoc",
    operation_id="csc_v2_signatures_signdoc",
    summary="Ký tệp PDF / Sign PDFs",
    responses=errors(400, 401, 403, 501, 503),
)
async def signatures_sign_doc(
    front: Front, access: Caller, told: Annotated[SignDocInput, Body()]
) -> SignDocOutput:
    """Đúng các tệp đã gửi khi ủy quyền (`credentials/authorize` với `documents`), cùng mức. Máy chủ dấu thời gian hỏng thì
    trả 503: gửi lại yêu cầu này khi SAD còn hạn, không phải ký lại.

    Exactly the files that were authorised (`credentials/authorize` with `documents`), at the same level. Where the
    time-stamping authority fails the answer is 503: send the same request again while the SAD lasts.
    """
    require_synchronous(told.operationMode)
    if told.credentialID is None:
        raise missing("string", "credentialID")
    if told.documents is not None and told.documentDigests is not None:
        raise CscError("Both documentDigests and documents parameters passed")
    if told.documentDigests is not None:
        raise invalid("documentDigests")
    name, documents = told.credentialID, told.documents or []

    def sign() -> tuple[bytes, ...]:
        info = front.service.info_for_signing(access, name, sad=told.SAD)
        wanted = read_documents(documents, info)
        return front.service.sign_documents(access, name, sad=told.SAD, wanted=wanted)

    files = await run(front, sign)
    return SignDocOutput(DocumentWithSignature=[text(file) for file in files])


def read_documents(
    documents: list[DocumentInput], info: CredentialInfo, *, description: str | None = None
) -> list[WantedDocument]:
    """``documents`` of a request.

    Raises:
        CscError: none, too many, or a value that is not offered.
    """
    require_few(len(documents))
    if any(document.signed_props for document in documents):
        raise invalid("signed_props")
    return [
        read_document(
            document=document.document,
            signature_format=document.signature_format,
            conformance_level=document.conformance_level,
            signed_envelope_property=document.signed_envelope_property,
            sign_algo=document.signAlgo,
            sign_algo_params=document.signAlgoParams,
            label=document.label or description,
            info=info,
        )
        for document in documents
    ]

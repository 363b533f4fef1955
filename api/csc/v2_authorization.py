"""Version 2: how a person authorises – with a code, with an authenticator, here or elsewhere."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Response
from pydantic import Field

from ekyc.api.csc.answers import Caller, CscInput, CscRoute, Front, errors, run
from ekyc.api.csc.authenticators import read_authentication, request_options
from ekyc.api.csc.front import V2, CscFront
from ekyc.api.csc.schemas import CredentialId, Hashes, Oid, SadOutput
from ekyc.api.csc.v2 import waiting
from ekyc.api.csc.v2_documents import DocumentInput, read_documents
from ekyc.signing.activation.remote import OneTimeCode
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.csc import (
    AUTHENTICATOR,
    ONE_TIME_CODE,
    Access,
    CredentialRequest,
    CscError,
    SadToken,
    documents_of,
    invalid,
    missing,
    read_hashes,
    require_count,
    require_sha256,
)

_HANDLE: Final = r"^[A-Za-z0-9_-]{43}$"
router = APIRouter(prefix=V2, route_class=CscRoute, tags=["CSC v2"])


class AuthDatum(CscInput):
    """One authentication object: what the person gave."""

    id: str = Field(max_length=32)
    value: str | None = Field(default=None, max_length=32_000, repr=False)
    handle: str | None = Field(
        default=None,
        pattern=_HANDLE,
        description="Của getChallenge, chỉ với `webauthn`. / From getChallenge, only with `webauthn`.",
    )


class V2AuthorizeInput(CscInput):
    """``credentials/authorize`` (§11.6)."""

    credentialID: CredentialId  # noqa: N815  # the standard's name
    numSignatures: int  # noqa: N815  # the standard's name
    hashes: Hashes | None = None
    hashAlgorithmOID: Oid | None = None  # noqa: N815  # the standard's name
    authData: list[AuthDatum] = Field(default=[], max_length=5)  # noqa: N815  # the standard's name
    description: str | None = Field(default=None, max_length=500, repr=False)
    documents: list[DocumentInput] | None = Field(
        default=None,
        max_length=10,
        description="Mở rộng: ủy quyền ký cả tệp PDF, thay cho `hashes`; sau đó gửi đúng các tệp này cho signDoc. / "
        "Extension: authorise whole PDFs instead of `hashes`; then send these very files to signDoc.",
    )


class CheckInput(CscInput):
    """``credentials/authorizeCheck`` (§11.7)."""

    handle: str = Field(pattern=_HANDLE, repr=False)


class ChallengeInput(CscInput):
    """``credentials/getChallenge`` (§11.8)."""

    credentialID: CredentialId  # noqa: N815  # the standard's name
    authObjectID: str = Field(max_length=32)  # noqa: N815  # the standard's name
    hashes: Hashes | None = None
    hashAlgorithmOID: Oid | None = None  # noqa: N815  # the standard's name
    description: str | None = Field(default=None, max_length=500, repr=False)


@router.post(
    "/credentials/authorize",
    operation_id="csc_v2_credentials_authorize",
    summary="Ủy quyền ký / Authorise signatures",
    response_model=SadOutput,
    responses={202: {"description": "`handle`"}, **errors(400, 401, 403, 503)},
)
async def credentials_authorize(
    front: Front, access: Caller, told: Annotated[V2AuthorizeInput, Body()]
) -> SadOutput | Response:
    """Gắn ủy quyền với đúng các giá trị băm, hoặc đúng các tệp, được gửi. `authData`: `OTP`, hoặc `webauthn` cùng trả lời
    của khóa bảo mật, hoặc `webauthn` không có trả lời: khi đó nhận `handle`, người ký trả lời trên trang của cổng.

    Binds the authorisation to exactly these digests, or files. `authData`: `OTP`; or `webauthn` with what the
    authenticator said; or `webauthn` without: then the answer is a `handle` and the person answers on a page of the
    portal.
    """
    request = await run(front, lambda: _wanted(front, access, told))
    require_count(told.numSignatures, [one.to_be_signed for one in request.documents])
    datum = _one(told.authData)
    if datum is not None and datum.id == AUTHENTICATOR and datum.value is None:
        return waiting(await run(front, lambda: front.service.begin_authorisation(access, request)))
    return _said(await run(front, lambda: _authorised(front, access, request, datum)))


@router.post(
    "/credentials/authorizeCheck",
    operation_id="csc_v2_credentials_authorize_check",
    summary="Hỏi kết quả ủy quyền / Ask what became of it",
    response_model=SadOutput,
    responses={202: {"description": "`handle`"}, **errors(400, 401, 403, 503)},
)
async def credentials_authorize_check(
    front: Front, access: Caller, told: Annotated[CheckInput, Body()]
) -> SadOutput | Response:
    """202 khi người ký chưa trả lời. / 202 while the person has not answered."""
    sad = await run(front, lambda: front.service.check_authorisation(access, told.handle))
    return waiting(told.handle) if sad is None else _said(sad)


@router.post(
    "/credentials/getChallenge",
    operation_id="csc_v2_credentials_get_challenge",
    summary="Lấy thử thách cho khóa bảo mật / A challenge for an authenticator",
    responses=errors(400, 401, 403, 503),
)
async def credentials_get_challenge(
    front: Front, access: Caller, asked: Annotated[ChallengeInput, Body()]
) -> dict[str, Any]:
    """Thử thách là giá trị băm của ủy quyền nên cần `hashes` (mở rộng so với chuẩn). Gửi lại `handle` trong `authData`.

    The challenge is the digest of the authorisation itself, hence `hashes`, which the standard does not know. Give
    `handle` back in `authData`.
    """
    if asked.authObjectID != AUTHENTICATOR:
        raise invalid("authObjectID")
    if asked.hashes is None:
        raise missing("array", "hashes")
    request = _of_hashes(
        asked.credentialID, asked.hashes, asked.hashAlgorithmOID, asked.description
    )

    def ask() -> dict[str, Any]:
        handle = front.service.begin_authorisation(access, request)
        question = front.consent.ask_by_handle(handle, access.caller, ActivationMethod.WEBAUTHN)
        assert question.proposal is not None
        return {"handle": handle, **request_options(question.proposal)}

    return await run(front, ask)


def _wanted(front: CscFront, access: Access, told: V2AuthorizeInput) -> CredentialRequest:
    if told.documents is None:
        return _of_hashes(told.credentialID, told.hashes, told.hashAlgorithmOID, told.description)
    if told.hashes is not None:
        raise CscError("Both hashes and documents parameters passed")
    info = front.service.describe(access, told.credentialID)
    wanted = read_documents(told.documents, info, description=told.description)
    return front.service.prepare(access, told.credentialID, wanted)


def _of_hashes(
    credential_id: str, hashes: list[str] | None, algorithm: str | None, label: str | None
) -> CredentialRequest:
    if hashes is None:
        raise missing("array", "hashes")
    digests = read_hashes(hashes)
    if algorithm is None:
        raise missing("string", "hashAlgorithmOID")
    require_sha256(algorithm, name="hashAlgorithmOID")
    documents = documents_of(digests, [label] * len(digests))
    return CredentialRequest(credential_id=credential_id, documents=documents)


def _one(data: list[AuthDatum]) -> AuthDatum | None:
    """The one object given: the ways are alternatives.

    Raises:
        CscError: several, or one that is not offered.
    """
    if len(data) > 1 or any(one.id not in {ONE_TIME_CODE, AUTHENTICATOR} for one in data):
        raise _wrong()
    return data[0] if data else None


def _authorised(
    front: CscFront, access: Access, request: CredentialRequest, datum: AuthDatum | None
) -> SadToken:
    if datum is None:
        method = ActivationMethod.VERIFICATION
        return front.service.authorise(access, request, method=method, answer=None)
    if datum.value is None:
        raise _wrong()
    if datum.id == ONE_TIME_CODE:
        code = OneTimeCode(code=datum.value)
        return front.service.authorise(access, request, method=ActivationMethod.TOTP, answer=code)
    if datum.handle is None:
        raise missing("string", "handle")
    answer = read_authentication(datum.value)
    front.consent.approve_by_handle(datum.handle, access.caller, answer, repeated=request)
    sad = front.service.check_authorisation(access, datum.handle)
    assert sad is not None
    return sad


def _said(sad: SadToken) -> SadOutput:
    return SadOutput(SAD=sad.token, expiresIn=sad.expires_in_s)


def _wrong() -> CscError:
    return CscError("The authentication data is invalid", error="invalid_authentication_data")

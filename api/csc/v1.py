"""Version 1.0.4.0 of the signing interface: what MySign-like services and pyHanko's client speak."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request
from pydantic import Field

from ekyc.api.csc.answers import Caller, CscInput, CscRoute, Front, errors, run
from ekyc.api.csc.front import V1, CscFront
from ekyc.api.csc.schemas import (
    CredentialId,
    CredentialModel,
    Hashes,
    InfoInput,
    InfoOutput,
    InfoQuery,
    LoginInput,
    LoginOutput,
    Oid,
    Parameters,
    RevokeInput,
    SadOutput,
    SadText,
    SignaturesOutput,
    TimestampInput,
    TimestampOutput,
)
from ekyc.api.csc.shared import described, log_in, require_no_user, revoke, service_facts, stamp
from ekyc.signing.activation.remote import OneTimeCode
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.csc import (
    Access,
    CredentialRequest,
    CscError,
    auth_v1,
    documents_of,
    invalid,
    missing,
    read_hashes,
    require_count,
    text,
)

SPECS: Final = "1.0.4.0"
_MOST_RESULTS: Final = 100
router = APIRouter(prefix=V1, route_class=CscRoute, tags=["CSC v1.0.4"])


class V1ListInput(CscInput):
    """``credentials/list``."""

    userID: str | None = Field(default=None, max_length=255, repr=False)  # noqa: N815  # the standard's name
    maxResults: int | None = None  # noqa: N815  # the standard's name
    pageToken: str | None = Field(default=None, max_length=16)  # noqa: N815  # the standard's name


class V1AuthorizeInput(CscInput):
    """``credentials/authorize``."""

    credentialID: CredentialId  # noqa: N815  # the standard's name
    numSignatures: int  # noqa: N815  # the standard's name
    hash: Hashes
    description: str | None = Field(default=None, max_length=500, repr=False)
    PIN: str | None = Field(default=None, max_length=64, repr=False)
    OTP: str | None = Field(default=None, max_length=16, repr=False)


class V1SignHashInput(CscInput):
    """``signatures/signHash``."""

    credentialID: CredentialId  # noqa: N815  # the standard's name
    SAD: SadText = None
    hash: Hashes
    hashAlgo: Oid | None = None  # noqa: N815  # the standard's name
    signAlgo: Oid  # noqa: N815  # the standard's name
    signAlgoParams: Parameters = None  # noqa: N815  # the standard's name


@router.post(
    "/info",
    operation_id="csc_v1_info",
    summary="Thông tin dịch vụ / About the service",
    responses=errors(400),
)
async def info(front: Front, told: Annotated[InfoInput | None, Body()] = None) -> InfoOutput:
    """Ai cũng đọc được. / For everybody."""
    del told
    return InfoOutput(specs=SPECS, methods=_methods(front), **service_facts(front))


@router.post(
    "/auth/login",
    operation_id="csc_v1_auth_login",
    summary="Đăng nhập của ứng dụng / A client logs in by itself",
    responses=errors(400, 503),
)
async def auth_login(
    front: Front, request: Request, told: Annotated[LoginInput | None, Body()] = None
) -> LoginOutput:
    """HTTP Basic; chỉ cho ứng dụng được đăng ký cùng một chủ thể, như con dấu của cơ quan.

    HTTP Basic; only for clients that are registered with a holder, such as an agency's seal.
    """
    return await log_in(front, request, told or LoginInput())


@router.post(
    "/auth/revoke",
    operation_id="csc_v1_auth_revoke",
    summary="Hủy access token / End a token",
    status_code=204,
    responses=errors(400, 401, 503),
)
async def auth_revoke(front: Front, access: Caller, told: Annotated[RevokeInput, Body()]) -> None:
    """Chỉ hủy được token của chính ứng dụng. / Tokens of this client alone."""
    await revoke(front, access, told)


@router.post(
    "/credentials/list",
    operation_id="csc_v1_credentials_list",
    summary="Danh sách chứng thư / Credentials of the person",
    responses=errors(400, 401, 403, 503),
)
async def credentials_list(
    front: Front, access: Caller, asked: Annotated[V1ListInput | None, Body()] = None
) -> dict[str, Any]:
    """Chỉ của người mà token đại diện. / Only of the person for whom the token speaks."""
    asked = asked or V1ListInput()
    require_no_user(asked.userID)
    names = await run(front, lambda: front.service.credential_ids(access))
    first, most = _page(asked, len(names))
    page = {"credentialIDs": list(names[first : first + most])}
    following = {} if first + most >= len(names) else {"nextPageToken": str(first + most)}
    return {**page, **following}


@router.post(
    "/credentials/info",
    operation_id="csc_v1_credentials_info",
    summary="Thông tin chứng thư / One credential",
    response_model=CredentialModel,
    response_model_exclude_unset=True,
    responses=errors(400, 401, 403, 503),
)
async def credentials_info(
    front: Front, access: Caller, asked: Annotated[InfoQuery, Body()]
) -> dict[str, Any]:
    """Khóa, chứng thư, cách ủy quyền. / Key, certificates, ways to authorise."""
    found, said = await described(front, access, asked)
    auth = auth_v1(found)
    return {**said, **(auth if asked.authInfo else {"authMode": auth["authMode"]})}


@router.post(
    "/credentials/authorize",
    operation_id="csc_v1_credentials_authorize",
    summary="Ủy quyền ký / Authorise signatures",
    responses=errors(400, 401, 403, 503),
)
async def credentials_authorize(
    front: Front, access: Caller, told: Annotated[V1AuthorizeInput, Body()]
) -> SadOutput:
    """Gắn ủy quyền với đúng các giá trị băm được gửi. Người ký phải vừa được xác minh trong phiên này; nếu chứng thư
    đòi mã OTP thì gửi `OTP`.

    Binds the authorisation to exactly these digests. The person must have been verified in this session, just now; where
    the credential asks for it, with `OTP`.
    """
    hashes = read_hashes(told.hash)
    require_count(told.numSignatures, hashes)
    labels = [told.description] * len(hashes)
    request = CredentialRequest(
        credential_id=told.credentialID, documents=documents_of(hashes, labels)
    )
    if told.PIN is not None:
        raise CscError("The PIN is invalid", error="invalid_pin")
    await _require_code(front, access, told)
    try:
        sad = await run(front, lambda: _authorised(front, access, request, told.OTP))
    except CscError as exc:
        if exc.error == "invalid_authentication_data":
            raise CscError("The OTP is invalid", error="invalid_otp") from exc
        raise
    return SadOutput(SAD=sad.token, expiresIn=sad.expires_in_s)


@router.post(
    "/signatures/signHash",
    operation_id="csc_v1_signatures_signhash",
    summary="Ký các giá trị băm / Sign digests",
    responses=errors(400, 401, 503),
)
async def signatures_sign_hash(
    front: Front, access: Caller, told: Annotated[V1SignHashInput, Body()]
) -> SignaturesOutput:
    """Đúng tập giá trị băm đã được ủy quyền, không hơn không kém; mỗi SAD dùng một lần.

    Exactly the digests that were authorised; each SAD once.
    """
    hashes = read_hashes(told.hash)
    values = await run(
        front,
        lambda: front.service.sign_hashes(
            access,
            told.credentialID,
            sad=told.SAD,
            hashes=hashes,
            hash_algo=told.hashAlgo,
            hash_algo_name="hashAlgo",
            sign_algo=told.signAlgo,
            sign_algo_params=told.signAlgoParams,
        ),
    )
    return SignaturesOutput(signatures=[text(value) for value in values])


@router.post(
    "/signatures/timestamp",
    operation_id="csc_v1_signatures_timestamp",
    summary="Cấp dấu thời gian / Timestamp a digest",
    responses=errors(400, 401, 501, 503),
)
async def signatures_timestamp(
    front: Front, access: Caller, asked: Annotated[TimestampInput, Body()]
) -> TimestampOutput:
    """Theo RFC 3161. / By RFC 3161."""
    return await stamp(front, access, asked)


def _methods(front: CscFront) -> list[str]:
    always = [
        *("auth/login", "auth/revoke", "oauth2/authorize", "oauth2/token", "oauth2/revoke"),
        *("credentials/list", "credentials/info", "credentials/authorize"),
        "signatures/signHash",
    ]
    return [*always, "signatures/timestamp"] if front.service.signs_documents else always


def _page(asked: V1ListInput, count: int) -> tuple[int, int]:
    token = asked.pageToken or "0"
    if not token.isascii() or not token.isdigit() or int(token) > count:
        raise invalid("pageToken")
    most = asked.maxResults if asked.maxResults is not None else _MOST_RESULTS
    if most < 1:
        raise invalid("maxResults")
    return int(token), min(most, _MOST_RESULTS)


async def _require_code(front: CscFront, access: Access, told: V1AuthorizeInput) -> None:
    """Say which parameter is missing, where the credential asks for a code and none came."""
    if told.OTP is None:
        found = await run(front, lambda: front.service.describe(access, told.credentialID))
        if ActivationMethod.VERIFICATION not in found.methods:
            raise missing("string", "OTP")


def _authorised(
    front: CscFront, access: Access, request: CredentialRequest, code: str | None
) -> Any:
    return front.service.authorise(
        access,
        request,
        method=ActivationMethod.VERIFICATION if code is None else ActivationMethod.TOTP,
        answer=None if code is None else OneTimeCode(code=code),
    )

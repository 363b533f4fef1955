"""Version 2 of the signing interface (2.0.0.2): accounts of credentials, authorisation, digests and time.

Whole documents are signed by :mod:`.v2_documents`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Request, Response
from pydantic import Field

from ekyc.api.csc.answers import Caller, CscInput, CscRoute, Front, errors, run
from ekyc.api.csc.front import V2, CscFront
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
    SadText,
    SignaturesOutput,
    TimestampInput,
    TimestampOutput,
)
from ekyc.api.csc.shared import described, log_in, require_no_user, revoke, service_facts, stamp
from ekyc.signing.csc import (
    Access,
    Certificates,
    auth_v2,
    common_part,
    invalid,
    read_hashes,
    text,
)
from ekyc.signing.keys.algorithms import SignatureAlgorithm

SPECS: Final = "2.0.0.0"
"""The word that the standard gives for all of version 2.0 (§11.1)."""
router = APIRouter(prefix=V2, route_class=CscRoute, tags=["CSC v2"])


class V2ListInput(CscInput):
    """``credentials/list`` (§11.4)."""

    userID: str | None = Field(default=None, max_length=255, repr=False)  # noqa: N815  # the standard's name
    credentialInfo: bool = False  # noqa: N815  # the standard's name
    certificates: Literal["none", "single", "chain"] = "single"
    certInfo: bool = False  # noqa: N815  # the standard's name
    authInfo: bool = False  # noqa: N815  # the standard's name
    onlyValid: bool = False  # noqa: N815  # the standard's name


class V2SignHashInput(CscInput):
    """``signatures/signHash`` (§11.10)."""

    credentialID: CredentialId  # noqa: N815  # the standard's name
    SAD: SadText = None
    hashes: Hashes
    hashAlgorithmOID: Oid | None = None  # noqa: N815  # the standard's name
    signAlgo: Oid  # noqa: N815  # the standard's name
    signAlgoParams: Parameters = None  # noqa: N815  # the standard's name
    operationMode: str | None = Field(default=None, max_length=8)  # noqa: N815  # the standard's name


@router.post(
    "/info",
    operation_id="csc_v2_info",
    summary="Thông tin dịch vụ / About the service",
    responses=errors(400),
)
async def info(front: Front, told: Annotated[InfoInput | None, Body()] = None) -> InfoOutput:
    """Ai cũng đọc được. / For everybody."""
    del told
    return InfoOutput(
        specs=SPECS, methods=_methods(front), **service_facts(front), **_abilities(front)
    )


@router.post(
    "/auth/login",
    operation_id="csc_v2_auth_login",
    summary="Đăng nhập của ứng dụng / A client logs in by itself",
    responses=errors(400, 503),
)
async def auth_login(
    front: Front, request: Request, told: Annotated[LoginInput | None, Body()] = None
) -> LoginOutput:
    """Như ở phiên bản 1. / As in version 1."""
    return await log_in(front, request, told or LoginInput())


@router.post(
    "/auth/revoke",
    operation_id="csc_v2_auth_revoke",
    summary="Hủy access token / End a token",
    status_code=204,
    responses=errors(400, 401, 503),
)
async def auth_revoke(front: Front, access: Caller, told: Annotated[RevokeInput, Body()]) -> None:
    """Chỉ hủy được token của chính ứng dụng. / Tokens of this client alone."""
    await revoke(front, access, told)


@router.post(
    "/credentials/list",
    operation_id="csc_v2_credentials_list",
    summary="Danh sách chứng thư / Credentials of the person",
    responses=errors(400, 401, 403, 503),
)
async def credentials_list(
    front: Front, access: Caller, asked: Annotated[V2ListInput | None, Body()] = None
) -> dict[str, Any]:
    """Chỉ của người mà token đại diện; `credentialInfo` để nhận luôn chi tiết.

    Only of the person for whom the token speaks; with `credentialInfo` their details too.
    """
    asked = asked or V2ListInput()
    require_no_user(asked.userID)
    return await run(front, lambda: _listed(front, access, asked))


@router.post(
    "/credentials/info",
    operation_id="csc_v2_credentials_info",
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
    return {**said, **auth_v2(found, objects=asked.authInfo)}


@router.post(
    "/signatures/signHash",
    operation_id="csc_v2_signatures_signhash",
    summary="Ký các giá trị băm / Sign digests",
    responses=errors(400, 401, 503),
)
async def signatures_sign_hash(
    front: Front, access: Caller, told: Annotated[V2SignHashInput, Body()]
) -> SignaturesOutput:
    """Đúng tập giá trị băm đã được ủy quyền; mỗi SAD dùng một lần. Token phạm vi `credential` không cần `SAD`.

    Exactly the digests that were authorised; each SAD once. With a token of scope `credential`, `SAD` is not needed.
    """
    require_synchronous(told.operationMode)
    hashes = read_hashes(told.hashes)
    values = await run(
        front,
        lambda: front.service.sign_hashes(
            access,
            told.credentialID,
            sad=told.SAD,
            hashes=hashes,
            hash_algo=told.hashAlgorithmOID,
            hash_algo_name="hashAlgorithmOID",
            sign_algo=told.signAlgo,
            sign_algo_params=told.signAlgoParams,
        ),
    )
    return SignaturesOutput(signatures=[text(value) for value in values])


@router.post(
    "/signatures/timestamp",
    operation_id="csc_v2_signatures_timestamp",
    summary="Cấp dấu thời gian / Timestamp a digest",
    responses=errors(400, 401, 501, 503),
)
async def signatures_timestamp(
    front: Front, access: Caller, asked: Annotated[TimestampInput, Body()]
) -> TimestampOutput:
    """Theo RFC 3161. / By RFC 3161."""
    return await stamp(front, access, asked)


def require_synchronous(mode: str | None) -> None:
    """Refuse ``operationMode`` other than ``S``: answers come at once.

    Raises:
        CscError: another mode.
    """
    if mode not in {None, "S"}:
        raise invalid("operationMode")


def waiting(handle: str) -> Response:
    """The answer while a person has not said anything yet (§11.6, §11.7)."""
    return Response(f'{{"handle": "{handle}"}}', status_code=202, media_type="application/json")


def _listed(front: CscFront, access: Access, asked: V2ListInput) -> dict[str, Any]:
    names = front.service.credential_ids(access, only_valid=asked.onlyValid)
    said: dict[str, Any] = {"credentialIDs": list(names)}
    if asked.onlyValid:
        said["onlyValid"] = True
    if asked.credentialInfo:
        said["credentialInfos"] = [_inline(front, access, asked, name) for name in names]
    return said


def _inline(front: CscFront, access: Access, asked: V2ListInput, name: str) -> dict[str, Any]:
    found = front.service.describe(access, name)
    common = common_part(found, Certificates(asked.certificates), details=asked.certInfo)
    return {"credentialID": name, **common, **auth_v2(found, objects=asked.authInfo)}


def _abilities(front: CscFront) -> dict[str, Any]:
    algos = sorted({algorithm.dotted for algorithm in SignatureAlgorithm})
    formats: dict[str, Any] = {"formats": [], "envelope_properties": []}
    levels: list[str] = []
    if front.service.signs_documents:
        formats = {"formats": ["P"], "envelope_properties": [["Certification", "Revision"]]}
        levels = ["Ades-B-B", "Ades-B-T", "Ades-B-LT", "Ades-B-LTA"]
    return {
        "asynchronousOperationMode": False,
        "validationInfo": False,
        "signAlgorithms": {"algos": algos},
        "signature_formats": formats,
        "conformance_levels": levels,
    }


def _methods(front: CscFront) -> list[str]:
    always = [
        *("auth/login", "auth/revoke"),
        *("oauth2/authorize", "oauth2/pushed_authorize", "oauth2/token", "oauth2/revoke"),
        *("credentials/list", "credentials/info", "credentials/authorize"),
        *("credentials/authorizeCheck", "credentials/getChallenge"),
        "signatures/signHash",
    ]
    extra = ["signatures/signDoc", "signatures/timestamp"]
    return [*always, *extra] if front.service.signs_documents else always

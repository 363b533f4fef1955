"""The endpoints of the authorisation server: ``/csc/oauth2/…`` and its description (RFC 8414)."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from ekyc.api.csc.answers import CscRoute, Front, client_of, errors, form_of, run
from ekyc.api.csc.front import OAUTH, ROOT
from ekyc.signing.csc import PUSHED_LIFE_S, AuthorizationRefusedError, missing

_FORM: Final = "application/x-www-form-urlencoded"
router = APIRouter(route_class=CscRoute, tags=["CSC OAuth 2.0"])


class TokenOutput(BaseModel):
    """A token (RFC 6749 §5.1)."""

    access_token: str = Field(repr=False)
    token_type: str = "Bearer"  # noqa: S105  # the kind of token, no token
    expires_in: int
    scope: str
    credentialID: str | None = None  # noqa: N815  # the standard's name
    authorization_details: list[dict[str, Any]] | None = None


class PushedOutput(BaseModel):
    """A request that waits (RFC 9126 §2.2)."""

    request_uri: str
    expires_in: int


def _form(*required: str) -> dict[str, Any]:
    fields = {name: {"type": "string"} for name in required}
    schema = {"type": "object", "required": list(required), "properties": fields}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}


@router.get(
    f"{OAUTH}/authorize",
    operation_id="csc_oauth2_authorize",
    summary="Bắt đầu xin ủy quyền / Begin",
    status_code=302,
    response_class=RedirectResponse,
    responses=errors(400, 503),
)
async def authorize(front: Front, request: Request) -> Response:
    """Mã ủy quyền với PKCE `S256`; `scope` là `service` hoặc `credential`. Trình duyệt được đưa đến trang của cổng dịch vụ,
    nơi người ký được xác minh và đồng ý. Lỗi được đưa về `redirect_uri` đã đăng ký.

    Authorization code with PKCE `S256`; `scope` is `service` or `credential`. The browser goes to the portal's page, where
    the person is verified and agrees. Refusals go back to the registered `redirect_uri`.
    """
    parameters = request.query_params.multi_items()
    try:
        place = await run(front, lambda: front.server.begin(parameters))
    except AuthorizationRefusedError as exc:
        place = front.server.refusal(exc.redirect_uri, exc, exc.state)
    return RedirectResponse(place, status_code=302)


@router.post(
    f"{OAUTH}/pushed_authorize",
    operation_id="csc_oauth2_pushed_authorize",
    summary="Gửi trước yêu cầu / Push a request",
    status_code=201,
    responses=errors(400, 401, 503),
    openapi_extra=_form("client_id", "redirect_uri", "response_type", "code_challenge"),
)
async def pushed_authorize(front: Front, request: Request) -> PushedOutput:
    """RFC 9126: yêu cầu dài đi thẳng từ ứng dụng, không qua trình duyệt. / Long requests need not pass the browser."""
    fields = await form_of(request)
    client = client_of(request, fields)
    asked = [(name, value) for name, value in fields if name != "client_secret"]
    if "client_id" not in dict(asked):
        asked.append(("client_id", client.id))
    uri = await run(front, lambda: front.server.push(asked, client))
    return PushedOutput(request_uri=uri, expires_in=PUSHED_LIFE_S)


@router.post(
    f"{OAUTH}/token",
    operation_id="csc_oauth2_token",
    summary="Đổi mã lấy token / A code for a token",
    response_model_exclude_none=True,
    responses=errors(400, 401, 503),
    openapi_extra=_form("grant_type", "code", "redirect_uri", "code_verifier"),
)
async def token(front: Front, request: Request) -> TokenOutput:
    """Mã dùng một lần trong một phút; dùng lần hai thì token đã cấp bị hủy. Ứng dụng xác thực bằng HTTP Basic hoặc
    `client_secret`.

    A code is good once, for a minute; a second use ends the token of the first. Clients authenticate with HTTP Basic or
    `client_secret`.
    """
    fields = await form_of(request)
    client = client_of(request, fields)
    made = await run(front, lambda: front.server.exchange(fields, client))
    wanted = made.request
    return TokenOutput(
        access_token=made.access_token,
        expires_in=made.expires_in_s,
        scope="service" if wanted is None else "credential",
        credentialID=None if wanted is None else wanted.credential_id,
        authorization_details=wanted.details if wanted and wanted.from_details else None,
    )


@router.post(
    f"{OAUTH}/revoke",
    operation_id="csc_oauth2_revoke",
    summary="Hủy token / End a token",
    status_code=204,
    responses=errors(400, 401, 503),
    openapi_extra=_form("token"),
)
async def revoke(front: Front, request: Request) -> Response:
    """RFC 7009: token lạ cũng trả 204. / A token that is unknown is answered alike."""
    fields = await form_of(request)
    client = client_of(request, fields)
    given = dict(fields).get("token")
    if not given:
        raise missing("string", "token")
    await run(front, lambda: front.server.revoke(given, client_id=client.id))
    return Response(status_code=204)


@router.get(
    f"/.well-known/oauth-authorization-server{ROOT}",
    operation_id="csc_oauth2_metadata",
    summary="Mô tả máy chủ ủy quyền / Authorisation server metadata",
)
async def metadata(front: Front) -> dict[str, Any]:
    """RFC 8414."""
    issuer = front.server.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "token_endpoint": f"{issuer}/oauth2/token",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth2/pushed_authorize",
        "scopes_supported": ["service", "credential"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_details_types_supported": ["credential"],
        "authorization_response_iss_parameter_supported": True,
    }

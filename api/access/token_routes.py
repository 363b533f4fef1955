"""The token endpoint, and how we describe ourselves: ``/oauth2/token``, ``/.well-known/…``."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Any, ClassVar, Final

import anyio.to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ekyc.api.access.assertions import ALGORITHMS
from ekyc.api.access.errors import AttemptsExceededError
from ekyc.api.access.front import TOKEN_PATH, AccessFront
from ekyc.api.access.permissions import grantable_scopes
from ekyc.api.access.token_endpoint import (
    ACCESS_TOKEN_TYPE,
    CLIENT_CREDENTIALS,
    TOKEN_EXCHANGE,
)
from ekyc.api.csc.answers import CscErrorModel, CscRoute, form_of

METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
JWKS_PATH: Final = "/.well-known/jwks.json"


class OAuthRoute(CscRoute):
    """A route whose refusals are those of RFC 6749 §5.2, which have the form that the CSC API took over."""

    open_because: ClassVar[str] = "clients authenticate in the request itself"


class TokenAnswer(BaseModel):
    """A token (RFC 6749 §5.1, RFC 8693 §2.2.1)."""

    access_token: str = Field(repr=False)
    token_type: str = "Bearer"  # noqa: S105  # the kind of token, no token
    expires_in: int
    scope: str
    issued_token_type: str | None = None


router = APIRouter(route_class=OAuthRoute, tags=["OAuth 2.0"])


def front_of(request: Request) -> AccessFront:
    """Access as this application has it."""
    front: AccessFront = request.app.state.access
    return front


Front = Annotated[AccessFront, Depends(front_of)]
_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "client_assertion_type", "client_assertion"],
                    "properties": {
                        "grant_type": {
                            "type": "string",
                            "enum": [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
                        },
                        "client_assertion_type": {"type": "string"},
                        "client_assertion": {"type": "string"},
                        "scope": {"type": "string"},
                        "subject_token": {"type": "string"},
                        "subject_token_type": {"type": "string"},
                    },
                }
            }
        },
    }
}


@router.post(
    TOKEN_PATH,
    operation_id="oauth2_token",
    summary="Xin access token / Get an access token",
    response_model=TokenAnswer,
    response_model_exclude_none=True,
    responses={
        status: {"model": CscErrorModel, "description": "RFC 6749 §5.2"}
        for status in (400, 401, 429, 503)
    },
    openapi_extra={
        **_FORM,
        "x-ekyc-open": "clients authenticate in the request itself",
    },
)
async def token(front: Front, request: Request) -> TokenAnswer | Response:
    """`client_credentials` với `private_key_jwt` (RFC 7523); hoặc đổi mã đồng ý của công dân lấy token cho đại lý (RFC 8693).
    Token sống 5 phút.

    `client_credentials` with `private_key_jwt` (RFC 7523); or a citizen's consent for an agent's token (RFC 8693). A token
    lives for five minutes.
    """
    fields = await form_of(request)
    caller = front.gate.caller(request)
    try:
        made = await anyio.to_thread.run_sync(partial(front.endpoint.grant, fields, caller))
    except AttemptsExceededError as exc:
        return JSONResponse(
            {"error": "temporarily_unavailable", "error_description": exc.message},
            status_code=429,
            headers={"Retry-After": str(math.ceil(exc.wait_s))},
        )
    return TokenAnswer(
        access_token=made.access_token,
        expires_in=made.expires_in_s,
        scope=" ".join(sorted(made.scopes)),
        issued_token_type=ACCESS_TOKEN_TYPE if made.exchanged else None,
    )


@router.get(
    METADATA_PATH,
    operation_id="oauth2_metadata",
    summary="Mô tả máy chủ cấp token / Authorisation server metadata",
    openapi_extra={"x-ekyc-open": "a public description"},
)
async def metadata(front: Front) -> dict[str, Any]:
    """Theo RFC 8414.

    By RFC 8414.
    """
    issuer = front.settings.issuer
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}{TOKEN_PATH}",
        "jwks_uri": f"{issuer}{JWKS_PATH}",
        "scopes_supported": sorted(grantable_scopes()),
        "response_types_supported": [],
        "grant_types_supported": [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "tls_client_certificate_bound_access_tokens": (
            front.settings.proxy.certificate_header is not None
        ),
    }


@router.get(
    JWKS_PATH,
    operation_id="oauth2_keys",
    summary="Khóa công khai của token / Public keys of our tokens",
    openapi_extra={"x-ekyc-open": "public keys"},
)
async def keys(front: Front, response: Response) -> dict[str, Any]:
    """Khóa mới được công bố 10 phút trước khi dùng (RFC 7517).

    A new key is published ten minutes before it signs (RFC 7517).
    """
    response.headers["Cache-Control"] = "public, max-age=300"
    return await anyio.to_thread.run_sync(front.gate.tokens.jwks)

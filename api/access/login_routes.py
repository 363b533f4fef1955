"""Logins of people in a browser: ``/login/…``, ``/logout``."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

import anyio
import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from ekyc.api.access.errors import AccessError, missing
from ekyc.api.access.front import LOGIN_PATH, AccessFront
from ekyc.api.access.logins import Visit, require_csrf
from ekyc.api.access.oidc import LOGIN_LIFE_S, refused
from ekyc.api.access.principal import Role
from ekyc.api.access.require import SESSION_COOKIE, open_to_all
from ekyc.api.access.token_routes import Front
from ekyc.api.serving import problems

LOGIN_COOKIE: Final = "__Host-ekyc-login"
_LOCAL: Final = re.compile(r"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,500}\Z")
_MOST_PARAMETERS: Final = 20
_THREADS: Final = anyio.CapacityLimiter(8)
"""For what waits for a provider: one that hangs must not take the threads that everything else needs."""
router = APIRouter(tags=["Login"])


class ProviderModel(BaseModel):
    """Somewhere to log in."""

    id: str
    name: str


class LoginSessionModel(BaseModel):
    """Who is logged in, for the page that shows it."""

    subject: str = Field(description="Bí danh ổn định. / A stable pseudonym.")
    tenant: str
    roles: list[Role]
    offices: list[str] | None
    scopes: list[str]
    csrf_token: str = Field(repr=False, description="Gửi trong X-CSRF-Token. / For X-CSRF-Token.")
    expires_at: datetime


class LoggedOut(BaseModel):
    """What is left to do."""

    end_session_endpoint: str | None = Field(
        description="Nơi kết thúc phiên ở nhà cung cấp danh tính. / Where the provider's own session ends."
    )


@router.get(
    f"{LOGIN_PATH}/session",
    operation_id="get_login_session",
    summary="Tôi là ai / Who am I",
    responses=problems(401, 503),
    **open_to_all("answers to its own session cookie alone"),
)
async def get_session(front: Front, request: Request) -> LoginSessionModel:
    """Phiên đăng nhập hiện tại và mã chống giả mạo yêu cầu.

    The login, and the token against forged requests.
    """
    visit = await _visit(front, request)
    caller = visit.principal
    return LoginSessionModel(
        subject=caller.subject,
        tenant=caller.tenant,
        roles=sorted(caller.roles),
        offices=None if caller.offices is None else sorted(caller.offices),
        scopes=sorted(caller.scopes),
        csrf_token=visit.csrf,
        expires_at=visit.session.expires_at,
    )


@router.get(
    LOGIN_PATH,
    operation_id="list_login_providers",
    summary="Các nơi đăng nhập / Where to log in",
    **open_to_all("a public list"),
)
async def list_providers(front: Front) -> list[ProviderModel]:
    """Nhà cung cấp danh tính đã cấu hình.

    Identity providers that are set up.
    """
    return [ProviderModel(id=one, name=name) for one, name in front.logins.providers]


@router.get(
    f"{LOGIN_PATH}/{{provider}}",
    operation_id="begin_login",
    summary="Đăng nhập / Log in",
    status_code=302,
    response_class=RedirectResponse,
    responses=problems(403, 404, 422, 429, 503),
    **open_to_all("where a login begins"),
)
async def begin_login(
    front: Front,
    request: Request,
    provider: str,
    return_to: Annotated[
        str, Query(max_length=512, description="Đường dẫn ở đây. / A path here.")
    ] = "/",
) -> Response:
    """Đưa trình duyệt đến nhà cung cấp danh tính, có PKCE, `state` và `nonce`.

    Sends the browser to the provider, with PKCE, `state` and `nonce`.
    """
    if not _LOCAL.match(return_to):
        raise refused("return_to is not a path here")
    address = front.gate.caller(request).address
    front.begins.require_room(address)
    if address is not None:
        front.begins.failed(address)
    begin = partial(front.logins.begin, provider, return_to)
    begun = await anyio.to_thread.run_sync(begin, limiter=_THREADS)
    answer = RedirectResponse(begun.location, status_code=302)
    _set_cookie(answer, LOGIN_COOKIE, begun.browser, LOGIN_LIFE_S)
    return answer


@router.get(
    f"{LOGIN_PATH}/{{provider}}/callback",
    operation_id="finish_login",
    summary="Trở về sau đăng nhập / Back from a login",
    status_code=303,
    response_class=RedirectResponse,
    responses=problems(403, 404, 429, 503),
    **open_to_all("where a login ends"),
)
async def finish_login(front: Front, request: Request, provider: str) -> Response:
    """Nhà cung cấp danh tính đưa trình duyệt về đây.

    The provider sends the browser here.
    """
    address = front.gate.caller(request).address
    front.gate.attempts.require_room(address)
    given = request.query_params.multi_items()
    answer = dict(given)
    try:
        if len(answer) != len(given) or len(given) > _MOST_PARAMETERS:
            raise refused("a parameter is repeated")
        browser = request.cookies.get(LOGIN_COOKIE)
        done = partial(front.logins.finish, provider, answer, browser)
        token, return_to, seconds = await anyio.to_thread.run_sync(done, limiter=_THREADS)
    except AccessError:
        front.gate.attempts.failed(address)
        raise
    back = RedirectResponse(return_to, status_code=303)
    _set_cookie(back, SESSION_COOKIE, token.reveal(), seconds)
    _set_cookie(back, LOGIN_COOKIE, "", 0)
    return back


@router.post(
    "/logout",
    operation_id="logout",
    summary="Đăng xuất / Log out",
    responses=problems(401, 403, 503),
    **open_to_all("answers to its own session cookie alone"),
)
async def logout(front: Front, request: Request, response: Response) -> LoggedOut:
    """Cần `X-CSRF-Token`. Phiên chấm dứt ngay ở máy chủ.

    Needs `X-CSRF-Token`. The session ends here, at once.
    """
    visit = await _visit(front, request)
    require_csrf(visit, request)
    place = await anyio.to_thread.run_sync(partial(front.logins.end, visit))
    _set_cookie(response, SESSION_COOKIE, "", 0)
    return LoggedOut(end_session_endpoint=place)


async def _visit(front: AccessFront, request: Request) -> Visit:
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie is None:
        raise missing()
    return await anyio.to_thread.run_sync(partial(front.logins.visit, cookie))


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """``__Host-``: over TLS, for this host alone, for all its paths (RFC 6265bis §4.1.3.2)."""
    kept: dict[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "lax"}
    response.set_cookie(name, value, max_age=seconds, **kept)

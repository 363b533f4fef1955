"""What every operation says about who may call it, and how a route learns who did::

    @router.get("/v1/dossiers/{id}", …)
    async def read(caller: Annotated[Principal, require("dossiers:read")], id: str) -> …:
        ... caller.tenant, caller.offices, caller.own_subject ...

    @router.post("/v1/tools/ocr", dependencies=[require("tools:use")], …)

    @router.get("/livez", **open_to_all("process health"), …)

A route that asks for a token of its own by a security scheme (a capture token) has said enough.
An operation that says nothing is nobody's: :func:`refuse_undeclared` answers 403 for it as soon as there are callers to
be told apart, and a test walks the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import anyio.to_thread
from fastapi import Depends, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer, SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from ekyc.api.access.errors import denied
from ekyc.api.access.permissions import permissions
from ekyc.api.access.principal import Principal, PrincipalKind, Role
from ekyc.values import DEFAULT_TENANT

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant

SESSION_COOKIE: Final = "__Host-ekyc-session"
_OPEN: Final = "x-ekyc-open"
_FORWARDING: Final = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "cf-connecting-ip"}
)
"""What proxies add: whoever comes through one is not on this machine, and nobody in development."""
_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="EkycAccess",
    description="Khóa API `ekyc_…` hoặc access token của `/oauth2/token`. / An API key `ekyc_…`, or an access token of "
    "`/oauth2/token`.",
)
_COOKIE: Final = APIKeyCookie(
    name=SESSION_COOKIE,
    auto_error=False,
    scheme_name="EkycSession",
    description="Phiên đăng nhập của `/login`; lệnh thay đổi dữ liệu cần thêm `X-CSRF-Token`. / The login session of "
    "`/login`; what changes data needs `X-CSRF-Token` too.",
)
DEVELOPMENT: Final = Principal(
    tenant=DEFAULT_TENANT,
    kind=PrincipalKind.DEVELOPMENT,
    subject="development",
    roles=frozenset(Role),
    offices=None,
    scopes=frozenset(permissions()),
)
"""Whoever reaches a service that has no clients: everybody on this machine, who may do everything."""


class Gate(Protocol):
    """Finds out who calls. Absent in development."""

    def identify(self, request: Request) -> Principal:
        """Who calls; from a worker thread.

        Raises:
            AccessError, AttemptsExceededError: nobody we know.
        """
        ...

    def look_again(self, request: Request) -> Principal:
        """Who called, as they stand now; from a worker thread.

        Raises:
            AccessError: they are nobody any more.
        """
        ...


def require(scope: str) -> Any:
    """A dependency that lets through whoever has ``scope``, and is their :class:`Principal`.

    Raises:
        KeyError: the table of permissions has no such scope.
    """
    return Security(principal_of, scopes=[permissions()[scope].scope])


def open_to_all(why: str) -> dict[str, Any]:
    """Keywords of a route that anybody may call, or that asks for a token of its own; ``why`` stands in the OpenAPI document."""
    return {"openapi_extra": {_OPEN: why}}


async def principal_of(
    request: Request,
    asked: SecurityScopes,
    _bearer: Annotated[object, Depends(_BEARER)],
    _cookie: Annotated[object, Depends(_COOKIE)],
) -> Principal:
    """Who calls, once they were found to have what is asked.

    Raises:
        AccessError, AttemptsExceededError: nobody we know, or without the scope.
    """
    caller = await _identified(request)
    for scope in asked.scopes:
        caller.require_scope(scope)
    return caller


async def standing(request: Request, scope: str) -> Principal:
    """The caller of an answer that takes long, once it was found that they still have what they asked by.

    Raises:
        AccessError: key, token, login or consent has ended, or has the scope no more.
    """
    gate = _gate(request)
    caller = (
        DEVELOPMENT if gate is None else await anyio.to_thread.run_sync(gate.look_again, request)
    )
    caller.require_scope(permissions()[scope].scope)
    return caller


async def refuse_undeclared(connection: HTTPConnection) -> None:
    """Refuse an operation that declares neither a permission nor that it is open. A dependency of the whole application.

    Raises:
        AccessError: ``access.denied``.
    """
    if _gate(connection) is None:
        return
    route = connection.scope.get("route")
    if isinstance(route, APIRoute) and not is_declared(route):
        raise denied()


def is_declared(route: APIRoute) -> bool:
    """Whether a route says who may call it: by :func:`require`, by a token of its own, or that everybody may."""
    if _OPEN in (route.openapi_extra or {}) or hasattr(route, "open_because"):
        return True
    return any(isinstance(one.call, SecurityBase) for one in _all(route.dependant))


async def _identified(request: Request) -> Principal:
    gate = _gate(request)
    if gate is None:
        if _FORWARDING & set(request.headers):
            raise denied()
        return DEVELOPMENT
    known: Principal | None = getattr(request.state, "principal", None)
    if known is None:
        known = await anyio.to_thread.run_sync(gate.identify, request)
        request.state.principal = known
    return known


def _gate(connection: HTTPConnection) -> Gate | None:
    gate: Gate | None = getattr(connection.app.state, "gate", None)
    return gate


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for one in dependant.dependencies:
        yield from _all(one)

"""What all routes of the signing interface share: who calls, how refusals look, where work runs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ekyc.api.csc.front import CscFront
from ekyc.errors import BusyError, EkycError
from ekyc.signing.csc import Access, CscClient, CscError, in_csc, invalid, missing

_T = TypeVar("_T")
_MAX_FIELDS: Final = 40
_FORM: Final = "application/x-www-form-urlencoded"
_KINDS: Final = {
    "numSignatures": "integer",
    "maxResults": "integer",
    "hash": "array",
    "hashes": "array",
    "authData": "array",
    "documents": "array",
    "certInfo": "boolean",
    "authInfo": "boolean",
    "approve": "boolean",
}
_OF_TYPE: Final = frozenset(
    {"missing", "string_type", "int_type", "bool_type", "list_type", "model_attributes_type"}
)
_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="CscAccessToken",
    description="Access token phạm vi `service` hoặc `credential`. / Of scope `service` or `credential`.",
)


class CscErrorModel(BaseModel):
    """An error (CSC API §10.2)."""

    error: str
    error_description: str


class CscInput(BaseModel):
    """A request body. What it holds beyond the standard is passed over, as the standard lets clients grow."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, hide_input_in_errors=True)

    clientData: str | None = Field(default=None, max_length=4096, repr=False)  # noqa: N815  # the standard's name


class CscRoute(APIRoute):
    """A route whose every refusal is a body of the standard."""

    open_because: ClassVar[str] = "the signing interface has clients and tokens of its own"

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as exc:
                return refusal(_of_validation(exc))
            except EkycError as exc:
                return _refused(exc)
            except HTTPException as exc:
                if isinstance(
                    exc.__cause__, EkycError
                ):  # the framework wraps what reading a body raises
                    return _refused(exc.__cause__)
                return refusal(CscError("The request cannot be read"))

        return answer


def _refused(error: EkycError) -> JSONResponse:
    if error.code == "request.too_large":
        return refusal(CscError("The request is too large"), status=413)
    return refusal(in_csc(error), error)


def refusal(
    error: CscError, cause: EkycError | None = None, *, status: int | None = None
) -> JSONResponse:
    """An error as a response."""
    status = status or error.status
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = f'Bearer error="{error.error}"'
    if isinstance(cause, BusyError) or status == 503:
        headers["Retry-After"] = "5"
    body = {"error": error.error, "error_description": error.message}
    return JSONResponse(body, status_code=status, headers=headers)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for its description."""
    said = "Lỗi theo chuẩn CSC. / An error of the standard."
    return {status: {"model": CscErrorModel, "description": said} for status in statuses}


def front_of(request: Request) -> CscFront:
    """What the routes work with."""
    front: CscFront = request.app.state.csc
    return front


Front = Annotated[CscFront, Depends(front_of)]


async def run(front: CscFront, work: Callable[[], _T]) -> _T:
    """Run what waits for keys or database on a worker thread."""
    return await front.admission.run(work)


def bearer_of(request: Request) -> str:
    """The bearer token of a request (RFC 6750 §2.1).

    Raises:
        CscError: there is none, or the header has another form.
    """
    given = request.headers.get("authorization")
    if given is None:
        raise CscError("The access token is missing", error="invalid_token")
    scheme, _, token = given.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise CscError("Malformed authorization header")
    return token.strip()


async def access_of(request: Request, _: Annotated[object, Depends(_BEARER)]) -> Access:
    """Whom the token of a request speaks for."""
    front, token = front_of(request), bearer_of(request)
    return await run(front, lambda: front.server.access(token))


Caller = Annotated[Access, Depends(access_of)]


def require_portal(request: Request, _: Annotated[object, Depends(_BEARER)]) -> None:
    """Refuse whoever is not a page of the portal.

    Raises:
        CscError: ``invalid_token``.
    """
    given = hashlib.sha256(bearer_of(request).encode("utf-8", "surrogateescape")).hexdigest()
    if not hmac.compare_digest(given, front_of(request).settings.portal_secret_digest):
        raise CscError("Not the portal", error="invalid_token")


async def form_of(request: Request) -> list[tuple[str, str]]:
    """Fields of a form, in their order.

    Raises:
        CscError: not a form, or too many fields.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise CscError(f"The body must be {_FORM}")
    try:
        return parse_qsl(
            (await request.body()).decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MAX_FIELDS,
            errors="strict",
        )
    except ValueError as exc:
        raise CscError("The form cannot be read") from exc


def client_of(request: Request, fields: list[tuple[str, str]]) -> CscClient:
    """The client behind a request, by HTTP Basic or by ``client_secret`` in the form, never both (RFC 6749 §2.3.1).

    Raises:
        CscError: ``invalid_client``.
    """
    given = dict(fields)
    by_header = basic_of(request)
    if by_header is None:
        pair = given.get("client_id", ""), given.get("client_secret", "")
    elif "client_secret" in given or given.get("client_id", by_header[0]) != by_header[0]:
        raise CscError("One way of client authentication at a time")
    else:
        pair = by_header
    return front_of(request).clients.authenticate(*pair)


def basic_of(request: Request) -> tuple[str, str] | None:
    """Name and secret of HTTP Basic; ``None`` where the header is absent.

    Raises:
        CscError: another scheme, or not of its form.
    """
    given = request.headers.get("authorization")
    if given is None:
        return None
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "basic":
        raise CscError("Malformed authentication parameter")
    try:
        name, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as exc:
        raise CscError("Malformed username-password") from exc
    if not colon:
        raise CscError("Malformed username-password")
    return name, secret


def _of_validation(error: RequestValidationError) -> CscError:
    """The first thing wrong with a body, in the words of the standard. Values are never repeated."""
    first = error.errors()[0]
    place = [step for step in first["loc"] if step != "body"]
    if first["type"] == "json_invalid" or not place:
        return CscError("The body is not a JSON object")
    name = str(place[-1]) if isinstance(place[-1], str) else str(place[0])
    if isinstance(place[-1], int) and name in {"hash", "hashes"}:
        return CscError("Invalid Base64 hash string parameter")
    if first["type"] in _OF_TYPE:
        return missing(_KINDS.get(name, "string"), name)
    if first["type"] == "too_long" and name in {"hash", "hashes", "documents"}:
        return CscError("Numbers of signatures is too high")
    return invalid(name)

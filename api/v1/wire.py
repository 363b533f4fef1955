"""HTTP conventions of all resources, as small pieces without state.

- ``ETag`` and ``If-Match`` (RFC 9110 §13.1.1): a resource's version is the length of its log.
- ``Prefer: wait=N`` (RFC 7240 §4.3).
- ``Content-Digest`` (RFC 9530), checked where it is sent.
- :class:`Cursors`: where a list goes on, signed, so that nobody makes one up.
- :class:`ResponseExtras`: headers that a dependency adds to whatever is answered.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders

from ekyc import base64url
from ekyc.errors import InputError

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALGORITHMS: Final = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_DIGEST: Final = re.compile(r"\s*([a-z0-9-]{1,20})=:([A-Za-z0-9+/=]{0,200}):\s*\Z")
_WAIT: Final = re.compile(r"\s*wait\s*=\s*\"?([0-9]{1,4})\"?\s*(;.*)?\Z", re.IGNORECASE)
_ETAG: Final = re.compile(r'\s*"([^"]*)"\s*\Z')
_MAC_BYTES: Final = 16
_MOST_PARTS: Final = 10
_EXTRAS: Final = "extra_headers"


class PreconditionError(InputError):
    """The caller did not see the newest state: ``precondition.failed`` (412), or does not say what it saw:
    ``precondition.required`` (428).
    """

    default_code = "precondition.failed"


def etag_of(version: int) -> str:
    """The ``ETag`` of a resource at this version."""
    return f'"{version}"'


def require_match(header: str | None, version: int) -> None:
    """Return if the caller speaks of this version. ``*`` and weak tags do not say which they saw.

    Raises:
        PreconditionError: ``precondition.required``, ``precondition.failed``.
    """
    if header is None:
        raise PreconditionError(
            "If-Match with the ETag that you saw is needed", code="precondition.required"
        )
    seen = [_ETAG.match(part) for part in header.split(",")[:_MOST_PARTS]]
    if not any(match and f'"{match[1]}"' == etag_of(version) for match in seen):
        raise PreconditionError("it has changed since you saw it; look again")


def wait_of(request: Request, most_s: float) -> float:
    """Seconds for which the caller would wait for a result, at most ``most_s``; nonsense is no preference."""
    for header in request.headers.getlist("prefer"):
        for part in header.split(",")[:_MOST_PARTS]:
            if match := _WAIT.match(part):
                return min(float(match[1]), most_s)
    return 0.0


class DigestedBody:
    """A body whose ``Content-Digest`` is computed while it is read.

    Args:
        request: whose body is read by :meth:`stream`, once.

    Raises:
        InputError: ``digest.malformed``: the header cannot be read.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._wanted = _digests(request.headers.get("content-digest"))
        self._hashes = {name: _ALGORITHMS[name]() for name in self._wanted}

    async def stream(self) -> AsyncIterator[bytes]:
        """The body's chunks.

        Raises:
            InputError: after the last one: ``digest.mismatch``.
        """
        async for chunk in self._request.stream():
            for one in self._hashes.values():
                one.update(chunk)
            yield chunk
        for name, wanted in self._wanted.items():
            if not hmac.compare_digest(self._hashes[name].digest(), wanted):
                raise InputError("the body is not what its digest says", code="digest.mismatch")


def _digests(header: str | None) -> Mapping[str, bytes]:
    """Digests of the algorithms that we compute (RFC 9530 §5: others are ignored)."""
    if header is None:
        return {}
    wanted: dict[str, bytes] = {}
    for part in header.split(",")[:_MOST_PARTS]:
        match = _DIGEST.match(part)
        try:
            value = base64.b64decode(match[2], validate=True) if match else None
        except binascii.Error:
            value = None
        if match is None or value is None:
            raise InputError("Content-Digest cannot be read", code="digest.malformed")
        if match[1] in _ALGORITHMS:
            wanted[match[1]] = value
    return wanted


class Cursors:
    """Signed places in lists. A cursor is good for the list, tenant and filters that it was made for.

    Args:
        key: 32 bytes for this purpose.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def after(self, at: datetime, row_id: str, scope: str) -> str:
        """The cursor behind a row."""
        microseconds = (at - _EPOCH) // timedelta(microseconds=1)
        body = json.dumps([microseconds, row_id], separators=(",", ":")).encode()
        packed = self._mac(body, scope) + body
        return base64url.encode(packed)

    def place(self, cursor: str | None, scope: str) -> tuple[datetime, str] | None:
        """What :meth:`after` was given.

        Raises:
            InputError: ``cursor.invalid``: not one of ours, or of another list.
        """
        if cursor is None:
            return None
        try:
            packed = base64url.decode(cursor)
        except ValueError:
            raise _no_cursor() from None
        mac, body = packed[:_MAC_BYTES], packed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body, scope)):
            raise _no_cursor()
        microseconds, row_id = json.loads(body)  # ours, by its signature
        return _EPOCH + timedelta(microseconds=microseconds), row_id

    def _mac(self, body: bytes, scope: str) -> bytes:
        return hmac.digest(self._key, scope.encode() + b"\0" + body, "sha256")[:_MAC_BYTES]


def _no_cursor() -> InputError:
    return InputError("not a cursor of this list", code="cursor.invalid", subject="cursor")


def add_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Have these headers sent with whatever is answered, an error too."""
    request.scope.setdefault("state", {}).setdefault(_EXTRAS, {}).update(headers)


class ResponseExtras:
    """ASGI middleware that sends what :func:`add_headers` was given."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in scope.get("state", {}).get(_EXTRAS, {}).items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)

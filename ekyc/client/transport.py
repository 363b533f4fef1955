"""Calls as requests of httpx."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, Final

import httpx

import ekyc
from ekyc.client.exchange import Call, Reply
from ekyc.errors import InputError

TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
_KEY: Final = re.compile(r"[!-~]{1,4096}\Z")


def options(base_url: str, key: str | None, language: str) -> dict[str, Any]:
    """What a client of httpx is made with.

    Raises:
        InputError: ``client.address``: plain HTTP to another machine; ``client.key``.
    """
    url = httpx.URL(base_url)
    if url.scheme != "https" and url.host not in {"localhost", "127.0.0.1", "::1"}:
        raise InputError("only https leads to another machine", code="client.address")
    headers = {"Accept-Language": language, "User-Agent": f"ekyc-client/{ekyc.__version__}"}
    if key is not None:
        if not _KEY.match(key):
            raise InputError("a key has visible ASCII characters only", code="client.key")
        headers["Authorization"] = f"Bearer {key}"
    return {"base_url": url, "headers": headers, "timeout": TIMEOUT, "follow_redirects": False}


def request_of(client: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
    """The request of a call; an upload says its own digest (RFC 9530)."""
    files = [(name, (file, data)) for name, file, data in call.parts]
    request = client.build_request(
        call.method,
        call.path,
        headers=dict(call.headers),
        params=dict(call.query) or None,
        content=call.content,
        json=call.body,
        files=files or None,
    )
    if files:
        assert isinstance(request.stream, httpx.SyncByteStream)  # a multipart body goes both ways
        body = b"".join(request.stream)
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers = {**request.headers, "Content-Digest": f"sha-256=:{digest}:"}
        return client.build_request(call.method, call.path, headers=headers, content=body)
    return request


def reply_of(response: httpx.Response) -> Reply:
    """What came back."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(status=response.status_code, headers=headers, content=response.content)

"""AWS Signature Version 4, as S3 and what is compatible with it want it; for one request, in headers.

"Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API Reference. The examples
of that page are the tests of this module.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-._~"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Credentials:
    """Whose request it is."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str


def sign(
    credentials: S3Credentials,
    *,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    payload_sha256: str,
    at: datetime,
) -> dict[str, str]:
    """All headers of a signed request: the given ones, the time, the digest and the signature.

    Args:
        credentials: whose request it is.
        method: such as ``GET``.
        path: absolute, not yet percent-encoded.
        query: parameters, not yet encoded.
        headers: what else is sent, ``host`` among it.
        payload_sha256: of the body, lower-case hexadecimal.
        at: now, aware.
    """
    moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{credentials.region}/s3/aws4_request"
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"x-amz-content-sha256": payload_sha256, "x-amz-date": moment}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = "\n".join(
        (method, encoded_path(path), encoded_query(query), lines, names, payload_sha256)
    )
    text = "\n".join((_ALGORITHM, moment, scope, _sha256(canonical.encode())))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={credentials.access_key}/{scope}"
    return {
        **signed,
        "authorization": f"{_ALGORITHM} {credential},SignedHeaders={names},Signature={signature}",
    }


def encoded_path(path: str) -> str:
    """A path as it is sent and signed: everything but letters, digits, ``-._~`` and ``/`` percent-encoded."""
    return quote(path, safe=_UNRESERVED + "/")


def encoded_query(query: Mapping[str, str]) -> str:
    """A query as it is sent and signed: sorted, everything but the unreserved characters percent-encoded."""
    pairs = sorted(
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in query.items()
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""Compact JWS (RFC 7515) with ES256 alone: just what signed activations need.

The algorithm is not negotiated: a header that names another one, or holds anything unexpected, is refused before any
key is looked at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ekyc import base64url
from ekyc.errors import InputError, TrustError
from ekyc.signing.keys.algorithms import SignatureAlgorithm, plain_of, value_of, verify_value
from ekyc.signing.keys.port import SigningKey

MAX_BYTES: Final = 256 << 10
"""Room for a hundred documents with the longest titles."""
_ES256: Final = SignatureAlgorithm.ECDSA_P256


def sign_compact(claims: Mapping[str, Any], *, key: SigningKey, kid: str, typ: str) -> str:
    """Sign claims with an EC P-256 key."""
    header = {"alg": "ES256", "kid": kid, "typ": typ}
    signed = (
        f"{base64url.encode(canonical_json(header))}.{base64url.encode(canonical_json(claims))}"
    )
    value = key.sign_digest(hashlib.sha256(signed.encode()).digest())
    return f"{signed}.{base64url.encode(plain_of(value, _ES256))}"


def verify_compact(
    text: str, *, public_key_of: Callable[[str], bytes | None], typ: str
) -> tuple[str, dict[str, Any]]:
    """Check a token and give the name of its key and its claims.

    Args:
        text: compact serialisation.
        public_key_of: SubjectPublicKeyInfo of an EC P-256 key by its ``kid``; ``None`` for one that is not trusted.
        typ: the kind of token that is expected.

    Raises:
        InputError: ``jws.malformed``: not a token of this kind.
        TrustError: ``jws.untrusted``: the key is not trusted, or did not sign this.
    """
    parts = text.split(".")
    if len(text) > MAX_BYTES or len(parts) != 3:
        raise _malformed()
    header, claims = _object(parts[0]), _object(parts[1])
    raw = _decode(parts[2])
    kid = header.get("kid")
    if header != {"alg": "ES256", "kid": kid, "typ": typ} or not isinstance(kid, str):
        raise _malformed()
    try:
        value = value_of(raw, _ES256)
    except ValueError as exc:
        raise _malformed() from exc
    public_key_der = public_key_of(kid)
    if public_key_der is None:
        raise _untrusted()
    digest = hashlib.sha256(f"{parts[0]}.{parts[1]}".encode()).digest()
    try:
        verify_value(public_key_der, digest, value)
    except TrustError as exc:
        raise _untrusted() from exc
    return kid, claims


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """The one encoding of a value here: names sorted, no spaces, UTF-8.

    For what stands in a token (texts, whole numbers, ASCII names) that is the form of RFC 8785.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_decode(text), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as exc:
        raise _malformed() from exc
    if not isinstance(value, dict):
        raise _malformed()
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _decode(text: str) -> bytes:
    try:
        return base64url.decode(text)
    except ValueError as exc:
        raise _malformed() from exc


def _malformed() -> InputError:
    return InputError("not a token of the expected form", code="jws.malformed")


def _untrusted() -> TrustError:
    return TrustError("no trusted key signed this token", code="jws.untrusted")

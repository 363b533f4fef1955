"""Compact JWS (RFC 7515) of the trust list, of status lists, of SD-JWTs and of presentations.

Read before anything is believed: the header must be exactly ``alg``, ``typ`` and, where one is wanted, ``kid``. So a
header that names another algorithm, brings a key (``jwk``, ``jku``, ``x5c``) or declares anything critical is refused
before a key is looked at. Signatures are checked by joserfc with the one algorithm of the key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from ekyc.errors import InputError, LimitError, TrustError
from ekyc.signing.activation.jws import canonical_json
from ekyc.signing.credentials import base64url
from ekyc.signing.credentials.keys import CredentialAlgorithm, CredentialKey, CredentialSigner

_MAX_HEADER: Final = 512
_MAX_DIGITS: Final = 20
"""Of a number. A longer one is nothing that stands in a token, and costs its square to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """A token that was read and not yet checked. ``repr`` shows nothing of it."""

    text: str = field(repr=False)
    algorithm: str
    kid: bytes
    """Empty where the token names no key."""
    claims: dict[str, Any] = field(repr=False)

    def verify(self, key: CredentialKey) -> dict[str, Any]:
        """The claims, if this key signed them by its own algorithm.

        Raises:
            TrustError: ``credential.algorithm``, ``credential.signature_wrong``.
        """
        if self.algorithm != key.algorithm.jose:
            raise TrustError(
                "the token names another algorithm than its key has", code="credential.algorithm"
            )
        try:
            jws.deserialize_compact(self.text, _joserfc(key), registry=_registry(key.algorithm))
        except JoseError as exc:
            raise TrustError("not signed by this key", code="credential.signature_wrong") from exc
        return self.claims


def sign(
    claims: Mapping[str, Any], *, signer: CredentialSigner, typ: str, with_kid: bool = True
) -> str:
    """Sign claims.

    Args:
        claims: JSON of texts, whole numbers, arrays and objects.
        signer: whose algorithm is used.
        typ: kind of token (RFC 8725 §3.11).
        with_kid: name the key by its thumbprint.
    """
    header = {"alg": signer.public.algorithm.jose, "typ": typ}
    if with_kid:
        header["kid"] = signer.public.kid.hex()
    signed = ".".join(base64url.encode(canonical_json(part)) for part in (header, claims))
    return f"{signed}.{base64url.encode(signer.sign(signed.encode()))}"


def read(text: str, *, typ: str, most: int, with_kid: bool = True) -> Unverified:
    """Read a token without believing it.

    Args:
        text: compact serialisation.
        typ: kind that is expected.
        most: characters.
        with_kid: whether it must name its key; one that must not, may not.

    Raises:
        LimitError: ``credential.too_large``.
        InputError: ``credential.jose``: not exactly such a token.
    """
    if len(text) > most:
        raise LimitError("longer than any token of this kind", code="credential.too_large")
    parts = text.split(".")
    if len(parts) != 3 or len(parts[0]) > _MAX_HEADER:
        raise malformed()
    header, claims = (read_object(base64url.decode(part)) for part in parts[:2])
    base64url.decode(parts[2])
    names = {"alg", "typ", "kid"} if with_kid else {"alg", "typ"}
    if header.keys() != names or header["typ"] != typ or not isinstance(header["alg"], str):
        raise malformed()
    return Unverified(
        text=text,
        algorithm=header["alg"],
        kid=_kid(header["kid"]) if with_kid else b"",
        claims=claims,
    )


def read_json(data: bytes) -> Any:
    """JSON without a name that stands twice, without fractions, and without numbers of many digits.

    Raises:
        InputError: ``credential.jose``.
    """
    try:
        return json.loads(
            data,
            object_pairs_hook=_without_duplicates,
            parse_int=_whole,
            parse_float=_refused,
            parse_constant=_refused,
        )
    except (ValueError, RecursionError) as exc:
        raise malformed() from exc


def read_object(data: bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        InputError: ``credential.jose``.
    """
    value = read_json(data)
    if not isinstance(value, dict):
        raise malformed()
    return value


def malformed() -> InputError:
    """The one error of a token's form."""
    return InputError("not a token of the expected form", code="credential.jose")


def _kid(value: object) -> bytes:
    try:
        kid = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError as exc:
        raise malformed() from exc
    if not kid or kid.hex() != value:
        raise malformed()
    return kid


def _joserfc(key: CredentialKey) -> ECKey | OKPKey:
    kind = ECKey if key.algorithm is CredentialAlgorithm.ES256 else OKPKey
    return kind.import_key(key.pem())


def _registry(algorithm: CredentialAlgorithm) -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=[algorithm.jose])
    registry.max_payload_length = 1 << 23  # `read` has bounded the whole token already
    return registry


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("a number of many digits")
    return int(digits)


def _refused(_text: str) -> Any:
    raise ValueError("no whole number")

"""Signed tokens of others and of ours: one strict way to read them. Signatures are checked by joserfc.

No algorithm but those asked for, which the key decides as much as the header: never ``none``, never a MAC under a public
key. Headers that bring keys of their own (``jwk``, ``jku``, ``x5u``, ``x5c``) or demand extensions (``crit``) are refused.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from ekyc.errors import InputError

MAX_TOKEN_BYTES: Final = 8 << 10
MAX_JWKS_BYTES: Final = 64 << 10
_MAX_KEYS: Final = 20
_MIN_RSA_BITS: Final = 2048
_FOREIGN: Final = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"})
_MAX_PEEKED: Final = 255
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVE_OF: Final = {"ES256": "P-256"}

VerificationKey = ECKey | OKPKey | RSAKey


class _Registry(jws.JWSRegistry):
    """joserfc's, without its warning that ``EdDSA`` is now called ``Ed25519`` (RFC 9864): clients write either."""

    def get_alg(self, name: str) -> Any:  # joserfc does not export the type
        if self.allowed is None or name not in self.allowed:
            raise JwtError("header")
        return self.algorithms[name]


class JwtError(InputError):
    """A token, or a set of keys, that counts for nothing. Codes: ``jwt.invalid``, ``jwt.keys``."""

    default_code = "jwt.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt:
    """What a verified token says. The signature holds; whether the claims are meant for us is the reader's to check."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """A claim that must be a string with something in it.

        Raises:
            JwtError: it is not.
        """
        value = self.claims.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= 1024:
            raise JwtError(f"claim {name}")
        return value

    def time(self, name: str) -> float:
        """A claim that must be a number of seconds since 1970.

        Raises:
            JwtError: it is not.
        """
        value = self.claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**40:
            raise JwtError(f"claim {name}")
        return float(value)

    def audiences(self) -> tuple[str, ...]:
        """``aud``, one or several.

        Raises:
            JwtError: neither a string nor a list of strings.
        """
        value = self.claims.get("aud")
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise JwtError("claim aud")
        return tuple(listed)


def read_keys(text: str, algorithms: Collection[str]) -> tuple[VerificationKey, ...]:
    """Public keys of a JWK set (RFC 7517 §5) that can verify one of ``algorithms``; others are passed over.

    Raises:
        JwtError: ``jwt.keys``: not a set, a private key in it, a weak RSA key, or none that can be used.
    """
    if len(text) > MAX_JWKS_BYTES:
        raise JwtError("the set of keys is too large", code="jwt.keys")
    try:
        document = json.loads(text)
        listed = document["keys"]
        usable = [one for one in listed if _is_for_signatures(one)]
        if len(listed) > _MAX_KEYS or any(_PRIVATE & set(one) for one in listed):
            raise JwtError("too many keys, or private ones", code="jwt.keys")
        keys = tuple(KeySet.import_key_set({"keys": usable}).keys) if usable else ()
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise JwtError("not a set of keys", code="jwt.keys") from exc
    good = tuple(
        key
        for key in keys
        if isinstance(key, ECKey | OKPKey | RSAKey) and _algorithms(key) & set(algorithms)
    )
    if not good or len({key.kid for key in good}) != len(good):
        raise JwtError("no usable key, or two of one name", code="jwt.keys")
    return good


def verify_jwt(
    text: str, keys: Sequence[VerificationKey], *, algorithms: Collection[str], typ: str | None
) -> Jwt:
    """A token whose signature holds under one of ``keys``.

    Args:
        text: compact serialization, at most 8 KiB.
        keys: whose; the header's ``kid`` chooses, and without it there must be but one.
        algorithms: that are accepted.
        typ: ``typ`` that the header must have, without ``application/``; ``None`` accepts ``JWT`` or none.

    Raises:
        JwtError: ``jwt.invalid``, for whatever reason.
    """
    if len(text) > MAX_TOKEN_BYTES or not text.isascii():
        raise JwtError("too long")
    try:
        signed = jws.extract_compact(text.encode())
        header = signed.headers()
        key = _choose(keys, header.get("kid"))
        algorithm = _require_header(header, algorithms, typ)
        if algorithm not in _algorithms(key):
            raise JwtError("the key is for another algorithm")
        verified = jws.deserialize_compact(text, key, registry=_Registry(algorithms=[algorithm]))
        claims = json.loads(verified.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as exc:
        raise JwtError("not a token that holds") from exc
    if not isinstance(claims, dict):
        raise JwtError("not an object")
    return Jwt(header=header, claims=claims)


def peek_claim(text: str, name: str) -> str | None:
    """A claim of a token that nobody has verified yet, to know whose keys to try. Nothing else may rest on it."""
    if len(text) > MAX_TOKEN_BYTES or not text.isascii():
        return None
    try:
        claims = json.loads(jws.extract_compact(text.encode()).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    value = claims.get(name) if isinstance(claims, dict) else None
    if not isinstance(value, str) or len(value) > _MAX_PEEKED or not value.isprintable():
        return None  # a lone surrogate, which no database takes, is not printable either
    return value


def _require_header(header: Mapping[str, Any], algorithms: Collection[str], typ: str | None) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or _FOREIGN & set(header):
        raise JwtError("header")
    said = header.get("typ")
    kind = said.lower().removeprefix("application/") if isinstance(said, str) else said
    if (typ is not None and kind != typ) or (typ is None and kind not in {None, "jwt"}):
        raise JwtError("typ")
    return algorithm


def _choose(keys: Sequence[VerificationKey], name: object) -> VerificationKey:
    if name is None:
        if len(keys) != 1:
            raise JwtError("kid")
        return keys[0]
    for key in keys:
        if key.kid == name:
            return key
    raise JwtError("kid")


def _algorithms(key: VerificationKey) -> frozenset[str]:
    said = key.as_dict().get("alg")
    if isinstance(key, ECKey):
        able = {name for name, curve in _CURVE_OF.items() if key.curve_name == curve}
    elif isinstance(key, OKPKey):
        able = {"EdDSA", "Ed25519"} if key.curve_name == "Ed25519" else set[str]()
    else:
        able = {"PS256", "RS256"} if key.public_key.key_size >= _MIN_RSA_BITS else set[str]()
    return frozenset(able if said is None else {one for one in able if one == said})


def _is_for_signatures(key: Mapping[str, Any]) -> bool:
    return key.get("use", "sig") == "sig" and key.get("kty") in {"EC", "OKP", "RSA"}

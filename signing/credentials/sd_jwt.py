"""SD-JWT VC (RFC 9901, draft-ietf-oauth-sd-jwt-vc): the same result for a wallet, field by field, bound to its holder.

::

    issuer-signed JWT ~ disclosure ~ … ~ key-binding JWT

Every field is a disclosure: the JWT holds its salted SHA-256 alone, and the holder shows what a verifier needs. The
holder's key stands in ``cnf``; the key-binding JWT proves it over the verifier's nonce, its name, and exactly what is
shown. Fields are flat, so that there is no nesting, no array element and no decoy to go astray in.

Checking a presentation (RFC 9901 §7.1, §7.3):

1. the issuer-signed JWT is of this type and algorithm, and its key signed it        (signature: the caller's key)
2. every disclosure is ``[salt, name, value]``, its digest stands in ``_sd`` once, no name twice, none that the JWT
   itself holds
3. the key-binding JWT is signed by the key of ``cnf`` over this nonce, this audience, recently, and ``sd_hash`` covers
   what is shown
4. the fields shown are of the schema of ``vct``
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ekyc.errors import InputError, LimitError, TrustError
from ekyc.signing.credentials import base64url, jose
from ekyc.signing.credentials.keys import CredentialKey, CredentialSigner
from ekyc.signing.credentials.result import (
    ID_BYTES,
    Result,
    StatusReference,
    instant,
    malformed,
    seconds,
)
from ekyc.signing.credentials.schemas import JsonValue, Schema, schemas

if TYPE_CHECKING:
    from ekyc.ports import Random

TYPE: Final = "dc+sd-jwt"
BINDING_TYPE: Final = "kb+jwt"
MAX_TEXT: Final = 64 << 10
MAX_DISCLOSURES: Final = 64
MAX_BINDING_AGE: Final = timedelta(minutes=5)
"""Between the holder's key-binding JWT and its check, each way."""
_SALT_BYTES: Final = 16
_CLAIMS: Final[Mapping[str, type]] = {
    "iss": str,
    "sub": str,
    "iat": int,
    "exp": int,
    "jti": str,
    "vct": str,
    "status": dict,
    "cnf": dict,
    "_sd": list,
    "_sd_alg": str,
}
_BINDING: Final[Mapping[str, type]] = {"iat": int, "aud": str, "nonce": str, "sd_hash": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """A presentation whose form holds. Nobody's signature was checked. ``repr`` shows no field."""

    message: jose.Unverified
    claimed: Result
    """With the fields that are shown, and no others."""
    holder_key: CredentialKey
    binding: jose.Unverified | None
    _shown: str = field(repr=False)

    def verify(self, key: CredentialKey, *, audience: str, nonce: str, at: datetime) -> Result:
        """The result, if the issuer's key signed it and its holder presents it, here and now.

        Args:
            key: the issuer's.
            audience: this verifier's name.
            nonce: that this verifier gave out for this presentation, once.
            at: aware.

        Raises:
            TrustError: ``credential.algorithm``, ``credential.signature_wrong``, ``credential.holder_unproven``.
        """
        self.message.verify(key)
        self.verify_holder(audience=audience, nonce=nonce, at=at)
        return self.claimed

    def verify_holder(self, *, audience: str, nonce: str, at: datetime) -> None:
        """Step 3 alone.

        Raises:
            TrustError: ``credential.holder_unproven``; ``credential.algorithm``, ``credential.signature_wrong``.
        """
        if self.binding is None:
            raise _unproven("nobody proved to hold it")
        said = self.binding.verify(self.holder_key)
        digest = base64url.encode(hashlib.sha256(self._shown.encode()).digest())
        if (said["aud"], said["nonce"], said["sd_hash"]) != (audience, nonce, digest):
            raise _unproven("proved to somebody else, at another time, or over something else")
        if abs(at - instant(said["iat"])) > MAX_BINDING_AGE:
            raise _unproven("proved at another time")


def issue(
    result: Result, *, signer: CredentialSigner, holder_key: CredentialKey, random: Random
) -> str:
    """Sign a result for a wallet: the JWT and all disclosures.

    Raises:
        InputError: ``credential.field``.
    """
    result.schema.to_wire(result.values)
    disclosures = [
        _disclosure(random.token_bytes(_SALT_BYTES), name, value)
        for name, value in result.values.items()
    ]
    claims: dict[str, Any] = {
        "iss": result.issuer,
        "sub": result.subject,
        "iat": seconds(result.issued_at),
        "exp": seconds(result.expires_at),
        "jti": result.id.hex(),
        "vct": result.schema.vct,
        "status": {"status_list": {"idx": result.status.index, "uri": result.status.uri}},
        "cnf": {"jwk": holder_key.as_jwk()},
        # Sorted, so that the order of digests tells nothing of the order of fields (RFC 9901 §4.2.4.1).
        "_sd": sorted(digest_of(disclosure) for disclosure in disclosures),
        "_sd_alg": "sha-256",
    }
    token = jose.sign(claims, signer=signer, typ=TYPE)
    return "~".join((token, *disclosures, ""))


def present(
    text: str,
    names: Iterable[str],
    *,
    holder: CredentialSigner,
    audience: str,
    nonce: str,
    at: datetime,
) -> str:
    """As the holder: show some fields to one verifier.

    Args:
        text: as issued.
        names: of the fields to show.
        holder: the key of ``cnf``.
        audience: the verifier's name.
        nonce: that it gave out.
        at: aware; now.

    Raises:
        InputError: not an SD-JWT, or it has no such field.
    """
    token, *disclosures, last = text.split("~")
    if last:
        raise malformed()
    by_name = {_read_disclosure(disclosure)[0]: disclosure for disclosure in disclosures}
    wanted = list(names)
    if not set(wanted) <= by_name.keys():
        raise InputError("it has no such field", code="credential.field")
    shown = "~".join((token, *(by_name[name] for name in by_name if name in wanted), ""))
    claims = {
        "iat": seconds(at),
        "aud": audience,
        "nonce": nonce,
        "sd_hash": base64url.encode(hashlib.sha256(shown.encode()).digest()),
    }
    return shown + jose.sign(claims, signer=holder, typ=BINDING_TYPE, with_kid=False)


def read_presentation(text: str) -> Presentation:
    """Read a presentation without believing it.

    Raises:
        LimitError: ``credential.too_large``.
        InputError: ``credential.jose``, ``.claims``, ``.schema``, ``.field``, ``.uri``, ``signing.key.unsupported``.
    """
    if len(text) > MAX_TEXT or text.count("~") > MAX_DISCLOSURES + 1:
        raise LimitError("longer than any presentation", code="credential.too_large")
    shown, tilde, binding = text.rpartition("~")
    if not tilde:
        raise jose.malformed()
    token, *disclosures = shown.split("~")
    message = jose.read(token, typ=TYPE, most=MAX_TEXT)
    claims = message.claims
    _exactly(claims, _CLAIMS)
    values = _disclosed(claims, disclosures)
    held = claims["cnf"]
    _exactly(held, {"jwk": dict})
    return Presentation(
        message=message,
        claimed=_result(claims, values),
        holder_key=CredentialKey.from_jwk(held["jwk"]),
        binding=_read_binding(binding) if binding else None,
        _shown=shown + "~",
    )


def digest_of(disclosure: str) -> str:
    """RFC 9901 §4.2.3: SHA-256 over the characters of a disclosure, as they are sent."""
    return base64url.encode(hashlib.sha256(disclosure.encode()).digest())


def _disclosure(salt: bytes, name: str, value: JsonValue) -> str:
    parts = [base64url.encode(salt), name, value]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return base64url.encode(text.encode())


def _disclosed(claims: Mapping[str, Any], disclosures: list[str]) -> dict[str, JsonValue]:
    digests = claims["_sd"]
    if claims["_sd_alg"] != "sha-256" or not all(isinstance(one, str) for one in digests):
        raise malformed()
    if len(set(digests)) != len(digests) or len(digests) > MAX_DISCLOSURES:
        raise malformed()
    values: dict[str, JsonValue] = {}
    for disclosure in disclosures:
        name, value = _read_disclosure(disclosure)
        if digest_of(disclosure) not in digests or name in values or name in claims:
            raise malformed()
        values[name] = value
    return values


def _read_disclosure(disclosure: str) -> tuple[str, JsonValue]:
    parts = jose.read_json(base64url.decode(disclosure))
    if not isinstance(parts, list) or len(parts) != 3:
        raise malformed()
    salt, name, value = parts
    if not (isinstance(salt, str) and isinstance(name, str) and type(value) in {str, int}):
        raise malformed()
    return name, value


def _read_binding(text: str) -> jose.Unverified:
    binding = jose.read(text, typ=BINDING_TYPE, most=MAX_TEXT, with_kid=False)
    _exactly(binding.claims, _BINDING)
    return binding


def _result(claims: Mapping[str, Any], values: Mapping[str, JsonValue]) -> Result:
    status = claims["status"]
    _exactly(status, {"status_list": dict})
    reference = status["status_list"]
    _exactly(reference, {"idx": int, "uri": str})
    schema = _schema(claims["vct"])
    schema.require_some(values)
    return Result(
        id=_id(claims["jti"]),
        issuer=claims["iss"],
        subject=claims["sub"],
        issued_at=instant(claims["iat"]),
        expires_at=instant(claims["exp"]),
        status=StatusReference(uri=reference["uri"], index=reference["idx"]),
        schema=schema,
        values=values,
    )


def _id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError as exc:
        raise malformed() from exc
    if len(found) != ID_BYTES or found.hex() != text:
        raise malformed()
    return found


def _schema(vct: str) -> Schema:
    for schema in schemas().values():
        if schema.vct == vct:
            return schema
    raise InputError("a kind of result that this version does not know", code="credential.schema")


def _exactly(value: object, known: Mapping[str, type]) -> None:
    if not isinstance(value, dict) or {name: type(held) for name, held in value.items()} != known:
        raise malformed()


def _unproven(why: str) -> TrustError:
    return TrustError(why, code="credential.holder_unproven")

"""The signature of an answer, over the bytes as they were received. Only what it covers is ever read.

Four forms, of which the configuration names one:

* ``header``: a header holds the signature over the whole body;
* ``detached-jws``: a header holds a JWS without payload (RFC 7515 Appendix F); the payload is the body;
* ``jws``: the body is a JWS in compact form (RFC 7515 §7.1);
* ``member``: the body is a JSON object, of which one member is signed and another is the signature. The signed member is a
  string, whose text is signed, or any value, signed as it stands in the body. It is never encoded again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ekyc.chip.authority.configuration import Signature
from ekyc.chip.authority.keys import PinnedKey
from ekyc.chip.authority.mapping import decode_binary, encode_binary, malformed, parse_json
from ekyc.chip.authority.port import LinkAnswer
from ekyc.errors import EkycError, TrustError
from ekyc.pki.signatures import SignatureAlgorithm, verify_signature

_SALT_BYTES: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
_SCHEMES: Final = {"RS": "rsa-pkcs1", "PS": "rsa-pss", "ES": "ecdsa-plain"}
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_MAX_MEMBERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContent:
    """What a pinned key signed."""

    content: bytes = field(repr=False)
    key: PinnedKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What is said to be signed, before anything is verified."""

    content: bytes
    """What will be read."""
    message: bytes
    """What the signature is over; for a JWS the content is within it."""
    signature: bytes


def verify_answer(
    answer: LinkAnswer, form: Signature, keys: tuple[PinnedKey, ...], *, at: datetime
) -> SignedContent:
    """The signed content of an answer, once its signature verifies with a pinned key that is in force.

    Raises:
        TrustError: ``authority.signature_missing``, ``authority.bad_signature``, ``authority.key_outside_validity``.
        UpstreamError: ``authority.answer_malformed``: the body does not have the form that the signature is looked for in.
    """
    claim = _claim(answer, form)
    algorithm = _algorithm(form.algorithm)
    verifying = [key for key in keys if _verifies(claim, algorithm, key)]
    if not verifying:
        raise _bad("the signature of the answer verifies with no pinned key")
    for key in verifying:  # a certificate may be renewed with the same key
        if key.valid_at(at):
            return SignedContent(content=claim.content, key=key)
    raise TrustError(
        "the certificate that is pinned for the service is not in force",
        code="authority.key_outside_validity",
    )


def _verifies(claim: _Claim, algorithm: SignatureAlgorithm, key: PinnedKey) -> bool:
    try:
        verify_signature(key.key, algorithm, claim.signature, claim.message)
    except EkycError:  # of another key, or for another kind of key
        return False
    return True


def _claim(answer: LinkAnswer, form: Signature) -> _Claim:
    match form.form:
        case "header":
            signature = _decoded(_from_header(answer, form), form.encoding)
            return _Claim(content=answer.body, message=answer.body, signature=signature)
        case "detached-jws":
            return _detached(answer.body, _from_header(answer, form), form.algorithm)
        case "jws":
            return _compact(_text(answer.body).strip(), form.algorithm)
        case "member":
            return _member(answer.body, form)


def _from_header(answer: LinkAnswer, form: Signature) -> str:
    value = answer.headers.get((form.header or "").lower())
    if not value:
        raise _missing()
    return value.strip()


def _detached(body: bytes, value: str, algorithm: str) -> _Claim:
    header, payload, signature = _parts(value)
    if payload:
        raise malformed("the signature in the header brings a payload of its own")
    _check_header(header, algorithm)
    message = f"{header}.{encode_binary(body, 'base64url')}".encode()
    return _Claim(content=body, message=message, signature=_decoded(signature, "base64url"))


def _compact(value: str, algorithm: str) -> _Claim:
    header, payload, signature = _parts(value)
    _check_header(header, algorithm)
    return _Claim(
        content=_decoded(payload, "base64url"),
        message=f"{header}.{payload}".encode(),
        signature=_decoded(signature, "base64url"),
    )


def _parts(value: str) -> tuple[str, str, str]:
    if not _COMPACT.fullmatch(value):
        raise malformed("not a JWS in compact form")
    header, payload, signature = value.split(".")
    return header, payload, signature


def _check_header(encoded: str, algorithm: str) -> None:
    """The algorithm is ours to say; an extension that must be understood is not (RFC 7515 §4.1.1, §4.1.11)."""
    header = parse_json(_decoded(encoded, "base64url"))
    if not isinstance(header, dict):
        raise malformed("the header of a JWS is no object")
    if header.get("alg") != algorithm or "crit" in header or "b64" in header:
        raise _bad("the JWS names another algorithm, or an extension")


def _member(body: bytes, form: Signature) -> _Claim:
    members = split_members(_text(body))
    signature, payload = members.get(form.member or ""), members.get(form.payload or "")
    if signature is None or payload is None:
        raise _missing()
    value, raw = payload
    if form.payload_form == "string":
        if not isinstance(value, str):
            raise malformed("what is signed should be a string")
        raw = value
    if not isinstance(signature[0], str):
        raise malformed("the signature should be a string")
    try:
        content = raw.encode("utf-8")
    except UnicodeEncodeError as exc:  # an escaped half of a character
        raise malformed("what is signed is no text") from exc
    return _Claim(content=content, message=content, signature=_decoded(signature[0], form.encoding))


def split_members(text: str) -> dict[str, tuple[object, str]]:
    """The members of a JSON object: each value, and its characters as they stand.

    Raises:
        UpstreamError: ``authority.answer_malformed``: no object, or a member twice.
    """
    decoder = json.JSONDecoder()
    found: dict[str, tuple[object, str]] = {}
    try:
        position = _after(text, 0, "{")
        while text[position] != "}" or found:
            name, position = decoder.raw_decode(text, position)
            start = _after(text, _space(text, position), ":")
            value, end = decoder.raw_decode(text, start)
            if not isinstance(name, str) or name in found or len(found) >= _MAX_MEMBERS:
                raise malformed("a member stands twice, or too many stand")
            found[name] = (value, text[start:end])
            position = _space(text, end)
            if text[position] == "}":
                break
            position = _after(text, position, ",")
        if _space(text, position + 1) != len(text):
            raise malformed("something follows the answer")
    except (ValueError, IndexError, RecursionError) as exc:
        raise malformed("the answer is no JSON object") from exc
    return found


def _after(text: str, position: int, character: str) -> int:
    position = _space(text, position)
    if text[position] != character:
        raise ValueError("another character was due")
    return _space(text, position + 1)


def _space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _algorithm(name: str) -> SignatureAlgorithm:
    kind, digest = name[:2], f"sha{name[2:5]}"
    scheme = "ecdsa" if name.endswith("-DER") else _SCHEMES[kind]
    salted = kind == "PS"
    return SignatureAlgorithm(
        scheme=scheme,
        digest=digest,
        mask_digest=digest if salted else None,
        salt_length=_SALT_BYTES[digest] if salted else None,
    )


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise malformed("the answer is not UTF-8") from exc


def _decoded(text: str, form: str) -> bytes:
    try:
        return decode_binary(text, form)
    except ValueError as exc:
        raise malformed(f"something should be {form}") from exc


def _missing() -> TrustError:
    return TrustError("the answer is not signed", code="authority.signature_missing")


def _bad(message: str) -> TrustError:
    return TrustError(message, code="authority.bad_signature")

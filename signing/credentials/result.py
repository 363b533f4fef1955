"""A result as a QR code carries it: a CWT (RFC 8392) in COSE_Sign1, packed, as Base45 behind a prefix.

::

    "EKYC1:" Base45( DEFLATE( 18([ << {1: alg, 4: kid} >>, {}, << claims >>, signature ]) ) )

    claims = {
        1: issuer, 2: subject, 4: expires, 6: issued, 7: id,
        65535: {"status_list": {"idx": …, "uri": …}},
        -65537: [schema number, schema version, {key: value, …}],
    }

Nothing else stands in it, nothing may be left out, and there is one encoding of it. ``docs/credentials.md`` gives it
byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ekyc.errors import InputError, LimitError
from ekyc.signing.credentials import base45, cbor, cose, packing
from ekyc.signing.credentials.keys import CredentialKey, CredentialSigner
from ekyc.signing.credentials.schemas import JsonValue, Schema, schema_on_wire

PREFIX: Final = "EKYC1:"
"""Version 1 of this format. A later one has another prefix."""
MAX_TEXT: Final = 4296
"""Characters in the largest QR code (ISO/IEC 18004, version 40-L, alphanumeric)."""
MAX_UNPACKED: Final = 8192
ID_BYTES: Final = 16
LAST_TIME: Final = 253_402_300_799
"""Seconds; the end of the year 9999."""

_URI: Final = re.compile(r"https://[a-z0-9.-]{1,100}(/[A-Za-z0-9._~/-]{0,100})?\Z")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9_-]{14,43}\Z")
_ISS, _SUB, _EXP, _IAT, _CTI, _STATUS, _RESULT = 1, 2, 4, 6, 7, 65535, -65537
_CLAIMS: Final[dict[int | str, type]] = {
    _ISS: str,
    _SUB: str,
    _EXP: int,
    _IAT: int,
    _CTI: bytes,
    _STATUS: dict,
    _RESULT: tuple,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReference:
    """Where the status of a result is told (draft-ietf-oauth-status-list-21 §6)."""

    uri: str
    index: int

    def __post_init__(self) -> None:
        require_uri(self.uri)
        if not 0 <= self.index < 1 << 32:
            raise malformed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an issuer states. ``repr`` shows no field of it.

    By itself it proves nothing: only :meth:`UnverifiedResult.verify` says that somebody signed it, only a trust list
    who that is, only a fresh status list that it still stands, and none of them that the bearer is the person.
    """

    id: bytes
    """16 random bytes, drawn for each issue."""
    issuer: str
    """``https://`` address that names the issuer in trust lists."""
    subject: str
    """Pseudonym, base64url; says nothing to anyone but the issuer."""
    issued_at: datetime
    expires_at: datetime
    status: StatusReference
    schema: Schema
    values: Mapping[str, JsonValue] = field(repr=False)
    """JSON form of :class:`Schema`."""

    def __post_init__(self) -> None:
        require_uri(self.issuer)
        if len(self.id) != ID_BYTES or not _SUBJECT.match(self.subject):
            raise malformed()
        if not seconds(self.issued_at) < seconds(self.expires_at):
            raise malformed()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedResult:
    """A result that was read and not yet checked."""

    message: cose.Unverified
    claimed: Result

    def verify(self, key: CredentialKey) -> Result:
        """The result, if this key signed it.

        Raises:
            TrustError: ``credential.algorithm``, ``credential.signature_wrong``.
        """
        self.message.verify(key)
        return self.claimed


def encode_result(result: Result, *, signer: CredentialSigner) -> str:
    """Sign a result; the text of its QR code.

    Raises:
        InputError: ``credential.field``: a value is not of its kind.
        LimitError: ``credential.too_large``: more than the largest QR code holds.
    """
    message = cose.sign1(cbor.encode(_claims(result)), signer=signer)
    text = PREFIX + base45.encode(packing.pack(message))
    if len(text) > MAX_TEXT:
        raise LimitError("more than a QR code holds", code="credential.too_large")
    return text


def read_result(text: str) -> UnverifiedResult:
    """Read the text of a QR code without believing it.

    Raises:
        LimitError: ``credential.too_large``.
        InputError: ``credential.prefix``, ``.base45``, ``.packing``, ``.cbor``, ``.claims``, ``.schema``, ``.field``:
            not exactly what :func:`encode_result` writes.
    """
    if len(text) > MAX_TEXT:
        raise LimitError("more than a QR code holds", code="credential.too_large")
    if not text.startswith(PREFIX):
        raise InputError("not a result, or of another version", code="credential.prefix")
    packed = base45.decode(text[len(PREFIX) :])
    message = cose.read_sign1(packing.unpack(packed, most=MAX_UNPACKED))
    return UnverifiedResult(message=message, claimed=_result(cbor.decode(message.payload)))


def seconds(at: datetime) -> int:
    """Whole seconds since 1970.

    Raises:
        InputError: ``credential.claims``: before 1970, or not aware.
    """
    if at.tzinfo is None or not 0 <= at.timestamp() <= LAST_TIME:
        raise malformed()
    return int(at.timestamp())


def instant(value: int) -> datetime:
    """The time of whole seconds since 1970.

    Raises:
        InputError: ``credential.claims``.
    """
    if not 0 <= value <= LAST_TIME:
        raise malformed()
    return datetime.fromtimestamp(value, UTC)


def require_uri(uri: object) -> str:
    """An address that names an issuer or a list: ``https``, lower-case host, a plain path; compared as text.

    Raises:
        InputError: ``credential.uri``.
    """
    if not isinstance(uri, str) or not _URI.match(uri):
        raise InputError("not an https address of the plain form", code="credential.uri")
    return uri


def malformed() -> InputError:
    """The one error of claims."""
    return InputError("not the claims of a result", code="credential.claims")


def _claims(result: Result) -> dict[Any, Any]:
    schema = result.schema
    return {
        _ISS: result.issuer,
        _SUB: result.subject,
        _EXP: seconds(result.expires_at),
        _IAT: seconds(result.issued_at),
        _CTI: result.id,
        _STATUS: {"status_list": {"idx": result.status.index, "uri": result.status.uri}},
        _RESULT: (schema.number, schema.version, schema.to_wire(result.values)),
    }


def _result(value: object) -> Result:
    claims = cbor.members(value, _CLAIMS, {})
    status = cbor.members(claims[_STATUS], {"status_list": dict}, {})["status_list"]
    cbor.members(status, {"idx": int, "uri": str}, {})
    stated = claims[_RESULT]
    if [type(part) for part in stated] != [int, int, dict]:
        raise malformed()
    schema = schema_on_wire(stated[0], stated[1])
    return Result(
        id=claims[_CTI],
        issuer=claims[_ISS],
        subject=claims[_SUB],
        issued_at=instant(claims[_IAT]),
        expires_at=instant(claims[_EXP]),
        status=StatusReference(uri=status["uri"], index=status["idx"]),
        schema=schema,
        values=schema.from_wire(stated[2]),
    )

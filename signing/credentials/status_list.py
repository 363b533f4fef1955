"""Token Status List (draft-ietf-oauth-status-list-21): whether results still stand, for a million of them in one file.

The list is signed and says until when it may be relied on, so that anyone may serve, copy and keep it, and the issuer
does not learn who verifies what. CWT (§5.2) and JWT (§5.1) are written and read.

1. the signature, by a key that its issuer uses for status lists           §8.3 (3a)
2. the list is the one that the result names                              §8.3 (4a)
3. it is not from the future, has not expired, is not older than allowed   §8.3 (4b–d)
4. the array is unpacked, within bounds, after the signature held          §8.3 (5)
5. the status at the index; an index outside says nothing                  §8.3 (6)

Steps 2 and 3 are :mod:`ekyc.signing.credentials.judging`'s.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final, Self

from ekyc.errors import InputError, LimitError
from ekyc.signing.credentials import base64url, cbor, cose, jose, packing
from ekyc.signing.credentials.keys import CredentialKey, CredentialSigner
from ekyc.signing.credentials.result import instant, malformed, require_uri, seconds

CWT_TYPE: Final = "application/statuslist+cwt"
JWT_TYPE: Final = "statuslist+jwt"
MAX_TOKEN: Final = 4 << 20
"""Bytes of a signed list. A million results at one in a hundred revoked take some twenty thousand."""
MAX_ARRAY: Final = 4 << 20
"""Bytes of the unpacked array: sixteen million results of two bits."""
DEFAULT_TTL: Final = timedelta(hours=24)
"""How old a list may be that says nothing of it."""
_WIDTHS: Final = (1, 2, 4, 8)
_SUB, _EXP, _IAT, _ISS, _TTL, _LIST = 2, 4, 6, 1, 65534, 65533
_MAX_TTL_S: Final = 366 * 86_400


class StatusType(IntEnum):
    """§7.1; 3 is left to applications, and means this here."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2
    SUPERSEDED = 3
    """A later result took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusArray:
    """One status for each index, packed from the least significant bit (§4.1)."""

    bits: int
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.bits not in _WIDTHS:
            raise malformed()
        if len(self.data) > MAX_ARRAY:
            raise LimitError("a longer list than is read", code="credential.too_large")

    @classmethod
    def build(cls, size: int, bits: int, statuses: Iterable[tuple[int, int]]) -> Self:
        """An array of ``size`` indices, all valid but the named.

        Raises:
            InputError: ``credential.status_index``: an index or a status outside the array.
        """
        if bits not in _WIDTHS:
            raise malformed()
        each = 8 // bits
        data = bytearray(-(-size // each))
        for index, status in statuses:
            if not (0 <= index < size and 0 <= status < 1 << bits):
                raise _outside()
            shift = index % each * bits
            data[index // each] &= ~(((1 << bits) - 1) << shift) & 0xFF
            data[index // each] |= status << shift
        return cls(bits=bits, data=bytes(data))

    def at(self, index: int) -> int:
        """The status at an index.

        Raises:
            InputError: ``credential.status_index``: outside the array.
        """
        each = 8 // self.bits
        place, part = divmod(index, each)
        if index < 0 or place >= len(self.data):
            raise _outside()
        return self.data[place] >> part * self.bits & (1 << self.bits) - 1

    def packed(self) -> bytes:
        """As it stands in a list: ZLIB without a dictionary, at the highest level."""
        return zlib.compress(self.data, 9)

    @classmethod
    def unpacked(cls, bits: int, packed: bytes) -> Self:
        """
        Raises:
            InputError, LimitError: ``credential.packing``, ``credential.too_large``.
        """
        return cls(bits=bits, data=packing.inflate(packed, most=MAX_ARRAY))


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusList:
    """What a signed list says."""

    uri: str
    """Its name, as results name it."""
    issued_at: datetime
    expires_at: datetime | None
    ttl: timedelta | None
    """How long it may be kept before a fresh one should be fetched."""
    statuses: StatusArray
    issuer: str | None = None
    """Only foreign lists name one; ours follow from the key."""

    def fresh_until(self, *, max_age: timedelta | None = None) -> datetime:
        """When it is too old to let a result pass: by its own word, or that of a stricter or laxer verifier.

        ``max_age`` takes the place of the list's own time to live; never past its expiry.
        """
        end = self.issued_at + (max_age if max_age is not None else self.ttl or DEFAULT_TTL)
        return end if self.expires_at is None else min(end, self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedStatusList:
    """A signed list that was read and not yet checked, nor unpacked."""

    message: cose.Unverified | jose.Unverified
    _head: tuple[str, datetime, datetime | None, timedelta | None, str | None]
    _bits: int
    _packed: bytes = field(repr=False)

    @property
    def kid(self) -> bytes:
        """The key that it names."""
        return self.message.kid

    @property
    def uri(self) -> str:
        """The list that it claims to be."""
        return self._head[0]

    def verify(self, key: CredentialKey) -> StatusList:
        """The list, if this key signed it.

        Raises:
            TrustError: ``credential.algorithm``, ``credential.signature_wrong``.
            InputError, LimitError: ``credential.packing``, ``credential.too_large``, ``credential.claims``.
        """
        self.message.verify(key)
        uri, issued_at, expires_at, ttl, issuer = self._head
        return StatusList(
            uri=uri,
            issued_at=issued_at,
            expires_at=expires_at,
            ttl=ttl,
            issuer=issuer,
            statuses=StatusArray.unpacked(self._bits, self._packed),
        )


def encode_cwt(status_list: StatusList, *, signer: CredentialSigner) -> bytes:
    """Sign a list as CWT (§5.2)."""
    claims: dict[Any, Any] = {
        _SUB: status_list.uri,
        _IAT: seconds(status_list.issued_at),
        _LIST: {"bits": status_list.statuses.bits, "lst": status_list.statuses.packed()},
    }
    if status_list.expires_at is not None:
        claims[_EXP] = seconds(status_list.expires_at)
    if status_list.ttl is not None:
        claims[_TTL] = int(status_list.ttl.total_seconds())
    return cose.sign1(cbor.encode(claims), signer=signer, typ=CWT_TYPE)


def encode_jwt(status_list: StatusList, *, signer: CredentialSigner) -> str:
    """Sign a list as JWT (§5.1)."""
    statuses = status_list.statuses
    claims: dict[str, Any] = {
        "sub": status_list.uri,
        "iat": seconds(status_list.issued_at),
        "status_list": {"bits": statuses.bits, "lst": base64url.encode(statuses.packed())},
    }
    if status_list.expires_at is not None:
        claims["exp"] = seconds(status_list.expires_at)
    if status_list.ttl is not None:
        claims["ttl"] = int(status_list.ttl.total_seconds())
    return jose.sign(claims, signer=signer, typ=JWT_TYPE)


def read_status_list(data: bytes) -> UnverifiedStatusList:
    """Read a signed list of either form without believing it.

    Raises:
        LimitError: ``credential.too_large``.
        InputError: ``credential.cbor``, ``credential.jose``, ``credential.claims``, ``credential.uri``.
    """
    if len(data) > MAX_TOKEN:
        raise LimitError("longer than any status list", code="credential.too_large")
    if data[:1] == b"\xd2":
        return _read_cwt(data)
    try:
        return _read_jwt(data.decode("ascii").strip("\r\n"))
    except UnicodeDecodeError as exc:
        raise jose.malformed() from exc


def _read_cwt(data: bytes) -> UnverifiedStatusList:
    message = cose.read_sign1(data, typ=CWT_TYPE)
    claims = cbor.members(
        cbor.decode(message.payload),
        {_SUB: str, _IAT: int, _LIST: dict},
        {_EXP: int, _TTL: int, _ISS: str},
    )
    held = cbor.members(claims[_LIST], {"bits": int, "lst": bytes}, {"aggregation_uri": str})
    head = {name: claims.get(key) for name, key in _NAMES.items()}
    return UnverifiedStatusList(
        message=message, _head=_read_head(head), _bits=held["bits"], _packed=held["lst"]
    )


def _read_jwt(text: str) -> UnverifiedStatusList:
    message = jose.read(text, typ=JWT_TYPE, most=MAX_TOKEN)
    claims = message.claims
    if not {"sub", "iat", "status_list"} <= claims.keys() <= {*_NAMES, "status_list"}:
        raise malformed()
    held = claims["status_list"]
    if not isinstance(held, dict) or not {"bits", "lst"} <= held.keys() <= _JSON_MEMBERS:
        raise malformed()
    if type(held["bits"]) is not int or not isinstance(held["lst"], str):
        raise malformed()
    return UnverifiedStatusList(
        message=message,
        _head=_read_head(claims),
        _bits=held["bits"],
        _packed=base64url.decode(held["lst"]),
    )


_NAMES: Final = {"sub": _SUB, "iat": _IAT, "exp": _EXP, "ttl": _TTL, "iss": _ISS}
_JSON_MEMBERS: Final = frozenset({"bits", "lst", "aggregation_uri"})


def _read_head(claims: dict[str, Any]) -> Any:
    uri, iat, exp, ttl, iss = (claims.get(name) for name in ("sub", "iat", "exp", "ttl", "iss"))
    if type(iat) is not int or not all(part is None or type(part) is int for part in (exp, ttl)):
        raise malformed()
    if not (ttl is None or 0 < ttl <= _MAX_TTL_S) or not (exp is None or exp > iat):
        raise malformed()
    return (
        require_uri(uri),
        instant(iat),
        None if exp is None else instant(exp),
        None if ttl is None else timedelta(seconds=ttl),
        None if iss is None else require_uri(iss),
    )


def _outside() -> InputError:
    return InputError("outside the status list", code="credential.status_index")

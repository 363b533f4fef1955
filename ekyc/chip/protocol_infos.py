"""Which protocols a chip offers, out of its SecurityInfos (ICAO 9303-11 §9.2).

EF.CardAccess is read before anything is authenticated: what it says is an offer, never evidence. An entry that cannot be
read or is not supported is left out, so that one odd entry does not hide the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from ekyc.chip.ciphers import DES3, SUITE_OF_LAST_ARC, CipherSuite
from ekyc.chip.domain_parameters import (
    MAX_DH_BITS,
    MIN_DH_BITS,
    STANDARD_GROUPS,
    DhGroup,
    EcGroup,
    Group,
)
from ekyc.chip.lds.security_infos import SecurityInfo, SecurityInfos
from ekyc.errors import ChipError, EkycError
from ekyc.pki import der
from ekyc.pki.keys import EcPublicKey, parse_public_key

_T = TypeVar("_T")

_PACE: Final = "0.4.0.127.0.7.2.2.4."
_CHIP_AUTHENTICATION: Final = "0.4.0.127.0.7.2.2.3."
_KEY_DH: Final = "0.4.0.127.0.7.2.2.1.1"
_KEY_ECDH: Final = "0.4.0.127.0.7.2.2.1.2"
_STANDARD_PARAMETERS: Final = "0.4.0.127.0.7.1.2"
_PKCS3: Final = "1.2.840.113549.1.3.1"
_X942: Final = "1.2.840.10046.2.1"
_PACE_VERSION: Final = 2
_CHIP_AUTHENTICATION_VERSION: Final = 1


class Agreement(StrEnum):
    """Kind of group."""

    DH = "DH"
    ECDH = "ECDH"


class Mapping(StrEnum):
    """How PACE makes a fresh generator of the nonce."""

    GENERIC = "GM"
    INTEGRATED = "IM"
    CHIP_AUTHENTICATION = "CAM"


_MAPPING_OF_ARC: Final = {
    1: (Agreement.DH, Mapping.GENERIC),
    2: (Agreement.ECDH, Mapping.GENERIC),
    3: (Agreement.DH, Mapping.INTEGRATED),
    4: (Agreement.ECDH, Mapping.INTEGRATED),
    6: (Agreement.ECDH, Mapping.CHIP_AUTHENTICATION),
}
_AGREEMENT_OF_ARC: Final = {1: Agreement.DH, 2: Agreement.ECDH}
_PREFERENCE: Final = (Mapping.INTEGRATED, Mapping.GENERIC, Mapping.CHIP_AUTHENTICATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceInfo:
    """One offer of PACE over standardised domain parameters (ICAO 9303-11 §9.2.1)."""

    protocol: str
    agreement: Agreement
    mapping: Mapping
    suite: CipherSuite
    parameter_id: int

    @property
    def group(self) -> Group[Any]:  # points or integers, decided by the parameter
        return STANDARD_GROUPS[self.parameter_id]

    @property
    def name(self) -> str:
        """As the standard spells it, without the prefix."""
        return f"PACE-{self.agreement}-{self.mapping}-{self.suite.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthenticationKey:
    """A static key of the chip in DG14 or EF.CardSecurity (ICAO 9303-11 §9.2.6)."""

    agreement: Agreement
    group: Group[Any]
    public: Any = field(repr=False)
    key_id: int | None

    @property
    def encoded(self) -> bytes:
        """Octets of the public key."""
        return self.group.encode(self.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthenticationInfo:
    """Protocol and key with which the chip can be authenticated (ICAO 9303-11 §9.2.5)."""

    protocol: str
    suite: CipherSuite
    key: ChipAuthenticationKey
    inferred: bool
    """The chip names no protocol for this key; 3DES is then meant (§9.2.5)."""

    @property
    def name(self) -> str:
        return f"CA-{self.key.agreement}-{self.suite.name}"


def offered_pace(infos: SecurityInfos) -> tuple[PaceInfo, ...]:
    """Supported offers of PACE, the preferred first: chip authentication mapping, then the stronger cipher."""
    offers = _readable(infos, _read_pace)
    return tuple(
        sorted(
            offers,
            key=lambda info: (_PREFERENCE.index(info.mapping), info.suite.strength),
            reverse=True,
        )
    )


def chip_authentication_keys(infos: SecurityInfos) -> tuple[ChipAuthenticationKey, ...]:
    """Static keys of supported kinds, in order of storage."""
    return tuple(_readable(infos, _read_key))


def offered_chip_authentication(infos: SecurityInfos) -> tuple[ChipAuthenticationInfo, ...]:
    """Ways to authenticate the chip, the strongest cipher first.

    A protocol belongs to the key with its identifier; where it names none, to each key of its kind. A key for which
    DG14 names no protocol at all is used with 3DES.
    """
    protocols = _readable(infos, _read_protocol)
    found = [
        ChipAuthenticationInfo(protocol=protocol, suite=suite, key=key, inferred=False)
        for key in chip_authentication_keys(infos)
        for protocol, agreement, suite, key_id in protocols
        if agreement is key.agreement and key_id in (None, key.key_id)
    ]
    served = [info.key for info in found]
    found += [_inferred(key) for key in chip_authentication_keys(infos) if key not in served]
    return tuple(sorted(found, key=lambda info: info.suite.strength, reverse=True))


def encode_oid(dotted: str) -> bytes:
    """Content octets of an object identifier (X.690 §8.19)."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return b"".join(map(_base128, (40 * first + second, *rest)))


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(arc & 0x7F | 0x80)
    return bytes(reversed(octets))


def _inferred(key: ChipAuthenticationKey) -> ChipAuthenticationInfo:
    arc = 1 if key.agreement is Agreement.DH else 2
    return ChipAuthenticationInfo(
        protocol=f"{_CHIP_AUTHENTICATION}{arc}.1", suite=DES3, key=key, inferred=True
    )


def _readable(infos: SecurityInfos, read: Callable[[SecurityInfo], _T | None]) -> list[_T]:
    found: list[_T] = []
    for info in infos.infos:
        try:
            with der.malformed_as(ChipError, code="chip.security_infos_malformed"):
                value = read(info)
        except EkycError:
            continue
        if value is not None:
            found.append(value)
    return found


def _read_pace(info: SecurityInfo) -> PaceInfo | None:
    arcs = _arcs_below(_PACE, info.protocol)
    if arcs is None or info.optional is None or _integer(info.required) != _PACE_VERSION:
        return None
    agreement, mapping = _MAPPING_OF_ARC[arcs[0]]
    parameter_id = _integer(info.optional)
    if _agreement_of(STANDARD_GROUPS[parameter_id]) is not agreement:
        return None
    suite = SUITE_OF_LAST_ARC[arcs[1]]
    if mapping is Mapping.CHIP_AUTHENTICATION and suite is DES3:
        return None
    if mapping is Mapping.INTEGRATED and not STANDARD_GROUPS[parameter_id].has_integrated_mapping:
        return None
    return PaceInfo(
        protocol=info.protocol,
        agreement=agreement,
        mapping=mapping,
        suite=suite,
        parameter_id=parameter_id,
    )


def _read_protocol(
    info: SecurityInfo,
) -> tuple[str, Agreement, CipherSuite, int | None] | None:
    arcs = _arcs_below(_CHIP_AUTHENTICATION, info.protocol)
    if arcs is None or _integer(info.required) != _CHIP_AUTHENTICATION_VERSION:
        return None
    key_id = _integer(info.optional) if info.optional else None
    return info.protocol, _AGREEMENT_OF_ARC[arcs[0]], SUITE_OF_LAST_ARC[arcs[1]], key_id


def _read_key(info: SecurityInfo) -> ChipAuthenticationKey | None:
    if info.protocol not in (_KEY_DH, _KEY_ECDH):
        return None
    group, public = _read_public_key(info.required)
    return ChipAuthenticationKey(
        agreement=_agreement_of(group),
        group=group,
        public=public,
        key_id=_integer(info.optional) if info.optional else None,
    )


def _read_public_key(encoded: bytes) -> tuple[Group[Any], Any]:
    """Group and element of a ``SubjectPublicKeyInfo``: EC, DH (PKCS #3, X9.42), or standardised parameters."""
    algorithm, bits = der.children(encoded, der.single(encoded, der.SEQUENCE))
    identifier, *parameters = der.children(encoded, algorithm)
    oid = der.decode_oid(der.content_of(encoded, identifier))
    content = der.content_of(encoded, bits)[1:]
    if oid == _STANDARD_PARAMETERS:
        group = STANDARD_GROUPS[der.decode_integer(der.content_of(encoded, parameters[0]))]
        if isinstance(group, DhGroup):  # BSI TR-03110-3 §D.3.3: an INTEGER; a point stands as it is
            content = der.content_of(content, der.single(content, der.INTEGER))
        return group, group.decode(content)
    if oid in (_PKCS3, _X942):
        dh = _dh_group(
            [_number(encoded, item) for item in der.children(encoded, parameters[0])], oid
        )
        return dh, dh.decode(der.content_of(content, der.single(content, der.INTEGER)))
    key = parse_public_key(encoded)
    if not isinstance(key, EcPublicKey):
        raise ChipError("a key for chip authentication is RSA", code="chip.key_agreement")
    return EcGroup(key.curve), key.point


def _dh_group(numbers: list[int | None], oid: str) -> DhGroup:
    """``{p, g, l}`` of PKCS #3, ``{p, g, q, …}`` of X9.42."""
    p, g = numbers[0], numbers[1]
    q = numbers[2] if oid == _X942 and len(numbers) > 2 else None
    if p is None or g is None or not MIN_DH_BITS <= p.bit_length() <= MAX_DH_BITS:
        raise ChipError("the prime of a DH key is out of range", code="chip.key_agreement")
    if not (p & 1 and 1 < g < p - 1) or (q is not None and not (q > 1 and pow(g, q, p) == 1)):
        raise ChipError("the generator of a DH key is none", code="chip.key_agreement")
    return DhGroup(p=p, g=g, q=q)


def _number(data: bytes, element: der.Element) -> int | None:
    """An INTEGER; None for anything else (validation parameters of X9.42)."""
    if element.tag != der.INTEGER:
        return None
    return der.decode_integer(der.content_of(data, element))


def _agreement_of(group: Group[Any]) -> Agreement:
    return Agreement.ECDH if isinstance(group, EcGroup) else Agreement.DH


def _arcs_below(prefix: str, protocol: str) -> tuple[int, int] | None:
    """The two arcs below a prefix; None where the protocol is another, or names a kind without a cipher."""
    rest = protocol.removeprefix(prefix).split(".") if protocol.startswith(prefix) else []
    return (int(rest[0]), int(rest[1])) if len(rest) == 2 else None


def _integer(encoded: bytes) -> int:
    return der.decode_integer(der.content_of(encoded, der.single(encoded, der.INTEGER)))

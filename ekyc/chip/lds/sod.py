"""EF.SOD: the signed list of data group hashes (ICAO 9303-10 §4.6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ekyc.chip.tlv import unwrap
from ekyc.errors import ChipError, InputError
from ekyc.pki import SecurityObject, SignedData, der, parse_signed_data
from ekyc.pki.signatures import DIGEST_BY_OID

_TAG: Final = 0x77

CONTENT_TYPES: Final = frozenset(
    {
        "2.23.136.1.1.1",  # id-icao-ldsSecurityObject
        "1.3.27.1.1.1",  # its predecessor: old Belgian and French passports
        "1.2.840.113549.1.7.1",  # id-data: Chinese passports
        "1.2.528.1.1006.1.20.1",  # Sdu: Dutch passports
    }
)
_DATA_GROUP_NUMBERS: Final = range(1, 17)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sod:
    """A parsed EF.SOD. Nothing in it is verified (:mod:`ekyc.pki.passive_auth` does that)."""

    signed: SignedData
    security_object: SecurityObject


def parse_sod(data: bytes) -> Sod:
    """Parse EF.SOD, with its tag 77 or bare.

    Raises:
        ChipError: ``chip.sod_malformed``.
    """
    with der.malformed_as(ChipError, code="chip.sod_malformed", subject="EF.SOD"):
        content = unwrap(data, _TAG) if data[:1] == bytes((_TAG,)) else data
        signed = _parse_cms(content)
        if signed.content_type not in CONTENT_TYPES:
            raise ChipError(
                "the signed content is not a security object", code="chip.sod_malformed"
            )
        return Sod(signed=signed, security_object=_parse_security_object(signed.content))


def _parse_cms(content: bytes) -> SignedData:
    try:
        return parse_signed_data(content)
    except InputError as exc:
        raise ChipError(exc.message, code="chip.sod_malformed", subject="EF.SOD") from exc


def _parse_security_object(content: bytes) -> SecurityObject:
    """``LDSSecurityObject ::= SEQUENCE { version, hashAlgorithm, SEQUENCE OF { number, hash }, [ldsVersionInfo] }``."""
    _version, algorithm, listed, *_rest = der.children(content, der.single(content, der.SEQUENCE))
    oid = der.decode_oid(der.content_of(content, der.children(content, algorithm)[0]))
    digest = DIGEST_BY_OID.get(oid)
    if digest is None:
        raise ChipError(f"hash algorithm {oid} is not supported", code="chip.sod_malformed")
    hashes: dict[int, bytes] = {}
    for entry in der.children(content, listed):
        number_element, hash_element = der.children(content, entry)
        number = der.decode_integer(der.content_of(content, number_element))
        if number not in _DATA_GROUP_NUMBERS or number in hashes:
            raise ChipError("a data group number is foreign or twice", code="chip.sod_malformed")
        hashes[number] = der.content_of(content, hash_element)
    return SecurityObject(digest=digest, hashes=MappingProxyType(hashes))

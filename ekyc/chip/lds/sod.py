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
    version: int
    """0, or 1 where the signed object also says which versions the data structure follows."""
    lds_version: str | None = None
    """``0108`` in the form of EF.COM; version 1 only."""
    unicode_version: str | None = None


def parse_sod(data: bytes) -> Sod:
    """Parse EF.SOD, with its tag 77 or bare.

    Raises:
        ChipError: ``chip.sod_malformed``; ``chip.sod_unsupported`` for one that is whole but relies on a hash algorithm
            or a version that this code does not know.
    """
    with der.malformed_as(ChipError, code="chip.sod_malformed", subject="EF.SOD"):
        content = unwrap(data, _TAG) if data[:1] == bytes((_TAG,)) else data
        signed = _parse_cms(content)
        if signed.content_type not in CONTENT_TYPES:
            raise _malformed("the signed content is not a security object")
        return _parse_security_object(signed)


def _parse_cms(content: bytes) -> SignedData:
    try:
        return parse_signed_data(content)
    except InputError as exc:
        if exc.code == "cms.digest_unsupported":
            raise _unsupported(exc.message) from exc
        raise _malformed(exc.message) from exc


def _parse_security_object(signed: SignedData) -> Sod:
    """``LDSSecurityObject ::= SEQUENCE { version, hashAlgorithm, SEQUENCE OF { number, hash }, [ldsVersionInfo] }``.

    ``LDSVersionInfo ::= SEQUENCE { ldsVersion PrintableString, unicodeVersion PrintableString }`` stands in version 1
    (ICAO 9303-10 §4.6.2.3).
    """
    content = signed.content
    number, algorithm, listed, *rest = der.children(content, der.single(content, der.SEQUENCE))
    version = der.decode_integer(der.content_of(content, number))
    if version not in (0, 1):
        raise _unsupported(f"version {version} of the security object is not known")
    hashes = MappingProxyType(_parse_hashes(content, listed))
    oid = der.decode_oid(der.content_of(content, der.children(content, algorithm)[0]))
    digest = DIGEST_BY_OID.get(oid)
    if digest is None:
        raise _unsupported(f"hash algorithm {oid} is not supported")
    versions = _parse_version_info(content, rest) if version == 1 else (None, None)
    return Sod(
        signed=signed,
        security_object=SecurityObject(digest=digest, hashes=hashes),
        version=version,
        lds_version=versions[0],
        unicode_version=versions[1],
    )


def _parse_hashes(content: bytes, listed: der.Element) -> dict[int, bytes]:
    hashes: dict[int, bytes] = {}
    for entry in der.children(content, listed):
        number_element, hash_element = der.children(content, entry)
        number = der.decode_integer(der.content_of(content, number_element))
        if number not in _DATA_GROUP_NUMBERS or number in hashes:
            raise _malformed("a data group number is foreign or twice")
        hashes[number] = der.content_of(content, hash_element)
    return hashes


def _parse_version_info(content: bytes, rest: list[der.Element]) -> tuple[str, str]:
    """Both versions; a version 1 object without them is malformed."""
    (info,) = rest
    lds, unicode = (
        der.content_of(content, item).decode("ascii") for item in der.children(content, info)
    )
    return lds, unicode


def _malformed(message: str) -> ChipError:
    return ChipError(message, code="chip.sod_malformed", subject="EF.SOD")


def _unsupported(message: str) -> ChipError:
    return ChipError(message, code="chip.sod_unsupported", subject="EF.SOD")

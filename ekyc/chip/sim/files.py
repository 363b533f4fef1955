"""Build the files of a Vietnamese identity card's chip (layouts: the parsers in :mod:`ekyc.chip.lds`)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Final

from asn1crypto import core

from ekyc.chip.lds.com import TAG_OF_DATA_GROUP
from ekyc.chip.lds.dg13 import Dg13Field
from ekyc.chip.lds.security_infos import ACTIVE_AUTHENTICATION
from ekyc.chip.sim.active_authentication import ActiveAuthenticationKind
from ekyc.chip.sim.citizen import CitizenData
from ekyc.chip.sim.profile import (
    ChipAuthenticationConfiguration,
    ChipProfile,
    PaceMapping,
    integer,
    security_info,
)
from ekyc.mrz import build_td1, vietnamese_optional_1
from ekyc.pki import der

_NO_EXPIRY_MRZ: Final = "991231"
_NO_EXPIRY_TEXT: Final = "Không thời hạn"
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_ECDSA_PLAIN_SHA256: Final = "0.4.0.127.0.7.1.1.4.1.3"
_PUBLIC_KEY: Final = "0.4.0.127.0.7.2.2.1"
_STANDARD_DOMAIN_PARAMETERS: Final = "0.4.0.127.0.7.1.2"
_UTF8: Final = 0x0C
_PRINTABLE: Final = 0x13
_BARE: Final = ChipProfile(pace=(), chip_authentication=None)
_WORD_OF_SEX: Final = {"M": "Nam", "F": "Nữ"}


def build_com(numbers: tuple[int, ...]) -> bytes:
    """EF.COM that lists data groups."""
    tags = bytes(TAG_OF_DATA_GROUP[number] for number in numbers)
    return der.encode(
        0x60,
        der.encode(0x5F01, b"0107"),
        der.encode(0x5F36, b"040000"),
        der.encode(0x5C, tags),
    )


def build_dg1(citizen: CitizenData) -> bytes:
    """EF.DG1: document number = last nine digits, all twelve in optional data 1, names without diacritics."""
    zone = build_td1(
        document_number=citizen.personal_number[-9:],
        optional_1=vietnamese_optional_1(citizen.personal_number),
        birth_yymmdd=f"{citizen.birth_date:%y%m%d}",
        sex=citizen.sex,
        expiry_yymmdd=mrz_expiry(citizen),
        surname=citizen.surname,
        given_names=citizen.given_names,
    )
    return der.encode(0x61, der.encode(0x5F1F, zone.encode("ascii")))


def build_dg2(portrait: bytes) -> bytes:
    """EF.DG2 with one ISO/IEC 19794-5:2005 face; the image stays as it is, its size is left to the image."""
    jpeg2000 = not portrait.startswith(b"\xff\xd8")
    image = struct.pack(">BBHHBBHH", 1, int(jpeg2000), 0, 0, 1, 0, 0, 0) + portrait
    face = struct.pack(">IHBBB3sH3s3s", 20 + len(image), 0, 0, 0, 0, b"", 0, b"", b"") + image
    record = struct.pack(">8sIH", b"FAC\x00010\x00", 14 + len(face), 1) + face
    header = der.encode(
        0xA1,
        der.encode(0x81, b"\x02"),  # facial features
        der.encode(0x82, b"\x00"),
        der.encode(0x87, b"\x01\x01"),  # format owner ISO/IEC JTC 1/SC 37
        der.encode(0x88, b"\x00\x08"),  # format type: face
    )
    template = der.encode(0x7F60, header, der.encode(0x5F2E, record))
    return der.encode(0x75, der.encode(0x7F61, der.encode(0x02, b"\x01"), template))


def build_dg13(citizen: CitizenData) -> bytes:
    """EF.DG13 of the Vietnamese card."""
    expiry = f"{citizen.expiry_date:%d/%m/%Y}" if citizen.expiry_date else _NO_EXPIRY_TEXT
    parents = [name for name in (citizen.father_name, citizen.mother_name) if name]
    fields = (
        _text(Dg13Field.PERSONAL_NUMBER, citizen.personal_number, _PRINTABLE),
        _text(Dg13Field.FULL_NAME, citizen.full_name),
        _text(Dg13Field.BIRTH_DATE, f"{citizen.birth_date:%d/%m/%Y}", _PRINTABLE),
        _text(Dg13Field.SEX, _WORD_OF_SEX[citizen.sex]),
        _text(Dg13Field.NATIONALITY, citizen.nationality),
        _text(Dg13Field.ETHNICITY, citizen.ethnicity),
        _text(Dg13Field.RELIGION, citizen.religion),
        _text(Dg13Field.PLACE_OF_ORIGIN, citizen.origin),
        _text(Dg13Field.PLACE_OF_RESIDENCE, citizen.residence),
        _text(Dg13Field.IDENTIFYING_FEATURES, citizen.features),
        _text(Dg13Field.ISSUE_DATE, f"{citizen.issue_date:%d/%m/%Y}", _PRINTABLE),
        _text(Dg13Field.EXPIRY_DATE, expiry),
        _names(Dg13Field.PARENTS, parents),
        _names(Dg13Field.SPOUSE, [citizen.spouse_name] if citizen.spouse_name else []),
        _text(Dg13Field.OLD_NUMBER, citizen.old_number, _PRINTABLE),
        _text(Dg13Field.FIELD_16, "SAMPLE0000000000", _PRINTABLE),
    )
    return der.encode(0x6D, der.encode(der.SEQUENCE, *fields))


def mrz_expiry(citizen: CitizenData) -> str:
    """Expiry as in the MRZ; cards without one bear a date far off."""
    return f"{citizen.expiry_date:%y%m%d}" if citizen.expiry_date else _NO_EXPIRY_MRZ


def build_dg14(profile: ChipProfile = _BARE, agreement_public: bytes = b"") -> bytes:
    """EF.DG14: active authentication by ECDSA (plain, SHA-256), the PACE infos again, chip authentication.

    Args:
        profile: protocols of the chip.
        agreement_public: octets of the chip authentication key.
    """
    infos = [item.info for item in profile.pace]
    if (
        profile.active_authentication is ActiveAuthenticationKind.ECDSA
    ):  # RSA needs no entry (§9.2.4)
        digest = core.ObjectIdentifier(_ECDSA_PLAIN_SHA256).dump()
        infos.append(security_info(ACTIVE_AUTHENTICATION, integer(1), digest))
    if profile.chip_authentication:
        infos.append(profile.chip_authentication.info)
        infos.append(_agreement_key_info(profile.chip_authentication, agreement_public))
    return der.encode(0x6E, der.encode(der.SET, *sorted(infos)))


def build_card_access(profile: ChipProfile) -> bytes:
    """EF.CardAccess: what PACE needs before anybody is authenticated (ICAO 9303-11 §9.2.9)."""
    return der.encode(der.SET, *sorted(item.info for item in profile.pace))


def build_card_security(profile: ChipProfile, agreement_public: bytes) -> bytes:
    """Content of EF.CardSecurity: the PACE infos and the key of chip authentication mapping, to be signed."""
    mapping = next(item for item in profile.pace if item.mapping is PaceMapping.CHIP_AUTHENTICATION)
    key = ChipAuthenticationConfiguration(parameters=mapping.parameters)
    infos = [*(item.info for item in profile.pace), _agreement_key_info(key, agreement_public)]
    return der.encode(der.SET, *sorted(infos))


def _agreement_key_info(configuration: ChipAuthenticationConfiguration, public: bytes) -> bytes:
    """``ChipAuthenticationPublicKeyInfo`` on standardised domain parameters (ICAO 9303-11 §9.2.5)."""
    algorithm = security_info(_STANDARD_DOMAIN_PARAMETERS, integer(configuration.parameters))
    elliptic = configuration.agreement_arc == 2
    written = public if elliptic else integer(int.from_bytes(public, "big"))
    key = der.encode(der.SEQUENCE, algorithm, der.encode(0x03, b"\x00", written))
    key_id = b"" if configuration.key_id is None else integer(configuration.key_id)
    return security_info(f"{_PUBLIC_KEY}.{configuration.agreement_arc}", key, key_id)


def build_dg15(public_key: bytes) -> bytes:
    """EF.DG15 around a DER SubjectPublicKeyInfo."""
    return der.encode(0x6F, public_key)


def build_security_object(data_groups: Mapping[int, bytes]) -> bytes:
    """DER ``LDSSecurityObject`` with SHA-256."""
    hashes = (
        der.encode(
            der.SEQUENCE,
            core.Integer(number).dump(),
            der.encode(der.OCTET_STRING, hashlib.sha256(data).digest()),
        )
        for number, data in sorted(data_groups.items())
    )
    algorithm = der.encode(der.SEQUENCE, core.ObjectIdentifier(_SHA256).dump())
    return der.encode(
        der.SEQUENCE, core.Integer(0).dump(), algorithm, der.encode(der.SEQUENCE, *hashes)
    )


def _text(index: Dg13Field, text: str, tag: int = _UTF8) -> bytes:
    value = der.encode(tag, text.encode()) if text else b""
    return der.encode(der.SEQUENCE, core.Integer(int(index)).dump(), value)


def _names(index: Dg13Field, names: list[str]) -> bytes:
    listed = (der.encode(der.SEQUENCE, der.encode(_UTF8, name.encode())) for name in names)
    return der.encode(der.SEQUENCE, core.Integer(int(index)).dump(), *listed)

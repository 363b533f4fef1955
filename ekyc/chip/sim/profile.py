"""What a simulated chip is personalised with, and how it behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from asn1crypto import core

from ekyc.chip.sim.active_authentication import ActiveAuthenticationKind
from ekyc.chip.sim.ciphers import Cipher
from ekyc.chip.sim.commands import Status
from ekyc.chip.sim.groups import EcGroup, ModpGroup, standard_group
from ekyc.errors import InputError
from ekyc.pki import der

_PACE: Final = "0.4.0.127.0.7.2.2.4"
_CHIP_AUTHENTICATION: Final = "0.4.0.127.0.7.2.2.3"
_PACE_VERSION: Final = 2
_CHIP_AUTHENTICATION_VERSION: Final = 1
_FIRST_CURVE: Final = 8
BRAINPOOL_P256: Final = 13
"""Standardised domain parameters of brainpoolP256r1 (ICAO 9303-11 §9.5.1)."""


class AccessProtocol(Enum):
    """How a terminal may show that it was given the document."""

    BAC = "BAC"
    PACE = "PACE"


class PaceMapping(Enum):
    """Mappings of PACE (ICAO 9303-11 §4.4.3.3)."""

    GENERIC = "GM"
    INTEGRATED = "IM"
    CHIP_AUTHENTICATION = "CAM"


# Arc of the mapping in the object identifier: over prime fields, over curves (ICAO 9303-11 §9.2.3).
_ARCS: Final = {
    PaceMapping.GENERIC: (1, 2),
    PaceMapping.INTEGRATED: (3, 4),
    PaceMapping.CHIP_AUTHENTICATION: (6, 6),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceConfiguration:
    """One ``PACEInfo``."""

    mapping: PaceMapping = PaceMapping.GENERIC
    cipher: Cipher = Cipher.AES_128
    parameters: int = BRAINPOOL_P256
    """Number of standardised domain parameters."""

    @property
    def oid(self) -> str:
        return f"{_PACE}.{_ARCS[self.mapping][self.parameters >= _FIRST_CURVE]}.{self.cipher.value}"

    @property
    def info(self) -> bytes:
        """DER ``PACEInfo``."""
        return security_info(self.oid, integer(_PACE_VERSION), integer(self.parameters))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthenticationConfiguration:
    """One ``ChipAuthenticationInfo``; the key lies in a standardised group."""

    cipher: Cipher = Cipher.AES_128
    parameters: int = BRAINPOOL_P256
    key_id: int | None = None

    @property
    def oid(self) -> str:
        return f"{_CHIP_AUTHENTICATION}.{self.agreement_arc}.{self.cipher.value}"

    @property
    def agreement_arc(self) -> int:
        """1 over a prime field, 2 over a curve (ICAO 9303-11 §9.2.5)."""
        return 2 if self.parameters >= _FIRST_CURVE else 1

    @property
    def info(self) -> bytes:
        """DER ``ChipAuthenticationInfo``."""
        key_id = b"" if self.key_id is None else integer(self.key_id)
        return security_info(self.oid, integer(_CHIP_AUTHENTICATION_VERSION), key_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipProfile:
    """Protocols and files of a chip. The default follows what is known of the Vietnamese card.

    On record are BAC, EF.CardAccess, keys in DG14 and DG15, and a locked DG3; which algorithms a real card uses is
    not published, so those of the default are a choice.
    """

    pace: tuple[PaceConfiguration, ...] = (PaceConfiguration(),)
    chip_authentication: ChipAuthenticationConfiguration | None = ChipAuthenticationConfiguration()
    active_authentication: ActiveAuthenticationKind = ActiveAuthenticationKind.ECDSA
    """Kind of the key in DG15."""
    fingerprints: bool = False
    """List a DG3 in EF.COM and EF.SOD. Nobody can read it: that needs terminal authentication."""

    @property
    def card_security(self) -> bool:
        """Whether the chip has EF.CardSecurity: chip authentication mapping needs its key there."""
        return any(item.mapping is PaceMapping.CHIP_AUTHENTICATION for item in self.pace)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardQuirks:
    """Ways in which cards in the field differ. The default is a chip that follows the standard."""

    select_mf: int = Status.OK
    """Status of SELECT MF."""
    pace_passwords: frozenset[int] = field(default=frozenset({1, 2}))
    """Password references that PACE takes: 1 the MRZ, 2 the CAN (ICAO 9303-11 §4.4.4.1)."""
    extended_length: bool = False
    """Whether extended length is understood; where not, such a command is answered 6700 and nothing else happens."""
    end_of_file: int = Status.END_OF_FILE
    """Status where fewer bytes are left than were asked for."""
    max_response: int = 256
    """Most bytes of data in a response of short length."""


VIETNAMESE_QUIRKS: Final = CardQuirks(select_mf=Status.INSTRUCTION, pace_passwords=frozenset({2}))
"""SELECT MF is answered 6D00 though EF.CardAccess can be selected at once; PACE takes the CAN only."""


def agreement_group(profile: ChipProfile) -> EcGroup | ModpGroup:
    """The group of the chip's static key: that of chip authentication, else of PACE.

    Raises:
        InputError: ``chip.sim_profile``: the static key would have to lie in two groups; or chip authentication mapping
            would need a curve and has none.
    """
    mapped = {
        item.parameters for item in profile.pace if item.mapping is PaceMapping.CHIP_AUTHENTICATION
    }
    numbers = set(mapped)
    if profile.chip_authentication:
        numbers.add(profile.chip_authentication.parameters)
    group = standard_group(min(numbers, default=BRAINPOOL_P256))
    if len(numbers) > 1 or (mapped and not isinstance(group, EcGroup)):
        raise InputError("one static key serves one group", code="chip.sim_profile")
    return group


def security_info(oid: str, *fields: bytes) -> bytes:
    """DER ``SecurityInfo``."""
    return der.encode(der.SEQUENCE, core.ObjectIdentifier(oid).dump(), *fields)


def integer(value: int) -> bytes:
    """DER INTEGER."""
    encoded: bytes = core.Integer(value).dump()
    return encoded

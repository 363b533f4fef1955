"""One secret of the verifier, made into all that a phone puts to a chip whose files it uploads.

The verifier keeps 32 random bytes, once and for a short time. From them follow, by HKDF (RFC 5869) under different
labels, so that none tells of another:

1. the nonce of active authentication;
2. for one EF.DG14, the ephemeral key of chip authentication. The label holds the SHA-256 of the file: a secret that was
   asked for with one DG14 has another key for every other, so an answer fits only the file that it was asked for with.

Nothing of the chip needs to be stored with the secret, which matters: a chip's public key names its bearer.

The phone does what it does in its own session, and lets the verifier have the last word (ICAO 9303-11 §6.2):

1. It opens the chip by BAC or PACE, reads the files and puts the nonce to it.
2. It sends :attr:`ChipAuthRequest.agreement_commands`, each protected by its own session keys.
3. It sends :attr:`ChipAuthRequest.first_command` as it is. It is protected by keys that only verifier and chip know.
4. It uploads the response to (3), which it can neither read nor make. Its own session is over.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ekyc.chip.active_auth import NONCE_BYTES
from ekyc.chip.apdu import CommandApdu
from ekyc.chip.chip_auth import ChipAuthChallenge
from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.protocol_infos import ChipAuthenticationInfo, offered_chip_authentication
from ekyc.errors import InputError, LimitError
from ekyc.values import Redacted

SECRET_BYTES: Final = 32
MAX_DG14_BYTES: Final = 16 * 1024
"""Bound on an EF.DG14 that a challenge is asked for with; real ones have some hundred bytes."""

_NONCE_LABEL: Final = b"ekyc upload: nonce of active authentication"
_KEY_LABEL: Final = b"ekyc upload: ephemeral key of chip authentication "
_EXCESS_BYTES: Final = 16
"""So many more than the key's bound has, so that the remainder is as good as evenly spread (FIPS 186-5 A.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthRequest:
    """What a phone sends to the chip for the verifier. Nothing in it is secret."""

    protocol: str
    """``CA-ECDH-AES-128``."""
    agreement_commands: tuple[CommandApdu, ...]
    """In clear; the phone protects them by the session in force."""
    first_command: CommandApdu
    """Protected already; sent as it is."""

    @classmethod
    def of(cls, challenge: ChipAuthChallenge) -> ChipAuthRequest:
        """The public side of a challenge."""
        return cls(
            protocol=challenge.info.name,
            agreement_commands=challenge.agreement_commands,
            first_command=challenge.first_command,
        )

    def as_json(self) -> dict[str, Any]:
        """JSON form: commands in hexadecimal."""
        return {
            "protocol": self.protocol,
            "agreement_commands_hex": [
                command.encode().hex() for command in self.agreement_commands
            ],
            "first_command_hex": self.first_command.encode().hex(),
        }


def chip_authentication_offer(dg14: bytes) -> ChipAuthenticationInfo:
    """The way to authenticate a chip with this EF.DG14: of those it offers, the one with the strongest cipher.

    Raises:
        LimitError: ``chip.file_too_large``.
        ChipError: ``chip.tlv.*``, ``chip.security_infos_malformed``: the file breaks its format.
        InputError: ``chip.ca_not_supported``: it offers none that is supported.
    """
    if len(dg14) > MAX_DG14_BYTES:
        raise LimitError(
            f"larger than {MAX_DG14_BYTES} bytes",
            code="chip.file_too_large",
            subject=ElementaryFile.DG14,
        )
    offers = offered_chip_authentication(parse_dg14(dg14))
    if not offers:
        raise InputError(
            "the file offers no chip authentication",
            code="chip.ca_not_supported",
            subject=ElementaryFile.DG14,
        )
    return offers[0]


def derive_nonce(secret: bytes) -> bytes:
    """The nonce of active authentication that belongs to a secret: eight bytes."""
    return _derive(secret, _NONCE_LABEL, NONCE_BYTES)


def derive_chip_authentication(secret: bytes, dg14: bytes) -> ChipAuthChallenge:
    """The challenge of chip authentication that a secret has for one EF.DG14.

    Args:
        secret: from the verifier's own store, redeemed or about to be stored.
        dg14: the file's bytes, as received.

    Raises:
        LimitError, ChipError, InputError: as :func:`chip_authentication_offer`.
    """
    info = chip_authentication_offer(dg14)
    bound = info.key.group.private_bound - 1
    size = (bound.bit_length() + 7) // 8 + _EXCESS_BYTES
    drawn = _derive(secret, _KEY_LABEL + hashlib.sha256(dg14).digest(), size)
    return ChipAuthChallenge(info, Redacted(int.from_bytes(drawn, "big") % bound + 1))


def _derive(secret: bytes, label: bytes, size: int) -> bytes:
    if len(secret) != SECRET_BYTES:
        raise InputError(f"the secret must have {SECRET_BYTES} bytes", code="chip.upload_secret")
    return HKDF(algorithm=hashes.SHA256(), length=size, salt=None, info=label).derive(secret)

"""Basic access control (ICAO 9303-11 §4.3): both sides prove to know the machine readable zone.

It keeps a stranger from skimming. It does not tell a genuine chip from a copy, and a recorded exchange can be searched
for the key: use PACE where the chip offers it.
"""

from __future__ import annotations

import hmac
from typing import Final

from ekyc.chip.access_key import MrzKey
from ekyc.chip.apdu import CommandApdu, status_error
from ekyc.chip.ciphers import DES3, MAC_BYTES, KeyUse
from ekyc.chip.program import Channel, PlainChannel, Program
from ekyc.chip.secure_messaging import SecureChannel, SecureMessaging, SessionKeys
from ekyc.errors import ChipError
from ekyc.ports import Random

_CHALLENGE_BYTES: Final = 8
_KEY_BYTES: Final = 16
_ANSWER_BYTES: Final = 32 + MAC_BYTES


def establish_bac(
    key: MrzKey, *, random: Random, channel: Channel | None = None
) -> Program[SecureChannel]:
    """Mutual authentication, then secure messaging with 3DES (ICAO 9303-11 §4.3.1).

    1. The chip gives a challenge RND.IC.
    2. The terminal encrypts RND.IFD ‖ RND.IC ‖ K.IFD and adds a checksum.
    3. The chip answers with RND.IC ‖ RND.IFD ‖ K.IC likewise; both challenges must come back.
    4. Session keys come from K.IFD xor K.IC, the counter from both challenges.

    Raises:
        ChipError: ``chip.bac_refused`` (the zone is not that of this chip, or the chip says no), ``chip.bac_failed``
            (the chip's answer does not hold), ``chip.status…``.
    """
    channel = channel or PlainChannel()
    seed = key.bac_seed.reveal()
    encryption = DES3.derive_key(seed, KeyUse.ENCRYPTION)
    mac = DES3.derive_key(seed, KeyUse.MAC)
    response = yield from channel.send(CommandApdu(0, 0x84, 0, 0, le=_CHALLENGE_BYTES))  # (1)
    if not response.ok or len(response.data) != _CHALLENGE_BYTES:
        raise status_error(response.sw, "no challenge for basic access control")
    theirs = response.data
    ours, our_key = random.token_bytes(_CHALLENGE_BYTES), random.token_bytes(_KEY_BYTES)
    cryptogram = DES3.encrypt(encryption, ours + theirs + our_key)  # (2)
    cryptogram += DES3.mac(mac, DES3.pad(cryptogram))
    response = yield from channel.send(CommandApdu(0, 0x82, 0, 0, cryptogram, le=_ANSWER_BYTES))
    if not response.ok:
        refused = status_error(response.sw, "basic access control was refused")
        raise ChipError(refused.message, code="chip.bac_refused")
    their_key = _open(response.data, encryption, mac, theirs + ours)  # (3)
    secret = bytes(a ^ b for a, b in zip(our_key, their_key, strict=True))  # (4)
    counter = int.from_bytes(theirs[4:] + ours[4:], "big")
    messaging = SecureMessaging(SessionKeys.derive(DES3, secret), counter=counter)
    return SecureChannel(messaging, beneath=channel)


def _open(answer: bytes, encryption: bytes, mac: bytes, challenges: bytes) -> bytes:
    """K.IC out of the chip's answer."""
    cryptogram, checksum = answer[:-MAC_BYTES], answer[-MAC_BYTES:]
    intact = len(answer) == _ANSWER_BYTES and hmac.compare_digest(
        DES3.mac(mac, DES3.pad(cryptogram)), checksum
    )
    if not intact:
        raise ChipError("the chip's answer is not intact", code="chip.bac_failed")
    content = DES3.decrypt(encryption, cryptogram)
    if not hmac.compare_digest(content[:_KEY_BYTES], challenges):
        raise ChipError("the chip answered another challenge", code="chip.bac_failed")
    return content[_KEY_BYTES:]

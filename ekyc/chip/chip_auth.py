"""Chip authentication (ICAO 9303-11 §6.2) and the proof of PACE with chip authentication mapping (§4.4.3.3.3).

The chip agrees on a secret with its static key, which never leaves it. A copy cannot answer one command more.

A protocol that completed is not a verdict. :class:`ChipAuthProtocolResult` says that somebody holds the private key of
*some* DG14; a cloned chip brings a DG14 of its own and gets this far too. Only :class:`VerifiedChipAuth`, made by
:func:`bind_to_passive_authentication` or :func:`bind_to_card_security`, says that the key is one that the issuer signed.

**In one round trip.** The keys follow from our ephemeral key and DG14 alone, so the first command under them is known
before the chip has said a word. A server can hand a phone all three commands at once and judge by the one response:
:class:`ChipAuthChallenge`. The same class drives the protocol where the server holds the channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ekyc.chip.apdu import CommandApdu, ResponseApdu, status_error
from ekyc.chip.lds.security_infos import SecurityInfos
from ekyc.chip.pace import CamProof
from ekyc.chip.program import PlainChannel, Program
from ekyc.chip.protocol_infos import (
    ChipAuthenticationInfo,
    ChipAuthenticationKey,
    PaceInfo,
    chip_authentication_keys,
    encode_oid,
)
from ekyc.chip.secure_messaging import SecureChannel, SecureMessaging, SessionKeys
from ekyc.errors import ChipError, EkycError, TrustError
from ekyc.outcomes import Outcome
from ekyc.pki import ChainVerdict, PassiveAuthentication, der
from ekyc.ports import Random
from ekyc.values import Redacted

if TYPE_CHECKING:
    from ekyc.chip.report import SignedFileReport  # which names VerifiedChipAuth

_DG14: Final = bytes.fromhex("010e")
_SUBJECT: Final = "EF.DG14"


class ChipAuthMethod(StrEnum):
    """How the chip proved to hold its key."""

    CHIP_AUTHENTICATION = "CA"
    PACE_CAM = "PACE-CAM"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthProtocolResult:
    """Somebody holds the private key of this public key. Whose key it is, this does not say."""

    method: ChipAuthMethod
    protocol: str
    """``CA-ECDH-AES-128``, ``PACE-ECDH-CAM-AES-128``."""
    public_key: bytes
    """Octets of the chip's static public key."""
    key_bits: int

    @property
    def weak(self) -> bool:
        """3DES, or a group of less than 112 bits of security."""
        elliptic = "ECDH" in self.protocol
        return self.protocol.endswith("3DES") or self.key_bits < (224 if elliptic else 2048)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthFailure:
    """The protocol was put to the chip, and the chip did not prove to hold its key."""

    method: ChipAuthMethod
    code: str
    """``chip.ca_invalid``: a wrong answer. ``chip.ca_refused``: the chip lists the protocol and does not take part."""

    def verify(self) -> ChipAuthProtocolResult:
        """There is nothing to verify.

        Raises:
            TrustError: ``code``.
        """
        raise TrustError("the chip did not prove to hold its key", code=self.code, subject=_SUBJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedChipAuth:
    """The private key of a public key that the document signer vouches for answered this very challenge.

    It does not say that the card lies before the bearer: the exchange may have been relayed from the genuine card.
    """

    protocol: ChipAuthProtocolResult


@dataclass(frozen=True, slots=True)
class ChipAuthChallenge:
    """One use of chip authentication: our ephemeral key, what to send, and how to judge the answer.

    Keep ``private`` on the server, use a challenge once, and let it expire.
    """

    info: ChipAuthenticationInfo
    private: Redacted[int]

    @classmethod
    def create(cls, info: ChipAuthenticationInfo, random: Random) -> ChipAuthChallenge:
        """A challenge with a fresh key."""
        return cls(info, Redacted(info.key.group.private_key(random)))

    @property
    def public(self) -> bytes:
        """Our ephemeral public key."""
        group = self.info.key.group
        return group.encode(group.multiply(self.private.reveal(), group.generator))

    @property
    def agreement_commands(self) -> tuple[CommandApdu, ...]:
        """What is to be sent under the secure messaging in force: MSE:Set KAT, or MSE:Set AT and GENERAL AUTHENTICATE."""
        info = self.info
        key_id = b"" if info.key.key_id is None else der.encode(0x84, _unsigned(info.key.key_id))
        if not info.suite.is_aes:
            return (CommandApdu(0, 0x22, 0x41, 0xA6, der.encode(0x91, self.public) + key_id),)
        public = der.encode(0x7C, der.encode(0x80, self.public))
        return (
            CommandApdu(0, 0x22, 0x41, 0xA4, der.encode(0x80, encode_oid(info.protocol)) + key_id),
            CommandApdu(0, 0x86, 0, 0, public, le=256),
        )

    @property
    def first_command(self) -> CommandApdu:
        """The first command under the new keys, ready to send: SELECT EF.DG14."""
        return self._messaging().protect(_select_dg14())

    def verify(self, response: ResponseApdu) -> tuple[ChipAuthProtocolResult, SecureMessaging]:
        """Judge the response to :attr:`first_command`, and go on with the messaging it came by.

        The checksum is the proof; the status word under it does not matter.

        Raises:
            TrustError: ``chip.ca_invalid``: a response that the holder of the private key did not make. A copy, or a
                disturbed transmission: never "not done".
        """
        messaging = self._messaging()
        messaging.protect(_select_dg14())  # counts
        try:
            messaging.unprotect(response)
        except ChipError as exc:
            raise TrustError(
                "the chip does not prove to hold its key", code="chip.ca_invalid", subject=_SUBJECT
            ) from exc
        key = self.info.key
        result = ChipAuthProtocolResult(
            method=ChipAuthMethod.CHIP_AUTHENTICATION,
            protocol=self.info.name,
            public_key=key.encoded,
            key_bits=key.group.field_prime.bit_length(),
        )
        return result, messaging

    def _messaging(self) -> SecureMessaging:
        key = self.info.key
        secret = key.group.shared_secret(self.private.reveal(), key.public)
        return SecureMessaging(SessionKeys.derive(self.info.suite, secret))


def authenticate_chip(
    info: ChipAuthenticationInfo, channel: SecureChannel, *, random: Random
) -> Program[tuple[ChipAuthProtocolResult, SecureChannel]]:
    """Run chip authentication version 1 (ICAO 9303-11 §6.2.3) over a channel in force.

    1. Send our ephemeral public key, under the old keys.
    2. Derive new keys from it and the chip's static key; the counter starts at zero.
    3. Send one command under the new keys. Its response is the proof.

    Returns:
        What was proven, and the channel to go on with. EF.DG14 is selected on it.

    Raises:
        ChipError: ``chip.ca_refused``: the chip does not take part; the old channel stays usable.
        TrustError: ``chip.ca_invalid``; there is no usable channel left.
    """
    challenge = ChipAuthChallenge.create(info, random)
    for command in challenge.agreement_commands:  # (1)
        response = yield from channel.send(command)
        if not response.ok:
            error = status_error(response.sw, "chip authentication was refused")
            raise ChipError(error.message, code="chip.ca_refused", subject=_SUBJECT)
    response = yield from PlainChannel().send(challenge.first_command)  # (2), (3)
    result, messaging = challenge.verify(response)
    return result, SecureChannel(messaging)


def verify_pace_cam(
    proof: CamProof, info: PaceInfo, keys: Iterable[ChipAuthenticationKey]
) -> ChipAuthProtocolResult:
    """Hold the proof of PACE against the chip's static keys: PK_Map,IC must be CA_IC times PK_IC (§4.4.3.3.3).

    Args:
        proof: from :func:`ekyc.chip.pace.establish_pace`.
        info: the offer that was run.
        keys: from EF.CardSecurity.

    Raises:
        TrustError: ``chip.ca_invalid``: the proof fits none of the keys.
    """
    group = info.group
    number = int.from_bytes(proof.authentication_data, "big")
    for key in keys:
        if key.group != group or not 0 < number < group.order:
            continue
        try:
            expected = group.encode(group.multiply(number, key.public))
        except EkycError:
            continue
        if expected == proof.mapping_public:
            return ChipAuthProtocolResult(
                method=ChipAuthMethod.PACE_CAM,
                protocol=info.name,
                public_key=key.encoded,
                key_bits=group.field_prime.bit_length(),
            )
    raise TrustError("the chip's proof fits none of its keys", code="chip.ca_invalid")


def bind_to_passive_authentication(
    result: ChipAuthProtocolResult, passive: PassiveAuthentication, dg14: SecurityInfos
) -> VerifiedChipAuth:
    """Make the protocol's result a verdict about the document.

    Args:
        result: of the protocol.
        passive: over the files of the document.
        dg14: parsed from the very bytes that ``passive`` looked at.

    Raises:
        TrustError: ``chip.ca_key_not_covered``: the security object does not vouch for DG14, or DG14 lacks the key.
    """
    if not passive.vouches_for(14):
        raise _not_covered()
    return _bound(result, dg14)


def bind_to_card_security(
    result: ChipAuthProtocolResult, card_security: SignedFileReport
) -> VerifiedChipAuth:
    """Make the result of PACE-CAM a verdict about the chip behind the channel.

    EF.CardSecurity names no person. The verdict extends to data groups only where they were read over the channel
    that the same run of PACE opened, and the caller sees that both files come from one state. No other check looks at
    this signer, so it must chain to an anchor: anybody can sign a card security object.

    Raises:
        TrustError: ``chip.ca_key_not_covered``: the signature does not hold, does not chain, or the key is another.
    """
    trusted = (
        card_security.signature.outcome is Outcome.PASSED
        and card_security.chain_verdict is ChainVerdict.CHAINED
    )
    if not trusted or card_security.security_infos is None:
        raise _not_covered()
    return _bound(result, card_security.security_infos)


def _bound(result: ChipAuthProtocolResult, infos: SecurityInfos) -> VerifiedChipAuth:
    if result.public_key not in {key.encoded for key in chip_authentication_keys(infos)}:
        raise _not_covered()
    return VerifiedChipAuth(protocol=result)


def _not_covered() -> TrustError:
    return TrustError(
        "nobody vouches for the chip's key", code="chip.ca_key_not_covered", subject=_SUBJECT
    )


def _select_dg14() -> CommandApdu:
    return CommandApdu(0, 0xA4, 0x02, 0x0C, _DG14)


def _unsigned(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")

"""Active authentication (ICAO 9303-11 §6.1): the chip signs the verifier's nonce with a key that cannot be copied.

A protocol that completed is not a verdict. :class:`ActiveAuthenticationResult` says that somebody holds the private key
of *some* DG15; a cloned chip brings a DG15 of its own and gets this far too. Only
:class:`VerifiedActiveAuthentication`, made by :func:`bind_to_passive_authentication`, says that the key is the one that
the issuer signed.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from ekyc.errors import InputError, TrustError
from ekyc.pki import PassiveAuthentication
from ekyc.pki.keys import EcPublicKey, PublicKey, RsaPublicKey
from ekyc.pki.signatures import WEAK_DIGESTS, verify_ecdsa

NONCE_BYTES: Final = 8
"""Length of RND.IFD (ICAO 9303-11 §6.1.2)."""

_MIN_RSA_BITS: Final = 1024
_HEADER: Final = 0x6A
_TRAILER_SHA1: Final = 0xBC
_TRAILER_NAMED: Final = 0xCC
# ISO/IEC 10118-3 identifiers that stand before CC (ISO/IEC 9796-2 §8.1.3, note on trailers).
_DIGEST_OF_TRAILER: Final = {
    0x33: "sha1",
    0x34: "sha256",
    0x35: "sha512",
    0x36: "sha384",
    0x38: "sha224",
    0x39: "sha512_224",
    0x3A: "sha512_256",
}
_ECDSA_DIGESTS: Final = ("sha256", "sha1", "sha384", "sha512", "sha224")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAuthenticationExchange:
    """The verifier's nonce and the chip's answer to INTERNAL AUTHENTICATE.

    The nonce comes from the verifier's own nonce store, never from what was submitted: an answer to a nonce that the
    submitter chose may have been recorded years ago.
    """

    nonce: bytes | None
    """Eight bytes; None where the verifier issued no challenge."""
    signature: bytes | None = field(repr=False)
    """The answer; None where none was submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAuthenticationResult:
    """The signature over the nonce verified with the key that was given. Whose key it is, this does not say."""

    scheme: str
    """``ecdsa``, ``ecdsa-plain`` or ``iso9796-2``."""
    digest: str
    key_bits: int

    @property
    def weak(self) -> bool:
        """SHA-1, RSA below 2048 bits, or a curve below 224.

        Collisions of SHA-1 do not help here: the nonce is the verifier's and half of the message the chip's.
        """
        minimum = 2048 if self.scheme == "iso9796-2" else 224
        return self.digest in WEAK_DIGESTS or self.key_bits < minimum


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedActiveAuthentication:
    """The private key of the DG15 that the document signer vouches for answered this very nonce.

    It does not say that the card lies before the bearer: the answer may have been relayed from the genuine card.
    """

    protocol: ActiveAuthenticationResult


def verify_active_authentication(
    key: PublicKey, *, nonce: bytes, signature: bytes, digest: str | None = None
) -> ActiveAuthenticationResult:
    """Verify the chip's signature over the nonce.

    Args:
        key: from DG15.
        nonce: RND.IFD, eight bytes.
        signature: answer to INTERNAL AUTHENTICATE.
        digest: for ECDSA, the digest that ``ActiveAuthenticationInfo`` in DG14 names. Documents without it exist;
            then every digest in use is tried.

    Raises:
        TrustError: ``chip.aa_invalid``.
        InputError: ``chip.aa_nonce`` (wrong length), ``chip.aa_unsupported`` (key too short).
    """
    if len(nonce) != NONCE_BYTES:
        raise InputError(f"the nonce must have {NONCE_BYTES} bytes", code="chip.aa_nonce")
    if isinstance(key, RsaPublicKey):
        return _verify_rsa(key, nonce, signature)
    return _verify_ecdsa(key, nonce, signature, (digest,) if digest else _ECDSA_DIGESTS)


def bind_to_passive_authentication(
    result: ActiveAuthenticationResult, passive: PassiveAuthentication
) -> VerifiedActiveAuthentication:
    """Make the protocol's result a verdict about the document.

    Raises:
        TrustError: ``chip.aa_key_not_covered`` – the security object does not vouch for the DG15 that was used;
            ``chip.aa_key_compromised`` – the issuing state itself lists such keys as known to others (ICAO 9303-3
            §7.3.5).
    """
    if not passive.vouches_for(15):
        raise TrustError("nobody vouches for the key in DG15", code="chip.aa_key_not_covered")
    deviations = passive.chain.chain.deviations
    if any(deviation.compromises_active_authentication for deviation in deviations):
        raise TrustError("the state lists the key as compromised", code="chip.aa_key_compromised")
    return VerifiedActiveAuthentication(protocol=result)


def recover_message(representative: bytes, nonce: bytes) -> tuple[bytes, str]:
    """Recover M1 from a message representative and compare its hash (ISO/IEC 9796-2:2002 §8, scheme 1, alternative 1).

    The representative is ``6A ‖ M1 ‖ H(M1 ‖ nonce) ‖ trailer``, the trailer ``BC`` (SHA-1) or ``xx CC``. M1 and the
    hash fill everything between header and trailer, so nothing can hide there; before the header stands at most the one
    zero octet that a modulus of a few bits more than whole octets leaves.

    Returns:
        M1 and the name of the digest.

    Raises:
        TrustError: ``chip.aa_invalid``.
    """
    content = representative.removeprefix(b"\x00")
    digest, trailer_bytes = _read_trailer(content)
    size = hashlib.new(digest).digest_size
    body = content[1 : len(content) - trailer_bytes]
    if content[0] != _HEADER or len(body) < size:
        raise _invalid("the recovered message has no ISO/IEC 9796-2 form")
    recovered, claimed = body[: len(body) - size], body[len(body) - size :]
    if not hmac.compare_digest(hashlib.new(digest, recovered + nonce).digest(), claimed):
        raise _invalid("the signature is not over this nonce")
    return recovered, digest


def _read_trailer(content: bytes) -> tuple[str, int]:
    if len(content) > 2 and content[-1] == _TRAILER_SHA1:
        return "sha1", 1
    if len(content) > 3 and content[-1] == _TRAILER_NAMED and content[-2] in _DIGEST_OF_TRAILER:
        return _DIGEST_OF_TRAILER[content[-2]], 2
    raise _invalid("the recovered message has an unknown trailer")


def _verify_rsa(key: RsaPublicKey, nonce: bytes, signature: bytes) -> ActiveAuthenticationResult:
    if key.bits < _MIN_RSA_BITS:
        raise InputError(f"an RSA key of {key.bits} bits", code="chip.aa_unsupported")
    size = (key.bits + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or not 0 < number < key.modulus:
        raise _invalid("the signature has another size than the key")
    recovered = pow(number, key.exponent, key.modulus)
    if recovered & 0x0F != 0x0C:  # the signer may give n - s instead of s (ISO/IEC 9796-2 §B)
        recovered = key.modulus - recovered
    _, digest = recover_message(recovered.to_bytes(size, "big"), nonce)
    return ActiveAuthenticationResult(scheme="iso9796-2", digest=digest, key_bits=key.bits)


def _verify_ecdsa(
    key: EcPublicKey, nonce: bytes, signature: bytes, digests: tuple[str, ...]
) -> ActiveAuthenticationResult:
    """Plain r‖s is the standard (BSI TR-03111); DER is what some chips send."""
    plain_first = len(signature) == 2 * ((key.bits + 7) // 8)
    for plain in (True, False) if plain_first else (False,):
        for digest in digests:
            hashed = hashlib.new(digest, nonce).digest()
            try:
                verify_ecdsa(key, digest, signature, hashed, plain=plain)
            except TrustError:
                continue
            scheme = "ecdsa-plain" if plain else "ecdsa"
            return ActiveAuthenticationResult(scheme=scheme, digest=digest, key_bits=key.bits)
    raise _invalid("the signature does not verify with the key in DG15")


def _invalid(message: str) -> TrustError:
    return TrustError(message, code="chip.aa_invalid", subject="EF.DG15")

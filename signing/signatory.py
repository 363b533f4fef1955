"""Who signs, who stamps the time, and who vouches: what every signature needs, wherever each of them lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ekyc.errors import InputError
from ekyc.ports import Clock, Random, SystemClock, SystemRandom
from ekyc.signing.keys.port import SigningKey
from ekyc.signing.validation.material import ValidationMaterial


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningIdentity:
    """A private key and the certificate that names its owner.

    Raises:
        InputError: ``signing.key.unfit``: the certificate is of another key.
    """

    key: SigningKey
    certificate_der: bytes
    issuers_der: tuple[bytes, ...] = ()
    """Certificates of the chain above, root included, without the owner's own."""

    def __post_init__(self) -> None:
        if public_key_der_of(self.certificate_der) != self.key.public_key_der:
            raise InputError("the certificate is of another key", code="signing.key.unfit")

    def __repr__(self) -> str:
        return "SigningIdentity(…)"


class Services(Protocol):
    """Time and status: what is needed to preserve a signature, without the right to make one."""

    @property
    def clock(self) -> Clock: ...

    @property
    def random(self) -> Random: ...

    def stamp(self, request_der: bytes) -> bytes:
        """Carry an RFC 3161 request to a time-stamping authority and bring back its response.

        Raises:
            UpstreamError: it does not answer.
        """
        ...

    def material(self) -> ValidationMaterial:
        """Chains and current status of everybody who signs and stamps here."""
        ...


class Signatory(Services, Protocol):
    """Services, and somebody who signs."""

    @property
    def signer(self) -> SigningIdentity: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A signatory put together from its parts."""

    signer: SigningIdentity
    ask_for_time: Callable[[bytes], bytes]
    vouch: Callable[[], ValidationMaterial]
    clock: Clock = field(default_factory=SystemClock)
    random: Random = field(default_factory=SystemRandom)

    def stamp(self, request_der: bytes) -> bytes:
        return self.ask_for_time(request_der)

    def material(self) -> ValidationMaterial:
        return self.vouch()

    def __repr__(self) -> str:
        return "Party(…)"


def public_key_der_of(certificate_der: bytes) -> bytes:
    """SubjectPublicKeyInfo of a certificate.

    Raises:
        ValueError: not a certificate.
        InputError: ``signing.key.unsupported``: its key is of a kind, or on a curve, that nobody here knows.
    """
    certificate = x509.load_der_x509_certificate(certificate_der)
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm as exc:
        raise InputError("a key of an unknown kind", code="signing.key.unsupported") from exc
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

"""What a provider does for us, and what is never left to its word.

1. The certificate is the person's: the identifier that was verified stands in its subject.
2. It is a certificate for a key that we can check, and valid now.
3. There is one value for each digest, and each is a signature of that certificate's key over that digest.

Status at the issuer, chain and anchor are the validator's questions, as for every other signature.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final, Protocol

from cryptography import x509
from cryptography.x509.oid import NameOID

from ekyc.errors import InputError, TrustError, UpstreamError
from ekyc.signing.activation.sad import ShownDocument
from ekyc.signing.keys.algorithms import SignatureAlgorithm, algorithm_of, verify_value
from ekyc.signing.keys.port import ProviderKey
from ekyc.signing.signatory import SigningIdentity, public_key_der_of

MAX_CERTIFICATE_BYTES: Final = 16 << 10
_IDENTIFIERS: Final = (NameOID.USER_ID, NameOID.SERIAL_NUMBER)


class ProviderError(UpstreamError):
    """A provider that does not do what was asked; ``code`` says in which way. Nothing of it was used.

    Codes ``signing.provider.``: ``unreachable``, ``timeout``, ``too_large``, ``malformed``, ``refused``, ``unauthorised``,
    ``declined``, ``unconfirmed``, ``lied`` (a value that does not verify), ``count``, ``certificate`` (unreadable, not valid
    now, or of a key that cannot be checked), ``other_person``, ``not_connected``.
    """

    default_code: ClassVar[str] = "signing.provider.refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCertificate:
    """A certificate of the person at a provider, checked by :func:`read_certificate`."""

    reference: str = field(repr=False)
    """By which the provider knows it: credential or serial number."""
    certificate_der: bytes = field(repr=False)
    issuers_der: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def public_key_der(self) -> bytes:
        return public_key_der_of(self.certificate_der)

    @property
    def algorithm(self) -> SignatureAlgorithm:
        return algorithm_of(self.public_key_der)


class SigningProvider(Protocol):
    """Whoever signs digests with a person's key after that person's word."""

    def certificates(self) -> tuple[ProviderCertificate, ...]:
        """Certificates of the person, fit to sign now.

        Raises:
            ProviderError: it does not answer, or with something else.
        """
        ...

    def sign(
        self, certificate: ProviderCertificate, documents: Sequence[ShownDocument]
    ) -> tuple[bytes, ...]:
        """Have digests signed. Blocks until the person has confirmed, within the provider's bounds.

        Args:
            certificate: one of :meth:`certificates`.
            documents: titles for the person's phone, and digests; 1 to 100.

        Returns:
            One value for each, in their order; each verified.

        Raises:
            ProviderError: nothing was signed, or nothing of it may be used.
        """
        ...


def identity_of(
    provider: SigningProvider, certificate: ProviderCertificate, *, title: str
) -> SigningIdentity:
    """Somebody who signs here with a key over there; for one document at a time.

    Args:
        provider: holds the key.
        certificate: of the person.
        title: what the phone says of whatever is signed.

    Raises:
        InputError: ``signing.key.unsupported``.
    """

    def ask(digest: bytes) -> bytes:
        document = ShownDocument(title=title, shown_digest=digest.hex(), to_be_signed=digest)
        (value,) = provider.sign(certificate, (document,))
        return value

    return SigningIdentity(
        key=ProviderKey(certificate.public_key_der, ask=ask),
        certificate_der=certificate.certificate_der,
        issuers_der=certificate.issuers_der,
    )


def read_certificate(
    reference: str, certificate: str, issuers: Sequence[str], *, person: str, at: datetime
) -> ProviderCertificate:
    """A certificate as a provider names it.

    Args:
        reference: by which the provider knows it.
        certificate: base64 of DER, or PEM.
        issuers: the chain above, likewise.
        person: digits of the person's verified number, which the subject must hold.
        at: now, aware.

    Raises:
        ProviderError: ``signing.provider.certificate``, ``.other_person``.
    """
    der = _der(certificate)
    try:
        parsed = x509.load_der_x509_certificate(der)
        algorithm_of(public_key_der_of(der))
    except (InputError, ValueError) as exc:
        raise _unusable("a certificate that cannot be used here") from exc
    if not parsed.not_valid_before_utc <= at <= parsed.not_valid_after_utc:
        raise _unusable("a certificate that is not valid now")
    if person not in _numbers(parsed):
        raise ProviderError(
            "the certificate does not name the person who was verified",
            code="signing.provider.other_person",
        )
    return ProviderCertificate(
        reference=reference,
        certificate_der=der,
        issuers_der=tuple(_der(issuer) for issuer in issuers),
    )


def checked(
    certificate: ProviderCertificate, documents: Sequence[ShownDocument], values: Sequence[bytes]
) -> tuple[bytes, ...]:
    """Values of a provider, once each is what was asked for.

    Raises:
        ProviderError: ``signing.provider.count``, ``.lied``.
    """
    if len(values) != len(documents):
        raise ProviderError(
            "another number of values than of digests", code="signing.provider.count"
        )
    for document, value in zip(documents, values, strict=True):
        try:
            verify_value(certificate.public_key_der, document.to_be_signed, value)
        except TrustError as exc:
            raise ProviderError(
                "the provider's answer is not a signature over what was asked",
                code="signing.provider.lied",
            ) from exc
    return tuple(values)


def _numbers(certificate: x509.Certificate) -> set[str]:
    """Numbers by which a subject names a person: ``CCCD:…`` in UID, ``PNOVN-…`` in serialNumber, or bare."""
    said: set[str] = set()
    for name in _IDENTIFIERS:
        for attribute in certificate.subject.get_attributes_for_oid(name):
            value = str(attribute.value)
            said |= {value, value.rpartition(":")[2], value.rpartition("-")[2]}
    return said


def _der(text: str) -> bytes:
    body = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    if len(body) > MAX_CERTIFICATE_BYTES * 4 // 3:
        raise _unusable("larger than any certificate")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _unusable("no certificate") from exc


def _unusable(message: str) -> ProviderError:
    return ProviderError(message, code="signing.provider.certificate")

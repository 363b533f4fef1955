"""An OCSP responder (RFC 6960): a request in, a response out. It opens no connection.

It answers for one issuer. *Good* is said only of certificates that the register knows as issued and not revoked;
of any other serial number it says *unknown*. It signs with a delegated key whose certificate it sends along
(§4.2.2.2), renewed before it runs out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from ekyc.ports import Clock
from ekyc.signing.authority.certificates import as_builder_key
from ekyc.signing.keys.port import SigningKey
from ekyc.storage import CertificateStatus

VALIDITY: Final = timedelta(hours=12)
_RENEW_BEFORE: Final = timedelta(days=7)
_MAX_REQUEST_BYTES: Final = 4096
_MAX_NONCE_BYTES: Final = 128
_HASHES: Final = {"sha1", "sha256", "sha384", "sha512"}
"""SHA-1 only names the issuer here (RFC 6960 §4.1.1), and openssl asks with nothing else by default."""
_UNACCEPTABLE: Final = (
    NotImplementedError,  # so says the parser of several questions in one request
    UnsupportedAlgorithm,
    ValueError,
    x509.DuplicateExtension,
)
"""What the parser raises on requests that are not to be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponderIdentity:
    """The delegated key and its certificate."""

    key: SigningKey
    certificate_der: bytes

    def __repr__(self) -> str:
        return "ResponderIdentity(…)"


class OcspResponder:
    """Answers for one issuer. Safe to use from many threads.

    Args:
        issuer: the authority whose certificates are asked about.
        identity: makes a fresh delegated key and certificate.
        status: what is known of a serial number; ``None``: never issued.
        clock: time of the answers.
    """

    def __init__(
        self,
        *,
        issuer: x509.Certificate,
        identity: Callable[[], ResponderIdentity],
        status: Callable[[int], CertificateStatus | None],
        clock: Clock,
    ) -> None:
        self._issuer = issuer
        self._make_identity = identity
        self._status = status
        self._clock = clock
        self._lock = Lock()
        self._identity: tuple[ResponderIdentity, x509.Certificate] | None = None

    def answer(self, request_der: bytes) -> bytes:
        """Answer a DER ``OCSPRequest`` with a DER ``OCSPResponse``, an unsuccessful one for what is unacceptable.

        Raises:
            StorageError, BusyError: the register does not answer; nothing may be said then.
        """
        try:
            request = _parse(request_der)
        except _UNACCEPTABLE:
            return _refuse(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        if not self._is_ours(request):
            return _refuse(ocsp.OCSPResponseStatus.UNAUTHORIZED)  # §2.3: not about our issuer
        return self._respond(request)

    def _respond(self, request: ocsp.OCSPRequest) -> bytes:
        identity, certificate = self._current_identity()
        now = self._clock.now().replace(microsecond=0)
        known = self._status(request.serial_number)
        verdict, revoked_at, reason = _verdict(known)
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=request.issuer_name_hash,
            issuer_key_hash=request.issuer_key_hash,
            serial_number=request.serial_number,
            algorithm=request.hash_algorithm,
            cert_status=verdict,
            this_update=now,
            next_update=now + VALIDITY,
            revocation_time=revoked_at,
            revocation_reason=reason,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        builder = builder.certificates([certificate])
        for extension in request.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, critical=False)
        response = builder.sign(as_builder_key(identity.key), hashes.SHA256())
        return response.public_bytes(Encoding.DER)

    def _is_ours(self, request: ocsp.OCSPRequest) -> bool:
        name = self._issuer.subject.public_bytes()
        key = _key_bits(self._issuer)
        algorithm = request.hash_algorithm.name
        return (
            request.issuer_name_hash == hashlib.new(algorithm, name).digest()
            and request.issuer_key_hash == hashlib.new(algorithm, key).digest()
        )

    def _current_identity(self) -> tuple[ResponderIdentity, x509.Certificate]:
        with self._lock:
            current = self._identity
            ends = current[1].not_valid_after_utc if current else None
            if current is None or ends is None or self._clock.now() > ends - _RENEW_BEFORE:
                made = self._make_identity()
                certificate = x509.load_der_x509_certificate(made.certificate_der)
                current = self._identity = (made, certificate)
            return current

    def __repr__(self) -> str:
        return "OcspResponder(…)"


def _parse(request_der: bytes) -> ocsp.OCSPRequest:
    """One question; with an algorithm that we know and a nonce of bounded length (RFC 9654 §2.1)."""
    if len(request_der) > _MAX_REQUEST_BYTES:
        raise ValueError("larger than any request")
    request = ocsp.load_der_ocsp_request(request_der)
    if request.hash_algorithm.name not in _HASHES or request.serial_number <= 0:
        raise ValueError("not a question that is answered here")
    for extension in request.extensions:
        nonce = extension.value
        if isinstance(nonce, x509.OCSPNonce) and not 0 < len(nonce.nonce) <= _MAX_NONCE_BYTES:
            raise ValueError("a nonce of another length")
    return request


def _verdict(known: CertificateStatus | None) -> tuple[Any, Any, Any]:
    """Status, time and reason of revocation, as the builder takes them."""
    if known is None:
        return ocsp.OCSPCertStatus.UNKNOWN, None, None
    if known.revoked_at is None:
        return ocsp.OCSPCertStatus.GOOD, None, None
    reason = x509.ReasonFlags(known.revocation_reason) if known.revocation_reason else None
    return ocsp.OCSPCertStatus.REVOKED, known.revoked_at.replace(microsecond=0), reason


def _key_bits(certificate: x509.Certificate) -> bytes:
    """Contents of the subjectPublicKey bit string, which the key hash is over (RFC 6960 §4.1.1): an EC point."""
    return certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _refuse(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)

"""Certification: the port behind which an authority stands, and the embedded one for tests and pilots.

A licensed authority comes in behind :class:`CertificationAuthority`. The embedded one is a SAMPLE: every subject says
so. What it issues and revokes is in the register (:class:`ekyc.storage.CertificateRegister`) before it is out.

A one-shot credential is a fresh key and a certificate of ten minutes for one act. Its certificate points to the
revocation list like any other, so that the signature can be judged long after the key is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ekyc.errors import InputError
from ekyc.ports import Clock
from ekyc.signing.authority.certificates import (
    LIFE,
    CertificateProfile,
    Issuer,
    StatusPointers,
    issue_crl,
    issue_leaf,
    sample_name,
)
from ekyc.signing.authority.ocsp import OcspResponder, ResponderIdentity
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.port import KeyStore
from ekyc.signing.keys.software import SoftwareKey
from ekyc.signing.signatory import SigningIdentity
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.storage import CertificateRegister, CertificateStatus, Revocation

CRL_RENEWAL: Final = timedelta(hours=1)
_MAX_NAME: Final = 64
"""ub-common-name and ub-serial-number (RFC 5280 appendix A.1), counted in bytes of UTF-8 as our X.509 library does: some 45
Vietnamese letters."""
_EC: Final = SignatureAlgorithm.ECDSA_P256


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectName:
    """Whom a certificate names, as the authority has verified it."""

    common_name: str
    identifier: str | None = None
    """serialNumber attribute, e.g. ``PNOVN-…`` (ETSI EN 319 412-1 §5.1.3)."""

    def __post_init__(self) -> None:
        for text in (self.common_name, self.identifier):
            if text is not None and not 0 < len(text.encode("utf-8", "surrogatepass")) <= _MAX_NAME:
                raise InputError(
                    f"a name in a certificate has 1 to {_MAX_NAME} bytes of UTF-8",
                    code="signing.subject.length",
                )

    def __repr__(self) -> str:
        return "SubjectName(…)"


class CertificationAuthority(Protocol):
    """Who certifies keys and vouches for their status."""

    def certify(
        self,
        public_key_der: bytes,
        *,
        profile: CertificateProfile,
        subject: SubjectName,
        credential: str,
    ) -> bytes:
        """DER certificate for a key.

        Args:
            public_key_der: SubjectPublicKeyInfo.
            profile: what the certificate is for.
            subject: whom it names.
            credential: what it belongs to, by a name that says nothing of a person.

        Raises:
            InputError: the authority does not issue this.
            UpstreamError, StorageError, BusyError: it could not be issued; nothing was.
        """
        ...

    def revoke(self, certificate_der: bytes, reason: x509.ReasonFlags) -> None:
        """Revoke a certificate, for good.

        Raises:
            InputError: ``signing.certificate.unknown``: not one of this authority's;
                ``signing.certificate.reason``: a reason that would take a revocation back.
        """
        ...

    def material(self) -> ValidationMaterial:
        """Its chain and current revocation lists: what a validator needs, years later too."""
        ...


class EmbeddedCa:
    """An issuing authority in this process. Safe to use from many threads.

    Args:
        issuer: certificate and key (EC P-256) of the issuing authority.
        above: DER of the certificates above it, root last.
        root_crl_der: the root's revocation list, which speaks of the issuing authority.
        register: where issued certificates and revocations are kept.
        clock: time of issue.
        pointers: what the certificates say of where status can be asked.
    """

    def __init__(
        self,
        *,
        issuer: Issuer,
        above: tuple[bytes, ...],
        root_crl_der: bytes,
        register: CertificateRegister,
        clock: Clock,
        pointers: StatusPointers | None = None,
    ) -> None:
        self._issuer = issuer
        self._register = register
        self._clock = clock
        self._pointers = pointers or StatusPointers()
        self._root_crl_der = root_crl_der
        self._lock = Lock()
        self._crl: x509.CertificateRevocationList | None = None
        public = issuer.certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        self.issuer_id: Final = hashlib.sha256(public).hexdigest()
        self.chain_der: Final = (issuer.certificate.public_bytes(Encoding.DER), *above)
        """Certificates above every end entity, root last."""
        self.responder: Final = OcspResponder(
            issuer=issuer.certificate,
            identity=self._responder_identity,
            status=self.status,
            clock=clock,
        )

    def certify(
        self,
        public_key_der: bytes,
        *,
        profile: CertificateProfile,
        subject: SubjectName,
        credential: str,
    ) -> bytes:
        """See :class:`CertificationAuthority`."""
        at = self._clock.now().replace(microsecond=0)
        name = sample_name(subject.common_name, identifier=subject.identifier)

        def make(serial: int) -> bytes:
            certificate = issue_leaf(
                self._issuer,
                public_key_der,
                profile=profile,
                subject=name,
                serial=serial,
                at=at,
                pointers=self._pointers,
            )
            return certificate.public_bytes(Encoding.DER)

        return self._register.issue(
            make,
            issuer=self.issuer_id,
            profile=profile.value,
            credential=credential,
            expires_at=at + LIFE[profile],
        )

    @contextmanager
    def one_shot(
        self,
        keys: KeyStore,
        *,
        subject: SubjectName,
        credential: str,
        algorithm: SignatureAlgorithm = _EC,
    ) -> Iterator[SigningIdentity]:
        """A fresh key with a certificate of ten minutes; the key is destroyed at the end, whatever happens."""
        with keys.one_shot(algorithm) as key:
            certificate_der = self.certify(
                key.public_key_der,
                profile=CertificateProfile.ONE_SHOT,
                subject=subject,
                credential=credential,
            )
            yield SigningIdentity(
                key=key, certificate_der=certificate_der, issuers_der=self.chain_der
            )

    def status(self, serial: int) -> CertificateStatus | None:
        """What the register knows of a certificate of this authority."""
        return self._register.status(self.issuer_id, serial)

    def revoke(self, certificate_der: bytes, reason: x509.ReasonFlags) -> None:
        """See :class:`CertificationAuthority`. The next list and OCSP response say it."""
        if reason is x509.ReasonFlags.remove_from_crl:  # readers of a list take it for good again
            raise InputError("this reason revokes nothing", code="signing.certificate.reason")
        try:
            certificate = x509.load_der_x509_certificate(certificate_der)
            certificate.verify_directly_issued_by(self._issuer.certificate)
        except (InvalidSignature, TypeError, ValueError) as exc:
            raise InputError(
                "this authority issued no such certificate", code="signing.certificate.unknown"
            ) from exc
        self._register.revoke(self.issuer_id, certificate.serial_number, reason.value)
        with self._lock:
            self._crl = None

    def crl_der(self) -> bytes:
        """The revocation list: at most an hour old, and never older than a revocation made here."""
        now = self._clock.now()
        with self._lock:
            crl = self._crl
            if crl is None or not timedelta(0) <= now - crl.last_update_utc < CRL_RENEWAL:
                der = self._register.next_crl(self.issuer_id, self._make_crl)
                crl = self._crl = x509.load_der_x509_crl(der)
        return crl.public_bytes(Encoding.DER)

    def material(self) -> ValidationMaterial:
        """See :class:`CertificationAuthority`."""
        return ValidationMaterial(
            certificates=self.chain_der, crls=(self.crl_der(), self._root_crl_der)
        )

    def _make_crl(self, number: int, revoked: tuple[Revocation, ...], at: object) -> bytes:
        del at  # the list says whole seconds
        entries = [
            (entry.serial, entry.at.replace(microsecond=0), x509.ReasonFlags(entry.reason))
            for entry in revoked
        ]
        crl = issue_crl(
            self._issuer,
            at=self._clock.now().replace(microsecond=0),
            number=number,
            revoked=entries,
        )
        return crl.public_bytes(Encoding.DER)

    def _responder_identity(self) -> ResponderIdentity:
        key = SoftwareKey.generate(_EC)
        certificate_der = self.certify(
            key.public_key_der,
            profile=CertificateProfile.OCSP_RESPONDER,
            subject=SubjectName(common_name="SAMPLE OCSP responder"),
            credential="ocsp-responder",
        )
        return ResponderIdentity(key=key, certificate_der=certificate_der)

    def __repr__(self) -> str:
        return "EmbeddedCa(SAMPLE)"

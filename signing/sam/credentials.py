"""Credentials as the signing process knows them: the record says whose and under which certificate, the store has the key."""

from __future__ import annotations

import hashlib

from cryptography import x509

from ekyc.errors import TrustError
from ekyc.ports import Random
from ekyc.signing.activation.module import Credential
from ekyc.signing.activation.remote_service import HeldCredential
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.authority.ca import CertificationAuthority, SubjectName
from ekyc.signing.authority.certificates import CertificateProfile
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.port import KeyStore
from ekyc.signing.signatory import SigningIdentity, public_key_der_of
from ekyc.storage import CertificateRegister, CredentialStore, StoredCredential


class SamCredentials:
    """Finds credentials with their keys.

    Args:
        store: their records.
        keys: their keys.
        methods: what this process's policy allows at all; no record allows more.
        register: of the embedded authorities; a revocation counts from the moment that it stands there.
    """

    def __init__(
        self,
        store: CredentialStore,
        keys: KeyStore,
        *,
        methods: frozenset[ActivationMethod],
        register: CertificateRegister | None = None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._methods = methods
        self._register = register

    def find(self, credential_id: str) -> Credential | None:
        """The credential with its key.

        Raises:
            InputError: ``signing.key.missing``, ``signing.key.unfit``: record and key store disagree.
            TrustError: ``signing.credential.disabled``, ``signing.certificate.revoked``.
            StorageError, BusyError, UpstreamError: the record or the key cannot be read.
        """
        stored = self._standing(credential_id)
        if stored is None:
            return None
        own, *above = stored.certificates
        return Credential(
            id=stored.id,
            holder=stored.holder,
            identity=SigningIdentity(
                key=self._keys.open(stored.key_label),
                certificate_der=own,
                issuers_der=tuple(above),
            ),
            methods=_methods(stored) & self._methods,
        )

    def certificate(self, credential_id: str) -> bytes | None:
        """Its certificate alone (DER); its key may be away, or destroyed.

        Raises:
            TrustError, StorageError, BusyError: as :meth:`find`.
        """
        stored = self._standing(credential_id)
        return None if stored is None else stored.certificates[0]

    def _standing(self, credential_id: str) -> StoredCredential | None:
        """The record of a credential that is neither switched off nor revoked."""
        stored = self._store.find(credential_id)
        if stored is None:
            return None
        if stored.disabled_at is not None:
            raise TrustError("the credential is switched off", code="signing.credential.disabled")
        own, *above = stored.certificates
        if above:
            self._require_not_revoked(own, issuer_der=above[0])
        return stored

    def _require_not_revoked(self, der: bytes, *, issuer_der: bytes) -> None:
        if self._register is None:
            return
        issuer = hashlib.sha256(public_key_der_of(issuer_der)).hexdigest()
        serial = x509.load_der_x509_certificate(der).serial_number
        status = self._register.status(issuer, serial)
        if status is not None and status.revoked_at is not None:
            raise TrustError("the certificate was revoked", code="signing.certificate.revoked")


class StoredDirectory:
    """Credentials without their keys: what front ends list and describe."""

    def __init__(self, store: CredentialStore) -> None:
        self._store = store

    def of_holder(self, holder: str) -> tuple[HeldCredential, ...]:
        return tuple(map(_held, self._store.of_holder(holder)))

    def find(self, credential_id: str) -> HeldCredential | None:
        stored = self._store.find(credential_id)
        return None if stored is None else _held(stored)


def open_credential(
    store: CredentialStore,
    keys: KeyStore,
    ca: CertificationAuthority,
    *,
    issuers_der: tuple[bytes, ...],
    holder: str,
    subject: SubjectName,
    profile: CertificateProfile,
    random: Random,
    algorithm: SignatureAlgorithm = SignatureAlgorithm.ECDSA_P256,
    methods: frozenset[ActivationMethod] = frozenset(ActivationMethod),
) -> str:
    """Make a key that stays, have it certified, record it; the name of the credential.

    Killed in between, it leaves a key or a certificate that nothing uses.

    Args:
        store: where it is recorded.
        keys: where the key is made.
        ca: who certifies.
        issuers_der: the chain above, root included.
        holder: SHA-256 (hex) pseudonym.
        subject: whom the certificate names, as verified.
        profile: citizen, officer or seal.
        random: for the name.
        algorithm: of the key.
        methods: ways in which the holder may authorise.

    Raises:
        InputError, UpstreamError, StorageError, BusyError: it could not be made; there is no such credential.
    """
    name = f"{profile.value}-{random.token_bytes(8).hex()}"
    key = keys.generate(name, algorithm)
    der = ca.certify(key.public_key_der, profile=profile, subject=subject, credential=name)
    store.add(
        name,
        holder=holder,
        key_label=name,
        methods=tuple(sorted(method.value for method in methods)),
        certificates=(der, *issuers_der),
    )
    return name


def _held(stored: StoredCredential) -> HeldCredential:
    own, *above = stored.certificates
    return HeldCredential(
        id=stored.id,
        holder=stored.holder,
        certificate_der=own,
        issuers_der=tuple(above),
        methods=_methods(stored),
        enabled=stored.disabled_at is None,
    )


def _methods(stored: StoredCredential) -> frozenset[ActivationMethod]:
    return frozenset(map(ActivationMethod, stored.methods))

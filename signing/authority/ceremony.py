"""The key ceremony: how the authorities of a pilot come into being, on one day, with a record.

1. A root key is made in a folder of its own, under a passphrase of its own, and certifies itself.
2. The keys of the issuing authority and of the time-stamping authority are made in another store: a folder, or a
   PKCS#11 token.
3. The root certifies both and signs its first revocation list.
4. A record says what was made when, with digests to compare on paper.

Afterwards the folder ``root`` goes offline: the authority works without it. It is needed again to renew the root's
revocation list, which lasts :data:`ROOT_CRL_LIFE`, or to revoke an authority below.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ekyc.errors import InputError, TrustError
from ekyc.files import PUBLIC, replace_file
from ekyc.ports import Clock, Random, SystemClock, SystemRandom
from ekyc.signing.authority import certificates
from ekyc.signing.authority.ca import EmbeddedCa
from ekyc.signing.authority.certificates import CertificateProfile, Issuer, StatusPointers
from ekyc.signing.authority.tsa import TimestampAuthority
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.keystore import DerivationCost, read_file, write_new
from ekyc.signing.keys.port import KeyStore
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.signatory import SigningIdentity, public_key_der_of
from ekyc.signing.validation.trust_material import read_trust_material
from ekyc.storage import CertificateRegister

ROOT_FOLDER: Final = "root"
ISSUING_FOLDER: Final = "issuing"
ROOT_CERTIFICATE: Final = "root.pem"
ISSUING_CERTIFICATE: Final = "issuing.pem"
TIMESTAMP_CERTIFICATE: Final = "timestamp.pem"
ROOT_CRL: Final = "root.crl"
RECORD: Final = "ceremony.json"
ROOT_CRL_LIFE: Final = timedelta(days=400)
_EC: Final = SignatureAlgorithm.ECDSA_P256
_ROOT_KEY, _ISSUING_KEY, _TIMESTAMP_KEY = "root", "issuing", "timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """What the service runs with after the ceremony; the root's key is no part of it."""

    ca: EmbeddedCa
    timestamp_authority: TimestampAuthority
    root_der: bytes
    """The anchor to hand to whoever validates."""


def hold_ceremony(
    folder: Path,
    *,
    root_passphrase: str,
    keys: KeyStore,
    witnesses: Sequence[str] = (),
    cost: DerivationCost | None = None,
    clock: Clock | None = None,
    random: Random | None = None,
) -> dict[str, Any]:
    """Make the authorities; the steps stand at the head of this module.

    Args:
        folder: must hold none yet. Gets the folder ``root``, certificates, the root's list and the record.
        root_passphrase: seals the root's key.
        keys: store of the issuing and time-stamping keys.
        witnesses: who was there, for the record.
        cost: of the derivation from the root's passphrase.
        clock: the time that goes into everything.
        random: source of serial numbers.

    Returns:
        The record, as written to ``ceremony.json``.

    Raises:
        InputError: ``signing.keystore.exists``, ``signing.key.exists``: a ceremony was held here already.
        UpstreamError: the token failed. What was made until then is not used by anything.
    """
    clock, random = clock or SystemClock(), random or SystemRandom()
    at = clock.now().replace(microsecond=0)
    offline = EmbeddedKeys.create(folder / ROOT_FOLDER, root_passphrase, cost=cost, random=random)
    root_key = offline.generate(_ROOT_KEY, _EC)  # (1)
    root = certificates.issue_root(
        root_key, name="SAMPLE root authority", at=at, random=random, path_length=1
    )
    by_root = Issuer(certificate=root, key=root_key)
    issuing_key = keys.generate(_ISSUING_KEY, _EC)  # (2)
    timestamp_key = keys.generate(_TIMESTAMP_KEY, _EC)
    issuing = certificates.issue_authority(  # (3)
        by_root, issuing_key.public_key_der, name="SAMPLE issuing authority", at=at, random=random
    )
    timestamper = certificates.issue_leaf(
        by_root,
        timestamp_key.public_key_der,
        profile=CertificateProfile.TIMESTAMPER,
        subject=certificates.sample_name("SAMPLE time-stamping authority"),
        serial=certificates.random_serial(random),
        at=at,
    )
    made = {
        ROOT_CERTIFICATE: root,
        ISSUING_CERTIFICATE: issuing,
        TIMESTAMP_CERTIFICATE: timestamper,
    }
    for name, certificate in made.items():
        write_new(folder / name, certificate.public_bytes(Encoding.PEM), mode=PUBLIC)
    write_new(folder / ROOT_CRL, _root_crl(by_root, at, ()), mode=PUBLIC)
    record = _record(at, keys, made, witnesses)  # (4)
    text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    write_new(folder / RECORD, text.encode(), mode=PUBLIC)
    return record


def renew_root_crl(
    folder: Path,
    *,
    root_passphrase: str,
    revoke: Sequence[bytes] = (),
    clock: Clock | None = None,
) -> bytes:
    """A new revocation list of the root, written over the old one, which its revocations are taken from.

    The old one must be of this root's key. Whether it is the latest, only the record of the ceremony's keeper says.

    Args:
        folder: of the ceremony, with the folder ``root`` brought back.
        root_passphrase: opens the root's key.
        revoke: certificates (DER) that the root issued and that are revoked from now on.
        clock: time of the list.

    Raises:
        InputError: ``signing.certificate.unknown``: the root did not issue one of them.
        TrustError: ``signing.ceremony.altered``: the root's certificate or its old list is not of the root's key.
    """
    at = (clock or SystemClock()).now().replace(microsecond=0)
    key = EmbeddedKeys.unlock(folder / ROOT_FOLDER, root_passphrase).open(_ROOT_KEY)
    root = _root_certificate(folder, key.public_key_der)
    old, old_number = _old_root_crl(folder, root)
    entries = {entry.serial_number: entry.revocation_date_utc for entry in old}
    for der in revoke:
        certificate = _issued_by(root, der)
        entries.setdefault(certificate.serial_number, at)
    issuer, revoked = Issuer(certificate=root, key=key), sorted(entries.items())
    crl_der = _root_crl(issuer, at, revoked, above=old_number)
    replace_file(folder / ROOT_CRL, crl_der, mode=PUBLIC)
    return crl_der


def open_authorities(
    folder: Path,
    *,
    keys: KeyStore,
    register: CertificateRegister,
    pointers: StatusPointers | None = None,
    clock: Clock | None = None,
    random: Random | None = None,
) -> Authorities:
    """The authorities of a ceremony, ready to work; the folder ``root`` need not be there.

    Raises:
        InputError: ``signing.keystore.missing`` (no ceremony was held here), ``signing.key.missing``,
            ``signing.key.unfit``: a key is not the one that was certified.
    """
    clock, random = clock or SystemClock(), random or SystemRandom()
    root_der, issuing_der, timestamp_der = (
        _only_certificate(folder / name)
        for name in (ROOT_CERTIFICATE, ISSUING_CERTIFICATE, TIMESTAMP_CERTIFICATE)
    )
    issuing = _identity(keys, _ISSUING_KEY, issuing_der)
    timestamper = _identity(keys, _TIMESTAMP_KEY, timestamp_der)
    ca = EmbeddedCa(
        issuer=Issuer(certificate=x509.load_der_x509_certificate(issuing_der), key=issuing.key),
        above=(root_der,),
        root_crl_der=read_file(folder / ROOT_CRL),
        register=register,
        clock=clock,
        pointers=pointers,
    )
    stamps = TimestampAuthority(
        key=timestamper.key, certificate_der=timestamp_der, clock=clock, random=random
    )
    return Authorities(ca=ca, timestamp_authority=stamps, root_der=root_der)


def open_issuing_keys(folder: Path, passphrase: str) -> EmbeddedKeys:
    """The store that ``ekyc authority ceremony`` makes where no token is named."""
    return EmbeddedKeys.unlock(folder / ISSUING_FOLDER, passphrase)


def _identity(keys: KeyStore, label: str, certificate_der: bytes) -> SigningIdentity:
    key = keys.open(label)
    certificate = x509.load_der_x509_certificate(certificate_der)
    certified = certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    if certified != key.public_key_der:
        raise InputError(
            "the key is not the one that was certified", code="signing.key.unfit", subject=label
        )
    return SigningIdentity(key=key, certificate_der=certificate_der)


def _only_certificate(path: Path) -> bytes:
    (der,) = read_trust_material(read_file(path)).certificates
    return der


def _root_certificate(folder: Path, public_key_der: bytes) -> x509.Certificate:
    """The root's certificate, if it is of the root's key."""
    try:
        root = x509.load_pem_x509_certificate(read_file(folder / ROOT_CERTIFICATE))
        same = public_key_der_of(root.public_bytes(Encoding.DER)) == public_key_der
    except ValueError as exc:
        raise _altered(ROOT_CERTIFICATE) from exc
    if not same:
        raise _altered(ROOT_CERTIFICATE)
    return root


def _old_root_crl(
    folder: Path, root: x509.Certificate
) -> tuple[x509.CertificateRevocationList, int]:
    """The root's last list and its number, if the root signed it: another one would take revocations back."""
    key = root.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey), "authorities sign with EC P-256"
    try:
        old = x509.load_der_x509_crl(read_file(folder / ROOT_CRL))
        signed = old.issuer == root.subject and old.is_signature_valid(key)
        number = old.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (ValueError, x509.ExtensionNotFound) as exc:
        raise _altered(ROOT_CRL) from exc
    if not signed:
        raise _altered(ROOT_CRL)
    return old, number


def _issued_by(root: x509.Certificate, der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.verify_directly_issued_by(root)
    except (InvalidSignature, TypeError, ValueError) as exc:
        raise InputError(
            "the root issued no such certificate", code="signing.certificate.unknown"
        ) from exc
    return certificate


def _altered(name: str) -> TrustError:
    return TrustError(
        "not of the root's key, or damaged", code="signing.ceremony.altered", subject=name
    )


def _root_crl(
    root: Issuer, at: datetime, revoked: Sequence[tuple[int, datetime]], *, above: int = 0
) -> bytes:
    crl = certificates.issue_crl(
        root,
        at=at,
        number=max(int(at.timestamp()), above + 1),  # grows, though the clock may not
        revoked=[(serial, when, None) for serial, when in revoked],
        life=ROOT_CRL_LIFE,
    )
    return crl.public_bytes(Encoding.DER)


def _record(
    at: datetime,
    keys: KeyStore,
    made: dict[str, x509.Certificate],
    witnesses: Sequence[str],
) -> dict[str, Any]:
    return {
        "format": "ekyc.signing.authority.ceremony",
        "version": 1,
        "note": "SAMPLE authorities: no legal value, not a licensed authority",
        "held_at": at.isoformat(),
        "witnesses": list(witnesses),
        "root_key": "software key in the folder root: take it offline now",
        "issuing_keys": keys.protection.value,
        "certificates": {
            name: {
                "subject": certificate.subject.rfc4514_string(),
                "serial": f"{certificate.serial_number:x}",
                "not_after": certificate.not_valid_after_utc.isoformat(),
                "sha256": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
            }
            for name, certificate in made.items()
        },
    }

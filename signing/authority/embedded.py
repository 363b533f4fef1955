"""The embedded authority: a root, a signer and a time-stamping authority in one sealed file.

It lets the whole chain run on a bare machine. It is for demonstrations and tests: its subjects say SAMPLE, its
keys are software keys (see :mod:`ekyc.signing.keys.keystore`), and the root key is online. Law asks for a licensed
certification authority and hardware keys; both come in behind :class:`~ekyc.signing.signatory.Signatory`.
"""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ekyc.errors import InputError
from ekyc.ports import Clock, Random, SystemClock, SystemRandom
from ekyc.signing.authority import certificates
from ekyc.signing.authority.certificates import CertificateProfile, Issuer
from ekyc.signing.authority.tsa import TimestampAuthority
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.keystore import DerivationCost, read_file, seal, unseal, write_new
from ekyc.signing.keys.software import SoftwareKey
from ekyc.signing.signatory import SigningIdentity
from ekyc.signing.validation.material import ValidationMaterial

KEYSTORE_NAME: Final = "keystore.json"
ROOT_NAME: Final = "root.pem"
_CRL_RENEWAL: Final = timedelta(hours=1)
_ALGORITHM: Final = SignatureAlgorithm.ECDSA_P256
_LEAVES: Final = {
    "signer": CertificateProfile.RESULT_SIGNER,
    "timestamper": CertificateProfile.TIMESTAMPER,
}


class EmbeddedAuthority:
    """Root, signer and TSA of a demonstration. Safe to use from many threads."""

    def __init__(
        self,
        *,
        root: SigningIdentity,
        signer: SigningIdentity,
        timestamper: SigningIdentity,
        clock: Clock,
        random: Random,
    ) -> None:
        self._root = root
        self.signer: Final = signer
        self.clock: Final = clock
        self.random: Final = random
        self.timestamp_authority: Final = TimestampAuthority(
            key=timestamper.key,
            certificate_der=timestamper.certificate_der,
            clock=clock,
            random=random,
        )
        self._lock = Lock()
        self._crl: x509.CertificateRevocationList | None = None

    @classmethod
    def create(
        cls,
        folder: Path,
        passphrase: str,
        *,
        signer_name: str = "SAMPLE result service",
        cost: DerivationCost | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> Self:
        """Make new keys and certificates and seal them in ``folder``.

        Writes ``keystore.json`` (mode 0600) and ``root.pem``, the anchor to hand to whoever validates.

        Raises:
            InputError: ``signing.keystore.exists``, or the passphrase is empty.
        """
        clock, random = clock or SystemClock(), random or SystemRandom()
        at = clock.now().replace(microsecond=0)
        keys = {name: SoftwareKey.generate(_ALGORITHM) for name in ("root", *_LEAVES)}
        root = certificates.issue_root(keys["root"], name="SAMPLE root", at=at, random=random)
        names = {"signer": signer_name, "timestamper": "SAMPLE time-stamping authority"}
        issued = {"root": root} | {
            leaf: certificates.issue_leaf(
                Issuer(certificate=root, key=keys["root"]),
                keys[leaf].public_key_der,
                profile=profile,
                subject=certificates.sample_name(names[leaf]),
                serial=certificates.random_serial(random),
                at=at,
            )
            for leaf, profile in _LEAVES.items()
        }
        contents = {f"{name}.key": _key_text(key) for name, key in keys.items()}
        contents |= {f"{name}.certificate": _text(c) for name, c in issued.items()}
        sealed = seal(contents, passphrase, cost=cost, random=random)
        write_new(folder / KEYSTORE_NAME, sealed)
        (folder / ROOT_NAME).write_bytes(root.public_bytes(Encoding.PEM))
        return cls._from_contents(contents, clock=clock, random=random)

    @classmethod
    def open(
        cls,
        folder: Path,
        passphrase: str,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> Self:
        """Open what :meth:`create` sealed.

        Raises:
            InputError: ``signing.keystore.missing``, ``.invalid``, ``.version``, ``.wrong_passphrase``.
        """
        contents = dict(unseal(read_file(folder / KEYSTORE_NAME), passphrase))
        return cls._from_contents(
            contents, clock=clock or SystemClock(), random=random or SystemRandom()
        )

    @property
    def root_certificate_der(self) -> bytes:
        """The trust anchor of everything this authority signs."""
        return self._root.certificate_der

    @property
    def signer_name(self) -> str:
        """Common name in the signer's certificate."""
        return certificates.common_name(self.signer.certificate_der)

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """What to pass to :func:`ekyc.signing.inspect_pdf`."""
        return (self._root.certificate_der,)

    def crl_der(self) -> bytes:
        """A revocation list that is at most an hour old."""
        now = self.clock.now().replace(microsecond=0)
        with self._lock:
            crl = self._crl
            age = now - crl.last_update_utc if crl is not None else None
            if crl is None or age is None or not timedelta(0) <= age < _CRL_RENEWAL:
                root = x509.load_der_x509_certificate(self._root.certificate_der)
                crl = self._crl = certificates.issue_crl(
                    Issuer(certificate=root, key=self._root.key),
                    at=now,
                    number=int(now.timestamp() * 1000),
                )
        return crl.public_bytes(Encoding.DER)

    def stamp(self, request_der: bytes) -> bytes:
        """See :class:`~ekyc.signing.signatory.Services`."""
        return self.timestamp_authority.answer(request_der)

    def material(self) -> ValidationMaterial:
        """See :class:`~ekyc.signing.signatory.Services`."""
        return ValidationMaterial(certificates=self.anchors, crls=(self.crl_der(),))

    @classmethod
    def _from_contents(cls, contents: dict[str, str], *, clock: Clock, random: Random) -> Self:
        try:
            root = _identity(contents, "root")
            above = (root.certificate_der,)
            signer = _identity(contents, "signer", above)
            timestamper = _identity(contents, "timestamper", above)
        except (KeyError, TypeError, ValueError, binascii.Error) as exc:
            raise InputError(
                "the keystore holds no embedded authority", code="signing.keystore.invalid"
            ) from exc
        return cls(root=root, signer=signer, timestamper=timestamper, clock=clock, random=random)

    def __repr__(self) -> str:
        return "EmbeddedAuthority(SAMPLE, software keys)"


def _identity(
    contents: dict[str, str], name: str, issuers: tuple[bytes, ...] = ()
) -> SigningIdentity:
    key = SoftwareKey.load(base64.b64decode(contents[f"{name}.key"]))
    certificate_der = base64.b64decode(contents[f"{name}.certificate"])
    x509.load_der_x509_certificate(certificate_der)
    return SigningIdentity(key=key, certificate_der=certificate_der, issuers_der=issuers)


def _key_text(key: SoftwareKey) -> str:
    return base64.b64encode(key.pkcs8_der()).decode()


def _text(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()

"""A simulated issuing authority. **Not an authority**: every name says SAMPLE, keys live in memory only."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ekyc.chip.files import ChipFiles, ElementaryFile, data_group_file
from ekyc.chip.sim.active_authentication import new_key, public_key_of
from ekyc.chip.sim.card import SimulatedCard
from ekyc.chip.sim.citizen import CitizenData
from ekyc.chip.sim.files import (
    build_card_access,
    build_card_security,
    build_com,
    build_dg1,
    build_dg2,
    build_dg13,
    build_dg14,
    build_dg15,
    build_security_object,
)
from ekyc.chip.sim.groups import random_scalar
from ekyc.chip.sim.profile import ChipProfile, agreement_group
from ekyc.pki import der
from ekyc.ports import Clock, SystemClock, SystemRandom

_LDS_SECURITY_OBJECT: Final = "2.23.136.1.1.1"
_CARD_SECURITY_OBJECT: Final = "0.4.0.127.0.7.3.2.1"
_LOCKED_FINGERPRINTS: Final = b"SAMPLE: no reader ever sees this data group"
_CSCA_LIFETIME: Final = timedelta(days=15 * 365)
_SIGNER_LIFETIME: Final = timedelta(days=11 * 365)
_BACKDATED: Final = timedelta(hours=1)


class SimulatedIssuer:
    """A country signing authority with one document signer, for demonstrations and tests.

    It announces itself: the common names of both certificates contain SAMPLE. Whoever installs its certificate as an
    anchor trusts a toy.
    """

    def __init__(
        self,
        *,
        csca: x509.Certificate,
        signer: x509.Certificate,
        signer_key: ec.EllipticCurvePrivateKey,
        clock: Clock,
    ) -> None:
        self._csca = csca
        self._signer = signer
        self._signer_key = signer_key
        self._clock = clock

    @classmethod
    def create(cls, *, country: str = "VN", clock: Clock | None = None) -> SimulatedIssuer:
        """A new authority with fresh keys (CSCA P-384, document signer P-256).

        Args:
            country: two letters.
            clock: validity and signing times; the machine's clock by default.
        """
        clock = clock or SystemClock()
        now = clock.now() - _BACKDATED
        csca_key, signer_key = (
            ec.generate_private_key(ec.SECP384R1()),
            ec.generate_private_key(ec.SECP256R1()),
        )
        csca_name = _name(country, "CSCA SAMPLE - SIMULATED, NO AUTHORITY")
        csca = _certificate(
            csca_name, csca_key, issuer=csca_name, issuer_key=csca_key, not_before=now, ca=True
        )
        signer_name = _name(country, "DS SAMPLE - SIMULATED, NO AUTHORITY")
        signer = _certificate(
            signer_name, signer_key, issuer=csca_name, issuer_key=csca_key, not_before=now, ca=False
        )
        return cls(csca=csca, signer=signer, signer_key=signer_key, clock=clock)

    @property
    def csca_certificate_der(self) -> bytes:
        """What an operator of the demonstration installs as anchor."""
        return self._csca.public_bytes(Encoding.DER)

    @property
    def csca_certificate_pem(self) -> bytes:
        return self._csca.public_bytes(Encoding.PEM)

    def issue_card(
        self, citizen: CitizenData, portrait: bytes, *, profile: ChipProfile | None = None
    ) -> SimulatedCard:
        """Personalise a chip: COM, SOD, DG1, DG2, DG13, DG14, DG15, EF.CardAccess, and keys.

        Args:
            citizen: the bearer.
            portrait: encoded JPEG or JPEG 2000.
            profile: protocols of the chip.
        """
        profile = profile or ChipProfile()
        key, group = new_key(profile.active_authentication), agreement_group(profile)
        agreement_key = random_scalar(group, SystemRandom())
        agreement_public = group.encode(group.multiply(group.generator, agreement_key))
        data_groups = {
            1: build_dg1(citizen),
            2: build_dg2(portrait),
            13: build_dg13(citizen),
            14: build_dg14(profile, agreement_public),
            15: build_dg15(public_key_of(key)),
        }
        files = {data_group_file(number).value: data for number, data in data_groups.items()}
        if profile.fingerprints:
            data_groups[3] = _LOCKED_FINGERPRINTS
        files[ElementaryFile.COM.value] = build_com(tuple(sorted(data_groups)))
        files[ElementaryFile.SOD.value] = self.sign_security_object(
            build_security_object(data_groups)
        )
        return SimulatedCard(
            files=ChipFiles.from_mapping(files),
            citizen=citizen,
            key=key,
            profile=profile,
            agreement_key=agreement_key,
            access_files=self._access_files(profile, agreement_public),
        )

    def _access_files(self, profile: ChipProfile, agreement_public: bytes) -> ChipFiles:
        files: dict[str, bytes] = {}
        if profile.pace:
            files[ElementaryFile.CARD_ACCESS.value] = build_card_access(profile)
        if profile.card_security:
            content = build_card_security(profile, agreement_public)
            files[ElementaryFile.CARD_SECURITY.value] = self._sign(_CARD_SECURITY_OBJECT, content)
        return ChipFiles.from_mapping(files)

    def sign_security_object(self, content: bytes) -> bytes:
        """EF.SOD around a DER ``LDSSecurityObject`` (ICAO 9303-10 §4.6.2)."""
        return der.encode(0x77, self._sign(_LDS_SECURITY_OBJECT, content))

    def _sign(self, content_type: str, content: bytes) -> bytes:
        """CMS ``SignedData`` of the document signer."""
        signed_attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": [content_type]}),
                cms.CMSAttribute(
                    {"type": "signing_time", "values": [_utc_time(self._clock.now())]}
                ),
                cms.CMSAttribute(
                    {"type": "message_digest", "values": [hashlib.sha256(content).digest()]}
                ),
            ]
        )
        signature = self._signer_key.sign(signed_attributes.dump(), ec.ECDSA(hashes.SHA256()))
        certificate = asn1_x509.Certificate.load(self._signer.public_bytes(Encoding.DER))
        signer_info = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    name="issuer_and_serial_number",
                    value=cms.IssuerAndSerialNumber(
                        {
                            "issuer": certificate.issuer,
                            "serial_number": certificate.serial_number,
                        }
                    ),
                ),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "signed_attrs": signed_attributes,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
                "signature": signature,
            }
        )
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
                "encap_content_info": {"content_type": content_type, "content": content},
                "certificates": [certificate],
                "signer_infos": [signer_info],
            }
        )
        info = cms.ContentInfo({"content_type": "signed_data", "content": signed})
        encoded: bytes = info.dump()
        return encoded


def _utc_time(moment: datetime) -> cms.Time:
    return cms.Time(name="utc_time", value=core.UTCTime(moment.replace(microsecond=0)))


def _name(country: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ekyc-vn simulator"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    not_before: datetime,
    ca: bool,
) -> x509.Certificate:
    """Certificate with the extensions of the CSCA or document signer profile (ICAO 9303-12 §7.1)."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + (_CSCA_LIFETIME if ca else _SIGNER_LIFETIME))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(_key_usage(ca=ca), critical=True)
    )
    if ca:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
    return builder.sign(issuer_key, hashes.SHA384())


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )

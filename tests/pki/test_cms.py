"""SignedData: what is signed, by whom, and what a forger may try."""

import hashlib
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from asn1crypto import algos, cms, core, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, TrustError
from ekyc.pki import parse_signed_data, verify_signed_data
from ekyc.pki.cms import signer_candidates

TYPE = "2.23.136.1.1.1"
CONTENT = b"the hashes of a document"


class Builder:
    """A SignedData of which every part can be changed before or after signing."""

    def __init__(self, make):
        self.csca, self.signer = make.party("CSCA"), make.party("DS")
        self.certificate = make.issue(self.signer, self.csca, ca=False)
        self.certificates = [self.certificate]
        self.attributes = [
            ("content_type", TYPE),
            ("signing_time", cms.Time(name="utc_time", value=datetime(2026, 5, 1, tzinfo=UTC))),
            ("message_digest", hashlib.sha256(CONTENT).digest()),
        ]
        self.content_type, self.content = TYPE, CONTENT
        self.serial_number = self.certificate.serial_number
        self.signer_count = 1
        self.digest = "sha256"

    def build(self):
        attributes = cms.CMSAttributes(
            [cms.CMSAttribute({"type": t, "values": [v]}) for t, v in self.attributes]
        )
        issuer = x509.Name.load(self.certificate.issuer_encoded)
        info = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                cms.IssuerAndSerialNumber({"issuer": issuer, "serial_number": self.serial_number}),
            ),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": self.digest}),
            "signed_attrs": attributes if self.attributes else None,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
            "signature": self.signer.key.sign(
                attributes.dump() if self.attributes else self.content, ec.ECDSA(hashes.SHA256())
            ),
        }
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": self.digest})],
                "encap_content_info": {"content_type": self.content_type, "content": self.content},
                "certificates": [x509.Certificate.load(c.encoded) for c in self.certificates],
                "signer_infos": [cms.SignerInfo(info)] * self.signer_count,
            }
        )
        return cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()


@pytest.fixture
def builder(make):
    return Builder(make)


def test_honest(builder):
    evidence = verify_signed_data(parse_signed_data(builder.build()))
    assert evidence.signer == builder.certificate
    assert evidence.signing_time == datetime(2026, 5, 1, tzinfo=UTC)
    assert not evidence.weak


def refused(builder):
    with pytest.raises((TrustError, InputError)) as caught:
        verify_signed_data(parse_signed_data(builder.build()))
    return caught.value.code


def test_content_changed_after_signing(builder):
    builder.content = CONTENT + b"!"
    assert refused(builder) == "cms.content_digest"


def test_content_type_changed_after_signing(builder):
    """Else a signature made for one purpose counts for another."""
    builder.content_type = "1.2.840.113549.1.7.1"
    assert refused(builder) == "cms.content_type"


def test_attributes_changed_after_signing(builder):
    data = builder.build()
    stamp = b"260501000000Z"
    assert stamp in data
    with pytest.raises(TrustError) as caught:
        verify_signed_data(parse_signed_data(data.replace(stamp, b"270501000000Z")))
    assert caught.value.code == "pki.signature_mismatch"


def test_no_signed_attributes(builder):
    builder.attributes = []
    assert refused(builder) == "cms.malformed"


@pytest.mark.parametrize("name", ["content_type", "message_digest"])
def test_required_attribute_missing(builder, name):
    builder.attributes = [item for item in builder.attributes if item[0] != name]
    assert refused(builder) == "cms.malformed"


def test_attribute_twice(builder):
    builder.attributes.append(("message_digest", hashlib.sha256(b"another").digest()))
    assert refused(builder) == "cms.malformed"


@pytest.mark.parametrize("count", [0, 2])
def test_exactly_one_signer(builder, count):
    builder.signer_count = count
    assert refused(builder) == "cms.signers"


def test_too_many_signers(builder):
    builder.signer_count = 5
    assert refused(builder) == "cms.malformed"


def test_no_certificate(builder):
    builder.certificates = []
    assert refused(builder) == "cms.no_signer_certificate"


def test_digest_nobody_uses(builder):
    builder.digest = "md5"
    assert refused(builder) == "cms.digest_unsupported"


def test_identifier_that_matches_no_certificate_falls_back(builder, make):
    """Ukraine: other string types; others: a wrong serial number. The signature decides."""
    builder.serial_number += 1
    stranger = make.issue(make.party("X"), make.party("Y"), ca=False)
    builder.certificates = [stranger, builder.certificate]
    signed = parse_signed_data(builder.build())
    assert signer_candidates(signed, signed.signers[0]) == signed.certificates
    assert verify_signed_data(signed).signer == builder.certificate


def test_certificate_swapped_for_one_with_another_key(builder, make):
    builder.certificates = [make.issue(make.party("DS"), builder.csca, ca=False)]
    assert refused(builder) == "pki.signature_mismatch"


def test_not_signed_data():
    data = cms.ContentInfo({"content_type": "data", "content": core.OctetString(b"x")}).dump()
    with pytest.raises(InputError) as caught:
        parse_signed_data(data)
    assert caught.value.code == "cms.malformed"


@pytest.mark.shared_data
@given(data=st.data())
def test_damage_anywhere_gives_typed_errors_only(shared_data, data):
    """Bytes changed, cut or doubled in a real EF.SOD (asn1crypto reads lazily and fails in many ways)."""
    names = ("SOD_AT_1", "SOD_MY_1", "SOD_NZ_1", "CARDSEC_DE_1")
    name = data.draw(st.sampled_from(names))
    content = bytearray((shared_data / "chip/sods" / f"{name}.bin").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    start = 4 if content[0] == 0x77 else 0
    with suppress(InputError, TrustError):
        verify_signed_data(parse_signed_data(bytes(content[start : cut or None])))


@pytest.mark.shared_data
def test_truncation_at_every_byte(shared_data):
    content = (shared_data / "chip/sods/CARDSEC_DE_1.bin").read_bytes()
    for end in range(len(content)):
        with pytest.raises(InputError):
            parse_signed_data(content[:end])


@given(st.binary(max_size=400))
def test_noise(data):
    with pytest.raises(InputError):
        parse_signed_data(data)

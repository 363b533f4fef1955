"""Words on status that contradict each other: the one that says *revoked* counts, whichever was read first."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from asn1crypto import cms, crl
from asn1crypto.ocsp import OCSPResponse
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags, ocsp
from cryptography.x509.oid import NameOID
from pyhanko_certvalidator.revinfo.archival import OCSPContainer
from signing_pilot import Pilot

from ekyc.errors import LimitError
from ekyc.signing import Level
from ekyc.signing.authority.certificates import StatusPointers
from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.formats.cades import sign_cades
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.trust import (
    MAX_TIMESTAMPS,
    TrustSettings,
    _judge_cms,
    judge_timestamps,
)
from ekyc.signing.validation.trust_anchors import MAX_STEPS
from ekyc.signing.validation.trust_certificate import Vouchers, judge_certificate

DIGEST = hashlib.sha256(b"content").digest()


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    pointers = StatusPointers(
        crl_url="http://status.example/ca.crl", ocsp_url="http://status.example/ocsp"
    )
    made = Pilot(tmp_path_factory.mktemp("pilot"), pointers=pointers)
    yield made
    made.close()


def response(pilot, party):
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        x509.load_der_x509_certificate(party.signer.certificate_der), pilot.issuing, SHA256()
    )
    der = pilot.ca.responder.answer(builder.build().public_bytes(Encoding.DER))
    return list(OCSPContainer.load_multi(OCSPResponse.load(der)))


def found(pilot, signed, *, lists=(), responses=()):
    settings = TrustSettings(anchors=pilot.anchors, crls=(), at=pilot.clock.now(), historical=False)
    spec = settings.spec_with(crls=map(crl.CertificateList.load, lists), ocsps=responses)
    data = cms.ContentInfo.load(signed)["content"]
    result, _ = asyncio.run(_judge_cms(data, data["signer_infos"][0], DIGEST, settings, spec))
    return str(result.ades_subindic).rsplit(".", 1)[-1]


def test_a_newer_list_is_not_hidden_by_an_older_response(pilot):
    party = pilot.party("citizen", "Nguyễn Thị Mẫu")
    signed = sign_cades(DIGEST, party, level=Level.B_B)
    good, before = response(pilot, party), pilot.ca.material().crls
    assert found(pilot, signed, lists=before, responses=good) == "OK"
    pilot.clock.advance(timedelta(minutes=5))
    pilot.ca.revoke(party.signer.certificate_der, ReasonFlags.key_compromise)
    pilot.clock.advance(timedelta(minutes=5))
    revoked, after = response(pilot, party), pilot.ca.material().crls
    assert found(pilot, signed, lists=after, responses=good) == "REVOKED_NO_POE"
    assert found(pilot, signed, lists=before, responses=revoked) == "REVOKED_NO_POE"
    assert found(pilot, signed, lists=after) == "REVOKED_NO_POE"


def test_without_any_word_on_status_nothing_passes(pilot):
    party = pilot.party("citizen", "Trần Văn Mẫu")
    signed = sign_cades(DIGEST, party, level=Level.B_B)
    assert found(pilot, signed) != "OK"


def test_timestamps_without_end_are_not_looked_at_to_the_end(pilot):
    """In a PDF they come here uncounted."""
    settings = TrustSettings(anchors=(), crls=(), at=pilot.clock.now(), historical=False)
    token = cms.ContentInfo.load(stamped(pilot))["content"]
    looked = []

    def endless():
        while True:
            looked.append(token)
            yield token

    judging = judge_timestamps(endless(), lambda _: bytes(32), settings, settings.spec_with())
    with pytest.raises(LimitError):
        asyncio.run(judging)
    assert len(looked) == MAX_TIMESTAMPS + 1


def stamped(pilot):
    party = pilot.party("citizen", "Mẫu")
    return request_token(DIGEST, ask=party.stamp, random=party.random, clock=party.clock)


def alike(count, pilot):
    """Certificates of one name, each issued by another of them, and one for somebody under that name."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(count)]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "MẪU")])
    at = pilot.clock.now()

    def made(subject, key, public):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(days=1))
            .not_valid_after(at + timedelta(days=1))
            .sign(key, SHA256())
            .public_bytes(Encoding.DER)
        )

    somebody = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ai")])
    leaf = made(somebody, keys[0], keys[0].public_key())
    return leaf, tuple(
        made(name, keys[n], keys[(n + 1) % count].public_key()) for n in range(count)
    )


@pytest.mark.parametrize("anchored", [False, True])
def test_certificates_that_name_each_other_are_not_walked_in_every_order(pilot, anchored):
    """Twelve have half a billion orders; without a bound this test does not end."""
    leaf, others = alike(12, pilot)
    anchors = others[:1] if anchored else pilot.anchors
    settings = TrustSettings(anchors=anchors, crls=(), at=pilot.clock.now(), historical=False)
    vouchers = Vouchers(
        certificate_der=leaf,
        material=ValidationMaterial(certificates=others),
        tokens=(),
        imprint=lambda _: b"",
    )
    finding = asyncio.run(judge_certificate(vouchers, settings))
    assert finding.sub_indication == "NO_CERTIFICATE_CHAIN_FOUND"


def test_the_bound_is_of_each_signature(pilot):
    party = pilot.party("citizen", "Mẫu")
    material = pilot.ca.material()
    settings = TrustSettings(anchors=pilot.anchors, crls=(), at=pilot.clock.now(), historical=False)
    vouchers = Vouchers(
        certificate_der=party.signer.certificate_der,
        material=ValidationMaterial(certificates=party.signer.issuers_der, crls=material.crls),
        tokens=(),
        imprint=lambda _: b"",
    )
    for _ in range(MAX_STEPS):
        finding = asyncio.run(judge_certificate(vouchers, settings))
        assert str(finding.indication) == "TOTAL-PASSED"

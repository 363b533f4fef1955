"""Certification: ceremony, issuing, revocation, OCSP, one-shot credentials."""

import json
from datetime import timedelta
from typing import Any

import pytest
from asn1crypto.ocsp import OCSPRequest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from hypothesis import given
from hypothesis import strategies as st
from signing_pilot import CHEAP, CITIZEN, EC, RSA, Pilot

from ekyc.errors import InputError
from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.ceremony import (
    RECORD,
    ROOT_CRL_LIFE,
    hold_ceremony,
    renew_root_crl,
)
from ekyc.signing.authority.certificates import CertificateProfile, StatusPointers, as_builder_key
from ekyc.signing.der import sequence
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.keys.software import EmbeddedKeys, SoftwareKey

KEY_COMPROMISE = x509.ReasonFlags.key_compromise


@pytest.fixture
def pilot(tmp_path):
    made = Pilot(tmp_path)
    yield made
    made.close()


def code_of(call):
    with pytest.raises(InputError) as caught:
        call()
    return caught.value.code


def extension(certificate, kind) -> Any:
    return certificate.extensions.get_extension_for_class(kind)


class TestCeremony:
    def test_root_certifies_one_authority_that_certifies_people(self, pilot):
        pilot.issuing.verify_directly_issued_by(pilot.root)
        pilot.certify().verify_directly_issued_by(pilot.issuing)
        lengths = [
            extension(c, x509.BasicConstraints).value.path_length
            for c in (pilot.root, pilot.issuing)
        ]
        assert lengths == [1, 0]

    def test_the_record_names_what_was_made(self, pilot):
        written = json.loads((pilot.folder / RECORD).read_text(encoding="utf-8"))
        assert written == pilot.record
        assert written["witnesses"] == ["Nguyễn Văn Chứng"]
        assert written["issuing_keys"] == "software"
        digest = pilot.root.fingerprint(hashes.SHA256()).hex()
        assert written["certificates"]["root.pem"]["sha256"] == digest
        assert "no legal value" in written["note"]

    def test_every_subject_says_sample(self, pilot):
        for certificate in (pilot.root, pilot.issuing, pilot.certify()):
            assert "O=SAMPLE - embedded authority\\, no legal value" in (
                certificate.subject.rfc4514_string()
            )

    def test_the_authority_works_without_the_roots_folder(self, pilot):
        (pilot.folder / "root").rename(pilot.folder / "gone")
        assert pilot.open().ca.issuer_id == pilot.ca.issuer_id

    def test_it_is_held_once(self, pilot):
        keys = EmbeddedKeys.create(pilot.folder / "more", "c", cost=CHEAP)
        again = code_of(lambda: hold_ceremony(pilot.folder, root_passphrase="a", keys=keys))
        assert again == "signing.keystore.exists"

    def test_keys_that_were_not_certified_do_not_serve(self, pilot):
        keys = EmbeddedKeys.create(pilot.folder / "more", "c", cost=CHEAP)
        assert code_of(lambda: pilot.open(keys)) == "signing.key.missing"
        for label in ("issuing", "timestamp"):
            keys.generate(label, EC)
        assert code_of(lambda: pilot.open(keys)) == "signing.key.unfit"

    def test_the_roots_list_is_renewed_and_forgets_nothing(self, pilot):
        old = x509.load_der_x509_crl((pilot.folder / "root.crl").read_bytes())
        pilot.clock.advance(timedelta(days=300))
        revoked = pilot.issuing.public_bytes(Encoding.DER)
        renew_root_crl(pilot.folder, root_passphrase="a", revoke=[revoked], clock=pilot.clock)
        pilot.clock.advance(timedelta(days=1))
        renew_root_crl(pilot.folder, root_passphrase="a", clock=pilot.clock)
        new = x509.load_der_x509_crl((pilot.folder / "root.crl").read_bytes())
        assert new.is_signature_valid(pilot.root.public_key())
        assert [entry.serial_number for entry in new] == [pilot.issuing.serial_number]
        kind = x509.CRLNumber
        numbers = [extension(crl, kind).value.crl_number for crl in (old, new)]
        assert numbers[0] < numbers[1]
        assert new.next_update_utc - new.last_update_utc == ROOT_CRL_LIFE

    def test_the_root_revokes_only_its_own(self, pilot):
        stranger = pilot.certify().public_bytes(Encoding.DER)
        code = code_of(lambda: renew_root_crl(pilot.folder, root_passphrase="a", revoke=[stranger]))
        assert code == "signing.certificate.unknown"


class TestCertificates:
    @pytest.mark.parametrize(
        ("profile", "days"), [("citizen", 365), ("officer", 1095), ("seal", 1095)]
    )
    def test_long_term_credentials(self, pilot, profile, days):
        certificate = pilot.certify(CertificateProfile(profile))
        assert certificate.not_valid_after_utc == pilot.clock.now() + timedelta(days=days)
        usage = extension(certificate, x509.KeyUsage)
        assert usage.critical
        assert usage.value.content_commitment
        assert not usage.value.digital_signature
        assert not usage.value.key_cert_sign

    def test_the_register_knows_it(self, pilot):
        certificate = pilot.certify()
        status = pilot.ca.status(certificate.serial_number)
        assert (status.profile, status.credential) == ("citizen", "c-1")
        assert status.expires_at == certificate.not_valid_after_utc

    def test_a_key_of_another_kind_is_not_certified_and_not_registered(self, pilot):
        code = code_of(
            lambda: pilot.ca.certify(
                b"junk", profile=CertificateProfile.SEAL, subject=CITIZEN, credential="c"
            )
        )
        assert code == "signing.key.unsupported"

    def test_rsa_keys_are_certified_too(self, pilot):
        key = SoftwareKey.generate(RSA)
        pilot.certify(key=key).verify_directly_issued_by(pilot.issuing)

    @pytest.mark.parametrize("name", ["", "x" * 65])
    def test_names_are_bounded(self, name):
        assert code_of(lambda: SubjectName(common_name=name)) == "signing.subject.length"

    def test_the_longest_name_is_certified(self, pilot):
        key, name = SoftwareKey.generate(EC), SubjectName(common_name="ườ" * 12 + "abcd")
        profile = CertificateProfile.CITIZEN
        assert pilot.ca.certify(key.public_key_der, profile=profile, subject=name, credential="c")

    def test_the_name_does_not_show_itself(self):
        assert "Mẫu" not in repr(CITIZEN)

    def test_pointers_are_as_configured(self, tmp_path):
        pointers = StatusPointers(
            crl_url="http://ca.example.vn/1.crl", ocsp_url="http://ca.example.vn/ocsp"
        )
        pilot = Pilot(tmp_path, pointers=pointers)
        certificate = pilot.certify()
        (point,) = extension(certificate, x509.CRLDistributionPoints).value
        assert point.full_name[0].value == "http://ca.example.vn/1.crl"
        (access,) = extension(certificate, x509.AuthorityInformationAccess).value
        assert access.access_location.value == "http://ca.example.vn/ocsp"
        pilot.close()


class TestOneShot:
    def test_lives_ten_minutes_and_points_to_the_list(self, pilot):
        with pilot.ca.one_shot(pilot.keys, subject=CITIZEN, credential="c-2") as identity:
            certificate = x509.load_der_x509_certificate(identity.certificate_der)
            digest = bytes(32)
            verify_value(identity.key.public_key_der, digest, identity.key.sign_digest(digest))
        assert certificate.not_valid_after_utc - pilot.clock.now() == timedelta(minutes=10)
        assert certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS)
        assert code_of(lambda: identity.key.sign_digest(digest)) == "signing.key.destroyed"

    def test_the_key_is_destroyed_when_the_act_fails(self, pilot):
        with (
            pytest.raises(RuntimeError),
            pilot.ca.one_shot(pilot.keys, subject=CITIZEN, credential="c-2") as identity,
        ):
            raise RuntimeError
        assert code_of(lambda: identity.key.sign_digest(bytes(32))) == "signing.key.destroyed"

    def test_each_has_a_key_of_its_own(self, pilot):
        seen = set()
        for _ in range(3):
            with pilot.ca.one_shot(pilot.keys, subject=CITIZEN, credential="c-2") as identity:
                seen.add(identity.key.public_key_der)
        assert len(seen) == 3


class TestRevocation:
    def test_the_next_list_says_it(self, pilot):
        certificate = pilot.certify()
        before = x509.load_der_x509_crl(pilot.ca.crl_der())
        assert len(before) == 0
        pilot.ca.revoke(certificate.public_bytes(Encoding.DER), KEY_COMPROMISE)
        after = x509.load_der_x509_crl(pilot.ca.crl_der())
        (entry,) = after
        assert entry.serial_number == certificate.serial_number
        assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is (
            KEY_COMPROMISE
        )
        assert after.is_signature_valid(pilot.issuing.public_key())

    def test_a_list_is_made_again_after_an_hour(self, pilot):
        first = pilot.ca.crl_der()
        pilot.clock.advance(timedelta(minutes=59))
        assert pilot.ca.crl_der() == first
        pilot.clock.advance(timedelta(minutes=2))
        assert pilot.ca.crl_der() != first

    def test_a_certificate_of_another_authority_is_not_revoked(self, pilot, tmp_path):
        other = Pilot(tmp_path / "other")
        theirs = other.certify()
        code = code_of(lambda: pilot.ca.revoke(theirs.public_bytes(Encoding.DER), KEY_COMPROMISE))
        assert code == "signing.certificate.unknown"
        other.close()

    def test_material_holds_the_chain_and_both_lists(self, pilot):
        material = pilot.ca.material()
        assert material.certificates == pilot.ca.chain_der
        issuers = {x509.load_der_x509_crl(der).issuer for der in material.crls}
        assert issuers == {pilot.issuing.subject, pilot.root.subject}
        assert material + material == material


def question(pilot, certificate, *, digest=None, nonce=None, issuer=None):
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate, issuer or pilot.issuing, digest or hashes.SHA1()
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def answered(pilot, request):
    return ocsp.load_der_ocsp_response(pilot.ca.responder.answer(request))


def test_a_builders_key_signs_and_does_nothing_else():
    key = as_builder_key(SoftwareKey.generate(EC))
    with pytest.raises(UnsupportedAlgorithm):
        key.private_numbers()


class TestOcsp:
    @pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256(), hashes.SHA512()])
    def test_good(self, pilot, digest):
        certificate = pilot.certify()
        answer = answered(pilot, question(pilot, certificate, digest=digest))
        assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
        assert answer.serial_number == certificate.serial_number
        assert answer.this_update_utc == pilot.clock.now()

    def test_revoked_with_time_and_reason(self, pilot):
        certificate = pilot.certify()
        pilot.ca.revoke(certificate.public_bytes(Encoding.DER), KEY_COMPROMISE)
        at = pilot.clock.now()
        pilot.clock.advance(timedelta(days=3))
        answer = answered(pilot, question(pilot, certificate))
        assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
        assert answer.revocation_time_utc == at
        assert answer.revocation_reason is KEY_COMPROMISE

    def test_a_serial_that_was_never_issued_is_unknown_not_good(self, pilot):
        name, key = (
            answered(pilot, question(pilot, pilot.certify())).issuer_name_hash,
            answered(pilot, question(pilot, pilot.certify())).issuer_key_hash,
        )
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, 12345, hashes.SHA1())
        answer = answered(pilot, builder.build().public_bytes(Encoding.DER))
        assert answer.certificate_status is ocsp.OCSPCertStatus.UNKNOWN

    def test_the_nonce_comes_back(self, pilot):
        answer = answered(pilot, question(pilot, pilot.certify(), nonce=b"n" * 32))
        assert extension(answer, x509.OCSPNonce).value.nonce == b"n" * 32

    def test_the_responders_certificate_is_delegated_and_signed_this(self, pilot):
        answer = answered(pilot, question(pilot, pilot.certify()))
        (responder,) = answer.certificates
        responder.verify_directly_issued_by(pilot.issuing)
        usage = extension(responder, x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.OCSP_SIGNING]
        assert extension(responder, x509.OCSPNoCheck)

    def test_the_responders_certificate_is_renewed_before_it_ends(self, pilot):
        request = question(pilot, pilot.certify())
        (first,) = answered(pilot, request).certificates
        pilot.clock.advance(timedelta(days=84))
        (second,) = answered(pilot, request).certificates
        assert first.serial_number != second.serial_number
        assert second.not_valid_after_utc > pilot.clock.now() + timedelta(days=80)

    def test_another_issuers_certificates_are_not_spoken_of(self, pilot):
        request = question(pilot, pilot.issuing, issuer=pilot.root)
        assert answered(pilot, request).response_status is (ocsp.OCSPResponseStatus.UNAUTHORIZED)

    @pytest.mark.parametrize("nonce", [b"", b"n" * 129])
    def test_a_nonce_of_another_length_is_refused(self, pilot, nonce):
        request = question(pilot, pilot.certify(), nonce=nonce)
        assert answered(pilot, request).response_status is (
            ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        )

    def test_truncated_requests_are_refused(self, pilot):
        whole = question(pilot, pilot.certify(), nonce=b"n" * 16)
        for end in range(len(whole)):
            assert answered(pilot, whole[:end]).response_status is (
                ocsp.OCSPResponseStatus.MALFORMED_REQUEST
            )

    def test_several_questions_in_one_request_are_refused(self, pilot):
        asked = OCSPRequest.load(question(pilot, pilot.certify()))
        single = asked["tbs_request"]["request_list"][0].dump()
        double = sequence(sequence(sequence(single, single)))
        assert answered(pilot, double).response_status is (
            ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        )

    def test_a_huge_request_is_refused_unread(self, pilot):
        assert len(pilot.ca.responder.answer(bytes(1 << 20))) < 20


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@given(junk=st.binary(max_size=300))
def test_junk_is_refused_and_never_raises(long_lived, junk):
    answer = answered(long_lived, junk)
    assert answer.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST

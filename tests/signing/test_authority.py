"""The embedded authority: marked as a sample, fit for its purpose, and gone without its passphrase."""

import hashlib
import json
import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ekyc.errors import InputError
from ekyc.signing import DerivationCost, EmbeddedAuthority, inspect_pdf, sign_pdf
from ekyc.signing.keys.keystore import seal
from ekyc.testing import FixedClock

CHEAP = DerivationCost(iterations=1, lanes=1, memory_kib=8)


@pytest.fixture
def certificates(authority):
    stamp = authority.timestamp_authority._certificate_der
    ders = (authority.root_certificate_der, authority.signer.certificate_der, stamp)
    return [x509.load_der_x509_certificate(der) for der in ders]


def test_every_subject_says_sample(certificates):
    for certificate in certificates:
        (organisation,) = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        assert organisation.value.startswith("SAMPLE")
        assert "no legal value" in organisation.value


def test_the_root_may_issue_and_the_leaves_may_not(certificates):
    ca = [c.extensions.get_extension_for_class(x509.BasicConstraints).value for c in certificates]
    assert [constraint.ca for constraint in ca] == [True, False, False]
    assert ca[0].path_length == 0


def test_each_key_may_do_one_thing_only(certificates):
    root, signer, stamp = (
        c.extensions.get_extension_for_class(x509.KeyUsage) for c in certificates
    )
    assert root.critical
    assert root.value.key_cert_sign
    assert root.value.crl_sign
    assert not root.value.digital_signature
    assert signer.value.content_commitment
    assert not signer.value.digital_signature
    assert stamp.value.digital_signature
    assert not stamp.value.content_commitment


def test_the_timestamp_certificate_carries_the_critical_purpose_alone(certificates):
    usage = certificates[2].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]


def test_the_root_signed_the_leaves_and_they_point_to_its_crl(certificates):
    root, *leaves = certificates
    for leaf in leaves:
        leaf.verify_directly_issued_by(root)
        pointers = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert pointers[0].full_name[0].value == root.subject


def test_serial_numbers_differ_and_are_positive(certificates):
    serials = {certificate.serial_number for certificate in certificates}
    assert len(serials) == 3
    assert all(0 < serial < 1 << 159 for serial in serials)


def test_the_crl_is_signed_by_the_root_and_renewed_after_an_hour(tmp_path):
    clock = FixedClock()
    authority = EmbeddedAuthority.create(tmp_path, "x", cost=CHEAP, clock=clock)
    first = authority.crl_der()
    clock.advance(timedelta(minutes=59))
    assert authority.crl_der() == first
    clock.advance(timedelta(minutes=2))
    renewed = x509.load_der_x509_crl(authority.crl_der())
    old = x509.load_der_x509_crl(first)
    root = x509.load_der_x509_certificate(authority.root_certificate_der)
    assert renewed.is_signature_valid(root.public_key())
    number = x509.CRLNumber
    assert (
        renewed.extensions.get_extension_for_class(number).value.crl_number
        > old.extensions.get_extension_for_class(number).value.crl_number
    )


def test_what_was_created_can_be_opened_and_signs_under_the_same_root(tmp_path, plain_pdf):
    created = EmbeddedAuthority.create(tmp_path, "mật khẩu", cost=CHEAP)
    opened = EmbeddedAuthority.open(tmp_path, "mật khẩu")
    assert opened.anchors == created.anchors
    report = inspect_pdf(
        sign_pdf(plain_pdf, opened), anchors=[(tmp_path / "root.pem").read_bytes()]
    )
    assert report.outcome == "PASSED"


def test_the_keystore_is_private_and_holds_no_plain_key(tmp_path):
    EmbeddedAuthority.create(tmp_path, "x", cost=CHEAP)
    path = tmp_path / "keystore.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in path.read_bytes()
    assert set(json.loads(path.read_bytes())) == {
        "format",
        "version",
        "note",
        "kdf",
        "cipher",
        "ciphertext",
    }


def test_a_wrong_passphrase_opens_nothing(tmp_path):
    EmbeddedAuthority.create(tmp_path, "x", cost=CHEAP)
    with pytest.raises(InputError) as caught:
        EmbeddedAuthority.open(tmp_path, "y")
    assert caught.value.code == "signing.keystore.wrong_passphrase"


def test_an_authority_is_not_created_over_another(tmp_path):
    first = EmbeddedAuthority.create(tmp_path, "x", cost=CHEAP)
    with pytest.raises(InputError) as caught:
        EmbeddedAuthority.create(tmp_path, "x", cost=CHEAP)
    assert caught.value.code == "signing.keystore.exists"
    assert EmbeddedAuthority.open(tmp_path, "x").anchors == first.anchors


@pytest.mark.parametrize("contents", [{}, {"root.key": "!!", "root.certificate": ""}])
def test_a_keystore_of_something_else_is_refused(tmp_path, contents):
    (tmp_path / "keystore.json").write_bytes(seal(contents, "x", cost=CHEAP))
    with pytest.raises(InputError) as caught:
        EmbeddedAuthority.open(tmp_path, "x")
    assert caught.value.code == "signing.keystore.invalid"


def test_it_never_shows_its_keys(authority):
    shown = repr(authority) + repr(authority.signer)
    assert "SAMPLE" in shown
    secret = authority.signer.key.pkcs8_der()
    assert repr(secret)[2:40] not in shown
    assert shown.count("…") == 1


def test_signer_key_fits_its_certificate(authority, certificates):
    digest = hashlib.sha256(b"x").digest()
    certificates[1].public_key().verify(
        authority.signer.key.sign_digest(digest),
        b"x",
        ECDSA(certificates[1].signature_hash_algorithm),
    )

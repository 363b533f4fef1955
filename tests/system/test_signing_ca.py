"""openssl judges the embedded certification authority: chains, revocation list, OCSP responder."""

import shutil
import subprocess

import pytest
from asn1crypto import pem
from cryptography import x509

from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.ceremony import hold_ceremony, open_authorities
from ekyc.signing.authority.certificates import CertificateProfile
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import EmbeddedKeys, SoftwareKey
from ekyc.storage import Storage

pytestmark = pytest.mark.system

NAME = SubjectName(common_name="Nguyễn Thị Mẫu", identifier="PNOVN-000000000001")


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    """A ceremony; three certificates, of which one is revoked; lists and chains as openssl wants them."""
    place = tmp_path_factory.mktemp("ca")
    keys = EmbeddedKeys.create(place / "issuing", "b")
    hold_ceremony(place, root_passphrase="a", keys=keys)
    with Storage.open(place / "state.sqlite3") as storage:
        authorities = open_authorities(place, keys=keys, register=storage.certificates)
        ca = authorities.ca

        def certify(name, algorithm, profile):
            key = SoftwareKey.generate(algorithm)
            der = ca.certify(key.public_key_der, profile=profile, subject=NAME, credential=name)
            (place / f"{name}.pem").write_bytes(pem.armor("CERTIFICATE", der))
            return der

        certify("citizen", SignatureAlgorithm.RSA_PSS_3072, CertificateProfile.CITIZEN)
        certify("seal", SignatureAlgorithm.ECDSA_P256, CertificateProfile.SEAL)
        revoked = certify("revoked", SignatureAlgorithm.ECDSA_P256, CertificateProfile.CITIZEN)
        with ca.one_shot(keys, subject=NAME, credential="one-shot") as identity:
            (place / "one-shot.pem").write_bytes(pem.armor("CERTIFICATE", identity.certificate_der))
        ca.revoke(revoked, x509.ReasonFlags.key_compromise)
        (place / "issuing.crl").write_bytes(ca.crl_der())
        crls = [(place / "root.crl").read_bytes(), ca.crl_der()]
        (place / "lists.pem").write_bytes(b"".join(pem.armor("X509 CRL", crl) for crl in crls))
        yield place, ca


@pytest.fixture
def openssl(pilot):
    place, _ = pilot

    def run(*arguments):
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed on this machine")
        done = subprocess.run(
            ["openssl", *arguments],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    return run


CHAIN = ("-CAfile", "root.pem", "-untrusted", "issuing.pem", "-x509_strict")
BELIEVE = ("ocsp", "-reqin", "request.der", "-respin", "answer.der", "-resp_text", *CHAIN[:2])
BELIEVE += ("-verify_other", "issuing.pem")
CRLS = ("-crl_check_all", "-CRLfile", "lists.pem")


@pytest.mark.parametrize("name", ["citizen", "seal", "one-shot", "timestamp"])
def test_a_certificate_leads_to_the_root_and_is_on_no_list(openssl, name):
    status, said = openssl("verify", *CHAIN, *CRLS, f"{name}.pem")
    assert status == 0, said


def test_the_revoked_one_is_on_the_list(openssl):
    status, said = openssl("verify", *CHAIN, *CRLS, "revoked.pem")
    assert status != 0
    assert "certificate revoked" in said


@pytest.mark.parametrize("digest", [(), ("-sha256",)])
@pytest.mark.parametrize(
    ("name", "word"), [("citizen", "good"), ("one-shot", "good"), ("revoked", "revoked")]
)
def test_the_responder_is_believed(openssl, pilot, name, word, digest):
    place, ca = pilot
    about = (*digest, "-issuer", "issuing.pem", "-cert", f"{name}.pem")
    status, said = openssl("ocsp", *about, "-reqout", "request.der")
    assert status == 0, said
    (place / "answer.der").write_bytes(ca.responder.answer((place / "request.der").read_bytes()))
    status, said = openssl(*BELIEVE)
    assert "Response verify OK" in said
    assert "Nonce Verify error" not in said
    assert f"Cert Status: {word}" in said
    assert ("keyCompromise" in said) == (word == "revoked")


def test_an_altered_answer_is_not_believed(openssl, pilot):
    place, ca = pilot
    about = ("-issuer", "issuing.pem", "-cert", "citizen.pem")
    openssl("ocsp", *about, "-reqout", "request.der")
    answer = bytearray(ca.responder.answer((place / "request.der").read_bytes()))
    answer[len(answer) // 3] ^= 1
    (place / "answer.der").write_bytes(answer)
    _, said = openssl(*BELIEVE)
    assert "Response verify OK" not in said

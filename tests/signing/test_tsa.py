"""The timestamp authority and its client."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from asn1crypto import cms, tsp
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import UpstreamError
from ekyc.ports import SystemRandom
from ekyc.signing.authority.certificates import (
    CertificateProfile,
    Issuer,
    issue_leaf,
    issue_root,
    sample_name,
)
from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.authority.tsa import POLICY_OID, TimestampAuthority
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import SoftwareKey
from ekyc.testing import FixedClock

DIGEST = hashlib.sha256(b"x").digest()
CLOCK = FixedClock()


@pytest.fixture(scope="module")
def tsa():
    algorithm = SignatureAlgorithm.ECDSA_P256
    random, key, root_key = SystemRandom(), *(SoftwareKey.generate(algorithm) for _ in range(2))
    root = issue_root(root_key, name="root", at=CLOCK.now(), random=random)
    certificate = issue_leaf(
        Issuer(certificate=root, key=root_key),
        key.public_key_der,
        profile=CertificateProfile.TIMESTAMPER,
        subject=sample_name("tsa"),
        serial=1,
        at=CLOCK.now(),
    )
    der = certificate.public_bytes(Encoding.DER)
    return TimestampAuthority(key=key, certificate_der=der, clock=CLOCK, random=random)


def request(**changed):
    fields = {
        "version": "v1",
        "message_imprint": {
            "hash_algorithm": {"algorithm": "sha256"},
            "hashed_message": DIGEST,
        },
        "cert_req": True,
        **changed,
    }
    return tsp.TimeStampReq({k: v for k, v in fields.items() if v is not None}).dump()


def statement(answer):
    return answer["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed


def test_the_token_says_what_was_asked(tsa):
    answer = tsp.TimeStampResp.load(tsa.answer(request(nonce=12345)), strict=True)
    said = statement(answer)
    assert answer["status"]["status"].native == "granted"
    assert said["version"].native == "v1"
    assert said["policy"].native == POLICY_OID
    assert said["message_imprint"]["hashed_message"].native == DIGEST
    assert said["nonce"].native == 12345
    assert said["gen_time"].native == CLOCK.now()
    assert said["accuracy"]["seconds"].native == 1
    assert said["tsa"].chosen.native["common_name"] == "tsa"


def test_the_signature_holds_and_names_its_certificate(tsa):
    content = tsp.TimeStampResp.load(tsa.answer(request()))["time_stamp_token"]["content"]
    (signer,) = content["signer_infos"]
    attributes = {a["type"].native: a["values"][0].native for a in signer["signed_attrs"]}
    said = bytes(content["encap_content_info"]["content"])
    assert attributes["message_digest"] == hashlib.sha256(said).digest()
    assert attributes["content_type"] == "tst_info"
    key = load_der_x509_certificate(tsa._certificate_der).public_key()
    signed = b"\x31" + signer["signed_attrs"].dump()[1:]
    key.verify(signer["signature"].native, signed, ECDSA(SHA256()))


def test_the_certificate_comes_only_when_asked_for(tsa):
    def certificates(cert_req):
        answer = tsp.TimeStampResp.load(tsa.answer(request(cert_req=cert_req)))
        return answer["time_stamp_token"]["content"]["certificates"]

    assert len(certificates(True)) == 1
    assert certificates(False).native is None


def test_no_nonce_asked_no_nonce_answered(tsa):
    assert statement(tsp.TimeStampResp.load(tsa.answer(request())))["nonce"].native is None


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_longer_digests(tsa, algorithm):
    digest = hashlib.new(algorithm, b"x").digest()
    imprint = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}
    said = statement(tsp.TimeStampResp.load(tsa.answer(request(message_imprint=imprint))))
    assert said["message_imprint"]["hashed_message"].native == digest


@pytest.mark.parametrize(
    ("changed", "failure"),
    [
        ({"version": 2}, "bad_request"),
        (
            {
                "message_imprint": {
                    "hash_algorithm": {"algorithm": "sha1"},
                    "hashed_message": bytes(20),
                }
            },
            "bad_alg",
        ),
        (
            {
                "message_imprint": {
                    "hash_algorithm": {"algorithm": "sha256"},
                    "hashed_message": bytes(31),
                }
            },
            "bad_data_format",
        ),
        ({"req_policy": "1.2.3.4"}, "unaccepted_policy"),
        (
            {"extensions": [{"extn_id": "1.2.3", "critical": False, "extn_value": b"\x05\x00"}]},
            "unaccepted_extensions",
        ),
        ({"nonce": 1 << 600}, "bad_request"),
    ],
)
def test_what_it_does_not_accept_it_refuses_by_name(tsa, changed, failure):
    status = cms.SequenceOf.load(tsa.answer(request(**changed)), spec=tsp.PKIStatusInfo)[0]
    assert status["status"].native == "rejection"
    assert status["fail_info"].native == {failure}


@given(st.binary(max_size=300))
def test_junk_is_refused_and_never_raises(tsa, junk):
    assert tsa.answer(junk).hex() == "30093007020102030202" + "04"


def test_truncated_requests_are_refused(tsa):
    whole = request(nonce=1)
    for end in range(len(whole)):
        status = cms.SequenceOf.load(tsa.answer(whole[:end]), spec=tsp.PKIStatusInfo)[0]
        assert status["status"].native == "rejection"


def test_a_huge_request_is_refused_unread(tsa):
    assert len(tsa.answer(bytes(1 << 20))) < 20


def test_serial_numbers_never_repeat_among_threads(tsa):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: tsa.answer(request()), range(64)))
    serials = {statement(tsp.TimeStampResp.load(a))["serial_number"].native for a in answers}
    assert len(serials) == 64


def test_time_moves_with_the_clock(tsa):
    before = statement(tsp.TimeStampResp.load(tsa.answer(request())))["gen_time"].native
    CLOCK.advance(timedelta(hours=1))
    after = statement(tsp.TimeStampResp.load(tsa.answer(request())))["gen_time"].native
    assert after - before == timedelta(hours=1)


class TestClient:
    def ask(self, answer):
        return request_token(DIGEST, ask=answer, random=SystemRandom())

    def test_takes_the_token_for_its_own_question(self, tsa):
        token = cms.ContentInfo.load(self.ask(tsa.answer))
        assert token["content_type"].native == "signed_data"

    def test_refuses_a_replayed_answer(self, tsa):
        old = tsa.answer(request(nonce=1))
        with pytest.raises(UpstreamError) as caught:
            self.ask(lambda _: old)
        assert caught.value.code == "signing.timestamp.mismatch"

    def test_refuses_a_token_over_another_digest(self, tsa):
        def lie(asked):
            nonce = tsp.TimeStampReq.load(asked)["nonce"].native
            other = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes(32)}
            return tsa.answer(request(nonce=nonce, message_imprint=other))

        with pytest.raises(UpstreamError) as caught:
            self.ask(lie)
        assert caught.value.code == "signing.timestamp.mismatch"

    def test_reports_a_refusal(self, tsa):
        with pytest.raises(UpstreamError) as caught:
            self.ask(lambda _: tsa.answer(b""))
        assert caught.value.code == "signing.timestamp.refused"
        assert caught.value.retryable

    @given(junk=st.binary(max_size=100))
    def test_refuses_junk(self, junk):
        with pytest.raises(UpstreamError):
            self.ask(lambda _: junk)

    def test_refuses_every_truncation(self, tsa):
        answer = []
        self.ask(lambda asked: answer.append(tsa.answer(asked)) or answer[0])
        whole = answer[0]
        for end in range(0, len(whole), 7):
            with pytest.raises(UpstreamError):
                self.ask(lambda _, end=end: whole[:end])

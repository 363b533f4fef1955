"""The attack table of signature activation: what must not sign, and what nothing is lost by."""

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from activation_desk import ANOTHER, CASE, ME, RSA, SESSION, A, B, C, Desk, document
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils.reader import PdfFileReader
from signing_pilot import CITIZEN, EC, make_pdf

from ekyc.errors import InputError, TrustError, UpstreamError
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom
from ekyc.signing import Level, SigningIdentity, complete_pdf, inspect_pdf, prepare_pdf
from ekyc.signing.activation.jws import sign_compact, verify_compact
from ekyc.signing.activation.module import TYPE
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.keys.software import SoftwareKey
from ekyc.storage import ActivationUsedError


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.pilot.close()


class TestWhatIsAuthorised:
    def test_is_signed(self, desk):
        (value,) = desk.sign(desk.authorise(A), A)
        verify_value(desk.identity.key.public_key_der, A, value)

    def test_a_batch_comes_back_in_the_order_that_was_asked(self, desk):
        values = desk.sign(desk.authorise(A, B, C), C, A, B)
        for digest, value in zip((C, A, B), values, strict=True):
            verify_value(desk.identity.key.public_key_der, digest, value)

    def test_a_whole_document(self, desk):
        party = desk.pilot.as_party(desk.identity)
        prepared = prepare_pdf(make_pdf(), desk.identity, party, level=Level.B_LTA)
        (value,) = desk.sign(desk.authorise(prepared.to_be_signed), prepared.to_be_signed)
        signed = complete_pdf(prepared, value, party, level=Level.B_LTA)
        report = inspect_pdf(signed, anchors=desk.pilot.anchors, clock=desk.clock)
        assert report.outcome == "PASSED"
        assert PdfFileReader(BytesIO(signed)).embedded_regular_signatures

    def test_a_one_shot_credential_signs_and_is_gone(self, desk):
        with desk.pilot.ca.one_shot(desk.pilot.keys, subject=CITIZEN, credential="c-1") as identity:
            credential = replace(desk.credential, identity=identity)
            module = desk.open_module(credential)
            (value,) = desk.sign(desk.authorise(A), A, module=module)
        verify_value(identity.key.public_key_der, A, value)
        assert desk.refusal(desk.authorise(B), B, module=module) == "signing.key.destroyed"

    def test_what_was_shown_is_pinned(self, desk):
        _, claims = verify_compact(
            desk.authorise(A), public_key_of=lambda _: desk.issuer_key.public_key_der, typ=TYPE
        )
        (shown,) = claims["documents"]
        assert shown["title"] == "Trích lục khai sinh"
        assert shown["shown"] == hashlib.sha256(A).hexdigest()
        assert claims["exp"] - claims["iat"] <= 120
        assert claims["scal"] == 2


class TestAttacks:
    def test_replay(self, desk):
        sad = desk.authorise(A)
        desk.sign(sad, A)
        assert desk.refusal(sad, A) == "activation.already_used"

    def test_replay_after_a_refused_use_works_still(self, desk):
        """A refusal before the key burns nothing: others cannot use up what they cannot use."""
        sad = desk.authorise(A)
        assert desk.refusal(sad, B) == "activation.hashes"
        desk.sign(sad, A)

    def test_the_same_evidence_again(self, desk):
        evidence = desk.verified()
        desk.sign(desk.authorise(A, evidence=evidence), A)
        again = desk.authorise(B, evidence=evidence)
        assert desk.refusal(again, B) == "activation.evidence_used"

    def test_race_of_many_threads(self, desk):
        sad = desk.authorise(A)

        def work(_):
            try:
                return len(desk.sign(sad, A))
            except ActivationUsedError as error:
                return error.code

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(work, range(8)))
        assert results.count(1) == 1
        assert results.count("activation.already_used") == 7

    @pytest.mark.parametrize("hashes", [(A, B, C), (A,), (B, C), (A, A), (), (A, B, B)], ids=repr)
    def test_more_or_fewer_or_other_hashes(self, desk, hashes):
        assert desk.refusal(desk.authorise(A, B), *hashes) == "activation.hashes"

    def test_swapped_document(self, desk):
        party = desk.pilot.as_party(desk.identity)
        shown = prepare_pdf(make_pdf("Đơn xin"), desk.identity, party)
        other = prepare_pdf(make_pdf("Giấy vay nợ"), desk.identity, party)
        sad = desk.authorise(shown.to_be_signed)
        assert desk.refusal(sad, other.to_be_signed) == "activation.hashes"

    @pytest.mark.parametrize("digest", [b"", bytes(20), bytes(64)])
    def test_what_is_no_digest(self, desk, digest):
        assert desk.refusal(desk.authorise(A), digest) == "signing.digest.length"
        assert desk.not_authorised(digest) == "activation.malformed"

    def test_expired(self, desk):
        sad = desk.authorise(A)
        desk.clock.advance(timedelta(seconds=119))
        late = desk.authorise(B)
        desk.clock.advance(timedelta(seconds=1))
        assert desk.refusal(sad, A) == "activation.expired"
        desk.sign(late, B)

    def test_from_the_future(self, desk):
        desk.clock.advance(timedelta(seconds=30))
        sad = desk.authorise(A)
        desk.clock.advance(timedelta(seconds=-30))
        assert desk.refusal(sad, A) == "activation.not_yet"

    def test_longer_than_two_minutes(self, desk):
        assert desk.not_authorised(A, life=timedelta(seconds=121)) == "activation.too_long"
        forged = resigned(
            desk, desk.authorise(A), lambda claims: claims.update(exp=claims["exp"] + 1)
        )
        assert desk.refusal(forged, A) == "activation.too_long"

    def test_another_credential(self, desk):
        sad = desk.authorise(A)
        assert desk.refusal(sad, A, credential="c-2") == "activation.other_credential"
        assert desk.refusal(sad, A, credential="c-3") == "activation.other_credential"

    def test_a_credential_that_is_not_there(self, desk):
        ghost = replace(desk.credential, id="c-9")
        sad = desk.authorise(A, credential=ghost)
        assert desk.refusal(sad, A, credential="c-9") == "activation.credential_unknown"

    def test_another_user(self, desk):
        assert desk.not_authorised(A, credential=desk.others) == "activation.other_user"
        forged = resigned(desk, desk.authorise(A), lambda claims: claims.update(sub="c-2"))
        assert desk.refusal(forged, A, credential="c-2") == "activation.other_user"

    def test_evidence_of_another_session(self, desk):
        assert desk.not_authorised(A, session=ANOTHER) == "activation.other_session"

    @pytest.mark.parametrize("verdict", [Verdict.REVIEW, Verdict.REJECT])
    def test_a_decision_that_was_not_accept(self, desk, verdict):
        evidence = desk.verified(verdict)
        assert desk.not_authorised(A, evidence=evidence) == "activation.not_accepted"
        lied = replace(evidence, verdict=Verdict.ACCEPT)
        assert desk.refusal(desk.authorise(A, evidence=lied), A) == "activation.not_accepted"

    def test_a_decision_that_is_not_on_record(self, desk):
        for lied in (
            desk.verified(report_digest=CASE),
            desk.verified(result_id="0" * 32),
        ):
            sad = desk.authorise(A, evidence=lied)
            assert desk.refusal(sad, A) == "activation.evidence_unknown"

    def test_evidence_of_yesterday(self, desk):
        evidence = desk.verified()
        desk.clock.advance(timedelta(minutes=11))
        assert desk.not_authorised(A, evidence=evidence) == "activation.evidence_stale"

    def test_another_algorithm(self, desk):
        assert desk.refusal(desk.authorise(A), A, algorithm=RSA) == "activation.algorithm"

    def test_a_key_that_is_not_trusted(self, desk):
        stranger = SadIssuer(
            "portal",
            key=SoftwareKey.generate(EC),
            clock=desk.clock,
            random=SystemRandom(),
        )
        sad = stranger.issue(
            desk.credential, [document(A)], evidence=desk.verified(), session=SESSION
        )
        assert desk.refusal(sad, A) == "jws.untrusted"

    def test_an_issuer_that_is_not_known(self, desk):
        stranger = SadIssuer(
            "stranger", key=desk.issuer_key, clock=desk.clock, random=SystemRandom()
        )
        sad = stranger.issue(
            desk.credential, [document(A)], evidence=desk.verified(), session=SESSION
        )
        assert desk.refusal(sad, A) == "jws.untrusted"

    def test_a_token_of_another_kind(self, desk):
        claims = claims_of(desk, desk.authorise(A))
        other = sign_compact(claims, key=desk.issuer_key, kid="portal", typ="at+jwt")
        assert desk.refusal(other, A) == "jws.malformed"


def claims_of(desk, sad):
    _, claims = verify_compact(
        sad, public_key_of=lambda _: desk.issuer_key.public_key_der, typ=TYPE
    )
    return claims


def resigned(desk, sad, change):
    """The same token with other claims, signed by the trusted key: an authorising side that errs."""
    claims = claims_of(desk, sad)
    change(claims)
    return sign_compact(claims, key=desk.issuer_key, kid="portal", typ=TYPE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    made = Desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.pilot.close()


class TestMalformed:
    @pytest.mark.parametrize(
        "change",
        [
            lambda claims: claims.update(scal=1),
            lambda claims: claims.update(more=1),
            lambda claims: claims.pop("method"),
            lambda claims: claims.update(method="button"),
            lambda claims: claims.update(hashes=[]),
            lambda claims: claims["hashes"].append(claims["hashes"][0]),
            lambda claims: claims["documents"].clear(),
            lambda claims: claims["documents"][0].update(title=""),
            lambda claims: claims["documents"][0].update(shown="x"),
            lambda claims: claims["evidence"].update(verdict="perhaps"),
            lambda claims: claims["evidence"].update(at="now"),
            lambda claims: claims.update(exp=1.5),
            lambda claims: claims.update(exp=10**30),
            lambda claims: claims.update(jti=""),
            lambda claims: claims.update(hashAlg="1.3.14.3.2.26"),
        ],
    )
    def test_claims_of_another_form(self, shared, change):
        sad = resigned(shared, shared.authorise(A), change)
        assert shared.refusal(sad, A) == "activation.malformed"

    @given(drawn=st.integers(0, 1 << 16), letter=st.sampled_from("ABCabc019-_.="))
    def test_no_changed_character_activates(self, drawn, letter, shared):
        sad = shared.authorise(A)
        place = drawn % len(sad)
        changed = letter if letter != sad[place] else "Z"
        with pytest.raises((InputError, TrustError)):
            shared.sign(sad[:place] + changed + sad[place + 1 :], A)

    @given(text=st.text(max_size=200))
    def test_junk(self, shared, text):
        with pytest.raises(InputError):
            shared.sign(text, A)

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ES384", "es256"])
    def test_the_algorithm_is_not_negotiated(self, shared, algorithm):
        import base64
        import json

        header, claims, value = shared.authorise(A).split(".")
        del header
        other = json.dumps({"alg": algorithm, "kid": "portal", "typ": TYPE}, sort_keys=True)
        head = base64.urlsafe_b64encode(other.encode()).rstrip(b"=").decode()
        for signature in (value, ""):
            assert shared.refusal(f"{head}.{claims}.{signature}", A) == "jws.malformed"


class TestFailures:
    def test_a_key_that_fails_lets_nothing_out_and_the_person_may_try_again(self, desk):
        class Broken:
            algorithm = EC
            public_key_der = desk.identity.key.public_key_der
            left = 1

            def sign_digest(self, digest):
                if not Broken.left:
                    raise UpstreamError("the token does not sign", code="signing.hsm.failed")
                Broken.left -= 1
                return desk.identity.key.sign_digest(digest)

        identity = SigningIdentity(key=Broken(), certificate_der=desk.identity.certificate_der)
        module = desk.open_module(replace(desk.credential, identity=identity))
        evidence = desk.verified()
        sad = desk.authorise(A, B, evidence=evidence)
        assert desk.refusal(sad, A, B, module=module) == "signing.hsm.failed"
        assert desk.refusal(sad, A, B) == "activation.already_used"
        desk.clock.advance(timedelta(seconds=121))
        assert len(desk.sign(desk.authorise(A, B, evidence=evidence), A, B)) == 2

    def test_a_key_that_signs_something_else_lets_nothing_out(self, desk):
        class Liar:
            algorithm = EC
            public_key_der = desk.identity.key.public_key_der

            def sign_digest(self, digest):
                del digest
                return desk.identity.key.sign_digest(C)

        identity = SigningIdentity(key=Liar(), certificate_der=desk.identity.certificate_der)
        module = desk.open_module(replace(desk.credential, identity=identity))
        assert desk.refusal(desk.authorise(A), A, module=module) == "signing.key.mismatch"


_SIGN = """
import base64, os, signal, sys
from pathlib import Path
from ekyc.signing import SigningIdentity
from ekyc.signing.activation.module import ActivationModule, Credential
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.keys.software import SoftwareKey
from ekyc.storage import ActivationUsedError, Storage
from ekyc.testing import FixedClock

folder, mode = Path(sys.argv[1]), sys.argv[2]
key = SoftwareKey.load((folder / "key.der").read_bytes())

class Deadly:
    algorithm, public_key_der = key.algorithm, key.public_key_der
    def sign_digest(self, digest):
        os.kill(os.getpid(), signal.SIGKILL)

used = Deadly() if mode == "die" else key
identity = SigningIdentity(key=used, certificate_der=(folder / "certificate.der").read_bytes())
credential = Credential(id="c-1", holder=sys.argv[3], identity=identity)
storage = Storage.open(folder / "state.sqlite3", clock=FixedClock())
module = ActivationModule(
    public_key_of={"portal": (folder / "issuer.der").read_bytes()}.get,
    credential_of={"c-1": credential}.get,
    activations=storage.activations, results=storage.results, material=ValidationMaterial,
    clock=FixedClock(),
)
print("ready", flush=True)
for line in sys.stdin.read().split():
    sad, digest = line.split("/")
    try:
        (value,) = module.sign(sad, credential_id="c-1", hashes=[bytes.fromhex(digest)],
            algorithm=SignatureAlgorithm.ECDSA_P256)
        print("signed")
    except ActivationUsedError as error:
        print(error.code)
"""


def start(desk, mode):
    folder = desk.pilot.folder
    (folder / "key.der").write_bytes(desk.identity.key.pkcs8_der())
    (folder / "certificate.der").write_bytes(desk.identity.certificate_der)
    (folder / "issuer.der").write_bytes(desk.issuer_key.public_key_der)
    worker = subprocess.Popen(
        [sys.executable, "-c", _SIGN, str(folder), mode, ME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout.readline() == "ready\n"
    return worker


def finish(worker):
    said = worker.stdout.read().split()
    worker.stdout.close()
    return worker.wait(), said


class TestProcesses:
    def test_of_two_racing_processes_one_signs_each(self, desk):
        lines = " ".join(f"{desk.authorise(A)}/{A.hex()}" for _ in range(10))
        workers = [start(desk, "race") for _ in range(2)]
        for worker in workers:
            worker.stdin.write(lines)
        for worker in workers:
            worker.stdin.close()
        one, two = (finish(worker)[1] for worker in workers)
        for pair in zip(one, two, strict=True):
            assert sorted(pair) == ["activation.already_used", "signed"]

    def test_killed_between_burning_and_signing_nothing_is_signed_twice_or_lost(self, desk):
        evidence = desk.verified()
        sad = desk.authorise(A, evidence=evidence)
        worker = start(desk, "die")
        worker.stdin.write(f"{sad}/{A.hex()}")
        worker.stdin.close()
        assert finish(worker) == (-9, [])
        assert desk.refusal(sad, A) == "activation.already_used"
        early = desk.authorise(A, evidence=evidence)
        assert desk.refusal(early, A) == "activation.evidence_used"
        desk.clock.advance(timedelta(seconds=121))
        assert len(desk.sign(desk.authorise(A, evidence=evidence), A)) == 1
        final = desk.authorise(A, evidence=evidence)
        assert desk.refusal(final, A) == "activation.evidence_used"

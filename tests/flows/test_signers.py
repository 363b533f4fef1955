"""Whom a decision lets sign: accepted, alive, in this case; the person of the chip, and nobody whom the portal names."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from ekyc.api.wiring import FlowVerifier
from ekyc.flows import LiveEvidence, SignerPseudonyms, Verifier
from ekyc.flows.result import record_result
from ekyc.flows.signers import session_of
from ekyc.outcomes import Check, Outcome
from ekyc.policy import Verdict
from ekyc.ports import SystemClock, SystemRandom
from ekyc.signing.activation.evidence import StoredEvidence
from ekyc.signing.activation.factors import RelyingParty
from ekyc.signing.activation.remote import Caller
from ekyc.signing.activation.sad import ActivationMethod, ShownDocument
from ekyc.signing.csc.assembly import open_remote_signing
from ekyc.signing.csc.configuration import SigningSide
from ekyc.signing.keys.algorithms import SignatureAlgorithm, verify_value
from ekyc.signing.signatory import public_key_der_of
from ekyc.storage import ACTIVE_AUTHENTICATION, ServiceKey, Storage
from ekyc.values import Redacted

pytestmark = pytest.mark.models
KEY = ServiceKey(bytes(range(32)))
LIVE = LiveEvidence(
    checks=tuple(
        Check(id=f"liveness.{name}", outcome=Outcome.PASSED)
        for name in ("challenge", "stream", "passive")
    ),
    payload=b"{}",
    case="case-7",
)
SECRETS = {
    "EKYC_KEY_PASSPHRASE": "khoá",
    "EKYC_ROOT_PASSPHRASE": "gốc",
    "EKYC_ISSUER_PASSPHRASE": "cổng",
    "EKYC_AUTHORITY_PASSPHRASE": "khoá",
}


def alive(case):
    """The session's best frame is the case's own, as the simulated client draws none of this person."""
    return replace(case, live=LIVE, face_frames=case.face_frames[:1])


@pytest.fixture(scope="module")
def accepted(honest):
    """A decision, as the demonstration makes it with a liveness session."""
    result = honest.verifier.verify(honest.case, challenge_id=honest.challenge_id, live=alive)
    assert result.decision.verdict is Verdict.ACCEPT, result.decision
    return result


def unsure(check):
    return replace(check, outcome=Outcome.INDETERMINATE, reasons=("case.part_missing",))


def named(result, live=LIVE, key=KEY, **options):
    return SignerPseudonyms(key, insecure_samples=True, **options).of(result, live)


def with_number(result, number):
    identity = replace(result.chip.identity, personal_number=Redacted(number))
    return replace(result, chip=replace(result.chip, identity=identity))


def test_the_person_is_who_the_chip_says(accepted):
    signer = named(accepted)
    assert signer == named(accepted)
    assert signer.session == hashlib.sha256(b"case-7").hexdigest() == session_of("case-7")
    number = accepted.chip.identity.personal_number.reveal()
    assert number not in repr(accepted)
    others = {
        named(with_number(accepted, f"{int(number) + 1:012d}")).holder,
        named(accepted, key=ServiceKey(bytes(32))).holder,
        hashlib.sha256(number.encode()).hexdigest(),
    }
    assert len(others) == 3
    assert signer.holder not in others
    assert named(accepted, replace(LIVE, case="case-8")).holder == signer.holder


def test_a_sample_lets_nobody_sign(accepted):
    assert accepted.sample
    assert SignerPseudonyms(KEY).of(accepted, LIVE) is None
    assert SignerPseudonyms(KEY).of(replace(accepted, sample=False), LIVE) == named(accepted)


@pytest.mark.parametrize("verdict", [Verdict.REVIEW, Verdict.REJECT])
def test_only_accept_lets_somebody_sign(accepted, verdict):
    decided = replace(accepted, decision=replace(accepted.decision, verdict=verdict))
    assert named(decided) is None


@pytest.mark.parametrize("live", [None, replace(LIVE, case=None)], ids=["none", "refused"])
def test_without_a_session_of_this_case_nobody_signs(accepted, live):
    assert named(accepted, live) is None


@pytest.mark.parametrize(
    "lost",
    [
        *("chip.signature", "chip.hashes", "chip.chain", "chip.active_authentication"),
        *("face.match", "liveness.challenge", "liveness.stream"),
    ],
)
def test_a_profile_that_asks_for_less_lets_nobody_sign(accepted, lost):
    checks = tuple(unsure(check) if check.id == lost else check for check in accepted.checks)
    assert checks != accepted.checks
    assert named(replace(accepted, checks=checks)) is None


def test_nobody_without_a_number(accepted):
    identity = replace(accepted.chip.identity, personal_number=None, document_number=None)
    nameless = replace(accepted, chip=replace(accepted.chip, identity=identity))
    assert named(nameless) is None


def test_decision_and_person_are_one_record(accepted, tmp_path):
    signed = replace(accepted, signer=named(accepted))
    with Storage.open(tmp_path / "s.sqlite3") as storage:
        record_result(storage, accepted)
        caller = Caller(holder=signed.signer.holder, session=signed.signer.session)
        assert StoredEvidence(storage.persons).latest(caller) is None
        stored = record_result(storage, signed)
        assert StoredEvidence(storage.persons).latest(caller).result_id == stored.id


def test_the_portal_is_told_by_which_names_to_ask(accepted, honest, validate_against):
    class Made:
        """A verifier that has done its work."""

        def __init__(self, result):
            self.result = result

        def verify(self, *_, **__):
            return self.result

    signed = replace(accepted, signer=named(accepted))
    told = FlowVerifier(Made(signed)).verify_folder(honest.folder, challenge_id=None)
    signer = named(accepted)
    assert told["signer"] == {"holder": signer.holder, "session": signer.session}
    validate_against("ekyc.verify.1", told)
    told = FlowVerifier(Made(accepted)).verify_folder(honest.folder, challenge_id=None)
    assert "signer" not in told


# --- from the verification to the signature, through the signing process ---


def ekyc(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "ekyc.cli", *map(str, arguments)],
        env={**os.environ, **SECRETS},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def serving(configuration):
    process = subprocess.Popen(
        [sys.executable, "-m", "ekyc.cli", "sam", "serve", str(configuration)],
        env={**os.environ, **SECRETS},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "serving on" in process.stderr.readline()
        yield
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.stderr.close()
        process.wait()


def test_accepted_enrolled_authorised_signed(models, trust, issuer, astronaut, tmp_path):
    from ekyc.flows import load_case
    from ekyc.samples import SampleCitizen, make_case

    ekyc("authority", "ceremony", tmp_path / "ca", "--json")
    place = tmp_path / "sam"
    ekyc("sam", "new", place, "--json")
    configuration = place / "sam.toml"
    text = configuration.read_text().replace(
        '"verification+totp"]', '"verification"]\npilot = true'
    )
    configuration.write_text(text)
    key = ServiceKey.load(place / "service.key", SystemRandom())
    with (
        Storage.open(place / "state.sqlite3") as storage,
        Verifier(
            engine=models,
            trust=trust,
            storage=storage,
            signers=SignerPseudonyms(key, insecure_samples=True),
        ) as verifier,
    ):
        challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=3600)
        make_case(
            tmp_path / "case",
            citizen=SampleCitizen.default(),
            portrait=astronaut,
            selfie=astronaut,
            issuer=issuer,
            nonce=challenge.nonce,
        )
        case = load_case(tmp_path / "case")
        result = verifier.verify(case, challenge_id=challenge.id, live=alive)
        assert result.decision.verdict is Verdict.ACCEPT, result.decision
        caller = Caller(holder=result.signer.holder, session=result.signer.session)
        enrolled = ekyc(
            *("sam", "credential", configuration, "--authority", tmp_path / "ca"),
            *("--holder", caller.holder, "--name", "Nguyễn Thị Mẫu", "--json"),
        )["credential"]
        side = SigningSide(
            socket=place / "sam.sock",
            issuer="portal",
            issuer_keys=place / "portal",
            revocation_lists=(),
            party=RelyingParty(id="localhost", origins=("https://localhost",)),
        )
        with (
            serving(configuration),
            open_remote_signing(
                side,
                SECRETS["EKYC_ISSUER_PASSPHRASE"],
                storage=storage,
                service_key=key,
                clock=SystemClock(),
            ) as service,
        ):
            digest = hashlib.sha256(b"to be signed").digest()
            shown = ShownDocument(title="Tờ khai", shown_digest=digest.hex(), to_be_signed=digest)
            proposal = service.propose(
                caller, enrolled, [shown], method=ActivationMethod.VERIFICATION
            )
            granted = service.authorise(caller, proposal.token, None)
            info = service.describe(caller, enrolled)
            assert info.algorithm is SignatureAlgorithm.ECDSA_P256
            (value,) = service.sign(
                caller, enrolled, sad=granted.sad, hashes=(digest,), algorithm=info.algorithm
            )
            verify_value(public_key_der_of(info.certificate_der), digest, value)

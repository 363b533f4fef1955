"""The attack table of activations against signing processes of their own: row by row, and killed in every moment."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sam_process
from sam_desk import (
    ANOTHER,
    SOMEBODY_ELSE,
    A,
    B,
    C,
    SamDesk,
    code_of,
    document,
    short_folder,
)
from signing_pilot import EC, RSA

from ekyc.errors import EkycError
from ekyc.policy import Verdict
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.sam import SamClient
from ekyc.signing.signatory import public_key_der_of

SUPPORT = Path(sam_process.__file__).parent


class ProcessDesk(SamDesk):
    """The authorising side here, signing processes apart."""

    def __init__(self, folder):
        super().__init__(folder)
        (folder / "issuer.der").write_bytes(self.issuer_key.public_key_der)
        self.began = self.clock.now()
        self.parent = subprocess.Popen(
            [sys.executable, str(SUPPORT / "sam_process.py"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, path, point="never"):
        """A signing process; its number."""
        later = (self.clock.now() - self.began).total_seconds()
        self.tell(f"serve {path} {later} {point}")
        return int(self.parent.stdout.readline())

    def ended(self):
        """How the one that was started last ended."""
        self.tell("wait")
        return int(self.parent.stdout.readline())

    @contextlib.contextmanager
    def process(self, path, point="never"):
        number = self.start(path, point)
        try:
            with SamClient(path) as client:
                yield client
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGTERM)
            self.last = self.ended()

    def tell(self, line):
        self.parent.stdin.write(line + "\n")
        self.parent.stdin.flush()

    def public_key(self):
        return public_key_der_of(self.directory.find(self.mine).certificate_der)

    def refusal(self, sad, *hashes, **options):
        with short_folder() as folder, self.process(folder / "s") as client:
            return code_of(self.sign, client, sad, *hashes, **options)

    def close(self):
        self.parent.stdin.close()
        self.parent.stdout.close()
        self.parent.wait()
        super().close()


@pytest.fixture
def desk(tmp_path):
    made = ProcessDesk(tmp_path)
    yield made
    made.close()


class TestTable:
    def test_replay(self, desk):
        sad = desk.authorise(A)
        with short_folder() as folder:
            for expected in ("signed", "activation.already_used", "activation.already_used"):
                with desk.process(folder / "s") as client:  # a new process each time
                    assert outcome(desk, client, sad, A)[0] == expected

    def test_race_of_two_processes(self, desk):
        sads = [desk.authorise(A) for _ in range(12)]
        with (
            short_folder() as folder,
            desk.process(folder / "one") as one,
            desk.process(folder / "two") as two,
            ThreadPoolExecutor(4) as pool,
        ):
            for sad in sads:
                both = list(pool.map(lambda client: outcome(desk, client, sad, A)[0], (one, two)))  # noqa: B023  # mapped at once
                assert sorted(both) == ["activation.already_used", "signed"]

    @pytest.mark.parametrize("hashes", [(A, B, C), (A,), (B, C), (A, A), (), (A, B, B)])
    def test_extra_fewer_or_other_hashes(self, desk, hashes):
        assert desk.refusal(desk.authorise(A, B), *hashes) == "activation.hashes"

    def test_swapped_document(self, desk):
        shown, other = (hashlib.sha256(text.encode()).digest() for text in ("Đơn", "Giấy vay nợ"))
        assert desk.refusal(desk.authorise(shown), other) == "activation.hashes"

    def test_expired(self, desk):
        sad = desk.authorise(A)
        desk.clock.advance(timedelta(seconds=120))
        assert desk.refusal(sad, A) == "activation.expired"

    def test_other_credential(self, desk):
        sad = desk.authorise(A)
        assert desk.refusal(sad, A, credential=desk.others) == "activation.other_credential"

    def test_other_user(self, desk):
        evidence = replace(desk.verified(), holder=SOMEBODY_ELSE)
        sad = desk.authorise(A, credential=desk.others, evidence=evidence)
        assert desk.refusal(sad, A, credential=desk.others) == "activation.other_user"

    def test_evidence_of_another_session(self, desk):
        evidence = desk.verified(session=ANOTHER)
        assert code_of(desk.authorise, A, evidence=evidence) == "activation.other_session"
        lied = replace(evidence, session=desk.verified().session)
        assert desk.refusal(desk.authorise(A, evidence=lied), A) == "activation.other_session"

    @pytest.mark.parametrize("verdict", [Verdict.REVIEW, Verdict.REJECT])
    def test_a_decision_that_was_not_accept(self, desk, verdict):
        evidence = desk.verified(verdict=verdict)
        assert code_of(desk.authorise, A, evidence=evidence) == "activation.not_accepted"
        lied = replace(evidence, verdict=Verdict.ACCEPT)
        assert desk.refusal(desk.authorise(A, evidence=lied), A) == "activation.not_accepted"

    def test_a_decision_on_nobody(self, desk):
        stored = desk.storage.results.record(
            case_digest="0" * 64,
            profile="demo",
            verdict=Verdict.ACCEPT,
            reasons=(),
            report_digest="1" * 64,
        )
        evidence = replace(desk.verified(), result_id=stored.id, report_digest="1" * 64)
        sad = desk.authorise(A, evidence=evidence)
        assert desk.refusal(sad, A) == "activation.evidence_unknown"

    def test_one_decision_for_two_sads(self, desk):
        evidence = desk.verified()
        one, two = (desk.authorise(digest, evidence=evidence) for digest in (A, B))
        with short_folder() as folder, desk.process(folder / "s") as client:
            desk.sign(client, one, A)
            assert code_of(desk.sign, client, two, B) == "activation.evidence_used"

    def test_another_algorithm(self, desk):
        assert desk.refusal(desk.authorise(A), A, algorithm=RSA) == "activation.algorithm"

    def test_what_was_shown_is_what_the_signing_side_read(self, desk):
        """Title and digest are in the signed claims: another title is another SAD."""
        sads = {
            desk.issuer.sign(
                desk.issuer.draft(
                    desk.directory.find(desk.mine),
                    [document(A, title)],
                    evidence=desk.verified(),
                    session=desk.verified().session,
                )
            ).split(".")[1]
            for title in ("Trích lục khai sinh", "Trích lục kết hôn")
        }
        assert len(sads) == 2


class TestKilled:
    """``kill -9`` in every moment of an activation: nothing signed twice, nothing lost."""

    @pytest.mark.parametrize("point", sam_process.POINTS)
    def test_what_was_released_is_given_again(self, desk, point):
        """Before the activation data expire and after; of what was not released nothing leaves any more."""
        sad, released = desk.authorise(A, B), {"after releasing", "before answering"}
        with short_folder() as folder:
            path = folder / "s"
            with desk.process(path, point) as client:
                outcome(desk, client, sad, A, B)
            assert desk.last == -signal.SIGKILL
            with desk.process(path) as client:
                early, values = recalled(desk, client, sad, A, B)
            desk.clock.advance(timedelta(seconds=121))
            with desk.process(path) as client:
                late, same = recalled(desk, client, sad, A, B)
        if point not in released:
            assert (early, late) == ("activation.pending", "activation.not_released")
            return
        assert (early, late, values) == ("given", "given", same)
        for digest, value in zip((A, B), values, strict=True):
            verify_value(desk.public_key(), digest, value)

    ROUNDS = int(os.environ.get("EKYC_KILL_ROUNDS", "1"))

    @pytest.mark.parametrize("point", sam_process.POINTS)
    def test_at(self, desk, point):
        key = desk.public_key()
        for _ in range(self.ROUNDS):
            evidence = desk.verified()
            sad = desk.authorise(A, B, evidence=evidence)
            left = []
            with short_folder() as folder:
                path = folder / "s"
                with desk.process(path, point) as client:
                    left += outcome(desk, client, sad, A, B)[1]
                assert (desk.last, left) == (-signal.SIGKILL, [])  # nothing left it
                with desk.process(path) as client:  # started again over what was left
                    code, values = outcome(desk, client, sad, A, B)
                    assert (code == "signed") is (point == "before burning")
                    left += values
                    early = desk.authorise(C, evidence=evidence)
                    assert code_of(desk.sign, client, early, C) == "activation.evidence_used"
                desk.clock.advance(timedelta(seconds=121))
                again = desk.authorise(A, B, evidence=evidence)
                with desk.process(path) as client:
                    code, values = outcome(desk, client, again, A, B)
                    left += values
                    kept = point not in {"before burning", "after releasing", "before answering"}
                    assert (code == "signed") is kept
                    final = desk.authorise(A, B, evidence=evidence)
                    assert code_of(desk.sign, client, final, A, B) == "activation.evidence_used"
                    if point in {"after releasing", "before answering"}:  # the person comes again
                        left += desk.sign(client, desk.authorise(A, B), A, B)
            assert len(left) == 2
            for digest, value in zip((A, B), left, strict=True):
                verify_value(key, digest, value)

    def test_from_outside_while_many_are_signed(self, desk):
        """Killed after the n-th answer, with others on their way; a restarted process takes up what was not used."""
        delivered = {}
        with short_folder() as folder:
            for turn in range(3 + self.ROUNDS):
                done = 1 + turn % 9
                waiting = {desk.authorise(A): None for _ in range(10)}
                number = desk.start(folder / "s")
                with SamClient(folder / "s") as client, ThreadPoolExecutor(3) as pool:
                    answers = pool.map(lambda sad: (sad, outcome(desk, client, sad, A)), waiting)
                    lost = []
                    for count, (sad, (code, values)) in enumerate(answers, start=1):
                        if count == done:
                            os.kill(number, signal.SIGKILL)
                        if values:
                            delivered[sad] = values
                        else:
                            lost.append(sad)
                            assert code in {"signing.sam.lost", "signing.sam.unreachable"}
                assert desk.ended() == -signal.SIGKILL
                with desk.process(folder / "s") as client:
                    for sad in (*waiting, *lost):
                        code, values = outcome(desk, client, sad, A)
                        assert not (values and sad in delivered), "signed twice"
                        if values:
                            delivered[sad] = values
                        else:
                            assert code == "activation.already_used"
        assert len({value for (value,) in delivered.values()}) == len(delivered)


def recalled(desk, client, sad, *hashes):
    """``given`` or the code of the refusal, and the values that came."""
    try:
        return "given", client.recall(sad, credential_id=desk.mine, hashes=hashes, algorithm=EC)
    except EkycError as error:
        return error.code, ()


def outcome(desk, client, sad, *hashes):
    """``signed`` or the code of the refusal, and the values that came."""
    try:
        return "signed", list(desk.sign(client, sad, *hashes))
    except EkycError as error:
        return error.code, []

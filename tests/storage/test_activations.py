"""Used activations: once each, whoever asks first and whatever is killed in between."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from ekyc.errors import InputError
from ekyc.storage import ActivationUsedError, Storage
from ekyc.storage.signing import released

HASHES, SAD, OTHER_SAD = "ab" * 32, "cd" * 32, "ef" * 32
SIGNATURES = [b"one", b"two"]


def burn(storage, jti="j-1", evidence="e-1", life=timedelta(seconds=120), credential="c-1"):
    storage.activations.burn(
        jti,
        credential=credential,
        evidence=evidence,
        hashes_digest=HASHES,
        expires_at=storage.activations._clock.now() + life,
    )


def release(storage, jti="j-1", **changed):
    left = {"sad_digest": SAD, "signatures": SIGNATURES} | changed
    storage.activations.release(jti, **left)


def code_of(call, error=ActivationUsedError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


def test_an_activation_is_used_once(storage):
    burn(storage)
    assert code_of(lambda: burn(storage, evidence="e-2")) == "activation.already_used"


def test_released_evidence_is_used_for_good(storage, clock):
    burn(storage)
    release(storage)
    clock.advance(timedelta(days=30))
    assert code_of(lambda: burn(storage, "j-2")) == "activation.evidence_used"
    assert code_of(lambda: burn(storage)) == "activation.already_used"


def test_evidence_in_use_waits_until_the_activation_expired(storage, clock):
    burn(storage)
    clock.advance(timedelta(seconds=120) - timedelta(microseconds=1))
    assert code_of(lambda: burn(storage, "j-2")) == "activation.evidence_used"
    clock.advance(timedelta(microseconds=1))
    burn(storage, "j-2")
    release(storage, "j-2")


def test_an_activation_whose_evidence_went_on_releases_nothing(storage, clock):
    """The slow one of two: its evidence was handed to another, so nothing of it may leave any more."""
    burn(storage)
    clock.advance(timedelta(seconds=121))
    burn(storage, "j-2")
    assert code_of(lambda: release(storage)) == "activation.not_burnt"
    release(storage, "j-2")


def test_release_comes_once_and_after_burning(storage):
    assert code_of(lambda: release(storage)) == "activation.not_burnt"
    burn(storage)
    release(storage)
    assert code_of(lambda: release(storage)) == "activation.not_burnt"


def test_different_evidence_does_not_meet(storage):
    for number in range(5):
        burn(storage, f"j-{number}", f"e-{number}")


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "khoá", "-a", "a\n"])
def test_names_of_another_form_are_refused(storage, name):
    assert code_of(lambda: burn(storage, name), InputError) == "input.invalid"
    assert code_of(lambda: burn(storage, evidence=name), InputError) == "input.invalid"


def recall(storage, jti="j-1", sad=SAD, life=timedelta(0)):
    """By default of activation data that have expired."""
    ends = storage.activations._clock.now() + life
    return storage.activations.recall(jti, sad_digest=sad, expires_at=ends)


def test_what_left_is_given_again_for_a_week_to_the_same_activation_data(storage, clock):
    burn(storage)
    release(storage)
    assert recall(storage, life=timedelta(seconds=90)) == (b"one", b"two")
    assert code_of(lambda: recall(storage, sad=OTHER_SAD)) == "activation.not_kept"
    clock.advance(released.KEPT_FOR - timedelta(microseconds=1))
    assert recall(storage) == (b"one", b"two")
    clock.advance(timedelta(microseconds=1))
    assert code_of(lambda: recall(storage)) == "activation.not_kept"
    assert code_of(lambda: burn(storage)) == "activation.already_used"


def test_what_did_not_leave_is_given_up_once_it_has_expired(storage, clock):
    burn(storage)
    assert code_of(lambda: recall(storage, life=timedelta(seconds=1))) == "activation.pending"
    release(storage)
    burn(storage, "j-2", "e-2")
    clock.advance(timedelta(seconds=120))
    assert code_of(lambda: recall(storage, "j-2")) == "activation.not_released"
    assert code_of(lambda: release(storage, "j-2")) == "activation.not_burnt"
    burn(storage, "j-3", "e-2")
    for unknown, life in (("pending", timedelta(seconds=1)), ("not_released", timedelta(0))):
        code = code_of(lambda: recall(storage, "j-9", life=life))  # noqa: B023  # called at once
        assert code == f"activation.{unknown}"


def test_a_release_that_failed_keeps_nothing(storage):
    assert code_of(lambda: release(storage)) == "activation.not_burnt"
    assert kept(storage) == 0


def test_what_is_kept_is_bounded_in_time_and_for_each_credential(storage, clock):
    for number in range(released.MAX_KEPT + 3):
        burn(storage, f"j-{number}", f"e-{number}")
        release(storage, f"j-{number}")
        clock.advance(timedelta(seconds=1))
    assert kept(storage) == released.MAX_KEPT
    assert code_of(lambda: recall(storage, "j-2")) == "activation.not_kept"
    assert recall(storage, "j-3") == (b"one", b"two")
    clock.advance(released.KEPT_FOR)
    for jti in ("later", "latest"):  # a bounded number is cleared away at once
        burn(storage, jti, f"e-{jti}", credential="c-2")
        release(storage, jti)
    assert kept(storage) == 2


def kept(storage):
    query = select(func.count()).select_from(released.released_signatures)
    with storage._engine.connect() as connection:
        return connection.execute(query).scalar_one()


_BURN = """
import sys
from datetime import UTC, datetime, timedelta
from ekyc.storage import ActivationUsedError, Storage
with Storage.open(sys.argv[1]) as storage:
    print("ready", flush=True)
    for pair in sys.stdin.read().split():
        jti, evidence = pair.split("/")
        try:
            storage.activations.burn(jti, credential="c", evidence=evidence, hashes_digest="ab" * 32,
                expires_at=datetime.now(UTC) + timedelta(seconds=120))
            storage.activations.release(jti, sad_digest="cd" * 32, signatures=[b"value"])
            print("used")
        except ActivationUsedError as error:
            print(error.code)
"""


def raced(path, *inputs):
    """What each of several processes says that begin at once."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _BURN, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in inputs
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker, text in zip(workers, inputs, strict=True):
        worker.stdin.write(text)
    for worker in workers:
        worker.stdin.close()
    answers = [worker.stdout.read().split() for worker in workers]
    for worker in workers:
        worker.stdout.close()
        assert worker.wait() == 0
    return answers


def test_of_two_racing_processes_one_uses_each_activation(database):
    Storage.open(database).close()
    same = " ".join(f"j{n}/e{n}" for n in range(30))
    for pair in zip(*raced(database, same, same), strict=True):
        assert sorted(pair) == ["activation.already_used", "used"]


def test_of_two_racing_activations_one_gets_the_evidence(database):
    Storage.open(database).close()
    one, two = (" ".join(f"{name}{n}/e{n}" for n in range(30)) for name in "ab")
    for pair in zip(*raced(database, one, two), strict=True):
        assert sorted(pair) == ["activation.evidence_used", "used"]


_BURN_AND_DIE = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from ekyc.storage import Storage
storage = Storage.open(sys.argv[1])
storage.activations.burn("j-1", credential="c", evidence="e-1", hashes_digest="ab" * 32,
    expires_at=datetime.now(UTC) + timedelta(seconds=120))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_burnt_activation_stays_burnt_when_its_process_is_killed(database):
    Storage.open(database).close()
    command = [sys.executable, "-c", _BURN_AND_DIE, str(database)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -9
    with Storage.open(database) as storage:
        assert code_of(lambda: burn(storage)) == "activation.already_used"

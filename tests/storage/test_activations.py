"""Used activations: once each, whoever asks first and whatever is killed in between."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from ekyc.errors import InputError
from ekyc.storage import ActivationUsedError, Storage

HASHES = "ab" * 32


def burn(storage, jti="j-1", evidence="e-1", life=timedelta(seconds=120)):
    storage.activations.burn(
        jti,
        credential="c-1",
        evidence=evidence,
        hashes_digest=HASHES,
        expires_at=storage.activations._clock.now() + life,
    )


def code_of(call, error=ActivationUsedError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


def test_an_activation_is_used_once(storage):
    burn(storage)
    assert code_of(lambda: burn(storage, evidence="e-2")) == "activation.already_used"


def test_released_evidence_is_used_for_good(storage, clock):
    burn(storage)
    storage.activations.release("j-1")
    clock.advance(timedelta(days=30))
    assert code_of(lambda: burn(storage, "j-2")) == "activation.evidence_used"
    assert code_of(lambda: burn(storage)) == "activation.already_used"


def test_evidence_in_use_waits_until_the_activation_expired(storage, clock):
    burn(storage)
    clock.advance(timedelta(seconds=120) - timedelta(microseconds=1))
    assert code_of(lambda: burn(storage, "j-2")) == "activation.evidence_used"
    clock.advance(timedelta(microseconds=1))
    burn(storage, "j-2")
    storage.activations.release("j-2")


def test_an_activation_whose_evidence_went_on_releases_nothing(storage, clock):
    """The slow one of two: its evidence was handed to another, so nothing of it may leave any more."""
    burn(storage)
    clock.advance(timedelta(seconds=121))
    burn(storage, "j-2")
    assert code_of(lambda: storage.activations.release("j-1")) == "activation.not_burnt"
    storage.activations.release("j-2")


def test_release_comes_once_and_after_burning(storage):
    assert code_of(lambda: storage.activations.release("j-1")) == "activation.not_burnt"
    burn(storage)
    storage.activations.release("j-1")
    assert code_of(lambda: storage.activations.release("j-1")) == "activation.not_burnt"


def test_different_evidence_does_not_meet(storage):
    for number in range(5):
        burn(storage, f"j-{number}", f"e-{number}")


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "khoá", "-a", "a\n"])
def test_names_of_another_form_are_refused(storage, name):
    assert code_of(lambda: burn(storage, name), InputError) == "input.invalid"
    assert code_of(lambda: burn(storage, evidence=name), InputError) == "input.invalid"


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
            storage.activations.release(jti)
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

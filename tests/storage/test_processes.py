"""Several processes at one database: races and sudden death. Each worker is a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

from ekyc.storage import ACTIVE_AUTHENTICATION, Storage

_REDEEM = """
import sys
from ekyc.storage import ACTIVE_AUTHENTICATION, FreshnessError, Storage
with Storage.open(sys.argv[1]) as storage:
    print("ready", flush=True)
    for challenge_id in sys.stdin.read().split():
        try:
            print(storage.nonces.redeem(challenge_id, ACTIVE_AUTHENTICATION).hex())
        except FreshnessError as error:
            print(error.code)
"""

_OPEN = """
import sys
from ekyc.storage import Storage
sys.stdin.readline()
with Storage.open(sys.argv[1]) as storage:
    storage.ping()
    print(storage.nonces.issue("liveness").id)
"""

_DIE_AFTER_REDEEM = """
import os, signal, sys
from ekyc.storage import ACTIVE_AUTHENTICATION, Storage
storage = Storage.open(sys.argv[1])
storage.nonces.redeem(sys.argv[2], ACTIVE_AUTHENTICATION)
os.kill(os.getpid(), signal.SIGKILL)
"""


def start(code, *arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return process, process.stdin, process.stdout


def test_of_two_racing_processes_exactly_one_gets_each_nonce(database):
    with Storage.open(database) as storage:
        issued = [storage.nonces.issue(ACTIVE_AUTHENTICATION) for _ in range(40)]
    workers = [start(_REDEEM, database), start(_REDEEM, database)]
    for _, _, out in workers:
        assert out.readline() == "ready\n"

    # Both read until end of input: closing both pipes is the starting shot.
    for _, into, _ in workers:
        into.write(" ".join(challenge.id for challenge in issued))
    for _, into, _ in workers:
        into.close()
    answers = [out.read().split() for _, _, out in workers]
    for worker, _, out in workers:
        out.close()
        assert worker.wait() == 0

    for challenge, pair in zip(issued, zip(*answers, strict=True), strict=True):
        assert sorted(pair) == sorted([challenge.nonce.hex(), "freshness.already_used"])


def test_processes_that_start_at_once_migrate_once(database):
    workers = [start(_OPEN, database) for _ in range(4)]

    ids = set()
    for _, into, _ in workers:
        into.write("go\n")
        into.flush()
    for worker, _, _ in workers:
        ids.add(worker.communicate()[0].strip())
        assert worker.returncode == 0

    assert len(ids) == 4


def test_a_redeemed_challenge_stays_redeemed_when_the_process_is_killed(database):
    with Storage.open(database) as storage:
        challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)
    killed, _, _ = start(_DIE_AFTER_REDEEM, database, challenge.id)
    killed.communicate()
    assert killed.returncode == -9

    again, _, _ = start(_REDEEM, database)
    answer, _ = again.communicate(challenge.id)
    assert answer.split() == ["ready", "freshness.already_used"]

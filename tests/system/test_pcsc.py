"""The whole way of a command: ekyc, pyscard, pcscd, vsmartcard's virtual reader, a simulated card in another process.

Everything runs in a network and mount namespace of its own, so that neither ports nor /run of the machine are touched.
"""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

READERS = ("Virtual PCD 00 00", "Virtual PCD 00 01")
SECOND_PORT = "35964"
PATIENCE_S = 20.0
PCSCD = (
    "ip link set lo up && mount -t tmpfs none /run && mkdir /run/pcscd && exec pcscd --foreground"
)


@pytest.fixture(scope="module")
def pyscard(tmp_path_factory):
    """pyscard, built for this run: it is published as source only and no part of the lock."""
    place = tmp_path_factory.mktemp("pyscard")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", place, "pyscard>=2.3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"pyscard cannot be built: {last}")
    return place


@pytest.fixture(scope="module")
def namespace():
    """Process id of a pcscd in namespaces of its own."""
    for program in ("pcscd", "vpcd-config", "unshare", "nsenter", "ip"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (run scripts/install-judges)")
    allowed = subprocess.run(["unshare", "-mn", "true"], capture_output=True, check=False)
    if allowed.returncode:
        pytest.skip("namespaces cannot be made here (needs root)")
    service = subprocess.Popen(
        ["unshare", "-mn", "sh", "-c", PCSCD],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield service.pid
    service.terminate()
    service.wait(timeout=30)


@pytest.fixture(scope="module")
def inside(namespace, pyscard, tmp_path_factory):
    """``inside("chip", "read", …)``: the command line to run ekyc beside pcscd, and its environment."""
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "PYTHONPATH": str(pyscard), "EKYC_HOME": str(home)}
    prefix = ["nsenter", "-t", str(namespace), "-m", "-n", sys.executable, "-m", "ekyc.cli"]

    def arguments(*options):
        return {"args": [*prefix, *map(str, options)], "env": environment}

    return arguments


@pytest.fixture(scope="module")
def ekyc(inside):
    """``ekyc("chip", "read", …) -> (exit code, object)``."""

    def run(*options):
        done = subprocess.run(
            **inside(*options, "--json"), capture_output=True, text=True, check=False, timeout=120
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def readers(ekyc):
    """Names of the readers, once pcscd is up."""
    return wait_for(lambda: ekyc("chip", "read", "--list")[1].get("readers"))


@pytest.fixture(scope="module")
def cards(inside, readers, tmp_path_factory):
    """Two sample cards: on the first reader one with PACE, on the second one without."""
    place = tmp_path_factory.mktemp("cards")
    listed = [
        ("pace", ("--anchor", place / "pace.pem")),
        ("bac", ("--anchor", place / "bac.pem", "--bac-only", "--port", SECOND_PORT)),
    ]
    found, running = {}, []
    for name, options in listed:
        card = subprocess.Popen(
            **inside("chip", "simulate", *options), stderr=subprocess.PIPE, text=True
        )
        running.append(card)
        line = card.stderr.readline()
        assert line.startswith("SAMPLE"), line
        found[name] = {"anchor": place / f"{name}.pem", "keys": line.split(":", 1)[1].split()}
    yield found
    for card in running:
        card.terminate()
        card.wait(timeout=30)
        card.stderr.close()


@pytest.fixture
def attempt(ekyc, cards, tmp_path):
    """``attempt(0, "pace", "--can", "123456")``: waits until pcscd has noticed the card."""

    def run(reader, card, *options):
        where = ("--reader", READERS[reader], "--out", tmp_path / "out")
        trust = ("--trust", cards[card]["anchor"])

        def once():
            code, result = ekyc("chip", "read", *where, *trust, *options)
            absent = result["reasons"] == ["chip.card_absent"]
            return None if absent else (code, result)

        return wait_for(once)

    return run


@pytest.fixture
def read(attempt, cards):
    """``read(0, "pace", "--can")``: with the key that the card announced."""

    def run(reader, card, key, *options):
        keys = cards[card]["keys"]
        return attempt(reader, card, key, keys[keys.index(key) + 1], *options)

    return run


def wait_for(question):
    """The first answer that is not empty."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        answer = question()
        if answer:
            return answer
        time.sleep(0.2)
    pytest.fail("no answer in time")
    return None


def outcomes(result):
    return {check["id"]: check["outcome"] for check in result["checks"]}


def test_both_virtual_readers_are_listed(readers):
    assert tuple(readers) == READERS


def test_a_card_is_read_with_pace(read, tmp_path):
    code, result = read(0, "pace", "--can")
    assert code == 0, result
    assert result["access"]["name"] == "PACE-ECDH-GM-AES-128"
    assert result["chip_authentication"]["protocol"] == "CA-ECDH-AES-128"
    assert result["passive_authentication"]["chain"]["verdict"] == "CHAINED"
    assert outcomes(result)["chip.chip_authentication"] == "PASSED"
    assert (tmp_path / "out/EF.DG2").stat().st_size > 4096


def test_a_card_is_read_with_bac(read):
    code, result = read(1, "bac", "--mrz")
    assert code == 0, result
    assert result["access"] == {"protocol": "BAC", "name": "BAC", "pace_error": "chip.pace_hidden"}
    assert result["chip_authentication"]["protocol"] == "CA-ECDH-AES-128"
    assert outcomes(result)["chip.hashes"] == "PASSED"


def test_where_pace_takes_no_zone_bac_serves(read):
    code, result = read(0, "pace", "--mrz")
    assert code == 0, result
    assert result["access"]["pace_error"] == "chip.pace_unavailable"


def test_the_chip_answers_a_challenge_and_the_challenge_counts_once(read, ekyc):
    _, challenge = ekyc("challenge", "new")
    code, result = read(0, "pace", "--can", "--challenge", challenge["id"])
    assert code == 0, result
    assert outcomes(result)["chip.active_authentication"] == "PASSED"

    code, result = read(0, "pace", "--can", "--challenge", challenge["id"])
    assert code == 1
    assert result["error"]["code"] == "freshness.already_used"


def test_the_wrong_number_opens_nothing(attempt):
    code, result = attempt(0, "pace", "--can", "999999")
    assert code == 1
    assert result["error"]["code"] == "chip.pace_refused"


def test_the_anchor_of_one_issuer_does_not_vouch_for_the_card_of_another(attempt, cards):
    keys = cards["pace"]["keys"]
    code, result = attempt(0, "bac", "--can", keys[keys.index("--can") + 1])
    assert code in {10, 11}
    assert outcomes(result)["chip.chain"] != "PASSED"


def test_what_was_read_is_inspected_offline(read, ekyc, cards, tmp_path):
    read(0, "pace", "--can")
    code, result = ekyc("chip", "inspect", tmp_path / "out", "--trust", cards["pace"]["anchor"])
    assert code == 0, result
    assert outcomes(result)["chip.hashes"] == "PASSED"

"""Workers and producers killed at every step, a receiver in a process of its own that verifies by its own code.

What must hold: of every decision that was committed there is one event, and of no other; every event reaches the receiver
at least once, signed; our record has exactly one success for each.

``EKYC_WEBHOOK_KILLS`` says how often on each engine.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from webhook_places import HOST, Receiver, make_authority

from ekyc.ports import SystemRandom
from ekyc.storage import DeliveriesOf, DeliveryState, ServiceKey, Storage
from ekyc.storage.tables import results
from ekyc.storage.webhooks.outbox_tables import outbox_events, webhook_attempts, webhook_deliveries

pytestmark = pytest.mark.system

SUPPORT = Path(__file__).resolve().parents[1] / "support"
KILLS = int(os.environ.get("EKYC_WEBHOOK_KILLS", "24"))
WORKER_POINTS = (
    "before-spread",
    "after-spread",
    "before-claim",
    "after-claim",
    "before-send",
    "after-send",
    "before-succeeded",
    "after-succeeded",
)
PRODUCER_POINTS = (
    "before-outbox",
    "after-outbox",
    "before-evidence",
    "after-evidence",
    "before-commit",
    "after-commit",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        return tmp_path / "state.sqlite3"
    return request.getfixturevalue("postgresql")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def receiver(tmp_path, authority):
    folder = tmp_path / "receiver"
    folder.mkdir()
    with contextlib.closing(Receiver(folder, authority)) as running:
        yield running


class Nursery:
    """Forks workers and producers that die."""

    def __init__(self, database, key_file, ca_file):
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(SUPPORT / "webhook_nursery.py"),
                *map(str, (database, key_file, ca_file)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, kind, point="never", count=1):
        """What the child printed, and how it ended."""
        self.process.stdin.write(f"{kind} {point} {count}\n")
        self.process.stdin.flush()
        printed = []
        while True:
            word, value = self.process.stdout.readline().split()
            if word == "exit":
                return printed, int(value)
            printed.append(value)

    def close(self):
        self.process.communicate()


@pytest.fixture
def nursery(tmp_path, database, authority):
    with contextlib.closing(
        Nursery(database, tmp_path / "service.key", authority / "ca.pem")
    ) as running:
        yield running


@pytest.fixture
def key(tmp_path):
    return ServiceKey.load(tmp_path / "service.key", SystemRandom())


def table(database, query):
    with Storage.open(database) as storage, storage._engine.connect() as connection:
        return connection.execute(query).all()


def test_events_and_decisions_never_part_when_a_producer_is_killed(database, nursery):
    committed = []
    for number in range(max(KILLS // 2, len(PRODUCER_POINTS))):
        point = PRODUCER_POINTS[number % len(PRODUCER_POINTS)]
        printed, status = nursery.run("decide", point, 1 + number % 7)
        assert status == -signal.SIGKILL, point
        committed += printed

    decided = {row.id for row in table(database, select(results.c.id))}
    told = [
        json.loads(row.body)["data"]["id"] for row in table(database, select(outbox_events.c.body))
    ]
    assert set(committed) <= decided
    assert Counter(told) == Counter(decided)


def test_every_event_arrives_however_often_workers_are_killed(database, nursery, receiver, key):
    with Storage.open(database) as storage:
        _, secrets = storage.webhooks(key).endpoints.create("default", url=receiver.url)
    receiver.holds(secrets)
    killed = Counter()
    for number in range(KILLS):
        if number % 8 == 0:
            nursery.run("decide")  # 50 decisions more
        point = WORKER_POINTS[number % len(WORKER_POINTS)]
        _, status = nursery.run("work", point, 1 + number // 8 % 5)
        assert status in {0, -signal.SIGKILL}
        killed[point] += status != 0
    _, status = nursery.run("work")
    assert status == 0

    ids = {row.id for row in table(database, select(outbox_events.c.id))}
    journal = receiver.journal
    assert all(line["forms"] == ["v1", "v1a"] for line in journal)
    assert {line["host"] for line in journal} == {f"{HOST}:{receiver.port}"}
    seen = Counter(line["id"] for line in journal)
    assert set(seen) == ids
    bodies = {line["id"]: set() for line in journal}
    for line in journal:
        bodies[line["id"]].add(line["body"])
    assert {len(each) for each in bodies.values()} == {1}

    rows = table(database, select(webhook_deliveries.c.event_id, webhook_deliveries.c.state))
    assert Counter(row.event_id for row in rows) == Counter(ids)
    assert {row.state for row in rows} == {DeliveryState.DELIVERED.value}
    attempts = table(database, select(webhook_attempts.c.delivery_id, webhook_attempts.c.cause))
    assert Counter(row.cause for row in attempts) == {"delivered": len(ids)}
    assert sum(killed.values()) >= KILLS * 3 // 4
    again = sum(seen.values()) - len(seen)
    sys.stdout.write(f"killed {sum(killed.values())}, events {len(ids)}, sent again {again}\n")


# --- the command ---


def command(tmp_path, *arguments):
    environment = os.environ | {"EKYC_HOME": str(tmp_path / "home")}
    return subprocess.run(
        [sys.executable, "-m", "ekyc.cli", *arguments, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


@contextlib.contextmanager
def worker_command(tmp_path, authority):
    environment = os.environ | {"EKYC_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "ekyc.cli", "worker", "--webhook-loopback"),
            *("--webhook-ca", str(authority / "ca.pem")),
        ],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "delivering" in process.stderr.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def made_endpoint(tmp_path, receiver):
    made = command(tmp_path, "webhook", "create", receiver.url, "--webhook-loopback")
    result = json.loads(made.stdout)
    (receiver.folder / "keys.json").write_text(json.dumps([key["key"] for key in result["keys"]]))
    return result["endpoints"][0]["id"]


def states(tmp_path):
    with Storage.open(tmp_path / "home" / "ekyc.sqlite3") as storage:
        rows = storage.webhooks(ServiceKey(bytes(32))).deliveries.page("default", DeliveriesOf())
        return [row.state for row in rows]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_ends_what_is_on_its_way(
    tmp_path, authority, receiver, number
):
    endpoint = made_endpoint(tmp_path, receiver)
    command(tmp_path, "webhook", "test", endpoint)
    receiver.answers("hang")
    with worker_command(tmp_path, authority) as process:
        while not receiver.journal:
            assert process.poll() is None
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for the answer
            process.wait(0.5)
        receiver.answers("204")
        assert process.wait(30) == 0

    assert states(tmp_path) == [DeliveryState.DELIVERED]
    assert len(receiver.journal) == 1


def test_a_receiver_without_our_authority_gets_nothing(tmp_path, authority, receiver):
    endpoint = made_endpoint(tmp_path, receiver)
    command(tmp_path, "webhook", "test", endpoint)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Another CA")])
    now = datetime.now(UTC)
    other = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (stranger / "ca.pem").write_bytes(other.public_bytes(serialization.Encoding.PEM))
    with worker_command(tmp_path, stranger) as process:
        [delivery] = json.loads(command(tmp_path, "webhook", "deliveries").stdout)["deliveries"]
        while not delivery.get("attempts"):
            assert process.poll() is None
            shown = command(tmp_path, "webhook", "delivery", delivery["id"])
            [delivery] = json.loads(shown.stdout)["deliveries"]

    assert delivery["attempts"][0]["cause"] == "tls"
    assert receiver.journal == []


def test_the_verifier_of_the_documentation_believes_a_message_as_it_came(
    tmp_path, authority, receiver, repository_root
):
    endpoint = made_endpoint(tmp_path, receiver)
    command(tmp_path, "webhook", "test", endpoint)
    with worker_command(tmp_path, authority) as process:
        while not receiver.journal:
            assert process.poll() is None
    [message] = receiver.journal
    page = (repository_root / "docs" / "webhooks.md").read_text("utf-8")
    written = {}
    exec(page.partition("```python\n")[2].partition("```")[0], written)
    for key in json.loads((receiver.folder / "keys.json").read_text()):
        body, now = message["body"].encode(), int(message["headers"]["webhook-timestamp"])
        assert written["is_genuine"](key, message["headers"], body, now)
        assert not written["is_genuine"](key, message["headers"], body + b" ", now)

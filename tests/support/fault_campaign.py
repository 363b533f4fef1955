"""A service under load whose processes and database are killed, again and again, and what must hold of it afterwards.

The load: portals in processes of their own (fault_client.py), an issuer that takes places of a register, a receiver of
webhooks. Killed are, each at one of its steps or at any moment: the API, the worker, the issuer, and PostgreSQL (its
postmaster, or one of its backends).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from fault_nursery import API_POINTS, ISSUER_POINTS, TENANT, WORKER_POINTS
from sqlalchemy import create_engine, text

from ekyc.api.v1.cases import loaded_session
from ekyc.dossiers import Interrupted, SessionState
from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom
from ekyc.storage import (
    DeliveriesOf,
    DeliveryState,
    FileBlobStore,
    FileKeyProvider,
    ServiceKey,
    Storage,
)
from ekyc.storage.evidence.audit import inspect_export
from ekyc.storage.evidence.export import write_export
from ekyc.storage.evidence.notes import CheckpointKey, ServiceCheckpointSigner
from ekyc.values import DEFAULT_TENANT

SUPPORT = Path(__file__).parent
PORTALS = 3
_READY_S = 60.0
_LONGEST_LIFE_S = 1.5
"""After which a process that did not come to its point is killed where it is."""


class Process:
    """One forked process and its point."""

    def __init__(self, nursery, kind, points, chance):
        self.nursery, self.kind, self.points, self.chance = nursery, kind, points, chance
        self.number = None
        self.killed = Counter()

    def start(self, *, deadly=True):
        """At every second start it is to die at one of its steps, in their order; else wherever the kill meets it."""
        turn = sum(self.killed.values())
        at_step = deadly and turn % 2 == 0
        self.point = self.points[turn // 2 % len(self.points)] if at_step else "never"
        self.life_s = _LONGEST_LIFE_S if at_step else self.chance.uniform(0.0, _LONGEST_LIFE_S)
        self.number = self.nursery.fork(self.kind, self.point, 1 + self.chance.randrange(4))

    def is_dead(self):
        stat = Path(f"/proc/{self.number}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "Z"

    def kill(self, began):
        """Wait for its death, or bring it about; it is counted by its place."""
        while not self.is_dead():
            if time.monotonic() > began + self.life_s:
                os.kill(self.number, signal.SIGKILL)
                self.point = "any moment"
                break
            time.sleep(0.01)
        status = self.nursery.wait(self.number)
        assert status == -signal.SIGKILL, f"{self.kind} ended by itself: {status}"
        self.killed[self.point] += 1

    def end(self):
        """By SIGTERM, as an operator does; its exit status."""
        os.kill(self.number, signal.SIGTERM)
        return self.nursery.wait(self.number)


class Nursery:
    """Forks processes of the service."""

    def __init__(self, folder, database, port):
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(SUPPORT / "fault_nursery.py"),
                *map(str, (folder, database, port)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, kind, point, count):
        return self._ask(f"{kind} {point} {count}")

    def wait(self, number):
        return self._ask(f"wait {number}")

    def _ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.communicate()


class Campaign:
    """One service, its load and its deaths.

    Args:
        folder: an empty one, with the receiver's ``ca.pem``.
        database: path or URL of an empty database.
        server: the PostgreSQL behind it, to be killed too; ``None`` for SQLite.
        receiver: of webhooks, with ``url``, ``holds`` and ``journal``.
        port: a free one.
    """

    def __init__(self, folder, database, *, server, receiver, port, seed=1):
        self.folder, self.database, self.server = folder, database, server
        self.receiver, self.url = receiver, f"http://127.0.0.1:{port}"
        (folder / "scratch").mkdir()
        self.key = ServiceKey.load(folder / "service.key", SystemRandom())
        with Storage.open(database) as storage:
            hooks = storage.webhooks(self.key)
            made = [
                hooks.endpoints.create(tenant, url=receiver.url)
                for tenant in (TENANT, DEFAULT_TENANT)
            ]
        receiver.holds([secret for _, secrets in made for secret in secrets])
        self.chance = random.Random(seed)
        self.nursery = Nursery(folder, database, port)
        self.processes = {
            kind: Process(self.nursery, kind, points, self.chance)
            for kind, points in (
                ("api", API_POINTS),
                ("worker", WORKER_POINTS),
                ("issuer", ISSUER_POINTS),
            )
        }
        self.database_kills = Counter()
        self.portals = []

    def run(self, kills):
        """Begin the load, kill each part ``kills`` times, and let the load end."""
        for process in self.processes.values():
            process.start(deadly=False)
        self._begin_portals()
        self._until(lambda: all(map(self._has_begun, range(PORTALS))))
        for turn in range(kills):
            self._until(lambda: self.processes["api"].is_dead() or self._answers())
            began = time.monotonic()
            if self.server is not None:
                self._kill_database(turn)
            for process in self.processes.values():
                process.kill(began)
                process.start(deadly=turn + 1 < kills)
            self._require_alive()
        self._until(self._answers)
        (self.folder / "stop").touch()
        for portal in self.portals:
            portal.wait(300)
        self._require_alive(ended=True)

    def _begin_portals(self):
        for number in range(PORTALS):
            command = [sys.executable, str(SUPPORT / "fault_client.py"), self.url, str(self.folder)]
            words = [f"portal{number}", str(number)]
            with (self.folder / f"portal{number}.log").open("wb") as log:
                self.portals.append(subprocess.Popen([*command, *words], stderr=log))

    def _has_begun(self, number):
        journal = self.folder / f"portal{number}.ndjson"
        return journal.exists() and journal.stat().st_size > 0

    def _kill_database(self, turn):
        time.sleep(self.chance.uniform(0.0, 1.0))
        if turn % 2 and self.server.kill_backend():
            self.database_kills["backend"] += 1
        else:
            self.server.kill()
            self.database_kills["postmaster"] += 1
            self.server.start()

    def _answers(self):
        """Whether the API is ready, its database too."""
        try:
            urllib.request.urlopen(f"{self.url}/readyz", timeout=15).close()
        except OSError:
            return False
        return True

    def _until(self, comes):
        deadline = time.monotonic() + _READY_S
        while not comes():
            assert time.monotonic() < deadline, (self.folder / "api.log").read_text()[-3000:]
            self._require_alive()
            time.sleep(0.02)

    def _require_alive(self, *, ended=False):
        for number, portal in enumerate(self.portals):
            wanted = 0 if ended else None
            log = self.folder / f"portal{number}.log"
            assert portal.poll() == wanted, log.read_text()[-3000:]

    def settle(self):
        """Until nothing is verified and everything is delivered; then all end as they are told to."""
        os.kill(self.processes["issuer"].number, signal.SIGKILL)
        self.nursery.wait(self.processes["issuer"].number)
        with Storage.open(self.database) as storage:
            self._until_nothing_is_verified()
            hooks, deadline = storage.webhooks(self.key), time.monotonic() + 120
            waiting = DeliveriesOf(state=DeliveryState.WAITING, limit=1)
            while hooks.queue.has_work(timedelta(seconds=1)) or any(
                hooks.deliveries.page(tenant, waiting) for tenant in (TENANT, DEFAULT_TENANT)
            ):
                assert time.monotonic() < deadline
                time.sleep(0.2)
        uploads = list((self.folder / "scratch").iterdir())
        assert len(uploads) <= 1, "folders of dead processes were left"
        assert not any(one.is_dir() for folder in uploads for one in folder.iterdir())
        assert (self.processes["worker"].end(), self.processes["api"].end()) == (0, 0)
        assert list((self.folder / "scratch").iterdir()) == []

    def rows(self, query):
        url = self.database if isinstance(self.database, str) else f"sqlite:///{self.database}"
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                return connection.execute(text(query)).all()
        finally:
            engine.dispose()

    def _until_nothing_is_verified(self):
        """Wait until whatever was accepted is done with, by whichever process."""
        deadline = time.monotonic() + 120
        while self.rows("SELECT id FROM submission_runs"):
            assert time.monotonic() < deadline, (self.folder / "api.log").read_text()[-3000:]
            time.sleep(0.2)

    def journal(self, step):
        """What all portals were answered in a step."""
        lines = []
        for file in sorted(self.folder.glob("portal*.ndjson")):
            lines += [json.loads(line) for line in file.read_text().splitlines()]
        return [line for line in lines if line["step"] == step]

    def close(self):
        for portal in self.portals:
            portal.kill()
            portal.wait()
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(process.number, signal.SIGKILL)
        self.nursery.close()


class Findings:
    """What is in the database in the end, held against what was answered."""

    def __init__(self, campaign):
        self.campaign = campaign
        self.figures = Counter()

    def check(self):
        with Storage.open(self.campaign.database) as storage:
            self.logs = self._logs(storage)
            self._keys()
            self._sessions(storage)
            self._register(storage)
            self._evidence(storage)
            self._artefacts(storage)
        self._webhooks()
        return self.figures

    def rows(self, query):
        return self.campaign.rows(query)

    def _logs(self, storage):
        desk = storage.dossiers(self.campaign.key)
        logs = {}
        with desk.looking(TENANT) as unit:
            for (name,) in self.rows("SELECT id FROM verification_sessions"):
                row = unit.sessions.get(name)
                logs[name] = loaded_session(
                    row, unit.logs.of(name)
                )  # replays, or says it is damaged
        return logs

    def _keys(self):
        """Each key has made one thing, and everything was made by a key."""
        for step, table in (("session", "verification_sessions"), ("dossier", "dossiers")):
            answered = self.campaign.journal(step)
            made = {line["key"]: line["id"] for line in answered}
            assert len(made) == len(answered) == len(set(made.values()))
            assert set(made.values()) == {row.id for row in self.rows(f"SELECT id FROM {table}")}
            self.figures[f"{step}s"] = len(made)

    def _sessions(self, storage):
        accepted, decided = Counter(), Counter()
        for line in self.campaign.journal("submit"):
            accepted[line["session"]] += 1
        for line in self.campaign.journal("decision"):
            decided[line["session"]] += 1
        moved = {}
        for row in self.rows("SELECT kind, body FROM outbox_events"):
            if row.kind == "session.state_changed":
                data = json.loads(row.body)["data"]
                moved.setdefault(data["id"], Counter())[data["state"]] += 1
        for name, loaded in self.logs.items():
            kinds = Counter(type(action.event).__name__ for action in loaded.actions)
            assert loaded.view.state.value == loaded.row.state
            assert loaded.view.state is not SessionState.PROCESSING
            assert kinds["Submitted"] == accepted[name], name
            assert kinds["Decided"] == decided[name], name
            assert kinds["Concluded"] + kinds["Interrupted"] == kinds["Submitted"]
            assert moved.get(name, Counter()) == _moves(loaded), name
            self.figures["submissions"] += kinds["Submitted"]
            self.figures["concluded"] += kinds["Concluded"]
            self._given_up(loaded)
            self.figures["decisions"] += kinds["Decided"] + kinds["Concluded"]
        self._seen()

    def _given_up(self, loaded):
        """Nothing that was kept is given back, but what was begun three times and died each time."""
        for action in loaded.actions:
            if isinstance(action.event, Interrupted):
                assert (action.event.code, action.event.counted) == ("session.given_up", False)
                self.figures["given up after three deaths"] += 1

    def _seen(self):
        """Whatever a portal was shown is still part of the log."""
        for step in ("session", "submit", "decision", "cancel", "redact"):
            for line in self.campaign.journal(step):
                actions = self.logs[line["id"]].actions[: line["version"]]
                assert len(actions) == line["version"]
                shown = loaded_view(actions)
                assert shown.state.value == line["state"], line
                self.figures["answers held against the log"] += 1
        self.figures["sent again"] = sum(
            line["again"]
            for step in ("dossier", "session", "token", "submit", "decision", "cancel", "redact")
            for line in self.campaign.journal(step)
        )
        failed = Counter((line["status"], line["code"]) for line in self.campaign.journal("failed"))
        assert not failed, f"answered neither with what was done nor with 429 or 503: {failed}"

    def _register(self, storage):
        issued = self.rows("SELECT id, list, place FROM issued_results")
        places = sorted(row.place for row in issued)
        assert len(set(places)) == len(places)
        told = {
            tuple(line.split(":")[1:])
            for line in (self.campaign.folder / "issuer.out").read_text().splitlines()
            if line.count(":") == 2
        }
        assert told <= {(row.id, str(row.place)) for row in issued}
        self.figures["places of the register"] = len(places)

    def _evidence(self, storage):
        signer = ServiceCheckpointSigner(self.campaign.key)
        storage.checkpoints.make(signer=signer)
        out = io.BytesIO()
        self.figures["entries of evidence"] = write_export(
            storage.evidence, storage.checkpoints, out
        )
        report = inspect_export(
            io.BytesIO(out.getvalue()), keys=[CheckpointKey(signer.public_key_der)]
        )
        assert report.outcome is Outcome.PASSED
        events = Counter(
            json.loads(entry.event)["kind"]
            for entry in storage.evidence.entries(0, storage.evidence.size())
        )
        results = len(self.rows("SELECT id FROM results"))
        self.evidence = events
        assert events["decision.recorded"] == results == self.figures["concluded"], events
        told = (self.campaign.folder / "api.log").read_text()
        self.figures["taken up from another process"] = told.count("a submission is taken up")
        assert events["result.issued"] == self.figures["places of the register"], events

    def _artefacts(self, storage):
        random = SystemRandom()
        folder = self.campaign.folder
        vault = storage.vault(
            FileKeyProvider(folder / "keys", random), FileBlobStore(folder / "blobs", random)
        )
        desk = storage.dossiers(self.campaign.key)
        with desk.looking(TENANT) as unit:
            kept = [one for name in self.logs for one in unit.artefacts.of(name)]
        for one in kept:
            if self.logs[one.session_id].view.state is not SessionState.REDACTED:
                assert len(vault.artefacts.read(TENANT, one.artefact_id)) == one.size
                self.figures["artefacts opened"] += 1

    def _webhooks(self):
        events = self.rows("SELECT id FROM outbox_events")
        ids = {row.id for row in events}
        bodies = {}
        for line in self.campaign.receiver.journal:
            assert line["forms"] == ["v1", "v1a"]
            bodies.setdefault(line["id"], set()).add(line["body"])
        assert set(bodies) == ids
        assert all(len(each) == 1 for each in bodies.values())
        successes = Counter(
            row.delivery_id
            for row in self.rows("SELECT delivery_id, cause FROM webhook_attempts")
            if row.cause == "delivered"
        )
        assert set(successes.values()) == {1}
        assert len(successes) == len(ids)
        self.figures["webhooks"] = len(ids)


def loaded_view(actions):
    """Where a session stood after so many actions."""
    from ekyc.dossiers import replay_session

    return replay_session(actions)


def _moves(loaded):
    """The states that a log leads to, one after the other, as events tell them."""
    states = [
        loaded_view(loaded.actions[:length]).state.value
        for length in range(1, len(loaded.actions) + 1)
    ]
    return Counter([state for state, _ in groupby(states)][1:])

"""A portal in a process of its own, whose service keeps dying: it repeats every call with its key until it is answered.

    python fault_client.py URL FOLDER NAME SEED

One flow after the other, until FOLDER/stop is there: dossier, session, sometimes a capture token, submissions, an officer's
decision, sometimes a redaction. FOLDER/NAME.ndjson says of each step its key and what was answered, written before the next.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

from ekyc.client import Client, ConflictError, RetryPolicy, UnavailableError, UnreachableError

PLANS = ("accept", "review", "again", "accept")
MOST_SUBMISSIONS = 6


class Portal:
    """Flows, each step written down."""

    def __init__(self, url, folder, name, seed):
        policy = RetryPolicy(
            attempts=8, first_wait_s=0.05, longest_wait_s=0.5, jitter=self.count_again
        )
        self.portal = Client(url, key="portal", retries=policy)
        self.officer = Client(url, key="officer", retries=policy)
        self.again = 0
        self.folder, self.name = folder, name
        self.random = random.Random(seed)
        self.journal = os.open(folder / f"{name}.ndjson", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def count_again(self):
        """The client asks for jitter each time that it is about to send again."""
        self.again += 1
        return self.random.random()

    def note(self, **line):
        os.write(self.journal, json.dumps(line).encode() + b"\n")

    def step(self, step, key, call, *arguments, **named):
        """What the call answers, however often it takes; ``None`` if it was refused, which is an answer too."""
        began, self.again = time.monotonic(), 0
        while True:
            try:
                result = call(*arguments, **named, idempotency_key=key)
            except (UnreachableError, UnavailableError) as error:
                if time.monotonic() - began > 300:
                    raise
                failure = getattr(error, "status", None)
                if failure not in {None, 429, 503}:
                    self.note(step="failed", key=key, of=step, status=failure, code=error.code)
                self.again += 1
                continue
            except ConflictError as error:
                self.note(step="refused", key=key, of=step, code=error.code)
                return None
            seen = {"id": getattr(result, "id", None), "state": getattr(result, "state", None)}
            version = getattr(result, "version", None)
            self.note(step=step, key=key, again=self.again, version=version, **seen, **self.about)
            return result

    def look(self, session_id):
        while True:
            try:
                return self.portal.settled(session_id, timeout_s=30, every_s=0.1)
            except (UnreachableError, UnavailableError):
                continue

    def flow(self, number):
        mark = f"{self.name}-{number}"
        self.about = {}
        dossier = self.step("dossier", f"{mark}-dossier", self.portal.create_dossier, "identity")
        session = self.step(
            *("session", f"{mark}-session", self.portal.create_session),
            dossier_id=dossier.id,
            attempts=9,
        )
        self.about = {"session": session.id}
        if self.random.random() < 0.3:
            self.step("token", f"{mark}-token", self.portal.capture_token, session.id)
        session = self.submitted(mark, session)
        if session.state == "needs_review":
            outcome = self.random.choice(["approved", "rejected"])
            key = f"{mark}-decision"
            reasons = ("chip.signature_invalid",) if outcome == "rejected" else ()
            self.step("decision", key, self.officer.decide, session, outcome, reasons=reasons)
        elif session.state == "requires_input":
            self.step("cancel", f"{mark}-cancel", self.portal.cancel, session.id)
        if self.random.random() < 0.1:
            self.step("redact", f"{mark}-redact", self.officer.redact, session.id)

    def submitted(self, mark, session):
        for attempt in range(MOST_SUBMISSIONS):
            case = self.folder / f"{self.name}-case"
            case.mkdir(exist_ok=True)
            (case / "case.toml").write_text('schema = "ekyc.case/1"\nprofile = "identity"\n')
            (case / "plan.txt").write_text(self.random.choice(PLANS))
            (case / "pad.bin").write_bytes(os.urandom(20_000))
            key, wait_s = f"{mark}-submit-{attempt}", self.random.choice([0, 2])
            self.step("submit", key, self.portal.submit, session.id, case, wait_s=wait_s)
            session = self.look(session.id)
            if session.state != "requires_input":
                break
        return session


def main():
    url, folder, name, seed = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    portal, number = Portal(url, folder, name, seed), 0
    while not (folder / "stop").exists():
        portal.flow(number)
        number += 1


if __name__ == "__main__":
    main()

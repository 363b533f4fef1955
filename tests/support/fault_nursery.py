"""Processes of the service that die where they are told to. One process imports everything and forks the rest.

    python fault_nursery.py FOLDER DATABASE PORT

Lines on stdin: ``api POINT COUNT``, ``worker POINT COUNT`` and ``issuer POINT COUNT`` fork a process that kills itself
(SIGKILL) when it comes to that point for the COUNT-th time, and print its number; ``wait NUMBER`` prints how it ended.

FOLDER holds ``ca.pem`` and gets ``service.key``, ``keys``, ``blobs``, ``scratch`` and what the processes log.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import event
from webhook_nursery import Death

import ekyc.api.v1.processing as processing_module
import ekyc.storage.dossiers.desk as dossiers_module
import ekyc.storage.results.records as results_module
import ekyc.storage.sealed.artefacts as artefacts_module
from ekyc.api import ServerAddress, ServiceLimits, create_app, serve
from ekyc.api.access import Principal, PrincipalKind, Role, permissions, scopes_of
from ekyc.api.v1 import ResourceFront
from ekyc.api.v1.front import ResourceLimits
from ekyc.api.v1.rates import RateLimit
from ekyc.errors import BusyError
from ekyc.flows.guarded_link import GuardedLink, LinkBounds
from ekyc.flows.webhook_worker import DeliveryWorker, WebhookSender, WorkerSettings
from ekyc.policy import Verdict
from ekyc.ports import SystemClock, SystemRandom
from ekyc.signing.credentials.schemas import schemas
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, Storage, StorageAwayError
from ekyc.storage.dossiers.desk import ActionLogs, Findings
from ekyc.storage.dossiers.idempotency import KeptAnswers
from ekyc.storage.dossiers.rows import DossierRows, SessionRows
from ekyc.storage.dossiers.submissions import SubmissionLeases, SubmissionRuns
from ekyc.storage.evidence.log import EvidenceLog
from ekyc.storage.results.issued import IssuedResultStore
from ekyc.storage.sealed.blobs import FileBlobStore as Blobs
from ekyc.storage.sealed.session_artefacts import SessionArtefacts
from ekyc.storage.webhooks.outbox import Outbox

TENANT = "a"
LEASE = timedelta(seconds=1)
SUBMISSION_LEASE = timedelta(seconds=2)
"""After which another process takes a submission up."""

_STEPS = {
    "key-claimed": (KeptAnswers, "claim"),
    "answer-kept": (KeptAnswers, "keep"),
    "dossier-added": (DossierRows, "add"),
    "session-added": (SessionRows, "add"),
    "state-moved": (SessionRows, "index"),
    "line-appended": (ActionLogs, "append"),
    "checks-kept": (Findings, "put"),
    "event-put": (Outbox, "put"),
    "evidence-appended": (EvidenceLog, "append"),
    "blob-written": (Blobs, "put"),
    "artefact-sealed": (artefacts_module.ArtefactStore, "seal"),
    "artefacts-kept": (SessionArtefacts, "add"),
    "run-added": (SubmissionRuns, "add"),
    "run-begun": (SubmissionRuns, "begin"),
    "run-finished": (SubmissionRuns, "finish"),
    "run-claimed": (SubmissionLeases, "claim"),
    "run-renewed": (SubmissionLeases, "renew"),
    "case-unsealed": (processing_module, "unseal_case"),
    "decision-recorded": (results_module.DecisionRecords, "add"),
    "unit-written": (dossiers_module.DossierDesk, "writing"),
    "result-issued": (IssuedResultStore, "issue"),
}
API_POINTS = (
    *(f"{when}-{name}" for name in list(_STEPS)[:-1] for when in ("before", "after")),
    *("before-commit", "before-verified", "after-verified", "before-answered", "after-answered"),
)
WORKER_POINTS = tuple(
    f"{when}-{name}"
    for name in ("spread", "claim", "send", "succeeded")
    for when in ("before", "after")
)
ISSUER_POINTS = (
    *("before-result-issued", "after-result-issued", "before-event-put", "after-event-put"),
    *("before-evidence-appended", "after-evidence-appended", "before-commit", "before-signed"),
)


class BearerGate:
    """An in-memory Gate: the bearer's text is the name. **Insecure**, for tests."""

    def __init__(self):
        rows = permissions().items()
        self._known = {
            "portal": Principal(
                tenant=TENANT,
                kind=PrincipalKind.KEY,
                subject="key-1",
                offices=None,
                client="portal",
                scopes=frozenset(name for name, row in rows if row.machines),
            ),
            "officer": Principal(
                tenant=TENANT,
                kind=PrincipalKind.PERSON,
                subject="officer-1",
                offices=None,
                roles=frozenset({Role.OFFICER}),
                scopes=scopes_of((Role.OFFICER,)),
            ),
        }

    def identify(self, request):
        return self._known[request.headers["authorization"].removeprefix("Bearer ")]


class PlannedVerifier:
    """A verifier that finds what the file ``plan.txt`` of the case says."""

    def __init__(self, death):
        self._death = death

    def verify_folder(self, folder, *, challenge_id, live=None, **_):
        self._death.at("before-verified")
        plan = (folder / "plan.txt").read_text()
        verdict = Verdict.ACCEPT if plan == "accept" else Verdict.REVIEW
        reasons = {"accept": (), "review": ("chip.signature_invalid",)}.get(
            plan, ("policy.check_absent",)
        )
        time.sleep(int.from_bytes(os.urandom(1)) / 255 * 0.05)
        self._death.at("after-verified")
        return {
            "reasons": list(reasons),
            "checks": [],
            "decision": {"verdict": verdict.value, "profile": "identity", "blocking": []},
            "verification_id": "planned",
            "case_digest": "ab" * 32,
            "report_sha256": "cd" * 32,
            "sample": False,
        }

    def require_ready(self):
        pass


def opened(database):
    """As a supervisor that starts the process again and again while its database is away."""
    while True:
        try:
            return Storage.open(database)
        except (BusyError, StorageAwayError):
            time.sleep(0.05)


def _watch(death, storage):
    for name, (owner, step) in _STEPS.items():
        if (owner, step) == (dossiers_module.DossierDesk, "writing"):
            setattr(owner, step, _block_around(death, name, getattr(owner, step)))
        else:
            setattr(owner, step, death.around(name, getattr(owner, step)))
    event.listen(storage._engine, "commit", lambda _: death.at("before-commit"))


def _block_around(death, name, block):
    @functools.wraps(block)
    @contextlib.contextmanager
    def watched(*arguments, **named):
        death.at(f"before-{name}")
        with block(*arguments, **named) as unit:
            yield unit
        death.at(f"after-{name}")

    return watched


def _answering(app, death):
    async def watched(scope, receive, send):
        async def sending(message):
            if message["type"] == "http.response.start":
                death.at("before-answered")
            await send(message)

        await app(scope, receive, sending)
        if scope["type"] == "http":
            death.at("after-answered")

    return watched


def api(folder, database, port, death):
    key = ServiceKey.load(folder / "service.key", SystemRandom())
    with opened(database) as storage:
        _watch(death, storage)
        random = SystemRandom()
        vault = storage.vault(
            FileKeyProvider(folder / "keys", random), FileBlobStore(folder / "blobs", random)
        )
        limits = ResourceLimits(rate=RateLimit(requests=10_000_000), lease=SUBMISSION_LEASE)
        front = ResourceFront(storage.dossiers(key), vault=vault, limits=limits)
        app = create_app(
            PlannedVerifier(death),
            storage,
            limits=ServiceLimits(workers=2, waiting=50, retry_after_s=1),
            scratch_parent=folder / "scratch",
            gate=BearerGate(),
            resources=front,
        )
        serve(_answering(app, death), ServerAddress(port=port))


def worker(folder, database, _port, death):
    key = ServiceKey.load(folder / "service.key", SystemRandom())
    with opened(database) as storage:
        hooks = storage.webhooks(key)
        link = GuardedLink(LinkBounds(loopback=True, ca_file=folder / "ca.pem", answer_bytes=0))
        link.send = death.around("send", link.send)
        for name in ("spread", "claim", "succeeded"):
            setattr(hooks.queue, name, death.around(name, getattr(hooks.queue, name)))
        sender = WebhookSender(hooks.queue, link, clock=SystemClock(), random=SystemRandom())
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        DeliveryWorker(hooks.queue, sender, WorkerSettings(lease=LEASE, poll_s=0.02)).run(stop)


def issuer(_folder, database, _port, death):
    """Takes places of a register and says which result has which, after the commit."""
    schema = next(iter(schemas()))

    def sign(drawn, place, at):
        del at
        death.at("before-signed")
        return f"EKYC1:{drawn.hex()}:{place.index}"

    with opened(database) as storage:
        _watch(death, storage)
        while True:
            with contextlib.suppress(BusyError, StorageAwayError):
                issued = storage.issued_results.issue(
                    sign,
                    series="https://ketqua.example.vn/tt",
                    schema=schema,
                    subject="ef" * 32,
                    life=timedelta(days=365),
                )
                os.write(1, f"issued {issued}\n".encode())
            time.sleep(0.05)


ROLES = {"api": api, "worker": worker, "issuer": issuer}


def main():
    folder, database, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    for line in sys.stdin:
        kind, *words = line.split()
        if kind == "wait":
            _, status = os.waitpid(int(words[0]), 0)
            os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            continue
        child = os.fork()
        if child == 0:
            code = 1
            try:
                log = os.open(folder / f"{kind}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                os.dup2(log, 2)
                os.dup2(os.open(folder / f"{kind}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
                ROLES[kind](folder, database, port, Death(words[0], int(words[1])))
                code = 0
            finally:
                os._exit(code)
        os.write(1, f"{child}\n".encode())


if __name__ == "__main__":
    main()

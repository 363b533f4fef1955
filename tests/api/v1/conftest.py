"""A service with resources, around a verifier that says what it is told to, and a gate that believes a header."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from known_callers import NamedGate, person, portal

from ekyc.api import create_app
from ekyc.api.access import Role
from ekyc.api.limits import DEFAULT_LIMITS
from ekyc.api.v1 import ResourceFront
from ekyc.storage import ServiceKey, Storage
from ekyc.testing import FixedClock

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
KEY = ServiceKey(bytes(32))


def check(code, outcome, *reasons):
    return {
        "id": code,
        "outcome": outcome,
        "reasons": list(reasons),
        "subjects": [],
        "measurements": [{"name": "x", "value": 0.5, "unit": "", "threshold": 0.4}],
        "duration_ms": 1.0,
    }


class ToldVerifier:
    """An in-memory CaseVerifier: answers what ``result`` holds, or raises ``error``."""

    def __init__(self):
        self.accept()
        self.error = None
        self.hold = None
        self.arrived = threading.Semaphore(0)
        self.folders = []

    def accept(self, *, sample=False):
        self.result = self._result("accept", [], [check("chip.signature", "PASSED")], sample)

    def reject(self):
        checks = [check("face.match", "FAILED", "policy.check_absent")]
        self.result = self._result("reject", ["chip.signature_invalid_for_test"], checks, False)

    def ask_again(self):
        checks = [check("card.read", "INDETERMINATE", "policy.check_absent")]
        self.result = self._result("review", ["policy.check_absent"], checks, False)

    def verify_folder(self, folder, *, challenge_id, live=None, owner=None, receipt=None):
        self.folders.append(folder)
        self.arrived.release()
        if self.hold is not None:
            assert self.hold.wait(30)
        if self.error is not None:
            raise self.error
        return self.result

    def require_ready(self):
        pass

    @staticmethod
    def _result(verdict, reasons, checks, sample):
        return {
            "reasons": reasons,
            "checks": checks,
            "decision": {"verdict": verdict, "profile": "identity", "blocking": []},
            "verification_id": "v-1",
            "case_digest": "0" * 64,
            "sample": sample,
            "report_sha256": "1" * 64,
            "person": "cGVyc29uLW9uZQ",
            "signer": {"holder": "ab" * 32, "session": "cd" * 32},
        }


CALLERS = {
    "portal": portal(),
    "stranger": portal("b"),
    "hanoi": portal(offices=frozenset({"hn"})),
    "saigon": portal(offices=frozenset({"hcm"})),
    "officer": person("officer-1", Role.OFFICER),
    "hn-reception": person("reception-1", Role.RECEPTIONIST, offices=frozenset({"hn", "hn-1"})),
    "hn-officer": person("officer-3", Role.OFFICER, offices=frozenset({"hn", "hn-1"})),
    "hn-clerk": replace(
        person("clerk-1", Role.OFFICER, offices=frozenset({"hn", "hn-1"})),
        appointed=frozenset({"hn"}),
    ),
    "ward-officer": person("officer-4", Role.OFFICER, offices=frozenset({"hn-1"})),
    "supervisor": person("officer-2", Role.SUPERVISOR),
    "foreman": person("officer-5", Role.SUPERVISOR),
    "hn-supervisor": person("officer-6", Role.SUPERVISOR, offices=frozenset({"hn", "hn-1"})),
    "foreign": person("officer-9", Role.SUPERVISOR, tenant="b"),
    "citizen": person("c" * 64, Role.CITIZEN, offices=frozenset()),
    "neighbour": person("d" * 64, Role.CITIZEN, offices=frozenset()),
    "citizen-now": replace(
        person("c" * 64, Role.CITIZEN, offices=frozenset()), logged_in_at=FixedClock().now()
    ),
    "neighbour-now": replace(
        person("d" * 64, Role.CITIZEN, offices=frozenset()), logged_in_at=FixedClock().now()
    ),
    "auditor": person("auditor-1", Role.AUDITOR),
    "auditor-b": person("auditor-9", Role.AUDITOR, tenant="b"),
    "moonlighter": person("c" * 64, Role.CITIZEN, Role.SUPERVISOR),
}


class Desk:
    """The service's other side, in short words."""

    def __init__(self, client):
        self.http = client
        self._keys = itertools.count()

    async def post(self, path, *, key=None, caller="portal", headers=None, **options):
        given = {"Idempotency-Key": key or f"k{next(self._keys)}", "X-Caller": caller}
        return await self.http.post(path, headers=given | (headers or {}), **options)

    async def get(self, path, *, caller="portal", headers=None):
        return await self.http.get(path, headers={"X-Caller": caller} | (headers or {}))

    async def patch(self, path, *, caller="portal", headers=None, **options):
        return await self.http.patch(
            path, headers={"X-Caller": caller} | (headers or {}), **options
        )

    async def session(self, caller="portal", **members):
        wanted = {"procedure": "identity"} | members
        response = await self.post("/v1/sessions", json=wanted, caller=caller)
        assert response.status_code == 201, response.text
        return f"/v1/sessions/{response.json()['id']}"

    async def submit(self, place, *, wait=True, case=CASE, headers=None, **options):
        given = {"Prefer": "wait=20"} if wait else {}
        files = [("case", (None, case)), ("file", ("a.jpg", b"x"))]
        return await self.post(
            f"{place}/submissions", files=files, headers=given | (headers or {}), **options
        )

    async def under_review(self, **members):
        place = await self.session(**members)
        response = await self.submit(place)
        assert response.json()["state"] == "needs_review", response.text
        return place, response.headers["etag"]

    async def decide(self, place, outcome, *, caller, etag, **members):
        wanted = {"outcome": outcome} | members
        headers = {"If-Match": etag} if etag else {}
        return await self.post(f"{place}/decisions", json=wanted, caller=caller, headers=headers)


@pytest.fixture
def verifier():
    return ToldVerifier()


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(tmp_path, clock):
    with Storage.open(tmp_path / "state.sqlite3", clock=clock) as opened:
        register = opened.access(KEY).register
        register.add_tenant("a", "Tỉnh A")
        for office, parent in (("hn", None), ("hn-1", "hn"), ("hcm", None)):
            register.add_office("a", office, office, parent=parent)
        yield opened


@pytest.fixture
def app(verifier, storage, tmp_path):
    """``app(**limits of ResourceFront)``: an application over one database."""

    def make(*, credentials=None, signatures=None, service=DEFAULT_LIMITS, metrics=None, **options):
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        front = ResourceFront(storage.dossiers(KEY), **options)
        return create_app(
            verifier,
            storage,
            limits=service,
            metrics=metrics,
            scratch_parent=scratch,
            gate=NamedGate(CALLERS),
            resources=front,
            credentials=credentials,
            signatures=signatures,
        )

    return make


@pytest.fixture
def talk(app):
    """Run an async conversation with a fresh application: ``talk(conversation, **options)``."""

    def run(conversation, **options):
        async def converse():
            async with desk_of(app(**options)) as desk:
                return await conversation(desk)

        return asyncio.run(converse())

    return run


@asynccontextmanager
async def desk_of(application):
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=True)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield Desk(client)


@pytest.fixture
def entered():
    """The service's other side, around an application of the test's own."""
    return desk_of

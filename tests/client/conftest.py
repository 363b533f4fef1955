"""The published client against the real application, without a socket."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import httpx
import pytest
from told_tools import ToldTools

from ekyc.api import create_app
from ekyc.api.v1 import ResourceFront
from ekyc.client import Client
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, Storage

CASE = 'schema = "ekyc.case/1"\nprofile = "identity"\n'


class AcceptingVerifier:
    """An in-memory CaseVerifier that accepts whatever comes, or rejects it."""

    def __init__(self):
        self.verdict = "accept"
        self.seen = []

    def verify_folder(self, folder, *, challenge_id, live=None, owner=None, receipt=None):
        self.seen.append(sorted(path.name for path in folder.rglob("*") if path.is_file()))
        outcome = "PASSED" if self.verdict == "accept" else "FAILED"
        reasons = [] if self.verdict == "accept" else ["no.way.back"]
        return {
            "reasons": reasons,
            "checks": [
                {
                    "id": "face.match",
                    "outcome": outcome,
                    "reasons": [],
                    "subjects": [],
                    "measurements": [],
                    "duration_ms": 1.0,
                }
            ],
            "decision": {"verdict": self.verdict, "profile": "identity", "blocking": []},
            "verification_id": "v",
            "case_digest": "0" * 64,
            "sample": False,
        }

    def require_ready(self):
        pass


class LoopTransport(httpx.BaseTransport):
    """An ASGI application for a client that waits: its loop runs only while a call does."""

    def __init__(self, app, runner):
        self._inner = httpx.ASGITransport(app=app)
        self._runner = runner

    def handle_request(self, request):
        async def exchange():
            request.stream = httpx.ByteStream(request.read())
            response = await self._inner.handle_async_request(request)
            return response, await response.aread()

        response, content = self._runner.run(exchange())
        return httpx.Response(response.status_code, headers=response.headers, content=content)


@pytest.fixture
def verifier():
    return AcceptingVerifier()


@pytest.fixture
def tools():
    return ToldTools()


@pytest.fixture
def app(verifier, tools, tmp_path):
    with Storage.open(tmp_path / "state.sqlite3") as storage:
        front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))))
        yield create_app(verifier, storage, scratch_parent=tmp_path, resources=front, tools=tools)


@pytest.fixture
def vaulted(verifier, tools, tmp_path):
    """The same, keeping what is submitted."""
    with Storage.open(tmp_path / "kept.sqlite3") as storage:
        keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
        vault = storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))
        front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))), vault=vault)
        yield create_app(verifier, storage, scratch_parent=tmp_path, resources=front, tools=tools)


@contextmanager
def talking_to(app, **options):
    """A client of a running application."""
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(enter(lifespan))
        link = LoopTransport(app, runner)
        try:
            with Client("http://localhost", language="en", transport=link, **options) as made:
                yield made
        finally:
            runner.run(leave(lifespan))


@pytest.fixture
def talking():
    return talking_to


@pytest.fixture
def client(app):
    with talking_to(app) as made:
        yield made


async def enter(lifespan):
    await lifespan.__aenter__()


async def leave(lifespan):
    await lifespan.__aexit__(None, None, None)


@pytest.fixture
def case(tmp_path):
    folder = tmp_path / "case"
    (folder / "chip").mkdir(parents=True)
    (folder / "case.toml").write_text(CASE)
    (folder / "chip" / "EF.SOD").write_bytes(b"sod")
    return folder

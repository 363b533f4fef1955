"""A running service around a verifier that looks into the folder and tells what it saw."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from contextlib import asynccontextmanager

import httpx
import pytest

from ekyc.api import ServiceLimits, create_app
from ekyc.errors import ModelError
from ekyc.storage import Storage
from ekyc.testing import FixedClock


class FolderListing:
    """An in-memory CaseVerifier: its result lists the files that it was given."""

    def __init__(self):
        self.folders = []
        self.threads = set()
        self.error = None
        self.missing_model = False
        self.arrived = threading.Semaphore(0)
        self.hold = None  # a threading.Event that work waits for

    def verify_folder(self, folder, *, challenge_id, live=None, owner=None, receipt=None):
        self.folders.append(folder)
        self.live = live
        self.threads.add(threading.current_thread())
        self.arrived.release()
        if self.hold is not None:
            assert self.hold.wait(30)
        if self.error is not None:
            raise self.error
        files = {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        return {
            "schema": "ekyc.verify/1",
            "outcome": "INDETERMINATE",
            "reasons": ["policy.check_absent"],
            "checks": [],
            "challenge_id": challenge_id,
            "files": files,
        }

    def require_ready(self):
        if self.missing_model:
            raise ModelError("absent", code="model.missing")


@pytest.fixture
def verifier():
    return FolderListing()


@pytest.fixture
def storage(tmp_path):
    with Storage.open(tmp_path / "state.sqlite3", clock=FixedClock()) as opened:
        yield opened


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def ask(verifier, storage, scratch):
    """Run an async conversation with a fresh application: ``ask(talk, **create_app options)``."""

    def run(talk, **options):
        app = create_app(verifier, storage, scratch_parent=scratch, **options)

        async def converse():
            async with client_of(app) as client:
                return await talk(client)

        return asyncio.run(converse())

    return run


@pytest.fixture
def post(ask):
    """POST one verification and return the answer."""

    def run(parts, **options):
        return ask(lambda client: client.post("/v1/verifications", files=parts), **options)

    return run


@asynccontextmanager
async def client_of(app):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


@pytest.fixture
def small():
    """Bounds small enough to pass quickly."""

    def make(**changes):
        bounds = {
            "body_bytes": 200_000,
            "file_bytes": 50_000,
            "case_bytes": 100_000,
            "parts": 8,
        }
        return ServiceLimits(**(bounds | changes))

    return make

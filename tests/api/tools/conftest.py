"""A service with tools that answer what they are told to, and a gate that believes a header."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
from told_tools import ToldTools

from ekyc.api import ServiceLimits, create_app
from ekyc.api.access import Principal, PrincipalKind, Role, permissions, scopes_of
from ekyc.api.v1 import ResourceFront
from ekyc.storage import ServiceKey, Storage
from ekyc.testing import FixedClock


class NoVerifier:
    """An in-memory CaseVerifier that nobody asks."""

    def verify_folder(self, folder, **_):
        raise AssertionError("no case is verified here")

    def require_ready(self):
        pass


class RoleGate:
    """An in-memory Gate: ``X-Role`` names a role, or ``machine``. **Insecure**, for tests."""

    def identify(self, request):
        name = request.headers.get("x-role", "machine")
        if name == "machine":
            scopes = frozenset(row.scope for row in permissions().values() if row.machines)
            kind, roles = PrincipalKind.KEY, frozenset()
        else:
            kind, roles = PrincipalKind.PERSON, frozenset({Role(name)})
            scopes = scopes_of(roles)
        return Principal(
            tenant="a", kind=kind, subject=name, roles=roles, offices=None, scopes=scopes
        )

    def look_again(self, request):
        return self.identify(request)


@pytest.fixture
def tools():
    return ToldTools()


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def app(tmp_path, scratch):
    """``app(tools, **options of create_app)``: an application over one database."""
    with Storage.open(tmp_path / "state.sqlite3", clock=FixedClock()) as storage:

        def make(tools, **options):
            front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))))
            given = {"limits": ServiceLimits(), "gate": RoleGate()} | options
            return create_app(
                NoVerifier(), storage, scratch_parent=scratch, resources=front, tools=tools, **given
            )

        yield make


@pytest.fixture
def talk(app, tools):
    """Run an async conversation with a fresh application: ``talk(conversation, **options)``."""

    def run(conversation, *, using=tools, **options):
        async def converse():
            async with client_of(app(using, **options)) as client:
                return await conversation(client)

        return asyncio.run(converse())

    return run


@pytest.fixture
def serve(scratch):
    """Run an async conversation with an application over a storage and front of the test's own."""

    def run(conversation, verifier, storage, front, tools):
        app = create_app(
            verifier,
            storage,
            scratch_parent=scratch,
            resources=front,
            tools=tools,
            gate=RoleGate(),
        )

        async def converse():
            async with client_of(app) as client:
                return await conversation(client)

        return asyncio.run(converse())

    return run


@pytest.fixture
def post(talk):
    """``post("card-readings", parts, **options)``: the answer to one question."""

    def run(tool, parts, *, headers=None, **options):
        return talk(
            lambda client: client.post(f"/v1/tools/{tool}", files=parts, headers=headers), **options
        )

    return run


@asynccontextmanager
async def client_of(application):
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=True)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        client.application = application
        yield client

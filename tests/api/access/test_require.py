"""Permissions as data, and the one dependency that routes use."""

from __future__ import annotations

import asyncio
from typing import Annotated

import httpx
import pytest
from described_service import described
from fastapi import FastAPI
from fastapi.routing import APIRoute

from ekyc.api.access import (
    DEVELOPMENT,
    AccessError,
    Actor,
    Principal,
    PrincipalKind,
    Role,
    is_declared,
    open_to_all,
    permissions,
    refuse_undeclared,
    require,
    scopes_of,
)
from ekyc.api.access.permissions import Permission, scopes_on_behalf
from ekyc.api.app import create_app
from ekyc.api.errors import install_handlers


def person(*roles, **changes):
    given = {
        "tenant": "t",
        "kind": PrincipalKind.PERSON,
        "subject": "ab" * 32,
        "roles": frozenset(roles),
        "scopes": scopes_of(roles),
    }
    return Principal(**(given | changes))


class Knows:
    """A gate that knows one caller."""

    def __init__(self, caller):
        self.caller = caller
        self.asked = 0

    def identify(self, request):
        self.asked += 1
        if isinstance(self.caller, Exception):
            raise self.caller
        return self.caller

    look_again = identify


def application(gate):
    from fastapi import Depends

    app = FastAPI(dependencies=[Depends(refuse_undeclared)])
    app.state.gate = gate

    @app.get("/named")
    async def named(caller: Annotated[Principal, require("dossiers:read")]):
        return {"tenant": caller.tenant, "kind": caller.kind}

    @app.get("/twice", dependencies=[require("checks:read")])
    async def twice(caller: Annotated[Principal, require("dossiers:read")]):
        return {}

    @app.get("/open", **open_to_all("a test"))
    async def everybody():
        return {}

    @app.get("/forgotten")
    async def forgotten():
        return {}

    install_handlers(app, retry_after_s=5)
    return app


def get(app, path, headers=None):
    async def ask():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers={"Accept-Language": "en"} | (headers or {}))

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/named", "/twice", "/open", "/forgotten"])
def test_without_a_gate_everybody_may_do_everything(path):
    assert get(application(None), path).status_code == 200


@pytest.mark.parametrize("header", ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"])
def test_without_a_gate_nobody_comes_through_a_proxy(header):
    """A proxy before the loopback address or the Unix socket would have opened the service to everybody."""
    answer = get(application(None), "/named", {header: "198.51.100.7"})
    assert (answer.status_code, answer.json()["code"]) == (403, "access.denied")
    assert get(application(None), "/open", {header: "198.51.100.7"}).status_code == 200


def test_a_route_learns_who_calls():
    answer = get(application(Knows(person(Role.OFFICER))), "/named")
    assert answer.json() == {"tenant": "t", "kind": "person"}


def test_who_lacks_the_scope_is_refused():
    answer = get(application(Knows(person(Role.ADMIN))), "/named")
    assert answer.status_code == 403
    assert answer.json()["code"] == "access.denied"
    assert 'scope="dossiers:read"' in answer.headers["www-authenticate"]


def test_every_scope_that_is_asked_for_counts():
    caller = person(Role.OFFICER, scopes=frozenset({"dossiers:read"}))
    assert get(application(Knows(caller)), "/twice").status_code == 403


def test_who_calls_is_found_out_once_a_request():
    gate = Knows(person(Role.OFFICER))
    assert get(application(gate), "/twice").status_code == 200
    assert gate.asked == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [("access.missing", 401), ("access.invalid", 401), ("access.not_found", 404)],
)
def test_nobody_we_know(code, status):
    answer = get(application(Knows(AccessError("no", code=code))), "/named")
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status == 401)


def test_what_declares_nothing_is_nobodys():
    app = application(Knows(DEVELOPMENT))
    assert get(app, "/open").status_code == 200
    assert get(app, "/forgotten").json()["code"] == "access.denied"


def test_an_unknown_scope_does_not_even_start():
    with pytest.raises(KeyError):
        require("dossiers:raed")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("scope", list(permissions()))
def test_a_role_may_do_what_its_row_says(role, scope):
    caller = person(role)
    if role in permissions()[scope].roles:
        caller.require_scope(scope)
    else:
        with pytest.raises(AccessError, match="may not"):
            caller.require_scope(scope)


def row(**changes):
    given = {"scope": "a-thing:read", "vi": "", "en": "", "roles": frozenset()}
    return Permission(**(given | {"personal": False, "media": False, "machines": True} | changes))


def test_rows_hold_to_the_rules_of_the_table():
    assert row().scope == "a-thing:read"
    with pytest.raises(ValueError, match="admin"):
        row(roles=frozenset({Role.ADMIN}), personal=True)
    with pytest.raises(ValueError, match="auditor"):
        row(roles=frozenset({Role.AUDITOR}), personal=True, media=True)
    with pytest.raises(ValueError, match="media are personal"):
        row(media=True)
    with pytest.raises(ValueError, match="form"):
        row(scope="read")


def test_the_shipped_table_gives_media_and_persons_to_nobody_by_accident():
    rows = permissions().values()
    assert {one.scope for one in rows if one.media} == {"media:read"}
    assert not [one for one in rows if one.personal and Role.ADMIN in one.roles]
    assert "media:read" not in scopes_of([Role.AUDITOR])
    assert not [
        one
        for one in rows
        if one.scope.startswith("decisions:") and one.machines and one.scope != "decisions:read"
    ]


def test_an_agent_has_no_more_than_client_and_citizen_both_have():
    every = frozenset(permissions())
    given = scopes_on_behalf(every)
    assert given == scopes_of([Role.AGENT]) & scopes_of([Role.CITIZEN])
    assert not given & {"signatures:write", "consents:write", "media:read", "decisions:write"}
    assert scopes_on_behalf({"dossiers:read", "audit:read"}) == {"dossiers:read"}


def test_offices_bound_what_is_seen():
    clerk = person(Role.OFFICER, offices=frozenset({"a", "a1"}))
    clerk.require_office("a1")
    for elsewhere in ("b", None):
        with pytest.raises(AccessError) as caught:
            clerk.require_office(elsewhere)
        assert caught.value.code == "access.not_found"
    person(Role.OFFICER, offices=None).require_office(None)


def test_citizens_and_agents_see_their_own():
    assert person(Role.CITIZEN).own_subject == "ab" * 32
    assert person(Role.OFFICER).own_subject is None
    assert person(Role.CITIZEN, Role.OFFICER).own_subject is None
    assert person(Role.AGENT, kind=PrincipalKind.DELEGATED).own_subject == "ab" * 32


def agent(**changes):
    act = Actor(
        subject="post", client="post", consent="c", purposes=frozenset({"birth"}), **changes
    )
    return person(Role.AGENT, kind=PrincipalKind.DELEGATED, act=act)


def test_an_agent_acts_in_procedures_that_were_consented_to_and_are_not_forbidden():
    agent().require_procedure("birth")
    person(Role.CITIZEN).require_procedure("marriage")
    for caller, procedure, code in (
        (agent(), "marriage", "access.consent"),
        (agent(forbidden=frozenset({"birth"})), "birth", "access.agent_forbidden"),
    ):
        with pytest.raises(AccessError) as caught:
            caller.require_procedure(procedure)
        assert caught.value.code == code


def test_a_principal_shows_no_person():
    assert "ab" * 32 not in repr(person(Role.CITIZEN, session="cd" * 16))
    assert "cd" * 16 not in repr(person(Role.CITIZEN, session="cd" * 16))


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


@pytest.fixture(scope="module")
def document():
    """The description of a service with everything that can be mounted without a file of the operator's."""
    return described()


def test_every_operation_says_who_may_call_it(document):
    """Deny by default: an operation joins this document with a permission, a token of its own, or a reason to be open."""
    silent = [
        name
        for name, operation in operations(document)
        if not operation.get("security") and "x-ekyc-open" not in operation
    ]
    assert silent == []
    assert len(list(operations(document))) > 30


def test_pages_outside_the_document_are_declared_too(verifier, storage):
    app = create_app(verifier, storage, gate=Knows(AccessError("no", code="access.missing")))
    for path in ("/docs", "/livez", "/v1/reasons"):
        assert get(app, path).status_code == 200, path


def test_every_scope_in_the_document_is_in_the_table(document):
    asked = {
        scope
        for _, operation in operations(document)
        for alternative in operation.get("security", [])
        for name, scopes in alternative.items()
        if name.startswith("Ekyc")
        for scope in scopes
    }
    assert asked
    assert asked <= set(permissions())


def test_a_route_of_its_own_making_is_seen_through():
    app = application(None)
    routes = {one.path: is_declared(one) for one in app.routes if isinstance(one, APIRoute)}
    assert routes == {"/named": True, "/twice": True, "/open": True, "/forgotten": False}

"""Whose it is not, for them it is not there: every operation that names something by an id, for every kind of stranger.

Generated from the OpenAPI document. A stranger hears the same of what is there and of what is not, to the last header, and
changes nothing. An operation that names something of a new kind fails here until somebody says how such a thing is made.
"""

from __future__ import annotations

import itertools
import json
import sqlite3

import httpx
import pytest
from described_service import described, described_app
from known_callers import NamedGate, agent, person, portal
from live_service import sessions_of
from planted_rows import plant
from sampled_requests import Operation, Reference, operations

from ekyc.api import LivenessFront
from ekyc.api.access import Role
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, NewClient, ServiceKey
from ekyc.storage.evidence.notes import ServiceCheckpointSigner

KEY = ServiceKey(bytes(32))
CITIZEN, NEIGHBOUR = "c" * 64, "d" * 64
HANOI, SAIGON = frozenset({"hn"}), frozenset({"hcm"})
ABSENT = "0123456789abcdef" * 2
STAFF = (Role.RECEPTIONIST, Role.OFFICER, Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)
OWNERS = {
    "keeper": portal(),
    "hanoi": portal(offices=HANOI),
    "citizen": person(CITIZEN, Role.CITIZEN, offices=frozenset()),
    "supervisor of hanoi": person("hn-supervisor", Role.SUPERVISOR, offices=HANOI),
    "supervisor": person("supervisor", Role.SUPERVISOR),
}
STRANGERS = {
    "another tenant's client": portal("b"),
    "another tenant's agent": agent(CITIZEN, "identity", tenant="b"),
    "the citizen at another tenant": person(CITIZEN, Role.CITIZEN, tenant="b", offices=frozenset()),
    **{f"another tenant's {role}": person(f"b-{role}", role, tenant="b") for role in STAFF},
    "another office's client": portal(offices=SAIGON, name="saigon"),
    **{f"another office's {role}": person(f"hcm-{role}", role, offices=SAIGON) for role in STAFF},
    "another citizen": person(NEIGHBOUR, Role.CITIZEN, offices=frozenset()),
    "an agent without a consent": agent(),
    "another citizen's agent": agent(NEIGHBOUR, "identity"),
    "an agent by a consent to something else": agent(CITIZEN, "birth-registration"),
    "nobody in particular": person("nobody", offices=frozenset()),
}
NAMES = {
    "session_id": "sessions",
    "dossier_id": "dossiers",
    "endpoint_id": "webhook-endpoints",
    "credential_id": "credentials",
    "artefact_id": "artefacts",
    "request_id": "signature-requests",
    "sessions": "sessions",
    "reusable_for": "sessions",
}
"""Members of queries and bodies that are ids."""
PUBLIC = {"login", "procedures", "status-lists"}
"""What lies under a name that is no secret and nobody's."""
NO_STRANGERS = {
    "consents": {
        "an agent by a consent to something else": "it is the same citizen's, to the same agent",
    }
}
"""Kind → who may see it all the same, and why."""
NOT_HERE = {("link_session", "id"): "tests/api/v1/test_sessions.py"}
"""References that take something of the caller's own beside them, and where they are tested."""
TOKENS = {
    "CaptureToken",
    "EnrolmentToken",
    "HTTPBearer",
    "LivenessCapture",
    "LivenessResult",
    "SignerToken",
}
"""Schemes of tokens that open one thing."""
DOCUMENT = described()
OPERATIONS = [one for one in operations(DOCUMENT, NAMES) if one.references]
Nothing = Reference(where="", name="", kind="")
COUNT = itertools.count()
SOMEBODY = {"kind": "client", "id": "key-a", "role": None, "office": None}


# How one of each kind is made: by whom, and what its ids are.


async def a_session(desk, owner):
    office = {"office": "hn"} if owner == "hanoi" else {}
    return (await desk.session(owner, **office)).rpartition("/")[2]


async def a_dossier(desk, owner):
    office = {"office": "hn"} if owner == "hanoi" else {}
    made = await desk.post("/v1/dossiers", json={"procedure": "identity"} | office, caller=owner)
    return made.json()["id"]


async def an_artefact(desk, owner):
    session = await a_session(desk, owner)
    done = await desk.submit(f"/v1/sessions/{session}", caller=owner)
    assert done.status_code == 200, done.text
    kept = await desk.get(f"/v1/sessions/{session}/artefacts", caller="keeper")
    return {"sessions": session, "artefacts": kept.json()["data"][0]["id"]}


async def an_endpoint(desk, owner):
    wanted = {"url": "https://portal.example.vn/"}
    made = await desk.post("/v1/webhook-endpoints", json=wanted, caller=owner)
    return made.json()["id"]


async def a_delivery(desk, owner):
    endpoint = await an_endpoint(desk, owner)
    sent = await desk.post(f"/v1/webhook-endpoints/{endpoint}/tests", caller=owner)
    return sent.json()["id"]


async def a_consent(desk, owner):
    wanted = {
        "citizen": CITIZEN,
        "agent": "post",
        "text_digest": "e" * 64,
        "purposes": ["identity"],
        "channel": "counter",
    }
    made = await desk.post("/v1/consents", json=wanted, caller=owner)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def a_request(desk, owner):
    whose = {} if owner == "citizen" else {"office": "hn", "citizen": CITIZEN}
    wanted = {"kind": "object"} | whose
    made = await desk.post("/v1/data-subject-requests", json=wanted, caller=owner)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def a_protection(desk, owner):
    wanted = {"order": "12/2026/QĐ-CQĐT", "citizen": CITIZEN, "office": "hn"}
    made = await desk.post("/v1/protections", json=wanted, caller=owner)
    assert made.status_code == 201, made.text
    return made.json()["id"]


class Here:
    """Where rows are planted: the storage of the test that runs."""

    storage = None


HERE = Here()


def a_row(*tables, **values):
    """One that takes more to make than a test of strangers needs: its row, where nobody looks further."""

    async def make(desk, owner):
        del desk
        made = f"{next(COUNT):032x}"
        whose = {"office": "hn" if owner == "hanoi" else None}
        whose["subject"] = CITIZEN if owner == "citizen" else None
        known = {"tenant_id": "a", "id": made, "procedure": "identity", **whose, **values}
        for table in tables:
            plant(HERE.storage, table, **known)
        return made

    return make


KINDS = {
    "sessions": (a_session, ("hanoi", "citizen")),
    "dossiers": (a_dossier, ("hanoi", "citizen")),
    "artefacts": (an_artefact, ("hanoi", "citizen")),
    "webhook-endpoints": (an_endpoint, ("hanoi", "keeper")),
    "webhook-deliveries": (a_delivery, ("hanoi", "keeper")),
    "consents": (a_consent, ("keeper", "hanoi", "citizen")),
    "credentials": (a_row("session_credentials", "issued_results"), ("hanoi", "citizen")),
    "signature-requests": (a_row("signature_requests", state="canceled"), ("hanoi", "citizen")),
    "batches": (a_row("batches", state="done", actor=json.dumps(SOMEBODY)), ("hanoi",)),
    "data-subject-requests": (a_request, ("hanoi", "citizen")),
    "protections": (a_protection, ("supervisor of hanoi",)),
}


def test_every_kind_of_thing_that_an_operation_names_is_known():
    named = {one.kind for operation in OPERATIONS for one in operation.references}
    with_tokens = {
        one.kind
        for operation in OPERATIONS
        for one in operation.references
        if operation.schemes and operation.schemes <= TOKENS
    }
    assert sorted(named - {*KINDS, *PUBLIC, *with_tokens}) == []


def test_every_member_that_looks_like_an_id_is_known():
    found = set()
    for operation in operations(DOCUMENT, NAMES):
        body = operation.body[1] if operation.body else None
        told = DOCUMENT["paths"][operation.path][operation.method].get("parameters", [])
        queried = [one["name"] for one in told if one["in"] == "query"]
        members = [*queried, *(body if isinstance(body, dict) else ())]
        found |= {(operation.id, name) for name in members if name == "id" or name.endswith("_id")}
    unknown = {one for one in found if one[1] not in NAMES}
    assert sorted(unknown - set(NOT_HERE)) == []


@pytest.fixture
def app(verifier, storage, tmp_path, clock):
    register = storage.access(KEY).register
    register.add_tenant("b", "b")
    register.add_client(
        "a", NewClient(id="post", name="post", scopes=frozenset({"dossiers:read"}), is_agent=True)
    )
    vault = storage.vault(
        FileKeyProvider(tmp_path / "keys", SystemRandom()),
        FileBlobStore(tmp_path / "blobs", SystemRandom()),
    )
    HERE.storage = storage

    def make_app(**_):
        made = described_app(
            verifier,
            storage,
            KEY,
            vault=vault,
            liveness=LivenessFront(sessions=sessions_of(storage, clock)),
            scratch_parent=tmp_path,
        )
        made.state.gate = NamedGate(OWNERS | STRANGERS, default="nobody in particular")
        return made

    return make_app


def of_kind(kind):
    """Operations that name one of a kind last in their path, or in query or body."""
    for operation in OPERATIONS:
        in_path = [one for one in operation.references if one.where == "path"]
        if operation.schemes <= TOKENS:
            continue
        if in_path and in_path[-1].kind == kind:
            yield operation, in_path[-1]
        if not in_path:
            yield from ((operation, one) for one in operation.references if one.kind == kind)


def request_of(operation: Operation, reference, ids):
    """The smallest request that names this one."""
    path, query = operation.path, dict(operation.query)
    for one in operation.references:
        if one.where == "path":
            path = path.replace(f"{{{one.name}}}", ids.get(one.kind, ABSENT))
    headers = operation.headers | {"Idempotency-Key": f"strange-{next(COUNT)}"}
    options = {}
    if operation.body is not None:
        media, value = operation.body
        if operation.id == "create_signature_request":  # one or the other
            other = "credential_id" if reference.name == "artefact_id" else "artefact_id"
            value = {name: member for name, member in value.items() if name != other}
            value["session_id"] = ids.get("sessions", ABSENT)
        if reference.where == "body":
            asked = ids[reference.kind]
            assert isinstance(value, dict)
            value = {**value, reference.name: [asked] if reference.name == "sessions" else asked}
            if operation.id == "create_session":
                del value["procedure"]  # the dossier's
        match media:
            case "application/json":
                options["json"] = value
            case "multipart/form-data":
                options["files"] = [
                    ("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n'))
                ]
            case _:
                options["content"] = b"x"
    if reference.where == "query":
        query[reference.name] = ids[reference.kind]
    return httpx.Request(
        operation.method, "http://localhost" + path, params=query, headers=headers, **options
    )


def told(response, ids):
    """What a stranger can tell by, without what differs from any request to the next."""
    text = response.text
    for one in ids.values():
        text = text.replace(one, "…")
    body = (
        response.json() if response.content and "json" in response.headers["content-type"] else {}
    )
    if isinstance(body, dict) and "instance" in body:
        text = text.replace(body["instance"], "…")
    passing = {"date", "x-request-id", "ratelimit", "content-length"}
    headers = {k: v for k, v in response.headers.items() if k not in passing}
    return response.status_code, text, headers


def stored(storage):
    """All that lies in the database."""
    with sqlite3.connect(storage._engine.url.database) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"').fetchall()))
            for (name,) in names
        }


def strangers_to(kind):
    for name in STRANGERS:
        if name not in NO_STRANGERS.get(kind, {}):
            yield name


SEEN_BY = {"protections": "supervisor"}
"""Kind → who sees it, where the keeper is no person."""
CASES = [(kind, owner) for kind, (_, owners) in KINDS.items() for owner in owners]


@pytest.mark.parametrize(("kind", "owner"), CASES)
def test_for_strangers_it_is_not_there(talk, storage, kind, owner):
    async def conversation(desk):
        make, _ = KINDS[kind]
        made = await make(desk, owner)
        ids = made if isinstance(made, dict) else {kind: made}
        before, found = stored(storage), []
        for operation, reference in of_kind(kind):
            for name in strangers_to(kind):
                heard = []
                for asked in (ids, dict.fromkeys(ids, ABSENT)):
                    request = request_of(operation, reference, asked)
                    request.headers["X-Caller"] = name
                    heard.append(told(await desk.http.send(request), asked))
                found.append((operation, name, *heard))
            assert stored(storage) == before, f"{operation.id} changed something"
        return found, await seen_by(desk, SEEN_BY.get(kind, "keeper"), kind, ids)

    found, seen = talk(conversation)
    for operation, name, there, absent in found:
        assert there == absent, (operation.id, name)
        refused = {403, 404} | ({200} if operation.references[0].where == "query" else set())
        assert there[0] in refused, (operation.id, name, there)
    assert len(found) >= len(STRANGERS) / 2
    assert seen, "nobody sees it: what was tested is nothing"


async def seen_by(desk, caller, kind, ids):
    """Operations that answer whoever may see it: the thing is there indeed."""
    seen = []
    for operation, reference in of_kind(kind):
        if operation.method == "get" and operation.path.endswith(f"{{{reference.name}}}"):
            request = request_of(operation, reference, ids)
            request.headers["X-Caller"] = caller
            if (await desk.http.send(request)).status_code == 200:
                seen.append(operation.id)
    return seen


# Offices: nothing is given to one that is not on record.


def names_an_office(operation):
    told = DOCUMENT["paths"][operation.path][operation.method]
    body = operation.body[1] if operation.body else None
    return any(one["name"] == "office" for one in told.get("parameters", [])) or (
        isinstance(body, dict) and "office" in members_of(told, operation.body[0])
    )


def members_of(told, media):
    schema = told["requestBody"]["content"][media]["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["schemas"].get(name, schema).get("properties", {})


GIVING = [one for one in operations(DOCUMENT, NAMES) if names_an_office(one)]
GIVEN = {
    "create_dossier": {"procedure": "identity"},
    "create_session": {"procedure": "identity"},
    "create_data_subject_request": {"kind": "access"},
    "record_consent": {
        "citizen": CITIZEN,
        "agent": "post",
        "text_digest": "e" * 64,
        "purposes": ["identity"],
        "channel": "counter",
    },
    "create_legal_hold": {"order": "12/2026/QĐ-CQĐT", "citizen": CITIZEN},
}
"""What each asks for beside."""
BY_PEOPLE = {"create_legal_hold": "supervisor"}
"""What no machine may ask for, and who does."""


def test_every_operation_that_names_an_office_is_known():
    uploads, edits = {"upload_case", "create_batch"}, {"edit_dossier"}  # test_isolation.py
    assert {one.id for one in GIVING} == {*GIVEN, *uploads, *edits}


@pytest.mark.parametrize("operation", [one for one in GIVING if one.id != "edit_dossier"])
def test_an_office_that_is_not_on_record_is_given_nothing(talk, operation):
    async def conversation(desk):
        answers = []
        for office in ("nowhere", "hn"):
            options = {"json": GIVEN.get(operation.id, {}) | {"office": office}}
            if operation.id == "upload_case":
                case = [("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n'))]
                options = {"params": {"office": office}, "files": case}
            if operation.id == "create_batch":
                line = {"content": b"{}", "headers": {"Content-Type": "application/x-ndjson"}}
                options = {"params": {"office": office}} | line
            caller = BY_PEOPLE.get(operation.id, "keeper")
            answers.append(await desk.post(operation.path, caller=caller, **options))
        return answers

    refused, there = talk(conversation)
    assert (refused.status_code, refused.json()["code"]) == (404, "office.unknown")
    assert there.status_code == 201 or there.json()["code"] == "batch.line", there.text


# The evidence log: one for all, and of others' entries it says their leaves.

OF_THE_LOG = [one for one in operations(DOCUMENT, NAMES) if one.path.startswith("/v1/audit/")]


async def logged(desk):
    """A session of an office with a decision and a look at its file; its id, and the numbers of its entries."""
    made = await an_artefact(desk, "hanoi")
    session = made["sessions"]
    place = f"/v1/sessions/{session}/artefacts/{made['artefacts']}"
    assert (await desk.get(place, caller="hanoi")).status_code == 200
    listed = await desk.get("/v1/audit/entries?limit=200", caller="hanoi")
    own = [one["number"] for one in listed.json()["data"] if one["event"] is not None]
    return session, own


def test_for_strangers_the_log_says_nothing_of_it(talk, storage):
    async def conversation(desk):
        session, own = await logged(desk)
        storage.checkpoints.make(signer=ServiceCheckpointSigner(KEY))
        told_to = {name: [] for name in (*STRANGERS, "hanoi", "keeper")}
        proofs = {name: [] for name in told_to}
        for name, heard in told_to.items():
            for operation in OF_THE_LOG:
                for query in ({}, {"file": session}):
                    request = request_of(operation, Nothing, {})
                    url = request.url.copy_merge_params(query)
                    heard.append(await desk.get(str(url), caller=name))
            for number in (*own, 999):
                where = f"/v1/audit/proofs/inclusion?entry={number}"
                answer = await desk.get(where, caller=name)
                proofs[name].append((answer.status_code, answer.json().get("code")))
        return session, own, told_to, proofs

    session, own, told_to, proofs = talk(conversation)
    assert len(own) == 3
    assert len(OF_THE_LOG) == 6
    for name in STRANGERS:
        assert [one.url for one in told_to[name] if session in one.text] == [], name
        assert len(set(proofs[name])) == 1, name
    for name in ("hanoi", "keeper"):
        assert any(session in one.text for one in told_to[name]), name
        assert [status for status, _ in proofs[name]] == [*(200,) * len(own), 404]


# Tokens that open one thing: another's opens nothing, and says nothing.


async def tokens_of(desk):
    """Things that are opened by a token, and the tokens: what opens what."""
    place = await desk.session("keeper")
    capture = await desk.post(f"{place}/capture-tokens", caller="keeper")
    reading = await desk.post("/v1/chip-sessions", json={"mode": "hybrid"}, caller="keeper")
    order = {"case": f"case-{next(COUNT)}", "subject": f"person-{next(COUNT)}"}
    live = await desk.post("/v1/liveness-sessions", json=order, caller="keeper")
    assert live.status_code == 201, live.text
    return {
        "CaptureToken": (place.rpartition("/")[2], capture.json()["token"]),
        "HTTPBearer": (reading.json()["id"], reading.json()["result_token"]),
        "LivenessCapture": (live.json()["id"], live.json()["capture_token"]),
        "LivenessResult": (live.json()["id"], live.json()["result_token"]),
        "chip relay": (reading.json()["id"], reading.json()["token"]),
    }


BY_TOKEN = [one for one in OPERATIONS if one.schemes and one.schemes <= TOKENS]
HELD = [one for one in BY_TOKEN if not one.schemes & {"EnrolmentToken", "SignerToken"}]


def test_every_scheme_of_a_token_is_known():
    """Those of signers are tested where they sign and enrol: test_signature_requests.py, test_factor_enrolments.py."""
    schemes = {name for one in OPERATIONS for name in one.schemes}
    assert schemes == {"EkycAccess", "EkycSession", *TOKENS}
    assert len(HELD) >= 10


@pytest.mark.parametrize("operation", HELD, ids=lambda one: one.id)
def test_anothers_token_opens_nothing(talk, storage, operation):
    [scheme] = operation.schemes

    async def conversation(desk):
        mine, theirs = await tokens_of(desk), await tokens_of(desk)
        target, own = theirs[scheme]
        shown = [None, "", "x" * 43, *(token for _, token in mine.values())]
        shown += [token for _, token in theirs.values() if token != own]
        reference, before, heard = operation.references[0], stored(storage), []
        for token in shown:
            pair = []
            for ids in ({reference.kind: target}, {reference.kind: ABSENT}):
                request = request_of(operation, reference, ids)
                if token is not None:
                    request.headers["Authorization"] = f"Bearer {token}"
                pair.append(told(await desk.http.send(request), ids))
            heard.append(pair)
        unchanged = stored(storage) == before
        request = request_of(operation, reference, {reference.kind: target})
        request.headers["Authorization"] = f"Bearer {own}"
        return heard, unchanged, await desk.http.send(request)

    heard, unchanged, opened = talk(conversation)
    for there, absent in heard:
        assert there == absent
        assert there[0] in {401, 403, 404}, there
    assert unchanged
    assert opened.status_code not in {401, 403, 404}, opened.text


@pytest.mark.parametrize("operation", HELD, ids=lambda one: one.id)
def test_a_token_ends_with_its_tenant(talk, storage, operation):
    [scheme] = operation.schemes

    async def conversation(desk):
        target, own = (await tokens_of(desk))[scheme]
        register = storage.access(KEY).register
        register.end_tenant("a")
        reference, before, heard = operation.references[0], stored(storage), []
        for ids in ({reference.kind: target}, {reference.kind: ABSENT}):
            request = request_of(operation, reference, ids)
            request.headers["Authorization"] = f"Bearer {own}"
            heard.append(told(await desk.http.send(request), ids))
        return heard, stored(storage) == before

    (there, absent), unchanged = talk(conversation)
    assert there == absent
    assert there[0] in {401, 403, 404}, there
    assert unchanged

"""What a caller may not see does not exist: every operation of the OpenAPI document, for every stranger."""

from __future__ import annotations

import re

import pytest

RESOURCES = ("/v1/procedures", "/v1/dossiers", "/v1/sessions", "/v1/captures")
BODIES = {
    "edit_dossier": {"state": "closed"},
    "link_session": {"kind": "chip-session", "id": "a"},
    "create_decision": {"outcome": "approved"},
}


def operations_on(app, parameter):
    for path, operations in app().openapi()["paths"].items():
        for method, operation in operations.items():
            if path.startswith(f"/v1/{parameter.removesuffix('_id')}s/{{{parameter}}}"):
                yield method, path, operation["operationId"]


async def ask(desk, method, path, operation, caller):
    headers = {
        "X-Caller": caller,
        "Idempotency-Key": f"{operation}-{caller}",
        "If-Match": '"1"',
    }
    options = {"json": BODIES[operation]} if operation in BODIES else {}
    if operation == "create_submission":
        options = {"files": [("case", (None, b'profile = "identity"\n'))]}
    return await desk.http.request(method, path, headers=headers, **options)


@pytest.mark.parametrize("caller", ["stranger", "foreign", "hanoi", "neighbour"])
@pytest.mark.parametrize("parameter", ["session_id", "dossier_id"])
def test_another_tenants_offices_or_citizens_things_are_not_there(talk, app, caller, parameter):
    kind = parameter.removesuffix("_id")
    found = list(operations_on(app, parameter))

    async def conversation(desk):
        wanted = {"procedure": "identity"}
        made = await desk.post(f"/v1/{kind}s", json=wanted, caller="citizen")
        assert made.status_code == 201, made.text
        answers = {}
        for method, path, operation in found:
            where = path.replace(f"{{{parameter}}}", made.json()["id"])
            where = re.sub(r"\{\w+\}", "0" * 32, where)
            answers[operation] = await ask(desk, method, where, operation, caller)
        mine = await desk.get(f"/v1/{kind}s/{made.json()['id']}", caller="citizen")
        listed = await desk.get(f"/v1/{kind}s", caller=caller)
        return answers, mine, listed

    answers, mine, listed = talk(conversation)
    assert len(answers) >= 3
    for operation, response in answers.items():
        allowed = {403, 404} if caller == "neighbour" or operation == "create_decision" else {404}
        assert response.status_code in allowed, (operation, response.text)
        if response.status_code == 404:
            assert response.json()["code"] == f"{kind}.unknown", operation
    assert mine.status_code == 200
    assert mine.json()["version"] == 1
    assert listed.json()["data"] == []


def test_an_office_sees_its_own_and_makes_its_own(talk):
    async def conversation(desk):
        made = await desk.post("/v1/dossiers", json={"procedure": "identity"}, caller="hanoi")
        other = await desk.post(
            "/v1/dossiers", json={"procedure": "identity", "office": "hcm"}, caller="hanoi"
        )
        whole = await desk.get(f"/v1/dossiers/{made.json()['id']}")
        return made, other, whole

    made, other, whole = talk(conversation)
    assert made.json()["office"] == "hn"
    assert other.status_code == 404
    assert whole.status_code == 200


def test_every_operation_of_a_resource_says_who_may_call_it(app):
    found = {
        operation["operationId"]: operation.get("security")
        for path, operations in app().openapi()["paths"].items()
        if path.startswith(RESOURCES)
        for operation in operations.values()
    }
    assert len(found) > 20
    assert [name for name, security in found.items() if not security] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/sessions"), ("POST", "/v1/dossiers"), ("GET", "/v1/sessions")],
)
def test_who_may_only_look_may_not_write(talk, method, path):
    async def conversation(desk):
        headers = {"X-Caller": "auditor", "Idempotency-Key": "k"}
        body = {"procedure": "identity"} if method == "POST" else None
        return await desk.http.request(method, path, headers=headers, json=body)

    assert talk(conversation).status_code == (403 if method == "POST" else 200)

"""Who sees and moves what, within a tenant; for strangers see test_foreign_callers.py."""

from __future__ import annotations

import pytest
from planted_rows import plant

from ekyc.storage import ServiceKey

KEY = ServiceKey(bytes(32))
RESOURCES = ("/v1/procedures", "/v1/dossiers", "/v1/sessions", "/v1/captures")


@pytest.mark.parametrize("caller", ["stranger", "foreign", "hanoi", "neighbour"])
@pytest.mark.parametrize("kind", ["sessions", "dossiers"])
def test_lists_hold_nothing_of_other_tenants_offices_or_citizens(talk, caller, kind):
    async def conversation(desk):
        made = await desk.post(f"/v1/{kind}", json={"procedure": "identity"}, caller="citizen")
        mine = await desk.get(f"/v1/{kind}", caller="citizen")
        return made, mine, await desk.get(f"/v1/{kind}", caller=caller)

    made, mine, theirs = talk(conversation)
    assert [one["id"] for one in mine.json()["data"]] == [made.json()["id"]]
    assert theirs.json()["data"] == []


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


async def opened_dossier(desk, caller, **members):
    made = await desk.post("/v1/dossiers", json={"procedure": "identity"} | members, caller=caller)
    assert made.status_code == 201, made.text
    return f"/v1/dossiers/{made.json()['id']}"


@pytest.mark.parametrize(
    ("caller", "office", "status"),
    [
        ("citizen", None, 403),
        ("citizen", "hcm", 403),
        ("hn-reception", "hn-1", 403),
        ("hn-reception", None, 403),
        ("hn-officer", None, 403),
        ("hn-officer", "hcm", 404),
        ("hn-officer", "hn-1", 200),
        ("hn-officer", "hn", 200),
        ("portal", None, 200),
        ("portal", "hcm", 200),
    ],
)
def test_who_may_move_a_dossier_to_another_office_or_out_of_its_own(talk, caller, office, status):
    async def conversation(desk):
        filed = {} if caller == "citizen" else {"office": "hn"}
        place = await opened_dossier(desk, "citizen" if caller == "citizen" else "portal", **filed)
        if caller == "citizen":  # an office took it over
            headers = {"If-Match": '"1"'}
            await desk.patch(place, json={"office": "hn"}, headers=headers)
        before = (await desk.get(place)).json()
        headers = {"If-Match": f'"{before["version"]}"'}
        moved = await desk.patch(place, json={"office": office}, caller=caller, headers=headers)
        return moved, before, (await desk.get(place)).json()

    moved, before, after = talk(conversation)
    assert moved.status_code == status, moved.text
    assert before["office"] == "hn"
    assert after["office"] == (office if status == 200 else "hn")
    if status != 200:
        assert after == before


MAKING = (
    ("/v1/dossiers", {"json": {"procedure": "identity"}}),
    ("/v1/sessions", {"json": {"procedure": "identity"}}),
)


@pytest.mark.parametrize(("path", "options"), MAKING)
@pytest.mark.parametrize(
    ("office", "status", "code"), [("nowhere", 404, "office.unknown"), ("old", 409, "office.ended")]
)
def test_an_office_that_is_not_there_is_given_nothing(
    talk, storage, path, options, office, status, code
):
    register = storage.access(KEY).register
    register.add_office("a", "old", "Cũ")
    register.end_office("a", "old")
    register.add_tenant("b", "Tỉnh B")
    register.add_office("b", "nowhere", "Của nơi khác")  # another tenant's is none either

    async def conversation(desk):
        wanted = {"json": options["json"] | {"office": office}}
        refused = await desk.post(path, **wanted)
        made = await opened_dossier(desk, "portal", office="hn")
        version = {"If-Match": '"1"'}
        moved = await desk.patch(made, json={"office": office}, headers=version)
        return refused, moved, (await desk.get(made)).json(), await desk.get(path)

    refused, moved, after, listed = talk(conversation)
    for answer in (refused, moved):
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["subject"] == "office"
    assert after["office"] == "hn"
    assert len(listed.json()["data"]) == (1 if path == "/v1/dossiers" else 0)


def test_who_is_appointed_to_an_office_with_others_beneath_it_works_for_that_one(talk):
    """It would else have made things of no office, which it could not see itself."""

    async def conversation(desk):
        made = await desk.post("/v1/sessions", json={"procedure": "identity"}, caller="hn-clerk")
        return made, await desk.get(made.headers["location"], caller="hn-clerk")

    made, seen = talk(conversation)
    assert made.json()["office"] == "hn"
    assert seen.status_code == 200


@pytest.mark.parametrize(
    ("caller", "status"), [("citizen", 403), ("hn-reception", 403), ("hn-officer", 200)]
)
def test_who_may_reopen_a_dossier(talk, caller, status):
    async def conversation(desk):
        owner = "citizen" if caller == "citizen" else "hn-officer"
        place = await opened_dossier(
            desk, owner, **({} if owner == "citizen" else {"office": "hn"})
        )
        closing = {"json": {"state": "closed"}, "headers": {"If-Match": '"1"'}}
        assert (await desk.patch(place, caller=owner, **closing)).status_code == 200
        opening = {"json": {"state": "open"}, "headers": {"If-Match": '"2"'}}
        return await desk.patch(place, caller=caller, **opening)

    assert talk(conversation).status_code == status


def test_a_dossier_takes_along_what_came_of_it(talk, storage):
    """Whoever loses it sees nothing of it any more, and whoever gets it sees all."""
    number = "0" * 32
    places = (f"/v1/signature-requests/{number}", f"/v1/credentials/{number}")

    async def conversation(desk):
        place = await opened_dossier(desk, "hn-officer", office="hn")
        session = await desk.session("hn-officer", procedure=None, dossier_id=place[-32:])
        row = {"tenant_id": "a", "id": number, "session_id": session[-32:], "office": "hn"}
        for table in ("signature_requests", "session_credentials", "issued_results"):
            plant(storage, table, **row, procedure="identity", state="canceled")
        before = await seen(desk, session)
        moved = {"json": {"office": "hn-1"}, "headers": {"If-Match": '"2"'}}
        assert (await desk.patch(place, caller="hn-officer", **moved)).status_code == 200
        return before, await seen(desk, session)

    async def seen(desk, session):
        asked = ("hanoi", "ward-officer")
        return {
            caller: [(await desk.get(one, caller=caller)).status_code for one in (session, *places)]
            for caller in asked
        }

    before, after = talk(conversation)
    assert before == {"hanoi": [200] * 3, "ward-officer": [404] * 3}
    assert after == {"hanoi": [404] * 3, "ward-officer": [200] * 3}
    with storage._engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT office FROM issued_results").scalar() == "hn-1"


@pytest.mark.parametrize("what", ["sessions", "dossiers"])
def test_nobody_makes_what_they_would_not_see(talk, what):
    """Of several offices one is named: what belongs to none is the whole tenant's, and was lost to whoever made it."""

    async def conversation(desk):
        wanted = {"procedure": "identity"}
        lost = await desk.post(f"/v1/{what}", caller="hn-officer", json=wanted)
        made = await desk.post(f"/v1/{what}", caller="hn-officer", json=wanted | {"office": "hn"})
        seen = await desk.get(made.headers["location"], caller="hn-officer")
        return lost, seen, await desk.post(f"/v1/{what}", caller="ward-officer", json=wanted)

    lost, seen, only = talk(conversation)
    assert (lost.status_code, lost.json()["code"]) == (422, "request.invalid"), lost.text
    assert (seen.status_code, seen.json()["office"]) == (200, "hn")
    assert (only.status_code, only.json()["office"]) == (201, "hn-1")

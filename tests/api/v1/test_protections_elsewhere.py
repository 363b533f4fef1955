"""Restrictions and holds reach beyond an office; what they are on there is told to nobody of it."""

from __future__ import annotations

import pytest
from protections_desk import ORDER, ROOT, restricted

from ekyc.ports import SystemRandom
from ekyc.signing.credentials import schema_of
from ekyc.signing.credentials.issuer import result_subject
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey

NUMBER = "079185001234"


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


def test_a_hold_by_number_tells_of_the_own_offices_sessions_alone(talk, vault, verifier):
    schema = schema_of("identity-verification")
    verifier.result["person"] = result_subject(ServiceKey(bytes(32)), schema, NUMBER)

    async def conversation(desk):
        for caller in ("hanoi", "saigon"):
            place = await desk.session(caller=caller)
            await desk.submit(place, caller=caller)
        made = await desk.post(
            ROOT,
            json={"order": ORDER, "number": NUMBER, "office": "hn"},
            caller="hn-supervisor",
        )
        path = f"{ROOT}/{made.json()['id']}"
        (listed,) = (await desk.get(ROOT, caller="hn-supervisor")).json()["data"]
        mine = (await desk.get("/v1/sessions", caller="hn-supervisor")).json()["data"]
        theirs = (await desk.get(path, caller="hn-supervisor")).json()
        return mine, made.json(), listed, theirs, (await desk.get(path, caller="foreman")).json()

    mine, *told, whole = talk(conversation, vault=vault)
    assert [one["sessions"] for one in told] == [[one["id"] for one in mine]] * 3
    assert (len(mine), len(whole["sessions"])) == (1, 2)


@pytest.mark.parametrize("step", ["cancel", "capture-tokens"])
def test_whoever_may_not_see_a_session_does_not_hear_that_it_is_restricted(talk, vault, step):
    async def conversation(desk):
        place = await desk.session(caller="citizen")
        await restricted(desk)
        answer = await desk.post(f"{place}/{step}", caller="saigon")
        return answer, await desk.post(f"/v1/sessions/{'0' * 32}/{step}", caller="saigon")

    answer, never = talk(conversation, vault=vault)
    assert (answer.status_code, answer.json()["code"]) == (404, "session.unknown")
    assert answer.json()["code"] == never.json()["code"]

"""What a data subject's request reaches: the person whose number was shown, and nobody else."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from ekyc.flows.answer_request import RequestAnswerer
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import schema_of
from ekyc.signing.credentials.issuer import result_subject
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
KEY = ServiceKey(bytes(32))
ROOT = "/v1/data-subject-requests"
NUMBER, OTHER_NUMBER = "079185001234", "079185009999"
CITIZEN, NEIGHBOUR = "c" * 64, "d" * 64


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


@pytest.fixture
def decided(verifier):
    """Have a session of a caller decided on the holder of a number."""

    async def decide(desk, caller, number, place=None):
        verifier.result["person"] = person_of(number)
        verifier.result["signer"] = {"holder": None, "session": None}
        place = place or await desk.session(caller=caller)
        done = await desk.submit(place, caller=caller)
        assert done.status_code == 200, done.text
        return place.rpartition("/")[2]

    return decide


def person_of(number):
    return result_subject(KEY, schema_of("identity-verification"), number)


async def file(desk, caller="citizen", **members):
    made = await desk.post(ROOT, json={"kind": "access"} | members, caller=caller)
    assert made.status_code == 201, made.text
    return f"{ROOT}/{made.json()['id']}"


async def grant(desk, place, **body):
    etag = (await desk.get(place, caller="supervisor")).headers["etag"]
    return await desk.post(
        f"{place}/grant", json=body, caller="supervisor", headers={"If-Match": etag}
    )


async def settled(desk, place):
    for _ in range(500):
        body = (await desk.get(place, caller="officer")).json()
        if body.get("state") != "granted":
            return body
        await asyncio.sleep(0)
    raise AssertionError(place)


def refused(answer):
    return (answer.status_code, answer.json().get("code")) == (422, "rights.identity")


def test_the_session_that_was_approved_shows_whose_number_it_is(talk, vault, decided):
    async def conversation(desk):
        session = await decided(desk, "citizen", NUMBER)
        place = await file(desk, number=NUMBER)
        return await grant(desk, place, identification="session", session_id=session)

    assert talk(conversation, vault=vault).json()["state"] == "granted"


def test_an_attempt_with_anothers_chip_shows_nothing(talk, vault, decided, verifier):
    """The approval came later, on somebody else's number."""

    async def conversation(desk):
        verifier.ask_again()
        session = await decided(desk, "citizen", OTHER_NUMBER)
        verifier.accept()
        await decided(desk, "citizen", NUMBER, f"/v1/sessions/{session}")
        state = (await desk.get(f"/v1/sessions/{session}", caller="citizen")).json()["state"]
        place = await file(desk, kind="delete", number=OTHER_NUMBER)
        return state, await grant(desk, place, identification="session", session_id=session)

    state, answer = talk(conversation, vault=vault)
    assert state == "decided"
    assert refused(answer), answer.text


def test_a_login_that_was_only_named_is_not_shown_by_a_session(talk, vault, decided):
    async def conversation(desk):
        theirs = await decided(desk, "citizen", OTHER_NUMBER)
        mine = await decided(desk, "portal", NUMBER)
        place = await file(desk, caller="portal", kind="delete", number=NUMBER, citizen=CITIZEN)
        answer = await grant(desk, place, identification="session", session_id=mine)
        await settled(desk, place)
        return answer, (await desk.get(f"/v1/sessions/{theirs}")).json()["state"]

    answer, state = talk(conversation, vault=vault)
    assert state == "decided"
    assert refused(answer), answer.text


@pytest.mark.parametrize("identification", ["session", "counter"])
@pytest.mark.parametrize("owner", ["neighbour", "portal"])
def test_a_session_of_somebody_else_is_not_reached_by_naming_it(
    talk, vault, decided, identification, owner
):
    async def conversation(desk):
        theirs = await decided(desk, owner, OTHER_NUMBER)
        mine = await decided(desk, "portal", NUMBER)
        members = {"kind": "delete", "number": NUMBER, "sessions": [theirs]}
        place = await file(desk, caller="portal", **members)
        shown = {"session_id": mine} if identification == "session" else {}
        answer = await grant(desk, place, identification=identification, **shown)
        await settled(desk, place)
        return answer, (await desk.get(f"/v1/sessions/{theirs}")).json()["state"]

    answer, state = talk(conversation, vault=vault)
    assert state == "decided"
    assert refused(answer), answer.text


def test_a_session_that_found_nobody_may_be_named_at_the_counter(talk, vault, decided, verifier):
    async def conversation(desk):
        verifier.result["person"] = None
        verifier.result["signer"] = {}
        place = await desk.session()
        await desk.submit(place)
        request = await file(
            desk, caller="portal", kind="delete", sessions=[place.rpartition("/")[2]]
        )
        answer = await grant(desk, request, identification="counter")
        await settled(desk, request)
        return answer, (await desk.get(place)).json()["state"]

    answer, state = talk(conversation, vault=vault)
    assert (answer.status_code, state) == (200, "redacted")


async def until(condition):
    for _ in range(2000):
        if await condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(condition)


def everything_stored(tmp_path):
    return b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_what_is_being_verified_is_erased_afterwards(talk, vault, verifier, storage, tmp_path):
    """A verification that ends after the erasure would write the person down again."""
    verifier.result["person"], verifier.hold = person_of(NUMBER), threading.Event()
    answerer = RequestAnswerer(storage, vault, KEY)

    async def conversation(desk):
        place = await desk.session(caller="citizen")
        await desk.submit(place, wait=False, caller="citizen")
        request = await file(desk, kind="delete")
        await grant(desk, request, identification="login")
        await asyncio.to_thread(verifier.arrived.acquire)
        for _ in range(200):
            await asyncio.sleep(0.001)
        verifier.hold.set()

        async def ended():
            return (await desk.get(place)).json()["state"] != "processing"

        await until(ended)
        await asyncio.to_thread(answerer.sweep)
        return await settled(desk, request), (await desk.get(place)).json()["state"]

    done, state = talk(conversation, vault=vault)
    assert (done["state"], state) == ("fulfilled", "redacted")
    assert person_of(NUMBER).encode() not in everything_stored(tmp_path)


def test_an_erasure_by_login_leaves_no_pseudonym_of_the_number(talk, vault, decided, tmp_path):
    async def conversation(desk):
        await decided(desk, "citizen", NUMBER)
        before = person_of(NUMBER).encode() in everything_stored(tmp_path)
        place = await file(desk, kind="delete")
        await grant(desk, place, identification="login")
        return before, await settled(desk, place)

    before, done = talk(conversation, vault=vault)
    assert (before, done["state"]) == (True, "fulfilled")
    assert person_of(NUMBER).encode() not in everything_stored(tmp_path)


@pytest.mark.parametrize("caller", ["citizen", "portal"])
def test_an_erasure_empties_earlier_requests_of_the_person(talk, vault, decided, caller):
    shown = {"citizen": {"identification": "login"}, "portal": {"identification": "counter"}}

    async def conversation(desk):
        await decided(desk, caller, NUMBER)
        access = await file(desk, caller=caller, number=NUMBER, text="Về Nguyễn Văn An")
        await grant(desk, access, **shown[caller])
        await settled(desk, access)
        other = await file(desk, caller="neighbour", number=OTHER_NUMBER)
        delete = await file(desk, caller=caller, kind="delete", number=NUMBER)
        await grant(desk, delete, **shown[caller])
        done = await settled(desk, delete)
        looks = [f"{access}/statement", f"{access}/export", f"{other}/statement"]
        return done, [await desk.get(path, caller="officer") for path in looks]

    done, answers = talk(conversation, vault=vault)
    assert done["state"] == "fulfilled"
    assert [one.status_code for one in answers] == [410, 404, 200]


def test_an_objection_that_nothing_could_follow_is_not_taken(talk, vault):
    """It is honoured by login; granted without one it would say *fulfilled*, and change nothing."""

    async def conversation(desk):
        wanted = {"kind": "object", "number": NUMBER}
        return await desk.post(ROOT, json=wanted, caller="portal")

    answer = talk(conversation, vault=vault)
    assert (answer.status_code, answer.json()["code"]) == (422, "rights.login_needed")


@pytest.mark.parametrize("filed_by", ["citizen", "dossier"])
def test_an_objection_counts_for_what_was_opened_before(talk, vault, filed_by):
    async def conversation(desk):
        if filed_by == "citizen":
            place, caller = await desk.session(caller="citizen"), "citizen"
        else:
            wanted = {"procedure": "identity"}
            dossier = (await desk.post("/v1/dossiers", json=wanted, caller="citizen")).json()["id"]
            place, caller = await desk.session(dossier_id=dossier), "portal"
        request = await file(desk, kind="object")
        await grant(desk, request, identification="login")
        await settled(desk, request)
        return await desk.submit(place, caller=caller)

    assert talk(conversation, vault=vault).json()["state"] == "needs_review"


def test_whoever_decides_sees_whose_login_is_reached(talk, vault):
    async def conversation(desk):
        place = await file(desk, caller="portal", kind="delete", citizen=CITIZEN)
        return (await desk.get(place, caller="supervisor")).json()

    assert talk(conversation, vault=vault)["citizen"] == CITIZEN


def test_an_erasure_takes_the_number_out_of_the_references_of_batches(talk, vault, tmp_path):
    number = "C1234567"  # of a passport: the number of a card is refused there

    async def conversation(desk):
        parts = [("case", (None, CASE)), ("file", ("card/front.jpg", b"x"))]
        case = (await desk.post("/v1/cases", files=parts)).json()["id"]
        line = {"reference": f"HS-{number}", "case_id": case}
        headers = {"Content-Type": "application/x-ndjson"}
        made = await desk.post("/v1/batches", content=json.dumps(line).encode(), headers=headers)
        before = number.encode() in everything_stored(tmp_path)
        place = await file(desk, caller="portal", kind="delete", number=number)
        await grant(desk, place, identification="counter")
        done = await settled(desk, place)
        items = await desk.get(f"/v1/batches/{made.json()['id']}/items")
        return before, done, items.json()["data"]

    before, done, items = talk(conversation, vault=vault)
    assert (before, done["state"], [one["reference"] for one in items]) == (
        True,
        "fulfilled",
        ["erased"],
    )
    assert number.encode() not in everything_stored(tmp_path)

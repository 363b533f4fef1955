"""Somebody once claimed a stranger's number: neither is in the other's export."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile

import pytest

from ekyc.flows import PersonEraser
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import schema_of
from ekyc.signing.credentials.issuer import result_subject
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
KEY = ServiceKey(bytes(32))
REQUESTS = "/v1/data-subject-requests"
NUMBER, STRANGERS = "079185001234", "079185009999"
MINE, STRANGE = b"a picture of the victim", b"a picture of the stranger, with the victim's card"


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


@pytest.fixture
def tried(verifier):
    """Have a case decided: by whom, on whose number, with which picture, and how."""

    async def attempt(desk, caller, number, picture, how="accept", place=None):
        getattr(verifier, how)()
        schema = schema_of("identity-verification")
        verifier.result["person"] = result_subject(KEY, schema, number)
        verifier.result.pop("signer", None)
        place = place or await desk.session(caller=caller)
        parts = [("case", (None, CASE)), ("file", ("card/front.jpg", picture))]
        headers = {"Prefer": "wait=20"}
        done = await desk.post(f"{place}/submissions", files=parts, headers=headers, caller=caller)
        assert done.status_code == 200, done.text
        return place

    return attempt


async def exported(desk, caller, *, identification, number=None):
    """Everything that an access request is answered with: names and contents."""
    wanted = {"kind": "access"} | ({} if number is None else {"number": number})
    made = await desk.post(REQUESTS, json=wanted, caller=caller)
    path = f"{REQUESTS}/{made.json()['id']}"
    granted = await desk.post(
        f"{path}/grant",
        json={"identification": identification},
        caller="supervisor",
        headers={"If-Match": made.headers["etag"]},
    )
    assert granted.status_code == 200, granted.text
    for _ in range(500):
        if (await desk.get(path)).json()["state"] == "fulfilled":
            break
        await asyncio.sleep(0)
    content = (await desk.get(f"{path}/export", caller="officer")).content
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {name: archive.read(name) for name in archive.namelist()}


def pictures(archive):
    return [content for name, content in archive.items() if "/files/card-front" in name]


def claims(archive):
    return json.loads(archive["README.json"])["unproven_claims"]


@pytest.mark.parametrize("how", ["reject", "ask_again"])
@pytest.mark.parametrize("caller", ["neighbour", "portal"])
def test_a_stranger_who_claimed_the_number_is_not_in_the_victims_export(
    talk, vault, tried, how, caller
):
    async def conversation(desk):
        await tried(desk, "citizen", NUMBER, MINE)
        place = await tried(desk, caller, NUMBER, STRANGE, how)
        found = await exported(desk, "citizen", identification="counter", number=NUMBER)
        return place.rpartition("/")[2], found

    strange, archive = talk(conversation, vault=vault)
    assert pictures(archive) == [MINE]
    assert claims(archive) == 1
    assert not any(strange in name or strange.encode() in data for name, data in archive.items())


@pytest.mark.parametrize("how", ["reject", "ask_again"])
def test_the_victim_is_not_in_the_strangers_export(talk, vault, tried, how):
    """Whoever sent a stranger's card under a login of their own does not get back what was read of it."""

    async def conversation(desk):
        await tried(desk, "citizen", NUMBER, MINE)
        await tried(desk, "neighbour", STRANGERS, b"the stranger's own")
        await tried(desk, "neighbour", NUMBER, STRANGE, how)
        return await exported(desk, "neighbour", identification="login")

    archive = talk(conversation, vault=vault)
    assert pictures(archive) == [b"the stranger's own"]
    assert MINE not in b"".join(archive.values())


def test_of_a_session_that_two_tried_in_the_approved_attempt_is_the_persons(talk, vault, tried):
    async def conversation(desk):
        place = await tried(desk, "portal", NUMBER, STRANGE, "ask_again")
        await tried(desk, "portal", NUMBER, MINE, "accept", place)
        return await exported(desk, "citizen", identification="counter", number=NUMBER)

    archive = talk(conversation, vault=vault)
    assert pictures(archive) == [MINE]
    (record,) = (json.loads(data) for name, data in archive.items() if "record" in name)
    assert set(record["checks"]) == {"2"}


def test_ones_own_attempts_that_failed_are_ones_own(talk, vault, tried):
    async def conversation(desk):
        await tried(desk, "citizen", NUMBER, b"blurred", "ask_again")
        await tried(desk, "citizen", NUMBER, MINE)
        return await exported(desk, "citizen", identification="login")

    archive = talk(conversation, vault=vault)
    assert sorted(pictures(archive)) == sorted([MINE, b"blurred"])
    assert claims(archive) == 0


async def standing(desk, place):
    """State of a session, and whether its first file can be seen."""
    listed = (await desk.get(f"{place}/artefacts", caller="officer")).json()["data"]
    seen = await desk.get(f"{place}/artefacts/{listed[0]['id']}", caller="officer")
    return (await desk.get(place, caller="officer")).json()["state"], seen.status_code


REDACTED, WHOLE = ("redacted", 410), ("decided", 200)


def leads_anywhere(storage, number):
    eraser = PersonEraser(storage, None, KEY)
    return eraser.sessions_of("a", number=number, logins=())


@pytest.mark.parametrize("how", ["reject", "ask_again"])
def test_an_erasure_leaves_a_strangers_session_and_takes_the_number_out_of_it(
    talk, vault, storage, tried, how
):
    async def conversation(desk):
        mine = await tried(desk, "citizen", NUMBER, MINE)
        strange = await tried(desk, "neighbour", NUMBER, STRANGE, how)
        before = await standing(desk, strange)
        gone = PersonEraser(storage, vault, KEY).erase_number("a", NUMBER)
        return before, gone, await standing(desk, mine), await standing(desk, strange)

    before, gone, mine, strange = talk(conversation, vault=vault)
    assert (gone.sessions, mine, strange) == (1, REDACTED, before)
    assert leads_anywhere(storage, NUMBER) == ()


def test_somebody_elses_approved_session_survives_a_claim_made_in_it(talk, vault, storage, tried):
    async def conversation(desk):
        place = await tried(desk, "portal", NUMBER, STRANGE, "ask_again")
        await tried(desk, "portal", STRANGERS, b"the stranger's own", "accept", place)
        PersonEraser(storage, vault, KEY).erase_number("a", NUMBER)
        return await standing(desk, place)

    assert talk(conversation, vault=vault) == WHOLE
    assert leads_anywhere(storage, NUMBER) == ()
    assert len(leads_anywhere(storage, STRANGERS)) == 1


def test_what_was_tried_at_a_counter_on_the_number_goes_with_the_person(
    talk, vault, storage, tried
):
    """Under no login, and approved on nobody: it may be the person's own, and is nobody else's by any name."""

    async def conversation(desk):
        place = await tried(desk, "portal", NUMBER, MINE, "ask_again")
        PersonEraser(storage, vault, KEY).erase_number("a", NUMBER)
        return await standing(desk, place)

    assert talk(conversation, vault=vault) == REDACTED


def test_whoever_claims_a_number_erases_nothing_of_its_holder(talk, vault, storage, tried):
    async def conversation(desk):
        mine = await tried(desk, "citizen", NUMBER, MINE)
        await tried(desk, "neighbour", NUMBER, STRANGE, "ask_again")
        PersonEraser(storage, vault, KEY).erase_request(
            "a", number=None, logins=["d" * 64], sessions=(), request="0" * 32
        )
        return await standing(desk, mine)

    assert talk(conversation, vault=vault) == WHOLE
    assert len(leads_anywhere(storage, NUMBER)) == 1

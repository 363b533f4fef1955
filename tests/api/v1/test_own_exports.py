"""A citizen fetches their own export: by their own recent login, once for each token, and nobody else by it."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import zipfile
from contextlib import closing
from datetime import timedelta

import pytest

from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
REQUESTS = "/v1/data-subject-requests"
CITIZEN = "c" * 64


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


async def answered(desk, caller="citizen-now", identification="login", **members):
    """The path of an access request that was answered."""
    place = await desk.session(caller="citizen")
    await desk.submit(place, caller="citizen")
    made = await desk.post(REQUESTS, json={"kind": "access"} | members, caller=caller)
    path = f"{REQUESTS}/{made.json()['id']}"
    granted = await desk.post(
        f"{path}/grant",
        json={"identification": identification},
        caller="supervisor",
        headers={"If-Match": made.headers["etag"]},
    )
    assert granted.status_code == 200, granted.text
    for _ in range(500):
        if (await desk.get(path, caller="officer")).json()["state"] == "fulfilled":
            return path
        await asyncio.sleep(0)
    raise AssertionError(path)


async def token_for(desk, path, caller="citizen-now"):
    return await desk.post(f"{path}/export-tokens", caller=caller)


async def fetch(desk, path, token, caller="citizen-now"):
    return await desk.get(f"{path}/own-export", caller=caller, headers={"Export-Token": token})


def code(answer):
    return answer.status_code, answer.json()["code"]


def test_a_citizen_follows_their_request_and_fetches_its_answer_once(talk, vault):
    async def conversation(desk):
        path = await answered(desk)
        state = await desk.get(path, caller="citizen-now")
        token = (await token_for(desk, path)).json()["token"]
        first = await fetch(desk, path, token)
        again = await fetch(desk, path, token)
        return state, first, again

    state, first, again = talk(conversation, vault=vault)
    assert state.json()["state"] == "fulfilled"
    assert zipfile.ZipFile(io.BytesIO(first.content)).testzip() is None
    assert code(again) == (409, "freshness.already_used")


def test_an_order_that_is_repeated_issues_no_other_token(talk, vault, tmp_path):
    def issued():
        with closing(sqlite3.connect(tmp_path / "state.sqlite3")) as database:
            return database.execute("SELECT count(*) FROM nonces").fetchone()[0]

    async def conversation(desk):
        path = f"{await answered(desk)}/export-tokens"
        before = issued()
        answers = [await desk.post(path, key="k-same", caller="citizen-now") for _ in range(3)]
        other = await desk.post(path, key="k-same", caller="citizen-now", content=b"{}")
        keyless = await desk.http.post(path, headers={"X-Caller": "citizen-now"})
        return answers, other, keyless, issued() - before

    answers, other, keyless, new = talk(conversation, vault=vault)
    assert [one.status_code for one in answers] == [201] * 3
    assert len({one.json()["token"] for one in answers}) == 1
    assert [one.headers.get("Idempotency-Replayed") for one in answers] == [None, "true", "true"]
    assert code(other) == (422, "idempotency.other_request")
    assert code(keyless) == (400, "idempotency.missing")
    assert new == 1


@pytest.mark.parametrize("other", ["neighbour-now", "officer", "portal", "hanoi", "stranger"])
def test_nobody_else_fetches_it_even_with_the_token(talk, vault, other):
    async def conversation(desk):
        path = await answered(desk)
        token = (await token_for(desk, path)).json()["token"]
        return (
            await token_for(desk, path, other),
            await fetch(desk, path, token, other),
            await fetch(desk, path, token),
        )

    made, fetched, own = talk(conversation, vault=vault)
    assert {code(made), code(fetched)} <= {(403, "rights.not_own"), (404, "rights.unknown")}
    assert own.status_code == 200, "a refused attempt does not use the token up"


def test_a_token_opens_no_other_export(talk, vault):
    async def conversation(desk):
        one, other = await answered(desk), await answered(desk)
        token = (await token_for(desk, one)).json()["token"]
        return await fetch(desk, other, token)

    assert code(talk(conversation, vault=vault)) == (409, "freshness.wrong_purpose")


@pytest.mark.parametrize(("hours", "allowed"), [(23, True), (25, False)])
def test_the_login_must_have_begun_lately(talk, vault, clock, hours, allowed):
    async def conversation(desk):
        clock.advance(timedelta(hours=hours))
        path = await answered(desk)
        return await token_for(desk, path)

    made = talk(conversation, vault=vault)
    assert made.status_code == (201 if allowed else 403)
    assert allowed or code(made) == (403, "rights.login_old")


def test_a_login_of_unknown_age_is_too_old(talk, vault):
    async def conversation(desk):
        return await token_for(desk, await answered(desk), "citizen")

    assert code(talk(conversation, vault=vault)) == (403, "rights.login_old")


def test_a_login_that_an_officer_only_named_fetches_nothing(talk, vault):
    async def conversation(desk):
        path = await answered(desk, "officer", "counter", citizen=CITIZEN)
        return await token_for(desk, path)

    assert code(talk(conversation, vault=vault)) == (403, "rights.not_own")


def test_a_token_is_good_for_ten_minutes(talk, vault, clock):
    async def conversation(desk):
        path = await answered(desk)
        token = (await token_for(desk, path)).json()["token"]
        clock.advance(timedelta(minutes=11))
        return await fetch(desk, path, token)

    assert code(talk(conversation, vault=vault)) == (410, "freshness.expired")

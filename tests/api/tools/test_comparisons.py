"""Comparisons of what was submitted to a session: kept with it, for its officers, until it is redacted."""

from __future__ import annotations

import itertools
import json

import pytest

from ekyc.api.v1 import ResourceFront
from ekyc.errors import ModelError
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, Storage
from ekyc.testing import FixedClock

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
KEYS = itertools.count()


class ReviewingVerifier:
    """An in-memory CaseVerifier that finds nothing wrong."""

    def verify_folder(self, folder, **_):
        return {
            "reasons": [],
            "checks": [],
            "decision": {"verdict": "accept", "profile": "identity", "blocking": []},
            "verification_id": "v",
            "case_digest": "0" * 64,
            "sample": False,
        }

    def require_ready(self):
        pass


class Talk:
    """Serves a conversation; the storage stands beside it."""

    def __init__(self, storage, serve):
        self.storage = storage
        self._serve = serve

    def __call__(self, conversation, *using):
        return self._serve(conversation, *using)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def talk(request, tmp_path, serve, tools):
    """As everywhere here, over a vault, on both databases."""
    target = tmp_path / "kept.sqlite3"
    if request.param == "postgresql":
        target = request.getfixturevalue("postgresql")
    with Storage.open(target, clock=FixedClock()) as storage:
        keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
        vault = storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))
        front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))), vault=vault)

        yield Talk(
            storage,
            lambda conversation, using=tools: serve(
                conversation, ReviewingVerifier(), storage, front, using
            ),
        )


async def post(client, path, *, role="officer", key=None, **options):
    headers = {"X-Role": role, "Idempotency-Key": key or f"k{next(KEYS)}"}
    headers |= options.pop("headers", {})
    return await client.post(path, headers=headers, **options)


async def submitted(client):
    """A session under review: its place, and the ids of its original and copy."""
    made = await post(client, "/v1/sessions", json={"procedure": "identity", "review_only": True})
    place = f"/v1/sessions/{made.json()['id']}"
    files = [
        ("case", (None, CASE)),
        ("file", ("original/1.jpg", b"the original")),
        ("file", ("copy/1.jpg", b"the copy")),
    ]
    done = await post(client, f"{place}/submissions", files=files, headers={"Prefer": "wait=20"})
    assert done.json()["state"] == "needs_review", done.text
    listed = await client.get(f"{place}/artefacts", headers={"X-Role": "officer"})
    ids = {one["kind"]: one["id"] for one in listed.json()["data"]}
    return place, {"kind": "copy", "first": [ids["original"]], "second": [ids["copy"]]}


def listed(client, place, role="officer"):
    return client.get(f"{place}/comparisons", headers={"X-Role": role})


def test_a_comparison_is_carried_out_once_and_kept_for_officers(talk, tools):
    async def conversation(client):
        place, wanted = await submitted(client)
        first = await post(client, f"{place}/comparisons", json=wanted, key="same")
        again = await post(client, f"{place}/comparisons", json=wanted, key="same")
        return first, again, await listed(client, place), wanted

    first, again, found, wanted = talk(conversation)
    assert first.status_code == 201, first.text
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert tools.contents == {"first/0": b"the original", "second/0": b"the copy"}
    assert len(tools.asked) == 1
    [kept] = found.json()["data"]
    assert kept == first.json()
    assert {name: kept[name] for name in wanted} == wanted
    assert kept["checks"][0]["score"] == 0.7
    assert kept["actor"]["kind"] == "officer"
    events = [json.loads(one.event) for one in talk.storage.evidence.entries()]
    looked_at = [one["facts"]["what"] for one in events if one["kind"] == "media.viewed"]
    assert sorted(looked_at) == ["copy", "original"]


def test_faces_are_compared_as_well(talk, tools):
    async def conversation(client):
        place, wanted = await submitted(client)
        return await post(client, f"{place}/comparisons", json=wanted | {"kind": "face"})

    assert talk(conversation).status_code == 201
    assert [name for name, _ in tools.asked] == ["compare_faces"]


@pytest.mark.parametrize("role", ["citizen", "auditor", "agent", "admin"])
def test_nobody_else_compares_or_reads(talk, tools, role):
    async def conversation(client):
        place, wanted = await submitted(client)
        asked = await post(client, f"{place}/comparisons", json=wanted, role=role)
        return asked, await listed(client, place, role)

    assert [response.status_code for response in talk(conversation)] == [403, 403]
    assert tools.asked == []


def test_only_artefacts_of_the_session_are_compared(talk, tools):
    async def conversation(client):
        place, wanted = await submitted(client)
        _, others = await submitted(client)
        mixed = wanted | {"second": others["second"]}
        portraits = wanted | {"kind": "face", "first": [*wanted["first"], *wanted["second"]]}
        return [
            await post(client, f"{place}/comparisons", json=mixed),
            await post(client, f"/v1/sessions/{'0' * 32}/comparisons", json=wanted),
            await post(client, f"{place}/comparisons", json=portraits),
        ]

    answers = talk(conversation)
    assert [(one.status_code, one.json()["code"]) for one in answers] == [
        (404, "artefact.unknown"),
        (404, "session.unknown"),
        (422, "request.invalid"),
    ]
    assert tools.asked == []


def test_what_failed_keeps_nothing_and_may_be_asked_again(talk, tools):
    tools.error = ModelError("altered", code="model.altered")

    async def conversation(client):
        place, wanted = await submitted(client)
        failed = await post(client, f"{place}/comparisons", json=wanted, key="same")
        tools.error = None
        return failed, await post(client, f"{place}/comparisons", json=wanted, key="same")

    failed, done = talk(conversation)
    assert (failed.status_code, done.status_code) == (503, 201)


def test_redacting_the_session_erases_its_comparisons(talk):
    async def conversation(client):
        place, wanted = await submitted(client)
        await post(client, f"{place}/comparisons", json=wanted)
        await post(client, f"{place}/cancel")
        redacted = await post(client, f"{place}/redact", role="supervisor")
        return (
            redacted,
            await listed(client, place),
            await post(client, f"{place}/comparisons", json=wanted),
        )

    redacted, found, late = talk(conversation)
    assert redacted.status_code == 200, redacted.text
    assert found.json()["data"] == []
    assert late.status_code in {404, 410}, late.text

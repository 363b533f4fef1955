"""The evidence log over HTTP: auditors of a tenant read its own, and check all of it with what they already have."""

from __future__ import annotations

import hashlib
import io
import json

import pytest

from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, StorageError
from ekyc.storage.evidence.audit import inspect_export
from ekyc.storage.evidence.export import write_export
from ekyc.storage.evidence.merkle import Frontier, leaf_hash
from ekyc.storage.evidence.notes import CheckpointKey, ServiceCheckpointSigner
from ekyc.storage.evidence.proofs import inspect_proof

KEY = ServiceKey(bytes(32))
SIGNER = ServiceCheckpointSigner(KEY)
PUBLIC = CheckpointKey(SIGNER.public_key_der)
SECRET = b"an unmistakable picture of Nguyen Van An"


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


async def decided(desk, caller="portal"):
    place = await desk.session(caller=caller)
    assert (await desk.submit(place, caller=caller)).json()["state"] == "decided"
    return place.rpartition("/")[2]


async def entries(desk, caller="auditor", **query):
    """All entries that a caller sees, page by page."""
    found, where = [], "/v1/audit/entries?" + "&".join(f"{k}={v}" for k, v in query.items())
    while where:
        page = await desk.get(where, caller=caller)
        assert page.status_code == 200, page.text
        found += page.json()["data"]
        where = page.links["next"]["url"] if "next" in page.links else None
    return found


def facts(entry):
    return json.loads(entry["event"])["facts"]


@pytest.mark.parametrize("caller", ["citizen", "officer", "supervisor"])
@pytest.mark.parametrize(
    "where",
    [
        "entries",
        "checkpoints",
        "checkpoints/latest",
        "proofs/inclusion?entry=0",
        "proofs/consistency?size=1",
        "accesses",
    ],
)
def test_the_log_is_for_auditors(talk, caller, where):
    answer = talk(lambda desk: desk.get(f"/v1/audit/{where}", caller=caller))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.denied")


def test_decisions_of_machines_and_officers_stand_in_it(talk):
    async def conversation(desk):
        await decided(desk)
        place, etag = await desk.under_review(review_only=True)
        await desk.decide(place, "approved", caller="officer", etag=etag)
        return place.rpartition("/")[2], await entries(desk)

    session, found = talk(conversation)
    told = [facts(one) for one in found if json.loads(one["event"])["kind"] == "session.decided"]
    assert [one["outcome"] for one in told] == ["approved", "needs_review", "approved"]
    assert told[1]["session"] == told[2]["session"] == session
    assert "actor" not in told[0]
    assert len(told[2]["actor"]) == 32
    assert "officer-1" not in json.dumps(found)


def test_entries_come_in_order_page_by_page_once(talk):
    async def conversation(desk):
        for _ in range(3):
            await decided(desk)
        return await entries(desk, limit=1), await entries(desk, limit=2), await entries(desk)

    one, two, all_ = talk(conversation)
    assert one == two == all_
    assert [entry["number"] for entry in all_] == list(range(1 + 3 * 2))
    for entry in all_:
        assert leaf_hash(entry["event"].encode()).hex() == entry["leaf_sha256"]


def test_an_auditor_of_another_tenant_reads_leaves_and_nothing_else(talk):
    async def conversation(desk):
        mine = await decided(desk)
        theirs = await decided(desk, caller="stranger")
        return mine, theirs, await entries(desk), await entries(desk, "auditor-b")

    mine, theirs, here, there = talk(conversation)
    assert [one["leaf_sha256"] for one in here] == [one["leaf_sha256"] for one in there]
    shown_here = [one["number"] for one in here if one["event"] is not None]
    shown_there = [one["number"] for one in there if one["event"] is not None]
    assert set(shown_here) & set(shown_there) == set()
    assert theirs not in json.dumps(here)
    assert mine not in json.dumps(there)
    assert 0 not in {*shown_here, *shown_there}  # the operator's, now that there are two


def test_what_is_not_theirs_is_neither_found_nor_proved(talk, storage):
    async def conversation(desk):
        await decided(desk)
        await decided(desk, caller="stranger")
        storage.checkpoints.make(signer=SIGNER)
        numbers = [one["number"] for one in await entries(desk, "auditor-b") if one["event"]]
        prove = "/v1/audit/proofs/inclusion?entry="
        return (
            await desk.get(f"{prove}{numbers[0]}", caller="auditor"),
            await desk.get(f"{prove}{numbers[0]}", caller="auditor-b"),
            await desk.get(f"{prove}99", caller="auditor"),
            await entries(desk, "auditor-b", kind="session.decided"),
        )

    hidden, own, absent, filtered = talk(conversation)
    assert hidden.json()["code"] == absent.json()["code"] == "audit.no_such_entry"
    assert hidden.status_code == absent.status_code == 404
    assert own.status_code == 200
    assert len(filtered) == 1


def test_what_is_answered_is_what_the_offline_verifier_takes(talk, storage):
    async def conversation(desk):
        await decided(desk)
        first = storage.checkpoints.make(signer=SIGNER)
        for _ in range(4):
            await decided(desk)
        storage.checkpoints.make(signer=SIGNER)
        found = await entries(desk)
        inclusion = [
            await desk.get(f"/v1/audit/proofs/inclusion?entry={one['number']}", caller="auditor")
            for one in found
        ]
        consistency = await desk.get(
            f"/v1/audit/proofs/consistency?size={first.size}", caller="auditor"
        )
        notes = await desk.get("/v1/audit/checkpoints", caller="auditor")
        latest = await desk.get("/v1/audit/checkpoints/latest", caller="auditor")
        return found, inclusion, consistency, notes.json()["data"], latest.json()

    found, inclusion, consistency, notes, latest = talk(conversation)
    for entry, proof in zip(found, inclusion, strict=True):
        report = inspect_proof(proof.content, keys=(PUBLIC,))
        assert (report.check.outcome, report.number) == ("PASSED", entry["number"])
        assert json.dumps(report.event, sort_keys=True) == json.dumps(
            json.loads(entry["event"]), sort_keys=True
        )
    assert inspect_proof(consistency.content, keys=(PUBLIC,)).check.outcome == "PASSED"
    assert [one["size"] for one in notes] == [len(found), 3]
    assert notes[0] == latest
    tree = Frontier()
    for one in found:
        tree.append(bytes.fromhex(one["leaf_sha256"]))
    report = inspect_proof(consistency.content, keys=(PUBLIC,))
    assert tree.root() == report.checkpoints[1].root


def test_an_entry_that_was_changed_is_not_proved(talk, storage):
    async def conversation(desk):
        await decided(desk)
        storage.checkpoints.make(signer=SIGNER)
        return await desk.get("/v1/audit/proofs/inclusion?entry=1", caller="auditor")

    proof = talk(conversation).json()
    assert inspect_proof(json.dumps(proof).encode(), keys=(PUBLIC,)).check.outcome == "PASSED"
    proof["event"] = proof["event"].replace("approved", "rejected")
    assert inspect_proof(json.dumps(proof).encode(), keys=(PUBLIC,)).check.outcome == "FAILED"


def test_the_new_kinds_stand_in_an_export_that_is_sound(talk, storage, vault):
    async def conversation(desk):
        await with_view(desk)
        storage.checkpoints.make(signer=SIGNER)

    talk(conversation, vault=vault)
    out = io.BytesIO()
    write_export(storage.evidence, storage.checkpoints, out)
    out.seek(0)
    report = inspect_export(out, keys=(PUBLIC,))
    outcomes = [check.outcome for check in report.checks]
    assert "PASSED" in outcomes
    assert set(outcomes) <= {"PASSED", "NOT_PERFORMED"}  # no timestamp was asked for


async def with_view(desk, caller="officer"):
    place = await desk.session(review_only=True)
    parts = [
        ("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n')),
        ("file", ("card/front.jpg", SECRET)),
    ]
    await desk.post(f"{place}/submissions", files=parts, headers={"Prefer": "wait=20"})
    listed = (await desk.get(f"{place}/artefacts", caller=caller)).json()["data"]
    front = next(one["id"] for one in listed if one["kind"] == "card-front")
    seen = await desk.get(f"{place}/artefacts/{front}", caller=caller)
    assert seen.content == SECRET
    return place.rpartition("/")[2], front


def test_every_view_of_media_is_written_down_before_it_is_given(talk, vault, storage):
    async def conversation(desk):
        session, front = await with_view(desk)
        await desk.get(f"/v1/sessions/{session}/artefacts/{front}", caller="supervisor")
        refused = await desk.get(f"/v1/sessions/{session}/artefacts/{'0' * 32}", caller="officer")
        found = await desk.get("/v1/audit/accesses", caller="auditor")
        by_session = await desk.get(f"/v1/audit/accesses?file={session}", caller="auditor")
        by_one = await desk.get("/v1/audit/accesses?account=officer-1", caller="auditor")
        by_nobody = await desk.get("/v1/audit/accesses?account=nobody", caller="auditor")
        before = await desk.get("/v1/audit/accesses?until=2020-01-01T00:00:00Z", caller="auditor")
        foreign = await desk.get("/v1/audit/accesses", caller="auditor-b")
        return session, front, refused, found, by_session, by_one, by_nobody, before, foreign

    session, front, refused, found, by_session, by_one, by_nobody, before, foreign = talk(
        conversation, vault=vault
    )
    data = found.json()["data"]
    assert refused.status_code == 404
    assert [(one["file"], one["artefact"], one["what"]) for one in data] == [
        (session, front, "card-front")
    ] * 2
    assert len({one["actor"] for one in data}) == 2
    assert len({one["subject"] for one in data}) == 1
    assert by_session.json()["data"] == data
    assert by_one.json()["data"] == data[:1]
    assert by_nobody.json()["data"] == before.json()["data"] == foreign.json()["data"] == []
    assert "officer" not in found.text
    digest = hashlib.sha256(SECRET).hexdigest()
    assert digest not in "".join(one.event.decode() for one in storage.evidence.entries())


def test_what_cannot_be_written_down_is_not_given(talk, vault, storage, monkeypatch):
    """The log is full or away: then nobody sees anything."""

    async def conversation(desk):
        session, front = await with_view(desk)

        def fails(*_args, **_options):
            raise StorageError("the disk is full", code="storage.full")

        monkeypatch.setattr(storage.evidence, "append", fails)
        return await desk.get(f"/v1/sessions/{session}/artefacts/{front}", caller="officer")

    answer = talk(conversation, vault=vault)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage.full")
    assert SECRET not in answer.content


def test_no_checkpoint_is_said(talk):
    answer = talk(lambda desk: desk.get("/v1/audit/checkpoints/latest", caller="auditor"))
    assert (answer.status_code, answer.json()["code"]) == (404, "audit.no_checkpoint")


@pytest.mark.parametrize("query", ["kind=Nguyen", "limit=0", "limit=201", "cursor=AAAA", "x=1"])
def test_what_is_asked_for_has_a_form(talk, query):
    answer = talk(lambda desk: desk.get(f"/v1/audit/entries?{query}", caller="auditor"))
    assert answer.status_code in {400, 422}

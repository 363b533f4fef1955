"""Data subjects' requests: who files, who decides, what is done, and what of it anybody can read."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest

from ekyc.flows.answer_request import RequestAnswerer
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, StorageError

KEY = ServiceKey(bytes(32))
ROOT = "/v1/data-subject-requests"
SECRET = b"an unmistakable picture of Nguyen Van An"
SAID = "Xin xóa dữ liệu của Nguyễn Văn An"
NUMBER = "079185001234"
CITIZEN, NEIGHBOUR = "c" * 64, "d" * 64


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


@pytest.fixture
def answerer(storage, vault):
    return RequestAnswerer(storage, vault, KEY)


async def file(desk, caller="citizen", **members):
    wanted = {"kind": "access", "text": SAID} | members
    made = await desk.post(ROOT, json=wanted, caller=caller)
    assert made.status_code == 201, made.text
    return f"{ROOT}/{made.json()['id']}", made


async def grant(desk, place, *, caller="supervisor", identification="login", **members):
    etag = (await desk.get(place, caller=caller)).headers["etag"]
    body = {"identification": identification} | members
    return await desk.post(f"{place}/grant", json=body, caller=caller, headers={"If-Match": etag})


async def refuse(desk, place, *, caller="supervisor", reasons=("rights.law_keeps",)):
    etag = (await desk.get(place, caller=caller)).headers["etag"]
    body = {"reasons": list(reasons)}
    return await desk.post(f"{place}/refuse", json=body, caller=caller, headers={"If-Match": etag})


async def with_picture(desk, caller="citizen"):
    place = await desk.session(caller=caller)
    parts = [
        ("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n')),
        ("file", ("card/front.jpg", SECRET)),
    ]
    done = await desk.post(
        f"{place}/submissions", files=parts, headers={"Prefer": "wait=20"}, caller=caller
    )
    assert done.json()["state"] == "decided", done.text
    return place.rpartition("/")[2]


def test_a_citizen_files_for_themselves_and_sees_it(talk, vault):
    async def conversation(desk):
        place, made = await file(desk)
        return (
            made,
            await desk.get(place, caller="citizen"),
            await desk.get(ROOT, caller="citizen"),
            [await desk.get(place, caller=one) for one in ("neighbour", "stranger", "hanoi")],
            await desk.get(place, caller="auditor"),
        )

    made, own, listed, others, auditor = talk(conversation, vault=vault)
    body = own.json()
    assert (body["state"], body["kind"], body["filed_by"]["kind"]) == (
        "received",
        "access",
        "citizen",
    )
    assert made.headers["location"].endswith(body["id"])
    assert [one["id"] for one in listed.json()["data"]] == [body["id"]]
    assert [one.status_code for one in others] == [404, 404, 404]
    assert {one.json()["code"] for one in others} == {"rights.unknown"}
    assert auditor.status_code == 403


def test_what_was_said_is_in_no_answer_but_the_statement_and_in_no_column(talk, vault, tmp_path):
    async def conversation(desk):
        place, made = await file(desk, number=NUMBER)
        answers = [made, await desk.get(place), await desk.get(ROOT, caller="officer")]
        return answers, await desk.get(f"{place}/statement", caller="officer")

    answers, statement = talk(conversation, vault=vault)
    assert statement.json() == {"text": SAID, "number": NUMBER}
    for answer in answers:
        assert NUMBER not in answer.text
        assert "Văn An" not in answer.text
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert NUMBER.encode() not in content, path.name
            assert "Văn An".encode() not in content, path.name


def test_nobody_calls_off_what_somebody_else_asked_for(talk, vault):
    """It takes no reason, no second pair of eyes and no right to decide: an office could drop what it has to answer."""

    async def conversation(desk):
        place, _ = await file(desk, kind="delete")
        others = ("officer", "hn-reception", "portal", "supervisor")
        dropped = [await desk.post(f"{place}/cancel", caller=one) for one in others]
        return dropped, await desk.post(f"{place}/cancel", caller="citizen")

    dropped, own = talk(conversation, vault=vault)
    assert {one.status_code for one in dropped} == {403, 404}
    assert own.json()["state"] == "canceled"


def test_deadlines_follow_from_the_kind(talk, vault, clock):
    async def conversation(desk):
        kinds = ("access", "correct", "delete", "withdraw", "restrict", "object")
        return {kind: (await file(desk, kind=kind))[1].json() for kind in kinds}

    found = talk(conversation, vault=vault)
    ends = {kind: body["answer_by"] for kind, body in found.items()}
    assert ends["access"] == ends["correct"] < ends["withdraw"] == ends["restrict"]
    assert ends["object"] == ends["withdraw"] < ends["delete"]
    assert len({body["acknowledge_by"] for body in found.values()}) == 1


@pytest.mark.parametrize("caller", ["citizen", "portal", "auditor"])
@pytest.mark.parametrize("step", ["acknowledge", "extend", "grant", "refuse"])
def test_only_officers_handle_a_request(talk, vault, caller, step):
    bodies = {
        "extend": {"reasons": ["rights.complex"]},
        "grant": {"identification": "login"},
        "refuse": {"reasons": ["rights.law_keeps"]},
    }

    async def conversation(desk):
        place, made = await file(desk)
        headers = {"If-Match": made.headers["etag"]}
        return await desk.post(
            f"{place}/{step}", json=bodies.get(step), caller=caller, headers=headers
        )

    answer = talk(conversation, vault=vault)
    assert answer.status_code == 403
    assert answer.json()["code"] in {"access.denied", "decision.not_an_officer"}


def test_a_citizen_files_for_nobody_else(talk, vault):
    async def conversation(desk):
        other = {"kind": "delete", "citizen": NEIGHBOUR}
        own = {"kind": "delete", "citizen": CITIZEN}
        return (
            await desk.post(ROOT, json=other, caller="citizen"),
            await desk.post(ROOT, json=own, caller="citizen"),
        )

    other, own = talk(conversation, vault=vault)
    assert (other.status_code, other.json()["code"]) == (403, "access.denied")
    assert own.status_code == 201


def test_a_session_of_somebody_else_cannot_be_named(talk, vault):
    async def conversation(desk):
        session = await with_picture(desk, caller="neighbour")
        wanted = {"kind": "delete", "sessions": [session]}
        return await desk.post(ROOT, json=wanted, caller="citizen")

    answer = talk(conversation, vault=vault)
    assert (answer.status_code, answer.json()["code"]) == (404, "session.unknown")


def test_whoever_files_does_not_decide_and_nobody_on_themselves(talk, vault):
    async def conversation(desk):
        by_officer, _ = await file(desk, caller="officer", citizen=NEIGHBOUR)
        own, _ = await file(desk, caller="citizen")
        return (
            await grant(desk, by_officer, caller="officer", identification="counter"),
            await refuse(desk, by_officer, caller="officer"),
            await grant(desk, by_officer, caller="supervisor", identification="counter"),
            await grant(desk, own, caller="moonlighter", identification="counter"),
        )

    same, same_refusal, other, oneself = talk(conversation, vault=vault)
    assert same.json()["code"] == same_refusal.json()["code"] == "decision.four_eyes"
    assert other.json()["state"] == "granted"
    assert (oneself.status_code, oneself.json()["code"]) == (403, "decision.own_case")


@pytest.mark.parametrize(
    ("filer", "members", "identification"),
    [
        ("officer", {"citizen": CITIZEN}, {"identification": "login"}),
        ("officer", {}, {"identification": "login"}),
        ("citizen", {"number": NUMBER}, {"identification": "session"}),
        ("citizen", {}, {"identification": "login", "session_id": "0" * 32}),
        ("citizen", {"number": NUMBER}, {"identification": "counter", "session_id": "0" * 32}),
    ],
)
def test_what_does_not_show_who_asks_grants_nothing(talk, vault, filer, members, identification):
    async def conversation(desk):
        place, _ = await file(desk, caller=filer, **members)
        return await grant(desk, place, **identification), await desk.get(place)

    answer, after = talk(conversation, vault=vault)
    assert (answer.status_code, answer.json()["code"]) == (422, "rights.identity")
    assert after.json()["state"] == "received"


def test_a_session_of_another_number_shows_nothing(talk, vault):
    async def conversation(desk):
        session = await with_picture(desk)
        place, _ = await file(desk, number=NUMBER)
        return await grant(desk, place, identification="session", session_id=session)

    assert talk(conversation, vault=vault).json()["code"] == "rights.identity"


def test_a_decision_is_on_what_was_seen(talk, vault):
    async def conversation(desk):
        place, _ = await file(desk)
        body = {"identification": "login"}
        blind = await desk.post(f"{place}/grant", json=body, caller="supervisor")
        await desk.post(f"{place}/acknowledge", caller="officer")
        stale = await desk.post(
            f"{place}/grant", json=body, caller="supervisor", headers={"If-Match": '"1"'}
        )
        return blind, stale, await grant(desk, place)

    blind, stale, done = talk(conversation, vault=vault)
    assert (blind.status_code, stale.status_code, done.status_code) == (428, 412, 200)


def test_an_access_request_is_answered_with_all_of_ones_own_and_nothing_else(talk, vault):
    async def conversation(desk):
        mine, other = await with_picture(desk), await with_picture(desk, caller="neighbour")
        dossier = await desk.post("/v1/dossiers", json={"procedure": "identity"}, caller="citizen")
        place, _ = await file(desk)
        await grant(desk, place)
        done = await settled(desk, place)
        export = await desk.get(f"{place}/export", caller="officer")
        return mine, other, dossier.json()["id"], done, export

    mine, other, dossier, done, export = talk(conversation, vault=vault)
    assert done["state"] == "fulfilled"
    assert done["done"]["sessions"] == 1
    digest = base64.b64encode(hashlib.sha256(export.content).digest()).decode()
    assert export.headers["content-digest"] == f"sha-256=:{digest}:"
    archive = zipfile.ZipFile(io.BytesIO(export.content))
    assert archive.testzip() is None
    names = archive.namelist()
    assert f"dossiers/{dossier}.json" in names
    front = next(name for name in names if name.startswith(f"sessions/{mine}/files/card-front"))
    assert archive.read(front) == SECRET
    record = json.loads(archive.read(f"sessions/{mine}/record.json"))
    assert [line["kind"] for line in record["log"]][-1] == "Concluded"
    assert record["checks"]["1"]
    assert not any(other in name for name in names)
    assert other.encode() not in export.content


async def settled(desk, place, caller="officer"):
    """The request once the task beside the requests is through."""
    body = {}
    for _ in range(500):
        body = (await desk.get(place, caller=caller)).json()
        if body.get("state") != "granted":
            return body
        await asyncio.sleep(0)
    raise AssertionError(body)


@pytest.mark.parametrize("caller", ["citizen", "auditor", "stranger", "hanoi"])
def test_an_export_is_media(talk, vault, caller):
    async def conversation(desk):
        place, _ = await file(desk)
        early = await desk.get(f"{place}/export", caller="officer")
        await grant(desk, place)
        await settled(desk, place)
        return early, await desk.get(f"{place}/export", caller=caller)

    early, refused = talk(conversation, vault=vault)
    assert (early.status_code, early.json()["code"]) == (404, "rights.no_export")
    assert refused.status_code == (403 if caller in {"citizen", "auditor"} else 404)


def test_an_export_lives_for_a_day(talk, vault, storage, answerer, clock, tmp_path):
    async def conversation(desk):
        await with_picture(desk)
        place, _ = await file(desk)
        await grant(desk, place)
        await settled(desk, place)
        clock.advance(timedelta(hours=24))
        before = len(list((tmp_path / "blobs").rglob("*")))
        gone = await desk.get(f"{place}/export", caller="officer")
        with storage.dossiers(KEY).looking("a") as unit:
            over = unit.requests.exports_over(unit.now, limit=9)
        answerer.sweep()
        with storage.dossiers(KEY).looking("a") as unit:
            left = unit.requests.exports_over(unit.now, limit=9)
        return before, gone, len(over), len(left)

    before, gone, *looked_at = talk(conversation, vault=vault)
    assert gone.json()["code"] == "rights.no_export"
    assert looked_at == [1, 0]  # once, and never again
    assert len([one for one in (tmp_path / "blobs").rglob("*") if one.is_file()]) < before


def test_an_erasure_erases_the_person_and_what_the_request_says(talk, vault, storage, tmp_path):
    async def conversation(desk):
        session, other = await with_picture(desk), await with_picture(desk, caller="neighbour")
        place, _ = await file(desk, kind="delete", number=NUMBER)
        await grant(desk, place, identification="counter")
        done = await settled(desk, place)
        return (
            done,
            await desk.get(f"/v1/sessions/{session}"),
            await desk.get(f"/v1/sessions/{other}"),
            await desk.get(f"{place}/statement", caller="officer"),
            await desk.get(place, caller="citizen"),
        )

    done, session, other, statement, own = talk(conversation, vault=vault)
    assert done["state"] == "fulfilled"
    assert (done["done"]["sessions"], session.json()["state"]) == (1, "redacted")
    assert other.json()["state"] == "decided"
    assert (statement.status_code, statement.json()["code"]) == (410, "subject.erased")
    assert own.status_code == 404  # the login stands nowhere any more
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert CITIZEN.encode() not in path.read_bytes(), path.name
            assert NUMBER.encode() not in path.read_bytes(), path.name


def test_what_a_login_asks_reaches_that_login_alone(talk, vault):
    """The number is not shown to be theirs: somebody else's must not be erased or exported by it."""
    person = vault.subjects.enrol("a", NUMBER)

    async def conversation(desk):
        place, _ = await file(desk, kind="delete", number=NUMBER)
        await grant(desk, place, identification="login")
        return await settled(desk, place)

    assert talk(conversation, vault=vault)["state"] == "fulfilled"
    assert vault.subjects.get("a", person.id).erased_at is None


class FailingVault:
    """A vault that fails at one of its erasures, as a process that dies there."""

    def __init__(self, vault, at):
        self._vault = vault
        self._left = at

    def __getattr__(self, name):
        return getattr(self._vault, name)

    def erase_subject(self, tenant, subject_id):
        self._left -= 1
        if self._left < 0:
            raise StorageError("the disk is gone")
        return self._vault.erase_subject(tenant, subject_id)


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("identification", ["login", "counter"])
def test_an_erasure_that_is_cut_off_is_gone_on_with(
    talk, vault, answerer, storage, tmp_path, at, identification
):
    async def conversation(desk):
        session = await with_picture(desk)
        place, _ = await file(desk, kind="delete")
        await grant(desk, place, identification=identification)
        for _ in range(500):
            await asyncio.sleep(0)
        return session, place

    async def later(desk):
        cut = (await desk.get(place, caller="officer")).json()["state"]
        done = answerer.sweep()
        state = (await desk.get(place, caller="officer")).json()["state"]
        return cut, done, state, (await desk.get(f"/v1/sessions/{session}")).json()["state"]

    session, place = talk(conversation, vault=FailingVault(vault, at))
    assert talk(later, vault=vault) == ("granted", 1, "fulfilled", "redacted")
    assert answerer.sweep() == 0
    assert not any(one.is_file() for one in (tmp_path / "blobs").rglob("*"))
    with storage.dossiers(KEY).looking("a") as unit:
        person = unit.requests.get(place.rpartition("/")[2]).person
    assert vault.subjects.get("a", person).erased_at is not None


def test_an_objection_sends_what_the_citizen_files_to_an_officer(talk, vault):
    async def conversation(desk):
        before = await desk.get(await desk.session(caller="citizen"), caller="citizen")
        place, _ = await file(desk, kind="object")
        await grant(desk, place)
        await settled(desk, place)
        after = await desk.session(caller="citizen")
        submitted = await desk.submit(after, caller="citizen")
        other = await desk.get(await desk.session(caller="neighbour"), caller="neighbour")
        return before, submitted, other

    before, submitted, other = talk(conversation, vault=vault)
    assert before.json()["review_only"] is False
    assert submitted.json()["state"] == "needs_review"
    assert other.json()["review_only"] is False


def test_corrections_are_done_by_an_officer_who_says_so(talk, vault):
    async def conversation(desk):
        place, _ = await file(desk, kind="correct")
        early = await desk.post(f"{place}/complete", caller="officer")
        await grant(desk, place)
        done = await desk.post(f"{place}/complete", caller="officer")
        automatic, _ = await file(desk, kind="access")
        return early, done, await desk.post(f"{automatic}/complete", caller="officer")

    early, done, automatic = talk(conversation, vault=vault)
    assert early.json()["code"] == "rights.state"
    assert done.json()["state"] == "fulfilled"
    assert automatic.json()["code"] == "rights.automatic"


def test_an_answer_is_put_off_once_and_in_time(talk, vault, clock):
    body = {"reasons": ["rights.complex"]}

    async def conversation(desk):
        place, made = await file(desk)
        first = await desk.post(f"{place}/extend", json=body, caller="officer")
        second = await desk.post(f"{place}/extend", json=body, caller="officer")
        late, _ = await file(desk)
        unknown = await desk.post(
            f"{late}/extend", json={"reasons": ["nobody.knows"]}, caller="officer"
        )
        clock.advance(timedelta(days=30))
        too_late = await desk.post(f"{late}/extend", json=body, caller="officer")
        return made, first, second, unknown, too_late

    made, first, second, unknown, too_late = talk(conversation, vault=vault)
    assert first.json()["answer_by"] > made.json()["answer_by"]
    assert second.json()["code"] == "rights.extended_already"
    assert unknown.json()["code"] == "reason.unknown"
    assert too_late.json()["code"] == "rights.too_late"


def test_every_step_stands_in_the_evidence_log_by_pseudonym(talk, vault, storage):
    async def conversation(desk):
        place, _ = await file(desk, kind="access", number=NUMBER)
        await desk.post(f"{place}/acknowledge", caller="officer")
        await desk.get(f"{place}/statement", caller="officer")
        await grant(desk, place)
        await settled(desk, place)
        await desk.get(f"{place}/export", caller="officer")
        return place.rpartition("/")[2]

    request_id = talk(conversation, vault=vault)
    events = [json.loads(one.event) for one in storage.evidence.entries()]
    told = [
        (one["kind"], one["facts"].get("step") or one["facts"].get("what") or one["facts"]["right"])
        for one in events
        if request_id in one["facts"].values()
    ]
    assert told == [
        ("request.filed", "access"),
        ("request.moved", "acknowledged"),
        ("media.viewed", "statement"),
        ("request.moved", "granted"),
        ("request.moved", "fulfilled"),
        ("media.viewed", "export"),
    ]
    whole = b"".join(one.event for one in storage.evidence.entries())
    for secret in (NUMBER, CITIZEN, "officer-1", "officer-2"):
        assert secret.encode() not in whole


def test_without_a_vault_there_are_no_requests(talk):
    async def conversation(desk):
        return await desk.post(ROOT, json={"kind": "access"}, caller="citizen")

    answer = talk(conversation)
    assert (answer.status_code, answer.json()["code"]) == (404, "rights.not_offered")


def test_a_request_is_filed_once(talk, vault):
    async def conversation(desk):
        wanted = {"kind": "access", "text": SAID}
        first = await desk.post(ROOT, json=wanted, caller="citizen", key="same")
        again = await desk.post(ROOT, json=wanted, caller="citizen", key="same")
        return first, again, await desk.get(ROOT, caller="citizen")

    first, again, listed = talk(conversation, vault=vault)
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json() == again.json()
    assert len(listed.json()["data"]) == 1

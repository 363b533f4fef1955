"""Verification sessions from the portal's side: their whole life, and every way in which it may go wrong."""

from __future__ import annotations

import io
import threading
import zipfile
from datetime import timedelta

import pytest

from ekyc.errors import BusyError, InputError

OTHER_CASE = b'schema = "ekyc.case/1"\nprofile = "demo"\n'


def refused(response, status, code):
    assert response.status_code == status, response.text
    document = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert document["code"] == code
    return document


def test_a_case_is_submitted_verified_and_decided(talk, verifier, tmp_path):
    async def conversation(desk):
        place = await desk.session()
        done = await desk.submit(place)
        return done, await desk.get(f"{place}/checks"), await desk.get(f"{place}/decisions")

    done, checks, decisions = talk(conversation)

    assert done.status_code == 200
    assert done.headers["preference-applied"] == "wait"
    body = done.json()
    assert (body["state"], body["outcome"], body["final"]) == ("decided", "approved", True)
    assert body["attempts"] == {"allowed": 3, "made": 1, "left": 2}
    [check] = checks.json()["data"]
    assert check["code"] == "chip.signature"
    assert check["required"] is True
    assert (check["score"], check["threshold"]) == (0.5, 0.4)
    assert check["title"]["vi"]
    [decision] = decisions.json()["data"]
    assert decision["automatic"] is True
    assert decision["actor"] == {"kind": "system", "id": "ekyc", "role": None, "office": None}
    assert [folder for folder in verifier.folders if folder.exists()] == []
    assert list((tmp_path / "scratch").iterdir()) == []


def test_who_does_not_wait_hears_at_once_and_asks_later(talk, verifier):
    verifier.hold = threading.Event()

    async def conversation(desk):
        place = await desk.session()
        begun = await desk.submit(place, wait=False)
        running = await desk.get(place)
        second = await desk.submit(place, wait=False)
        verifier.hold.set()
        return place, begun, running, second

    place, begun, running, second = talk(conversation)  # the end waits for what runs

    assert begun.status_code == 202
    assert begun.headers["location"] == place
    assert begun.json()["state"] == running.json()["state"] == "processing"
    refused(second, 409, "session.state")
    assert talk(lambda desk: desk.get(place)).json()["state"] == "decided"


def test_sample_material_is_decided_and_never_final(talk, verifier):
    verifier.accept(sample=True)

    async def conversation(desk):
        return await desk.submit(await desk.session())

    body = talk(conversation).json()
    assert (body["state"], body["final"]) == ("decided", False)
    assert body["conclusion"]["sample"] is True


def test_whoever_submits_does_not_choose_by_what_it_is_judged(talk, verifier):
    async def conversation(desk):
        place = await desk.session()
        other = await desk.submit(place, case=OTHER_CASE)
        broken = await desk.submit(place, case=b"\xff")
        return other, broken, await desk.get(place)

    other, broken, after = talk(conversation)
    refused(other, 422, "session.other_procedure")
    refused(broken, 422, "case.invalid")
    assert after.json()["attempts"]["made"] == 0
    assert verifier.folders == []


NAMES_A_PICTURE = b'schema = "ekyc.case/1"\nprofile = "identity"\n[card]\nfront = "front.jpg"\n'
NAMES_A_CHIP = b'schema = "ekyc.case/1"\nprofile = "identity"\n[chip]\nfolder = "chip"\n'


@pytest.mark.parametrize(
    ("case", "status", "code", "pointer"),
    [
        (NAMES_A_PICTURE, 422, "case.file_missing", "/body/file"),
        (NAMES_A_CHIP, 422, "chip.folder_missing", "/body/file"),
        (b"\xff", 422, "case.invalid", "/body/case"),
        (b'schema = "ekyc.case/1"\n', 422, "case.invalid", "/body/case"),
        (b"a = " + b"9" * 5000, 422, "case.invalid", "/body/case"),
        (b"a." * 20_000 + b"a = 1", 422, "case.invalid", "/body/case"),
        (OTHER_CASE, 422, "session.other_procedure", "/body/case"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_case_is_refused_and_is_no_attempt(
    talk, verifier, tmp_path, case, status, code, pointer
):
    async def conversation(desk):
        place = await desk.session()
        answer = await desk.submit(place, case=case)
        token = (await desk.post(f"{place}/capture-tokens")).json()["token"]
        by_phone = await desk.post(
            place.replace("sessions", "captures") + "/submissions",
            files=[("case", (None, case))],
            headers={"Authorization": f"Bearer {token}"},
        )
        return answer, by_phone, await desk.get(place)

    answer, by_phone, after = talk(conversation)
    for response in (answer, by_phone):
        assert refused(response, status, code)["errors"][0]["pointer"] == pointer
    assert after.json()["attempts"]["made"] == 0
    assert verifier.folders == []
    assert list((tmp_path / "scratch").iterdir()) == []


def test_of_an_archive_the_archive_is_at_fault(talk):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("case.toml", NAMES_A_PICTURE)

    async def conversation(desk):
        place = await desk.session()
        files = [("archive", ("case.zip", packed.getvalue()))]
        return await desk.post(f"{place}/submissions", files=files)

    document = refused(talk(conversation), 422, "case.file_missing")
    assert document["subject"] == "front.jpg"
    assert document["errors"][0]["pointer"] == "/body/archive"


def test_a_judgement_by_another_profile_decides_nothing(talk, verifier):
    verifier.result["decision"]["profile"] = "demo"

    async def conversation(desk):
        return await desk.submit(await desk.session())

    body = talk(conversation).json()
    assert body["state"] == "requires_input"
    assert body["decision"] is None
    assert body["last_error"]["code"] == "internal"


def test_what_can_be_mended_is_asked_for_again_until_attempts_are_spent(talk, verifier):
    verifier.ask_again()

    async def conversation(desk):
        place = await desk.session(attempts=2)
        return await desk.submit(place), await desk.submit(place), await desk.submit(place)

    first, second, third = talk(conversation)
    assert (first.json()["state"], first.json()["outcome"]) == ("requires_input", "resubmit")
    assert second.json()["state"] == "needs_review"
    refused(third, 409, "session.state")


@pytest.mark.parametrize(
    ("error", "code", "made"),
    [
        (InputError("x", code="image.unreadable"), "image.unreadable", 1),
        (BusyError("x", code="storage.locked"), "storage.locked", 0),
        (ZeroDivisionError("Nguyễn Văn An"), "internal", 0),
        (InputError("x", code="a.code_without_texts"), "a.code_without_texts", 1),
    ],
)
def test_our_faults_are_not_counted_against_anybody(talk, verifier, error, code, made, caplog):
    verifier.error = error

    async def conversation(desk):
        return await desk.submit(await desk.session())

    body = talk(conversation).json()
    assert body["state"] == "requires_input"
    assert body["last_error"]["code"] == code
    assert all(text.endswith(".") for text in body["last_error"]["message"].values())
    assert body["attempts"]["made"] == made
    assert "Nguyễn" not in caplog.text


def test_a_process_that_dies_gives_the_attempt_back_after_its_deadline(
    talk, storage, verifier, clock
):
    """The line *submitted* is there and its work is not: as after kill -9."""
    from killed_service import leave_processing

    place = talk(lambda desk: desk.session())
    leave_processing(storage, place.rsplit("/", 1)[1])
    assert talk(lambda desk: desk.get(place)).json()["state"] == "processing"

    clock.advance(timedelta(minutes=10))
    body = talk(lambda desk: desk.get(place)).json()
    assert body["state"] == "requires_input"
    assert body["last_error"]["code"] == "session.interrupted"
    assert body["attempts"]["made"] == 0
    assert talk(lambda desk: desk.submit(place)).json()["state"] == "decided"


def test_a_session_expires(talk, clock):
    place = talk(lambda desk: desk.session(lasts_s=300))
    clock.advance(timedelta(seconds=300))

    async def conversation(desk):
        return await desk.get(place), await desk.submit(place)

    seen, late = talk(conversation)
    assert seen.json()["state"] == "expired"
    refused(late, 409, "session.state")


def test_lists_and_flags_show_what_time_has_brought_about(talk, clock, storage):
    """Nobody has looked at the session, and no worker has: the list alone knows."""

    async def conversation(desk):
        dossier = await desk.post("/v1/dossiers", json={"procedure": "identity"})
        members = {"procedure": None, "dossier_id": dossier.json()["id"], "lasts_s": 300}
        await desk.session(**members)
        await desk.session()
        clock.advance(timedelta(seconds=300))
        states = ("created", "expired", "requires_input")
        asked = [await desk.get(f"/v1/sessions?state={state}") for state in states]
        return asked, await desk.get("/v1/sessions")

    asked, everything = talk(conversation)
    shown = [[one["state"] for one in answer.json()["data"]] for answer in asked]
    assert shown == [["created"], ["expired"], []]
    assert {one["state"] for one in everything.json()["data"]} == {"created", "expired"}


def test_a_page_that_time_has_emptied_leads_on(talk, clock):
    async def conversation(desk):
        await desk.session()
        clock.advance(timedelta(seconds=1))
        for _ in range(2):
            await desk.session(lasts_s=300)
        clock.advance(timedelta(seconds=300))
        first = await desk.get("/v1/sessions?state=created&limit=2")
        onward = first.json()["next"]
        return first, await desk.get(f"/v1/sessions?state=created&limit=2&cursor={onward}")

    first, second = talk(conversation)
    assert first.json()["data"] == []
    assert [one["state"] for one in second.json()["data"]] == ["created"]


def test_a_session_is_called_off_and_redacted(talk):
    async def conversation(desk):
        place = await desk.session()
        await desk.submit(place)
        cancel = await desk.post(f"{place}/cancel")
        redacted = await desk.post(f"{place}/redact")
        other = await desk.session()
        canceled = await desk.post(f"{other}/cancel")
        return cancel, redacted, await desk.get(f"{place}/checks"), canceled

    cancel, redacted, checks, canceled = talk(conversation)
    refused(cancel, 409, "session.state")
    assert redacted.json()["state"] == "redacted"
    assert redacted.json()["decision"]["outcome"] == "approved"
    assert checks.json()["data"] == []
    assert canceled.json()["state"] == "canceled"


async def ordered_reading(desk, caller="portal"):
    made = await desk.post("/v1/chip-sessions", json={"mode": "hybrid"}, caller=caller)
    assert made.status_code == 201, made.text
    return {"kind": "chip-session", "id": made.json()["id"]}


def test_links_are_recorded(talk):
    async def conversation(desk):
        place = await desk.session()
        link = await ordered_reading(desk)
        return link, await desk.post(f"{place}/links", json=link)

    link, answer = talk(conversation)
    assert answer.json()["links"] == [link]


@pytest.mark.parametrize(
    ("orders", "links", "session_of", "office", "status"),
    [
        ("portal", "portal", "portal", None, 200),
        ("portal", "portal", "citizen", None, 200),
        ("stranger", "portal", "portal", None, 404),
        ("citizen", "citizen", "citizen", None, 200),
        ("neighbour", "citizen", "citizen", None, 404),
        ("portal", "citizen", "citizen", None, 404),
        ("neighbour", "portal", "citizen", None, 404),
        ("citizen", "portal", "portal", None, 404),
        ("hanoi", "hanoi", "hanoi", "hn", 200),
        ("hanoi", "portal", "portal", "hcm", 404),
        ("ward-officer", "hn-officer", "portal", "hn", 404),
        (None, "portal", "portal", None, 404),
    ],
)
def test_only_what_was_ordered_for_it_is_linked(talk, orders, links, session_of, office, status):
    async def conversation(desk):
        place = await desk.session(session_of, **({"office": office} if office else {}))
        link = {"kind": "chip-session", "id": "0" * 32}
        if orders is not None:
            link = await ordered_reading(desk, orders)
        return await desk.post(f"{place}/links", json=link, caller=links), await desk.get(place)

    answer, after = talk(conversation)
    if status == 404:
        refused(answer, 404, "session.link_unknown")
    assert answer.status_code == status, answer.text
    assert len(after.json()["links"]) == (status == 200)


@pytest.mark.parametrize("kind", ["chip-session", "liveness-session"])
def test_what_is_not_there_is_not_linked(talk, kind):
    async def conversation(desk):
        link = {"kind": kind, "id": "0" * 32}
        return await desk.post(f"{await desk.session()}/links", json=link)

    refused(talk(conversation), 404, "session.link_unknown")


def test_review_only_is_never_decided_by_machine(talk):
    async def conversation(desk):
        return await desk.submit(await desk.session(review_only=True))

    body = talk(conversation).json()
    assert (body["state"], body["final"]) == ("needs_review", False)


def test_a_dossier_gathers_its_sessions(talk, verifier):
    async def conversation(desk):
        made = await desk.post("/v1/dossiers", json={"procedure": "identity", "reference": "HS-1"})
        number = made.json()["id"]
        place = await desk.session(procedure=None, dossier_id=number)
        other = await desk.post("/v1/sessions", json={"procedure": "demo", "dossier_id": number})
        await desk.submit(place)
        where = f"/v1/dossiers/{number}"
        return made, other, await desk.get(where), await desk.get(f"{where}/timeline")

    made, other, dossier, timeline = talk(conversation)
    assert made.status_code == 201
    assert made.json()["flags"] == ["incomplete"]
    refused(other, 422, "session.other_procedure")
    assert dossier.json()["flags"] == ["approved"]
    assert len(dossier.json()["sessions"]) == 1
    assert [entry["type"] for entry in timeline.json()["data"]] == [
        "dossier.opened",
        "dossier.session_added",
        "session.created",
        "session.processing",
        "session.concluded",
    ]


def test_a_dossier_is_edited_by_whoever_saw_its_newest_state(talk):
    async def conversation(desk):
        made = await desk.post("/v1/dossiers", json={"procedure": "identity", "reference": "HS-1"})
        where, etag = f"/v1/dossiers/{made.json()['id']}", made.headers["etag"]
        edit = {"reference": None, "state": "closed"}
        blind = await desk.patch(where, json=edit)
        done = await desk.patch(where, json=edit, headers={"If-Match": etag})
        late = await desk.patch(where, json=edit, headers={"If-Match": etag})
        closed = await desk.post("/v1/sessions", json={"dossier_id": made.json()["id"]})
        return blind, done, late, closed

    blind, done, late, closed = talk(conversation)
    refused(blind, 428, "precondition.required")
    assert (done.json()["state"], done.json()["reference"]) == ("closed", None)
    refused(late, 412, "precondition.failed")
    refused(closed, 409, "dossier.state")

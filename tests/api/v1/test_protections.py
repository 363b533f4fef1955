"""Restrictions of processing and legal holds: what they stop, operation by operation, and who lifts them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from protections_desk import ORDER, ROOT, asked, held, moved, restricted

from ekyc.api.v1.sweeps import sweep_sessions
from ekyc.errors import EkycError
from ekyc.flows import PersonEraser
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import schema_of
from ekyc.signing.credentials.issuer import result_subject
from ekyc.storage import FileBlobStore, FileKeyProvider, RetentionPolicy, ServiceKey
from ekyc.storage.evidence.places import EntriesOf

CASE = b'schema = "ekyc.case/1"\nprofile = "identity"\n'
KEY = ServiceKey(bytes(32))
NUMBER = "079185001234"
CITIZEN, NEIGHBOUR = "c" * 64, "d" * 64
TEN_YEARS = timedelta(days=3660)


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


@pytest.fixture
def decided(verifier):
    """Have a session of a caller decided on the holder of a number."""

    async def decide(desk, caller="citizen", number=NUMBER):
        schema = schema_of("identity-verification")
        verifier.result["person"] = result_subject(KEY, schema, number)
        verifier.result.pop("signer", None)
        place = await desk.session(caller=caller)
        done = await desk.submit(place, caller=caller)
        assert done.json()["state"] == "decided", done.text
        return place

    return decide


async def first_artefact(desk, place):
    listed = (await desk.get(f"{place}/artefacts", caller="officer")).json()
    return f"{place}/artefacts/{listed['data'][0]['id']}"


def code(answer):
    return answer.status_code, answer.json()["code"]


STOPPED = (409, "subject.restricted")
HELD = (409, "subject.held")


async def submitting(desk, place):
    return await desk.submit(place, caller="citizen")


async def capturing(desk, place):
    return await desk.post(f"{place}/capture-tokens", caller="citizen")


async def cancelling(desk, place):
    return await desk.post(f"{place}/cancel", caller="officer")


async def redacting(desk, place):
    return await desk.post(f"{place}/redact", caller="officer")


async def viewing(desk, place):
    return await desk.get(await first_artefact(desk, place), caller="officer")


async def deciding(desk, place):
    etag = (await desk.get(place)).headers["etag"]
    return await desk.decide(
        place, "rejected", caller="officer", etag=etag, reasons=["policy.check_absent"]
    )


async def opening(desk, place):
    return await desk.post("/v1/sessions", json={"procedure": "identity"}, caller="citizen")


async def filing(desk, place):
    return await desk.post("/v1/dossiers", json={"procedure": "identity"}, caller="citizen")


@pytest.mark.parametrize(
    "operation",
    [capturing, cancelling, redacting, viewing, deciding, opening, filing],
    ids=lambda one: one.__name__,
)
def test_nothing_is_done_with_what_is_restricted_until_it_is_lifted(
    talk, vault, decided, operation
):
    async def conversation(desk):
        place = await decided(desk)
        path = await restricted(desk)
        stopped = await operation(desk, place)
        lifted = await moved(
            desk, path, "lift", caller="supervisor", reasons=["rights.person_lifts"]
        )
        return stopped, lifted, await operation(desk, place)

    stopped, lifted, after = talk(conversation, vault=vault)
    assert code(stopped) == STOPPED
    assert (lifted.json()["state"], lifted.json()["sessions"]) == ("lifted", [])
    assert after.json().get("code") != "subject.restricted" if after.content[:1] == b"{" else True


@pytest.mark.parametrize("operation", [submitting, capturing, cancelling], ids=lambda o: o.__name__)
def test_an_open_session_stands_still(talk, vault, operation):
    async def conversation(desk):
        place = await desk.session(caller="citizen")
        await restricted(desk)
        return await operation(desk, place), (await desk.get(place, caller="citizen")).json()

    stopped, session = talk(conversation, vault=vault)
    assert code(stopped) == STOPPED
    assert (session["state"], session["attempts"]["made"]) == ("created", 0)


def test_a_restricted_session_does_not_expire_and_can_be_read(talk, vault, clock, storage):
    async def conversation(desk):
        place = await desk.session(caller="citizen")
        path = await restricted(desk)
        clock.advance(timedelta(days=3))
        swept = sweep_sessions(storage.dossiers(KEY))
        still = await desk.get(place)
        await moved(desk, path, "lift", caller="supervisor", reasons=["rights.dispute_over"])
        return swept, still, await desk.get(place)

    swept, still, after = talk(conversation, vault=vault)
    assert (swept, still.status_code, after.json()["state"]) == (0, 200, "expired")


def test_who_lifts_restrictions_sees_what_is_restricted_and_it_is_logged(
    talk, vault, decided, storage
):
    async def conversation(desk):
        place = await decided(desk)
        await restricted(desk)
        path = await first_artefact(desk, place)
        before = storage.evidence.size()
        seen = await desk.get(path, caller="supervisor")
        return seen, storage.evidence.size() - before, await desk.get(path, caller="portal")

    seen, logged, portal = talk(conversation, vault=vault)
    assert (seen.status_code, logged) == (200, 1)
    assert code(portal) == STOPPED


def test_nobody_is_verified_on_a_restricted_number(talk, vault, decided, verifier):
    async def conversation(desk):
        await decided(desk)
        await restricted(desk, caller="portal", identification="counter", number=NUMBER)
        place = await desk.session(caller="neighbour")
        done = await desk.submit(place, caller="neighbour")
        return done.json()

    body = talk(conversation, vault=vault)
    assert (body["state"], body["decision"]) == ("requires_input", None)
    assert body["last_error"]["code"] == "subject.restricted"
    assert body["attempts"]["left"] == body["attempts"]["allowed"]


def test_a_neighbour_goes_on(talk, vault, decided):
    async def conversation(desk):
        place = await decided(desk, "neighbour", "079185009999")
        await decided(desk)
        await restricted(desk)
        return [await one(desk, place) for one in (viewing, deciding, redacting)]

    assert not any("subject." in one.text for one in talk(conversation, vault=vault)[1:])


def test_the_person_still_gets_their_own_export(talk, vault, decided):
    async def conversation(desk):
        await decided(desk)
        await restricted(desk)
        return await asked(desk, "access")

    done = talk(conversation, vault=vault)
    assert (done["state"], done["done"]["sessions"]) == ("fulfilled", 1)


@pytest.mark.parametrize("kind", ["restriction", "hold"])
def test_an_erasure_is_answered_with_the_reason_and_retention_passes_by(
    talk, vault, storage, clock, decided, kind
):
    async def conversation(desk):
        place = await decided(desk)
        if kind == "hold":
            path = await held(desk, citizen=CITIZEN)
        else:
            path = await restricted(desk)
        answer = await asked(desk, "delete")
        redaction = await redacting(desk, place)
        with pytest.raises(EkycError) as caught:
            PersonEraser(storage, vault, KEY).erase_number("a", NUMBER, logins=[CITIZEN])
        clock.advance(TEN_YEARS)
        kept = vault.apply_retention(RetentionPolicy.default())
        there = await desk.get(await first_artefact(desk, place), caller="supervisor")
        await moved(desk, path, "lift", caller="supervisor", reasons=["rights.order_over"])
        if kind == "hold":
            await moved(desk, path, "confirm", caller="foreman")
        gone = vault.apply_retention(RetentionPolicy.default())
        return answer, redaction, caught.value, kept, there, gone

    answer, redaction, error, kept, there, gone = talk(conversation, vault=vault)
    expected = "subject.held" if kind == "hold" else "subject.restricted"
    assert (answer["state"], [one["code"] for one in answer["reasons"]]) == ("refused", [expected])
    assert code(redaction) == (409, expected)
    assert error.code == expected
    assert (dict(kept.removed), kept.protected, there.status_code) == ({}, 2, 200)
    assert (sum(gone.removed.values()), gone.protected) == (2, 0)


def test_a_hold_takes_two_and_so_does_its_end(talk, vault, decided):
    async def conversation(desk):
        place = await decided(desk)
        session = place.rpartition("/")[2]
        made = await desk.post(
            ROOT, json={"order": ORDER, "sessions": [session]}, caller="supervisor"
        )
        path = f"{ROOT}/{made.json()['id']}"
        steps = [
            await moved(desk, path, "confirm", caller="supervisor"),
            await moved(desk, path, "confirm", caller="officer"),
            await moved(desk, path, "confirm", caller="foreman"),
            await moved(desk, path, "lift", caller="foreman", reasons=["rights.order_over"]),
            await moved(desk, path, "confirm", caller="foreman"),
        ]
        still = await redacting(desk, place)
        steps.append(await moved(desk, path, "confirm", caller="supervisor"))
        return made, steps, still, await redacting(desk, place)

    made, steps, still, after = talk(conversation, vault=vault)
    assert (made.json()["state"], made.json()["order"]) == ("proposed", ORDER)
    assert [one.json().get("code", one.json().get("state")) for one in steps] == [
        "decision.four_eyes",
        "access.denied",
        "in_force",
        "lift_proposed",
        "decision.four_eyes",
        "lifted",
    ]
    assert code(still) == HELD
    assert after.json()["state"] == "redacted"


def test_a_proposal_holds_nothing_and_may_be_declined(talk, vault, decided):
    async def conversation(desk):
        place = await decided(desk)
        made = await desk.post(ROOT, json={"order": ORDER, "number": NUMBER}, caller="supervisor")
        path = f"{ROOT}/{made.json()['id']}"
        redacted = await redacting(desk, place)
        declined = await moved(desk, path, "decline", caller="foreman")
        return made.json(), redacted, declined, await moved(desk, path, "confirm", caller="foreman")

    made, redacted, declined, late = talk(conversation, vault=vault)
    assert len(made["sessions"]) == 1
    assert redacted.json()["state"] == "redacted"
    assert declined.json()["state"] == "declined"
    assert code(late) == (409, "protection.state")


def test_what_comes_later_is_held_as_well(talk, vault, decided):
    async def conversation(desk):
        await held(desk, citizen=CITIZEN, number=NUMBER)
        by_login = await decided(desk, "citizen", "079185009999")
        by_number = await decided(desk, "portal", NUMBER)
        return [await redacting(desk, place) for place in (by_login, by_number)]

    assert [code(one) for one in talk(conversation, vault=vault)] == [HELD, HELD]


def test_a_held_session_goes_on(talk, vault):
    async def conversation(desk):
        place = await desk.session(caller="citizen")
        await held(desk, citizen=CITIZEN)
        return await desk.submit(place, caller="citizen")

    assert talk(conversation, vault=vault).json()["state"] == "decided"


@pytest.mark.parametrize("caller", ["citizen", "officer", "portal", "auditor", "foreign"])
def test_others_neither_hold_nor_lift(talk, vault, caller):
    async def conversation(desk):
        path = await restricted(desk)
        etag = (await desk.get(path, caller="supervisor")).headers["etag"]
        return (
            await desk.post(ROOT, json={"order": ORDER, "citizen": NEIGHBOUR}, caller=caller),
            await desk.post(
                f"{path}/lift",
                json={"reasons": ["rights.person_lifts"]},
                caller=caller,
                headers={"If-Match": etag},
            ),
        )

    held_by_them, lifted = talk(conversation, vault=vault)
    if caller == "foreign":
        assert held_by_them.status_code == 201  # of a login of their own tenant
        assert code(lifted) == (404, "protection.unknown")
    else:
        assert {held_by_them.status_code, lifted.status_code} == {403}


def test_nobody_holds_or_lifts_for_themselves(talk, vault):
    async def conversation(desk):
        path = await restricted(desk)
        own = await desk.post(ROOT, json={"order": ORDER, "citizen": CITIZEN}, caller="moonlighter")
        lift = await moved(
            desk, path, "lift", caller="moonlighter", reasons=["rights.dispute_over"]
        )
        return own, lift

    for answer in talk(conversation, vault=vault):
        assert code(answer) == (403, "decision.own_case")


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ("079185001234", "personal_number"),
        ("QĐ-123456789", "personal_number"),
        ("Nguyễn Văn An", "string_pattern_mismatch"),
        (f"{ORDER}\n", "string_pattern_mismatch"),
        ("1" + "-" * 64, "string_pattern_mismatch"),
        ("", "string_pattern_mismatch"),
    ],
)
def test_an_order_is_a_number_and_says_nobody(talk, vault, order, fault):
    async def conversation(desk):
        return await desk.post(ROOT, json={"order": order, "citizen": CITIZEN}, caller="supervisor")

    refused = talk(conversation, vault=vault)
    (error,) = refused.json()["errors"]
    assert code(refused) == (422, "request.invalid")
    assert (error["pointer"], error["code"]) == ("/body/order", fault)


def test_each_step_is_in_the_evidence_log(talk, vault, storage):
    async def conversation(desk):
        path = await held(desk, citizen=CITIZEN)
        await moved(desk, path, "lift", caller="foreman", reasons=["rights.order_over"])
        await moved(desk, path, "confirm", caller="supervisor")
        return path.rpartition("/")[2]

    name = talk(conversation, vault=vault)
    entries = storage.evidence_reader.page(EntriesOf(tenant="a", file=name))
    said = [one.event for one in entries if one.event is not None]
    steps = [json.loads(one)["facts"]["step"] for one in said]
    assert steps == ["proposed", "in_force", "lift_proposed", "lifted"]

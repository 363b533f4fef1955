"""Officers decide: who, having seen what, and with whose second pair of eyes."""

from __future__ import annotations

import asyncio

import pytest


def refused(response, status, code):
    assert response.status_code == status, response.text
    assert response.json()["code"] == code


def test_an_officer_decides_what_a_machine_could_not(talk):
    async def conversation(desk):
        place, etag = await desk.under_review(review_only=True)
        return await desk.decide(place, "approved", caller="officer", etag=etag)

    response = talk(conversation)
    assert response.status_code == 201
    body = response.json()
    assert (body["state"], body["outcome"], body["final"]) == ("decided", "approved", True)
    assert body["decision"]["automatic"] is False
    assert body["decision"]["actor"] == {
        "kind": "officer",
        "id": "officer-1",
        "role": "officer",
        "office": None,
    }


def test_a_failed_check_is_set_aside_by_two(talk, verifier):
    verifier.reject()

    async def conversation(desk):
        place, etag = await desk.under_review()
        half = await desk.decide(place, "approved", caller="officer", etag=etag)
        etag = half.headers["etag"]
        same = await desk.decide(place, "approved", caller="officer", etag=etag)
        done = await desk.decide(place, "approved", caller="supervisor", etag=etag)
        return half, same, done, await desk.get(f"{place}/decisions")

    half, same, done, decisions = talk(conversation)
    assert (half.json()["state"], half.json()["final"]) == ("needs_review", False)
    assert half.json()["decision"]["overrides"] == ["face.match"]
    refused(same, 403, "access.denied")  # an officer may propose and not approve
    assert (done.json()["state"], done.json()["final"]) == ("decided", True)
    assert [one["outcome"] for one in decisions.json()["data"]] == [
        "rejected",
        "approved",
        "approved",
    ]


def test_a_supervisor_is_no_second_pair_of_eyes_to_itself(talk, verifier):
    verifier.reject()

    async def conversation(desk):
        place, etag = await desk.under_review()
        half = await desk.decide(place, "approved", caller="supervisor", etag=etag)
        return await desk.decide(place, "approved", caller="supervisor", etag=half.headers["etag"])

    refused(talk(conversation), 403, "decision.four_eyes")


def test_a_rejection_that_a_machine_proposed_is_made_by_one(talk, verifier):
    verifier.reject()

    async def conversation(desk):
        place, etag = await desk.under_review()
        bare = await desk.decide(place, "rejected", caller="officer", etag=etag)
        unknown = await desk.decide(
            place, "rejected", caller="officer", etag=etag, reasons=["no.such"]
        )
        done = await desk.decide(
            place, "rejected", caller="officer", etag=etag, reasons=["policy.check_absent"]
        )
        return bare, unknown, done

    bare, unknown, done = talk(conversation)
    refused(bare, 422, "reason.unknown")
    refused(unknown, 422, "reason.unknown")
    assert (done.json()["outcome"], done.json()["final"]) == ("rejected", True)
    assert done.json()["decision"]["reasons"][0]["message"]["vi"]


@pytest.mark.parametrize("caller", ["portal", "auditor", "citizen"])
def test_nobody_else_decides(talk, caller):
    async def conversation(desk):
        place, etag = await desk.under_review(review_only=True)
        return await desk.decide(place, "approved", caller=caller, etag=etag)

    refused(talk(conversation), 403, "access.denied")


@pytest.mark.parametrize(
    ("etag", "status", "code"),
    [
        (None, 428, "precondition.required"),
        ('"1"', 412, "precondition.failed"),
        ("*", 412, "precondition.failed"),
        ('W/"3"', 412, "precondition.failed"),
        ("3", 412, "precondition.failed"),
    ],
)
def test_only_who_saw_the_newest_state_decides(talk, etag, status, code):
    async def conversation(desk):
        place, newest = await desk.under_review(review_only=True)
        assert newest == '"3"'
        return await desk.decide(place, "approved", caller="officer", etag=etag)

    refused(talk(conversation), status, code)


def test_of_two_officers_who_decide_at_once_one_does(talk):
    async def conversation(desk):
        place, etag = await desk.under_review(review_only=True)
        return await asyncio.gather(
            *(
                desk.decide(place, "approved", caller=caller, etag=etag)
                for caller in ("officer", "supervisor")
            )
        )

    assert sorted(response.status_code for response in talk(conversation)) == [201, 412]


@pytest.mark.parametrize("in_dossier", [False, True])
def test_nobody_decides_on_themselves(talk, in_dossier):
    """The citizen is an officer too, and one person to the identity provider."""

    async def conversation(desk):
        members = {"review_only": True}
        if in_dossier:  # the portal makes the session, in the citizen's dossier
            made = await desk.post("/v1/dossiers", caller="citizen", json={"procedure": "identity"})
            members["dossier_id"] = made.json()["id"]
        caller = "portal" if in_dossier else "citizen"
        place, etag = await desk.under_review(caller=caller, **members)
        own = await desk.decide(place, "approved", caller="moonlighter", etag=etag)
        return own, await desk.decide(place, "approved", caller="officer", etag=etag)

    own, another = talk(conversation)
    refused(own, 403, "decision.own_case")
    assert another.json()["final"] is True


@pytest.mark.parametrize("by_telephone", [False, True])
def test_nobody_decides_on_what_they_handed_in(talk, by_telephone):
    """One officer alone could make up a person: a session, junk for a case, and the approval of it."""

    async def conversation(desk):
        place = await desk.session(caller="officer", review_only=True)
        if by_telephone:
            made = await desk.post(f"{place}/capture-tokens", caller="officer")
            token = {"Authorization": f"Bearer {made.json()['token']}"}
            await desk.submit(place.replace("sessions", "captures"), headers=token)
        else:
            await desk.submit(place, caller="officer")
        etag = (await desk.get(place)).headers["etag"]
        alone = await desk.decide(place, "approved", caller="officer", etag=etag)
        return alone, await desk.decide(place, "approved", caller="supervisor", etag=etag)

    alone, another = talk(conversation)
    refused(alone, 403, "decision.own_case")
    assert another.json()["final"] is True

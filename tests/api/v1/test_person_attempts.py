"""One person's attempts, counted over all their sessions: endless sessions are no endless attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ekyc.dossiers.attempts import AttemptLimit, attempt_limit
from ekyc.policy import profile_ids
from ekyc.storage.dossiers.person_attempts import person_attempts

MOST = attempt_limit("identity").most
WINDOW = attempt_limit("identity").window
SIGNED = [("chip.signature", "PASSED"), ("chip.hashes", "PASSED")]


async def tried(desk, *, caller="citizen", times=MOST, **members):
    """The answers to attempts in sessions of their own."""
    return [
        await desk.submit(await desk.session(caller, **members), caller=caller)
        for _ in range(times)
    ]


def told(verifier, verdict, *, person="one", signed=True):
    """Let the verifier find somebody's chip."""
    checks = [
        {"id": name, "outcome": outcome if signed else "FAILED", "reasons": []}
        | {"subjects": [], "measurements": [], "duration_ms": 1.0}
        for name, outcome in SIGNED
    ]
    reasons = [] if verdict == "accept" else ["face.not_same_person"]
    verifier.result = verifier.result | {"checks": checks, "person": person, "reasons": reasons}
    verifier.result["decision"] = verifier.result["decision"] | {"verdict": verdict}


def test_every_procedure_has_a_limit():
    assert all(attempt_limit(name).most >= 3 for name in profile_ids())


@pytest.mark.parametrize(
    ("ages_h", "wait_h"), [((), 0), ((1, 2), 0), ((1, 2, 3), 21), ((1, 2, 24), 0)]
)
def test_attempts_within_the_window_count(ages_h, wait_h):
    now = datetime(2026, 1, 2, tzinfo=UTC)
    rule = AttemptLimit(most=3, window=timedelta(hours=24))
    times = [now - timedelta(hours=age) for age in ages_h]
    assert rule.wait(times, now) == timedelta(hours=wait_h)


@pytest.mark.parametrize("wrong", [{"most": 0}, {"window": timedelta(days=31)}])
def test_a_rule_has_bounds(wrong):
    with pytest.raises(ValueError, match="within"):
        AttemptLimit(**({"most": 3, "window": timedelta(hours=1)} | wrong))


def test_a_citizen_waits_after_too_many_attempts_in_however_many_sessions(talk, verifier, clock):
    verifier.ask_again()

    async def conversation(desk):
        before = await tried(desk)
        place = await desk.session("citizen")
        late = await desk.submit(place, caller="citizen")
        again = await desk.submit(await desk.session("citizen"), caller="citizen")
        state = await desk.get(place, caller="citizen")
        neighbour = await tried(desk, caller="neighbour", times=1)
        other = await desk.session("citizen", procedure="demo")
        case = b'schema = "ekyc.case/1"\nprofile = "demo"\n'
        elsewhere = await desk.submit(other, caller="citizen", case=case, wait=False)
        clock.advance(WINDOW)
        return before, late, again, state, neighbour, elsewhere, await tried(desk, times=1)

    before, late, again, state, neighbour, elsewhere, after = talk(conversation)
    assert {one.status_code for one in before} == {200}
    for refused in (late, again):
        assert (refused.status_code, refused.json()["code"]) == (429, "session.person_attempts")
        assert 0 < int(refused.headers["retry-after"]) <= WINDOW.total_seconds()
    assert state.json()["attempts"]["made"] == 0
    assert [one.status_code for one in (*neighbour, elsewhere, *after)] == [200, 202, 200]


def test_what_was_accepted_or_our_fault_is_no_attempt(talk, verifier):
    async def conversation(desk):
        await tried(desk)
        verifier.error = RuntimeError("ours")
        await tried(desk)
        verifier.error = None
        return await tried(desk, times=1)

    assert talk(conversation)[0].status_code == 200


def test_an_officer_who_asks_for_another_attempt_begins_the_count_anew(talk, verifier):
    verifier.reject()

    async def conversation(desk):
        *_, last = await tried(desk)
        refused = await desk.submit(await desk.session("citizen"), caller="citizen")
        place = f"/v1/sessions/{last.json()['id']}"
        reasons = {"reasons": ["policy.check_absent"]}
        etag = last.headers["etag"]
        lifted = await desk.decide(place, "resubmit", caller="officer", etag=etag, **reasons)
        assert lifted.status_code == 201, lifted.text
        return refused, await desk.submit(place, caller="citizen")

    refused, after = talk(conversation)
    assert (refused.status_code, after.status_code) == (429, 200)


def test_nothing_is_decided_by_machine_about_a_chip_that_was_tried_too_often(talk, verifier):
    """A portal's sessions are nobody's: whose chip it was shows in the end."""

    async def conversation(desk):
        told(verifier, "reject")
        await tried(desk, caller="portal")
        told(verifier, "accept")
        [capped] = await tried(desk, caller="portal", times=1)
        told(verifier, "accept", person="another")
        [other] = await tried(desk, caller="portal", times=1)
        return capped.json(), other.json()

    capped, other = talk(conversation)
    assert (capped["state"], capped["final"]) == ("needs_review", False)
    assert [one["code"] for one in capped["decision"]["reasons"]] == ["session.person_attempts"]
    assert (other["state"], other["final"]) == ("decided", True)


def test_a_chip_that_nobody_signed_says_nothing_of_anybody(talk, verifier):
    async def conversation(desk):
        told(verifier, "reject", signed=False)
        await tried(desk, caller="portal")
        told(verifier, "accept")
        return await tried(desk, caller="portal", times=1)

    assert talk(conversation)[0].json()["final"] is True


def test_the_ledger_names_nobody(talk, verifier, storage):
    async def conversation(desk):
        told(verifier, "reject", person="a pseudonym")
        return await tried(desk, times=1)

    talk(conversation)
    with storage._engine.connect() as connection:
        rows = connection.execute(select(person_attempts)).all()
    assert len(rows) == 2
    assert all(word not in repr(rows) for word in ("a pseudonym", "c" * 64, "identity"))

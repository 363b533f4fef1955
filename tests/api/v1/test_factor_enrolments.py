"""A person who was verified for it enrols a generator of codes, and signs with it where no pilot is; nobody does so for them."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from csc_desk import ANOTHER, ME, SESSION, SOMEBODY_ELSE
from enrolment_town import ENROL, Town, confirmed, decided, enrolled, offered, opened, refusal
from signing_bench import KEY, PATH, asked, propose, say_yes, view

from ekyc.api.signatures import SignatureFront
from ekyc.policy import Verdict


@pytest.fixture
def town(tmp_path, storage, clock, verifier):
    verifier.result["signer"] = {"holder": ME, "session": SESSION}
    made = Town(tmp_path, storage, clock)
    made.verifier = verifier
    yield made
    made.csc.close()


@pytest.fixture
def converse(talk, town):
    def run(conversation):
        return talk(conversation, **town.options)

    return run


def test_whoever_enrolled_signs_with_it_outside_a_pilot(converse, town):
    async def conversation(desk):
        uri, _ = await enrolled(desk, town)
        spent = town.code(uri)
        body, headers, _ = await asked(desk, town)
        asked_for = (await propose(desk, body, headers)).json()["method"]
        same = await say_yes(desk, body, headers, code=spent)
        town.later()
        await propose(desk, body, headers)
        done = await say_yes(desk, body, headers, code=town.code(uri))
        return asked_for, same, done, await view(desk, body)

    method, same, done, last = converse(conversation)
    assert method == "verification+totp"
    assert refusal(same) == (422, "factor.replayed")
    assert (done.status_code, last["state"]) == (201, "signed"), done.text
    assert town.mortal.left == 1


def test_the_secret_is_told_once_and_kept_sealed(converse, town, tmp_path):
    async def conversation(desk):
        headers = await opened(desk, await decided(desk, town))
        path = f"{ENROL}/codes"
        first = await desk.post(path, json={}, headers=headers, key="same")
        again = await desk.post(path, json={}, headers=headers, key="same")
        more = await desk.post(path, json={}, headers=headers, key="other")
        return first.json(), again, more

    first, again, more = converse(conversation)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == {"factor": first["factor"], "uri": None}
    assert refusal(more) == (409, "factor.decision_used")
    (secret,) = parse_qs(urlsplit(first["uri"]).query)["secret"]
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("*.sqlite3*"))
    assert kept
    assert secret.encode() not in kept


def test_the_token_ends_with_its_tenant(converse, town, storage):
    async def conversation(desk):
        headers = await opened(desk, await decided(desk, town))
        storage.access(KEY).register.end_tenant("a")
        return await desk.get(f"{ENROL}/factors", headers=headers), await offered(desk, headers)

    assert {refusal(one) for one in converse(conversation)} == {(404, "factor.token")}


class TestThePortal:
    """It relays everything, keeps every token, and wants a factor of its own for the citizen."""

    def test_does_not_enrol_by_its_own_key_or_by_a_token_for_signing(self, converse, town):
        async def conversation(desk):
            await decided(desk, town)
            _, signer, _ = await asked(desk, town)
            tries = [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Bearer ầ"}, signer]
            tries = [{k: v.encode() for k, v in one.items()} for one in tries]
            heard = [await offered(desk, one) for one in tries]
            heard += [await desk.get(f"{ENROL}/factors", headers=one) for one in tries]
            return heard

        assert {refusal(one) for one in converse(conversation)} == {(404, "factor.token")}
        assert town.csc.factors.methods(ME) == frozenset()

    def test_enrols_on_no_decision_that_was_made_for_something_else(self, converse, town):
        async def conversation(desk):
            other = await decided(desk, town, procedure="identity")
            return await desk.post(ENROL, json={"session_id": other})

        assert refusal(converse(conversation)) == (409, "factor.other_procedure")

    def test_signs_on_no_decision_that_was_made_for_enrolling(self, converse, town):
        async def conversation(desk):
            session = await decided(desk, town)
            wanted = {"session_id": session, "artefact_id": "a" * 32, "title": "x"}
            return await desk.post(PATH, json=wanted)

        assert refusal(converse(conversation)) == (409, "signature.no_signer")

    def test_uses_an_earlier_token_for_nothing_more(self, converse, town):
        async def conversation(desk):
            uri, old = await enrolled(desk, town)
            town.later()
            at_once = await offered(desk, old, code=town.code(uri))
            await decided(desk, town)  # the citizen was verified anew, for whatever it was
            town.later()
            with_the_next = await offered(desk, old)
            town.clock.advance(timedelta(minutes=10))
            late = await offered(desk, old)
            return at_once, with_the_next, late, await desk.get(f"{ENROL}/factors", headers=old)

        at_once, with_the_next, late, listed = converse(conversation)
        assert refusal(at_once) == (409, "factor.decision_used")
        assert refusal(with_the_next) == (409, "factor.standing")
        assert refusal(late) == refusal(listed) == (404, "factor.token")

    def test_replaces_nothing_and_ends_nothing_without_the_citizens_code(self, converse, town):
        async def conversation(desk):
            uri, _ = await enrolled(desk, town)
            town.later()
            headers = await opened(desk, await decided(desk, town))
            (mine,) = (await desk.get(f"{ENROL}/factors", headers=headers)).json()["data"]
            end = f"{ENROL}/factors/{mine['id']}/end"
            bare = await offered(desk, headers)
            wrong = await offered(desk, headers, code="000000")
            ended = await desk.post(end, json={"code": "000000"}, headers=headers)
            made = await offered(desk, headers, code=town.code(uri))
            return bare, wrong, ended, made

        bare, wrong, ended, made = converse(conversation)
        assert refusal(bare) == (409, "factor.standing")
        assert refusal(wrong) == refusal(ended) == (422, "factor.wrong_code")
        assert made.status_code == 201

    def test_confirms_no_offer_that_it_kept(self, converse, town):
        """Offered before the citizen had a factor, confirmed once they have one."""

        async def conversation(desk):
            kept = await opened(desk, await decided(desk, town))
            own = (await offered(desk, kept)).json()
            await enrolled(desk, town)
            return await confirmed(desk, kept, own["factor"], town.code(own["uri"]))

        assert refusal(converse(conversation)) == (404, "factor.unknown")
        assert len(town.store.of_holder(ME)) == 1


def test_a_strangers_verification_enrols_nothing_for_me(converse, town, verifier):
    async def conversation(desk):
        mine, _ = await enrolled(desk, town)
        verifier.result["signer"] = {"holder": SOMEBODY_ELSE, "session": ANOTHER}
        session = await decided(desk, town, holder=SOMEBODY_ELSE, session=ANOTHER)
        theirs = await opened(desk, session)
        listed = await desk.get(f"{ENROL}/factors", headers=theirs)
        (own,) = town.store.of_holder(ME)
        town.later()
        path = f"{ENROL}/factors/{own.id}/end"
        ended = await desk.post(path, json={"code": town.code(mine)}, headers=theirs)
        made = await confirmed(desk, theirs, own.id, town.code(mine))
        return listed, ended, made

    listed, ended, made = converse(conversation)
    assert listed.json() == {"data": []}
    assert refusal(ended) == refusal(made) == (404, "factor.unknown")
    assert len(town.store.of_holder(ME)) == 1


@pytest.mark.parametrize("change", ["redacted", "review"])
def test_a_session_that_no_longer_stands_enrols_nothing(converse, town, change):
    async def conversation(desk):
        session = await decided(desk, town)
        headers = await opened(desk, session)
        if change == "redacted":
            answer = await desk.post(f"/v1/sessions/{session}/redact")
            assert answer.status_code == 200, answer.text
        else:
            town.clock.advance(timedelta(seconds=1))
            town.csc.verify(ME, SESSION, Verdict.REVIEW)
        return await offered(desk, headers)

    expected = {"redacted": (404, "factor.token"), "review": (422, "activation.not_accepted")}
    assert refusal(converse(conversation)) == expected[change]


def test_their_holder_takes_a_factor_out_of_use(converse, town):
    async def conversation(desk):
        uri, headers = await enrolled(desk, town)
        town.later()
        (mine,) = town.store.of_holder(ME)
        path = f"{ENROL}/factors/{mine.id}/end"
        return await desk.post(path, json={"code": town.code(uri)}, headers=headers)

    answer = converse(conversation)
    assert (answer.status_code, answer.json()) == (200, {"data": []})
    assert town.csc.factors.methods(ME) == frozenset()


@pytest.mark.parametrize(
    ("caller", "expected"), [("stranger", 404), ("hanoi", 404), ("auditor", 403)]
)
def test_others_open_no_enrolment(converse, town, caller, expected):
    async def conversation(desk):
        session = await decided(desk, town)
        return await desk.post(ENROL, json={"session_id": session}, caller=caller)

    assert converse(conversation).status_code == expected


def test_where_no_procedure_is_named_nothing_is_enrolled(talk, town):
    options = town.options | {"signatures": SignatureFront(flow=town.flow)}

    async def conversation(desk):
        return await desk.post(ENROL, json={"session_id": await decided(desk, town)})

    assert refusal(talk(conversation, **options)) == (404, "factor.not_offered")

"""A person who was verified for it registers an authenticator over HTTP, and signs with it where no pilot is."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from csc_desk import ANOTHER, ME, SESSION, SOMEBODY_ELSE
from enrolment_town import ENROL, Town, confirmed, decided, enrolled, offered, opened, refusal
from signing_bench import PATH, asked, propose, view
from soft_authenticator import PRESENT, VERIFIED, SoftAuthenticator

AUTHENTICATORS = f"{ENROL}/authenticators"


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


async def offer(desk, headers, **members):
    return await desk.post(AUTHENTICATORS, json=members, headers=headers)


async def register(desk, headers, offered, authenticator, **changed):
    """What a browser sends for an offer."""
    body = offered.json()
    said = json.loads(authenticator.register(json.dumps(body["options"]))) | changed
    path = f"{AUTHENTICATORS}/{body['challenge_id']}/registrations"
    return await desk.post(path, json={"credential": said}, headers=headers)


async def registered(desk, town, authenticator=None, **members):
    """An authenticator that stands, and the headers that it was registered by."""
    authenticator = authenticator or SoftAuthenticator()
    headers = await opened(desk, await decided(desk, town))
    done = await register(desk, headers, await offer(desk, headers, **members), authenticator)
    assert done.status_code == 201, done.text
    return authenticator, headers


async def agreed(desk, headers, authenticator):
    """The member by which it agrees."""
    asked_for = await desk.post(f"{ENROL}/agreements", headers=headers)
    assert asked_for.status_code == 201, asked_for.text
    body = asked_for.json()
    said = authenticator.answer_json(body["webauthn"]["challenge"])
    return {"authenticator": {"challenge_id": body["challenge_id"], "webauthn": said}}


async def sign(desk, town, authenticator):
    """A request from its order to the signer's word."""
    body, headers, _ = await asked(desk, town)
    proposal = (await propose(desk, body, headers, "verification+webauthn")).json()
    said = authenticator.answer_json(proposal["webauthn"]["challenge"])
    path = f"{PATH}/{body['id']}/signer/authorisations"
    done = await desk.post(path, json={"approve": True, "webauthn": said}, headers=headers)
    return done, (await view(desk, body))["state"]


def test_whoever_registered_signs_with_it_outside_a_pilot(converse, town):
    async def conversation(desk):
        mine, _ = await registered(desk, town)
        return await sign(desk, town, mine)

    done, state = converse(conversation)
    assert (done.status_code, state) == (201, "signed"), done.text
    assert town.mortal.left == 1


def test_another_authenticator_signs_nothing(converse, town):
    async def conversation(desk):
        mine, _ = await registered(desk, town)
        twin = SoftAuthenticator()
        twin.credential_id = mine.credential_id
        return await sign(desk, town, twin)

    done, state = converse(conversation)
    assert (refusal(done), state) == ((422, "factor.assertion"), "awaiting_signer")


def test_what_is_offered_asks_for_a_verified_user_and_names_nobody(converse, town):
    async def conversation(desk):
        mine, _ = await registered(desk, town)
        headers = await opened(desk, await decided(desk, town))
        made = await offer(desk, headers, **await agreed(desk, headers, mine))
        return mine, made.json()["options"]

    mine, options = converse(conversation)
    assert options["rp"] == {"id": "portal.example", "name": "Cổng mẫu"}
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [-7, -8, -257]
    (known,) = options["excludeCredentials"]
    assert mine.register(json.dumps(options)).count(known["id"]) == 2
    assert ME not in json.dumps(options)
    assert options["user"]["name"] == options["rp"]["name"]


def lies():
    """Authenticators that are not to be registered."""
    made = {
        name: SoftAuthenticator() for name in ("origin", "party", "unverified", "absent", "framed")
    }
    made["origin"].origin = "https://portal.example.evil"
    made["party"].party = "evil.example"
    made["unverified"].flags, made["absent"].flags = PRESENT, VERIFIED
    made["framed"].framed = True
    return made | {key: SoftAuthenticator(key=key) for key in ("ES512", "short RS256")}


def test_what_lies_or_is_junk_is_not_registered(converse, town):
    junk = (
        {"id": "AAAA"},
        {"rawId": "A"},
        {"response": {"clientDataJSON": "AA", "attestationObject": "AA"}},
        {"response": {"clientDataJSON": "bnVsbA", "attestationObject": "oA"}},
    )

    async def conversation(desk):
        headers = await opened(desk, await decided(desk, town))
        told = {}
        for name, made in lies().items():
            told[name] = refusal(await register(desk, headers, await offer(desk, headers), made))
        for number, changed in enumerate(junk):
            made = await offer(desk, headers)
            said = await register(desk, headers, made, SoftAuthenticator(), **changed)
            told[number] = refusal(said)
        honest = await register(desk, headers, await offer(desk, headers), SoftAuthenticator())
        return told, honest

    told, honest = converse(conversation)
    assert told == dict.fromkeys(told, (422, "factor.assertion"))
    assert len(told) == 11
    assert honest.status_code == 201


def test_a_challenge_is_good_once_for_five_minutes(converse, town):
    async def conversation(desk):
        headers = await opened(desk, await decided(desk, town))
        first, second = await offer(desk, headers), await offer(desk, headers)
        lost = SoftAuthenticator(party="evil.example")
        spoilt = await register(desk, headers, first, lost)
        again = await register(desk, headers, first, SoftAuthenticator())
        town.clock.advance(timedelta(minutes=5, seconds=1))
        late = await register(desk, headers, second, SoftAuthenticator())
        path = f"{AUTHENTICATORS}/{'0' * 32}/registrations"
        body = json.loads(SoftAuthenticator().register('{"challenge": "AA"}'))
        return (
            spoilt,
            again,
            late,
            await desk.post(path, json={"credential": body}, headers=headers),
        )

    spoilt, again, late, unknown = converse(conversation)
    assert refusal(spoilt) == (422, "factor.assertion")
    assert refusal(again) == (409, "freshness.already_used")
    assert refusal(late) == (410, "freshness.expired")
    assert refusal(unknown) == (404, "freshness.unknown")


def test_a_strangers_verification_registers_nothing_for_me(converse, town, verifier):
    async def conversation(desk):
        mine = await opened(desk, await decided(desk, town))
        made = await offer(desk, mine)
        verifier.result["signer"] = {"holder": SOMEBODY_ELSE, "session": ANOTHER}
        session = await decided(desk, town, holder=SOMEBODY_ELSE, session=ANOTHER)
        theirs = await opened(desk, session)
        return await register(desk, theirs, made, SoftAuthenticator())

    assert refusal(converse(conversation)) == (422, "factor.assertion")
    assert town.store.of_holder(ME) == town.store.of_holder(SOMEBODY_ELSE) == ()


def test_one_verification_registers_one(converse, town):
    async def conversation(desk):
        headers = await opened(desk, await decided(desk, town))
        first, kept = await offer(desk, headers), await offer(desk, headers)
        done = await register(desk, headers, first, SoftAuthenticator())
        more = await register(desk, headers, kept, SoftAuthenticator())
        return done, more, await offer(desk, headers), await offered(desk, headers)

    done, more, offer_again, codes = converse(conversation)
    assert done.status_code == 201
    assert refusal(more) == (422, "factor.assertion")
    assert refusal(offer_again) == refusal(codes) == (409, "factor.decision_used")
    assert len(town.store.of_holder(ME)) == 1


class TestThePortal:
    """It relays everything, keeps every token and every offer, and wants a factor of its own for the citizen."""

    def test_registers_nothing_by_its_own_key_or_without_a_word_of_what_stands(
        self, converse, town
    ):
        async def conversation(desk):
            mine, _ = await registered(desk, town)
            headers = await opened(desk, await decided(desk, town))
            (own,) = town.store.of_holder(ME)
            end = f"{ENROL}/factors/{own.id}/end"
            return [
                refusal(await offer(desk, {})),
                refusal(await offer(desk, headers)),
                refusal(await offer(desk, headers, code="123456")),
                refusal(await offered(desk, headers)),
                refusal(await desk.post(end, json={}, headers=headers)),
                refusal(await offer(desk, headers, **await agreed(desk, headers, twin_of(mine)))),
            ]

        standing = (409, "factor.standing")
        assert converse(conversation) == [
            (404, "factor.token"),
            standing,
            standing,
            standing,
            standing,
            (422, "factor.assertion"),
        ]
        assert len(town.store.of_holder(ME)) == 1

    @pytest.mark.parametrize("theirs", ["authenticator", "codes"])
    @pytest.mark.parametrize("kept", ["authenticator", "codes"])
    def test_completes_no_offer_that_it_kept(self, converse, town, kept, theirs):
        """Offered before the citizen had a factor, completed once they have one."""

        async def conversation(desk):
            headers = await opened(desk, await decided(desk, town))
            begin = offer if kept == "authenticator" else offered
            own = await begin(desk, headers)
            assert own.status_code == 201
            await (registered if theirs == "authenticator" else enrolled)(desk, town)
            if kept == "authenticator":
                return await register(desk, headers, own, SoftAuthenticator())
            code = town.code(own.json()["uri"])
            return await confirmed(desk, headers, own.json()["factor"], code)

        expected = {"authenticator": (422, "factor.assertion"), "codes": (404, "factor.unknown")}
        assert refusal(converse(conversation)) == expected[kept]
        assert len(town.store.of_holder(ME)) == 1

    def test_takes_no_word_that_was_given_for_a_signature(self, converse, town):
        async def conversation(desk):
            mine, _ = await registered(desk, town)
            body, signer, _ = await asked(desk, town)
            proposal = (await propose(desk, body, signer, "verification+webauthn")).json()
            said = mine.answer_json(proposal["webauthn"]["challenge"])
            headers = await opened(desk, await decided(desk, town))
            asked_for = (await desk.post(f"{ENROL}/agreements", headers=headers)).json()
            word = {"challenge_id": asked_for["challenge_id"], "webauthn": said}
            return await offer(desk, headers, authenticator=word)

        assert refusal(converse(conversation)) == (422, "factor.assertion")


def twin_of(authenticator):
    """One with the name of another, and a key of its own."""
    made = SoftAuthenticator()
    made.credential_id, made.count = authenticator.credential_id, authenticator.count
    return made


def test_their_holder_adds_another_and_ends_the_first_by_their_word(converse, town):
    async def conversation(desk):
        mine, _ = await registered(desk, town)
        headers = await opened(desk, await decided(desk, town))
        word = await agreed(desk, headers, mine)
        made = await offer(desk, headers, **word)
        replayed = await offer(desk, headers, **word)
        second = SoftAuthenticator()
        both = await register(desk, headers, made, second)
        first = both.json()["data"][0]["id"]
        path = f"{ENROL}/factors/{first}/end"
        left = await desk.post(path, json=await agreed(desk, headers, second), headers=headers)
        return both.json(), left.json(), replayed, await sign(desk, town, second)

    both, left, replayed, (done, state) = converse(conversation)
    assert [one["kind"] for one in both["data"]] == ["webauthn", "webauthn"]
    assert left["data"] == both["data"][1:]
    assert refusal(replayed) == (409, "freshness.already_used")
    assert (done.status_code, state) == (201, "signed")


def test_one_that_is_registered_already_is_not_registered_again(converse, town):
    async def conversation(desk):
        mine, _ = await registered(desk, town)
        headers = await opened(desk, await decided(desk, town))
        made = await offer(desk, headers, **await agreed(desk, headers, mine))
        return await register(desk, headers, made, mine)

    assert refusal(converse(conversation)) == (422, "factor.assertion")
    assert len(town.store.of_holder(ME)) == 1


def test_a_word_that_is_no_base64_is_refused_in_words(converse, town):
    async def conversation(desk):
        mine, _ = await registered(desk, town)
        headers = await opened(desk, await decided(desk, town))
        word = await agreed(desk, headers, mine)
        word["authenticator"]["webauthn"]["rawId"] = "A"
        return await offer(desk, headers, **word)

    answer = converse(conversation)
    assert refusal(answer) == (422, "csc.invalid_authentication_data")

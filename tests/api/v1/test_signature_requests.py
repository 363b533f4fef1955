"""A verified person signs a document, once, whatever dies on the way; nobody else's word counts."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from csc_desk import CODE, ME, SESSION
from signing_bench import (
    KEY,
    PATH,
    SECOND_FACTORS,
    Bench,
    DeathError,
    asked,
    propose,
    say_yes,
    view,
)

from ekyc.errors import BusyError, InputError, TrustError, UpstreamError
from ekyc.flows.signature_request import SIGNING_TIME
from ekyc.signing import inspect_pdf
from ekyc.signing.activation.sad import ShownDocument, is_document
from ekyc.storage import ActivationUsedError


@pytest.fixture
def bench(tmp_path, storage, clock, verifier):
    verifier.result["signer"] = {"holder": ME, "session": SESSION}
    made = Bench(tmp_path, storage, clock)
    yield made
    made.csc.close()


@pytest.fixture
def converse(talk, bench):
    """Run a conversation with an application that signs."""

    def run(conversation):
        return talk(conversation, **bench.options)

    return run


def test_the_verified_person_signs_the_page(converse, bench):
    async def conversation(desk):
        body, headers, page = await asked(desk, bench)
        shown = await desk.get(f"{PATH}/{body['id']}/signer/original", headers=headers)
        early = await desk.get(f"{PATH}/{body['id']}/document")
        proposal = await propose(desk, body, headers)
        done = await say_yes(desk, body, headers, key="word")
        again = await say_yes(desk, body, headers, key="word")
        signed = await desk.get(f"{PATH}/{body['id']}/document")
        return page, shown, early, proposal, done, again, signed, await view(desk, body)

    page, shown, early, proposal, done, again, signed, last = converse(conversation)
    assert shown.content == page
    assert (early.status_code, early.json()["code"]) == (409, "signature.state")
    assert proposal.status_code == 201, proposal.text
    assert proposal.json()["documents"] == [
        {"title": "Kết quả", "sha256": hashlib.sha256(page).hexdigest()}
    ]
    assert (done.status_code, done.json()["state"]) == (201, "signed"), done.text
    assert again.headers["idempotency-replayed"] == "true"
    assert "signer_token" not in last
    assert last["state"] == "signed"
    assert bench.mortal.left == 1
    report = inspect_pdf(signed.content, anchors=bench.anchors, clock=bench.clock)
    assert (report.outcome, len(report.signatures)) == ("PASSED", 2)


def test_the_signers_token_ends_with_its_tenant(converse, bench, storage):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        storage.access(KEY).register.end_tenant("a")
        seen = await desk.get(f"{PATH}/{body['id']}/signer", headers=headers)
        return seen, await say_yes(desk, body, headers)

    for answer in converse(conversation):
        assert (answer.status_code, answer.json()["code"]) == (404, "signature.token")
    assert bench.mortal.left == 0


def test_no_key_and_no_login_stands_for_the_signer(converse, bench):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        path = f"{PATH}/{body['id']}/signer/authorisations"
        guesses = [{}, {"Authorization": "Bearer guess"}]
        refused = [
            await desk.post(path, json={"approve": True, "code": CODE}, headers=given, caller=who)
            for given in guesses
            for who in ("portal", "officer", "citizen")
        ]
        return refused, await view(desk, body)

    refused, last = converse(conversation)
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(404, "signature.token")}
    assert last["state"] == "awaiting_signer"
    assert bench.mortal.left == 0


def test_a_token_is_for_its_own_request(converse, bench):
    async def conversation(desk):
        first, headers, _ = await asked(desk, bench)
        second, _, _ = await asked(desk, bench)
        return [
            await desk.get(f"{PATH}/{second['id']}/signer", headers=headers),
            await propose(desk, second, headers),
            await desk.get(f"{PATH}/{first['id']}/signer", headers=headers),
        ]

    assert [one.status_code for one in converse(conversation)] == [404, 404, 200]


def test_a_wrong_code_signs_nothing_and_may_be_mended(converse, bench):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        unasked = await say_yes(desk, body, headers)
        await propose(desk, body, headers)
        wrong = await say_yes(desk, body, headers, code="000000")
        between = await view(desk, body)
        return unasked, wrong, between, await say_yes(desk, body, headers)

    unasked, wrong, between, done = converse(conversation)
    assert (unasked.status_code, unasked.json()["code"]) == (409, "signature.not_proposed")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "factor.wrong_code")
    assert between["state"] == "awaiting_signer"
    assert done.json()["state"] == "signed"
    assert bench.mortal.left == 1


class TestThePortalAlone:
    """The portal is given the signer's token and says yes in place of the citizen, who was verified a moment ago."""

    async def says_yes(self, desk, body, headers, method):
        proposed = await propose(desk, body, headers, method)
        path = f"{PATH}/{body['id']}/signer/authorisations"
        said = await desk.post(path, json={"approve": True}, headers=headers)
        return proposed, said, await view(desk, body)

    @pytest.mark.parametrize("pilot", [True, False])
    def test_never_signs_with_less_than_the_citizens_second_factor(self, converse, bench, pilot):
        if not pilot:
            bench.csc.methods = dict.fromkeys(bench.csc.methods, SECOND_FACTORS)

        async def conversation(desk):
            body, headers, _ = await asked(desk, bench)
            alone = await self.says_yes(desk, body, headers, "verification")
            return alone, await self.says_yes(desk, body, headers, None)

        (less, unasked, _), (proposed, wordless, last) = converse(conversation)
        assert (less.status_code, less.json()["code"]) == (422, "activation.method")
        assert (unasked.status_code, unasked.json()["code"]) == (409, "signature.not_proposed")
        assert proposed.json()["method"] == "verification+webauthn"
        assert (wordless.status_code, wordless.json()["code"]) == (422, "activation.malformed")
        assert last["state"] == "awaiting_signer"
        assert bench.mortal.left == 0

    def test_outside_a_pilot_signs_nothing_for_a_citizen_without_one(self, converse, bench):
        bench.csc.methods = dict.fromkeys(bench.csc.methods, SECOND_FACTORS)
        bench.csc.factors.people = {}

        async def conversation(desk):
            body, headers, _ = await asked(desk, bench)
            return [await self.says_yes(desk, body, headers, one) for one in (None, "verification")]

        for proposed, said, last in converse(conversation):
            assert (proposed.status_code, proposed.json()["code"]) == (409, "signature.no_key")
            assert (said.status_code, last["state"]) == (409, "awaiting_signer")
        assert bench.mortal.left == 0

    @pytest.mark.parametrize(("late", "code"), [(0, None), (601, "activation.evidence_stale")])
    def test_in_a_pilot_signs_once_within_ten_minutes(self, converse, bench, clock, late, code):
        """What is left, and why a pilot must call itself one."""
        bench.csc.factors.people = {}

        async def conversation(desk):
            body, headers, _ = await asked(desk, bench)
            clock.advance(timedelta(seconds=late))
            first = await self.says_yes(desk, body, headers, None)
            credential = (await desk.get("/v1/credentials")).json()["data"][0]["id"]
            wanted = {"session_id": body["session_id"], "credential_id": credential, "title": "x"}
            second = (await desk.post(PATH, json=wanted)).json()
            theirs = {"Authorization": f"Bearer {second['signer_token']}"}
            return first, await self.says_yes(desk, second, theirs, None)

        (proposed, said, last), (_, again, after) = converse(conversation)
        if code is None:
            assert (said.status_code, last["state"]) == (201, "signed"), said.text
            assert again.json()["code"] == "activation.evidence_used"
            assert after["state"] == "failed"
            return
        assert (proposed.status_code, proposed.json()["code"]) == (409, code)
        assert bench.mortal.left == 0


def test_one_verification_signs_once(converse, bench):
    async def conversation(desk):
        one, headers, _ = await asked(desk, bench)
        other = await desk.post(
            PATH,
            json={
                "session_id": one["session_id"],
                "credential_id": (await desk.get("/v1/credentials")).json()["data"][0]["id"],
                "title": "Again",
            },
        )
        second = other.json()
        theirs = {"Authorization": f"Bearer {second['signer_token']}"}
        await propose(desk, one, headers)
        await propose(desk, second, theirs)
        first = await say_yes(desk, one, headers)
        refused = await say_yes(desk, second, theirs)
        return first, refused, await view(desk, second)

    first, refused, last = converse(conversation)
    assert first.json()["state"] == "signed"
    assert (refused.status_code, refused.json()["code"]) == (409, "activation.evidence_used")
    assert (last["state"], last["failure"]) == ("failed", "activation.evidence_used")
    assert bench.mortal.left == 1


def test_two_words_at_once_sign_once(converse, bench):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        both = await asyncio.gather(*(say_yes(desk, body, headers) for _ in range(4)))
        return sorted(one.status_code for one in both), await view(desk, body)

    statuses, last = converse(conversation)
    assert statuses[0] == 201
    assert set(statuses) <= {201, 409}
    assert last["state"] == "signed"
    assert bench.mortal.left == 1


@pytest.mark.parametrize(
    ("death", "after", "left"),
    [
        ("before the word", "awaiting_signer", 1),
        ("after the word", "awaiting_signer", 1),
        ("before the key", "awaiting_signer", 1),
        ("after the key", "signed", 1),
    ],
)
def test_a_death_signs_nothing_twice_and_leaves_a_definite_state(
    converse, bench, clock, death, after, left
):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        bench.mortal.dies = death
        with pytest.raises(DeathError):
            await say_yes(desk, body, headers)
        during = await view(desk, body)
        clock.advance(SIGNING_TIME)
        settled = await view(desk, body)
        bench.csc.verify(ME, SESSION)
        if settled["state"] == "awaiting_signer":
            await propose(desk, body, headers)
            await say_yes(desk, body, headers)
        return during, settled, await view(desk, body)

    during, settled, last = converse(conversation)
    assert during["state"] == "signing"
    assert settled["state"] == after
    assert last["state"] == "signed"
    assert bench.mortal.left == left


@pytest.mark.parametrize(
    ("answer", "state", "failure"),
    [
        (
            ActivationUsedError("a week has passed", code="activation.not_kept"),
            "failed",
            "signature.lost",
        ),
        (
            TrustError("switched off", code="signing.credential.disabled"),
            "failed",
            "signature.lost",
        ),
        (ActivationUsedError("not yet known", code="activation.pending"), "signing", None),
        (UpstreamError("away", code="signing.sam.unreachable"), "signing", None),
        (BusyError("too many", code="signing.sam.busy"), "signing", None),
        (InputError("the token is not plugged in", code="signing.key.missing"), "signing", None),
    ],
    ids=lambda one: getattr(one, "code", one),
)
def test_what_the_signing_side_says_of_a_value_that_died_decides(
    converse, bench, clock, answer, state, failure
):
    def recall(*_, **__):
        raise answer

    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        bench.mortal.dies = "after the key"
        with pytest.raises(DeathError):
            await say_yes(desk, body, headers)
        clock.advance(SIGNING_TIME)
        bench.mortal.recall = recall
        between = await view(desk, body)
        del bench.mortal.recall
        return between, await view(desk, body)

    between, last = converse(conversation)
    assert (between["state"], between["failure"]) == (state, failure)
    assert last["state"] == ("failed" if failure else "signed")
    assert bench.mortal.left == 1


@pytest.mark.parametrize("step", ["value kept", "file kept"])
def test_a_value_that_is_on_disk_is_never_asked_for_again(
    converse, bench, clock, monkeypatch, step
):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        with monkeypatch.context() as patch:
            if step == "value kept":
                patch.setattr(bench.flow, "_finish", die)
            else:
                move = bench.flow._move

                def deadly(tenant, request, **changes):
                    if "document" in changes:
                        raise DeathError
                    return move(tenant, request, **changes)

                patch.setattr(bench.flow, "_move", deadly)
            with pytest.raises(DeathError):
                await say_yes(desk, body, headers)
        clock.advance(SIGNING_TIME)
        return await view(desk, body), await desk.get(f"{PATH}/{body['id']}/document")

    last, signed = converse(conversation)
    assert last["state"] == "signed"
    assert bench.mortal.left == 1
    assert inspect_pdf(signed.content, anchors=bench.anchors, clock=bench.clock).outcome == "PASSED"


def die(*_):
    raise DeathError


def test_without_a_time_the_value_waits_and_nobody_is_asked_again(converse, bench, clock):
    def away(_):
        raise UpstreamError("no answer", code="signing.fetch.unreachable")

    there = bench.csc.services
    bench.flow._services = bench.csc.pilot.as_party(there.signer, ask_for_time=away)

    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        refused = await say_yes(desk, body, headers)
        clock.advance(SIGNING_TIME)
        waiting = await view(desk, body)
        bench.flow._services = there
        return refused, waiting, await view(desk, body)

    refused, waiting, last = converse(conversation)
    assert refused.status_code == 502
    assert (waiting["state"], last["state"]) == ("signing", "signed")
    assert bench.mortal.left == 1


def test_it_expires_is_called_off_and_declined(converse, bench, clock):
    async def conversation(desk):
        late, late_headers, _ = await asked(desk, bench, lasts_s=60)
        clock.advance(timedelta(seconds=61))
        expired = await view(desk, late)
        after = await propose(desk, late, late_headers)
        off, off_headers, _ = await asked(desk, bench)
        canceled = await desk.post(f"{PATH}/{off['id']}/cancel")
        word = await propose(desk, off, off_headers)
        no, no_headers, _ = await asked(desk, bench)
        declined = await desk.post(
            f"{PATH}/{no['id']}/signer/authorisations", json={"approve": False}, headers=no_headers
        )
        return expired, after, canceled, word, declined

    expired, after, canceled, word, declined = converse(conversation)
    assert expired["state"] == "expired"
    assert (after.status_code, word.status_code) == (409, 409)
    assert canceled.json()["state"] == "canceled"
    assert declined.json()["state"] == "canceled"


def test_whose_decision_lets_nobody_sign_is_not_asked(converse, bench, verifier):
    async def conversation(desk):
        refused = []
        for signer, sample in ((None, False), ({"holder": ME, "session": SESSION}, True)):
            verifier.accept(sample=sample)
            verifier.result.pop("signer")
            if signer:
                verifier.result["signer"] = signer
            session = (await desk.session()).rpartition("/")[2]
            await desk.submit(f"/v1/sessions/{session}")
            wanted = {"session_id": session, "artefact_id": "a" * 32, "title": "x"}
            refused.append(await desk.post(PATH, json=wanted))
        return refused

    codes = {(one.status_code, one.json()["code"]) for one in converse(conversation)}
    assert codes == {(409, "signature.no_signer")}


@pytest.mark.parametrize("turned", ["\u202e", "\u2066", "\u200b", "\u2028", "\x85", "\n"])
def test_a_title_reads_as_it_is_written(converse, turned):
    """Whoever signs reads it: nothing in it is invisible, or turns what follows around."""

    async def conversation(desk):
        wanted = {
            "session_id": "a" * 32,
            "artefact_id": "a" * 32,
            "title": f"Trích lục{turned} yav",
        }
        return await desk.post(PATH, json=wanted)

    answer = converse(conversation)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    shown = ShownDocument(
        title=f"Trích lục{turned} yav", shown_digest="a" * 64, to_be_signed=bytes(32)
    )
    assert not is_document(shown)
    assert is_document(replace(shown, title="Trích lục – bản sao"))


@pytest.mark.parametrize(
    ("caller", "asks", "sees"),
    [("stranger", 404, 404), ("hanoi", 404, 404), ("auditor", 403, 200), ("neighbour", 404, 404)],
)
def test_others_do_not_reach_it(converse, bench, caller, asks, sees):
    async def conversation(desk):
        body, _, _ = await asked(desk, bench)
        wanted = {"session_id": body["session_id"], "artefact_id": "a" * 32, "title": "x"}
        return [
            await desk.post(PATH, json=wanted, caller=caller),
            await desk.get(f"{PATH}/{body['id']}", caller=caller),
            await desk.post(f"{PATH}/{body['id']}/cancel", caller=caller),
        ]

    made, seen, canceled = converse(conversation)
    assert [made.status_code, seen.status_code, canceled.status_code] == [asks, sees, asks]


def test_a_person_who_is_erased_takes_the_request_along(converse, bench, storage):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        with storage.dossiers(KEY).writing("a") as unit:
            unit.signatures.forget(body["session_id"])
        return await view(desk, body), await propose(desk, body, headers)

    last, after = converse(conversation)
    assert last["state"] == "canceled"
    assert after.status_code == 409


@pytest.mark.parametrize("end", ["signed", "canceled", "expired"])
def test_the_token_shows_the_file_while_it_waits_and_no_longer(converse, bench, clock, end):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench, lasts_s=60)
        original = f"{PATH}/{body['id']}/signer/original"
        before = await desk.get(original, headers=headers)
        if end == "signed":
            await propose(desk, body, headers)
            await say_yes(desk, body, headers)
        elif end == "canceled":
            await desk.post(f"{PATH}/{body['id']}/cancel")
        else:
            clock.advance(timedelta(seconds=61))
        return before, await desk.get(original, headers=headers), await view(desk, body)

    before, after, last = converse(conversation)
    assert (before.status_code, last["state"]) == (200, end)
    assert (after.status_code, after.json().get("code")) == (409, "signature.state")


def test_what_is_redacted_ends_requests_for_signatures(converse, bench, storage):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        await desk.post(f"/v1/sessions/{body['session_id']}/redact")
        return body, await view(desk, body)

    body, last = converse(conversation)
    assert last["state"] == "canceled"
    with storage.dossiers(KEY).looking("a") as unit:
        assert unit.signatures.get(body["id"]).body is None


def test_a_redaction_between_value_and_file_leaves_a_definite_state(converse, bench, clock):
    async def conversation(desk):
        body, headers, _ = await asked(desk, bench)
        await propose(desk, body, headers)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bench.flow, "_finish", die)
            with pytest.raises(DeathError):
                await say_yes(desk, body, headers)
        await desk.post(f"/v1/sessions/{body['session_id']}/redact")
        clock.advance(SIGNING_TIME)
        return await desk.get(f"{PATH}/{body['id']}")

    answer = converse(conversation)
    assert (answer.status_code, answer.json()["state"]) == (200, "canceled")


@pytest.mark.parametrize("status", ["revoked", "suspended"])
def test_nobody_is_asked_to_sign_a_result_that_does_not_stand(converse, bench, status):
    async def conversation(desk):
        body, _, _ = await asked(desk, bench)
        (made,) = (await desk.get("/v1/credentials")).json()["data"]
        change = {"status": status, "reason": "fraud"}
        await desk.post(f"/v1/credentials/{made['id']}/revocations", json=change)
        wanted = {"session_id": body["session_id"], "credential_id": made["id"], "title": "x"}
        return await desk.post(PATH, json=wanted)

    answer = converse(conversation)
    assert (answer.status_code, answer.json()["code"]) == (409, "signature.no_document")


def test_of_two_who_look_at_once_both_are_told(converse, bench, storage, clock):
    async def conversation(desk):
        body, _, _ = await asked(desk, bench, lasts_s=60)
        with storage.dossiers(KEY).looking("a") as unit:
            read = unit.signatures.get(body["id"])
        clock.advance(timedelta(seconds=61))
        return [bench.flow.settled("a", read).state.value for _ in range(2)]

    assert converse(conversation) == ["expired", "expired"]

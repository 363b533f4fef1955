"""By what a machine accepted nobody signs or enrols before the session is approved: whatever asks, it reads this record."""

from __future__ import annotations

import pytest

from ekyc.policy import Verdict
from ekyc.signing.activation.enrolment import Enrolment
from ekyc.signing.activation.evidence import StoredEvidence
from ekyc.signing.activation.module import ActivationError
from ekyc.signing.activation.remote import Caller
from ekyc.storage import ServiceKey

SIGNER = Caller(holder="ab" * 32, session="cd" * 32)  # of the verifier's answer
REFUSAL = {"reasons": ["policy.check_absent"]}


@pytest.fixture
def evidence(storage):
    return StoredEvidence(storage.persons)


def test_what_a_machine_may_decide_lets_sign_at_once(talk, evidence):
    async def conversation(desk):
        return await desk.submit(await desk.session())

    assert talk(conversation).json()["outcome"] == "approved"
    assert evidence.latest(SIGNER).verdict is Verdict.ACCEPT


def test_a_sample_that_was_approved_lets_sign_where_samples_have_a_signer(talk, verifier, evidence):
    verifier.accept(sample=True)

    async def conversation(desk):
        return await desk.submit(await desk.session())

    assert talk(conversation).json()["final"] is False
    assert evidence.latest(SIGNER) is not None


def test_what_an_officer_has_to_decide_yet_lets_nobody_sign_or_enrol(
    talk, evidence, storage, clock
):
    async def conversation(desk):
        await desk.under_review(review_only=True)

    talk(conversation)
    assert evidence.latest(SIGNER) is None
    enrolment = Enrolment(
        storage.factors(ServiceKey(bytes(32))),
        nonces=storage.nonces,
        evidence=evidence,
        clock=clock,
        party=None,
        service_name="Cổng mẫu",
    )
    with pytest.raises(ActivationError) as refused:
        enrolment.offer_codes(SIGNER)
    assert refused.value.code == "activation.evidence_missing"
    (kept,) = storage.results.recent()
    assert kept.verdict is Verdict.ACCEPT
    assert storage.persons.of_result(kept.id) is None, "the keys' own side asks by the decision"


@pytest.mark.parametrize("outcome", ["rejected", "resubmit"])
def test_what_an_officer_did_not_approve_lets_nobody_sign(talk, evidence, outcome):
    async def conversation(desk):
        place, etag = await desk.under_review(review_only=True)
        return await desk.decide(place, outcome, caller="officer", etag=etag, **REFUSAL)

    assert talk(conversation).status_code == 201
    assert evidence.latest(SIGNER) is None


def test_what_an_officer_approved_lets_sign_from_then_and_by_the_age_of_the_verification(
    talk, evidence, storage
):
    async def conversation(desk):
        place, etag = await desk.under_review(review_only=True)
        (kept,) = storage.results.recent()
        return kept, await desk.decide(place, "approved", caller="officer", etag=etag)

    kept, answer = talk(conversation)
    assert answer.status_code == 201
    found = evidence.latest(SIGNER)
    assert (found.result_id, found.at) == (kept.id, kept.created_at)


def test_only_the_attempt_that_was_approved_lets_sign(talk, verifier, evidence, storage):
    async def conversation(desk):
        place, etag = await desk.under_review(review_only=True)
        again = await desk.decide(place, "resubmit", caller="officer", etag=etag, **REFUSAL)
        assert again.status_code == 201, again.text
        verifier.reject()
        second = await desk.submit(place)
        etag = second.headers["etag"]
        half = await desk.decide(place, "approved", caller="supervisor", etag=etag)
        etag = half.headers["etag"]
        return await desk.decide(place, "approved", caller="foreman", etag=etag)

    assert talk(conversation).json()["outcome"] == "approved"
    bound = [storage.persons.of_result(one.id) for one in storage.results.recent()]
    assert bound == [None, None], "the first was sent back, the second accepted by no machine"
    assert evidence.latest(SIGNER) is None


def test_a_proposal_that_another_officer_rejects_lets_nobody_sign(talk, verifier, evidence):
    verifier.reject()

    async def conversation(desk):
        place, etag = await desk.under_review()
        half = await desk.decide(place, "approved", caller="officer", etag=etag)
        etag = half.headers["etag"]
        return await desk.decide(place, "rejected", caller="supervisor", etag=etag, **REFUSAL)

    assert talk(conversation).json()["outcome"] == "rejected"
    assert evidence.latest(SIGNER) is None


def test_no_officer_turns_an_approval_afterwards(talk, evidence):
    async def conversation(desk):
        place, etag = await desk.under_review(review_only=True)
        done = await desk.decide(place, "approved", caller="officer", etag=etag)
        etag = done.headers["etag"]
        return await desk.decide(place, "rejected", caller="supervisor", etag=etag, **REFUSAL)

    answer = talk(conversation)
    assert (answer.status_code, answer.json()["code"]) == (409, "session.state")
    assert evidence.latest(SIGNER) is not None

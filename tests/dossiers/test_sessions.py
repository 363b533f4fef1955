"""A session's log: what it allows, what it refuses, and that replaying it tells everything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ekyc.dossiers import (
    SYSTEM,
    Action,
    Actor,
    ActorKind,
    Canceled,
    CaptureOpened,
    Concluded,
    Created,
    Decided,
    DecisionOutcome,
    Expired,
    Interrupted,
    Linked,
    LinkKind,
    Redacted,
    SessionState,
    Submitted,
    TransitionError,
    apply,
    conclude,
    due_event,
    event_as_json,
    event_from_json,
    replay_session,
)
from ekyc.dossiers.sessions import MAX_SUBMISSIONS
from ekyc.policy import Verdict

T0 = datetime(2026, 1, 15, 8, tzinfo=UTC)
ONE = Actor(kind=ActorKind.OFFICER, id="officer-1", role="officer", office="hn-01")
TWO = Actor(kind=ActorKind.OFFICER, id="officer-2", role="supervisor", office="hn-01")
PORTAL = Actor(kind=ActorKind.CLIENT, id="portal")


def created(**changes):
    members = {
        "procedure": "identity",
        "procedure_version": "0" * 64,
        "attempts_allowed": 3,
        "expires_at": T0 + timedelta(days=1),
    }
    return Created(**(members | changes))


def concluded(attempt, outcome, **changes):
    verdicts = {
        DecisionOutcome.APPROVED: Verdict.ACCEPT,
        DecisionOutcome.REJECTED: Verdict.REJECT,
    }
    members = {
        "attempt": attempt,
        "verdict": verdicts.get(outcome, Verdict.REVIEW),
        "outcome": outcome,
        "reasons": (),
        "failed": ("face.match",) if outcome is DecisionOutcome.REJECTED else (),
        "sample": False,
        "verification_id": "v",
        "case_digest": "0" * 64,
    }
    return Concluded(**(members | changes))


def submitted(attempt, at=T0):
    return Submitted(attempt=attempt, deadline=at + timedelta(minutes=10))


def log(*events):
    """Events, or pairs of actor and event, as a log."""
    pairs = [event if isinstance(event, tuple) else (SYSTEM, event) for event in events]
    return [
        Action(sequence=i + 1, at=T0, actor=actor, event=event)
        for i, (actor, event) in enumerate(pairs)
    ]


def after(*events):
    return replay_session(log(*events))


def refused(code, *events):
    *before, last = log(*events)
    with pytest.raises(TransitionError) as caught:
        apply(replay_session(before), last)
    assert caught.value.code == code


def test_a_session_that_is_approved_by_machine():
    view = after(
        created(),
        CaptureOpened(expires_at=T0),
        submitted(1),
        concluded(1, DecisionOutcome.APPROVED),
    )

    assert view.state is SessionState.DECIDED
    assert view.decision.outcome is DecisionOutcome.APPROVED
    assert view.decision.automatic
    assert view.decision.final
    assert (view.version, view.attempts_left) == (4, 2)


def test_sample_material_is_never_final():
    machine = after(created(), submitted(1), concluded(1, DecisionOutcome.APPROVED, sample=True))
    officer = after(
        created(),
        submitted(1),
        concluded(1, DecisionOutcome.NEEDS_REVIEW, sample=True),
        (ONE, Decided(outcome=DecisionOutcome.APPROVED, reasons=())),
    )

    assert machine.state is officer.state is SessionState.DECIDED
    assert not machine.decision.final
    assert not officer.decision.final


def test_a_machine_proposes_a_rejection_and_an_officer_makes_it():
    proposed = (created(), submitted(1), concluded(1, DecisionOutcome.REJECTED))
    assert after(*proposed).state is SessionState.NEEDS_REVIEW
    assert not after(*proposed).decision.final

    view = after(*proposed, (ONE, Decided(outcome=DecisionOutcome.REJECTED, reasons=())))
    assert view.state is SessionState.DECIDED
    assert view.decision.final
    assert view.decision.actor == ONE


def test_a_failed_check_is_set_aside_by_two_officers_only():
    approve = Decided(outcome=DecisionOutcome.APPROVED, reasons=())
    proposed = (created(), submitted(1), concluded(1, DecisionOutcome.REJECTED))

    half = after(*proposed, (ONE, approve))
    assert half.state is SessionState.NEEDS_REVIEW
    assert half.decision.overrides == ("face.match",)
    assert not half.decision.final

    refused("decision.four_eyes", *proposed, (ONE, approve), (ONE, approve))
    view = after(*proposed, (ONE, approve), (TWO, approve))
    assert view.state is SessionState.DECIDED
    assert view.decision.final
    assert view.decision.overrides == ("face.match",)


def test_the_second_officer_may_think_otherwise_and_then_it_starts_anew():
    approve = Decided(outcome=DecisionOutcome.APPROVED, reasons=())
    resubmit = Decided(outcome=DecisionOutcome.RESUBMIT, reasons=())
    proposed = (created(), submitted(1), concluded(1, DecisionOutcome.REJECTED))

    view = after(
        *proposed,
        (ONE, approve),
        (TWO, resubmit),
        submitted(2),
        concluded(2, DecisionOutcome.REJECTED),
        (TWO, approve),
    )

    assert view.state is SessionState.NEEDS_REVIEW
    assert not view.decision.final


def test_what_no_check_failed_needs_one_officer():
    view = after(
        created(),
        submitted(1),
        concluded(1, DecisionOutcome.NEEDS_REVIEW),
        (ONE, Decided(outcome=DecisionOutcome.APPROVED, reasons=())),
    )

    assert view.state is SessionState.DECIDED
    assert view.decision.final


@pytest.mark.parametrize("kind", [kind for kind in ActorKind if kind is not ActorKind.OFFICER])
def test_nobody_but_an_officer_decides(kind):
    refused(
        "decision.not_an_officer",
        created(),
        submitted(1),
        concluded(1, DecisionOutcome.NEEDS_REVIEW),
        (Actor(kind=kind, id="x"), Decided(outcome=DecisionOutcome.APPROVED, reasons=())),
    )


def test_attempts_are_capped_and_an_officer_may_grant_one_more():
    spent = (
        created(attempts_allowed=1),
        submitted(1),
        concluded(1, DecisionOutcome.NEEDS_REVIEW),
        (ONE, Decided(outcome=DecisionOutcome.RESUBMIT, reasons=())),
        submitted(2),
    )
    assert after(*spent).attempts_left == 0

    again = (*spent, concluded(2, DecisionOutcome.RESUBMIT))
    refused("session.attempts_spent", *again, submitted(3))
    refused("session.attempts_spent", *again, CaptureOpened(expires_at=T0))


def test_an_attempt_lost_by_us_is_given_back_but_not_for_ever():
    lost = [
        event
        for n in range(1, MAX_SUBMISSIONS + 1)
        for event in (submitted(n), Interrupted(attempt=n, code="model.invalid", counted=False))
    ]
    view = after(created(), *lost)

    assert view.attempts_made == 0
    assert view.last_error.code == "model.invalid"
    refused("session.attempts_spent", created(), *lost, submitted(MAX_SUBMISSIONS + 1))
    assert (
        after(
            created(), submitted(1), Interrupted(attempt=1, code="case.invalid", counted=True)
        ).attempts_left
        == 2
    )


def test_a_result_that_comes_too_late_changes_nothing():
    given_up = (
        created(),
        submitted(1),
        Interrupted(attempt=1, code="session.interrupted", counted=False),
    )
    late = concluded(1, DecisionOutcome.APPROVED)

    refused("session.attempt_ended", *given_up, late)
    refused("session.attempt_ended", *given_up, submitted(2), late)


def test_links_are_kept_once_and_bounded():
    link = Linked(kind=LinkKind.CHIP_SESSION, target="ab")
    assert after(created(), link, link).links == (link,)

    many = [Linked(kind=LinkKind.CHIP_SESSION, target=str(n)) for n in range(21)]
    refused("session.links_spent", created(), *many)


@pytest.mark.parametrize(
    ("events", "late", "event"),
    [
        ((created(),), timedelta(days=1), Expired()),
        (
            (created(), submitted(1)),
            timedelta(minutes=10),
            Interrupted(attempt=1, code="session.interrupted", counted=False),
        ),
        ((created(), submitted(1), concluded(1, DecisionOutcome.NEEDS_REVIEW)), None, None),
    ],
)
def test_time_alone_ends_what_waits(events, late, event):
    view = after(*events)
    if late is None:
        assert due_event(view, T0 + timedelta(days=999)) is None
        return
    assert due_event(view, T0 + late - timedelta(microseconds=1)) is None
    assert due_event(view, T0 + late) == event


@pytest.mark.parametrize(
    "events", [[], log(submitted(1)), log(created(), created()), log(created(), created())[1:]]
)
def test_a_log_that_we_would_not_write_is_damaged(events):
    with pytest.raises(TransitionError) as caught:
        replay_session(events)
    assert caught.value.code == "dossier.log_damaged"


def test_a_gap_in_the_log_is_damage():
    whole = log(created(), CaptureOpened(expires_at=T0), submitted(1))
    with pytest.raises(TransitionError) as caught:
        replay_session([whole[0], whole[2]])
    assert caught.value.code == "dossier.log_damaged"


@pytest.mark.parametrize(
    ("verdict", "reasons", "left", "review_only", "outcome"),
    [
        (Verdict.ACCEPT, (), 2, False, DecisionOutcome.APPROVED),
        (Verdict.ACCEPT, (), 2, True, DecisionOutcome.NEEDS_REVIEW),
        (Verdict.REVIEW, ("policy.check_absent",), 1, False, DecisionOutcome.RESUBMIT),
        (Verdict.REVIEW, ("policy.check_absent",), 0, False, DecisionOutcome.NEEDS_REVIEW),
        (Verdict.REJECT, ("policy.check_absent",), 0, False, DecisionOutcome.REJECTED),
        (Verdict.REJECT, ("policy.check_absent", "no.such"), 1, False, DecisionOutcome.REJECTED),
        (Verdict.REJECT, (), 1, False, DecisionOutcome.REJECTED),
    ],
)
def test_what_the_portal_hears(verdict, reasons, left, review_only, outcome):
    assert conclude(verdict, reasons, attempts_left=left, review_only=review_only) is outcome


TEXT = st.text(max_size=8)
MOMENTS = st.integers(0, 10**12).map(lambda us: T0 + timedelta(microseconds=us))
EVENTS = st.one_of(
    st.builds(
        Created,
        procedure=TEXT,
        procedure_version=TEXT,
        attempts_allowed=st.integers(1, 9),
        expires_at=MOMENTS,
        dossier_id=st.none() | TEXT,
        review_only=st.booleans(),
    ),
    st.builds(CaptureOpened, expires_at=MOMENTS),
    st.builds(Linked, kind=st.sampled_from(LinkKind), target=TEXT),
    st.builds(Submitted, attempt=st.integers(1, 9), deadline=MOMENTS),
    st.builds(
        Concluded,
        attempt=st.integers(1, 9),
        verdict=st.sampled_from(Verdict),
        outcome=st.sampled_from(DecisionOutcome),
        reasons=st.lists(TEXT).map(tuple),
        failed=st.lists(TEXT).map(tuple),
        sample=st.booleans(),
        verification_id=TEXT,
        case_digest=TEXT,
    ),
    st.builds(Interrupted, attempt=st.integers(1, 9), code=TEXT, counted=st.booleans()),
    st.builds(Decided, outcome=st.sampled_from(DecisionOutcome), reasons=st.lists(TEXT).map(tuple)),
    st.sampled_from([Canceled(), Expired(), Redacted()]),
)


@given(EVENTS)
def test_an_event_comes_back_from_text_as_it_was(event):
    kind, body = event_as_json(event)

    assert event_from_json(kind, json.loads(json.dumps(body))) == event


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Nothing", {}),
        ("Canceled", {"why": "x"}),
        ("Decided", {"outcome": "maybe", "reasons": []}),
        ("Submitted", {"attempt": 1, "deadline": "yesterday"}),
        ("Submitted", {"attempt": 1}),
    ],
)
def test_what_is_no_event_is_a_damaged_log(kind, body):
    with pytest.raises(TransitionError) as caught:
        event_from_json(kind, body)
    assert caught.value.code == "dossier.log_damaged"


class Life(RuleBasedStateMachine):
    """Any order of events: what is refused changes nothing, what is taken replays to the same view."""

    @initialize(allowed=st.integers(1, 3))
    def make(self, allowed):
        self.actions = log(created(attempts_allowed=allowed))
        self.view = replay_session(self.actions)

    @rule(event=EVENTS, actor=st.sampled_from([SYSTEM, PORTAL, ONE, TWO]))
    def anything(self, event, actor):
        self.try_it(actor, event)

    @precondition(
        lambda self: self.view.state in {SessionState.CREATED, SessionState.REQUIRES_INPUT}
    )
    @rule()
    def submit(self):
        self.try_it(PORTAL, submitted(self.view.submissions + 1))

    @precondition(lambda self: self.view.state is SessionState.PROCESSING)
    @rule(outcome=st.sampled_from(DecisionOutcome))
    def end(self, outcome):
        self.try_it(SYSTEM, concluded(self.view.submissions, outcome))

    @precondition(lambda self: self.view.state is SessionState.NEEDS_REVIEW)
    @rule(
        outcome=st.sampled_from(
            [DecisionOutcome.APPROVED, DecisionOutcome.REJECTED, DecisionOutcome.RESUBMIT]
        ),
        actor=st.sampled_from([ONE, TWO]),
    )
    def decide(self, outcome, actor):
        self.try_it(actor, Decided(outcome=outcome, reasons=()))

    def try_it(self, actor, event):
        action = Action(sequence=self.view.version + 1, at=T0, actor=actor, event=event)
        try:
            self.view = apply(self.view, action)
        except TransitionError:
            return
        self.actions.append(action)

    @invariant()
    def the_log_tells_everything(self):
        assert replay_session(self.actions) == self.view

    @invariant()
    def attempts_stay_within_their_cap(self):
        assert self.view.submissions <= MAX_SUBMISSIONS
        assert self.view.attempts_left >= 0

    @invariant()
    def final_is_final(self):
        finals = [decision for decision in self.view.decisions if decision.final]
        assert len(finals) <= 1
        if finals:
            assert self.view.decision is finals[0]
            assert self.view.state in {SessionState.DECIDED, SessionState.REDACTED}

    @invariant()
    def a_failed_check_is_never_set_aside_by_one(self):
        decision = self.view.decision
        if decision and decision.final and decision.overrides:
            before = self.view.decisions[-2]
            assert before.overrides
            assert before.actor.id != decision.actor.id
            assert not before.automatic

    @invariant()
    def a_machine_never_rejects_for_good(self):
        for decision in self.view.decisions:
            if decision.final and decision.automatic:
                assert decision.outcome is DecisionOutcome.APPROVED


TestLife = Life.TestCase

"""Clocks: what is late is read from the logs, the same whenever and however often one looks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from working_hours import after_working_time

from ekyc.dossiers import (
    SYSTEM,
    Action,
    Actor,
    ActorKind,
    Alert,
    AlertKind,
    Canceled,
    Closed,
    Concluded,
    Created,
    Decided,
    DecisionOutcome,
    FileAction,
    Mark,
    Opened,
    Reopened,
    SessionAdded,
    Submitted,
    WorkingCalendar,
    alerts_at,
    builtin_clocks,
    marks_of,
    spent_on,
)
from ekyc.dossiers.clocks import (
    PROCESSING,
    Marked,
    Moment,
    clocks_by_id,
    spent_at,
    state_after,
)
from ekyc.policy import Verdict

HERE = timezone(timedelta(hours=7))
T0 = datetime(2026, 3, 2, 8, tzinfo=HERE)  # a Monday, as offices open
CALENDAR = WorkingCalendar.default()
OFFICER = Actor(kind=ActorKind.OFFICER, id="officer-1")
CITIZEN = Actor(kind=ActorKind.CITIZEN, id="c" * 64)
CLOCKS = builtin_clocks()


def hours(count):
    return timedelta(hours=count)


class Story:
    """A dossier with one session, hour by hour."""

    def __init__(self):
        self.now = T0
        self.attempts = 0
        self.file, self.session = [], []
        self.in_file(Opened(procedure="identity", procedure_version="0" * 64), CITIZEN)
        self.in_file(SessionAdded(session_id="s"), CITIZEN)
        self.in_session(
            Created(
                procedure="identity",
                procedure_version="0" * 64,
                attempts_allowed=9,
                expires_at=T0 + timedelta(days=365),
            )
        )

    def wait(self, count):
        self.now = after_working_time(CALENDAR, self.now, hours(count))
        return self

    def in_file(self, event, actor=OFFICER):
        self.file.append(
            FileAction(sequence=len(self.file) + 1, at=self.now, actor=actor, event=event)
        )
        return self

    def in_session(self, event, actor=SYSTEM):
        self.session.append(
            Action(sequence=len(self.session) + 1, at=self.now, actor=actor, event=event)
        )
        return self

    def submit(self):
        self.attempts += 1
        deadline = self.now + timedelta(minutes=10)
        return self.in_session(Submitted(attempt=self.attempts, deadline=deadline), CITIZEN)

    def conclude(self, outcome):
        verdict = Verdict.ACCEPT if outcome is DecisionOutcome.APPROVED else Verdict.REVIEW
        event = Concluded(
            attempt=self.attempts,
            verdict=verdict,
            outcome=outcome,
            reasons=(),
            failed=(),
            sample=False,
            verification_id="v",
            case_digest="0" * 64,
        )
        return self.in_session(event)

    def decide(self, outcome):
        return self.in_session(Decided(outcome=outcome, reasons=()), OFFICER)

    def reviewed(self):
        return self.submit().conclude(DecisionOutcome.NEEDS_REVIEW)

    @property
    def marks(self):
        return marks_of(self.file, [self.session])

    def alerts(self, now=None):
        return alerts_at(CLOCKS, self.marks, now or self.now, CALENDAR)

    def names(self):
        return {one.alert for one in self.alerts()}


def test_nothing_runs_before_somebody_submits():
    assert Story().wait(400).names() == set()


def test_what_nobody_answers_is_not_received_after_four_working_hours():
    story = Story().reviewed()
    assert Alert.NOT_RECEIVED not in story.wait(3.99).names()
    assert Alert.NOT_RECEIVED in story.wait(0.02).names()
    story.decide(DecisionOutcome.APPROVED)
    assert story.names() == set()


def test_nights_week_ends_and_holidays_are_no_working_hours():
    story = Story()
    story.now = datetime(2026, 2, 13, 16, tzinfo=HERE)  # the last hour before Lunar New Year
    story.reviewed()
    back = datetime(2026, 2, 23, 11, tzinfo=HERE)
    assert story.alerts(back - timedelta(seconds=1)) == ()
    assert [one.alert for one in story.alerts(back)] == [Alert.NOT_RECEIVED]


def test_a_machine_that_approves_or_asks_again_has_answered():
    for outcome in (DecisionOutcome.APPROVED, DecisionOutcome.RESUBMIT):
        assert Story().submit().conclude(outcome).wait(100).names() == set()


def test_an_officer_who_takes_it_up_has_received_it():
    story = Story().reviewed().wait(1)
    story.in_file(Closed()).in_file(Reopened())
    assert Mark.TAKEN_UP not in {one.mark for one in story.marks}  # both say more than that
    assert Alert.NOT_RECEIVED not in story.wait(5).names()


def test_a_review_of_more_than_a_day_is_stuck():
    story = Story().reviewed()
    assert Alert.STUCK_IN_REVIEW not in story.wait(7.9).names()
    assert Alert.STUCK_IN_REVIEW in story.wait(0.2).names()


def test_the_office_has_its_hours_and_the_persons_time_does_not_count():
    story = Story().reviewed().wait(10).decide(DecisionOutcome.RESUBMIT)
    story.wait(300)
    assert story.names() == set()
    story.reviewed().wait(7)
    assert Alert.DUE_SOON not in story.names()
    assert Alert.DUE_SOON in story.wait(1.5).names()
    assert Alert.OVERDUE not in story.names()
    assert story.wait(6).names() >= {Alert.OVERDUE}
    assert Alert.DUE_SOON not in story.names()
    spent = spent_on(clocks_by_id()[PROCESSING], story.marks, story.now, CALENDAR)
    assert spent.elapsed == hours(24.5)


def test_it_is_told_what_is_bad_and_what_will_be():
    story = Story().reviewed().wait(20)
    kinds = {one.alert: one.kind for one in story.alerts()}
    assert kinds[Alert.DUE_SOON] is AlertKind.WARNING
    assert kinds[Alert.STUCK_IN_REVIEW] is AlertKind.BREACHED


def test_who_is_sent_back_three_times_is_sent_back_too_often():
    story = Story()
    for count in range(3):
        assert Alert.RETURNED_TOO_OFTEN not in story.names(), count
        story.submit().conclude(DecisionOutcome.RESUBMIT).wait(1)
    assert story.names() == {Alert.RETURNED_TOO_OFTEN}
    assert story.submit().conclude(DecisionOutcome.APPROVED).names() == set()


def test_what_is_closed_or_called_off_is_not_late():
    assert Story().reviewed().wait(0.1).in_file(Closed()).wait(500).names() == set()
    assert Story().reviewed().wait(0.1).in_session(Canceled()).wait(500).names() == set()


def test_what_is_reopened_runs_again_from_where_it_stood():
    story = Story().reviewed().wait(20).in_file(Closed()).wait(50).in_file(Reopened())
    assert story.names() == {Alert.DUE_SOON}


def test_an_alert_has_one_origin_however_late_one_looks():
    story = Story().reviewed()
    started = story.now
    early = story.wait(9).alerts()
    late = story.wait(200).alerts()
    for one in early:
        assert one.origin == started
    assert {one.origin for one in late} == {started}


def test_a_second_review_is_another_alert():
    story = Story().reviewed().wait(9)
    first = {one.origin for one in story.alerts() if one.alert is Alert.STUCK_IN_REVIEW}
    story.decide(DecisionOutcome.RESUBMIT).wait(1).reviewed().wait(9)
    second = {one.origin for one in story.alerts() if one.alert is Alert.STUCK_IN_REVIEW}
    assert len(first) == len(second) == 1
    assert first != second


MARKS = st.lists(
    st.tuples(st.integers(min_value=0, max_value=60 * 24 * 60), st.sampled_from(Mark)), max_size=25
).map(
    lambda found: [
        Marked(at=T0 + timedelta(minutes=minute), mark=mark)
        for minute, mark in sorted(found, key=lambda one: one[0])
    ]
)
LATER = st.integers(min_value=0, max_value=90 * 24 * 60).map(lambda m: T0 + timedelta(minutes=m))


@given(MARKS, LATER)
def test_the_same_marks_and_moment_give_the_same_alerts(marks, now):
    found = alerts_at(CLOCKS, marks, now, CALENDAR)
    assert found == alerts_at(CLOCKS, list(marks), now, CALENDAR)
    assert len({one.clock for one in found}) == len(found)


@given(MARKS, LATER)
def test_what_comes_later_does_not_count_yet(marks, now):
    past = [one for one in marks if one.at <= now]
    assert alerts_at(CLOCKS, marks, now, CALENDAR) == alerts_at(CLOCKS, past, now, CALENDAR)


@given(MARKS, LATER, LATER)
def test_an_alert_does_not_go_away_by_waiting(marks, now, then):
    now, then = sorted((now, then))
    marks = [one for one in marks if one.at <= now]
    before = {(one.clock, one.origin) for one in alerts_at(CLOCKS, marks, now, CALENDAR)}
    after = {(one.clock, one.origin) for one in alerts_at(CLOCKS, marks, then, CALENDAR)}
    assert before <= after


@given(MARKS, LATER)
def test_a_clock_shows_no_more_than_went_by(marks, now):
    for clock in CLOCKS:
        if clock.limit is None:
            continue
        spent = spent_on(clock, marks, now, CALENDAR)
        assert timedelta() <= spent.elapsed <= max(timedelta(), now - T0)
        assert spent.running is False or spent.origin is not None


@given(MARKS, LATER, st.integers(min_value=0, max_value=60).map(timedelta))
def test_where_a_clock_was_left_is_all_that_later_moments_need(marks, now, later):
    """Against the sum of the stretches, each from its begin to its end."""
    past = [one for one in marks if one.at <= now]
    for clock in CLOCKS:
        if clock.limit is None:
            continue
        state = state_after(clock, past, CALENDAR)
        spent = spent_at(state, Moment(now + later, CALENDAR))
        stretches, since = [], None
        for one in past:
            if since is None and one.mark in clock.starts_on:
                since, stretches = one.at, stretches if clock.sums else []
            elif since is not None and one.mark in clock.stops_on:
                stretches.append((since, one.at))
                since = None
        if since is not None:
            stretches.append((since, now + later))
        worked = (CALENDAR.worked_between(begin, end) for begin, end in stretches)
        assert spent.elapsed == sum(worked, timedelta())
        assert spent.running is (since is not None)


@given(MARKS)
def test_a_decision_ends_every_alert_but_a_review_of_another_session(marks):
    now = (marks[-1].at if marks else T0) + timedelta(days=30)
    ended = [*marks, Marked(at=now, mark=Mark.REVIEW_ENDED), Marked(at=now, mark=Mark.DECIDED)]
    assert alerts_at(CLOCKS, ended, now + timedelta(days=30), CALENDAR) == ()


def test_the_clocks_are_those_of_the_early_warning():
    assert {level.alert for clock in CLOCKS for level in clock.levels} == set(Alert)


@pytest.mark.parametrize("alert", list(Alert))
def test_an_alert_is_a_word_that_others_are_told(alert):
    assert alert.value.replace("_", "").isalpha()

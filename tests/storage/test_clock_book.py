"""Clocks that are kept are the clocks that a replay gives: whatever was added, whoever asks, and whenever."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta, timezone
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ekyc.dossiers import (
    SYSTEM,
    Action,
    Actor,
    ActorKind,
    Canceled,
    Closed,
    Concluded,
    Created,
    Decided,
    DecisionOutcome,
    FileAction,
    Opened,
    Reopened,
    SessionAdded,
    Submitted,
    TransitionError,
    WorkingCalendar,
)
from ekyc.dossiers.clocks import Moment
from ekyc.dossiers.sessions import apply, begin
from ekyc.flows.clock_book import ClockBook, timed_dossiers
from ekyc.flows.logged_actions import line_of
from ekyc.policy import Verdict
from ekyc.storage import DossierRow, PageOf, ServiceKey, SessionRow

T0 = datetime(2026, 3, 2, 8, tzinfo=timezone(timedelta(hours=7)))  # a Monday, as offices open
CALENDAR = WorkingCalendar.default()
OFFICER = Actor(kind=ActorKind.OFFICER, id="officer-1")
TENANTS = count()
DECIDED = (DecisionOutcome.APPROVED, DecisionOutcome.RESUBMIT)
EVENTS = (Submitted, Concluded, Decided, SessionAdded, Opened, Canceled, Closed, Reopened)


class Office:
    """Dossiers of one tenant, written as the service writes them."""

    def __init__(self, desk, tenant):
        self.desk, self.tenant, self.now = desk, tenant, T0
        self.files, self.views, self.of = {}, {}, {}

    def do(self, event, place, outcome):
        """Have something happen to a dossier, if it can."""
        with self.desk.writing(self.tenant) as unit:
            if event is Opened or not self.files:
                self._open(unit, f"d{len(self.files)}")
                return
            name = sorted(self.files)[place % len(self.files)]
            if event is SessionAdded:
                self._add_session(unit, name)
            elif event in {Closed, Reopened}:
                state = "closed" if event is Closed else "open"
                self._in_file(unit, name, event())
                unit.dossiers.index(name, state=state, office=None)
            elif sessions := [one for one, owner in self.of.items() if owner == name]:
                self._in_session(unit, sessions[place % len(sessions)], event, outcome)

    def _open(self, unit, name):
        self.files[name] = 0
        unit.dossiers.add(
            DossierRow(
                id=name,
                procedure="identity",
                state="open",
                office=None,
                subject=None,
                created_at=self.now,
            )
        )
        self._in_file(unit, name, Opened(procedure="identity", procedure_version="0" * 64))

    def _add_session(self, unit, name):
        session = f"s{len(self.views)}"
        unit.sessions.add(
            SessionRow(
                id=session,
                dossier_id=name,
                procedure="identity",
                state="created",
                office=None,
                subject=None,
                created_at=self.now,
            )
        )
        self._in_file(unit, name, SessionAdded(session_id=session))
        made = Created(
            procedure="identity",
            procedure_version="0" * 64,
            attempts_allowed=9,
            expires_at=T0 + timedelta(days=365),
        )
        action = Action(sequence=1, at=self.now, actor=SYSTEM, event=made)
        self.of[session], self.views[session] = name, (begin(action), 1)
        unit.logs.append(session, line_of(action))

    def _in_file(self, unit, name, event):
        self.files[name] += 1
        unit.logs.append(
            name,
            line_of(FileAction(sequence=self.files[name], at=self.now, actor=OFFICER, event=event)),
        )

    def _in_session(self, unit, session, event, outcome):
        view, last = self.views[session]
        actor = SYSTEM if event in {Submitted, Concluded} else OFFICER
        happened = _event(event, view, outcome, self.now)
        action = Action(sequence=last + 1, at=self.now, actor=actor, event=happened)
        try:
            self.views[session] = (apply(view, action), last + 1)
        except TransitionError:
            return
        unit.logs.append(session, line_of(action))

    def compare(self, books, now):
        """Every book says what a replay says."""
        with self.desk.looking(self.tenant) as unit:
            rows = unit.dossiers.page(PageOf(limit=200))
            replayed = timed_dossiers(unit, rows, CALENDAR, now)
            for book in books:
                assert book.timed(unit, rows, Moment(now, CALENDAR)) == replayed
        assert len(replayed) == len(self.files)
        return replayed


def _event(event, view, outcome, now):
    if event is Submitted:
        return Submitted(attempt=view.attempts_made + 1, deadline=now + timedelta(minutes=10))
    if event is Concluded:
        return Concluded(
            attempt=view.attempts_made,
            verdict=Verdict.REVIEW,
            outcome=DecisionOutcome.NEEDS_REVIEW,
            reasons=(),
            failed=(),
            sample=False,
            verification_id="v",
            case_digest="0" * 64,
        )
    return Decided(outcome=outcome, reasons=()) if event is Decided else Canceled()


@pytest.fixture
def desk(storage):
    return storage.dossiers(ServiceKey(bytes(32)))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(EVENTS),
        st.integers(min_value=0, max_value=3),
        st.sampled_from(DECIDED),
        st.integers(min_value=0, max_value=3000).map(lambda minutes: timedelta(minutes=minutes)),
        st.sampled_from([timedelta(), timedelta(days=9), timedelta(hours=5), -timedelta(days=1)]),
    ),
    max_size=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(STEPS)
def test_what_is_kept_is_what_a_replay_gives(desk, steps):
    """After every action, at moments that go to and fro, with room for all dossiers and for two of them."""
    office = Office(desk, f"tenant-{next(TENANTS)}")
    office.do(Opened, 0, None)
    office.do(SessionAdded, 0, None)
    books = ClockBook(CALENDAR), ClockBook(CALENDAR, most=2)
    for event, place, outcome, wait, ahead in steps:
        office.now += wait
        office.do(event, place, outcome)
        office.compare(books, office.now + ahead)


def test_alerts_come_by_time_alone(desk):
    """Nothing is added, and what is kept is not the answer but the clock."""
    office, books = Office(desk, "a"), (ClockBook(CALENDAR),)
    for event in (Opened, SessionAdded, Submitted, Concluded):
        office.do(event, 0, None)
    seen = [
        len(office.compare(books, T0 + timedelta(days=days))[0].alerts) for days in (0, 1, 2, 5)
    ]
    assert seen == [0, 2, 2, 3]


def test_one_tenant_s_clocks_are_not_another_s(desk):
    book = ClockBook(CALENDAR)
    quiet, late = Office(desk, "a"), Office(desk, "b")
    for event in (Opened, SessionAdded, Canceled):
        quiet.do(event, 0, None)
    for event in (Opened, SessionAdded, Submitted):
        late.do(event, 0, None)  # the same ids, and as many lines
    then = T0 + timedelta(days=5)
    assert [one.alerts for one in quiet.compare([book], then)] != [
        one.alerts for one in late.compare([book], then)
    ]


def test_a_log_that_has_not_grown_is_not_read_again(desk, sqlite_file):
    """Seen by spoiling it: only the next line has it read, and the damage found."""
    office, book = Office(desk, "a"), ClockBook(CALENDAR)
    for event in (Opened, SessionAdded, Submitted):
        office.do(event, 0, None)
    (before,) = office.compare([book], T0)
    with sqlite3.connect(sqlite_file) as database:
        database.execute("UPDATE dossier_actions SET kind = 'Nothing' WHERE file_id = 's0'")
    assert _timed(office, book) == [before]
    with office.desk.writing("a") as unit:
        office._in_file(unit, "d0", Closed())
    assert _timed(office, book) == []


def test_no_more_is_kept_than_there_is_room_for(desk, sqlite_file):
    office, book = Office(desk, "a"), ClockBook(CALENDAR, most=1)
    for _ in range(2):
        office.do(Opened, 0, None)
    office.compare([book], T0)
    with sqlite3.connect(sqlite_file) as database:
        database.execute("UPDATE dossier_actions SET kind = 'Nothing'")
    assert len(_timed(office, book)) == 1


def _timed(office, book):
    with office.desk.looking(office.tenant) as unit:
        return book.timed(unit, unit.dossiers.page(PageOf(limit=200)), Moment(T0, CALENDAR))

"""A data subject's request: who may do what when, and by when it must be done."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from ekyc.dossiers import (
    SYSTEM,
    Actor,
    ActorKind,
    Alert,
    TransitionError,
    WorkingCalendar,
    event_as_json,
    event_from_json,
)
from ekyc.dossiers.subject_requests import (
    Acknowledged,
    CalledOff,
    Extended,
    Filed,
    Fulfilled,
    Granted,
    Identification,
    Refused,
    RequestAction,
    RequestKind,
    RequestState,
    due_times,
    replay_request,
    request_alerts,
    request_limits,
)

HERE = timezone(timedelta(hours=7))
T0 = datetime(2026, 3, 2, 9, tzinfo=HERE)
CALENDAR, LIMITS = WorkingCalendar.default(), request_limits()
CITIZEN = Actor(kind=ActorKind.CITIZEN, id="c" * 64)
DESK = Actor(kind=ActorKind.OFFICER, id="officer-1")
CHIEF = Actor(kind=ActorKind.OFFICER, id="officer-2")
GRANTED = Granted(identification=Identification.COUNTER)


def after(*pairs, filed_by=CITIZEN, right=RequestKind.DELETE, at=T0):
    pairs = ((filed_by, Filed(right=right)), *pairs)
    return replay_request(
        RequestAction(sequence=i + 1, at=at, actor=actor, event=event)
        for i, (actor, event) in enumerate(pairs)
    )


def refused(code, *pairs, **options):
    with pytest.raises(TransitionError) as caught:
        after(*pairs, **options)
    assert caught.value.code == "dossier.log_damaged"
    assert caught.value.__cause__.code == code


def test_a_request_goes_its_way():
    done = after((DESK, Acknowledged()), (CHIEF, GRANTED), (SYSTEM, Fulfilled(counts=("blobs=3",))))
    assert done.state is RequestState.FULFILLED
    assert (done.version, done.counts, done.is_open) == (4, ("blobs=3",), False)
    assert after((CHIEF, Refused(reasons=("a.b",)))).state is RequestState.REFUSED
    assert after((CITIZEN, CalledOff())).state is RequestState.CANCELED


@pytest.mark.parametrize(
    "event", [Acknowledged(), Extended(reasons=("a.b",)), GRANTED, Refused(reasons=())]
)
@pytest.mark.parametrize(
    "actor",
    [
        CITIZEN,
        SYSTEM,
        Actor(kind=ActorKind.CLIENT, id="portal"),
        Actor(kind=ActorKind.AGENT, id="agent"),
    ],
)
def test_only_officers_handle_it(actor, event):
    refused("decision.not_an_officer", (actor, event), filed_by=DESK)


def test_whoever_filed_it_does_not_decide_it():
    refused("decision.four_eyes", (DESK, GRANTED), filed_by=DESK)
    refused("decision.four_eyes", (DESK, Refused(reasons=())), filed_by=DESK)
    assert after((DESK, Acknowledged()), (CHIEF, GRANTED), filed_by=DESK).granted == GRANTED


@pytest.mark.parametrize(
    "pairs",
    [
        ((SYSTEM, Fulfilled()),),
        ((CHIEF, Refused(reasons=())), (CHIEF, GRANTED)),
        ((CHIEF, GRANTED), (CHIEF, GRANTED)),
        ((CHIEF, GRANTED), (CITIZEN, CalledOff())),
        ((CITIZEN, CalledOff()), (DESK, Acknowledged())),
        ((DESK, Acknowledged()), (DESK, Acknowledged())),
        ((CHIEF, GRANTED), (DESK, Extended(reasons=()))),
        ((CHIEF, GRANTED), (SYSTEM, Fulfilled()), (SYSTEM, Fulfilled())),
    ],
)
def test_what_is_over_is_over(pairs):
    refused("rights.state", *pairs)


def test_an_answer_is_put_off_once():
    once = (DESK, Extended(reasons=("a.b",)))
    assert after(once).extended
    refused("rights.extended_already", once, once)


@pytest.mark.parametrize(
    ("right", "answer", "extended"),
    [
        (RequestKind.ACCESS, "2026-03-17T00:00", "2026-03-31T00:00"),
        (RequestKind.CORRECT, "2026-03-17T00:00", "2026-03-31T00:00"),
        (RequestKind.WITHDRAW, "2026-03-24T00:00", "2026-04-14T00:00"),
        (RequestKind.RESTRICT, "2026-03-24T00:00", "2026-04-14T00:00"),
        (RequestKind.OBJECT, "2026-03-24T00:00", "2026-04-14T00:00"),
        (RequestKind.DELETE, "2026-03-31T00:00", "2026-04-29T00:00"),  # over Hùng Kings' day
    ],
)
def test_deadlines_are_working_days_by_right(right, answer, extended):
    due = due_times(after(right=right), LIMITS, CALENDAR)
    assert due.acknowledge_by == datetime(2026, 3, 5, tzinfo=HERE)
    assert due.answer_by == datetime.fromisoformat(answer).replace(tzinfo=HERE)
    later = due_times(after((DESK, Extended(reasons=())), right=right), LIMITS, CALENDAR)
    assert later.answer_by == datetime.fromisoformat(extended).replace(tzinfo=HERE)
    assert later.acknowledge_by == due.acknowledge_by


def alerts(view, now):
    return {one.alert for one in request_alerts(view, LIMITS, CALENDAR, now)}


def test_it_is_told_what_is_late():
    silent, heard = after(), after((DESK, Acknowledged()))
    due = due_times(silent, LIMITS, CALENDAR)
    moment = timedelta(microseconds=1)
    assert alerts(silent, due.acknowledge_by - moment) == set()
    assert alerts(silent, due.acknowledge_by) == {Alert.NOT_RECEIVED}
    assert alerts(heard, due.acknowledge_by) == set()
    assert alerts(heard, due.warn_at) == {Alert.DUE_SOON}
    assert alerts(heard, due.answer_by) == {Alert.OVERDUE}
    granted = after((CHIEF, GRANTED))
    assert alerts(granted, due.answer_by) == {Alert.OVERDUE}  # granted is not yet done
    for over in ((CHIEF, Refused(reasons=())), (CITIZEN, CalledOff())):
        assert alerts(after(over), due.answer_by) == set()


@pytest.mark.parametrize(
    "event",
    [
        Filed(right=RequestKind.ACCESS, sessions=("a", "b")),
        Acknowledged(),
        Extended(reasons=("a.b",)),
        Granted(identification=Identification.SESSION, session_id="ab" * 16),
        GRANTED,
        Refused(reasons=()),
        Fulfilled(counts=("sessions=2",)),
        CalledOff(),
    ],
)
def test_events_come_back_as_they_were(event):
    kind, body = event_as_json(event)
    assert event_from_json(kind, json.loads(json.dumps(body))) == event

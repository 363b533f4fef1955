"""The outbox: an event is there exactly when the change is, and says nothing but ids and states."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from ekyc.errors import InputError
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom
from ekyc.storage import EVENT_KINDS, Person, ResultStatus
from ekyc.storage.webhooks.outbox import Outbox, VerificationDecided, payload_of
from ekyc.storage.webhooks.outbox_tables import outbox_events
from ekyc.testing import FixedClock

AN_ID = "0123456789abcdef" * 2
DIGEST = "ab" * 32


def events(storage):
    with storage._engine.connect() as connection:
        rows = connection.execute(select(outbox_events).order_by(outbox_events.c.at)).all()
    return [(row.kind, json.loads(row.body)) for row in rows]


def decide(storage, **changes):
    given_values = {
        "case_digest": DIGEST,
        "profile": "demo",
        "verdict": Verdict.ACCEPT,
        "reasons": ("freshness.expired",),
        "report_digest": DIGEST,
    }
    return storage.results.record(**(given_values | changes))


def test_a_decision_and_its_event_are_written_together(storage, clock):
    result = decide(storage)

    [(kind, payload)] = events(storage)
    assert kind == "verification.decided"
    assert payload == {
        "type": "verification.decided",
        "timestamp": "2026-01-15T08:00:00.000000Z",
        "data": {"id": result.id, "profile": "demo", "verdict": "accept"},
    }


def test_a_decision_that_cannot_be_recorded_leaves_no_event(storage, monkeypatch):
    def fails(*_, **__):
        raise InputError("no")

    monkeypatch.setattr(storage.evidence, "append", fails)  # the last step of the transaction
    with pytest.raises(InputError):
        decide(storage)

    assert events(storage) == []
    assert storage.results.recent() == ()


def test_an_event_that_cannot_be_written_leaves_no_decision(storage, monkeypatch):
    def fails(*_, **__):
        raise InputError("no")

    monkeypatch.setattr(Outbox, "put", fails)
    with pytest.raises(InputError):
        decide(storage)

    assert storage.results.recent() == ()
    assert storage.evidence.size() == 0


def test_credentials_tell_of_each_of_their_states(storage, clock):
    def issue(replaces=None):
        names = []

        def make(drawn, place, at):
            names.append(drawn.hex())
            return "signed"

        storage.issued_results.issue(
            make,
            series="https://ketqua.example.gov.vn/tt",
            schema="birth-extract",
            subject="A" * 22,
            life=timedelta(days=30),
            replaces=replaces,
        )
        clock.advance(timedelta(seconds=1))
        return names[0]

    def turn(name, status):
        storage.issued_results.set_status(name, status)
        clock.advance(timedelta(seconds=1))

    first = issue()
    turn(first, ResultStatus.SUSPENDED)
    turn(first, ResultStatus.SUSPENDED)  # nothing changes, nothing is told
    turn(first, ResultStatus.VALID)
    turn(first, ResultStatus.REVOKED)
    second = issue()
    third = issue(replaces=second)

    told = events(storage)
    assert sorted(told[-2:], key=lambda pair: pair[0]) == [
        ("credential.issued", told_of("credential.issued", told, id=third, schema="birth-extract")),
        (
            "credential.superseded",
            told_of("credential.superseded", told, id=second, successor=third),
        ),
    ]
    assert [(kind, body["data"]["id"]) for kind, body in told[:5]] == [
        ("credential.issued", first),
        ("credential.suspended", first),
        ("credential.reinstated", first),
        ("credential.revoked", first),
        ("credential.issued", second),
    ]


def told_of(kind, told, **data):
    """The body of the last event of a kind, with these data."""
    body = [body for each, body in told if each == kind][-1]
    assert body["data"] == data
    return body


def test_no_kind_has_a_field_that_could_hold_a_person():
    plain = {"id", "code", "verdict", "cause", "state"}
    assert EVENT_KINDS
    for kind, forms in EVENT_KINDS.items():
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", kind), "Standard Webhooks: [a-zA-Z0-9_] and ."
        assert {form.name for form in forms.values()} <= plain
        assert not {"name", "subject", "holder", "session"} & set(forms)


@given(st.text(max_size=80))
def test_what_is_not_of_its_form_is_not_told_and_not_repeated(text):
    event = VerificationDecided(id=AN_ID, profile=text, verdict="accept")
    try:
        body = payload_of(event, FixedClock().now())
    except InputError as error:
        assert error.code == "webhook.event_form"
        assert not text.strip() or len(text) < 4 or text not in str(error)
    else:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", text)
        assert not re.search(r"[0-9]{9}", text)
        assert json.loads(body)["data"]["profile"] == text


@pytest.mark.parametrize("number", ["079185001234", "0912345678", "Nguyễn Văn A", "an@example.vn"])
def test_numbers_and_names_of_people_are_of_no_form(number):
    for field in ("id", "profile", "verdict"):
        values = {"id": AN_ID, "profile": "demo", "verdict": "accept", field: number}
        with pytest.raises(InputError):
            payload_of(VerificationDecided(**values), FixedClock().now())


def test_a_person_of_a_decision_is_not_told(storage):
    person = Person(holder="1a" * 32, session="2b" * 32)
    decide(storage, person=person)

    assert "1a" * 32 not in json.dumps(events(storage))
    assert "2b" * 32 not in json.dumps(events(storage))


def test_ids_of_events_are_drawn_and_without_a_full_stop(storage, clock):
    with storage._engine.begin() as connection:
        outbox = Outbox(connection, now=clock.now(), random=SystemRandom(), tenant="tenant")
        event = VerificationDecided(id=AN_ID, profile="demo", verdict="review")
        ids = {outbox.put(event) for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"evt_[0-9a-f]{32}", one) for one in ids)

"""The log can say only what its vocabulary holds, and nothing in it can be a person."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.storage.evidence.canonical import VOCABULARY, decode, encode
from ekyc.storage.evidence.events import (
    CODE,
    CODES,
    ActivationBurnt,
    DecisionRecorded,
    Reference,
    ResultIssued,
    drawn,
)

AT = datetime(2026, 11, 22, 9, 30, 0, 120, tzinfo=UTC)
DIGEST = "ab" * 32


def pseudonym(_reference):
    return "0f" * 16


def decision(**changes):
    facts = {
        "result": "12" * 16,
        "case": DIGEST,
        "report": DIGEST,
        "profile": "marriage-registration",
        "verdict": "review",
        "reasons": ("chip.no_anchor", "freshness.expired"),
    }
    return DecisionRecorded(**(facts | changes))


def written(event, number=7):
    return encode(event, number=number, at=AT, pseudonym=pseudonym)


def test_an_event_is_canonical_json_and_reads_back():
    data = written(decision(subject=Reference(kind="holder", text="Nguyễn Văn An")))
    assert data == rfc8785.dumps(json.loads(data))
    read = decode(data)
    assert read is not None
    number, event = read
    assert number == 7
    assert event["at"] == "2026-11-22T09:30:00.000120Z"
    assert event["facts"]["subject"] == "0f" * 16
    assert b"An" not in data


@pytest.mark.parametrize(
    "changes",
    [
        {"result": "Nguyễn Văn An"},
        {"result": "AB" * 16},
        {"case": "079185001234"},
        {"profile": "citizen-079185001234"},
        {"profile": "Hà Nội"},
        {"profile": "a" * 65},
        {"verdict": "An"},
        {"reasons": ("Nguyễn Văn An",)},
        {"reasons": ("case.079185001234",)},
        {"reasons": ("a.b",) * 201},
        {"reasons": "a.b"},
        {"subject": "079185001234"},
        {"report": None},
        {"result": "12" * 16 + "\n"},
    ],
)
def test_what_is_not_of_its_form_is_not_written_and_not_repeated(changes):
    with pytest.raises(InputError) as caught:
        written(decision(**changes))
    assert caught.value.code == "audit.event_form"
    told = str(caught.value)
    assert not any(isinstance(value, str) and value in told for value in changes.values())


def test_a_name_that_somebody_chose_becomes_a_reference():
    assert drawn("activation", "12" * 16) == "12" * 16
    chosen = drawn("activation", "sign-for-079185001234")
    assert isinstance(chosen, Reference)
    assert "079185001234" not in repr(chosen)
    data = written(
        ActivationBurnt(
            activation=chosen,
            credential=Reference(kind="key", text="an"),
            evidence="12" * 16,
            hashes=DIGEST,
        )
    )
    assert b"079185001234" not in data


_TEXT = re.compile(r"[a-zA-Z0-9._-]{1,64}\Z")


def test_every_field_of_every_kind_is_bounded_and_needs_no_escape():
    """What :func:`encode` rests on when it writes canonical JSON without the canonicaliser."""
    for kind, fields in VOCABULARY.items():
        assert CODE.admits(kind)
        for name, (form, _) in fields.items():
            assert re.fullmatch(r"[a-z]+", name)
            for value in ("", " ", "é", '"', "\\", "\x00", "a" * 65, "a\n", 1, None, True, 1.5, {}):
                assert not form.admits(value), (kind, name, value)


@given(st.text(max_size=70))
def test_no_form_admits_what_json_would_escape(text):
    for fields in VOCABULARY.values():
        for form, _ in fields.values():
            if form.admits([text] if form is CODES else text):
                assert _TEXT.match(text)
                assert not re.search(r"\d{9}", text) or re.fullmatch(
                    r"[0-9a-f]{32}|[0-9a-f]{64}", text
                )


@given(
    st.lists(st.from_regex(r"[a-z]{1,8}\.[a-z_]{1,8}", fullmatch=True), max_size=5),
    st.integers(0, (1 << 53) - 1),
    st.datetimes(timezones=st.just(UTC)),
)
def test_what_is_written_is_what_the_canonicaliser_writes(reasons, number, at):
    data = encode(decision(reasons=tuple(reasons)), number=number, at=at, pseudonym=pseudonym)
    assert data == rfc8785.dumps(json.loads(data))


GOOD = json.loads(
    written(
        ResultIssued(
            credential="12" * 16,
            schema="birth-extract",
            digest=DIGEST,
            subject=Reference(kind="result", text="x"),
        )
    )
)


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.update(kind="somebody.spoke"),
        lambda event: event.update(note="Nguyễn Văn An"),
        lambda event: event.update(number=-1),
        lambda event: event.update(number=True),
        lambda event: event.update(number=1 << 53),
        lambda event: event.update(at="yesterday"),
        lambda event: event.update(facts=[]),
        lambda event: event["facts"].update(name="Nguyễn Văn An"),
        lambda event: event["facts"].update(subject="Nguyễn Văn An"),
        lambda event: event["facts"].pop("digest"),
    ],
)
def test_what_is_no_event_is_not_read_as_one(change):
    event = json.loads(json.dumps(GOOD))
    assert decode(rfc8785.dumps(event)) is not None
    change(event)
    try:
        data = rfc8785.dumps(event)
    except rfc8785.CanonicalizationError:
        data = json.dumps(event).encode()
    assert decode(data) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"null", b"[" * 100_000, b'{"a":1e999}', json.dumps(GOOD).encode()],
    ids=["nothing", "no-text", "null", "deep", "infinite", "not-canonical"],
)
def test_bytes_that_are_no_event_are_nothing(data):
    assert decode(data) is None

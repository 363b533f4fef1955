"""The allow-list: what a line may hold, whoever wrote it."""

from __future__ import annotations

import io
import json
import logging

import pytest

from ekyc.errors import InputError
from ekyc.logs import (
    WITHHELD,
    AllowListFormatter,
    Line,
    LogFormat,
    configuration,
    log_event,
    names_no_visitor,
)

NUMBER = "079185001234"


def record(name, text, *args, exc_info=None, level=logging.INFO):
    return logging.LogRecord(name, level, "/somewhere/place.py", 7, text, args, exc_info)


def as_json(*args, **options):
    return json.loads(AllowListFormatter(LogFormat.JSON).format(record(*args, **options)))


def test_an_event_is_its_fields_in_both_formats(caplog):
    with caplog.at_level(logging.INFO):
        log_event(
            logging.getLogger("ekyc.api"), logging.INFO, "request", status=200, route="/a/{b}"
        )
    made = caplog.records[-1]

    line = json.loads(AllowListFormatter(LogFormat.JSON).format(made))
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "ekyc.api",
        "event": "request",
        "status": 200,
        "route": "/a/{b}",
    }
    text = AllowListFormatter(LogFormat.TEXT).format(made)
    assert text.endswith(" INFO ekyc.api request status=200 route=/a/{b}")


def test_a_field_that_is_not_on_the_list_is_a_defect():
    with pytest.raises(KeyError):
        Line("request", {"path": "/x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("request_id", NUMBER),
        ("request_id", "a\nb"),
        ("method", "BREW"),
        ("route", "/v1/a b"),
        ("route", "/" + "a" * 300),
        ("status", "200"),
        ("problem", "Không"),
        ("client", "Nguyễn"),
        ("client", NUMBER),
        ("tenant", "x" * 90),
        ("error", "Oops: 1"),
        ("at", ["ok:1", NUMBER]),
        ("at", "ok:1"),
    ],
)
def test_a_value_of_another_form_is_withheld(name, value):
    assert Line("request", {name: value}).fields[name] == WITHHELD


def test_arguments_of_our_lines_are_numbers_ids_and_codes():
    said = as_json("ekyc.webhooks", "endpoint %s disabled: %s", "ab" * 16, "status.410")
    assert said["message"] == f"endpoint {'ab' * 16} disabled: status.410"
    assert as_json("ekyc.x", "by %s", "Nguyễn A")["message"] == "by -"
    assert as_json("ekyc.x", "of %s", NUMBER)["message"] == "of -"
    assert as_json("ekyc.x", "%d of them", "Nguyễn A")["message"] == WITHHELD


def test_libraries_say_what_is_known_and_the_rest_is_withheld():
    assert as_json("uvicorn.error", "Shutting down")["message"] == "Shutting down"
    assert as_json("uvicorn.error", "Started server process [%d]", 5)["message"].endswith("[5]")
    other = as_json("somebody", f"parsing {NUMBER} failed: %s", NUMBER, level=logging.ERROR)
    assert NUMBER not in json.dumps(other)
    assert other["at"] == ["place:7"]
    taken = as_json("uvicorn.error", OSError(98, f"{NUMBER} taken"))
    assert taken["message"] == "Address already in use"


def test_an_exception_is_its_type_and_place():
    with pytest.raises(ValueError, match="invalid literal") as raised:
        int(f"x{NUMBER}")
    exc_info = (raised.type, raised.value, raised.tb)
    said = as_json("uvicorn.error", "Exception in ASGI application\n", exc_info=exc_info)
    assert (said["error"], said["event"]) == ("ValueError", "message")
    assert said["at"][0].startswith(f"{__name__}:")
    assert NUMBER not in json.dumps(said)
    trace = f"Traceback (most recent call last):\n  File x\nekyc.errors.StorageError: {NUMBER}\n"
    assert as_json("uvicorn.error", trace)["error"] == "StorageError"
    assert NUMBER not in json.dumps(as_json("uvicorn.error", trace))


class Closed(io.StringIO):
    def write(self, text):
        raise ValueError("I/O operation on closed file")


def refuse():
    raise InputError(f"Nguyễn Thị Mẫu {NUMBER}", code="case.invalid")


def test_of_a_line_that_cannot_be_written_nothing_is_told(capsys):
    handler = configuration(LogFormat.JSON)["handlers"]["stderr"]["()"](Closed())
    try:
        refuse()
    except InputError:
        handler.handle(record("ekyc.test", "refused: %s", NUMBER, level=logging.ERROR))
    assert capsys.readouterr().err == "ERROR a line of the log could not be written\n"


def test_lines_of_websockets_name_visitors():
    assert not names_no_visitor(record("uvicorn.error", '%s - "WebSocket %s" [accepted]', "a", "b"))
    assert names_no_visitor(record("uvicorn.error", "Shutting down"))

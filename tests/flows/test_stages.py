"""A stage is timed, reported, and cannot take the worker down or leak what it looked at."""

import logging

import pytest

from ekyc.errors import InputError
from ekyc.flows.stages import Stage, StageResult, not_performed, run_stage
from ekyc.outcomes import Check, Outcome


def passed(check_id, duration_ms=0.0):
    return Check(id=check_id, outcome=Outcome.PASSED, duration_ms=duration_ms)


def test_progress_hears_of_the_checks():
    heard = []
    result = run_stage(
        Stage.CHIP, ("a",), lambda: StageResult(value=1, checks=(passed("a"),)), heard.append
    )
    assert result.value == 1
    assert [(event.stage, event.checks) for event in heard] == [(Stage.CHIP, result.checks)]


def test_an_unforeseen_exception_becomes_indeterminate_checks():
    def work():
        raise ZeroDivisionError

    result = run_stage(Stage.FACE, ("a", "b"), work, None)
    assert result.value is None
    assert [(c.id, c.outcome, c.reasons) for c in result.checks] == [
        ("a", Outcome.INDETERMINATE, ("case.check_error",)),
        ("b", Outcome.INDETERMINATE, ("case.check_error",)),
    ]


def test_the_log_of_an_unforeseen_exception_repeats_nothing_of_it(caplog):
    def work():
        raise ValueError("NGUYỄN THỊ MẪU 079185001234")

    with caplog.at_level(logging.DEBUG):
        run_stage(Stage.CARD, ("a",), work, None)
    assert "ValueError" in caplog.text
    assert "079185001234" not in caplog.text
    assert "MẪU" not in caplog.text


def test_a_typed_error_passes_through():
    def work():
        raise InputError("cut off", subject="front.jpg")

    with pytest.raises(InputError):
        run_stage(Stage.CARD, ("a",), work, None)


def test_time_that_no_check_claims_goes_to_the_first_that_was_asked():
    asked = (*not_performed(("a",), "case.part_missing"), passed("b"), passed("c", 0.001))
    result = run_stage(Stage.CHIP, (), lambda: StageResult(value=None, checks=asked), None)
    assert [check.duration_ms > 0 for check in result.checks] == [False, True, True]

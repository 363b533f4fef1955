"""Checks cannot be built without a reason, and the registry speaks both languages."""

import pytest

from ekyc.errors import InputError
from ekyc.outcomes import Check, Outcome, describe_reason, reason_registry, worst
from ekyc.values import Redacted


def test_a_check_that_did_not_pass_needs_a_reason():
    with pytest.raises(InputError) as caught:
        Check(id="x", outcome=Outcome.FAILED)
    assert caught.value.code == "reason.missing"


def test_a_reason_must_stand_in_the_registry():
    with pytest.raises(InputError) as caught:
        Check(id="x", outcome=Outcome.FAILED, reasons=("made.up",))
    assert caught.value.code == "reason.unknown"


def test_worst_of_nothing_is_not_performed():
    assert worst([]) is Outcome.NOT_PERFORMED


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.PASSED, Outcome.PASSED], Outcome.PASSED),
        ([Outcome.PASSED, Outcome.NOT_PERFORMED], Outcome.NOT_PERFORMED),
        ([Outcome.NOT_PERFORMED, Outcome.INDETERMINATE], Outcome.INDETERMINATE),
        ([Outcome.INDETERMINATE, Outcome.FAILED], Outcome.FAILED),
    ],
)
def test_worst_orders_the_four_outcomes(outcomes, expected):
    assert worst(outcomes) is expected


def test_every_reason_has_both_languages():
    for code in reason_registry():
        assert describe_reason(code, "vi")
        assert describe_reason(code, "en") != describe_reason(code, "vi")


def test_redacted_values_do_not_show_themselves():
    secret = Redacted("079185001234")
    assert "079185001234" not in f"{secret} {secret!r} {secret:>20} {[secret]}"
    assert secret.reveal() == "079185001234"

"""Twenty planted changes through the whole comparison: none passes, and each is named for what it is."""

import pytest

from ekyc.benchmarks.copy_examples import EXAMPLES
from ekyc.ocr import compare_copy
from ekyc.ocr.engines import open_reader
from ekyc.outcomes import Outcome

pytestmark = pytest.mark.models

FAILING = {
    "stamp": "document.stamp_missing",
    "line": "document.line_missing",
    "pages-swapped": "document.page_order",
    "page-missing": "document.page_missing",
}


@pytest.fixture(scope="module")
def reading(models):
    return open_reader(models)


def test_there_are_twenty_and_an_honest_one():
    assert sum(example.change is not None for example in EXAMPLES) == 20
    assert len({example.name for example in EXAMPLES}) == len(EXAMPLES) == 21


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_planted_change_is_stopped(example, reading):
    result = compare_copy(*example.pages(), reading)
    check = result.checks[0]
    if example.change is None:
        assert check.outcome is Outcome.PASSED
        return
    assert check.outcome is not Outcome.PASSED
    if example.turns:
        assert "document.page_turned" in check.reasons
    if reason := FAILING.get(example.change):
        assert check.outcome is Outcome.FAILED
        assert reason in check.reasons

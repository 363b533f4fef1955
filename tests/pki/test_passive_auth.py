"""The three steps over data groups; signatures themselves are tested in test_cms and test_path."""

import hashlib
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.outcomes import Outcome
from ekyc.pki import Coverage, SecurityObject
from ekyc.pki.passive_auth import inspect_hashes

GROUPS = {1: b"mrz", 2: b"face", 15: b"key"}


def listed(*numbers, digest="sha256"):
    return SecurityObject(
        digest=digest,
        hashes=MappingProxyType({n: hashlib.new(digest, GROUPS[n]).digest() for n in numbers}),
    )


def test_all_match():
    finding = inspect_hashes(listed(1, 2, 15), GROUPS)
    assert finding.outcome is Outcome.PASSED
    assert set(finding.coverage.values()) == {Coverage.MATCH}


def test_one_mismatch_fails_and_is_named():
    finding = inspect_hashes(listed(1, 2, 15), GROUPS | {2: b"another face"})
    assert (finding.outcome, finding.reasons) == (Outcome.FAILED, ("chip.hash_mismatch",))
    assert finding.subjects == ("EF.DG2",)


def test_group_without_a_listed_hash_is_never_ok():
    finding = inspect_hashes(listed(1, 2), GROUPS)
    assert (finding.outcome, finding.reasons) == (Outcome.INDETERMINATE, ("chip.not_covered",))
    assert finding.coverage[15] is Coverage.NOT_COVERED


def test_a_mismatch_outweighs_an_uncovered_group():
    assert inspect_hashes(listed(1, 2), GROUPS | {1: b"x"}).outcome is Outcome.FAILED


def test_listed_but_withheld():
    finding = inspect_hashes(listed(1, 2, 15), {1: b"mrz", 2: b"face"})
    assert finding.outcome is Outcome.PASSED
    assert finding.coverage[15] is Coverage.NOT_SUBMITTED


@pytest.mark.parametrize("security_object", [listed(1, 2), listed()])
def test_nothing_submitted_is_no_question(security_object):
    finding = inspect_hashes(security_object, {})
    assert (finding.outcome, finding.reasons) == (
        Outcome.NOT_PERFORMED,
        ("chip.no_data_groups",),
    )


@pytest.mark.parametrize(
    ("legacy", "outcome"), [(False, Outcome.INDETERMINATE), (True, Outcome.PASSED)]
)
def test_sha1_counts_only_under_legacy_and_is_remarked(legacy, outcome):
    finding = inspect_hashes(listed(1, 2, 15, digest="sha1"), GROUPS, legacy=legacy)
    assert (finding.outcome, finding.reasons) == (outcome, ("chip.algorithm_weak",))
    assert finding.coverage[1] is Coverage.MATCH


@given(
    st.dictionaries(st.integers(1, 16), st.binary(min_size=32, max_size=32)),
    st.dictionaries(st.integers(1, 16), st.binary(max_size=8)),
)
def test_every_group_is_accounted_for_and_noise_never_passes(hashes, groups):
    finding = inspect_hashes(
        SecurityObject(digest="sha256", hashes=MappingProxyType(hashes)), groups
    )
    assert set(finding.coverage) == {*hashes, *groups}
    assert finding.outcome is not Outcome.PASSED

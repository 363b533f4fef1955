"""The data behind a comparison's bounds."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.face import DEFAULT_MATCH, thresholds_for_portrait
from ekyc.face.thresholds import age_policies, measured_thresholds

TODAY = date(2026, 11, 22)


def test_every_row_says_where_it_comes_from():
    rows = measured_thresholds()
    assert rows
    for row in rows:
        assert row.alignment in {"mesh", "detector_points"}
        assert 0 < row.fmr < 1
        assert 0 < row.cosine < 1
        assert row.fmr * row.impostor_pairs >= 30
        assert len(row.provenance) > 20
    for policy in age_policies():
        assert len(policy.provenance) > 20


def test_shipped_acceptance_is_no_looser_than_what_was_measured_at_one_in_100_000():
    strictest = max(row.cosine for row in measured_thresholds() if row.fmr == 1e-5)
    assert DEFAULT_MATCH.accept_at >= strictest


def test_age_never_loosens_acceptance():
    policies = age_policies()
    assert policies[0].from_years == 0
    assert policies[0].thresholds == DEFAULT_MATCH
    starts = [policy.from_years for policy in policies]
    assert starts == sorted(starts)
    for policy in policies:
        assert policy.thresholds.accept_at >= DEFAULT_MATCH.accept_at
        assert policy.thresholds.reject_below <= DEFAULT_MATCH.reject_below


@given(st.integers(-4000, 20000))
def test_the_older_the_portrait_the_milder_the_refusal(days):
    issued = TODAY - timedelta(days=days)
    found = thresholds_for_portrait(issued, TODAY)
    older = thresholds_for_portrait(issued - timedelta(days=2000), TODAY)
    assert older.reject_below <= found.reject_below
    if days < 0:
        assert found == DEFAULT_MATCH


@pytest.mark.parametrize(("years", "bound"), [(4.9, 0.363), (5.1, 0.33), (9.9, 0.33), (10.1, 0.3)])
def test_bands(years, bound):
    issued = TODAY - timedelta(days=round(years * 365.25))
    assert thresholds_for_portrait(issued, TODAY).reject_below == bound


def test_an_unknown_day_is_judged_as_today():
    assert thresholds_for_portrait(None, TODAY) == DEFAULT_MATCH

"""The policy's rules, one by one, and the property that submitting less never helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.outcomes import Check, Outcome
from ekyc.policy import ProcedureProfile, Verdict, decide, load_profile, profile_ids

PROFILE = ProcedureProfile(id="p", title_vi="x", title_en="x", required=("a", "b"))
REASON = "policy.check_absent"  # any registered code serves


def check(check_id, outcome):
    reasons = () if outcome is Outcome.PASSED else (REASON,)
    return Check(id=check_id, outcome=outcome, reasons=reasons)


def test_all_required_passed_is_accept():
    decision = decide(PROFILE, [check("a", Outcome.PASSED), check("b", Outcome.PASSED)])
    assert (decision.verdict, decision.reasons, decision.blocking) == (Verdict.ACCEPT, (), ())


def test_a_failed_required_check_is_reject_even_beside_an_undecided_one():
    decision = decide(PROFILE, [check("a", Outcome.INDETERMINATE), check("b", Outcome.FAILED)])
    assert decision.verdict is Verdict.REJECT
    assert decision.blocking == ("a", "b")


@pytest.mark.parametrize("outcome", [Outcome.INDETERMINATE, Outcome.NOT_PERFORMED])
def test_an_undecided_required_check_is_review(outcome):
    found = [check("a", Outcome.PASSED), check("b", outcome)]
    assert decide(PROFILE, found).verdict is Verdict.REVIEW


def test_an_absent_required_check_is_review_with_its_own_reason():
    decision = decide(PROFILE, [check("a", Outcome.PASSED)])
    assert (decision.verdict, decision.reasons) == (Verdict.REVIEW, ("policy.check_absent",))


def test_nothing_at_all_is_review():
    assert decide(PROFILE, []).verdict is Verdict.REVIEW


def test_a_check_that_appears_twice_counts_with_its_worst_outcome():
    found = [check("a", Outcome.PASSED), check("a", Outcome.FAILED), check("b", Outcome.PASSED)]
    assert decide(PROFILE, found).verdict is Verdict.REJECT


def test_a_check_that_is_not_required_changes_nothing():
    found = [check("a", Outcome.PASSED), check("b", Outcome.PASSED), check("c", Outcome.FAILED)]
    assert decide(PROFILE, found).verdict is Verdict.ACCEPT


checks = st.lists(
    st.builds(check, st.sampled_from("abc"), st.sampled_from(list(Outcome))), max_size=6
)


@given(checks, st.data())
def test_submitting_less_never_leads_to_accept(found, data):
    fewer = data.draw(st.lists(st.sampled_from(found), unique_by=id) if found else st.just([]))
    kept = {id(entry) for entry in fewer}
    for name in "abc":  # taking a question away means taking away all that was said about it
        if any(entry.id == name and id(entry) not in kept for entry in found):
            kept -= {id(entry) for entry in found if entry.id == name}
    remaining = [entry for entry in found if id(entry) in kept]
    if decide(PROFILE, remaining).verdict is Verdict.ACCEPT:
        assert decide(PROFILE, found).verdict is Verdict.ACCEPT


def test_every_shipped_profile_loads():
    for profile_id in profile_ids():
        assert load_profile(profile_id).id == profile_id


def test_only_the_demo_profile_is_a_demonstration():
    assert [name for name in profile_ids() if load_profile(name).demonstration] == ["demo"]


@pytest.mark.parametrize("name", ["nope", "../../etc/passwd", ""])
def test_an_unknown_profile_is_named(name):
    with pytest.raises(InputError) as caught:
        load_profile(name)
    assert caught.value.code == "profile.unknown"


def test_a_profile_that_requires_nothing_is_refused():
    with pytest.raises(InputError):
        ProcedureProfile(id="p", title_vi="x", title_en="x", required=())

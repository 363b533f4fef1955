"""Every check that the code can produce has a title in both languages."""

from ekyc.outcomes import check_title


def test_required_checks_have_titles():
    from ekyc.policy import load_profile, profile_ids

    for profile_id in profile_ids():
        for check_id in load_profile(profile_id).required:
            assert check_title(check_id, "vi") != check_id
            assert check_title(check_id, "en") != check_title(check_id, "vi")


def test_a_check_without_a_title_shows_its_id():
    assert check_title("made.up") == "made.up"

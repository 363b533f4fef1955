"""The clock is set back or on while access tokens are out: they count for as long as they were made for, and can be had."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ekyc.api.access.tokens import LEEWAY, TOKEN_LIFE

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def portal(desk):
    desk.client("portal")
    return desk


def test_a_small_step_back_is_not_felt_and_lengthens_no_life_by_more(portal):
    token = portal.token("portal")
    portal.clock.advance(-LEEWAY)
    assert portal.reasons(token=token) == (201, None)
    portal.clock.advance(TOKEN_LIFE + LEEWAY - SECOND)
    assert portal.reasons(token=token) == (201, None)
    portal.clock.advance(SECOND)
    assert portal.reasons(token=token) == (401, "access.expired")


@pytest.mark.parametrize("back", [LEEWAY + SECOND, HOUR, 400 * 24 * HOUR])
def test_after_a_large_step_back_a_new_token_is_asked_for_and_had(portal, back):
    token = portal.token("portal")
    portal.clock.advance(-back)
    assert portal.reasons(token=token) == (401, "access.not_yet")
    headers = {"Authorization": f"Bearer {token}"}
    refused = portal.ask(lambda http: http.post("/v1/challenges", headers=headers))
    assert refused.headers["www-authenticate"].endswith('error="invalid_token"')
    assert portal.reasons(token=portal.token("portal")) == (201, None)


def test_a_clock_that_was_ahead_when_our_keys_were_made_leaves_keys_to_sign_with(portal):
    portal.stores.signing_keys.current()
    portal.stores.signing_keys.rotate()
    portal.clock.advance(-400 * 24 * HOUR)
    assert portal.reasons(token=portal.token("portal")) == (201, None)
    portal.stores.signing_keys.rotate()
    assert portal.reasons(token=portal.token("portal")) == (201, None)


@pytest.mark.parametrize("on", [TOKEN_LIFE, HOUR, 400 * 24 * HOUR])
def test_a_step_on_ends_a_token_and_its_correction_gives_back_no_more_than_was_left(portal, on):
    token = portal.token("portal")
    portal.clock.advance(on)
    assert portal.reasons(token=token) == (401, "access.expired")
    assert portal.reasons(token=portal.token("portal")) == (201, None)
    portal.clock.advance(-on)
    assert portal.reasons(token=token) == (201, None)
    portal.clock.advance(TOKEN_LIFE)
    assert portal.reasons(token=token) == (401, "access.expired")


def test_a_proof_from_a_clock_ahead_of_ours_waits_for_the_caller_to_make_a_new_one(portal):
    early = portal.form("portal")
    portal.clock.advance(-HOUR)
    answer = portal.ask(lambda http: http.post("/oauth2/token", data=early))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert portal.reasons(token=portal.token("portal")) == (201, None)


def test_a_proof_that_was_used_stays_used_when_the_clock_goes_back_a_little(portal):
    form = portal.form("portal")
    assert portal.ask(lambda http: http.post("/oauth2/token", data=form)).status_code == 200
    portal.clock.advance(-LEEWAY)
    assert portal.ask(lambda http: http.post("/oauth2/token", data=form)).status_code == 401

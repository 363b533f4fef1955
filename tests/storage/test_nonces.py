"""Challenges: single use, expiry, purpose, bounds."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from ekyc.errors import InputError, LimitError
from ekyc.outcomes import reason_registry
from ekyc.storage import ACTIVE_AUTHENTICATION, FreshnessError, Storage
from ekyc.testing import FixedClock

OTHER = "liveness"


def refusal(storage, challenge_id, purpose=ACTIVE_AUTHENTICATION):
    with pytest.raises(FreshnessError) as caught:
        storage.nonces.redeem(challenge_id, purpose)
    return caught.value.code


def test_a_challenge_gives_its_nonce_once(storage):
    challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)

    assert len(challenge.nonce) == 8
    assert storage.nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION) == challenge.nonce
    assert refusal(storage, challenge.id) == "freshness.already_used"


def test_challenges_differ(storage):
    issued = [storage.nonces.issue(ACTIVE_AUTHENTICATION) for _ in range(20)]

    assert len({challenge.id for challenge in issued}) == 20
    assert len({challenge.nonce for challenge in issued}) == 20


def test_a_challenge_expires_at_the_end_of_its_time_to_live(storage, clock):
    early = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=60)
    late = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=60)

    clock.advance(timedelta(seconds=60) - timedelta(microseconds=1))
    assert storage.nonces.redeem(early.id, ACTIVE_AUTHENTICATION) == early.nonce
    clock.advance(timedelta(microseconds=1))
    assert refusal(storage, late.id) == "freshness.expired"


def test_a_used_challenge_is_called_used_even_after_it_expired(storage, clock):
    challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)
    storage.nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION)
    clock.advance(timedelta(minutes=30))

    assert refusal(storage, challenge.id) == "freshness.already_used"


def test_the_wrong_purpose_is_refused_and_uses_nothing_up(storage):
    challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)

    assert refusal(storage, challenge.id, OTHER) == "freshness.wrong_purpose"
    assert storage.nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION) == challenge.nonce


@pytest.mark.parametrize("challenge_id", ["", "0" * 32, "' OR 1=1 --", "ư" * 5000])
def test_what_was_never_issued_is_unknown(storage, challenge_id):
    assert refusal(storage, challenge_id) == "freshness.unknown"


def test_a_challenge_survives_closing_and_opening(database, clock):
    with Storage.open(database, clock=clock) as first:
        kept = first.nonces.issue(ACTIVE_AUTHENTICATION)
        used = first.nonces.issue(ACTIVE_AUTHENTICATION)
        first.nonces.redeem(used.id, ACTIVE_AUTHENTICATION)

    with Storage.open(database, clock=clock) as second:
        assert second.nonces.redeem(kept.id, ACTIVE_AUTHENTICATION) == kept.nonce
        assert refusal(second, used.id) == "freshness.already_used"


def test_a_purge_takes_only_the_long_dead_and_only_a_batch(storage, clock):
    for _ in range(150):
        storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=1)
    clock.advance(timedelta(minutes=61))
    alive = storage.nonces.issue(ACTIVE_AUTHENTICATION)  # purges a batch of 100 by itself

    assert storage.nonces.purge() == 50
    assert storage.nonces.purge() == 0
    assert storage.nonces.redeem(alive.id, ACTIVE_AUTHENTICATION) == alive.nonce


@pytest.mark.parametrize("ttl_s", [0, -1, 86_401, float("inf"), float("nan")])
def test_a_time_to_live_out_of_bounds_is_refused(storage, ttl_s):
    with pytest.raises(LimitError):
        storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=ttl_s)


@pytest.mark.parametrize("count", [7, 65, 0, -1])
def test_a_nonce_length_out_of_bounds_is_refused(storage, count):
    with pytest.raises(LimitError):
        storage.nonces.issue(ACTIVE_AUTHENTICATION, count=count)


@pytest.mark.parametrize("purpose", ["", "Active", "a b", "a" * 65, "ký", "a\n"])
def test_a_malformed_purpose_is_refused(storage, purpose):
    with pytest.raises(InputError):
        storage.nonces.issue(purpose)
    with pytest.raises(InputError):
        storage.nonces.redeem("0" * 32, purpose)


def test_every_refusal_is_a_published_reason():
    codes = {"unknown", "expired", "already_used", "wrong_purpose"}

    assert {f"freshness.{code}" for code in codes} <= set(reason_registry())


class NonceMachine(RuleBasedStateMachine):
    """The store against a model of three sentences: once, before the end, for its purpose."""

    challenges = Bundle("challenges")
    root: Path

    def __init__(self):
        super().__init__()
        self.clock = FixedClock()
        self.path = Path(tempfile.mkdtemp(dir=self.root)) / "state.sqlite3"
        self.storage = Storage.open(self.path, clock=self.clock)
        self.used = set()

    @rule(
        target=challenges,
        purpose=st.sampled_from([ACTIVE_AUTHENTICATION, OTHER]),
        ttl_s=st.integers(1, 600),
    )
    def issue(self, purpose, ttl_s):
        return self.storage.nonces.issue(purpose, ttl_s=ttl_s)

    @rule(seconds=st.integers(0, 400))
    def wait(self, seconds):
        self.clock.advance(timedelta(seconds=seconds))

    @rule()
    def restart(self):
        self.storage.close()
        self.storage = Storage.open(self.path, clock=self.clock)

    @rule(challenge=challenges, purpose=st.sampled_from([ACTIVE_AUTHENTICATION, OTHER]))
    def redeem(self, challenge, purpose):
        gone = self.clock.now() >= challenge.expires_at
        try:
            nonce = self.storage.nonces.redeem(challenge.id, purpose)
        except FreshnessError as error:
            expected = (
                "freshness.wrong_purpose"
                if purpose != challenge.purpose
                else "freshness.already_used"
                if challenge.id in self.used
                else "freshness.expired"
            )
            long_dead = self.clock.now() > challenge.expires_at + timedelta(hours=1)
            assert error.code == expected or (long_dead and error.code == "freshness.unknown")
            assert purpose != challenge.purpose or gone or challenge.id in self.used
        else:
            assert nonce == challenge.nonce
            assert purpose == challenge.purpose
            assert not gone
            assert challenge.id not in self.used
            self.used.add(challenge.id)

    @invariant()
    def answers(self):
        self.storage.ping()

    def teardown(self):
        self.storage.close()


def test_the_store_keeps_its_three_promises_in_any_order(tmp_path_factory):
    NonceMachine.root = tmp_path_factory.mktemp("nonces")
    machine = NonceMachine.TestCase
    machine.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
    machine().runTest()


def test_a_challenge_tells_which_of_its_purposes_it_served(storage):
    kept = storage.nonces.issue("chip-authentication", count=32)
    with pytest.raises(FreshnessError) as caught:
        storage.nonces.redeem_any(kept.id, ("active-authentication", "signing"))
    assert caught.value.code == "freshness.wrong_purpose"
    served = storage.nonces.redeem_any(kept.id, ("active-authentication", "chip-authentication"))
    assert (served.purpose, served.nonce) == ("chip-authentication", kept.nonce)
    assert kept.nonce.hex() not in repr(kept) + repr(served)

"""When nobody tries to connect to a database that was away a moment ago."""

from __future__ import annotations

import pytest

from ekyc.storage.patience import SignsOfLife


class Hand:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def life(hand):
    return SignsOfLife(hand)


def test_nobody_tries_for_a_second_after_a_try_failed(hand, life):
    assert not life.is_away()
    life.missed(began=97.0)
    hand.now += 0.99
    assert life.is_away()
    hand.now += 0.01
    assert not life.is_away()


def test_an_answer_ends_the_second(hand, life):
    life.missed(began=97.0)
    life.heard()
    assert not life.is_away()


def test_a_try_that_began_before_the_last_answer_tells_nothing(hand, life):
    life.heard()
    life.missed(began=97.0)
    assert not life.is_away()
    hand.now += 1
    life.missed(began=hand.now - 0.5)
    assert life.is_away()

"""The first key of an installation signs at once, on a clock that goes on like every real one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ekyc.storage import ServiceKey, Storage
from ekyc.testing import FixedClock


class GoingClock:
    """A millisecond later at each look."""

    def __init__(self):
        self._moment = FixedClock().now()

    def now(self):
        self._moment += timedelta(milliseconds=1)
        return self._moment


@pytest.fixture
def clock():
    return GoingClock()


def test_the_first_token_of_an_installation_has_a_key(storage: Storage):
    keys = storage.access(ServiceKey(bytes(range(32)))).signing_keys

    first = keys.current()

    assert keys.current().id == first.id
    assert [one.id for one in keys.published()] == [first.id]

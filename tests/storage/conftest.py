from __future__ import annotations

import pytest

from ekyc.storage import Storage
from ekyc.testing import FixedClock


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(tmp_path, clock):
    with Storage.open(tmp_path / "state.sqlite3", clock=clock) as opened:
        yield opened

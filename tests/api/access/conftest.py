"""A service that knows its callers."""

from __future__ import annotations

import pytest
from access_desk import AccessDesk


@pytest.fixture
def desk(tmp_path):
    made = AccessDesk(tmp_path)
    yield made
    made.close()

from __future__ import annotations

import os

import pytest
from sqlalchemy import create_engine

from ekyc.storage import Storage
from ekyc.testing import FixedClock

OTHER_DATABASE = os.environ.get("EKYC_TEST_DATABASE")
"""URL of an empty PostgreSQL database, to run the tests of the stores on it instead of SQLite."""


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(tmp_path, clock):
    if OTHER_DATABASE:
        emptied = create_engine(OTHER_DATABASE)
        with emptied.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        emptied.dispose()
    with Storage.open(OTHER_DATABASE or tmp_path / "state.sqlite3", clock=clock) as opened:
        yield opened


@pytest.fixture
def sqlite_file(tmp_path, storage):
    """The file behind ``storage``."""
    if OTHER_DATABASE:
        pytest.skip("speaks of an SQLite file")
    return tmp_path / "state.sqlite3"

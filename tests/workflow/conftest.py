"""Durable work runs on SQLite, and marked ``system`` on a real PostgreSQL as well."""

from __future__ import annotations

import pytest

from ekyc.storage import Storage


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def database(request, tmp_path):
    if request.param == "sqlite":
        return tmp_path / "state.sqlite3"
    return request.getfixturevalue("postgresql")


@pytest.fixture
def storage(database):
    with Storage.open(database) as opened:
        yield opened

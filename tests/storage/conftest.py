"""Every test that asks for a database runs on SQLite, and marked ``system`` on a real PostgreSQL as well."""

from __future__ import annotations

import pytest

from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, Storage
from ekyc.testing import FixedClock


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def database(request, tmp_path):
    """A new and empty database: the path of a file, or a URL."""
    if request.param == "sqlite":
        return tmp_path / "state.sqlite3"
    return request.getfixturevalue("postgresql")


@pytest.fixture
def storage(database, clock):
    with Storage.open(database, clock=clock) as opened:
        yield opened


@pytest.fixture
def sqlite_file(database):
    """The file of ``database``."""
    if isinstance(database, str):
        pytest.skip("speaks of an SQLite file")
    return database


@pytest.fixture
def keys(tmp_path):
    return FileKeyProvider(tmp_path / "keys", SystemRandom())


@pytest.fixture
def blobs(tmp_path):
    return FileBlobStore(tmp_path / "blobs", SystemRandom())


@pytest.fixture
def vault(storage, keys, blobs):
    return storage.vault(keys, blobs)

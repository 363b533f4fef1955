"""Rotation of the index's key: everybody is found before, during and after, and nobody twice."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from sqlalchemy import text

from ekyc.errors import EkycError
from ekyc.storage.sealed import index_rotation

TENANT = "hanoi"
NUMBERS = [f"07918500{number:04}" for number in range(30)]


@pytest.fixture
def people(vault):
    return {number: vault.subjects.enrol(TENANT, number) for number in NUMBERS}


@pytest.fixture
def few_at_a_time(monkeypatch):
    monkeypatch.setattr(index_rotation, "_BATCH", 7)


def entries(storage):
    with storage._engine.begin() as connection:
        rows = connection.execute(text("SELECT blind_index, index_version FROM subject_keys")).all()
    return {bytes(entry): version for entry, version in rows if entry is not None}


def all_found(vault, people):
    assert {number: vault.subjects.find(TENANT, number) for number in NUMBERS} == people
    assert vault.subjects.enrol(TENANT, NUMBERS[3]) == people[NUMBERS[3]]
    assert vault.subjects.find(TENANT, "001099000001") is None


@pytest.mark.usefixtures("few_at_a_time")
def test_everybody_is_found_and_no_entry_is_as_before(vault, storage, people):
    unnamed = vault.subjects.create(TENANT)
    before = entries(storage)
    done = vault.rotate_index(TENANT)
    assert (done.version, done.remade, done.resumed) == (2, 30, False)
    after = entries(storage)
    assert set(after.values()) == {2}
    assert not set(before) & set(after)
    all_found(vault, people)
    assert vault.subjects.reference(TENANT, unnamed.id) is None
    with storage._engine.begin() as connection:
        versions = connection.execute(text("SELECT version FROM tenant_keys")).scalars().all()
    assert versions == [2]
    again = vault.rotate_index(TENANT)
    assert (again.version, again.remade, again.resumed) == (3, 30, False)


_DIE = """
import os, signal, sys
from pathlib import Path
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, Storage
from ekyc.storage.sealed import index_rotation
database, folder, left = sys.argv[1:]
index_rotation._BATCH = 7
made = index_rotation.mark
seen = []
def dying(key, reference):
    if len(seen) == int(left):
        os.kill(os.getpid(), signal.SIGKILL)
    seen.append(1)
    return made(key, reference)
index_rotation.mark = dying
keys = FileKeyProvider(Path(folder) / "keys", SystemRandom())
Storage.open(database).vault(keys, FileBlobStore(Path(folder) / "blobs", SystemRandom())).rotate_index("hanoi")
"""


@pytest.mark.usefixtures("few_at_a_time")
@pytest.mark.parametrize("made", [0, 8, 29])
def test_a_rotation_that_is_killed_loses_nobody_and_is_finished_by_the_next(
    vault, storage, people, database, tmp_path, made
):
    command = [sys.executable, "-c", _DIE, str(database), str(tmp_path), str(made)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    kept = made // 7 * 7
    assert sorted(entries(storage).values()) == [1] * (30 - kept) + [2] * kept
    all_found(vault, people)
    new = vault.subjects.enrol(TENANT, "036077000009")
    done = vault.rotate_index(TENANT)
    assert (done.version, done.remade, done.resumed) == (2, 30 - kept, True)
    assert set(entries(storage).values()) == {2}
    all_found(vault, people)
    assert vault.subjects.find(TENANT, "036077000009") == new


@pytest.mark.usefixtures("few_at_a_time")
def test_both_kinds_of_rotation_and_an_erasure_get_along(vault, people, database, tmp_path):
    command = [sys.executable, "-c", _DIE, str(database), str(tmp_path), "8"]
    subprocess.run(command, check=False, timeout=120)
    vault.erase_subject(TENANT, people[NUMBERS[29]].id)
    assert vault.rotate_keys(TENANT, destroy_old=True).rewrapped == 29 + 2
    assert vault.rotate_index(TENANT).resumed
    assert vault.subjects.find(TENANT, NUMBERS[29]) is None
    assert all(vault.subjects.find(TENANT, number) == people[number] for number in NUMBERS[:29])


def test_who_was_made_while_the_key_changed_is_not_made_twice(vault, storage, people):
    """Not found, then made by another process under the old key, then the key changes: no UNIQUE would tell."""
    find = vault.subjects.find
    vault.subjects.find = lambda *_: None
    assert vault.subjects.enrol(TENANT, NUMBERS[0]) == people[NUMBERS[0]]
    vault.subjects.find = find
    assert len(entries(storage)) == 30


def test_a_tenant_without_numbers_has_no_index(vault):
    vault.subjects.create(TENANT)
    with pytest.raises(EkycError) as caught:
        vault.rotate_index(TENANT)
    assert caught.value.code == "storage.key_missing"

"""Rotation of key-encryption keys: re-wrapped, cut off anywhere, finished later; then the old key is not needed."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from sqlalchemy import text

from ekyc.errors import EkycError
from ekyc.ports import SystemRandom
from ekyc.storage import FileKeyProvider
from ekyc.storage.sealed import rotation

TENANT = "hanoi"


def code(call, *arguments, **options):
    with pytest.raises(EkycError) as caught:
        call(*arguments, **options)
    return caught.value.code


@pytest.fixture
def people(vault):
    """Fifty people with an artefact each, and the content that it must have."""
    kept = {}
    for number in range(50):
        person = vault.subjects.enrol(TENANT, f"07918500{number:04}")
        content = f"portrait {number}".encode()
        artefact = vault.artefacts.put(TENANT, person.id, "portrait", content, retention="media")
        kept[artefact.id] = content
    return kept


@pytest.fixture
def few_at_a_time(monkeypatch):
    monkeypatch.setattr(rotation, "_BATCH", 7)


def all_readable(vault, people):
    assert {one: vault.artefacts.read(TENANT, one) for one in people} == people
    assert vault.subjects.find(TENANT, "079185000049") is not None
    person = vault.subjects.find(TENANT, "079185000000")
    assert vault.subjects.reference(TENANT, person.id) == "079185000000"


def blob_bytes(tmp_path):
    return {one.name: one.read_bytes() for one in (tmp_path / "blobs").glob("??/*")}


@pytest.mark.usefixtures("few_at_a_time")
def test_after_a_rotation_the_old_key_is_not_needed_and_no_blob_was_touched(
    vault, keys, people, tmp_path
):
    before = blob_bytes(tmp_path)
    done = vault.rotate_keys(TENANT)
    assert (done.version, done.rewrapped, done.resumed, done.destroyed) == (2, 51, False, ())
    all_readable(vault, people)
    keys.destroy(TENANT, 1)
    all_readable(vault, people)
    assert blob_bytes(tmp_path) == before
    (listed,) = vault.key_versions()
    assert (listed.version, listed.present, listed.newest, listed.keys) == (2, True, True, 51)


def test_old_keys_are_destroyed_when_one_asks(vault, keys, people):
    vault.rotate_keys(TENANT)
    done = vault.rotate_keys(TENANT, destroy_old=True)
    assert (done.version, done.resumed, done.destroyed) == (3, False, (1, 2))
    assert keys.versions(TENANT) == (3,)
    all_readable(vault, people)


def test_other_tenants_keep_their_keys(vault, keys, people):
    other = vault.subjects.enrol("hue", "079185000000")
    vault.rotate_keys(TENANT, destroy_old=True)
    assert keys.versions("hue") == (1,)
    assert vault.subjects.reference("hue", other.id) == "079185000000"


_DIE_IN_ROTATION = """
import os, signal, sys
from pathlib import Path
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, Storage
from ekyc.storage.sealed import rotation
database, folder, wraps_left = sys.argv[1:]
rotation._BATCH = 7
class Dying(FileKeyProvider):
    left = int(wraps_left)
    def wrap(self, tenant, key, *, context):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        return super().wrap(tenant, key, context=context)
keys = Dying(Path(folder) / "keys", SystemRandom())
blobs = FileBlobStore(Path(folder) / "blobs", SystemRandom())
Storage.open(database).vault(keys, blobs).rotate_keys("hanoi", destroy_old=True)
"""


@pytest.mark.usefixtures("few_at_a_time")
@pytest.mark.parametrize("wraps", [0, 6, 7, 25, 49, 50])
def test_a_rotation_that_is_killed_leaves_everything_readable_and_is_finished_by_the_next(
    vault, keys, people, database, tmp_path, wraps
):
    command = [sys.executable, "-c", _DIE_IN_ROTATION, str(database), str(tmp_path), str(wraps)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    assert keys.versions(TENANT) == (1, 2)
    all_readable(vault, people)
    # Whole batches of seven are kept; the fifty people end with one of a single key, then comes the tenant's own.
    kept = 50 if wraps == 50 else wraps // 7 * 7
    left = {one.version: one.keys for one in vault.key_versions()}
    assert left == {1: 51 - kept, 2: kept}

    done = vault.rotate_keys(TENANT, destroy_old=True)
    assert (done.version, done.resumed, done.destroyed) == (2, True, (1,))
    assert done.rewrapped == left[1]
    assert keys.versions(TENANT) == (2,)
    all_readable(vault, people)


def test_people_who_come_during_a_rotation_are_under_the_new_key(vault, keys, people):
    version = keys.make_version(TENANT)  # a rotation that got no further
    vault.subjects.enrol(TENANT, "001099000001")
    assert {one.version: one.keys for one in vault.key_versions()} == {1: 51, version: 1}
    assert vault.rotate_keys(TENANT, destroy_old=True).rewrapped == 51
    assert vault.subjects.find(TENANT, "001099000001") is not None


_COME_AND_READ = """
import sys
from pathlib import Path
from ekyc.errors import BusyError
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, Storage
folder, first = Path(sys.argv[2]), int(sys.argv[3])
keys = FileKeyProvider(folder / "keys", SystemRandom())
vault = Storage.open(sys.argv[1]).vault(keys, FileBlobStore(folder / "blobs", SystemRandom()))
print("ready", flush=True)
sys.stdin.readline()
for number in range(first, first + 25):
    reference = f"03607700{number:04}"
    for _ in range(20):  # whoever is told that it is busy comes again
        try:
            person = vault.subjects.enrol("hanoi", reference)
            break
        except BusyError:
            pass
    assert vault.subjects.find("hanoi", reference) == person
    assert vault.subjects.reference("hanoi", person.id) == reference
print("done", flush=True)
"""


@pytest.mark.usefixtures("few_at_a_time")
def test_no_key_is_lost_while_people_come_and_keys_are_rotated_and_destroyed(
    vault, keys, people, database, tmp_path
):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _COME_AND_READ, str(database), str(tmp_path), str(first)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in (0, 1000)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    rotations = 0
    while any(worker.poll() is None for worker in workers):
        vault.rotate_keys(TENANT, destroy_old=True)
        rotations += 1
    assert [worker.communicate(timeout=60)[0] for worker in workers] == ["done\n"] * 2
    assert rotations
    all_readable(vault, people)
    for number in (*range(25), *range(1000, 1025)):
        reference = f"03607700{number:04}"
        person = vault.subjects.find(TENANT, reference)
        assert vault.subjects.reference(TENANT, person.id) == reference


def test_a_reader_whose_key_is_rotated_and_destroyed_meanwhile_reads_anew(
    vault, storage, keys, blobs, people
):
    class Late(FileKeyProvider):
        waits = True

        def unwrap(self, tenant, wrapped, *, context):
            if self.waits:
                Late.waits = False
                vault.rotate_keys(TENANT, destroy_old=True)
            return super().unwrap(tenant, wrapped, context=context)

    late = storage.vault(Late(keys._folder, SystemRandom()), blobs)
    for read in (
        lambda: late.subjects.find(TENANT, "079185000001"),
        lambda: late.artefacts.read(TENANT, next(iter(people))),
    ):
        Late.waits = True
        assert read()
    assert keys.versions(TENANT) == (3,)


def test_no_key_is_destroyed_that_something_is_still_under(vault, keys, people, monkeypatch):
    """As where another process saw the new version late and wrapped under the old one after the last batch."""
    monkeypatch.setattr(rotation, "_rewrap_batch", lambda *_: 0)
    assert code(vault.rotate_keys, TENANT, destroy_old=True) == "storage.key_in_use"
    assert keys.versions(TENANT) == (1, 2)
    all_readable(vault, people)


def test_a_wrapped_key_of_another_person_is_not_taken_over(vault, storage, people):
    with storage._engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE subject_keys SET wrapped = (SELECT wrapped FROM subject_keys ORDER BY"
                " subject_id LIMIT 1)"
            )
        )
    assert code(vault.rotate_keys, TENANT) == "storage.unsealable"
    assert code(vault.rotate_keys, TENANT, destroy_old=True) == "storage.unsealable"


def test_a_tenant_without_keys_has_nothing_to_rotate(vault):
    assert code(vault.rotate_keys, "nobody") == "storage.key_missing"
    assert vault.key_versions() == ()


def test_a_key_that_is_gone_is_listed_as_gone(vault, keys, people):
    keys.make_version(TENANT)
    keys.destroy(TENANT, 1)
    first, second = vault.key_versions()
    assert (first.version, first.present, first.keys) == (1, False, 51)
    assert (second.version, second.present, second.keys) == (2, True, 0)
    assert code(vault.rotate_keys, TENANT, destroy_old=True) == "storage.key_missing"


def test_rotation_erases_nothing_and_brings_nothing_back(vault, people):
    person = vault.subjects.find(TENANT, "079185000007")
    vault.erase_subject(TENANT, person.id)
    assert vault.rotate_keys(TENANT, destroy_old=True).rewrapped == 50
    assert code(vault.subjects.sealer, TENANT, person.id) == "subject.erased"

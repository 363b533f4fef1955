"""Erasure, searched for from outside: nothing of a person is left that can be read, in any copy."""

from __future__ import annotations

import base64
import gzip
import shutil
import signal
import sqlite3
import subprocess
import sys
import zlib

import planted
import pytest
from planted import everything
from sqlalchemy import text

from ekyc.errors import EkycError
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom, WrappedKey
from ekyc.storage import (
    FileBlobStore,
    FileKeyProvider,
    RetentionPolicy,
    Storage,
    SubjectError,
)
from ekyc.storage.sealed.envelope import Place, open_sealed
from ekyc.storage.sealed.subjects import key_context
from ekyc.values import Sha256Hex

TENANT = "hanoi"
NUMBER = "079185001234"
NAME = "Nguyễn Thị Mẫu Vân"
PORTRAIT = b"\xff\xd8\xff\xe0" + SystemRandom().token_bytes(90_000) + b"\xff\xd9"
OCR = f'{{"name": "{NAME}", "number": "{NUMBER}"}}'.encode()


def code(call, *arguments, **options):
    with pytest.raises(EkycError) as caught:
        call(*arguments, **options)
    return caught.value.code


@pytest.fixture
def person(vault):
    known = vault.subjects.enrol(TENANT, NUMBER)
    for kind, content in (
        ("portrait", PORTRAIT),
        ("ocr-text", OCR),
        ("zipped", gzip.compress(OCR)),
    ):
        vault.artefacts.put(TENANT, known.id, kind, content, retention="media")
    return known


PLANTED = (
    NUMBER.encode(),
    NAME.encode(),
    NAME.encode("utf-16-le"),
    PORTRAIT[1000:1024],
    PORTRAIT[-40:],
)


def hits(data):
    return planted.hits(data, PLANTED)


def test_the_search_finds_what_is_there():
    for plain in (NAME.encode(), NUMBER.encode(), PORTRAIT):
        for form in (plain, base64.b64encode(b"x" + plain), plain.hex().encode()):
            assert hits(b"..." + form + b"...")
            assert hits(b"..." + zlib.compress(form) + b"...")
            assert hits(b"..." + gzip.compress(form))


def test_nothing_of_an_erased_person_is_left_in_any_form(
    vault, storage, sqlite_file, tmp_path, person, clock
):
    folder = sqlite_file.parent
    storage.results.record(
        case_digest=Sha256Hex("ab" * 32),
        profile="demo",
        verdict=Verdict.ACCEPT,
        reasons=(),
        report_digest=Sha256Hex("cd" * 32),
    )
    with storage._engine.begin() as connection:
        wrapped = bytes(connection.execute(text("SELECT wrapped FROM subject_keys")).scalar_one())
        mark = bytes(connection.execute(text("SELECT blind_index FROM subject_keys")).scalar_one())
        sealed = bytes(connection.execute(text("SELECT reference FROM subjects")).scalar_one())
        secure = connection.exec_driver_sql("PRAGMA secure_delete").scalar_one()
    assert secure == 1, "some builds of SQLite have it by default, others do not"
    key = vault.subjects.sealer(TENANT, person.id).key
    assert wrapped in everything(folder)
    assert mark in everything(folder)
    assert sealed in everything(folder)
    before = everything(folder)

    erasure = vault.erase_subject(TENANT, person.id)

    assert (erasure.blobs, erasure.log_emptied, erasure.erased_at) == (3, True, clock.now())
    after = everything(folder)  # database, -wal, -shm, blobs and keys
    assert hits(before) == hits(after) == []
    for secret in (key, wrapped, mark, sealed):
        assert secret not in after
    assert list(folder.glob("blobs/??/*")) == []
    assert len(storage.results.recent()) == 1


def test_what_was_erased_is_known_to_have_been_there_and_to_nobody_else(vault, storage, person):
    vault.erase_subject(TENANT, person.id)
    assert vault.subjects.find(TENANT, NUMBER) is None
    assert vault.subjects.get(TENANT, person.id).erased_at is not None
    kept = vault.artefacts.of_subject(TENANT, person.id)
    assert len(kept) == 3
    assert {one.digest for one in kept} == {None}
    for call in (vault.subjects.sealer, vault.subjects.reference):
        assert code(call, TENANT, person.id) == "subject.erased"
    assert code(vault.artefacts.read, TENANT, kept[0].id) == "artefact.removed"
    with pytest.raises(SubjectError):
        vault.artefacts.put(TENANT, person.id, "portrait", PORTRAIT, retention="media")
    assert storage.evidence.size() >= 1
    again = vault.subjects.enrol(TENANT, NUMBER)  # the same citizen, a new person
    assert again.id != person.id


def test_erasing_twice_is_once_and_nobody_erases_for_another_tenant(vault, storage, person, clock):
    assert code(vault.erase_subject, "hue", person.id) == "subject.unknown"
    assert vault.artefacts.of_subject(TENANT, person.id)[0].removed_at is None
    first = vault.erase_subject(TENANT, person.id)
    size = storage.evidence.size()
    clock.advance(clock.now() - clock.now().replace(hour=1))
    again = vault.erase_subject(TENANT, person.id)
    assert (again.erased_at, again.blobs) == (first.erased_at, 0)
    assert storage.evidence.size() == size


def test_another_person_keeps_everything(vault, person):
    other = vault.subjects.enrol(TENANT, "001099000001")
    kept = vault.artefacts.put(TENANT, other.id, "portrait", PORTRAIT, retention="media")
    vault.erase_subject(TENANT, person.id)
    assert vault.artefacts.read(TENANT, kept.id) == PORTRAIT
    assert vault.subjects.find(TENANT, "001099000001") == other


def test_a_copy_of_all_but_the_keys_of_people_is_noise_to_whoever_holds_every_key_that_is_left(
    vault, sqlite_file, tmp_path, keys, person
):
    """A copy that was made before, with all its blobs, and the tenant's key that still exists."""
    with sqlite3.connect(sqlite_file) as source, sqlite3.connect(tmp_path / "copy") as copy:
        source.backup(copy)
    rows = copy.execute("SELECT id, kind, blob FROM artefacts").fetchall()
    old = copy.execute("SELECT kek_version, wrapped FROM subject_keys").fetchone()
    copy.execute("DELETE FROM subject_keys")  # what a backup leaves out
    copy.commit()
    copy.execute("VACUUM")
    copy.close()
    source.close()
    shutil.copytree(tmp_path / "blobs", tmp_path / "copied")
    other = vault.subjects.enrol(TENANT, "001099000001")
    vault.erase_subject(TENANT, person.id)
    copied = (tmp_path / "copy").read_bytes() + everything(tmp_path / "copied")
    assert hits(copied) == []

    # the control: with the erased key they open, so what is searched here was the person's
    key = keys.unwrap(
        TENANT, WrappedKey(version=old[0], wrapped=old[1]), context=key_context(person.id)
    )
    opened = {}
    for artefact_id, kind, blob in rows:
        sealed = (tmp_path / "copied" / blob[:2] / blob).read_bytes()
        place = Place(tenant=TENANT, subject=person.id, kind=kind, id=artefact_id)
        opened[kind] = open_sealed(sealed, subject_key=key, place=place)
        # without it, with every key that is left, they do not
        left = vault.subjects.sealer(TENANT, other.id).key
        assert code(open_sealed, sealed, subject_key=left, place=place) == "storage.unsealable"
        assert old[1] not in copied
    assert opened["portrait"] == PORTRAIT
    assert hits(b"".join(opened.values()))


_DIE_IN_ERASURE = """
import os, signal, sys
from pathlib import Path
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, Storage
from ekyc.storage.sealed import erasure
database, folder, tenant, person, blobs_left, batch = sys.argv[1:]
erasure._BATCH = int(batch)
class Dying(FileBlobStore):
    left = int(blobs_left)
    def delete(self, name):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        super().delete(name)
keys = FileKeyProvider(Path(folder) / "keys", SystemRandom())
Storage.open(database).vault(keys, Dying(Path(folder) / "blobs", SystemRandom())).erase_subject(tenant, person)
"""


@pytest.mark.parametrize("blobs_removed", [0, 1, 2])
def test_an_erasure_that_is_killed_leaves_no_key_and_is_finished_by_the_next(
    vault, database, tmp_path, person, blobs_removed
):
    command = [sys.executable, "-c", _DIE_IN_ERASURE, str(database), str(tmp_path)]
    done = subprocess.run(
        [*command, TENANT, person.id, str(blobs_removed), "200"], check=False, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    assert code(vault.subjects.sealer, TENANT, person.id) == "subject.erased"
    assert len(list((tmp_path / "blobs").glob("??/*"))) == 3 - blobs_removed
    assert vault.erase_subject(TENANT, person.id).blobs == 3
    assert list((tmp_path / "blobs").glob("??/*")) == []


def test_retention_finishes_an_erasure_that_was_killed(vault, database, tmp_path, person):
    """Whoever asked by number cannot ask again: the number is no longer found."""
    command = [sys.executable, "-c", _DIE_IN_ERASURE, str(database), str(tmp_path)]
    subprocess.run([*command, TENANT, person.id, "1", "1"], check=False, timeout=120)
    assert vault.subjects.find(TENANT, NUMBER) is None
    assert vault.apply_retention(RetentionPolicy.default()).unfinished == 2
    assert list((tmp_path / "blobs").glob("??/*")) == []


def test_a_content_that_arrives_during_the_erasure_is_not_kept(vault, blobs, person):
    def chunks():
        yield PORTRAIT[:100]
        vault.erase_subject(TENANT, person.id)
        yield PORTRAIT[100:]

    refused = code(vault.artefacts.put, TENANT, person.id, "portrait", chunks(), retention="media")
    assert refused == "subject.erased"
    assert list(blobs.names()) == []


def test_the_database_process_killed_with_the_log_full_still_erases(database, tmp_path):
    """Erasure right after opening, where the -wal of a killed process holds the key."""
    folder = tmp_path
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ekyc.ports import SystemRandom\n"
        "from ekyc.storage import FileBlobStore, FileKeyProvider, Storage\n"
        "folder = Path(sys.argv[2])\n"
        "vault = Storage.open(sys.argv[1]).vault(FileKeyProvider(folder / 'keys', SystemRandom()),\n"
        "    FileBlobStore(folder / 'blobs', SystemRandom()))\n"
        f"print(vault.subjects.enrol({TENANT!r}, {NUMBER!r}).id, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(database), str(folder)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    with Storage.open(database) as storage:
        vault = storage.vault(
            FileKeyProvider(folder / "keys", SystemRandom()),
            FileBlobStore(folder / "blobs", SystemRandom()),
        )
        person = vault.subjects.find(TENANT, NUMBER)
        with storage._engine.begin() as connection:
            query = text("SELECT wrapped FROM subject_keys")
            wrapped = bytes(connection.execute(query).scalar_one())
        vault.erase_subject(TENANT, person.id)
        assert wrapped not in everything(folder)

"""People and artefacts: found by number, kept sealed, apart by tenant."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
from sqlalchemy import inspect, text

from ekyc.errors import EkycError, LimitError
from ekyc.ports import SystemRandom
from ekyc.storage import FileKeyProvider, Storage
from ekyc.storage.sealed.artefacts import content_digest

NUMBER = "079185001234"
TENANT = "hanoi"
JPEG = b"\xff\xd8\xff\xe0 a portrait"


def code(call, *arguments, **options):
    with pytest.raises(EkycError) as caught:
        call(*arguments, **options)
    return caught.value.code


@pytest.fixture
def person(vault):
    return vault.subjects.enrol(TENANT, NUMBER)


def put(vault, person, content=JPEG, kind="portrait", retention="media"):
    return vault.artefacts.put(person.tenant, person.id, kind, content, retention=retention)


def cells(storage):
    with storage._engine.begin() as connection:
        return [
            cell
            for table in inspect(connection).get_table_names()
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
            for cell in row
        ]


def test_a_person_is_found_by_number_and_only_by_its_tenant(vault, person):
    assert vault.subjects.enrol(TENANT, NUMBER) == person == vault.subjects.find(TENANT, NUMBER)
    assert vault.subjects.find(TENANT, "079185001235") is None
    assert vault.subjects.find("hue", NUMBER) is None
    other = vault.subjects.enrol("hue", NUMBER)
    assert other.id != person.id
    assert code(vault.subjects.get, "hue", person.id) == "subject.unknown"
    assert code(vault.subjects.sealer, "hue", person.id) == "subject.unknown"
    assert vault.subjects.reference(TENANT, person.id) == NUMBER


def test_the_same_number_has_another_index_with_another_tenant(vault, storage, person):
    vault.subjects.enrol("hue", NUMBER)
    with storage._engine.begin() as connection:
        marks = connection.execute(text("SELECT blind_index FROM subject_keys")).scalars().all()
    assert len({bytes(mark) for mark in marks}) == 2
    assert hashlib.sha256(NUMBER.encode()).digest() not in {bytes(mark) for mark in marks}


def test_a_person_without_a_number_is_a_person(vault):
    one, two = vault.subjects.create(TENANT), vault.subjects.create(TENANT)
    assert one.id != two.id
    assert vault.subjects.reference(TENANT, one.id) is None
    assert vault.subjects.sealer(TENANT, one.id).key != vault.subjects.sealer(TENANT, two.id).key


@pytest.mark.parametrize("number", ["", "12345", "0791850 01234", "a" * 12, "ĐB123456", "1" * 25])
def test_a_number_of_another_form_is_refused(vault, number):
    assert code(vault.subjects.find, TENANT, number) == "subject.reference_invalid"
    assert code(vault.subjects.enrol, TENANT, number) == "subject.reference_invalid"


def test_nothing_that_is_stored_shows_the_number_or_the_content(vault, storage, person, tmp_path):
    put(vault, person)
    shown = "".join(
        bytes(cell).hex() if isinstance(cell, (bytes, memoryview)) else f" {cell} "
        for cell in cells(storage)
    )
    for secret in (NUMBER, NUMBER.encode().hex(), JPEG.hex(), hashlib.sha256(JPEG).hexdigest()):
        assert secret not in shown
    stored = b"".join(one.read_bytes() for one in (tmp_path / "blobs").rglob("*") if one.is_file())
    assert JPEG not in stored


def test_an_artefact_comes_back(vault, person, clock):
    kept = put(vault, person, (JPEG[:5], JPEG[5:]))
    assert (kept.size, kept.kind, kept.retention) == (len(JPEG), "portrait", "media")
    assert kept.created_at == clock.now()
    assert vault.artefacts.read(TENANT, kept.id) == JPEG
    assert b"".join(vault.artefacts.stream(TENANT, kept.id)) == JPEG
    assert vault.artefacts.get(TENANT, kept.id) == kept
    assert vault.artefacts.of_subject(TENANT, person.id) == (kept,)
    assert vault.artefacts.of_subject("hue", person.id) == ()
    assert code(vault.artefacts.read, "hue", kept.id) == "artefact.unknown"


def test_the_digest_is_keyed_by_the_person(vault, person):
    kept, again = put(vault, person), put(vault, person)
    other = put(vault, vault.subjects.create(TENANT))
    assert kept.digest == again.digest != other.digest
    assert kept.digest == content_digest(vault.subjects.sealer(TENANT, person.id), JPEG)
    assert kept.digest != hashlib.sha256(JPEG).digest()


@pytest.mark.parametrize("column", ["blob", "subject_id", "kind", "id"])
def test_a_blob_opens_in_its_own_row_only(vault, storage, person, column):
    mine = put(vault, person)
    other = put(vault, vault.subjects.create(TENANT), b"another", kind="card-front")
    opened = mine.id
    with storage._engine.begin() as connection:
        if column == "blob":  # the columns of two rows exchanged, by way of none
            blob = connection.execute(
                text("SELECT blob FROM artefacts WHERE id = :id"), {"id": mine.id}
            ).scalar_one()
            connection.execute(text("UPDATE artefacts SET blob = NULL"))
            opened = other.id
            connection.execute(
                text("UPDATE artefacts SET blob = :v WHERE id = :id"), {"v": blob, "id": other.id}
            )
        else:
            value = {"subject_id": other.subject_id, "kind": "card-front", "id": "0" * 32}[column]
            connection.execute(
                text(f"UPDATE artefacts SET {column} = :v WHERE id = :id"),
                {"v": value, "id": mine.id},
            )
            opened = "0" * 32 if column == "id" else mine.id
    assert code(vault.artefacts.read, TENANT, opened) == "storage.unsealable"


@pytest.mark.parametrize("kind", ["embedding", "embeddings", "template", "face-template"])
def test_embeddings_are_not_kept(vault, person, kind):
    assert code(put, vault, person, kind=kind) == "artefact.kind_refused"


def test_no_table_has_a_place_for_embeddings(storage):
    with storage._engine.begin() as connection:
        columns = [
            f"{table}.{column['name']}"
            for table in inspect(connection).get_table_names()
            for column in inspect(connection).get_columns(table)
        ]
    assert not [one for one in columns if "embed" in one or "template" in one]


def test_a_content_beyond_the_bound_is_refused_and_leaves_no_blob(vault, blobs, person):
    with pytest.raises(LimitError):
        vault.artefacts.put(TENANT, person.id, "video", bytes(11), retention="media", max_bytes=10)
    assert list(blobs.names()) == []


@pytest.mark.parametrize("names", [{"kind": "Card"}, {"kind": ""}, {"retention": "x" * 33}])
def test_names_of_another_form_are_refused(vault, person, names):
    assert code(put, vault, person, **names) == "input.invalid"


def test_a_removed_artefact_is_gone_and_its_row_says_so(vault, blobs, person, clock):
    kept = put(vault, person)
    for _ in range(2):
        vault.artefacts.remove(TENANT, kept.id)
    assert list(blobs.names()) == []
    gone = vault.artefacts.get(TENANT, kept.id)
    assert (gone.removed_at, gone.digest, gone.size) == (clock.now(), None, len(JPEG))
    assert code(vault.artefacts.read, TENANT, kept.id) == "artefact.removed"
    assert code(vault.artefacts.remove, "hue", kept.id) == "artefact.unknown"


def test_the_wrong_folder_of_keys_makes_no_new_key(vault, storage, blobs, person, tmp_path):
    """Else what is stored from now on would be under a key that nobody has a copy of."""
    empty = FileKeyProvider(tmp_path / "elsewhere", SystemRandom())
    lost = storage.vault(empty, blobs)
    assert code(lost.subjects.create, TENANT) == "storage.key_missing"
    assert code(lost.subjects.enrol, TENANT, "001099000001") == "storage.key_missing"
    assert code(put, lost, person) == "storage.key_missing"
    assert empty.versions(TENANT) == ()


def test_sealed_columns_open_in_their_place(vault, person):
    sealer = vault.subjects.sealer(TENANT, person.id)
    sealed = sealer.seal(b"Nguyen Thi Mau", "sessions.form", "s1", 2)
    assert sealer.open(sealed, "sessions.form", "s1", 2) == b"Nguyen Thi Mau"
    assert code(sealer.open, sealed, "sessions.form", "s1", 1) == "storage.unsealable"
    assert code(sealer.open, sealed, "sessions.form", "s2", 2) == "storage.unsealable"
    assert sealer.key.hex() not in repr(sealer)


_ENROL = """
import sys
from pathlib import Path
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, Storage
folder = Path(sys.argv[2])
with Storage.open(sys.argv[1]) as storage:
    vault = storage.vault(
        FileKeyProvider(folder / "keys", SystemRandom()), FileBlobStore(folder / "blobs", SystemRandom())
    )
    print("ready", flush=True)
    for number in sys.stdin.read().split():
        print(vault.subjects.enrol("hanoi", number).id)
"""


def test_of_racing_processes_all_get_the_same_person(database, tmp_path):
    Storage.open(database).close()
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _ENROL, str(database), str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write(" ".join(f"07918500{number:04}" for number in range(12)))
    for worker in workers:
        worker.stdin.close()
        worker.stdin = None
    answers = [worker.communicate(timeout=120)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert answers[0] == answers[1] == answers[2]
    assert len(set(answers[0])) == 12
    assert FileKeyProvider(tmp_path / "keys", SystemRandom()).versions("hanoi") == (1,)


def test_an_index_whose_entries_were_exchanged_leads_to_nobody(vault, storage):
    """Else whoever can write rows chooses who is erased, and under whom a citizen's files are kept."""
    for number in ("079185001234", "001099000001"):
        vault.subjects.enrol("hanoi", number)
    with storage._engine.begin() as connection:
        rows = connection.execute(text("SELECT subject_id, blind_index FROM subject_keys")).all()
        change = text("UPDATE subject_keys SET blind_index = :mark WHERE subject_id = :id")
        connection.execute(change, {"mark": b"", "id": rows[0].subject_id})
        connection.execute(change, {"mark": rows[0].blind_index, "id": rows[1].subject_id})
        connection.execute(change, {"mark": rows[1].blind_index, "id": rows[0].subject_id})
    for number in ("079185001234", "001099000001"):
        for call in (vault.subjects.find, vault.subjects.enrol):
            with pytest.raises(EkycError) as caught:
                call("hanoi", number)
            assert caught.value.code == "storage.corrupted"

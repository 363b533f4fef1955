"""Erasure and PostgreSQL's own backups: what ``pg_dump`` writes, before and after, with and without the keys."""

from __future__ import annotations

import gzip
import os
import subprocess

import planted
import postgres_server
import pytest
from sqlalchemy import create_engine, make_url, text

from ekyc.errors import EkycError
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, Storage
from ekyc.storage.backup import KEY_TABLES

pytestmark = pytest.mark.system

TENANT = "hanoi"
NUMBER = "079185001234"
NAME = "Nguyễn Thị Mẫu Vân"
PORTRAIT = b"\xff\xd8\xff\xe0" + os.urandom(5000) + b"\xff\xd9"
SECRETS = (NUMBER.encode(), NAME.encode(), PORTRAIT[1000:1024])


@pytest.fixture
def vault(postgresql, tmp_path):
    with Storage.open(postgresql) as storage:
        random = SystemRandom()
        yield storage.vault(
            FileKeyProvider(tmp_path / "keys", random), FileBlobStore(tmp_path / "blobs", random)
        )


@pytest.fixture
def person(vault):
    known = vault.subjects.enrol(TENANT, NUMBER)
    for kind, content in (("portrait", PORTRAIT), ("ocr-text", gzip.compress(NAME.encode()))):
        vault.artefacts.put(TENANT, known.id, kind, content, retention="media")
    return known


@pytest.fixture
def client(postgresql):
    """``client("pg_dump", …)``: what a program of PostgreSQL answers about the database."""
    url = make_url(postgresql)

    def run(name, *arguments, given=b""):
        program = postgres_server.program(name)
        if program is None:
            pytest.skip(f"{name} is not installed (run scripts/install-judges)")
        place = ["-h", str(url.query["host"]), "-U", str(url.username), "-d", str(url.database)]
        done = subprocess.run(
            [program, *place, *arguments], input=given, capture_output=True, check=False, timeout=120
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


WITHOUT_KEYS = [f"--exclude-table-data={table}" for table in KEY_TABLES]
KEYS_ONLY = ["--data-only", *(f"--table={table}" for table in KEY_TABLES)]


def secrets_of(database):
    engine = create_engine(database)
    with engine.begin() as connection:
        row = connection.execute(text("SELECT wrapped, blind_index FROM subject_keys")).one()
    engine.dispose()
    return tuple(bytes(cell) for cell in row)


def test_nothing_of_an_erased_person_is_in_any_dump(vault, postgresql, person, client, tmp_path):
    keys = secrets_of(postgresql)
    before, of_keys = client("pg_dump"), client("pg_dump", *KEYS_ONLY)
    assert planted.hits(before + planted.everything(tmp_path / "blobs"), SECRETS) == []
    assert len(set(planted.hits(before, keys)) & {key.hex().encode() for key in keys}) == 2
    assert planted.hits(of_keys, keys)
    assert planted.hits(client("pg_dump", *WITHOUT_KEYS), keys) == []

    vault.erase_subject(TENANT, person.id)

    for arguments in ((), ("-Fc", "-Z", "0"), ("-Fc",)):
        after = client("pg_dump", *arguments) + planted.everything(tmp_path / "blobs")
        assert planted.hits(after, (*SECRETS, *keys)) == []


def test_a_dump_of_yesterday_with_the_keys_of_today_brings_nobody_back(
    vault, postgresql, person, client, tmp_path
):
    """As docs/operations.md says it is restored: data, then the newest keys."""
    other = vault.subjects.enrol(TENANT, "001099000001")
    kept = vault.artefacts.put(TENANT, other.id, "portrait", PORTRAIT, retention="media")
    yesterday = client("pg_dump", *WITHOUT_KEYS)
    vault.erase_subject(TENANT, person.id)
    today = client("pg_dump", *KEYS_ONLY)

    client("psql", "-q", "-c", "DROP SCHEMA public CASCADE")
    client("psql", "-q", "-c", "CREATE SCHEMA public")
    client("psql", "-q", "-v", "ON_ERROR_STOP=1", "-1", given=yesterday + today)

    with Storage.open(postgresql) as storage:
        random = SystemRandom()
        restored = storage.vault(
            FileKeyProvider(tmp_path / "keys", random), FileBlobStore(tmp_path / "blobs", random)
        )
        assert restored.artefacts.read(TENANT, kept.id) == PORTRAIT
        assert restored.subjects.find(TENANT, NUMBER) is None
        for call in (restored.subjects.sealer, restored.subjects.reference):
            with pytest.raises(EkycError) as caught:
                call(TENANT, person.id)
            assert caught.value.code == "subject.erased"

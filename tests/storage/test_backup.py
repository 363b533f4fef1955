"""Backup and restore: a round trip, what is not in it, and everything that must be refused."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sqlite3
import stat
import tarfile
from datetime import timedelta

import pytest

from ekyc.errors import EkycError, InputError
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom
from ekyc.storage import (
    ACTIVE_AUTHENTICATION,
    FileBlobStore,
    FileKeyProvider,
    FreshnessError,
    RetentionPolicy,
    ServiceKey,
    Storage,
    restore_backup,
)
from ekyc.storage.backup import members, read_through
from ekyc.values import Sha256Hex

TENANT = "hanoi"
NUMBERS = ("079185001234", "001099000001", "048200000002")


def code(call, *arguments, **options):
    with pytest.raises(EkycError) as caught:
        call(*arguments, **options)
    return caught.value.code


def content(number):
    return f"portrait of {number} ".encode() * 9000


@pytest.fixture
def people(vault, storage, sqlite_file):
    storage.results.record(
        case_digest=Sha256Hex("ab" * 32),
        profile="demo",
        verdict=Verdict.ACCEPT,
        reasons=(),
        report_digest=Sha256Hex("cd" * 32),
    )
    kept = {}
    for number in NUMBERS:
        person = vault.subjects.enrol(TENANT, number)
        put = vault.artefacts.put(TENANT, person.id, "portrait", content(number), retention="media")
        kept[number] = (person, put)
    return kept


@pytest.fixture
def made(vault, people, tmp_path):
    """A backup and its keys."""
    vault.backup(tmp_path / "b.tar", keys_file=tmp_path / "b.keys")
    return tmp_path / "b.tar", tmp_path / "b.keys"


@pytest.fixture
def elsewhere(tmp_path, keys, clock):
    """``elsewhere(file, keys_file)`` restores on another machine, which has the key-encryption keys."""

    def run(file, keys_file, *, keks=keys):
        return restore_backup(
            file,
            keys_file=keys_file,
            database=tmp_path / "new" / "state.sqlite3",
            keys=keks,
            blobs=FileBlobStore(tmp_path / "new" / "blobs", SystemRandom()),
            clock=clock,
        )

    return run


@pytest.fixture
def opened(tmp_path, keys, clock):
    """The restored vault, once there is one."""
    with Storage.open(tmp_path / "new" / "state.sqlite3", clock=clock) as storage:
        blobs = FileBlobStore(tmp_path / "new" / "blobs", SystemRandom())
        yield storage.vault(keys, blobs), storage


def test_a_round_trip_brings_everything_back(made, elsewhere, people, request, clock):
    done = elsewhere(*made)
    assert (done.blobs, done.erased_since, done.created_at) == (3, 0, clock.now())
    vault, storage = request.getfixturevalue("opened")
    for number, (person, put) in people.items():
        assert vault.subjects.find(TENANT, number) == person
        assert vault.subjects.reference(TENANT, person.id) == number
        assert vault.artefacts.get(TENANT, put.id) == put
        assert vault.artefacts.read(TENANT, put.id) == content(number)
    assert len(storage.results.recent()) == 1
    vault.subjects.enrol(TENANT, "036077000009")  # and life goes on


def test_files_are_for_the_owner_only_and_nothing_half_is_left(made, tmp_path):
    assert [stat.S_IMODE(file.stat().st_mode) for file in made] == [0o600, 0o600]
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_no_key_and_no_index_is_in_a_backup(vault, storage, people, tmp_path):
    with storage._engine.begin() as connection:
        rows = connection.exec_driver_sql(
            "SELECT wrapped, blind_index FROM subject_keys UNION ALL SELECT wrapped, version FROM tenant_keys"
        ).all()
    vault.backup(tmp_path / "b.tar")
    data = (tmp_path / "b.tar").read_bytes()
    assert not (tmp_path / "b.keys").exists()
    secrets = [cell for row in rows for cell in row if isinstance(cell, bytes)]
    assert len(secrets) == 7
    for secret in (*secrets, *(one.read_bytes() for one in (tmp_path / "keys").iterdir())):
        assert secret not in data
    for number in NUMBERS:
        assert number.encode() not in data


def test_who_is_erased_is_erased_in_the_backup_that_was_made_before(
    vault, made, elsewhere, people, request, tmp_path
):
    """The backup of yesterday and the keys of today, which is what is left once yesterday's are destroyed."""
    erased, kept = people[NUMBERS[0]], people[NUMBERS[1]]
    vault.erase_subject(TENANT, erased[0].id)
    vault.backup(tmp_path / "today.tar", keys_file=tmp_path / "today.keys")
    done = elsewhere(made[0], tmp_path / "today.keys")
    assert (done.blobs, done.erased_since) == (2, 1)
    restored, storage = request.getfixturevalue("opened")
    assert restored.subjects.find(TENANT, NUMBERS[0]) is None
    assert code(restored.subjects.sealer, TENANT, erased[0].id) == "subject.erased"
    assert code(restored.artefacts.read, TENANT, erased[1].id) == "artefact.removed"
    assert restored.artefacts.get(TENANT, erased[1].id).digest is None
    assert restored.artefacts.read(TENANT, kept[1].id) == content(NUMBERS[1])
    assert len(storage.results.recent()) == 1


def test_pseudonyms_go_with_the_keys_and_come_back_with_them(
    vault, storage, elsewhere, people, request, tmp_path
):
    """With the service's key, an old backup of data would say in which sessions an erased person was."""
    desk = storage.dossiers(ServiceKey(bytes(32)))
    written = {"report_digest": "ab" * 32, "procedure_version": "1"}
    with desk.writing(TENANT) as unit:
        for session, name in (("1" * 32, "erased"), ("2" * 32, "kept")):
            unit.results.put(
                session,
                1,
                person=f"{name} in results",
                holder=f"{name} holder",
                signing_session=f"{name} signing",
                **written,
            )
        unit.attempts.count("p", ("number", "x"), session_id="2" * 32, attempt=1)
    vault.backup(tmp_path / "b.tar", keys_file=tmp_path / "b.keys")
    data = (tmp_path / "b.tar").read_bytes()
    assert not [one for one in (b"in results", b"kept holder", b"kept signing") if one in data]
    with desk.writing(TENANT) as unit:
        unit.results.forget("1" * 32, SystemRandom())
    vault.backup(tmp_path / "today.tar", keys_file=tmp_path / "today.keys")
    elsewhere(tmp_path / "b.tar", tmp_path / "today.keys")
    restored = request.getfixturevalue("opened")[1].dossiers(ServiceKey(bytes(32)))
    with restored.looking(TENANT) as unit:
        erased, kept = (unit.results.get(one * 32, 1) for one in "12")
        assert len(unit.attempts.times("p", ("number", "x"))) == 1
    assert (erased.person, erased.holder, erased.signing_session) == (None, None, None)
    assert (kept.person, kept.holder) == ("kept in results", "kept holder")


def test_keys_of_before_the_backup_are_refused(vault, made, elsewhere, clock, tmp_path):
    """With them everybody who came in between would be taken for erased."""
    clock.advance(timedelta(minutes=1))
    vault.subjects.enrol(TENANT, "036077000009")
    vault.backup(tmp_path / "later.tar", keys_file=tmp_path / "later.keys")
    assert code(elsewhere, tmp_path / "later.tar", made[1]) == "backup.keys_older"
    assert code(elsewhere, tmp_path / "later.tar", None) == "backup.keys_needed"
    assert not (tmp_path / "new" / "state.sqlite3").exists()
    assert elsewhere(tmp_path / "later.tar", tmp_path / "later.keys").erased_since == 0


def test_other_key_encryption_keys_are_noticed(made, elsewhere, tmp_path):
    other = FileKeyProvider(tmp_path / "other", SystemRandom())
    assert code(elsewhere, *made, keks=other) == "storage.key_missing"
    other.make_version(TENANT)
    assert code(elsewhere, *made, keks=other) == "storage.unsealable"
    assert not (tmp_path / "new" / "state.sqlite3").exists()


def test_a_backup_after_a_rotation_needs_the_new_key_only(
    vault, keys, people, elsewhere, request, tmp_path
):
    vault.rotate_keys(TENANT, destroy_old=True)
    vault.backup(tmp_path / "b.tar", keys_file=tmp_path / "b.keys")
    elsewhere(tmp_path / "b.tar", tmp_path / "b.keys")
    restored, _ = request.getfixturevalue("opened")
    put = people[NUMBERS[2]][1]
    assert restored.artefacts.read(TENANT, put.id) == content(NUMBERS[2])


def test_the_keys_of_before_a_rotation_are_noise_once_the_old_key_is_destroyed(
    vault, made, elsewhere
):
    vault.rotate_keys(TENANT, destroy_old=True)
    assert code(elsewhere, *made) == "storage.key_missing"


def test_challenges_do_not_come_back(vault, storage, elsewhere, people, request, tmp_path):
    challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)
    vault.backup(tmp_path / "b.tar", keys_file=tmp_path / "b.keys")
    storage.nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION)
    elsewhere(tmp_path / "b.tar", tmp_path / "b.keys")
    _, restored = request.getfixturevalue("opened")
    with pytest.raises(FreshnessError):
        restored.nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION)


def test_whoever_was_let_in_is_not_let_in_again(
    vault, storage, elsewhere, people, request, tmp_path
):
    """Logged out since, or its token ended: a backup of before would let it in where it was restored."""
    key = ServiceKey(bytes(range(32)))
    storage.access(key).register.add_tenant(TENANT, "Hà Nội")
    cookie = storage.access(key).sessions.open(TENANT, b"{}", life=timedelta(hours=8)).reveal()
    token = storage.grants(key).issue("test", b"{}", ttl_s=600)
    with storage.dossiers(key).writing(TENANT) as unit:
        unit.tokens.replace(bytes(32), session_id="a" * 32, lasts=timedelta(minutes=15), uses=3)
    vault.backup(tmp_path / "b.tar", keys_file=tmp_path / "b.keys")
    assert storage.access(key).sessions.find(cookie) is not None
    elsewhere(tmp_path / "b.tar", tmp_path / "b.keys")
    _, restored = request.getfixturevalue("opened")
    assert restored.access(key).sessions.find(cookie) is None
    assert restored.dossiers(key).tenant_of_token(bytes(32)) is None
    assert code(restored.grants(key).redeem, token, "test") == "grant.unknown"


def test_nothing_is_written_over(vault, made, elsewhere, tmp_path):
    assert code(vault.backup, made[0]) == "backup.exists"
    assert code(vault.backup, tmp_path / "x.tar", keys_file=made[1]) == "backup.exists"
    elsewhere(*made)
    assert code(elsewhere, *made) == "backup.target_exists"


def test_a_blob_that_is_missing_fails_the_backup(vault, blobs, people, tmp_path):
    name, _ = next(blobs.names())
    blobs.delete(name)
    assert code(vault.backup, tmp_path / "b.tar", keys_file=tmp_path / "b.keys") == "blob.unknown"
    assert not (tmp_path / "b.tar").exists()


def test_a_person_who_is_erased_during_the_backup_is_left_out(
    vault, people, elsewhere, request, tmp_path, monkeypatch
):
    first = min(vault.artefacts._row(TENANT, put.id).blob for _, put in people.values())
    whose = next(
        person
        for person, put in people.values()
        if vault.artefacts._row(TENANT, put.id).blob == first
    )
    read = vault._blobs.read

    def erase_then_read(name):
        if name == first:
            vault.erase_subject(TENANT, whose.id)
        return read(name)

    monkeypatch.setattr(vault._blobs, "read", erase_then_read)
    made = vault.backup(tmp_path / "b.tar", keys_file=tmp_path / "b.keys")
    assert made.blobs == 2
    monkeypatch.undo()
    elsewhere(tmp_path / "b.tar", tmp_path / "b.keys")
    restored, _ = request.getfixturevalue("opened")
    for person, put in people.values():
        if person == whose:
            assert code(restored.artefacts.read, TENANT, put.id) == "artefact.removed"
        else:
            assert restored.artefacts.read(TENANT, put.id)


def test_a_removal_that_was_cut_off_is_finished_by_the_restore(
    vault, storage, people, elsewhere, request, tmp_path
):
    put = people[NUMBERS[0]][1]
    with storage._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE artefacts SET removed_at = 1 WHERE id = ?", (put.id,))
    vault.backup(tmp_path / "b.tar", keys_file=tmp_path / "b.keys")
    assert elsewhere(tmp_path / "b.tar", tmp_path / "b.keys").blobs == 2
    restored, _ = request.getfixturevalue("opened")
    assert restored.artefacts._row(TENANT, put.id).blob is None
    assert restored.apply_retention(RetentionPolicy.default()).unfinished == 0


def test_no_altered_or_cut_backup_is_restored(made, elsewhere, tmp_path):
    whole = made[0].read_bytes()
    bad = tmp_path / "bad.tar"
    for at in range(600, len(whole), len(whole) // 40):
        header = whole[at // 512 * 512 : at // 512 * 512 + 512]
        if not header.strip(b"\0"):
            continue  # padding that belongs to no file
        bad.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
        try:
            read_through(bad)
        except InputError as error:
            assert error.code == "backup.damaged"
        else:  # a byte of padding
            assert [d.read() for _, d in members(bad)] == [d.read() for _, d in members(made[0])]
    for length in range(0, len(whole) - 12_000, len(whole) // 40):
        bad.write_bytes(whole[:length])
        assert code(elsewhere, bad, made[1]) == "backup.damaged"
    assert not (tmp_path / "new").exists()


def tar_of(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for entry, data in entries:
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def link(name, target):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [(tarfile.TarInfo("../evil"), b"x")],
        [(tarfile.TarInfo("/etc/passwd"), b"x")],
        [(tarfile.TarInfo("blobs/../../evil"), b"x")],
        [(link("state.sqlite3", "/etc/passwd"), b"")],
        [(tarfile.TarInfo("state.sqlite3"), b"x"), (tarfile.TarInfo("state.sqlite3"), b"x")],
        [(tarfile.TarInfo("state.sqlite3"), b"x"), (tarfile.TarInfo("manifest.json"), b"{}")],
        [(tarfile.TarInfo("state.sqlite3"), b"x"), (tarfile.TarInfo("manifest.json"), b"[" * 9999)],
        [
            (
                tarfile.TarInfo("manifest.json"),
                json.dumps(
                    {
                        "format": "ekyc-backup/1",
                        "id": "x",
                        "created_at": "2026-01-01T00:00:00+00:00",
                        "schema": "0001",
                        "files": {},
                    }
                ).encode(),
            )
        ],
    ],
)
def test_a_made_up_backup_is_refused(elsewhere, tmp_path, entries):
    (tmp_path / "bad.tar").write_bytes(tar_of(*entries))
    assert code(elsewhere, tmp_path / "bad.tar", None) == "backup.damaged"
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_no_keys_is_refused(made, elsewhere, tmp_path):
    (tmp_path / "text").write_text("not keys")
    with sqlite3.connect(tmp_path / "foreign") as foreign:
        foreign.execute("CREATE TABLE contacts (name)")
    foreign.close()
    for name in ("text", "foreign", "absent"):
        assert code(elsewhere, made[0], tmp_path / name) == "backup.keys_invalid"


@pytest.mark.system
def test_postgresql_is_left_to_its_own_tools(postgresql, keys, blobs, tmp_path):
    with Storage.open(postgresql) as storage:
        assert code(storage.vault(keys, blobs).backup, tmp_path / "b.tar") == "backup.engine"


@pytest.mark.parametrize(
    "planted",
    [
        (
            "CREATE TRIGGER keep AFTER DELETE ON subject_keys BEGIN"
            " INSERT INTO artefacts (id, digest) VALUES (old.subject_id, old.wrapped); END"
        ),
        "CREATE VIEW stolen AS SELECT * FROM subject_keys",
    ],
)
def test_nothing_that_acts_by_itself_is_restored(made, elsewhere, tmp_path, planted):
    """Whoever writes to backups could have every key that is erased later kept, with digests that are right."""
    file, keys_file = made
    with tarfile.open(file) as tar:
        parts = {one.name: tar.extractfile(one).read() for one in tar}
    state = tmp_path / "state"
    state.write_bytes(parts["state.sqlite3"])
    with contextlib.closing(sqlite3.connect(state, isolation_level=None)) as connection:
        connection.execute(planted)
    parts["state.sqlite3"] = state.read_bytes()
    manifest = json.loads(parts.pop("manifest.json"))
    manifest["files"]["state.sqlite3"] = hashlib.sha256(parts["state.sqlite3"]).hexdigest()
    parts["manifest.json"] = json.dumps(manifest).encode()
    file.write_bytes(tar_of(*((tarfile.TarInfo(name), data) for name, data in parts.items())))
    assert code(elsewhere, file, keys_file) == "backup.damaged"
    assert not (tmp_path / "new" / "state.sqlite3").exists()

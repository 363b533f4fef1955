"""The operator's commands for data at rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ekyc.ports import SystemRandom
from ekyc.storage import (
    BLOBS_NAME,
    DATABASE_NAME,
    KEYS_NAME,
    DossierRow,
    FileBlobStore,
    FileKeyProvider,
    ServiceKey,
    Storage,
    SubjectError,
)
from ekyc.storage.liveness.sessions import token_digest
from ekyc.storage.service_key import login_pseudonym
from ekyc.testing import FixedClock
from ekyc.values import Owner

NUMBERS = ("079185001234", "001099000001")


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def storage(home, cli):  # cli sets the home
    with Storage.open(home / DATABASE_NAME, clock=FixedClock()) as opened:
        yield opened


@pytest.fixture
def vault(storage, home):
    random = SystemRandom()
    return storage.vault(
        FileKeyProvider(home / KEYS_NAME, random), FileBlobStore(home / BLOBS_NAME, random)
    )


@pytest.fixture
def people(vault):
    known = []
    for number in NUMBERS:
        person = vault.subjects.enrol("hanoi", number)
        vault.artefacts.put("hanoi", person.id, "portrait", b"a face", retention="media")
        known.append(person)
    return known


def order(storage, home, number):
    store = storage.liveness(ServiceKey.load(home / "service.key", SystemRandom()))
    return store, store.order(
        capture_digest=token_digest("c"),
        result_digest=token_digest("r"),
        binding=lambda _: b"",
        settings={"colours": 6},
        attempts_of=[("subject", number)],
        wait_of=lambda times: timedelta(0),
        owner=Owner(tenant="hanoi"),
    )


def test_migrate_makes_the_database(cli_json, home, validate_against):
    code, done = cli_json("migrate")
    assert code == 0
    validate_against("ekyc.migrate.1", done)
    assert done["schema_revision"] >= "0011"
    assert (home / DATABASE_NAME).exists()


def test_keys_are_listed_and_rotated(cli, cli_json, people, home, validate_against):
    code, listed = cli_json("admin", "keys", "list")
    assert code == 0
    validate_against("ekyc.admin-keys.1", listed)
    assert [(one["version"], one["keys"]) for one in listed["versions"]] == [(1, 3)]
    code, done = cli_json("admin", "keys", "rotate", "--tenant", "hanoi", "--destroy-old")
    assert code == 0
    validate_against("ekyc.admin-keys.1", done)
    assert done["rotation"] == {
        "tenant": "hanoi",
        "version": 2,
        "rewrapped": 3,
        "resumed": False,
        "destroyed": [1],
    }
    assert [one.name for one in (home / KEYS_NAME).iterdir()] == ["hanoi.2.kek"]
    code, out, _ = cli("admin", "keys", "list")
    assert (code, "wraps" in out) == (0, True)
    code, refused = cli_json("admin", "keys", "rotate", "--tenant", "nobody")
    assert (code, refused["reasons"]) == (1, ["storage.key_missing"])
    validate_against("ekyc.admin-keys.1", refused)


def test_the_key_of_the_index_is_rotated(cli_json, cli, people, vault, validate_against):
    code, done = cli_json("admin", "keys", "rotate-index", "--tenant", "hanoi")
    assert code == 0
    validate_against("ekyc.admin-keys.1", done)
    assert done["index_rotation"] == {
        "tenant": "hanoi",
        "version": 2,
        "remade": 2,
        "resumed": False,
    }
    assert vault.subjects.find("hanoi", NUMBERS[0]) == people[0]
    assert "version 3" in cli("admin", "keys", "rotate-index", "--tenant", "hanoi")[1]
    code, refused = cli_json("admin", "keys", "rotate-index", "--tenant", "nobody")
    assert (code, refused["reasons"]) == (1, ["storage.key_missing"])


def test_retention_first_counts_then_removes(
    cli, cli_json, people, vault, tmp_path, validate_against
):
    policy = tmp_path / "policy.toml"
    policy.write_text("[media]\ndays = 1\n")  # the clock of the fixture is long ago
    arguments = ("admin", "retention", "run", "--policy", policy)
    code, dry = cli_json(*arguments, "--dry-run")
    assert (code, dry["removed"], dry["dry_run"]) == (0, {"media/portrait": 2}, True)
    validate_against("ekyc.admin-retention.1", dry)
    assert dry["protected"] == 0
    assert "media/portrait: 2 would go" in cli(*arguments, "--dry-run")[1]
    assert cli_json(*arguments)[1]["removed"] == {"media/portrait": 2}
    assert cli_json(*arguments)[1]["removed"] == {}
    policy.write_text("[media]\ndays = -1\n")
    code, refused = cli_json(*arguments)
    assert (code, refused["reasons"]) == (1, ["retention.policy_invalid"])


def test_people_are_erased_by_number_with_their_sessions(
    cli_json, cli, people, vault, storage, home, tmp_path, validate_against
):
    store, session = order(storage, home, NUMBERS[0])
    _, other = order(storage, home, NUMBERS[1])
    numbers = tmp_path / "numbers"
    numbers.write_text(f"\n {NUMBERS[0]} \n036077000009\n")
    arguments = ("admin", "erase-subject", "--tenant", "hanoi")
    code, done = cli_json(*arguments, "--numbers", numbers)
    assert code == 0
    validate_against("ekyc.admin-erase-subject.1", done)
    assert [one["id"] for one in done["erased"]] == [people[0].id]
    assert (done["erased"][0]["blobs"], done["sessions"]) == (1, 1)
    with pytest.raises(SubjectError):
        vault.subjects.sealer("hanoi", people[0].id)
    assert store.forget_reference("subject", NUMBERS[0]) == ()
    assert store.forget_reference("subject", NUMBERS[1]) == (other.id,)
    assert cli_json(*arguments, "--numbers", numbers)[1]["erased"] == []
    code, out, _ = cli(*arguments, "--id", people[1].id)
    assert (code, "1 people, 1 blobs" in out) == (0, True)
    assert session.id != other.id


def test_accounts_of_a_person_are_made_nobodys(cli_json, people, storage, home, tmp_path):
    key = ServiceKey.load(home / "service.key", SystemRandom())
    login = login_pseudonym(key, "hanoi", "https://dinhdanh.mau.gov.vn", "abc 1")
    row = DossierRow(
        id="d" * 32,
        procedure="demo",
        state="open",
        office=None,
        subject=login,
        created_at=FixedClock().now(),
    )
    with storage.dossiers(key).writing("hanoi") as unit:
        unit.dossiers.add(row)
    numbers, accounts = tmp_path / "numbers", tmp_path / "accounts"
    numbers.write_text(NUMBERS[0])
    arguments = ("admin", "erase-subject", "--tenant", "hanoi", "--numbers", numbers)
    accounts.write_text("https://dinhdanh.mau.gov.vn\n")
    refused = cli_json(*arguments, "--accounts", accounts)[1]
    assert refused["reasons"] == ["subject.which"]
    accounts.write_text("https://dinhdanh.mau.gov.vn abc 1\n")
    assert cli_json(*arguments, "--accounts", accounts)[0] == 0
    with storage.dossiers(key).looking("hanoi") as unit:
        assert unit.dossiers.get("d" * 32).subject not in {login, None}
    numbers.write_text("\n".join(NUMBERS))
    assert cli_json(*arguments, "--accounts", accounts)[1]["reasons"] == ["subject.which"]


def test_erasure_wants_to_be_told_whom(cli_json, storage, tmp_path, validate_against):
    arguments = ("admin", "erase-subject", "--tenant", "hanoi")
    code, refused = cli_json(*arguments)
    assert (code, refused["reasons"]) == (1, ["subject.which"])
    validate_against("ekyc.admin-erase-subject.1", refused)
    assert cli_json(*arguments, "--id", "0" * 32)[1]["reasons"] == ["subject.unknown"]
    bad = tmp_path / "bad"
    bad.write_text("không phải số")
    assert cli_json(*arguments, "--numbers", bad)[1]["reasons"] == ["subject.reference_invalid"]


def test_a_backup_is_restored_elsewhere(
    cli_json, cli, people, vault, home, tmp_path, validate_against, monkeypatch
):
    code, made = cli_json("admin", "backup", tmp_path / "b", "--keys-file", tmp_path / "k")
    assert (code, made["blobs"], made["with_keys"]) == (0, 2, True)
    validate_against("ekyc.admin-backup.1", made)
    assert "cannot be restored" in cli("admin", "backup", tmp_path / "without")[1]
    there = tmp_path / "there"
    arguments = ("admin", "restore", tmp_path / "b", "--keys-file", tmp_path / "k")
    elsewhere = ("--state", there / "s", "--blobs", there / "blobs", "--keys", home / KEYS_NAME)
    code, done = cli_json(*arguments, *elsewhere)
    assert (code, done["blobs"], done["erased_since"], done["id"]) == (0, 2, 0, made["id"])
    validate_against("ekyc.admin-restore.1", done)
    with Storage.open(there / "s") as storage:
        restored = storage.vault(
            FileKeyProvider(home / KEYS_NAME, SystemRandom()),
            FileBlobStore(there / "blobs", SystemRandom()),
        )
        (kept,) = restored.artefacts.of_subject("hanoi", people[0].id)
        assert restored.artefacts.read("hanoi", kept.id) == b"a face"
    code, refused = cli_json(*arguments)  # onto the database that there is
    assert (code, refused["reasons"]) == (1, ["backup.target_exists"])
    validate_against("ekyc.admin-restore.1", refused)

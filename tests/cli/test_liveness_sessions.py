"""The operator's commands around liveness sessions."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ekyc.ports import SystemRandom
from ekyc.storage import ServiceKey, SessionError, Storage
from ekyc.storage.liveness.sessions import token_digest

SUBJECTS = ("079185001234", "079185005678")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EKYC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def order(store, subject):
    return store.order(
        capture_digest=token_digest("c"),
        result_digest=token_digest("r"),
        binding=lambda _: b"",
        settings={"colours": 6},
        attempts_of=[("subject", subject)],
        wait_of=lambda times: timedelta(0),
    )


def test_the_public_key_is_that_of_the_service(cli_json, home, validate_against):
    code, first = cli_json("liveness", "sessions", "public-key")
    assert code == 0
    validate_against("ekyc.liveness-public-key.1", first)
    assert cli_json("liveness", "sessions", "public-key") == (0, first)
    (home / "service.key").chmod(0o644)
    code, refused = cli_json("liveness", "sessions", "public-key")
    assert (code, refused["reasons"]) == (1, ["storage.key_invalid"])
    validate_against("ekyc.liveness-public-key.1", refused)


def test_persons_are_erased_by_references_from_a_file(cli_json, home, tmp_path, validate_against):
    home.mkdir()
    key = ServiceKey.load(home / "service.key", SystemRandom())
    listed = tmp_path / "references"
    listed.write_text(f"\n {SUBJECTS[0]} \nnobody\n", encoding="utf-8")
    with Storage.open(home / "ekyc.sqlite3") as storage:
        store = storage.liveness(key)
        gone, kept = order(store, SUBJECTS[0]), order(store, SUBJECTS[1])
        code, written = cli_json("liveness", "sessions", "forget", listed)
        assert (code, written["sessions"]) == (0, 1)
        validate_against("ekyc.liveness-forget.1", written)
        assert SUBJECTS[0] not in json.dumps(written)
        assert store.load(kept.id).id == kept.id
        with pytest.raises(SessionError):
            store.load(gone.id)


def test_a_file_that_is_not_there(cli_json, home, validate_against):
    assert not home.exists()
    code, written = cli_json("liveness", "sessions", "forget", Path("nowhere"))
    assert code == 1
    validate_against("ekyc.liveness-forget.1", written)

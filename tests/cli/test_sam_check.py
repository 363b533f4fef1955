"""``ekyc sam serve FILE --check``: it says what is wrong, and starts, opens and makes nothing."""

from __future__ import annotations

import pytest


@pytest.fixture
def folder(tmp_path, cli, monkeypatch):
    monkeypatch.setenv("EKYC_KEY_PASSPHRASE", "khóa")
    monkeypatch.setenv("EKYC_ISSUER_PASSPHRASE", "khóa cổng")
    made = tmp_path / "sam"
    assert cli("sam", "new", made)[0] == 0
    return made


@pytest.fixture
def check(cli, folder):
    """Exit code and output."""

    def run():
        code, said, _ = cli("sam", "serve", folder / "sam.toml", "--check")
        return code, said.replace("\n", " ")

    return run


def edited(folder, before, after):
    file = folder / "sam.toml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_what_was_made_is_well_and_nothing_is_made_by_looking(folder, check):
    before = sorted(folder.rglob("*"))
    code, said = check()
    assert (code, "khóa" in said) == (0, False)
    assert sorted(folder.rglob("*")) == before


def test_a_passphrase_that_would_be_asked_for_is_a_warning(check, monkeypatch):
    monkeypatch.delenv("EKYC_KEY_PASSPHRASE")
    code, said = check()
    assert (code, "EKYC_KEY_PASSPHRASE is not set" in said) == (10, True)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("methods =", "methodes =", "policy.methodes"),
        ('folder = "keys"', 'folder = "no-keys"', "no-keys"),
        ('folder = "keys"', 'token = "t"\nmodule = "/no/such.so"', "/no/such.so"),
        ('state = "state.sqlite3"', 'state = "sam.toml"', "no database of ours"),
        ('service_key = "service.key"', 'service_key = "portal.pem"', "Others than its owner"),
        ("[keys]", 'revocation_lists = ["sam.toml"]\n[keys]', "trust"),
        ('socket = "sam.sock"', f'socket = "{"s" * 120}"', "at most 100 bytes"),
    ],
)
def test_what_is_wrong_is_told(folder, check, before, after, told):
    edited(folder, before, after)
    code, said = check()
    assert (code, told in said) == (11, True), said


def test_keys_that_others_may_read_and_a_folder_that_they_may_write_are_told(folder, check):
    key = next(path for path in (folder / "keys").rglob("*") if path.is_file())
    key.chmod(0o644)
    assert "Others than its owner" in check()[1]
    key.chmod(0o600)
    folder.chmod(0o777)
    code, said = check()
    assert (code, "others may write the socket's folder" in said) == (11, True)

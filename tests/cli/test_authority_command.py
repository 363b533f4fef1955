"""``ekyc authority ceremony`` and ``renew-root-crl``: what they write, and what they refuse."""

import json

import pytest
from cryptography import x509

from ekyc.signing.authority.ceremony import open_authorities, open_issuing_keys
from ekyc.storage import Storage


@pytest.fixture
def secrets(monkeypatch):
    monkeypatch.setenv("EKYC_ROOT_PASSPHRASE", "gốc")
    monkeypatch.setenv("EKYC_KEY_PASSPHRASE", "cấp phát")


def test_a_ceremony_and_the_renewal_of_the_roots_list(cli, secrets, tmp_path, validate_against):
    del secrets
    folder = tmp_path / "authority"
    code, out, _ = cli(
        "authority", "ceremony", str(folder), "--witness", "Nguyễn Văn Chứng", "--json"
    )
    assert code == 0
    written = json.loads(out)
    validate_against("ekyc.authority-ceremony.1", written)
    assert written["record"]["witnesses"] == ["Nguyễn Văn Chứng"]

    issuing = str(folder / "issuing.pem")
    code, out, _ = cli("authority", "renew-root-crl", str(folder), "--revoke", issuing, "--json")
    assert code == 0
    validate_against("ekyc.authority-renew-root-crl.1", json.loads(out))
    crl = x509.load_der_x509_crl((folder / "root.crl").read_bytes())
    certificate = x509.load_pem_x509_certificate((folder / "issuing.pem").read_bytes())
    assert [entry.serial_number for entry in crl] == [certificate.serial_number]

    with Storage.open(tmp_path / "state.sqlite3") as storage:
        keys = open_issuing_keys(folder, "cấp phát")
        made = open_authorities(folder, keys=keys, register=storage.certificates)
        assert made.ca.crl_der()

    code, out, _ = cli("authority", "ceremony", str(folder), "--json")
    assert code == 1
    validate_against("ekyc.authority-ceremony.1", json.loads(out))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--token", "x"), "authority.token_incomplete"),
        (("--module", "/no/library.so"), "authority.token_incomplete"),
    ],
)
def test_half_a_token_is_refused(cli, secrets, tmp_path, options, error):
    del secrets
    code, out, _ = cli("authority", "ceremony", str(tmp_path / "a"), *options, "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == error

"""The file that the signing process runs by: strict, and its own."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from cryptography.x509 import ReasonFlags
from sam_desk import PASSPHRASE, A, SamDesk, code_of
from signing_pilot import CHEAP, Pilot

from ekyc.cli.sam import _EXAMPLE
from ekyc.errors import InputError
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.sam.assembly import RevocationFiles, assembled, open_keys
from ekyc.signing.sam.configuration import EmbeddedStore, TokenStore, load_configuration


def public_pem(curve):
    key = ec.generate_private_key(curve()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "portal.pem").write_bytes(public_pem(ec.SECP256R1))
    written = tmp_path / "sam.toml"
    written.write_text(_EXAMPLE.format(name="portal"))
    return written


def test_the_example_is_read(file):
    read = load_configuration(file)
    assert read.socket == file.parent / "sam.sock"
    assert read.state == file.parent / "state.sqlite3"
    assert read.keys == EmbeddedStore(folder=file.parent / "keys")
    assert read.methods == {ActivationMethod.WEBAUTHN, ActivationMethod.TOTP}
    assert read.users == {os.getuid()}
    assert set(read.issuers) == {"portal"}


def test_a_token_a_database_and_other_users(file):
    text = file.read_text().replace('folder = "keys"', 'token = "people"\nmodule = "lib.so"')
    text = text.replace('state = "state.sqlite3"', 'state = "postgresql+psycopg://host/name"')
    file.write_text(text.replace("[relying_party]", "users = [7]\nworkers = 9\n\n[relying_party]"))
    read = load_configuration(file)
    assert read.keys == TokenStore(token="people", module="lib.so")
    assert read.state == "postgresql+psycopg://host/name"
    assert (read.users, read.workers) == ({7, os.getuid()}, 9)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('"ekyc.sam/1"', '"ekyc.sam/2"', "schema"),
        ('socket = "sam.sock"', "", "socket"),
        ('socket = "sam.sock"', "socket = 3", "socket"),
        ("[policy]", "[policy]\ntrust_everybody = true", "policy.trust_everybody"),
        ("schema", "more = 1\nschema", "more"),
        ('portal = "portal.pem"', "", "issuers"),
        ('portal = "portal.pem"', 'portal = "none.pem"', "none.pem"),
        ('"verification+webauthn", "verification+totp"', "", "policy.methods"),
        ('"verification+webauthn"', '"button"', "policy.methods"),
        ('"verification+webauthn"', '"verification"', "policy.methods"),
        ('"verification+totp"]', '"verification"]\npilot = false', "policy.methods"),
        ('"verification+totp"]', '"verification"]\npilot = "true"', "policy.methods"),
        ("[policy]", "[policy]\nworkers = 0", "policy.workers"),
        ("[policy]", "[policy]\nworkers = true", "policy.workers"),
        ("[policy]", '[policy]\nusers = ["root"]', "policy.users"),
        ('folder = "keys"', "", "keys"),
        ('folder = "keys"', 'folder = "keys"\ntoken = "x"', "keys"),
        ("schema", "revocation_lists = 3\nschema", "revocation_lists"),
        ("schema", "= schema", "sam.toml"),
    ],
)
def test_what_is_wrong_is_named(file, old, new, where):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_configuration(file)
    assert (caught.value.code, caught.value.subject) == ("sam.configuration", where)


def test_a_key_of_another_curve_and_no_file(file, tmp_path):
    (tmp_path / "portal.pem").write_bytes(public_pem(ec.SECP384R1))
    assert code_of(load_configuration, file) == "signing.key.unsupported"
    assert code_of(load_configuration, tmp_path / "nothing.toml") == "sam.configuration"


def test_a_process_put_together_from_it_signs(file, tmp_path):
    desk = SamDesk(tmp_path)
    (tmp_path / "service.key").write_bytes(bytes(range(32)))
    (tmp_path / "service.key").chmod(0o600)
    public = load_der_public_key(desk.issuer_key.public_key_der)
    (tmp_path / "portal.pem").write_bytes(
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    text = file.read_text().replace('"verification+totp"]', '"verification"]\npilot = true')
    file.write_text(text.replace('folder = "keys"', 'folder = "people"'))
    settings = load_configuration(file)
    keys = open_keys(settings, lambda: PASSPHRASE)
    sad, other = desk.authorise(A), desk.authorise(A)
    with assembled(settings, keys, clock=desk.clock) as module, desk.serving(module) as client:
        values = desk.sign(client, sad, A)
    asked = {"credential_id": desk.mine, "hashes": (A,), "algorithm": SignatureAlgorithm.ECDSA_P256}
    (tmp_path / "other").mkdir()
    empty = EmbeddedKeys.create(tmp_path / "other" / "people", PASSPHRASE, cost=CHEAP)
    with assembled(settings, empty, clock=desk.clock) as module, desk.serving(module) as client:
        assert client.recall(sad, **asked) == values
        assert code_of(desk.sign, client, other, A) == "signing.key.missing"
    with assembled(settings, keys, clock=desk.clock) as module, desk.serving(module) as client:
        own = desk.directory.find(desk.mine).certificate_der
        desk.pilot.ca.revoke(own, ReasonFlags.key_compromise)  # counts at once
        assert code_of(desk.sign, client, other, A) == "signing.certificate.revoked"
        assert code_of(client.recall, sad, **asked) == "signing.certificate.revoked"
    desk.close()


def test_lists_are_read_again_when_they_change(tmp_path):
    pilot = Pilot(tmp_path)
    listed = tmp_path / "issuing.crl"
    listed.write_bytes(pilot.ca.crl_der())
    files = RevocationFiles((listed,))
    first = files.read()
    assert files.read() is first
    fresh = tmp_path / "new"
    fresh.write_bytes(pilot.ca.crl_der())
    fresh.replace(listed)
    assert files.read() is not first
    listed.unlink()
    assert code_of(files.read) == "signing.keystore.missing"
    pilot.close()


def test_a_wrong_passphrase_opens_nothing(file):
    EmbeddedKeys.create(file.parent / "keys", "right", cost=CHEAP)
    settings = load_configuration(file)
    assert code_of(open_keys, settings, lambda: "wrong") == "signing.keystore.wrong_passphrase"

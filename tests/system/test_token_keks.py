"""Key-encryption keys in SoftHSM: a vault whose keys never leave the token."""

from __future__ import annotations

import pytest
from softhsm import PIN, TOKEN, install_python_pkcs11, make_token

from ekyc.errors import EkycError
from ekyc.ports import SystemRandom, WrappedKey
from ekyc.signing.keys.pkcs11 import TokenKeys
from ekyc.signing.keys.token_keks import TokenKeyProvider, open_token_keks
from ekyc.storage import FileBlobStore, Storage

pytestmark = pytest.mark.system

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    install_python_pkcs11(tmp_path_factory.mktemp("python-pkcs11"))
    with pytest.MonkeyPatch.context() as patch:
        yield make_token(tmp_path_factory.mktemp("softhsm"), patch)


@pytest.fixture(scope="module")
def token(module):
    with TokenKeys(module, TOKEN, PIN) as opened:
        yield opened


@pytest.fixture
def keys(token):
    return TokenKeyProvider(token, SystemRandom())


def code(call, *arguments, **options):
    with pytest.raises(EkycError) as caught:
        call(*arguments, **options)
    return caught.value.code


def test_versions_count_and_tenants_are_apart(keys):
    assert keys.versions("a") == ()
    assert [keys.make_version("a") for _ in range(2)] == [1, 2]
    assert keys.make_version("a.b") == 1
    assert (keys.versions("a"), keys.versions("a.b"), keys.versions("b")) == ((1, 2), (1,), ())


def test_a_wrapped_key_opens_for_its_tenant_version_and_context_only(keys):
    for tenant in ("c", "c", "d"):
        keys.make_version(tenant)
    wrapped = keys.wrap("c", KEY, context=b"x")
    assert (wrapped.version, len(wrapped.wrapped)) == (2, 60)
    assert keys.unwrap("c", wrapped, context=b"x") == KEY
    assert keys.wrap("c", KEY, context=b"x").wrapped != wrapped.wrapped
    assert code(keys.unwrap, "c", wrapped, context=b"y") == "storage.unsealable"
    other = WrappedKey(version=1, wrapped=wrapped.wrapped)
    assert code(keys.unwrap, "c", other, context=b"x") == "storage.unsealable"
    assert code(keys.unwrap, "d", other, context=b"x") == "storage.unsealable"
    for at in (0, 12, 59):
        altered = bytearray(wrapped.wrapped)
        altered[at] ^= 1
        bad = WrappedKey(version=2, wrapped=bytes(altered))
        assert code(keys.unwrap, "c", bad, context=b"x") == "storage.unsealable"
    for short in (b"", wrapped.wrapped[:12], wrapped.wrapped[:28], wrapped.wrapped[:-1]):
        bad = WrappedKey(version=2, wrapped=short)
        assert code(keys.unwrap, "c", bad, context=b"x") == "storage.unsealable"
    assert keys.unwrap("c", wrapped, context=b"x") == KEY  # the token goes on


def test_a_destroyed_version_is_gone_and_the_newest_is_not_destroyed(keys):
    keys.make_version("e")
    wrapped = keys.wrap("e", KEY, context=b"x")
    assert code(keys.destroy, "e", 1) == "storage.key_in_use"
    keys.make_version("e")
    for _ in range(2):
        keys.destroy("e", 1)
    assert keys.versions("e") == (2,)
    assert code(keys.unwrap, "e", wrapped, context=b"x") == "storage.key_missing"
    assert code(keys.wrap, "nobody", KEY, context=b"x") == "storage.key_missing"


def test_the_token_gives_no_key_out(keys, token):
    keys.make_version("f")
    attribute = token.library.Attribute
    with token.session() as session:
        (kek,) = session.get_objects({attribute.LABEL: "ekyc-kek.f.1"})
        assert kek[attribute.SENSITIVE]
        assert not kek[attribute.EXTRACTABLE]
        with pytest.raises(token.library.AttributeSensitive):
            kek[attribute.VALUE]


def test_a_key_that_the_token_would_give_out_is_refused(keys, token):
    p11 = token.library
    with token.session() as session:
        session.generate_key(
            p11.KeyType.AES,
            256,
            label="ekyc-kek.g.1",
            store=True,
            template={p11.Attribute.SENSITIVE: False, p11.Attribute.EXTRACTABLE: True},
        )
    assert code(keys.wrap, "g", KEY, context=b"x") == "signing.hsm.extractable"


def test_a_vault_lives_on_a_token(keys, tmp_path):
    with Storage.open(tmp_path / "s") as storage:
        vault = storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))
        person = vault.subjects.enrol("hanoi", "079185001234")
        kept = vault.artefacts.put("hanoi", person.id, "portrait", b"a face", retention="media")
        done = vault.rotate_keys("hanoi", destroy_old=True)
        assert (done.version, done.rewrapped, done.destroyed) == (2, 2, (1,))
        assert keys.versions("hanoi") == (2,)
        assert vault.artefacts.read("hanoi", kept.id) == b"a face"
        assert vault.subjects.find("hanoi", "079185001234") == person
        vault.erase_subject("hanoi", person.id)
        assert code(vault.subjects.sealer, "hanoi", person.id) == "subject.erased"


def test_a_description_opens_the_token(module, tmp_path):
    file = tmp_path / "token.toml"
    file.write_text(f'[pkcs11]\nmodule = "{module}"\ntoken = "{TOKEN}"\npin_variable = "P"\n')
    opened = open_token_keks(file, environment={"P": PIN}, random=SystemRandom())
    assert opened.versions("nobody") == ()
    assert (
        code(open_token_keks, file, environment={}, random=SystemRandom()) == "storage.keys_config"
    )
    file.write_text("[pkcs11]\n")
    assert (
        code(open_token_keks, file, environment={}, random=SystemRandom()) == "storage.keys_config"
    )

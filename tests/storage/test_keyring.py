"""Key-encryption keys as files."""

from __future__ import annotations

import stat

import pytest

from ekyc.errors import EkycError, InputError
from ekyc.ports import SystemRandom, WrappedKey
from ekyc.storage import FileKeyProvider, StorageError

KEY = bytes(range(32))


def code(call, *arguments, **options):
    with pytest.raises(EkycError) as caught:
        call(*arguments, **options)
    return caught.value.code


def test_a_key_is_made_for_its_owner_alone_and_counts(keys, tmp_path):
    assert keys.versions("hanoi") == ()
    assert [keys.make_version("hanoi") for _ in range(3)] == [1, 2, 3]
    assert keys.versions("hanoi") == (1, 2, 3)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keys").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_ten_comes_after_nine(keys):
    for _ in range(10):
        keys.make_version("hanoi")
    assert keys.wrap("hanoi", KEY, context=b"c").version == 10


def test_the_newest_wraps_and_every_one_unwraps(keys):
    keys.make_version("hanoi")
    old = keys.wrap("hanoi", KEY, context=b"c")
    keys.make_version("hanoi")
    new = keys.wrap("hanoi", KEY, context=b"c")
    assert (old.version, new.version) == (1, 2)
    assert keys.unwrap("hanoi", old, context=b"c") == KEY == keys.unwrap("hanoi", new, context=b"c")
    again = FileKeyProvider(keys._folder, SystemRandom())
    assert again.unwrap("hanoi", old, context=b"c") == KEY


def test_a_wrapped_key_opens_for_its_tenant_version_and_context_only(keys):
    for _ in range(2):
        keys.make_version("hanoi")
    keys.make_version("hue")
    wrapped = keys.wrap("hanoi", KEY, context=b"c")
    assert code(keys.unwrap, "hanoi", wrapped, context=b"d") == "storage.unsealable"
    other = WrappedKey(version=1, wrapped=wrapped.wrapped)
    assert code(keys.unwrap, "hanoi", other, context=b"c") == "storage.unsealable"
    assert code(keys.unwrap, "hue", other, context=b"c") == "storage.unsealable"
    # the same bytes as the key of another tenant: still not its
    (keys._folder / "hue.2.kek").write_bytes((keys._folder / "hanoi.2.kek").read_bytes())
    (keys._folder / "hue.2.kek").chmod(0o600)
    assert code(keys.unwrap, "hue", wrapped, context=b"c") == "storage.unsealable"


def test_tenants_whose_names_begin_alike_share_nothing(keys):
    keys.make_version("hanoi")
    keys.make_version("hanoi.2")
    assert keys.versions("hanoi") == (1,)
    assert keys.versions("hanoi.2") == (1,)


def test_a_destroyed_version_opens_nothing_and_the_newest_cannot_be_destroyed(keys):
    keys.make_version("hanoi")
    wrapped = keys.wrap("hanoi", KEY, context=b"c")
    assert code(keys.destroy, "hanoi", 1) == "storage.key_in_use"
    keys.make_version("hanoi")
    for _ in range(2):
        keys.destroy("hanoi", 1)
    assert keys.versions("hanoi") == (2,)
    assert code(keys.unwrap, "hanoi", wrapped, context=b"c") == "storage.key_missing"


def test_a_key_that_is_being_destroyed_is_gone(keys):
    """Its bytes go before its file: whoever comes between wraps nothing under zeros, and hears of no damage."""
    keys.make_version("hanoi")
    wrapped = keys.wrap("hanoi", KEY, context=b"c")
    (keys._folder / "hanoi.1.kek").write_bytes(bytes(32))
    assert code(keys.unwrap, "hanoi", wrapped, context=b"c") == "storage.key_missing"
    assert code(keys.wrap, "hanoi", KEY, context=b"c") == "storage.key_missing"


def test_a_key_that_others_may_read_or_that_is_none_is_refused(keys):
    keys.make_version("hanoi")
    file = keys._folder / "hanoi.1.kek"
    file.chmod(0o644)
    assert code(keys.wrap, "hanoi", KEY, context=b"") == "storage.key_invalid"
    file.chmod(0o600)
    for content in (b"", bytes(31), bytes(33)):
        file.write_bytes(content)
        assert code(keys.wrap, "hanoi", KEY, context=b"") == "storage.key_invalid"


@pytest.mark.parametrize("tenant", ["", "../x", "a/b", "hà-nội", "x" * 65, "a\n"])
def test_a_tenant_is_a_name(keys, tenant):
    for call in (keys.versions, keys.make_version):
        with pytest.raises(InputError):
            call(tenant)


def test_no_key_and_no_folder_are_typed(keys, tmp_path):
    assert code(keys.wrap, "hanoi", KEY, context=b"") == "storage.key_missing"
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(StorageError):
        keys.make_version("hanoi")


def test_nothing_shows_a_key(keys):
    keys.make_version("hanoi")
    assert KEY.hex() not in repr(keys.wrap("hanoi", KEY, context=b""))
    assert "wrapped=" not in repr(keys.wrap("hanoi", KEY, context=b""))

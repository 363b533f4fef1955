from __future__ import annotations

import io
import random
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, LimitError
from ekyc.inference import archives
from ekyc.inference.archives import read_member

CONTENT = random.Random(1).randbytes(10_240)


@pytest.fixture(params=["wheel", "tarball"])
def pack(request, kit, tmp_path):
    return lambda members: getattr(kit, request.param)(tmp_path, members)


def test_reads_one_member(pack):
    archive = pack({"a/b.onnx": CONTENT, "c.txt": b"other"})
    assert read_member(archive, "a/b.onnx", size=len(CONTENT)) == CONTENT


def test_a_missing_member_is_named(pack):
    archive = pack({"a/b.onnx": CONTENT})
    with pytest.raises(InputError, match=r"a/c\.onnx") as caught:
        read_member(archive, "a/c.onnx", size=1)
    assert caught.value.code == "archive.member_missing"
    assert caught.value.subject == archive.name


def test_a_bomb_is_read_no_further_than_the_expected_size(pack, monkeypatch):
    archive = pack({"bomb": bytes(64 << 20)})
    with pytest.raises(LimitError) as caught:
        read_member(archive, "bomb", size=1000)
    assert caught.value.code == "archive.too_large"


def test_an_archive_beyond_the_limit_is_not_opened(pack, monkeypatch):
    archive = pack({"a": CONTENT})
    monkeypatch.setattr(archives, "MAX_ARCHIVE_BYTES", 10)
    with pytest.raises(LimitError):
        read_member(archive, "a", size=len(CONTENT))


def test_too_many_entries_are_refused(pack, monkeypatch):
    archive = pack({f"f{n}": b"" for n in range(30)} | {"last": CONTENT})
    monkeypatch.setattr(archives, "MAX_MEMBERS", 20)
    with pytest.raises(LimitError):
        read_member(archive, "last", size=len(CONTENT))


def test_a_tarball_of_endless_filler_is_given_up(kit, tmp_path, monkeypatch):
    archive = kit.tarball(tmp_path, {"filler": bytes(1 << 20), "last": CONTENT})
    monkeypatch.setattr(archives, "MAX_TAR_BYTES", 1 << 19)
    with pytest.raises(LimitError):
        read_member(archive, "last", size=len(CONTENT))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99])
def test_a_truncated_archive_is_a_typed_error(pack, share):
    archive = pack({"a/b.onnx": CONTENT * 5})
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError):
        read_member(archive, "a/b.onnx", size=len(CONTENT) * 5)


def test_a_link_in_a_tarball_is_not_followed(tmp_path):
    archive = tmp_path / "x.tgz"
    with tarfile.open(archive, "w:gz") as opened:
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
    with pytest.raises(InputError) as caught:
        read_member(archive, "a", size=10)
    assert caught.value.code == "archive.member_missing"


def test_names_that_climb_write_nothing(pack, tmp_path):
    archive = pack({"../../evil": b"evil", "a": CONTENT})
    assert read_member(archive, "a", size=len(CONTENT)) == CONTENT
    assert [path for path in tmp_path.rglob("*") if path != archive] == []
    assert not (tmp_path.parent / "evil").exists()


def test_an_encrypted_wheel_is_a_typed_error(kit, tmp_path):
    archive = kit.wheel(tmp_path, {"a": CONTENT})
    content = bytearray(archive.read_bytes())
    for position, mark in ((6, b"PK\x03\x04"), (8, b"PK\x01\x02")):
        at = content.find(mark) + position
        content[at] |= 1
    archive.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_member(archive, "a", size=len(CONTENT))
    assert caught.value.code == "archive.unreadable"


@given(damage=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_damaged_bytes_give_the_content_or_a_typed_error(tmp_path_factory, damage):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a", b"some content" * 20)
    content = bytearray(stream.getvalue())
    for position, value in damage:
        content[position % len(content)] = value
    archive = tmp_path_factory.mktemp("damaged") / "x.whl"
    archive.write_bytes(content)
    try:
        found = read_member(archive, "a", size=240)
    except InputError:
        return
    assert len(found) <= 240

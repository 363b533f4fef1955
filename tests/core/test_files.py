"""Files are read within a bound; written ones are whole or not there, of the asked mode, and on disk when the call returns."""

from __future__ import annotations

import errno
import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from ekyc.errors import LimitError
from ekyc.files import PRIVATE, PUBLIC, create_file, read_file, replace_file, replacing, sync_folder

WRITERS = pytest.mark.parametrize("write", [replace_file, create_file])


def names(folder):
    return [path.name for path in folder.iterdir()]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.fixture
def small_files():
    """No file may grow over a page, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def no_links(monkeypatch):
    def refuse(source, target):
        raise PermissionError(errno.EPERM, "no links here", target)

    monkeypatch.setattr(os, "link", refuse)


def test_a_file_is_read_whole_up_to_its_bound(tmp_path):
    path = tmp_path / "list"
    path.write_bytes(b"four")
    assert read_file(path, 4) == b"four"
    with pytest.raises(LimitError) as caught:
        read_file(path, 3, code="list.too_large")
    assert (caught.value.code, caught.value.subject) == ("list.too_large", "list")
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none", 4)


def test_a_file_without_an_end_is_refused_as_any_larger_one():
    with pytest.raises(LimitError) as caught:
        read_file(Path("/dev/zero"), 1 << 20)
    assert caught.value.code == "input.limit"


@WRITERS
def test_only_the_owner_reads_it_unless_asked(tmp_path, write, umask):
    write(tmp_path / "secret", b"x")
    write(tmp_path / "list", b"x", mode=PUBLIC)
    assert (mode(tmp_path / "secret"), mode(tmp_path / "list")) == (0o600, 0o644)
    umask(0o077)
    write(tmp_path / "guarded", b"x", mode=PUBLIC)
    assert mode(tmp_path / "guarded") == 0o600


def test_a_secret_takes_the_place_of_what_all_could_read(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert (path.read_bytes(), mode(path), names(tmp_path)) == (b"new", PRIVATE, ["state"])


def test_a_reader_who_opened_the_old_file_reads_it_to_its_end(tmp_path):
    path = tmp_path / "list"
    replace_file(path, b"old")
    with path.open("rb") as opened:
        replace_file(path, b"newer")
        assert (opened.read(), path.read_bytes()) == (b"old", b"newer")


def test_what_is_there_is_never_written_over(tmp_path):
    path = tmp_path / "key"
    create_file(path, b"first")
    with pytest.raises(FileExistsError):
        create_file(path, b"second")
    assert (path.read_bytes(), names(tmp_path)) == (b"first", ["key"])


@pytest.mark.parametrize("links", [True, False])
def test_nothing_is_written_through_a_link_that_leads_nowhere(tmp_path, links, request):
    if not links:
        request.getfixturevalue("no_links")
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "key", b"x")
    assert names(tmp_path) == ["key"]


def test_of_many_creators_one_wins(tmp_path):
    lost = []

    def create(content):
        try:
            create_file(tmp_path / "key", content)
        except FileExistsError:
            lost.append(content)

    threads = [threading.Thread(target=create, args=(b"%d" % n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(tmp_path / "key").read_bytes(), *lost} == {b"%d" % n for n in range(8)}
    assert names(tmp_path) == ["key"]


def test_without_links_it_is_whole_and_not_written_over_still(tmp_path, no_links, umask):
    path = tmp_path / "signed.pdf"
    create_file(path, b"first", mode=PUBLIC)
    with pytest.raises(FileExistsError):
        create_file(path, b"second")
    assert (path.read_bytes(), mode(path), names(tmp_path)) == (b"first", 0o644, ["signed.pdf"])


def test_without_links_a_name_that_cannot_be_filled_is_given_back(tmp_path, no_links, monkeypatch):
    def refuse(self, target):
        raise OSError(errno.EIO, "the disk failed")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk failed"):
        create_file(tmp_path / "key", b"x")
    assert names(tmp_path) == []


@WRITERS
def test_a_full_disk_leaves_nothing_half_written(tmp_path, write, small_files):
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        write(tmp_path / "big", bytes(1 << 20))
    assert names(tmp_path) == []


def test_a_full_disk_leaves_what_was_there(tmp_path, small_files):
    replace_file(tmp_path / "list", b"old")
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        replace_file(tmp_path / "list", bytes(1 << 20))
    assert ((tmp_path / "list").read_bytes(), names(tmp_path)) == (b"old", ["list"])


def write_half(path, cut):
    with replacing(path) as out:
        out.write(b"ha")
        out.flush()
        raise cut


@pytest.mark.parametrize("cut", [KeyboardInterrupt, ValueError])
def test_a_block_that_is_cut_off_leaves_what_was_there(tmp_path, cut):
    path = tmp_path / "export"
    replace_file(path, b"old")
    with pytest.raises(cut):
        write_half(path, cut)
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["export"])


@WRITERS
def test_a_folder_that_is_missing_or_in_the_way_is_told(tmp_path, write):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "no" / "file", tmp_path / "folder"):
        with pytest.raises(OSError):  # noqa: PT011 - which one is the system's choice
            write(path, b"x")
    assert names(tmp_path) == ["folder"]


@WRITERS
def test_bytes_are_on_disk_before_the_name_and_the_name_before_the_call_returns(
    tmp_path, write, monkeypatch
):
    synced, sync = [], os.fsync

    def record(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else os.fstat(handle).st_size
        synced.append((kind, (tmp_path / "file").exists()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", record)
    write(tmp_path / "file", b"four")
    assert synced == [(4, False), ("folder", True)]


def test_what_is_no_folder_cannot_be_synced_as_one(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "file")

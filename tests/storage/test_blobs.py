"""Blobs as files: whole or not there."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ekyc.errors import EkycError
from ekyc.storage import FileBlobStore, StorageError


def code(call, *arguments):
    with pytest.raises(EkycError) as caught:
        call(*arguments)
    return caught.value.code


def files(folder):
    return sorted(file for file in folder.rglob("*") if file.is_file())


def test_a_blob_comes_back_and_goes(blobs):
    data = os.urandom(600_000)
    name = blobs.put((data[:7], b"", data[7:]))
    assert b"".join(blobs.read(name)) == data
    assert [one for one, _ in blobs.names()] == [name]
    for _ in range(2):
        blobs.delete(name)
    assert list(blobs.names()) == []
    assert code(lambda: list(blobs.read(name))) == "blob.unknown"


def test_files_are_for_the_owner_only_and_names_say_nothing(blobs, tmp_path):
    names = {blobs.put((b"same",)) for _ in range(20)}
    assert len(names) == 20
    folders = [
        tmp_path / "blobs",
        *(one for one in (tmp_path / "blobs").rglob("*") if one.is_dir()),
    ]
    assert {stat.S_IMODE(one.stat().st_mode) for one in folders} == {0o700}
    assert {stat.S_IMODE(one.stat().st_mode) for one in files(tmp_path / "blobs")} == {0o600}


def test_what_breaks_off_leaves_nothing(blobs, tmp_path):
    def breaking():
        yield b"half"
        raise KeyError

    with pytest.raises(KeyError):
        blobs.put(breaking())
    assert files(tmp_path / "blobs") == []


_DIE_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore
def chunks():
    yield b"half of it" * 100_000
    os.kill(os.getpid(), signal.SIGKILL)
FileBlobStore(Path(sys.argv[1]), SystemRandom()).put(chunks())
"""


def test_a_killed_writer_leaves_no_half_blob_and_what_it_left_is_swept(blobs, tmp_path):
    command = [sys.executable, "-c", _DIE_WHILE_WRITING, str(tmp_path / "blobs")]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert list(blobs.names()) == []
    assert len(files(tmp_path / "blobs")) == 1
    now = datetime.now(UTC)
    assert blobs.sweep_unfinished(now - timedelta(hours=1)) == 0
    assert blobs.sweep_unfinished(now + timedelta(minutes=1)) == 1
    assert files(tmp_path / "blobs") == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 31, "A" * 32, "a" * 32 + "\n", "."])
def test_a_name_is_no_path(blobs, name):
    assert code(lambda: list(blobs.read(name))) == "blob.unknown"
    assert code(blobs.delete, name) == "blob.unknown"


def test_a_link_in_place_of_a_blob_is_not_followed(blobs, tmp_path):
    name = blobs.put((b"x",))
    (tmp_path / "secret").write_bytes(b"secret")
    place = tmp_path / "blobs" / name[:2] / name
    place.unlink()
    place.symlink_to(tmp_path / "secret")
    with pytest.raises(StorageError):
        list(blobs.read(name))


def test_a_disk_that_fails_is_typed(blobs, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        FileBlobStore(tmp_path / "file" / "blobs", blobs._random).put((b"x",))


def test_a_full_disk_is_typed_and_stores_nothing():
    """``/dev/full`` answers ENOSPC; here a tiny limit of the process does, which is EFBIG, another typed error."""
    script = (
        "import resource, signal, sys, tempfile\n"
        "from pathlib import Path\n"
        "from ekyc.ports import SystemRandom\n"
        "from ekyc.storage import FileBlobStore, StorageError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "store = FileBlobStore(Path(tempfile.mkdtemp()), SystemRandom())\n"
        "try:\n"
        "    store.put((bytes(5000),))\n"
        "except StorageError as error:\n"
        "    print(error.code, len(list(store.names())))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["storage.full", "0"]

"""Retention: what is over goes, what is not stays, and nothing is left half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import EkycError, InputError
from ekyc.storage import RetentionPolicy

TENANT = "hanoi"
POLICY = RetentionPolicy.parse(
    b"[media]\ndays = 10\n[evidence]\ndays = 20\n[evidence.kinds]\nconsent = 30\nnote = 5\n"
)


@pytest.fixture
def person(vault):
    return vault.subjects.create(TENANT)


@pytest.fixture
def kept(vault, person):
    def put(kind, retention):
        return vault.artefacts.put(TENANT, person.id, kind, b"content", retention=retention).id

    return {
        "media": put("card-front", "media"),
        "evidence": put("chip-file", "evidence"),
        "consent": put("consent", "evidence"),
        "note": put("note", "evidence"),
        "other": put("card-front", "archive"),
    }


def left(vault, kept):
    return {
        name for name, one in kept.items() if vault.artefacts.get(TENANT, one).removed_at is None
    }


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (5, {"media", "evidence", "consent", "note", "other"}),
        (5.01, {"media", "evidence", "consent", "other"}),
        (10.01, {"evidence", "consent", "other"}),
        (20.01, {"consent", "other"}),
        (30.01, {"other"}),
        (9999, {"other"}),
    ],
)
def test_each_goes_when_its_time_is_over(vault, clock, blobs, kept, days, expected):
    clock.advance(timedelta(days=days))
    done = vault.apply_retention(POLICY)
    assert left(vault, kept) == expected
    assert sum(done.removed.values()) == 5 - len(expected)
    assert len(list(blobs.names())) == len(expected)
    assert done.unknown_classes == ("archive",)
    assert sum(vault.apply_retention(POLICY).removed.values()) == 0


def test_a_dry_run_counts_and_changes_nothing(vault, clock, blobs, kept):
    clock.advance(timedelta(days=11))
    orphan = blobs.put((b"x",))
    os.utime(blobs._path(orphan), (0, 0))
    dry = vault.apply_retention(POLICY, dry_run=True)
    assert left(vault, kept) == set(kept)
    assert len(list(blobs.names())) == 6
    done = vault.apply_retention(POLICY)
    assert dict(dry.removed) == dict(done.removed) == {"media/card-front": 1, "evidence/note": 1}
    assert (dry.orphans, done.orphans) == (1, 1)
    assert (dry.dry_run, done.dry_run) == (True, False)


def test_only_an_old_orphan_is_swept(vault, clock, blobs, kept):
    orphan, young = blobs.put((b"x",)), blobs.put((b"y",))
    now = clock.now().timestamp()
    os.utime(blobs._path(orphan), (now - 3601, now - 3601))
    os.utime(blobs._path(young), (now - 3599, now - 3599))
    assert vault.apply_retention(POLICY).orphans == 1
    names = {name for name, _ in blobs.names()}
    assert young in names
    assert orphan not in names
    assert vault.artefacts.read(TENANT, kept["media"]) == b"content"


_DIE = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, RetentionPolicy, Storage
from ekyc.testing import FixedClock
database, folder = sys.argv[1:]
class Dying(FileBlobStore):
    left = 2
    def delete(self, name):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        super().delete(name)
clock = FixedClock()
clock.advance(timedelta(days=11))
vault = Storage.open(database, clock=clock).vault(
    FileKeyProvider(Path(folder) / "keys", SystemRandom()), Dying(Path(folder) / "blobs", SystemRandom())
)
vault.apply_retention(RetentionPolicy.parse(b"[media]\\ndays = 10"))
"""


def test_a_run_that_is_killed_is_finished_by_the_next(vault, clock, person, database, tmp_path):
    for _ in range(5):
        vault.artefacts.put(TENANT, person.id, "selfie", b"content", retention="media")
    command = [sys.executable, "-c", _DIE, str(database), str(tmp_path)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    assert len(list((tmp_path / "blobs").glob("??/*"))) == 3
    clock.advance(timedelta(days=11))
    assert vault.apply_retention(POLICY).unfinished == 5
    assert list((tmp_path / "blobs").glob("??/*")) == []
    assert vault.apply_retention(POLICY).unfinished == 0


def test_the_policy_that_ships_is_one():
    policy = RetentionPolicy.default()
    assert set(policy.classes) == {"transient", "batch", "media", "evidence"}
    assert policy.classes["transient"].days < policy.classes["media"].days
    assert policy.classes["evidence"].kinds["consent"] > 0


@pytest.mark.parametrize(
    "toml",
    [
        b"",
        b"not toml",
        b"\xff",
        b"media = 3",
        b"[media]",
        b"[media]\ndays = -1",
        b"[media]\ndays = true",
        b"[media]\ndays = 1.5",
        b"[media]\ndays = 99999999999",
        b"[media]\ndays = 1\nhours = 2",
        b"[Media]\ndays = 1",
        b"[media]\ndays = 1\nkinds = 2",
        b"[media]\ndays = 1\n[media.kinds]\nX = 2",
        b"[media]\ndays = 1\n[media.kinds]\nx = 'y'",
        b"#" * 70_000,
    ],
)
def test_a_policy_that_is_none_is_refused(toml):
    with pytest.raises(InputError) as caught:
        RetentionPolicy.parse(toml)
    assert caught.value.code == "retention.policy_invalid"


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text):
    try:
        RetentionPolicy.parse(text.encode("utf-8", "surrogatepass"))
    except EkycError as error:
        assert error.code == "retention.policy_invalid"

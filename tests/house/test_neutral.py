"""Tracked text fits every machine: no registry host, no path of somebody's disk."""

from __future__ import annotations

import re
import subprocess

import pytest

_REGISTRIES = ("pypi." + "org", "files.pythonhosted." + "org", "registry.npmjs." + "org")
_DISK = re.compile(r"(?<![\w.$}/-])/(?:home|Users|root|work)/[\w.-]+")
_LONGEST = 2_000_000


@pytest.fixture(scope="module")
def tracked_texts(repository_root):
    if not (repository_root / ".git").exists():
        pytest.skip("not a git checkout")
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository_root, capture_output=True, check=True
    ).stdout.decode()
    texts = {}
    for name in filter(None, names.split("\0")):
        path = repository_root / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LONGEST:
            continue
        data = path.read_bytes()
        if b"\0" not in data:
            texts[name] = data.decode("utf-8")
    return texts


def test_no_registry_is_named(tracked_texts):
    named = [name for name, text in tracked_texts.items() if any(h in text for h in _REGISTRIES)]

    assert named == []


def test_no_path_of_one_machine_is_named(tracked_texts):
    found = {name: _DISK.findall(text) for name, text in tracked_texts.items()}

    assert {name: paths for name, paths in found.items() if paths} == {}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("see /" + "home/anna/ekyc", True),
        ('"/' + 'root/.cache"', True),
        ("https://example.org/home/page", False),
        ("${HOME}/code/x", False),
        ("the /work queue", False),
    ],
)
def test_the_rule_sees_what_it_should(text, seen):
    assert bool(_DISK.search(text)) is seen

"""The lock: everything pinned with hashes, nothing that names a place to fetch from."""

from __future__ import annotations

import re
import tomllib

import pytest

_PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;]+)( ; (?P<marker>.+))?\Z")


def requirements(text):
    """Logical lines without comments and continuation marks."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [
        line.strip()
        for line in joined.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]


@pytest.fixture(scope="module")
def lock(repository_root):
    return (repository_root / "requirements.lock").read_text(encoding="utf-8")


def offences(text):
    """What no lock of ours may hold."""
    found = []
    for line in requirements(text):
        pin, *hashes = re.split(r"\s+--hash=", line)
        if not _PIN.match(pin.strip()):
            found.append(f"not a pin: {line[:60]}")
        elif not hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", h.strip()) for h in hashes):
            found.append(f"no sha256: {line[:60]}")
    for mark in (
        "file:",
        "://",
        "--index",
        "--extra-index",
        "--find-links",
        "--trusted-host",
        " @ ",
    ):
        found += [f"{mark} in {line[:60]}" for line in text.splitlines() if mark in line]
    return found


def test_everything_is_pinned_with_hashes_and_names_no_place(lock):
    assert offences(lock) == []


@pytest.mark.parametrize(
    "line",
    [
        "numpy>=2 --hash=sha256:" + "0" * 64,
        "numpy==2.4.6",
        "numpy==2.4.6 --hash=md5:" + "0" * 32,
        "numpy @ file:///tmp/numpy.whl",
        "--index-url https://mirror.example/simple",
        "--find-links wheels",
        "-e .",
        "# via http://mirror.example",
    ],
)
def test_each_offence_is_seen(line):
    assert offences(line + "\n") != []


def test_the_tools_that_build_the_package_are_locked(lock):
    versions = {}
    for line in requirements(lock):
        found = _PIN.match(re.split(r"\s+--hash=", line)[0].strip())
        assert found
        versions[found["name"]] = found["version"]

    assert int(versions["setuptools"].split(".")[0]) >= 80
    assert "wheel" in versions


def test_every_requirement_of_the_project_is_locked(repository_root, lock):
    table = tomllib.loads((repository_root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = table["project"]["dependencies"] + table["dependency-groups"]["dev"]
    locked = {re.split(r"==", line)[0] for line in requirements(lock)}

    names = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in wanted}
    assert names - locked == set()


def test_optional_parts_stay_outside(lock):
    locked = {re.split(r"==", line)[0] for line in requirements(lock)}

    assert not locked & {"paddleocr", "insightface", "ray", "pyscard", "python-pkcs11"}
    assert "opencv-python" not in locked


def test_there_is_one_lock(repository_root):
    assert not (repository_root / "uv.lock").exists()

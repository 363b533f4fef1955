"""The type checker is strict enough to catch what it is there for."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

BASE = ("__init__.py", "errors.py", "outcomes.py", "policy.py", "py.typed")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize(
    ("planted", "code"),
    [
        ("length: int = 'text'", "assignment"),
        ("def double(value): return value * 2", "no-untyped-def"),
        ("EkycError('x').subject.upper()", "union-attr"),
        ("length: int = 'text'  # type: ignore", "ignore-without-code"),
    ],
)
def test_a_planted_type_error_is_caught(repository_root, tmp_path, cache, planted, code):
    package = tmp_path / "ekyc"
    (package / "data" / "reasons").mkdir(parents=True)
    for name in BASE:
        shutil.copy(repository_root / "ekyc" / name, package)
    shutil.copy(repository_root / "pyproject.toml", tmp_path)
    with (package / "errors.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{planted}\n")

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "-m",
            "ekyc.errors",
            "--cache-dir",
            cache,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout
    assert f"[{code}]" in done.stdout

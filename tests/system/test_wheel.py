"""The wheel, built from the tracked files and installed into an empty environment, runs the demonstration."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


def run(*command, cwd, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONSAFEPATH": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, repository_root) -> Path:
    """Built from a copy, so that no build leftovers of the checkout get in."""
    work = tmp_path_factory.mktemp("wheel")
    tree = work / "tree"
    tree.mkdir()
    tracked = run("git", "ls-files", "-z", cwd=repository_root).split("\0")
    run("tar", "-cf", work / "tree.tar", *filter(None, tracked), cwd=repository_root)
    run("tar", "-xf", work / "tree.tar", cwd=tree)
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", work, ".", cwd=tree, PYTHONSAFEPATH="",
    )  # fmt: skip
    (built,) = work.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(tmp_path_factory, wheel, repository_root) -> Path:
    """An environment that holds the lock and the wheel, far from the checkout."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home / "venv", with_pip=True)
    python = home / "venv/bin/python"
    lock = repository_root / "requirements.lock"
    run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock, cwd=home)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, cwd=home)
    return home


def test_the_package_comes_from_the_wheel_and_not_from_the_checkout(installed):
    where = run(
        installed / "venv/bin/python",
        "-c",
        "import ekyc.ocr as m; print(m.__file__)",
        cwd=installed,
    )
    assert "site-packages" in where


def test_the_wheel_puts_no_common_names_into_site_packages(installed):
    for name in ("ocr", "api", "signing", "liveness", "benchmarks", "tests"):
        found = subprocess.run(
            [installed / "venv/bin/python", "-c", f"import {name}"],
            cwd=installed,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            capture_output=True,
            check=False,
        )
        assert b"ModuleNotFoundError" in found.stderr, name


def test_the_demonstration_runs_from_the_wheel(installed):
    out = run(installed / "venv/bin/ekyc", "demo", "--json", "--out", "demo", cwd=installed)
    result = json.loads(out)
    assert result["outcome"] == "PASSED"
    assert (installed / "demo/result.pdf").read_bytes().startswith(b"%PDF-")

"""Runs a suite and writes its result, also when it is interrupted."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ekyc
from ekyc.benchmarks.recorder import Recorder, Report, RunOptions
from ekyc.errors import InputError
from ekyc.files import replace_file

if TYPE_CHECKING:
    from ekyc.benchmarks.suites import Suite

__all__ = ["RunOptions", "commit", "machine", "run_suite"]

SCHEMA = "ekyc.bench/1"
_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "cryptography")


def run_suite(
    suite: Suite,
    options: RunOptions,
    out: Path,
    *,
    report: Report = lambda _what, _done, _total: None,
) -> dict[str, Any]:
    """Run, write the result to ``out`` and return it.

    On an interruption (Ctrl-C) the result so far is written with ``"complete": false``, then the interruption goes on.

    Raises:
        InputError: the suite needs data that was not given, or ``out`` has no folder.
    """
    if suite.data is not None and (options.data is None or not options.data.is_dir()):
        raise InputError(f"give --data: {suite.data}", code="bench.no_data", subject=suite.name)
    if not out.parent.is_dir():
        raise InputError(
            "folder does not exist", code="input.not_a_folder", subject=str(out.parent)
        )
    recorder = Recorder(seed=options.seed, report=report)
    complete = False
    try:
        suite.run(recorder, options)
        complete = True
    finally:
        result = {
            "schema": SCHEMA,
            "suite": suite.name,
            "commit": commit(),
            "complete": complete,
            "quick": options.quick,
            "machine": machine(),
            **recorder.as_json(),
        }
        text = json.dumps(result, ensure_ascii=False, indent=1) + "\n"
        replace_file(out, text.encode())
    return result


def commit() -> str:
    """Revision of the code that runs, ``-dirty`` when changed since; the package version outside a checkout."""
    here = Path(__file__).resolve()
    git = shutil.which("git")
    if git is None or _git(git, here, "ls-files", "--error-unmatch", here.name) is None:
        return f"ekyc-vn {ekyc.__version__}"
    revision = _git(git, here, "rev-parse", "HEAD") or "unknown"
    changed = _git(git, here, "status", "--porcelain", "--untracked-files=no", ":/")
    return f"{revision}-dirty" if changed else revision


def machine() -> dict[str, Any]:
    """What the figures were measured on; no host name."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _LIBRARIES if _has(name)},
    }


def _git(git: str, here: Path, *arguments: str) -> str | None:
    done = subprocess.run(  # noqa: S603 -- fixed program and arguments
        [git, "-C", str(here.parent), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _has(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True

"""``ekyc doctor``: whether this machine has what verification needs, and what to do where it has not.

A check that is NOT_PERFORMED names an optional part that is absent; it never changes the exit code. INDETERMINATE
is a warning, FAILED a problem.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

import typer
from rich.console import Console
from rich.markup import escape

from ekyc.cli.output import (
    EXIT_PASSED,
    EXIT_REJECTED,
    EXIT_REVIEW,
    STYLE_OF_OUTCOME,
    JsonFlag,
    console,
    result_object,
    write_json,
)
from ekyc.cli.state import StateOption, open_storage
from ekyc.errors import EkycError
from ekyc.outcomes import Check, Outcome, check_as_json, describe_reason

DISTRIBUTION: Final = "ekyc-vn"
_LEAST_PYTHON: Final = (3, 11)
_OPENCV: Final = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
_FONTS: Final = ("NotoSans-Regular.subset.ttf", "NotoSans-Bold.subset.ttf")
_TRUETYPE: Final = b"\x00\x01\x00\x00"
_EXTRAS: Final = {
    "paddleocr": "paddleocr",
    "insightface": "insightface",
    "pcsc": "smartcard",
    "pkcs11": "pkcs11",
    "ray": "ray",
    "postgres": "psycopg",
}
_PROGRAMS: Final = ("openssl", "pdfsig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of the machine, and what was seen."""

    check: Check
    seen: str


def register(app: typer.Typer) -> None:
    """Mount ``doctor`` on the root command."""
    app.command()(doctor)


def doctor(state: StateOption = None, json_output: JsonFlag = False) -> None:
    """Check this machine: packages, models, fonts, state, optional parts.

    Exit code 0 all well, 10 warnings, 11 problems.
    """
    findings = tuple(examine(state))
    checks = tuple(finding.check for finding in findings)
    outcome = overall(checks)
    if json_output:
        result = result_object("doctor", outcome.value, checks)
        result["checks"] = [
            {**check_as_json(finding.check), "seen": finding.seen} for finding in findings
        ]
        write_json(result)
    else:
        for finding in findings:
            _print(console(), finding)
    codes = {Outcome.PASSED: EXIT_PASSED, Outcome.INDETERMINATE: EXIT_REVIEW}
    raise typer.Exit(codes.get(outcome, EXIT_REJECTED))


def examine(state: str | None = None) -> Iterator[Finding]:
    """All checks, in the order in which they should be mended."""
    yield _python(sys.version_info[:2])
    yield _packages()
    yield opencv_finding(_installed_distributions(_OPENCV))
    yield _fonts()
    yield _state(state)
    yield _models()
    yield _downloaders(
        pip=importlib.util.find_spec("pip") is not None, npm=shutil.which("npm") is not None
    )
    for extra, module in _EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        yield _optional(f"doctor.extra_{extra}", there, f"pip install '{DISTRIBUTION}[{extra}]'")
    for program in _PROGRAMS:
        yield _optional(f"doctor.program_{program}", shutil.which(program) is not None, program)


def overall(checks: tuple[Check, ...]) -> Outcome:
    """FAILED, INDETERMINATE or PASSED; absent optional parts do not count."""
    found = {check.outcome for check in checks}
    for outcome in (Outcome.FAILED, Outcome.INDETERMINATE):
        if outcome in found:
            return outcome
    return Outcome.PASSED


def _finding(check_id: str, seen: str, *reasons: str, outcome: Outcome | None = None) -> Finding:
    """A finding: PASSED without reasons, FAILED with some unless ``outcome`` says otherwise."""
    outcome = outcome or (Outcome.FAILED if reasons else Outcome.PASSED)
    return Finding(check=Check(id=check_id, outcome=outcome, reasons=reasons), seen=seen)


def _python(version: tuple[int, int]) -> Finding:
    old = ("doctor.python_old",) if version < _LEAST_PYTHON else ()
    return _finding("doctor.python", platform.python_version(), *old)


def _packages() -> Finding:
    try:
        required = importlib.metadata.requires(DISTRIBUTION) or []
        own = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return _finding("doctor.packages", DISTRIBUTION, "doctor.package_missing")
    names = [_distribution_name(line) for line in required if "extra ==" not in line]
    there = _installed_distributions(names)
    missing = sorted(set(names) - set(there))
    if missing:
        return _finding("doctor.packages", ", ".join(missing), "doctor.package_missing")
    return _finding("doctor.packages", f"{DISTRIBUTION} {own} with {len(there)} requirements")


def _distribution_name(requirement: str) -> str:
    """Name in a requirement line (PEP 508)."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return found.group() if found else requirement


def _installed_distributions(names: list[str] | tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def opencv_finding(installed: dict[str, str]) -> Finding:
    """Judge the installed OpenCV distributions, name to version: exactly one may own the module ``cv2``."""
    seen = ", ".join(f"{name} {version}" for name, version in installed.items()) or "none"
    if not installed:
        return _finding("doctor.opencv", seen, "doctor.package_missing")
    if len(installed) > 1:
        return _finding("doctor.opencv", seen, "doctor.several_opencv")
    if not next(iter(installed)).endswith("-headless"):
        return _finding(
            "doctor.opencv", seen, "doctor.opencv_with_windows", outcome=Outcome.INDETERMINATE
        )
    return _finding("doctor.opencv", seen)


def _fonts() -> Finding:
    folder = resources.files("ekyc.data.fonts")
    for name in _FONTS:
        file = folder / name
        if not (file.is_file() and file.read_bytes().startswith(_TRUETYPE)):
            return _finding("doctor.fonts", name, "doctor.font_missing")
    return _finding("doctor.fonts", f"{len(_FONTS)} fonts")


def _state(state: str | None) -> Finding:
    try:
        with open_storage(state) as storage:
            storage.ping()
    except EkycError as error:
        return _finding("doctor.state", f"{error.code}: {error}", "doctor.state_unusable")
    return _finding("doctor.state", "database opens and answers")


def _models() -> Finding:
    from ekyc.inference import ModelStore

    store = ModelStore()
    errors: dict[str, EkycError] = {}
    for entry in store.registry.select(None):
        try:
            store.verify(entry.id)
        except EkycError as error:
            errors[entry.id] = error
    if not errors:
        return _finding("doctor.models", f"all whole in {store.root}")
    missing = all(error.code == "model.not_installed" for error in errors.values())
    reason = "doctor.model_missing" if missing else "doctor.model_altered"
    return _finding("doctor.models", ", ".join(errors), reason)


def _downloaders(*, pip: bool, npm: bool) -> Finding:
    missing = [name for name, there in (("pip", pip), ("npm", npm)) if not there]
    if missing:
        return _finding(
            "doctor.downloaders",
            f"no {' and no '.join(missing)}",
            "doctor.no_downloader",
            outcome=Outcome.INDETERMINATE,
        )
    return _finding("doctor.downloaders", "pip and npm")


def _optional(check_id: str, there: bool, hint: str) -> Finding:
    if there:
        return _finding(check_id, "present")
    return _finding(check_id, hint, "doctor.optional_absent", outcome=Outcome.NOT_PERFORMED)


def _print(out: Console, finding: Finding) -> None:
    """One line; a second one says what is wrong."""
    check = finding.check
    style = STYLE_OF_OUTCOME[check.outcome]
    name = check.id.removeprefix("doctor.")
    line = f"[{style}]{check.outcome.value:<13}[/] {name:<18} {escape(finding.seen)}"
    out.print(line, soft_wrap=True)
    if check.outcome in {Outcome.FAILED, Outcome.INDETERMINATE}:
        for code in check.reasons:
            out.print(f"{'':<13} {describe_reason(code)}", soft_wrap=True)

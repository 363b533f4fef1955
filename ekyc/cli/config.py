"""``ekyc config check``: what the service would run with, without starting or changing anything.

Values of variables are shown by an allow-list: names of files, addresses and numbers. Of all others, only that they are set.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from ekyc.cli.config_state import database_seen
from ekyc.cli.doctor import Finding, overall
from ekyc.cli.output import (
    STYLE_OF_OUTCOME,
    JsonFlag,
    console,
    exit_for,
    fail,
    result_object,
    say,
    write_json,
)
from ekyc.errors import EkycError, InputError
from ekyc.files import read_file
from ekyc.outcomes import Check, Outcome, check_as_json, describe_reason

_FILES: Final = {
    "EKYC_ACCESS": "file",
    "EKYC_ATTESTATION": "file",
    "EKYC_BLOBS": "made",
    "EKYC_CALENDAR": "file",
    "EKYC_CSC": "file",
    "EKYC_HOME": "made",
    "EKYC_KEYS": "made",
    "EKYC_MODELS": "made",
    "EKYC_NATIONAL_SERVICE": "file",
    "EKYC_RETENTION": "file",
    "EKYC_SERVICE_KEY": "made",
    "EKYC_SIGNATURE_ANCHORS": "file",
    "EKYC_SOCKET": "made",
    "EKYC_WEBHOOK_CA": "file",
}
"""Variables that name a file, and whether it must be there or is made when it is needed."""
_PLAIN: Final = frozenset(
    {
        *(
            "EKYC_BATCH_ITEMS",
            "EKYC_DEBUG",
            "EKYC_HOST",
            "EKYC_LANGUAGE",
            "EKYC_LOG_FORMAT",
            "EKYC_METRICS_PORT",
            "EKYC_OPEN_CASES",
            "EKYC_OPEN_CASE_MIB",
            "EKYC_PORT",
        ),
        *("EKYC_RESULT_ISSUER", "EKYC_URL", "EKYC_WEBHOOK_LOOPBACK", "EKYC_WEBHOOK_PORTS"),
    }
)
_SECRET: Final = frozenset(
    {
        *("EKYC_STATE", "EKYC_KEY_PASSPHRASE", "EKYC_AUTHORITY_PASSPHRASE"),
        *("EKYC_ISSUER_PASSPHRASE", "EKYC_ROOT_PASSPHRASE", "EKYC_TOKEN_PIN"),
        "EKYC_API_KEY",
        "EKYC_TRACES",  # no secret, but somebody may write one into an address
    }
)
_NAMES_A_VARIABLE: Final = re.compile(
    r'^\s*\w+_variable\s*=\s*"([A-Z][A-Z0-9_]{2,63})"', re.MULTILINE
)
_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z")
_MOST_BYTES: Final = 1 << 20

config_app = typer.Typer(help="Settings of the service.", no_args_is_help=True)


@config_app.callback()
def _config() -> None:
    """Keep ``check`` a command of its own."""


@config_app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Environment file (NAME=VALUE) instead of the environment."
        ),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Check what `ekyc serve` would run with: variables, files, permissions of keys, database, address. With options of a
    command line: `ekyc serve … --check`, `ekyc worker … --check`.

    Nothing is started, made or changed, and no value of a secret is shown. Exit code 0 all well, 10 warnings, 11 problems.
    """
    try:
        environment = dict(os.environ) if file is None else read_environment(file)
        findings = tuple(examine(environment))
    except EkycError as error:
        fail(error, json_output=json_output, command="config-check")
    tell(findings, json_output=json_output)


def tell(findings: tuple[Finding, ...], *, json_output: bool = False) -> None:
    """Show what was found, and end with the exit code that says it."""
    checks = tuple(finding.check for finding in findings)
    outcome = overall(checks)
    if json_output:
        result = result_object("config-check", outcome.value, checks)
        result["checks"] = [{**check_as_json(one.check), "seen": one.seen} for one in findings]
        write_json(result)
    else:
        for finding in findings:
            _show(finding)
    exit_for(outcome)


def read_environment(file: Path) -> dict[str, str]:
    """Variables of a file as systemd's ``EnvironmentFile=`` has them: a line each, ``#`` and ``;`` begin comments.

    Raises:
        InputError: ``config.file``; ``subject`` names the line.
    """
    try:
        text = read_file(file, _MOST_BYTES, code="config.file").decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError("cannot be read", code="config.file", subject=file.name) from exc
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        match = _LINE.match(line.strip())
        if match is None:
            raise InputError("not NAME=VALUE", code="config.file", subject=f"line {number}")
        value = match[2].strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in {'"', "'"}
        found[match[1]] = value[1:-1] if quoted else value
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Home:
    folder: Path
    service_key: Path
    keys: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> _Home:
        from ekyc.storage import KEY_NAME, KEYS_NAME, default_home

        given = environment.get("EKYC_HOME")
        folder = Path(given) if given else default_home()
        return cls(
            folder=folder,
            service_key=Path(environment.get("EKYC_SERVICE_KEY") or folder / KEY_NAME),
            keys=Path(environment.get("EKYC_KEYS") or folder / KEYS_NAME),
        )


def examine(environment: Mapping[str, str], *, insecure_public: bool = False) -> Iterator[Finding]:
    """All checks, in the order in which they should be mended.

    Args:
        environment: variables.
        insecure_public: whether the command line consents to an address that others reach.
    """
    home = _Home.of(environment)
    yield from _variables(environment)
    yield from _files(environment)
    yield from _keys(home)
    yield _database(environment, home)
    yield _address(environment, insecure_public=insecure_public)
    if environment.get("EKYC_TRACES"):
        yield _traces(environment["EKYC_TRACES"])


def _finding(name: str, seen: str, *reasons: str, outcome: Outcome | None = None) -> Finding:
    outcome = outcome or (Outcome.FAILED if reasons else Outcome.PASSED)
    return Finding(check=Check(id=f"config.{name}", outcome=outcome, reasons=reasons), seen=seen)


def _variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    named = _named_in_files(environment)
    known = {*_FILES, *_PLAIN, *_SECRET, *named}
    for name in sorted(name for name in environment if name.startswith("EKYC_")):
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), 1, 0.8)
            hint = f"{name}; did you mean {near[0]}?" if near else name
            yield _finding("variable", hint, "config.unknown_variable")
        elif name in _FILES or name in _PLAIN:
            yield _finding("variable", f"{name}={environment[name]}")
        else:
            yield _finding("variable", f"{name} is set")
    for name in sorted(named - environment.keys()):
        yield _finding(
            "variable", f"{name} is not set, and a file names it", "config.variable_missing"
        )


def _named_in_files(environment: Mapping[str, str]) -> set[str]:
    """Variables that the configured files take secrets from."""
    named: set[str] = set()
    for variable in _FILES:
        path = Path(environment.get(variable, ""))
        if path.suffix == ".toml" and path.is_file():
            with path.open("rb") as opened:
                named |= set(
                    _NAMES_A_VARIABLE.findall(opened.read(_MOST_BYTES).decode(errors="replace"))
                )
    return named


def _files(environment: Mapping[str, str]) -> Iterator[Finding]:
    for variable, kind in _FILES.items():
        path = Path(environment.get(variable, ""))
        needed = kind == "file" or path.suffix == ".toml"
        if (
            environment.get(variable)
            and needed
            and not (path.is_file() and os.access(path, os.R_OK))
        ):
            yield _finding("file", f"{variable}={path}", "config.file_unusable")
    access = environment.get("EKYC_ACCESS")
    if access and Path(access).is_file():
        from ekyc.api.access.configuration import load_access_settings

        try:
            load_access_settings(Path(access), environment)
        except EkycError as error:
            yield _finding(
                "file", f"{access}: {error.code} {error.subject or ''}", "config.file_unusable"
            )


def _keys(home: _Home) -> Iterator[Finding]:
    there = [
        path for path in (home.service_key, home.keys) if path.exists() and path.suffix != ".toml"
    ]
    there += sorted(home.keys.rglob("*")) if home.keys.is_dir() else []
    open_to_others = [path for path in there if stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in open_to_others:
        yield _finding("key_files", str(path), "config.key_readable")
    if not open_to_others:
        seen = (
            f"{len(there)} for their owner only" if there else "none yet; made at the first start"
        )
        yield _finding("key_files", seen)


def _database(environment: Mapping[str, str], home: _Home) -> Finding:
    from ekyc.storage import DATABASE_NAME

    try:
        seen = database_seen(environment.get("EKYC_STATE") or str(home.folder / DATABASE_NAME))
    except EkycError as error:
        return _finding("database", error.message, "config.database_unreachable")
    return _finding("database", seen)


def _address(environment: Mapping[str, str], *, insecure_public: bool) -> Finding:
    from ekyc.api import ServerAddress
    from ekyc.api.access.configuration import load_access_settings

    host, socket_path = environment.get("EKYC_HOST", "127.0.0.1"), environment.get("EKYC_SOCKET")
    access = environment.get("EKYC_ACCESS")
    try:
        tls = bool(access) and load_access_settings(Path(str(access)), environment).proxy.tls
        address = ServerAddress(
            host=host,
            socket_path=Path(socket_path) if socket_path else None,
            tls_declared=tls,
            insecure_public=insecure_public,
        )
    except EkycError as error:
        return _finding(
            "address", f"{host}: {error.code}: {error.message}", "config.address_refused"
        )
    where = (
        f"socket {socket_path}"
        if socket_path
        else f"{host} port {environment.get('EKYC_PORT', '8765')}"
    )
    if access is None:
        where += "; this machine only" if address.is_private else ""
        return _finding("address", where, "config.nobody_asked", outcome=Outcome.INDETERMINATE)
    return _finding("address", where)


def _traces(address: str) -> Finding:
    from ekyc.api.tracing import collector_url

    try:
        return _finding("traces", f"to {collector_url(address)}")
    except EkycError as error:
        return _finding("traces", error.code, "config.traces_refused")


def _show(finding: Finding) -> None:
    outcome = finding.check.outcome
    name = finding.check.id.removeprefix("config.")
    out = console()
    out.print(f"{outcome.value:<13}", style=STYLE_OF_OUTCOME[outcome], end=" ")
    say(out, f"{name:<10} {finding.seen}")
    for code in finding.check.reasons:
        say(out, f"{'':<13} {describe_reason(code)}")

"""``ekyc sam serve FILE --check``: what the signing process would run with, without starting, opening or making anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ekyc.cli.authority import PIN_VARIABLE
from ekyc.cli.config_state import database_seen
from ekyc.cli.doctor import Finding
from ekyc.cli.state import PASSPHRASE_VARIABLE
from ekyc.errors import EkycError
from ekyc.outcomes import Check, Outcome

if TYPE_CHECKING:
    from ekyc.signing.sam.configuration import SamConfiguration


def examine_sam(file: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """All checks, in the order in which they should be mended; a file that cannot be read is the only one.

    Args:
        file: configuration of the process.
        environment: variables, which may hold the passphrase of the keys or the PIN of the token.
    """
    from ekyc.signing.sam.configuration import load_configuration

    try:
        settings = load_configuration(file)
    except EkycError as error:
        yield _finding("sam_file", f"{file}: {error}", "config.file_unusable")
        return
    who = ", ".join(sorted(settings.issuers))
    how = ", ".join(sorted(settings.methods))
    yield _finding("sam_file", f"{file}; authorised by {who}; methods {how}")
    yield _keys(settings)
    yield _secret(settings, environment)
    yield _service_key(settings.service_key)
    yield _database(settings)
    if settings.revocation_lists:
        yield _revocation(settings)
    yield _socket(settings.socket)


def _keys(settings: SamConfiguration) -> Finding:
    from ekyc.signing.sam.configuration import TokenStore

    named = settings.keys
    if isinstance(named, TokenStore):
        seen = f"token {named.token} by {named.module}; not opened"
        missing = "/" in named.module and not os.access(named.module, os.R_OK)
        return _finding("sam_keys", seen, *(["config.file_unusable"] if missing else []))
    if not (named.folder.is_dir() and os.access(named.folder, os.R_OK | os.X_OK)):
        return _finding("sam_keys", str(named.folder), "config.file_unusable")
    files = [path for path in named.folder.rglob("*") if path.is_file()]
    exposed = [path for path in files if _open_to_others(path)]
    if exposed:
        return _finding("sam_keys", str(min(exposed)), "config.key_readable")
    return _finding("sam_keys", f"{named.folder}, for their owner only; not opened")


def _secret(settings: SamConfiguration, environment: Mapping[str, str]) -> Finding:
    from ekyc.signing.sam.configuration import TokenStore

    token = isinstance(settings.keys, TokenStore)
    name = PIN_VARIABLE if token else PASSPHRASE_VARIABLE
    if environment.get(name):
        return _finding("sam_secret", f"{name} is set")
    return _finding(
        "sam_secret", f"{name} is not set", "config.secret_asked", outcome=Outcome.INDETERMINATE
    )


def _service_key(path: Path) -> Finding:
    if not path.exists():
        return _finding("sam_key", f"{path} is not there; made at the first start")
    return _finding(
        "sam_key", str(path), *(["config.key_readable"] if _open_to_others(path) else [])
    )


def _database(settings: SamConfiguration) -> Finding:
    try:
        return _finding("sam_state", database_seen(str(settings.state)))
    except EkycError as error:
        return _finding("sam_state", error.message, "config.database_unreachable")


def _revocation(settings: SamConfiguration) -> Finding:
    from ekyc.signing.sam.assembly import RevocationFiles

    try:
        found = RevocationFiles(settings.revocation_lists).read()
    except EkycError as error:
        return _finding("sam_lists", f"{error.code}: {error}", "config.file_unusable")
    return _finding("sam_lists", f"{len(found.crls)} revocation lists")


def _socket(path: Path) -> Finding:
    from ekyc.signing.sam.server import require_socket_path

    try:
        require_socket_path(path)
    except EkycError as error:
        return _finding("sam_socket", f"{path}: {error.message}", "config.address_refused")
    return _finding("sam_socket", str(path))


def _open_to_others(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _finding(name: str, seen: str, *reasons: str, outcome: Outcome | None = None) -> Finding:
    outcome = outcome or (Outcome.FAILED if reasons else Outcome.PASSED)
    return Finding(check=Check(id=f"config.{name}", outcome=outcome, reasons=reasons), seen=seen)

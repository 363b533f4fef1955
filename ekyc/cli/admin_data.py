"""``ekyc admin keys|retention|erase-subject|backup|restore`` and ``ekyc migrate``: what an operator does to data at rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ekyc.cli.admin_keys import TenantOption, keys_app, tell, vault_of
from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import (
    BlobsOption,
    KeysOption,
    ServiceKeyOption,
    StateOption,
    open_blobs,
    open_keys,
    open_service_key,
    open_storage,
)
from ekyc.errors import EkycError, InputError

if TYPE_CHECKING:
    from ekyc.storage import Erasure, RetentionPolicy, RetentionRun, ServiceKey

retention_app = typer.Typer(help="How long artefacts are kept.", no_args_is_help=True)

_MOST_LIST_BYTES: Final = 1 << 20
_MOST_POLICY_BYTES: Final = 64 * 1024

KeysFileOption = Annotated[
    Path | None,
    typer.Option(
        "--keys-file",
        metavar="FILE",
        help="The wrapped keys of people, apart from the data. Keep the newest only: with an older one who was erased "
        "could be read again.",
    ),
]


def register(app: typer.Typer, admin_app: typer.Typer) -> None:
    """Mount the commands."""
    app.command()(migrate)
    admin_app.add_typer(keys_app, name="keys")
    admin_app.add_typer(retention_app, name="retention")
    for command in (erase_subject, backup, restore):
        admin_app.command()(command)


def migrate(state: StateOption = None, json_output: JsonFlag = False) -> None:
    """Create the state database, or bring it to the schema of this version. Other commands do so by themselves."""
    try:
        with open_storage(state) as storage:
            revision = storage.schema()
    except EkycError as error:
        fail(error, json_output=json_output, command="migrate")
    tell("migrate", json_output, f"schema {revision}", schema_revision=revision)


PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        envvar="EKYC_RETENTION",
        help="How long artefacts are kept: days by class and kind (TOML); docs/operations.md. Default: the software's own.",
    ),
]


@retention_app.command("run")
def run_retention(
    policy: PolicyOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would go, and change nothing.")
    ] = False,
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Remove artefacts whose time is over, finish removals that were cut off, and sweep blobs that belong to nobody."""
    try:
        chosen = load_policy(policy)
        with open_storage(state) as storage:
            done = vault_of(storage, keys, blobs).apply_retention(chosen, dry_run=dry_run)
    except EkycError as error:
        fail(error, json_output=json_output, command="admin-retention")
    if json_output:
        facts = {
            "dry_run": done.dry_run,
            "removed": dict(done.removed),
            "unfinished": done.unfinished,
            "orphans": done.orphans,
            "protected": done.protected,
            "unknown_classes": list(done.unknown_classes),
        }
        write_json(result_object("admin-retention", "PASSED", (), **facts))
        return
    _print_retention(done)


def erase_subject(
    tenant: TenantOption,
    subject_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The person's id.")
    ] = None,
    numbers_file: Annotated[
        Path | None,
        typer.Option(
            "--numbers",
            metavar="FILE",
            help="Numbers of identity documents, one a line; not as arguments, which shells and logs keep.",
        ),
    ] = None,
    issuers: Annotated[
        list[str] | None,
        typer.Option(
            "--issuer",
            metavar="CODE",
            help="Issuer of the documents, as in the machine-readable zone; may be given again. Default: VNM.",
        ),
    ] = None,
    accounts_file: Annotated[
        Path | None,
        typer.Option(
            "--accounts",
            metavar="FILE",
            help="Accounts of one person at identity providers, one a line: the provider's address, a space, and its name "
            "of the person (`sub`).",
        ),
    ] = None,
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Erase people for good, from every room: keys, artefacts, sessions, signing keys, and every pseudonym of theirs.

    There is no way back. Decisions and the evidence log stay, and say nothing about whom. Backups: docs/operations.md.
    """
    from ekyc.flows.erase_person import ISSUERS, PersonEraser

    try:
        if (subject_id is None) == (numbers_file is None):
            raise InputError("give either --id or --numbers", code="subject.which")
        numbers = () if numbers_file is None else lines_of(numbers_file)
        with open_storage(state) as storage:
            key = open_service_key(service_key)
            logins = () if accounts_file is None else account_logins(accounts_file, tenant, key)
            if logins and len(numbers) > 1:
                raise InputError("--accounts are of one person", code="subject.which")
            vault = vault_of(storage, keys, blobs)
            eraser = PersonEraser(storage, vault, key, issuers=issuers or ISSUERS)
            if subject_id is not None:
                done = [eraser.erase_id(tenant, subject_id, logins=logins)]
            else:
                done = [eraser.erase_number(tenant, one, logins=logins) for one in numbers]
    except EkycError as error:
        fail(error, json_output=json_output, command="admin-erase-subject")
    erased = [one.vault for one in done if one.vault is not None]
    sessions = sum(one.liveness_sessions for one in done)
    verifications = sum(one.sessions for one in done)
    blobs_gone = sum(one.blobs for one in done)
    text = (
        f"{len(erased)} people, {blobs_gone} blobs, {sessions} sessions erased;"
        f" {verifications} verification sessions redacted"
    )
    if not all(one.log_emptied for one in done):
        text += "; the log of the database could not be emptied yet, run it again"
    tell(
        "admin-erase-subject",
        json_output,
        text,
        erased=[_erasure_as_json(one) for one in erased],
        sessions=sessions,
        verification_sessions=verifications,
        blobs=blobs_gone,
    )


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup goes.")],
    keys_file: KeysFileOption = None,
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Write database and blobs into one file, while the service runs, and read it through.

    Keys are not in it: of people only with --keys-file, in a file of its own; key-encryption keys and service.key never.
    """
    try:
        with open_storage(state) as storage:
            made = vault_of(storage, keys, blobs).backup(file, keys_file=keys_file)
    except EkycError as error:
        fail(error, json_output=json_output, command="admin-backup")
    tell(
        "admin-backup",
        json_output,
        f"{made.blobs} blobs, {made.bytes} bytes, read through"
        + ("" if made.with_keys else "; without keys of people it cannot be restored: --keys-file"),
        id=made.id,
        created_at=made.created_at.isoformat(),
        blobs=made.blobs,
        bytes=made.bytes,
        with_keys=made.with_keys,
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    keys_file: KeysFileOption = None,
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Restore a backup where there is no database yet; whoever was erased since is not brought back."""
    from ekyc.ports import SystemClock
    from ekyc.storage import DATABASE_NAME, default_home, restore_backup

    try:
        if state is not None and "://" in state:
            raise InputError("a backup is restored to a file", code="backup.engine")
        done = restore_backup(
            file,
            keys_file=keys_file,
            database=Path(state) if state else default_home() / DATABASE_NAME,
            keys=open_keys(keys),
            blobs=open_blobs(blobs),
            clock=SystemClock(),
        )
    except EkycError as error:
        fail(error, json_output=json_output, command="admin-restore")
    tell(
        "admin-restore",
        json_output,
        f"state of {done.created_at.isoformat(timespec='seconds')}: {done.blobs} blobs;"
        f" {done.erased_since} people erased since",
        id=done.id,
        created_at=done.created_at.isoformat(),
        blobs=done.blobs,
        erased_since=done.erased_since,
    )


def load_policy(file: Path | None) -> RetentionPolicy:
    """How long artefacts are kept, by the operator's file or by the one that ships.

    Raises:
        InputError: the file cannot be read; ``retention.policy_invalid``.
    """
    from ekyc.chip.files import read_bounded
    from ekyc.storage import RetentionPolicy

    if file is None:
        return RetentionPolicy.default()
    return RetentionPolicy.parse(read_bounded(file, _MOST_POLICY_BYTES))


def lines_of(file: Path) -> tuple[str, ...]:
    """Numbers of identity documents in a file, one a line.

    Raises:
        InputError: the file cannot be read; ``subject.reference_invalid``.
    """
    from ekyc.chip.files import read_bounded

    try:
        text = read_bounded(file, _MOST_LIST_BYTES).decode("ascii")
    except UnicodeDecodeError as exc:
        raise InputError(
            "numbers are digits and capital letters", code="subject.reference_invalid"
        ) from exc
    return tuple(filter(None, map(str.strip, text.splitlines())))


def account_logins(file: Path, tenant: str, key: ServiceKey) -> tuple[str, ...]:
    """Pseudonyms of the accounts in a file.

    Raises:
        InputError: the file cannot be read; ``subject.which``: a line is no account.
    """
    from ekyc.chip.files import read_bounded
    from ekyc.storage.service_key import login_pseudonym

    lines = read_bounded(file, _MOST_LIST_BYTES).decode("utf-8", "replace").splitlines()
    accounts = [line.strip().partition(" ") for line in lines if line.strip()]
    if not all(name.strip() for _, _, name in accounts):
        raise InputError("an account is an address, a space and a name", code="subject.which")
    return tuple(login_pseudonym(key, tenant, issuer, name.strip()) for issuer, _, name in accounts)


def _erasure_as_json(erasure: Erasure) -> dict[str, Any]:
    return {
        "id": erasure.subject_id,
        "erased_at": erasure.erased_at.isoformat(),
        "blobs": erasure.blobs,
        "log_emptied": erasure.log_emptied,
    }


def _print_retention(done: RetentionRun) -> None:
    out, verb = console(), "would go" if done.dry_run else "gone"
    for name, count in sorted(done.removed.items()):
        say(out, f"{name}: {count} {verb}")
    say(
        out,
        f"unfinished removals: {done.unfinished}; orphans: {done.orphans}; protected: {done.protected}",
    )
    for name in done.unknown_classes:
        say(out, f"class {name} is in no policy; kept")

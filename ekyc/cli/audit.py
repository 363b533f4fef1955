"""``ekyc audit``: checkpoints, exports and proofs of the evidence log. Checking them: :mod:`ekyc.cli.audit_verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import (
    ServiceKeyOption,
    StateOption,
    open_service_key,
    open_storage,
    passphrase,
)
from ekyc.errors import EkycError, InputError
from ekyc.files import PUBLIC, replace_file, replacing

if TYPE_CHECKING:
    from ekyc.storage.evidence.checkpoints import AskForTime
    from ekyc.storage.evidence.notes import CheckpointSigner

COMMAND: Final = "audit"

audit_app = typer.Typer(
    help="The evidence log: what was decided, issued, signed and erased, so that no change goes unnoticed.\n\n"
    "Make a checkpoint daily and publish it; give auditors an export and the public key. They need nothing else:\n\n"
    "    ekyc audit checkpoint --out today.note\n\n"
    "    ekyc audit public-key > log.pem\n\n"
    "    ekyc audit export log.txt\n\n"
    "    ekyc audit verify log.txt --key log.pem --checkpoint today.note",
    no_args_is_help=True,
)

KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="DIR",
        help="Folder of encrypted keys (EKYC_KEY_PASSPHRASE); with --key. Default: a key that follows from the service "
        "key, which whoever has database and service key has too.",
    ),
]
LabelOption = Annotated[
    str | None, typer.Option("--key", metavar="LABEL", help="Name of the signing key in --keys.")
]


@audit_app.command()
def checkpoint(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the note is written.")
    ] = None,
    keys: KeysOption = None,
    key: LabelOption = None,
    tsa: Annotated[
        str | None,
        typer.Option(
            "--tsa", metavar="URL", help="Time-stamping authority (RFC 3161) that stamps it."
        ),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option(
            "--authority",
            metavar="DIR",
            help="Folder of `ekyc authority new` whose own time-stamping authority stamps it.",
        ),
    ] = None,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Sign what the log is now: size, root, time. Publish it where you cannot take it back.

    Run it daily or hourly. A checkpoint only reads: entries since the last one wait for the next, none is lost. It is
    refused if the log contradicts its last checkpoint.
    """
    try:
        with open_storage(state) as storage:
            kept = storage.checkpoints.make(
                signer=_signer(keys, key, service_key), ask_for_time=_clerk(tsa, authority)
            )
        if out is not None:
            _write(out, kept.note.encode())
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    _done(
        json_output,
        kept.note.rstrip("\n"),
        entries=kept.size,
        note=kept.note,
        timestamps=int(kept.timestamp is not None),
        written=None if out is None else str(out),
    )


@audit_app.command(name="public-key")
def public_key(
    keys: KeysOption = None,
    key: LabelOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """The key that checkpoints are checked with, as PEM. Give it to auditors beforehand."""
    from ekyc.storage.evidence.notes import CheckpointKey

    try:
        pem = CheckpointKey(_signer(keys, key, service_key).public_key_der).pem()
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    _done(json_output, pem.rstrip("\n"), public_key_pem=pem)


@audit_app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the export is written.")],
    size: Annotated[
        int | None, typer.Option(min=1, help="So many entries. Default: all there are.")
    ] = None,
    state: StateOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Write the log and its checkpoints to a file that can be checked without us.

    It holds codes, digests and pseudonyms, and nobody's name or number. docs/audit.md gives the format byte by byte.
    """
    from ekyc.storage.evidence.export import write_export

    try:
        with (
            open_storage(state) as storage,
            _writing(file),
            replacing(file, mode=PUBLIC) as out,
        ):
            entries = write_export(storage.evidence, storage.checkpoints, out, size=size)
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    _done(json_output, f"wrote {file}: {entries} entries", entries=entries, written=str(file))


@audit_app.command()
def prove(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it is written.")],
    entry: Annotated[
        int | None, typer.Option(min=0, help="That this entry is in the log (from 0).")
    ] = None,
    since: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="SIZE",
            help="That the log still begins as the checkpoint of this size says.",
        ),
    ] = None,
    state: StateOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Write a proof of one entry, or of the log's past, without showing the rest of the log.

    `ekyc audit verify FILE --key log.pem` checks it.
    """
    from ekyc.storage.evidence.proofs import prove_consistency, prove_inclusion

    if (entry is None) == (since is None):
        raise typer.BadParameter("give either --entry or --since")
    try:
        with open_storage(state) as storage:
            log, checkpoints = storage.evidence, storage.checkpoints
            proof = (
                prove_inclusion(log, checkpoints, entry)
                if entry is not None
                else prove_consistency(log, checkpoints, since or 0)
            )
        _write(out, (json.dumps(proof, ensure_ascii=False, indent=1) + "\n").encode())
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    _done(json_output, f"wrote {out}", written=str(out), proof=proof["kind"])


class _CheckpointSigner:
    """Any EC P-256 key of the signing room."""

    def __init__(self, folder: Path, label: str) -> None:
        from ekyc.signing.credentials import EcSigner
        from ekyc.signing.keys.software import EmbeddedKeys

        self._signer = EcSigner(EmbeddedKeys.unlock(folder, passphrase()).open(label))
        self.public_key_der = self._signer.public.der

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message)


def _signer(keys: Path | None, label: str | None, service_key: Path | None) -> CheckpointSigner:
    if (keys is None) != (label is None):
        raise typer.BadParameter("--keys and --key go together")
    if keys is not None and label is not None:
        return _CheckpointSigner(keys, label)
    from ekyc.storage.evidence.notes import ServiceCheckpointSigner

    return ServiceCheckpointSigner(open_service_key(service_key))


def _clerk(tsa: str | None, authority: Path | None) -> AskForTime | None:
    """Who stamps, if anybody does."""
    if tsa is not None and authority is not None:
        raise typer.BadParameter("give either --tsa or --authority")
    if tsa is None and authority is None:
        return None
    from ekyc.ports import SystemClock, SystemRandom
    from ekyc.signing.authority.timestamp import request_token

    if authority is not None:
        from ekyc.signing import EmbeddedAuthority

        ask = EmbeddedAuthority.open(authority, passphrase()).stamp
    else:
        from ekyc.signing.authority.http_exchange import HttpExchange
        from ekyc.signing.authority.timestamp_client import HttpTimestampAuthority

        address = tsa or ""
        ask = HttpTimestampAuthority(address, exchange=HttpExchange([address])).stamp
    return lambda digest: request_token(digest, ask=ask, random=SystemRandom(), clock=SystemClock())


def _write(path: Path, data: bytes) -> None:
    with _writing(path):
        replace_file(path, data, mode=PUBLIC)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise InputError("cannot be written", code="out.unwritable", subject=path.name) from exc


def _done(json_output: bool, text: str, **facts: Any) -> None:
    if json_output:
        kept = {name: value for name, value in facts.items() if value is not None}
        write_json(result_object(COMMAND, "PASSED", (), **kept))
    else:
        say(console(), text)

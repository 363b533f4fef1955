"""``ekyc audit verify`` and ``compare``: what an auditor runs, offline, on a file from somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer

from ekyc.cli.given_files import read_given
from ekyc.cli.output import (
    JsonFlag,
    checks_table,
    console,
    exit_for,
    fail,
    result_object,
    say,
    write_json,
)
from ekyc.errors import EkycError, InputError
from ekyc.outcomes import describe_reason

if TYPE_CHECKING:
    from ekyc.storage.evidence.audit import AuditReport, Finding, JudgeTimestamp
    from ekyc.storage.evidence.notes import Checkpoint, CheckpointKey
    from ekyc.storage.evidence.proofs import ProofReport

_COMMAND: Final = "audit"
_MAX_KEY_BYTES: Final = 1 << 16
_SHOWN: Final = 20

ExportArgument = Annotated[
    Path,
    typer.Argument(metavar="EXPORT", help="File of `ekyc audit export` or `ekyc audit prove`."),
]
PublicKeyOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        metavar="PUBKEY",
        help="Public key (PEM) of the log; may be given again after a change of keys. Without it nothing passes.",
    ),
]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command()(verify)
    app.command()(compare)


def verify(
    file: ExportArgument,
    key: PublicKeyOption = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint",
            metavar="NOTE",
            help="Checkpoint that was published or kept elsewhere; may be given again. Only it shows that the end of a "
            "log was cut off.",
        ),
    ] = None,
    tsa_certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Certificate (PEM or DER) of the time-stamping authority, or of its issuer. Without it timestamps are "
            "only held against their checkpoints.",
        ),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Check an export or a proof, offline, whatever its size: was anything changed, and where?

    Exit code 0: nothing was, and a checkpoint by PUBKEY covers all of it. 10: not decided – no key was given, or the last
    entries are not signed yet. 11: changed, removed, reordered, inserted, cut off or forged; the findings name the
    entry and the hash. 1: the file is something else.
    """
    try:
        keys = tuple(_key(path) for path in key or ())
        with _opened(file) as stream:
            if stream.read(1) == b"{":
                _proved(stream, keys, json_output)
            stream.seek(0)
            from ekyc.storage.evidence.audit import inspect_export

            report = inspect_export(
                stream,
                keys=keys,
                published=tuple(_note(path) for path in checkpoint or ()),
                judge_timestamp=_judge(tsa_certificate),
            )
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    if json_output:
        write_json(_as_json(report))
    else:
        _print(report)
    exit_for(report.outcome)


def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="An earlier export.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A later one of the same log.")],
    json_output: JsonFlag = False,
) -> None:
    """Does a newer export begin with an older one? Two that do not are a fork: somebody was told another story.

    Each may be sound by itself; verify both as well. Exit code 0: it does. 11: it does not, and from which entry on.
    """
    from ekyc.storage.evidence.audit import compare_exports

    try:
        with _opened(old) as first, _opened(new) as second:
            found = compare_exports(first, second)
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    findings = () if found.finding is None else (found.finding,)
    if json_output:
        write_json(
            result_object(
                _COMMAND,
                found.check.outcome.value,
                (found.check,),
                entries=found.new_entries,
                same_entries=found.old_entries,
                findings=[_finding(one) for one in findings],
            )
        )
    else:
        out = console()
        out.print(checks_table((found.check,)))
        for one in findings:
            say(out, _told(one))
        say(out, f"{found.old_entries} entries are the same")
    exit_for(found.check.outcome)


def _proved(stream: BinaryIO, keys: tuple[CheckpointKey, ...], json_output: bool) -> None:
    """Check a proof and leave."""
    from ekyc.storage.evidence.proofs import MAX_PROOF_BYTES, inspect_proof

    stream.seek(0)
    report: ProofReport = inspect_proof(stream.read(MAX_PROOF_BYTES + 1), keys=keys)
    if json_output:
        facts: dict[str, Any] = {"proof": report.kind}
        if report.event is not None:
            facts |= {"number": report.number, "event": report.event}
        sizes = [one.size for one in report.checkpoints]
        check = report.check
        write_json(result_object(_COMMAND, check.outcome.value, (check,), sizes=sizes, **facts))
    else:
        out = console()
        out.print(checks_table((report.check,)))
        for one in report.checkpoints:
            say(out, f"checkpoint of {one.size} entries, {one.time}, {one.origin}")
        if report.event is not None:
            say(out, f"entry {report.number}: {report.event}")
    exit_for(report.check.outcome)


def _as_json(report: AuditReport) -> dict[str, Any]:
    last = report.last_checkpoint
    return result_object(
        _COMMAND,
        report.outcome.value,
        report.checks,
        origin=report.origin,
        entries=report.entries,
        signed_entries=report.signed_entries,
        checkpoints=report.checkpoints,
        timestamps=report.timestamps,
        root=report.root.hex(),
        last_checkpoint=None if last is None else {"size": last.size, "time": last.time},
        findings=[_finding(one) for one in report.findings],
        findings_count=report.found,
    )


def _finding(found: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {"code": found.code, "number": found.number}
    if found.last is not None:
        told["last"] = found.last
    if found.which is not None:
        told["hash"] = found.which
    if found.stated is not None and found.computed is not None:
        told |= {"stated": found.stated.hex(), "computed": found.computed.hex()}
    return told


def _told(found: Finding) -> str:
    """One finding as a line."""
    where = "line" if found.code == "audit.line_unread" else "entry"
    if found.code.startswith("audit.checkpoint") and found.which is None:
        where = "checkpoint of size"
    span = f"{where} {found.number}"
    if found.last not in {None, found.number}:
        span = f"entries {found.number} to {found.last}"
    text = f"{span}: {describe_reason(found.code, 'en')}"
    if found.which is not None and found.stated is not None and found.computed is not None:
        text += f" ({found.which} {found.stated.hex()}, computed {found.computed.hex()})"
    return text


def _print(report: AuditReport) -> None:
    out = console()
    out.print(checks_table(report.checks))
    say(out, f"{report.origin}: {report.entries} entries, {report.signed_entries} of them signed")
    last = report.last_checkpoint
    if last is not None:
        say(out, f"last checkpoint: {last.size} entries, {last.time}")
    for found in report.findings[:_SHOWN]:
        say(out, _told(found))
    if report.found > _SHOWN:
        say(out, f"… {report.found} findings in all; --json gives the first hundred")


def _judge(certificate: Path | None) -> JudgeTimestamp:
    authority = None if certificate is None else _certificate(certificate)

    def judge(digest: bytes, token: bytes) -> object:
        from ekyc.signing.authority.timestamp import (
            require_token,  # loads pyHanko, which few logs need
        )

        return require_token(token, digest, authority_der=authority)

    return judge


def _certificate(file: Path) -> bytes:
    """DER of a certificate in PEM or DER."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    data = read_given(file, _MAX_KEY_BYTES)
    load = (
        x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate
    )
    try:
        return load(data).public_bytes(Encoding.DER)
    except ValueError as exc:
        raise InputError("not a certificate", code="input.invalid", subject=file.name) from exc


def _key(file: Path) -> CheckpointKey:
    from ekyc.storage.evidence.notes import CheckpointKey

    return CheckpointKey.from_pem(read_given(file, _MAX_KEY_BYTES))


def _note(file: Path) -> Checkpoint:
    from ekyc.storage.evidence.notes import read_checkpoint

    return read_checkpoint(read_given(file, _MAX_KEY_BYTES).decode("utf-8", "replace"))


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as exc:
        raise InputError("cannot be read", code="input.file_unreadable", subject=file.name) from exc

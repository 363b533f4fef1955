"""``ekyc sign``: sign files with the authority of a pilot, take signatures further, prepare for a key elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.cli.output import (
    EXIT_REVIEW,
    JsonFlag,
    console,
    fail,
    result_object,
    say,
    write_json,
)
from ekyc.cli.sign_forms import (
    LEVELS,
    augmented,
    data_signed,
    default_level,
    form_in,
    form_of,
    highest_level,
    level_named,
)
from ekyc.cli.sign_services import (
    AuthorityOption,
    StatusHostOption,
    TrustOption,
    TsaOption,
    TsaPolicyOption,
    open_services,
    read_file,
    write_file,
)
from ekyc.errors import EkycError, InputError
from ekyc.outcomes import Check, Outcome

if TYPE_CHECKING:
    from ekyc.signing import Level
    from ekyc.signing.signatory import Signatory

_NOT_REACHED: Final = "signature.level_not_reached"
_CERTIFICATE_BYTES: Final = 1 << 20

sign_app = typer.Typer(
    help="Sign PDF (PAdES), XML (XAdES), JSON (JWS) or any file (CAdES) with the authority of a pilot.",
    no_args_is_help=True,
)

LevelOption = Annotated[
    str | None,
    typer.Option(
        "--level",
        metavar="|".join(LEVELS),
        help="How long the signature is to be provable. Default: B-T for PDF, B-LT for everything else; "
        "B-LTA is for PDF alone.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Where the results go. Default: beside the files."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What came of one file."""

    source: Path
    target: Path
    data: bytes
    form: str
    level: str
    reached: bool


@sign_app.command("files")
def sign_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What to sign.")],
    authority: AuthorityOption,
    level: LevelOption = None,
    out: OutOption = None,
    detached: Annotated[
        bool,
        typer.Option("--detached", help="Sign XML, JSON and PDF as any other file: FILE.p7s."),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Why it is signed; shown by PDF readers."),
    ] = None,
    certify: Annotated[
        bool,
        typer.Option("--certify", help="Certify PDFs: later only forms and signatures."),
    ] = False,
    tsa: TsaOption = None,
    tsa_policy: TsaPolicyOption = None,
    status_host: StatusHostOption = None,
    trust: TrustOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Sign files. By what they hold: PDF gives NAME.signed.pdf, XML NAME.signed.xml, JSON NAME.jws, all else NAME.p7s.

    Either all files are signed and written, or none is. If only the time could not be had, the signatures are written at
    level B-B, the exit code is 10, and `ekyc sign augment` takes them further.
    """
    try:
        signatory = open_services(
            authority, tsa=tsa, policies=tsa_policy, hosts=status_host, trust=trust
        )
        wanted = level_named(level)
        signed = [
            _sign(file, signatory, wanted, out, detached=detached, reason=reason, certify=certify)
            for file in files
        ]
        _write(signed)
    except EkycError as error:
        fail(error, json_output=json_output, command="sign")
    _finish(signed, json_output=json_output)


@sign_app.command()
def augment(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The signed file.")],
    authority: AuthorityOption,
    level: LevelOption = None,
    out: OutOption = None,
    tsa: TsaOption = None,
    tsa_policy: TsaPolicyOption = None,
    status_host: StatusHostOption = None,
    trust: TrustOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Take a signature further: a PDF to B-LTA (again, to renew it), everything else to B-LT.

    Chains and lists of a signer of another authority are handed over with --trust, or asked for with --status-host.
    """
    from ekyc.signing import TimestampFailedError

    try:
        services = open_services(
            authority, tsa=tsa, policies=tsa_policy, hosts=status_host, trust=trust
        )
        data = read_file(file)
        form = form_in(data)
        reached = level_named(level) or highest_level(form)
        target = _beside(file, out, f"{file.stem}.augmented{file.suffix}")
        done = _Signed(
            source=file,
            target=target,
            data=augmented(form, data, services, reached),
            form=form,
            level=reached.value,
            reached=True,
        )
        _write([done])
    except TimestampFailedError as exc:
        cause = exc.__cause__ if isinstance(exc.__cause__, EkycError) else exc
        fail(cause, json_output=json_output, command="sign")
    except EkycError as error:
        fail(error, json_output=json_output, command="sign")
    _finish([done], json_output=json_output)


@sign_app.command()
def prepare(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The PDF.")],
    authority: AuthorityOption,
    certificate: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Whose key will sign: certificate, then its chain."),
    ],
    level: LevelOption = None,
    out: OutOption = None,
    trust: TrustOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Prepare a PDF for a key that lies elsewhere; prints the SHA-256 that it must sign.

    Writes NAME.prepared.pdf and NAME.prepared.json. Then `ekyc sign complete` with the signature value.
    """
    from ekyc.signing import prepare_pdf, read_trust_material
    from ekyc.signing.pdf.external import external_identity, keep

    try:
        services = open_services(authority, trust=trust)
        wanted = level_named(level) or default_level("pdf")
        chain = read_trust_material(read_file(certificate, _CERTIFICATE_BYTES)).certificates
        if not chain:
            raise InputError("no certificate", code="signing.certificate.unreadable")
        prepared = prepare_pdf(
            read_file(file), external_identity(chain[0], chain[1:]), services, level=wanted
        )
        pdf = _beside(file, out, f"{file.stem}.prepared.pdf")
        state = _beside(file, out, f"{file.stem}.prepared.json")
        write_file(pdf, prepared.hole.pdf)
        write_file(state, keep(prepared, level=wanted))
    except EkycError as error:
        fail(error, json_output=json_output, command="sign-prepare")
    digest = prepared.to_be_signed.hex()
    if json_output:
        facts = {"pdf": str(pdf), "state": str(state), "to_be_signed": digest}
        facts["algorithm"] = prepared.algorithm.value
        write_json(result_object("sign-prepare", "PASSED", (), **facts))
        return
    say(console(), f"sign this SHA-256 with {prepared.algorithm.value}: {digest}")
    say(console(), f"wrote {pdf} and {state}")


@sign_app.command()
def complete(
    state: Annotated[
        Path, typer.Argument(metavar="STATE", help="NAME.prepared.json; the PDF lies beside it.")
    ],
    authority: AuthorityOption,
    value: Annotated[
        Path, typer.Option(metavar="FILE", help="The signature value: DER for EC, octets for RSA.")
    ],
    tsa: TsaOption = None,
    tsa_policy: TsaPolicyOption = None,
    status_host: StatusHostOption = None,
    trust: TrustOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Put a signature value into a prepared PDF, and take it to the level that it was prepared for.

    Refused if PDF or state were changed, if the value does not fit, or if the certificate has ended meanwhile.
    """
    from ekyc.signing import TimestampFailedError, complete_pdf
    from ekyc.signing.pdf.external import MAX_STATE_BYTES, take_up

    try:
        services = open_services(
            authority, tsa=tsa, policies=tsa_policy, hosts=status_host, trust=trust
        )
        pdf = state.with_suffix(".pdf")
        prepared, wanted = take_up(read_file(state, MAX_STATE_BYTES), read_file(pdf), services)
        given = read_file(value, _CERTIFICATE_BYTES)
        reached, data = wanted, b""
        try:
            data = complete_pdf(prepared, given, services, level=wanted)
        except TimestampFailedError as exc:
            reached, data = exc.level, exc.signed
        name = pdf.name.removesuffix(".prepared.pdf")
        done = _Signed(
            source=pdf,
            target=pdf.with_name(f"{name}.signed.pdf"),
            data=data,
            form="pdf",
            level=reached.value,
            reached=reached is wanted,
        )
        _write([done])
    except EkycError as error:
        fail(error, json_output=json_output, command="sign")
    _finish([done], json_output=json_output)


def _sign(
    file: Path,
    signatory: Signatory,
    wanted: Level | None,
    out: Path | None,
    *,
    detached: bool,
    reason: str | None,
    certify: bool,
) -> _Signed:
    from ekyc.signing import TimestampFailedError

    form = "any" if detached else form_of(file)
    level = wanted or default_level(form)
    names = {
        "pdf": f"{file.stem}.signed.pdf",
        "xml": f"{file.stem}.signed.xml",
        "json": f"{file.name}.jws",
        "any": f"{file.name}.p7s",
    }
    try:
        data = data_signed(form, file, signatory, level, reason=reason, certify=certify)
        reached = level
    except TimestampFailedError as exc:
        data, reached = exc.signed, exc.level
    except EkycError as exc:
        raise _about(exc, file) from exc
    return _Signed(
        source=file,
        target=_beside(file, out, names[form]),
        data=data,
        form=form,
        level=reached.value,
        reached=reached is level,
    )


def _beside(file: Path, out: Path | None, name: str) -> Path:
    return (file.parent if out is None else out) / name


def _about(error: EkycError, file: Path) -> EkycError:
    if error.subject is None:
        error.subject = file.name
    return error


def _write(signed: Sequence[_Signed]) -> None:
    """Only when all are made; none is written over."""
    targets = [item.target for item in signed]
    for target in targets:
        if target.exists() or targets.count(target) > 1:
            raise InputError("is there already", code="input.file_exists", subject=target.name)
    written: list[Path] = []
    try:
        for item in signed:
            write_file(item.target, item.data)
            written.append(item.target)
    except EkycError:
        for target in written:
            target.unlink(missing_ok=True)
        raise


def _finish(signed: Sequence[_Signed], *, json_output: bool) -> None:
    all_reached = all(item.reached for item in signed)
    outcome = Outcome.PASSED if all_reached else Outcome.INDETERMINATE
    if json_output:
        check = Check(
            id="signature.level",
            outcome=outcome,
            reasons=() if all_reached else (_NOT_REACHED,),
            subjects=tuple(item.source.name for item in signed if not item.reached),
        )
        facts = [
            {
                "file": str(item.source),
                "signed": str(item.target),
                "form": item.form,
                "level": item.level,
            }
            for item in signed
        ]
        write_json(result_object("sign", outcome.value, (check,), files=facts))
    else:
        for item in signed:
            say(console(), f"{item.level}  {item.target}")
            if not item.reached:
                say(console(), "  the time could not be had; go on with `ekyc sign augment`")
    if not all_reached:
        raise typer.Exit(EXIT_REVIEW)

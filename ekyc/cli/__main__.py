"""The command line ``ekyc``: mounts the commands of every room."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from types import FrameType
from typing import Annotated

import typer

import ekyc
from ekyc.cli import (
    admin,
    admin_data,
    audit,
    audit_verify,
    authority,
    batch,
    bench,
    case,
    challenge,
    chip,
    chip_read,
    chip_relay,
    chip_simulate,
    config,
    credential,
    demo,
    doctor,
    face,
    liveness,
    liveness_sessions,
    models,
    ocr,
    sam,
    serve,
    sign,
    trust,
    validate,
    verify,
    verify_result,
    webhook,
    worker,
)
from ekyc.cli.output import EXIT_ERROR, EXIT_INTERRUPTED, report
from ekyc.errors import EkycError, place_of

app = typer.Typer(
    name="ekyc",
    help="Online identity and document verification for Vietnam.\n\n"
    "Start with `ekyc demo`: it verifies a complete sample case and writes a signed result.\n\n"
    "Exit codes: 0 accepted or passed, 10 review or indeterminate, 11 rejected or failed, "
    "2 wrong usage, 1 error, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold personal data
    rich_markup_mode="markdown",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ekyc {ekyc.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Online identity and document verification for Vietnam."""


verify.register(app)
validate.register(app)
verify_result.register(app)
demo.register(app)
serve.register(app)
worker.register(app)
doctor.register(app)
liveness.liveness_app.add_typer(liveness_sessions.sessions_app, name="sessions")
admin_data.register(app, admin.admin_app)
app.add_typer(admin.admin_app, name="admin")
app.add_typer(case.case_app, name="case")
app.add_typer(config.config_app, name="config")
app.add_typer(challenge.challenge_app, name="challenge")
chip_read.register(chip.chip_app)
chip_relay.register(chip.chip_app)
chip_simulate.register(chip.chip_app)
app.add_typer(chip.chip_app, name="chip")
app.add_typer(sam.sam_app, name="sam")
app.add_typer(trust.trust_app, name="trust")
app.add_typer(ocr.ocr_app, name="ocr")
app.add_typer(face.face_app, name="face")
app.add_typer(liveness.liveness_app, name="liveness")
app.add_typer(models.models_app, name="models")
app.add_typer(bench.bench_app, name="bench")
app.add_typer(batch.batch_app, name="batch")
app.add_typer(authority.authority_app, name="authority")
app.add_typer(credential.credential_app, name="credential")
audit_verify.register(audit.audit_app)
app.add_typer(audit.audit_app, name="audit")
app.add_typer(sign.sign_app, name="sign")
app.add_typer(webhook.webhook_app, name="webhook")


def main() -> None:
    """Entry point of the ``ekyc`` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot write
    interrupts = _count_interrupts()
    try:
        app()
    except SystemExit as exc:
        if exc.code == EXIT_ERROR and interrupts:
            sys.exit(EXIT_INTERRUPTED)
        raise
    except BrokenPipeError:  # `ekyc … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (
        Exception
    ) as exc:  # a defect of ours: its text might repeat personal data, its place does not
        if os.environ.get("EKYC_DEBUG"):
            raise
        if interrupts:  # Ctrl-C within an import or a library's callback comes out as any error
            sys.exit(EXIT_INTERRUPTED)
        defect = EkycError(
            f"{type(exc).__name__} at {place_of(exc)}; set EKYC_DEBUG=1 for the whole traceback",
            code="internal",
        )
        report(defect, json_output="--json" in sys.argv, command=_command())
        sys.exit(EXIT_ERROR)


def _count_interrupts() -> list[int]:
    """Ctrl-C as Python takes it, and a list that is not empty once it was pressed."""
    seen: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, interrupt)
    return seen


def _command() -> str:
    """The command as schemas name it: ``ekyc chip inspect …`` → ``chip-inspect``."""
    words = [word for word in sys.argv[1:3] if word.isalpha()]
    single = words[:1] and words[0] in {
        "verify",
        "validate",
        "demo",
        "serve",
        "doctor",
        "migrate",
        "worker",
    }
    return "-".join(words[:1] if single else words) or "ekyc"


if __name__ == "__main__":
    main()

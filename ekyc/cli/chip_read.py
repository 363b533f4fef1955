"""``ekyc chip read``: read the chip on a PC/SC reader, and judge what came out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

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
from ekyc.cli.state import StateOption, TrustOption, load_trust, open_storage
from ekyc.errors import EkycError, InputError
from ekyc.outcomes import Outcome, worst
from ekyc.ports import SystemClock, SystemRandom, Transceiver

if TYPE_CHECKING:
    from ekyc.chip import ChipReport
    from ekyc.chip.access_key import AccessKey
    from ekyc.chip.reader import ChipReading
    from ekyc.pki import TrustStore

_T = TypeVar("_T")

_COMMAND: Final = "chip-read"
_SIGNATURE_NAME: Final = "aa-signature.bin"
_WITHHELD: Final = frozenset({"chip.aa_key_withheld", "chip.ca_key_withheld"})
"""The signed list names a key that the chip does not show: a copy that could not prove it would do the same."""


def register(app: typer.Typer) -> None:
    """Mount ``read`` on the group of chip commands."""
    app.command("read")(read_command)


def read_command(
    reader: Annotated[
        str | None,
        typer.Option("--reader", metavar="NAME", help="PC/SC reader, or a part of its name."),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Name the readers and stop.")] = False,
    mrz: Annotated[
        str | None,
        typer.Option(
            "--mrz",
            metavar="ZONE|NUMBER,BIRTH,EXPIRY|-",
            help="Machine readable zone, or document number (the last nine digits of the personal number) and dates "
            "as YYMMDD. With - it is read from stdin, where other users of the machine cannot see it.",
        ),
    ] = None,
    can: Annotated[
        str | None,
        typer.Option("--can", metavar="DIGITS|-", help="Card access number (six digits)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the files of the chip.")
    ] = None,
    challenge: Annotated[
        str | None,
        typer.Option(
            "--challenge",
            metavar="ID",
            help="Spend this challenge: the chip signs its nonce, and the answer is judged here.",
        ),
    ] = None,
    nonce: Annotated[
        str | None,
        typer.Option(
            "--nonce",
            metavar="HEX",
            help="Let the chip sign this nonce and keep the answer, for `ekyc verify CASE --challenge ID`.",
        ),
    ] = None,
    trust: TrustOption = None,
    state: StateOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Read the chip on a reader: PACE or BAC, chip authentication, files, active authentication.

    Exit code 0: read, and everything holds. 10: no anchor, or something is open. 11: refuted. 1: not readable.
    """
    try:
        if listing:
            _list(json_output=json_output)
            return
        name, folder = _required(reader, "--reader"), _required(out, "--out")
        key = _access_key(mrz, can)
        foreign = _foreign_nonce(nonce, challenge)
        with _connect(name) as card:
            fresh = _redeem(challenge, state) if challenge else None
            reading = _read(card, key, fresh or foreign)
        _write(reading, folder)
        report = _inspect(reading, load_trust(trust), fresh)
        outcome, result = _present(reading, report, json_output=json_output)
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    if json_output:
        write_json(result)
    exit_for(outcome)


def parse_mrz_option(text: str) -> AccessKey:
    """Access key from a whole zone, or from number, birth and expiry with commas between.

    Raises:
        InputError: ``chip.access_key``, ``mrz.*``.
    """
    from ekyc.chip.access_key import MrzKey
    from ekyc.mrz import parse_mrz

    parts = [part.strip().upper() for part in text.split(",")]
    if len(parts) == 3:
        return MrzKey(*parts)
    zone = parse_mrz(text.strip().upper())
    return MrzKey(zone.document_number, zone.birth_yymmdd, zone.expiry_yymmdd)


def _access_key(mrz: str | None, can: str | None) -> AccessKey:
    from ekyc.chip.access_key import CanKey

    if (mrz is None) == (can is None):
        raise InputError("give either --mrz or --can", code="chip.access_key")
    if mrz is not None:
        return parse_mrz_option(sys.stdin.read(1024) if mrz == "-" else mrz)
    return CanKey(sys.stdin.read(64).strip() if can == "-" else str(can))


def _foreign_nonce(nonce: str | None, challenge: str | None) -> bytes | None:
    """A nonce that somebody else issued and will judge the answer to."""
    if challenge and nonce:
        raise InputError("give either --challenge or --nonce", code="chip.aa_nonce")
    try:
        return bytes.fromhex(nonce) if nonce else None
    except ValueError as exc:
        raise InputError("the nonce is no hexadecimal number", code="chip.aa_nonce") from exc


def _redeem(challenge: str, state: str | None) -> bytes:
    """Spend the challenge, now that a card is there to answer it."""
    from ekyc.storage import ACTIVE_AUTHENTICATION

    with open_storage(state) as storage:
        return storage.nonces.redeem(challenge, ACTIVE_AUTHENTICATION)


def _required(value: _T | None, option: str) -> _T:
    if value is None:
        raise InputError(f"{option} is missing", code="input.option_missing", subject=option)
    return value


def _list(*, json_output: bool) -> None:
    from ekyc.chip.pcsc import list_readers

    names = list_readers()
    for name in names:
        say(console(json_output=json_output), name)
    if json_output:
        write_json(result_object(_COMMAND, Outcome.PASSED.value, (), readers=list(names)))


@contextmanager
def _connect(reader: str) -> Iterator[Transceiver]:
    from ekyc.chip.pcsc import PcscContext

    with PcscContext() as context, context.connect(reader) as card:
        yield card


def _read(card: Transceiver, key: AccessKey, nonce: bytes | None) -> ChipReading:
    from ekyc.chip.program import run_program
    from ekyc.chip.reader import read_chip

    return run_program(read_chip(key, random=SystemRandom(), nonce=nonce), card)


def _write(reading: ChipReading, folder: Path) -> None:
    try:
        reading.files.write_to(folder)
        if reading.active_authentication_signature:
            (folder / _SIGNATURE_NAME).write_bytes(reading.active_authentication_signature)
    except OSError as exc:
        raise InputError(
            "the folder cannot be written", code="input.unwritable", subject=folder.name
        ) from exc


def _inspect(reading: ChipReading, trust: TrustStore, nonce: bytes | None) -> ChipReport:
    from ekyc.chip import ActiveAuthenticationExchange, inspect_chip

    exchange = ActiveAuthenticationExchange(
        nonce=nonce, signature=reading.active_authentication_signature
    )
    return inspect_chip(
        reading.files,
        trust=trust,
        challenge=exchange,
        chip_authentication=reading.chip_authentication_evidence,
        at=SystemClock().now(),
    )


def _present(
    reading: ChipReading, report: ChipReport, *, json_output: bool
) -> tuple[Outcome, dict[str, Any]]:
    from ekyc.chip import chip_report_as_json
    from ekyc.chip.report import DECIDING_CHECKS

    facts = chip_report_as_json(report) | _reading_as_json(reading)
    unproven = not (report.active_authentication or report.chip_authentication)
    outcome = worst(
        check.outcome
        for check in report.checks
        if check.id in DECIDING_CHECKS
        or check.outcome in (Outcome.FAILED, Outcome.INDETERMINATE)
        or (unproven and not _WITHHELD.isdisjoint(check.reasons))
    )
    people = console(json_output=json_output)
    people.print(checks_table(report.checks))
    proven = reading.chip_authentication
    say(people, f"\naccess     {reading.access.name}")
    say(
        people,
        f"chip key   {proven.protocol if proven else reading.chip_authentication_error or '-'}",
    )
    say(people, f"files      {', '.join(facts['submitted'])}")
    return outcome, result_object(_COMMAND, outcome.value, report.checks, **facts)


def _reading_as_json(reading: ChipReading) -> dict[str, Any]:
    authentication = reading.chip_authentication
    return {
        "access": {
            "protocol": reading.access.protocol.value,
            "name": reading.access.name,
            "pace_error": reading.access.pace_error,
        },
        "chip_authentication": authentication
        and {
            "method": authentication.method.value,
            "protocol": authentication.protocol,
            "key_bits": authentication.key_bits,
        },
        "chip_authentication_error": reading.chip_authentication_error,
        "unread": {file.value: code for file, code in reading.unread.items()},
    }

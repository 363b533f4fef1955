"""``ekyc ocr``: read pages and cards, hold a copy against its original."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ekyc.cli.output import (
    EXIT_PASSED,
    EXIT_REVIEW,
    JsonFlag,
    checks_table,
    console,
    exit_for,
    fail,
    result_object,
    write_json,
)
from ekyc.cli.pictures import picture_files
from ekyc.errors import EkycError
from ekyc.outcomes import Outcome, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ekyc.ocr import DocumentComparison, DocumentReading, ReadField, TextReader
    from ekyc.values import BgrImage

ocr_app = typer.Typer(
    help="Read cards and papers; hold a copy against its original.", no_args_is_help=True
)


@ocr_app.command()
def read(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Pictures or PDF files, one a paper.")
    ],
    json_output: JsonFlag = False,
) -> None:
    """Read papers: text, kind and fields. Pages may be turned, slanted, and lie on anything.

    Exit code 0, or 10 when a file holds no text or most of it, or a required field, cannot be read.
    """
    try:
        with _reader() as reader:
            from ekyc.ocr import read_document
            from ekyc.ocr.as_json import document_as_json, unread_reasons

            readings = [read_document(_pages(path), reader) for path in files]
    except EkycError as error:
        fail(error, json_output=json_output, command="ocr-read")
    reasons = unread_reasons(readings)
    if json_output:
        papers = [
            {"file": path.name, **document_as_json(reading)}
            for path, reading in zip(files, readings, strict=True)
        ]
        outcome = Outcome.INDETERMINATE if reasons else Outcome.PASSED
        write_json(result_object("ocr-read", outcome.value, [], reasons=reasons, papers=papers))
    else:
        for path, reading in zip(files, readings, strict=True):
            _print_document(path.name, reading)
    raise typer.Exit(EXIT_REVIEW if reasons else EXIT_PASSED)


@ocr_app.command()
def card(
    front: Annotated[Path, typer.Argument(metavar="FRONT", help="Picture of the front.")],
    back: Annotated[
        Path | None, typer.Argument(metavar="[BACK]", help="Picture of the back.")
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Read an identity card: printed fields, machine readable zone, QR code.

    Exit code 0 read and free of contradictions, 11 contradictory, 10 not read well enough. Nothing on a card is
    signed: this tells nothing about its origin.
    """
    try:
        with _reader() as reader:
            from ekyc.imaging.decode import read_image
            from ekyc.ocr import read_card
            from ekyc.ocr.as_json import card_as_json

            back_image = read_image(back) if back is not None else None
            reading = read_card(read_image(front), back_image, reader)
    except EkycError as error:
        fail(error, json_output=json_output, command="ocr-card")
    outcome = worst(check.outcome for check in reading.checks)
    if json_output:
        facts = card_as_json(reading)
        write_json(result_object("ocr-card", outcome.value, reading.checks, **facts))
    else:
        out = console()
        out.print(_fields_table(reading.fields))
        out.print(checks_table(reading.checks))
    exit_for(outcome)


@ocr_app.command()
def compare(
    original: Annotated[
        Path, typer.Argument(metavar="ORIGINAL", help="Picture, PDF file or folder of pictures.")
    ],
    copy: Annotated[
        Path, typer.Argument(metavar="COPY", help="Picture, PDF file or folder of pictures.")
    ],
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page that shows what differs."),
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Was anything changed between an original and its copy? Exit code 0 no, 11 yes, 10 an officer has to look."""
    try:
        originals, copies = _pages(original), _pages(copy)
        with _reader() as reader:
            from ekyc.ocr import compare_copy
            from ekyc.ocr.as_json import comparison_as_json

            comparison = compare_copy(originals, copies, reader)
        if html is not None:
            from ekyc.ocr.copy_report import comparison_page

            html.write_text(comparison_page(comparison, copies), encoding="utf-8")
    except EkycError as error:
        fail(error, json_output=json_output, command="ocr-compare")
    check = comparison.checks[0]
    if json_output:
        facts = comparison_as_json(comparison)
        found = (check.outcome.value, comparison.checks)
        write_json(result_object("ocr-compare", *found, reasons=list(check.reasons), **facts))
    else:
        _print_comparison(comparison)
    exit_for(check.outcome)


@contextmanager
def _reader() -> Iterator[TextReader]:
    from ekyc.inference import Engine
    from ekyc.ocr.engines import READING_MODELS, open_reader

    with Engine.open(ids=READING_MODELS) as engine:
        yield open_reader(engine)


def _pages(path: Path) -> tuple[BgrImage, ...]:
    """The pages of a paper: a picture, a PDF or TIFF file of several pages, or a folder of those by name."""
    from ekyc.imaging.decode import read_image_bytes
    from ekyc.imaging.document_pages import decode_files

    return decode_files((file.name, read_image_bytes(file)) for file in picture_files([path]))


def _fields_table(fields: Sequence[ReadField]) -> Table:
    from ekyc.ocr.as_json import shown_value

    table = Table(box=None, pad_edge=False)
    for column in ("field", "value", "confidence", "standing"):
        table.add_column(column, justify="right" if column == "confidence" else "left")
    for field in fields:
        table.add_row(
            field.name, shown_value(field), f"{field.confidence:.2f}", field.standing.value
        )
    return table


def _print_document(name: str, reading: DocumentReading) -> None:
    out = console()
    out.rule(f"{name}: {reading.kind}")
    for page in reading.pages:
        for line in page.lines:
            out.print(line.text, markup=False)
    if reading.fields:
        out.print(_fields_table(reading.fields))
    out.print(checks_table(reading.checks))


def _print_comparison(comparison: DocumentComparison) -> None:
    out = console()
    table = Table(box=None, pad_edge=False)
    for column in ("page", "what", "status", "original", "copy", "ink"):
        table.add_column(column)
    for item in comparison.differences:
        table.add_row(
            str(item.page + 1),
            item.kind.value if item.kind else "picture",
            item.status.value,
            item.original.reveal(),
            item.copy.reveal(),
            f"{item.ink:.2f}",
        )
    for page in comparison.pages:
        for mark in page.marks:
            if mark.presence.value != "PRESENT":
                table.add_row(
                    str(comparison.pages.index(page) + 1),
                    mark.kind.value,
                    mark.presence.value,
                    "",
                    "",
                    "",
                )
    if table.row_count:
        out.print(table)
    out.print(checks_table(comparison.checks))

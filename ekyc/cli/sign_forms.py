"""What ``ekyc sign`` does with each kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.cli.sign_services import read_file
from ekyc.errors import InputError

if TYPE_CHECKING:
    from ekyc.signing import Level
    from ekyc.signing.signatory import Services, Signatory

LEVELS: Final = ("B-B", "B-T", "B-LT", "B-LTA")


def data_signed(
    form: str, file: Path, signatory: Signatory, level: Level, *, reason: str | None, certify: bool
) -> bytes:
    from ekyc.signing import sign_pdf
    from ekyc.signing.formats.cades import digest_stream, sign_cades
    from ekyc.signing.formats.jades import sign_json
    from ekyc.signing.formats.xades import sign_xml

    if form == "pdf":
        return sign_pdf(read_file(file), signatory, level=level, reason=reason, certify=certify)
    if form == "any":
        try:
            with file.open("rb") as stream:
                digest = digest_stream(stream)
        except OSError as exc:
            raise InputError(
                "cannot be read", code="input.file_unreadable", subject=file.name
            ) from exc
        return sign_cades(digest, signatory, level=level)
    return (sign_xml if form == "xml" else sign_json)(read_file(file), signatory, level=level)


def augmented(form: str, data: bytes, services: Services, level: Level) -> bytes:
    from ekyc.signing import Level, augment_pdf
    from ekyc.signing.formats.cades import augment_cades
    from ekyc.signing.formats.jades import augment_json
    from ekyc.signing.formats.xades import augment_xml

    if form == "pdf":
        if level is not Level.B_LTA:
            raise InputError("a PDF is taken to B-LTA", code="signing.level.unsupported")
        return augment_pdf(data, services)
    how = {"xml": augment_xml, "json": augment_json, "any": augment_cades}[form]
    return how(data, services, level=level)


def form_of(file: Path) -> str:
    """By the first kilobyte; a file that is neither PDF nor XML nor JSON is signed beside itself."""
    try:
        with file.open("rb") as stream:
            head = stream.read(1024)
    except OSError as exc:
        raise InputError("cannot be read", code="input.file_unreadable", subject=file.name) from exc
    found = form_in(head)
    if found == "json" and file.suffix.lower() not in {".json", ".jws"}:
        return "any"
    return found


def form_in(data: bytes) -> str:
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if text[:1] == b"<":
        return "xml"
    return "json" if text[:1] in {b"{", b"["} else "any"


def level_named(text: str | None) -> Level | None:
    from ekyc.signing import Level

    if text is None:
        return None
    try:
        return Level(text.upper())
    except ValueError as exc:
        raise InputError(
            f"a level is one of {', '.join(LEVELS)}", code="signing.level.unsupported"
        ) from exc


def default_level(form: str) -> Level:
    from ekyc.signing import Level

    return Level.B_T if form == "pdf" else Level.B_LT


def highest_level(form: str) -> Level:
    from ekyc.signing import Level

    return Level.B_LTA if form == "pdf" else Level.B_LT

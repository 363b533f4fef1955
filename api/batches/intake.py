"""From an upload to sealed cases.

A case is kept as one archive of its files, uncompressed, under a key of its own: destroying that key erases it, in every
copy. What was sealed and then not recorded belongs to nobody; retention removes it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field, TypeAdapter, ValidationError

from ekyc.api.archives import unpack
from ekyc.api.forms import InputModel, Reference
from ekyc.api.schemas import ID_PATTERN
from ekyc.errors import InputError, LimitError
from ekyc.flows.case import CASE_FILE
from ekyc.storage import BatchCase

if TYPE_CHECKING:
    from datetime import datetime

    from ekyc.api.batches.limits import BatchLimits
    from ekyc.api.limits import ServiceLimits
    from ekyc.storage import DossierDesk, Vault

_REFERENCE: Final[TypeAdapter[str]] = TypeAdapter(Reference)
RETENTION: Final = "batch"
_KIND: Final = "batch-case"
_CHUNK: Final = 256 * 1024


class BatchLine(InputModel):
    """One line of a list: an uploaded case, and what the caller calls it."""

    reference: Reference
    case_id: str = Field(pattern=ID_PATTERN)


def read_lines(body: bytes, limits: BatchLimits) -> tuple[BatchLine, ...]:
    """The lines of a list of uploaded cases (NDJSON).

    Raises:
        InputError: ``batch.line``, ``batch.empty``, ``batch.twice``; ``subject`` is the number of the line.
        LimitError: ``batch.too_many``.
    """
    lines: list[BatchLine] = []
    references: set[str] = set()
    for number, raw in enumerate(body.split(b"\n"), 1):
        if not raw.strip():
            continue
        if len(lines) == limits.items:
            raise LimitError(f"a batch has at most {limits.items} items", code="batch.too_many")
        try:
            line = BatchLine.model_validate_json(raw[: limits.line_bytes + 1])
        except ValidationError:
            raise InputError(
                "not an object with reference and case_id", code="batch.line", subject=str(number)
            ) from None  # pydantic's own error repeats the submitted values
        if line.reference in references:
            raise InputError("a reference comes twice", code="batch.twice", subject=str(number))
        references.add(line.reference)
        lines.append(line)
    if not lines:
        raise InputError("no item in it", code="batch.empty")
    return tuple(lines)


def case_folders(
    archive: Path, folder: Path, limits: ServiceLimits, bounds: BatchLimits
) -> tuple[Path, ...]:
    """Unpack an archive of case folders; each is named as the caller calls it.

    Raises:
        InputError: ``request.archive``, ``batch.case_missing``, ``batch.reference``, ``batch.empty``.
        LimitError: ``request.too_large``, ``request.too_many_parts``, ``batch.too_many``.
    """
    unpack(archive, folder, bounds.of_archive(limits), unwrap=False)
    folders = sorted(folder.iterdir())
    if not folders:
        raise InputError("no case in it", code="batch.empty")
    if len(folders) > bounds.zipped:
        raise LimitError(f"an archive has at most {bounds.zipped} cases", code="batch.too_many")
    for number, one in enumerate(folders, 1):
        try:
            _REFERENCE.validate_python(one.name)
        except ValidationError:
            raise InputError(
                "the name of a folder is no reference, or holds the number of a person",
                code="batch.reference",
                subject=str(number),
            ) from None  # pydantic's own error repeats the name
        if not (one / CASE_FILE).is_file():
            raise InputError(
                "a folder without case.toml", code="batch.case_missing", subject=str(number)
            )
        files = [path for path in one.rglob("*") if path.is_file()]
        if len(files) > limits.parts:
            raise LimitError("too many files in a case", code="request.too_many_parts")
        if sum(path.stat().st_size for path in files) > limits.case_bytes:
            raise LimitError("larger than a case may be", code="request.too_large")
    return tuple(folders)


def seal(
    desk: DossierDesk, vault: Vault, tenant: str, folder: Path, *, office: str | None, now: datetime
) -> BatchCase:
    """Seal a case folder under a key of its own.

    Raises:
        StorageError, BusyError: it could not be kept, e.g. ``storage.full``.
    """
    packed = folder.with_name(f".{folder.name}")  # no reference is named like this
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                name = path.relative_to(folder).as_posix()
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
        subject = vault.subjects.create(tenant)
        stored = vault.artefacts.put(
            tenant, subject.id, _KIND, _pieces(packed), retention=RETENTION
        )
    finally:
        packed.unlink(missing_ok=True)
    return BatchCase(
        id=desk.new_id(),
        office=office,
        artefact_id=stored.id,
        subject_id=subject.id,
        size=stored.size,
        created_at=now,
    )


def unseal(
    vault: Vault, tenant: str, artefact_id: str, scratch: Path, limits: ServiceLimits
) -> Path:
    """The case folder of a sealed case, inside the private folder ``scratch``.

    Raises:
        ArtefactError, SubjectError: it is gone.
        StorageError: it cannot be read.
    """
    packed, folder = scratch / "case.zip", scratch / "case"
    folder.mkdir(mode=0o700)
    with packed.open("xb") as out:
        for piece in vault.artefacts.stream(tenant, artefact_id):
            out.write(piece)
    unpack(packed, folder, limits, unwrap=False)
    return folder


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece

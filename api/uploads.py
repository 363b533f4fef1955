"""From a request body to a case folder.

Parts of the multipart body:

- ``case``: the text of ``case.toml``; or
- ``archive``: the whole case folder as one zip archive, and then neither ``case`` nor ``file``; a ``case`` whose
  filename ends in ``.zip`` is taken for one too;
- ``file``, repeated: one file of the case, its ``filename`` being the path that ``case.toml`` names;
- ``challenge_id``: the challenge that the chip signed;
- ``liveness``: a JSON object that names the liveness session which is the live part of the case.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, Self

import anyio.to_thread
from fastapi import Request
from pydantic import ValidationError

from ekyc.api.archives import unpack
from ekyc.api.errors import point_at
from ekyc.api.limits import ServiceLimits
from ekyc.api.liveness_schemas import LivenessUse
from ekyc.api.multipart import Event, MultipartReader, PartBegin, PartData
from ekyc.api.paths import case_path, comparison_key
from ekyc.errors import InputError, LimitError
from ekyc.flows.case import CASE_FILE, CaseManifest, require_case
from ekyc.storage import disk_errors

if TYPE_CHECKING:
    from ekyc.flows import LiveUse

_ROOMS_OF_A_CASE = frozenset({"case", "chip"})
_CASE_BYTES = 64 * 1024
_CHALLENGE_ID_BYTES = 100
_LIVENESS_BYTES = 2048
_TEXTS = {"challenge_id": _CHALLENGE_ID_BYTES, "liveness": _LIVENESS_BYTES}
"""Parts that are kept in memory, and how long they may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A case as it was received."""

    folder: Path
    challenge_id: str | None
    live: LiveUse | None = None
    came_as: Literal["case", "archive"] = "case"

    def part_of(self, error: InputError) -> str | None:
        """The part of the body in which a fault of the case is; ``None`` of any other."""
        of_text = (error.subject or "").startswith(CASE_FILE)
        if not of_text and error.code.partition(".")[0] not in _ROOMS_OF_A_CASE:
            return None
        return "archive" if self.came_as == "archive" else "case" if of_text else "file"


async def receive_case(
    body: AsyncIterator[bytes], content_type: str, scratch: Path, limits: ServiceLimits
) -> Submission:
    """Store a request body as a case folder inside the private folder ``scratch``.

    Raises:
        InputError: the body is not as described above (``request.…``; ``subject`` names the part).
        LimitError: it passes a bound.
        StorageError: ``storage.full``.
    """
    reader = MultipartReader(content_type, max_parts=limits.parts + 3)
    with disk_errors("upload"), _Receiver(scratch, limits) as receiver:
        async for chunk in body:
            for event in reader.feed(chunk):
                receiver.take(event)
        reader.finish()
    if receiver.archive is not None:
        await anyio.to_thread.run_sync(partial(unpack, receiver.archive, receiver.folder, limits))
    if not (receiver.folder / CASE_FILE).is_file():
        raise InputError(
            "the part `case` (or case.toml in the archive) is missing",
            code="request.case_missing",
            subject="case",
        )
    return Submission(
        folder=receiver.folder,
        challenge_id=receiver.challenge_id(),
        live=receiver.live(),
        came_as="case" if receiver.archive is None else "archive",
    )


async def manifest_of(request: Request, submission: Submission) -> CaseManifest:
    """What ``case.toml`` says, where all that it names came along.

    Raises:
        InputError, LimitError: it is not valid, or a file is missing (``case.…``, ``chip.…``); points at the part.
    """
    with pointing_at_case(request, submission):
        return await anyio.to_thread.run_sync(require_case, submission.folder)


@contextmanager
def pointing_at_case(request: Request, submission: Submission) -> Iterator[None]:
    """Faults of the case that are found within the block point at the part that they are in."""
    try:
        yield
    except InputError as error:
        part = submission.part_of(error)
        if part is not None:
            point_at(request, part)
        raise


class _Receiver:
    """Writes parts where they belong, one at a time."""

    def __init__(self, scratch: Path, limits: ServiceLimits) -> None:
        self.folder = scratch / "case"
        self.folder.mkdir(mode=0o700)
        self.archive: Path | None = None
        self._scratch = scratch
        self._limits = limits
        self._case_left = limits.case_bytes
        self._texts = {name: bytearray() for name in _TEXTS}
        self._seen: set[str] = set()
        self._out: BinaryIO | None = None
        self._part = ""
        self._part_left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def challenge_id(self) -> str | None:
        text = self._texts["challenge_id"].decode("ascii", errors="replace").strip()
        return text or None

    def live(self) -> LiveUse | None:
        if "liveness" not in self._seen:
            return None
        try:
            return LivenessUse.model_validate_json(bytes(self._texts["liveness"])).use()
        except ValidationError:
            raise InputError(
                "not an object with session_id, result_token, case, subject",
                code="request.part",
                subject="liveness",
            ) from None  # pydantic's own error repeats the submitted values

    def take(self, event: Event) -> None:
        if isinstance(event, PartBegin):
            self._begin(event)
        elif isinstance(event, PartData):
            self._write(event.data)
        else:
            self._close()

    def _begin(self, part: PartBegin) -> None:
        self._part, self._part_left = part.name, self._limits.file_bytes
        zipped = (part.filename or "").lower().endswith(".zip")
        if part.name in _TEXTS:
            self._require_first(part.name, part.name)
            self._part_left = _TEXTS[part.name]
        elif part.name == "case" and not zipped:
            self._part_left = _CASE_BYTES
            self._open_in_case(CASE_FILE, part.name)
        elif part.name == "file":
            if not part.filename:
                raise InputError(
                    "a file part needs a filename", code="request.path", subject="file"
                )
            self._open_in_case(part.filename, part.name)
        elif part.name in {"archive", "case"}:
            self._require_first("", part.name)
            self._part_left = self._limits.body_bytes
            self.archive = self._scratch / "case.zip"
            self._out = self.archive.open("xb")
        else:
            raise InputError(
                "unknown part; known are case, file, archive, challenge_id, liveness",
                code="request.part",
            )
        if self.archive is not None and self._seen - {"", *_TEXTS}:
            raise InputError(
                "an archive comes without other files", code="request.part", subject="archive"
            )

    def _open_in_case(self, name: str, part: str) -> None:
        path = case_path(name)
        self._require_first(comparison_key(path), part)
        target = self.folder / path
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._out = target.open("xb")
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as exc:
            # a file where another part wants a folder
            raise InputError("two files claim one path", code="request.part", subject=part) from exc

    def _require_first(self, key: str, part: str) -> None:
        if key in self._seen:
            raise InputError("a part or file comes twice", code="request.part", subject=part)
        self._seen.add(key)

    def _write(self, data: bytes) -> None:
        self._part_left -= len(data)
        if self._out is not None and self.archive is None:
            self._case_left -= len(data)
        if self._part_left < 0 or self._case_left < 0:
            raise LimitError(
                "larger than a case may hold", code="request.too_large", subject=self._part
            )
        if self._out is None:
            self._texts[self._part] += data
        else:
            self._out.write(data)

    def _close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None

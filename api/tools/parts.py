"""The parts of a question: said once, for whoever receives the body and for the OpenAPI document.

The body is ``multipart/form-data``. Each part meets its own bound before a byte of it is kept. Texts and small files stay in
memory, and never see a disk; larger ones go to a private folder, which is made when it is needed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from ekyc.api.errors import name_parts
from ekyc.api.multipart import Event, MultipartReader, PartBegin, PartData
from ekyc.api.v1.wire import DigestedBody
from ekyc.errors import InputError, LimitError
from ekyc.flows.tools import PAPER_BYTES, PICTURE_BYTES, ToolFile
from ekyc.storage import disk_errors

if TYPE_CHECKING:
    from fastapi import Request

_KIBIBYTE: Final = 1024
_PICTURES: Final = "image/jpeg, image/png, image/webp, image/jp2, image/tiff"
_IN_MEMORY: Final = 512 * _KIBIBYTE
"""All small files of one question together."""
_BOUNDARIES: Final = 64 * _KIBIBYTE
"""What a multipart body may hold beside its parts."""


class PartKind(Enum):
    """What a part may be, and how large."""

    PICTURE = (PICTURE_BYTES, _PICTURES)
    PAPER = (PAPER_BYTES, f"{_PICTURES}, application/pdf")
    FILE = (PAPER_BYTES, "application/octet-stream")
    CHIP_FILE = (128 * _KIBIBYTE, "application/octet-stream")
    STATUS_LIST = (512 * _KIBIBYTE, "application/octet-stream")
    TEXT = (64 * _KIBIBYTE, None)

    def __init__(self, most_bytes: int, media_types: str | None) -> None:
        self.most_bytes = most_bytes
        self.media_types = media_types


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a question, by name."""

    name: str
    kind: PartKind
    vi: str
    en: str
    most: int = 1
    """How often it may come."""
    required: bool = False
    pattern: str | None = None
    """That a text must match."""

    def described(self) -> dict[str, Any]:
        """Its schema."""
        told = f"{self.vi} / {self.en}"
        one: dict[str, Any] = {"type": "string"}
        if self.pattern is not None:
            one["pattern"] = self.pattern
        if self.kind.media_types is not None:
            one["contentMediaType"] = self.kind.media_types
        if self.most == 1:
            return {**one, "description": told}
        return {"type": "array", "items": one, "maxItems": self.most, "description": told}


@dataclass(frozen=True, slots=True)
class Parts:
    """All parts that an operation takes."""

    listed: tuple[Part, ...]
    total_bytes: int
    """All of them together."""

    @property
    def body_bytes(self) -> int:
        """Bound on the body."""
        return self.total_bytes + _BOUNDARIES

    def described(self) -> dict[str, Any]:
        """``openapi_extra``: the body, with an example in each language."""
        needed = [part for part in self.listed if part.required]
        example = needed or list(self.listed[:1])
        shown = {part.name: f"<{part.name}>" for part in example}
        summaries = {language: _example(example, language) for language in ("vi", "en")}
        schema = {
            "type": "object",
            "properties": {part.name: part.described() for part in self.listed},
            "required": [part.name for part in needed],
            "additionalProperties": False,
        }
        content = {
            "schema": schema,
            "examples": {
                language: {"summary": summary, "value": shown}
                for language, summary in summaries.items()
            },
        }
        return {"requestBody": {"required": True, "content": {"multipart/form-data": content}}}


def _example(parts: Iterable[Part], language: str) -> str:
    return "; ".join(part.vi if language == "vi" else part.en for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What came."""

    files: Mapping[str, tuple[ToolFile, ...]] = field(repr=False)
    texts: Mapping[str, str] = field(repr=False)
    sha256: Mapping[str, str]
    """Of every file, by its name."""

    def all(self, name: str) -> tuple[ToolFile, ...]:
        """The files of a part, in the order in which they came."""
        return self.files.get(name, ())

    def maybe(self, name: str) -> ToolFile | None:
        """The file of a part, if it came."""
        return next(iter(self.all(name)), None)

    def one(self, name: str) -> ToolFile:
        """The file of a part.

        Raises:
            InputError: ``request.part_missing``.
        """
        found = self.maybe(name)
        if found is None:
            raise missing(name)
        return found


def missing(name: str) -> InputError:
    """A part that is needed did not come."""
    return InputError("this part is missing", code="request.part_missing", subject=name)


async def receive(request: Request, parts: Parts, folder: Callable[[], Path]) -> Question:
    """Read the body of ``request``.

    Args:
        request: not read yet.
        parts: that its body may have.
        folder: makes a private folder for what is not small.

    Raises:
        InputError: ``request.part``, ``request.part_missing``, ``request.multipart``, ``request.not_multipart``,
            ``digest.malformed``, ``digest.mismatch``; ``subject`` names the part.
        LimitError: ``request.too_large``, ``request.too_many_parts``.
        StorageError: ``storage.full``.
    """
    name_parts(request, (part.name for part in parts.listed))
    body = DigestedBody(request)
    content_type = request.headers.get("content-type", "")
    reader = MultipartReader(content_type, max_parts=sum(part.most for part in parts.listed))
    with disk_errors("upload"), _Receiver(folder, parts) as receiver:
        async for chunk in body.stream():
            for event in reader.feed(chunk):
                receiver.take(event)
        reader.finish()
    return receiver.question()


class _Receiver:
    """Puts parts where they belong, one at a time."""

    def __init__(self, folder: Callable[[], Path], parts: Parts) -> None:
        self._make_folder = folder
        self._folder: Path | None = None
        self._parts = {part.name: part for part in parts.listed}
        self._total_left = parts.total_bytes
        self._memory_left = _IN_MEMORY
        self._files: dict[str, list[ToolFile]] = {}
        self._texts: dict[str, bytes] = {}
        self._digests: dict[str, str] = {}
        self._part: Part | None = None
        self._name = ""
        self._left = 0
        self._held = bytearray()
        self._out: BinaryIO | None = None
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._out is not None:
            self._out.close()

    def take(self, event: Event) -> None:
        if isinstance(event, PartBegin):
            self._begin(event.name)
        elif isinstance(event, PartData):
            self._write(event.data)
        else:
            self._end()

    def question(self) -> Question:
        for part in self._parts.values():
            if part.required and part.name not in self._files | self._texts:
                raise missing(part.name)
        return Question(
            files={name: tuple(files) for name, files in self._files.items()},
            texts={name: self._told(self._parts[name], raw) for name, raw in self._texts.items()},
            sha256=self._digests,
        )

    def _begin(self, name: str) -> None:
        part = self._parts.get(name)
        if part is None:
            known = ", ".join(self._parts)
            raise InputError(f"unknown part; known are {known}", code="request.part")
        count = len(self._files.get(name, ())) + (name in self._texts)
        if count >= part.most:
            raise InputError(
                f"comes more than {part.most} times", code="request.part", subject=name
            )
        self._part, self._left = part, part.kind.most_bytes
        self._name = name if part.most == 1 else f"{name}/{count}"
        self._held, self._hash = bytearray(), hashlib.sha256()

    def _write(self, data: bytes) -> None:
        self._left -= len(data)
        self._total_left -= len(data)
        if self._left < 0 or self._total_left < 0:
            raise LimitError("larger than it may be", code="request.too_large", subject=self._name)
        self._hash.update(data)
        if self._out is not None:
            self._out.write(data)
            return
        self._held += data
        if len(self._held) > self._memory_left and not self._is_text:
            self._out = self._place().open("xb")
            self._out.write(self._held)
            self._held = bytearray()

    def _end(self) -> None:
        assert self._part is not None  # a part has begun
        name = self._part.name
        if self._is_text:
            self._texts[name] = bytes(self._held)
            return
        content: bytes | Path = bytes(self._held)
        self._memory_left -= len(self._held)
        if self._out is not None:
            self._out.close()
            self._out, content = None, self._place()
        self._digests[self._name] = self._hash.hexdigest()
        self._files.setdefault(name, []).append(ToolFile(name=self._name, content=content))

    @property
    def _is_text(self) -> bool:
        return self._part is not None and self._part.kind is PartKind.TEXT

    def _place(self) -> Path:
        if self._folder is None:
            self._folder = self._make_folder()
        return self._folder / self._name.replace("/", "-")

    @staticmethod
    def _told(part: Part, raw: bytes) -> str:
        try:
            text = raw.decode("utf-8").strip()
        except UnicodeDecodeError:
            text = ""
        if not text or (part.pattern is not None and re.search(part.pattern, text) is None):
            raise InputError(
                "not of the form that is asked for", code="request.part", subject=part.name
            )
        return text

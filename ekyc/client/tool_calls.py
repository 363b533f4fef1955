"""The tools' operations as calls, for both clients."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ekyc.client.calls import Operation
from ekyc.client.exchange import Call, Reply
from ekyc.client.values import Check
from ekyc.errors import InputError, UpstreamError

File = Path | bytes
"""What a file may be given as."""
_Part = tuple[str, str | None, bytes]
_PLACE: Final = "/v1/tools/"
_CHIP_PARTS: Final = {"EF.SOD": "sod", "EF.DG1": "dg1", "EF.DG2": "dg2", "EF.DG13": "dg13"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a tool answers. It decides nothing about anybody."""

    outcome: str
    """``PASSED``, ``FAILED``, ``INDETERMINATE`` or ``NOT_PERFORMED``."""
    checks: tuple[Check, ...]
    files: Mapping[str, str]
    """SHA-256 of what was looked at, by part."""
    raw: Mapping[str, Any] = field(repr=False)
    """The whole answer, with what was read."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> ToolAnswer:
        """From its JSON."""
        return cls(
            outcome=body["outcome"],
            checks=tuple(map(Check.of, body["checks"])),
            files=body["files"],
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page(Operation[str]):
    """An operation that answers a page."""

    def result(self, reply: Reply) -> str:
        """The page.

        Raises:
            UpstreamError: ``http.foreign``: what answered is not this service.
        """
        if not reply.headers.get("content-type", "").startswith("text/html"):
            raise UpstreamError("not an answer of this service", code="http.foreign")
        return reply.content.decode("utf-8", "replace")


def inspect_chip(files: Mapping[str, bytes]) -> Operation[ToolAnswer]:
    """``inspect_chip``."""
    encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
    call = Call(method="POST", path=f"{_PLACE}chip-inspections", body={"files": encoded})
    return Operation(call=call, read=ToolAnswer.of)


def read_card(front: File, back: File | None) -> Operation[ToolAnswer]:
    """``read_card``."""
    return _asked("card-readings", _files("front", [front]), _files("back", _given(back)))


def read_document(pages: Sequence[File]) -> Operation[ToolAnswer]:
    """``read_document``."""
    return _asked("document-readings", _files("pages", pages))


def compare_copy(original: Sequence[File], copy: Sequence[File]) -> Operation[ToolAnswer]:
    """``compare_copy``."""
    return _asked("copy-comparisons", _files("original", original), _files("copy", copy))


def copy_report(original: Sequence[File], copy: Sequence[File]) -> Operation[str]:
    """``compare_copy``, answered as a page."""
    asked = compare_copy(original, copy).call
    call = Call(
        method=asked.method, path=asked.path, headers={"Accept": "text/html"}, parts=asked.parts
    )
    return _Page(call=call, read=str)


def compare_faces(portrait: File, frames: Sequence[File]) -> Operation[ToolAnswer]:
    """``compare_faces``."""
    return _asked("face-comparisons", _files("portrait", [portrait]), _files("frames", frames))


def compare_faces_with_chip(
    files: Mapping[str, bytes], frames: Sequence[File]
) -> Operation[ToolAnswer]:
    """``compare_faces`` with files of a chip.

    Raises:
        InputError: ``client.file``: a file that this comparison does not look at.
    """
    others = sorted(set(files) - set(_CHIP_PARTS))
    if others:
        raise InputError("it does not look at this file", code="client.file", subject=others[0])
    chip = [(_CHIP_PARTS[name], None, content) for name, content in files.items()]
    return _asked("face-comparisons", chip, _files("frames", frames))


def inspect_liveness(frames: Sequence[File], assurance: str | None) -> Operation[ToolAnswer]:
    """``inspect_liveness``."""
    return _asked("liveness-inspections", _files("frames", frames), _texts(assurance=assurance))


def validate_signatures(file: File, content: File | None) -> Operation[ToolAnswer]:
    """``validate_signatures``."""
    return _asked(
        "signature-validations", _files("file", [file]), _files("content", _given(content))
    )


def verify_result(shown: File | str, status_lists: Sequence[File]) -> Operation[ToolAnswer]:
    """``verify_result`` of a code."""
    file = shown.encode() if isinstance(shown, str) else shown
    return _asked(
        "result-verifications", _files("file", [file]), _files("status_lists", status_lists)
    )


def verify_presentation(
    text: str, audience: str, nonce: str, status_lists: Sequence[File]
) -> Operation[ToolAnswer]:
    """``verify_result`` of what a wallet shows."""
    return _asked(
        "result-verifications",
        _texts(presentation=text, audience=audience, nonce=nonce),
        _files("status_lists", status_lists),
    )


def _asked(tool: str, *parts: Iterable[_Part]) -> Operation[ToolAnswer]:
    listed = tuple(part for group in parts for part in group)
    call = Call(method="POST", path=_PLACE + tool, parts=listed)
    return Operation(call=call, read=ToolAnswer.of)


def _files(name: str, files: Iterable[File]) -> list[_Part]:
    return [(name, None, _content(file)) for file in files]


def _texts(**texts: str | None) -> list[_Part]:
    return [(name, None, text.encode()) for name, text in texts.items() if text is not None]


def _given(file: File | None) -> tuple[File, ...]:
    return () if file is None else (file,)


def _content(file: File) -> bytes:
    if isinstance(file, bytes):
        return file
    try:
        return file.read_bytes()
    except OSError as exc:
        raise InputError("cannot be read", code="client.file", subject=file.name) from exc

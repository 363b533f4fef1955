"""Single questions to the service: answered at once, nothing stored; so no idempotency key, and safe to ask again.

::

    with Client("https://ekyc.example.vn", key="ekyc_…") as ekyc:
        answer = ekyc.tools.read_card(Path("front.jpg"), Path("back.jpg"))
        if answer.outcome == "PASSED":
            print(answer.raw["fields"])

A file is given as a path or as its bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol, TypeVar

from ekyc.client import tool_calls
from ekyc.client.calls import Operation
from ekyc.client.tool_calls import File, ToolAnswer

_T = TypeVar("_T")


class Do(Protocol):
    """Carries an operation out."""

    def __call__(self, operation: Operation[_T], /) -> _T: ...


class DoAsync(Protocol):
    """Carries an operation out, awaited."""

    def __call__(self, operation: Operation[_T], /) -> Awaitable[_T]: ...


class Tools:
    """The tools of a :class:`~ekyc.client.Client`."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def inspect_chip(self, files: Mapping[str, bytes]) -> ToolAnswer:
        """Passive authentication of files by their names of ICAO 9303-10 (``EF.SOD``, ``EF.DG1`` …)."""
        return self._do(tool_calls.inspect_chip(files))

    def read_card(self, front: File, back: File | None = None) -> ToolAnswer:
        """What an identity card says."""
        return self._do(tool_calls.read_card(front, back))

    def read_document(self, *pages: File) -> ToolAnswer:
        """What a paper says: pictures or PDF files, in order."""
        return self._do(tool_calls.read_document(pages))

    def compare_copy(self, original: Sequence[File], copy: Sequence[File]) -> ToolAnswer:
        """What differs between an original and its copy."""
        return self._do(tool_calls.compare_copy(original, copy))

    def copy_report(self, original: Sequence[File], copy: Sequence[File]) -> str:
        """The same as a page for an officer. It holds pictures and text of the papers."""
        return self._do(tool_calls.copy_report(original, copy))

    def compare_faces(self, portrait: File, *frames: File) -> ToolAnswer:
        """Whether a picture and frames of one capture show one person."""
        return self._do(tool_calls.compare_faces(portrait, frames))

    def compare_faces_with_chip(self, files: Mapping[str, bytes], *frames: File) -> ToolAnswer:
        """Whether a chip's portrait and frames show one person; ``files`` are EF.SOD and EF.DG2, EF.DG1 and EF.DG13 if read."""
        return self._do(tool_calls.compare_faces_with_chip(files, frames))

    def inspect_liveness(self, *frames: File, assurance: str | None = None) -> ToolAnswer:
        """Whether frames show a presentation attack; ``assurance`` is ``low``, ``substantial`` or ``high``."""
        return self._do(tool_calls.inspect_liveness(frames, assurance))

    def validate_signatures(self, file: File, content: File | None = None) -> ToolAnswer:
        """Whether the signatures of a file hold; ``content`` is what a detached CMS is over."""
        return self._do(tool_calls.validate_signatures(file, content))

    def verify_result(self, shown: File | str, *status_lists: File) -> ToolAnswer:
        """Whether an issued result is genuine and stands: the text of its code, or a picture or PDF that bears it."""
        return self._do(tool_calls.verify_result(shown, status_lists))

    def verify_presentation(
        self, text: str, *status_lists: File, audience: str, nonce: str
    ) -> ToolAnswer:
        """The same of what a wallet shows; give out each ``nonce`` once, and accept it once."""
        return self._do(tool_calls.verify_presentation(text, audience, nonce, status_lists))


class AsyncTools:
    """The tools of an :class:`~ekyc.client.AsyncClient`; methods as of :class:`Tools`."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def inspect_chip(self, files: Mapping[str, bytes]) -> ToolAnswer:
        """As :meth:`Tools.inspect_chip`."""
        return await self._do(tool_calls.inspect_chip(files))

    async def read_card(self, front: File, back: File | None = None) -> ToolAnswer:
        """As :meth:`Tools.read_card`."""
        return await self._do(tool_calls.read_card(front, back))

    async def read_document(self, *pages: File) -> ToolAnswer:
        """As :meth:`Tools.read_document`."""
        return await self._do(tool_calls.read_document(pages))

    async def compare_copy(self, original: Sequence[File], copy: Sequence[File]) -> ToolAnswer:
        """As :meth:`Tools.compare_copy`."""
        return await self._do(tool_calls.compare_copy(original, copy))

    async def copy_report(self, original: Sequence[File], copy: Sequence[File]) -> str:
        """As :meth:`Tools.copy_report`."""
        return await self._do(tool_calls.copy_report(original, copy))

    async def compare_faces(self, portrait: File, *frames: File) -> ToolAnswer:
        """As :meth:`Tools.compare_faces`."""
        return await self._do(tool_calls.compare_faces(portrait, frames))

    async def compare_faces_with_chip(
        self, files: Mapping[str, bytes], *frames: File
    ) -> ToolAnswer:
        """As :meth:`Tools.compare_faces_with_chip`."""
        return await self._do(tool_calls.compare_faces_with_chip(files, frames))

    async def inspect_liveness(self, *frames: File, assurance: str | None = None) -> ToolAnswer:
        """As :meth:`Tools.inspect_liveness`."""
        return await self._do(tool_calls.inspect_liveness(frames, assurance))

    async def validate_signatures(self, file: File, content: File | None = None) -> ToolAnswer:
        """As :meth:`Tools.validate_signatures`."""
        return await self._do(tool_calls.validate_signatures(file, content))

    async def verify_result(self, shown: File | str, *status_lists: File) -> ToolAnswer:
        """As :meth:`Tools.verify_result`."""
        return await self._do(tool_calls.verify_result(shown, status_lists))

    async def verify_presentation(
        self, text: str, *status_lists: File, audience: str, nonce: str
    ) -> ToolAnswer:
        """As :meth:`Tools.verify_presentation`."""
        return await self._do(tool_calls.verify_presentation(text, audience, nonce, status_lists))

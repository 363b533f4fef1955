"""What the single tools need from the rooms below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ekyc.chip import ElementaryFile
    from ekyc.flows.tools import Presented, ToolFile, ToolFinding
    from ekyc.liveness import Assurance


class Tools(Protocol):
    """Answers single questions. Called from several threads at once; the files are removed right after each answer.

    Every method raises :class:`~ekyc.errors.EkycError` where the files cannot be read or something of ours failed, with
    the file's name as ``subject``. A bad verdict is no error.
    """

    def read_card(self, front: ToolFile, back: ToolFile | None) -> ToolFinding:
        """What an identity card says, and whether print, zone and code agree."""
        ...

    def read_document(self, pages: Sequence[ToolFile]) -> ToolFinding:
        """What a paper says, and of which kind it is."""
        ...

    def compare_copy(
        self, original: Sequence[ToolFile], copy: Sequence[ToolFile], *, with_page: bool
    ) -> ToolFinding:
        """What differs between an original and its copy; as a page for people too, where that is asked for."""
        ...

    def compare_faces(self, portrait: ToolFile, frames: Sequence[ToolFile]) -> ToolFinding:
        """Whether a picture and frames show one person."""
        ...

    def compare_with_chip(
        self, files: Mapping[ElementaryFile, ToolFile], frames: Sequence[ToolFile]
    ) -> ToolFinding:
        """Whether the portrait of a chip and frames show one person."""
        ...

    def inspect_liveness(self, frames: Sequence[ToolFile], assurance: Assurance) -> ToolFinding:
        """Whether frames show a presentation attack."""
        ...

    def validate_signatures(self, file: ToolFile, content: ToolFile | None) -> ToolFinding:
        """Whether the digital signatures of a file hold; ``content`` is what a detached one is over."""
        ...

    def verify_result(
        self, shown: ToolFile | Presented, status_lists: Sequence[ToolFile]
    ) -> ToolFinding:
        """Whether an issued result is genuine and still stands."""
        ...

"""What PDFium finds in several PDFs, side by side: for telling whether two of them show the same.

The files come from anyone, so PDFium works in a process of its own that may use a bounded amount of memory and time
(:mod:`ekyc.imaging.pdf_view_child`). Facts come back of every page: the digest of its picture, of its text, and of what
its annotations say and look like. Pixels come back of pages that differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ekyc.errors import InputError, LimitError
from ekyc.imaging.limited_child import ChildFailed, ChildFault, ChildLimits, run_child
from ekyc.values import BoxPx

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_FACTS_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewLimits:
    """Bounds on the documents, and on their rendering."""

    max_bytes: int = 256 << 20
    """All documents together."""
    max_pages: int = 20_000
    """Of one document."""
    max_annotations: int = 50_000
    """Of one document."""
    max_side_pt: float = 14_400.0
    """Longest side of a page: the 200 inches of ISO 32000-1 annex C."""
    scale: float = 1.0
    """Pixels per point at which pages are rendered …"""
    max_pixels: float = 60e6
    """… or fewer, so that all pages of a document together have no more pixels than this …"""
    least_scale: float = 0.125
    """… but never fewer than this: letters would be gone."""
    max_pictures: int = 40
    """Pages that differ beyond these are told, not shown."""
    max_memory_bytes: int = 2 << 30
    """Address space of the child process."""
    timeout_s: float = 20.0


DEFAULT_VIEW_LIMITS = ViewLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationView:
    """One annotation as PDFium finds it."""

    kind: int
    """FPDF_ANNOT_… of fpdf_annot.h."""
    flags: int
    """ISO 32000-2 table 167."""
    rect_pt: tuple[float, ...]
    """Left, bottom, right, top, in user space."""
    box: BoxPx
    """In pixels of the page's picture."""
    content: str
    """SHA-256 over texts, values and appearances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """One page as PDFium finds it."""

    size_px: tuple[int, int]
    picture: str
    """SHA-256 of its pixels."""
    text: str
    """SHA-256 of its text."""
    annotations: tuple[AnnotationView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """One document as PDFium finds it."""

    refused: str | None
    """Why there is nothing: ``encrypted``, ``broken``, ``empty``, ``too_many_pages``, ``too_many_pixels``,
    ``too_many_annotations``; ``None`` if it was read."""
    pages: tuple[PageView, ...] = ()
    signatures: tuple[tuple[tuple[int, ...], str], ...] = ()
    """Byte range and SHA-256 of the contents, with the padding, of each filled signature field."""
    revision_ends: tuple[int, ...] = ()
    """Offsets behind every ``%%EOF`` that PDFium has met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfViews:
    """All documents, and pictures of the pages that differ."""

    scale: float
    """Pixels per point."""
    documents: tuple[DocumentView, ...]
    pictures: Mapping[tuple[int, int], BgrImage]
    """By document and page, from zero: uint8, shape (height, width, 3), blue-green-red, on white."""


def view_pdfs(
    documents: Sequence[bytes],
    *,
    pairs: Sequence[tuple[int, int]],
    limits: ViewLimits = DEFAULT_VIEW_LIMITS,
) -> PdfViews:
    """Look at documents, at one scale for all.

    Args:
        documents: PDF files.
        pairs: documents, by place, of whose pages those that differ are wanted as pictures.
        limits: bounds.

    Raises:
        LimitError: ``pdf.too_large``, ``pdf.too_slow``: all of them together.
        InputError: ``pdf.broken``: PDFium crashed.
    """
    if sum(map(len, documents)) > limits.max_bytes:
        raise LimitError("the PDF files have too many bytes together", code="pdf.too_large")
    order = {
        "sizes": [len(document) for document in documents],
        "pairs": [list(pair) for pair in pairs],
        **asdict(limits),
    }
    pixels = int(2 * limits.max_pixels * 3)
    bounds = ChildLimits(timeout_s=limits.timeout_s, max_output_bytes=_FACTS_BYTES + pixels)
    try:
        answer = run_child("ekyc.imaging.pdf_view_child", order, b"".join(documents), bounds)
    except ChildFailed as failed:
        if failed.fault is ChildFault.CRASHED:
            raise InputError("the PDF file cannot be read", code="pdf.broken") from failed
        raise LimitError("comparing PDF files took too long", code="pdf.too_slow") from failed
    return views_of_answer(answer)


def views_of_answer(answer: bytes) -> PdfViews:
    """What a child sent (:func:`ekyc.imaging.pdf_view_child.write_views`)."""
    line, _, pixels = answer.partition(b"\n")
    facts = json.loads(line)
    pictures: dict[tuple[int, int], BgrImage] = {}
    at = 0
    for number, page, height, width in facts["pictures"]:
        size = height * width * 3
        flat = np.frombuffer(pixels, dtype=np.uint8, count=size, offset=at)
        pictures[number, page] = flat.reshape(height, width, 3)
        at += size
    return PdfViews(
        scale=float(facts["scale"] or 0.0),
        documents=tuple(map(_document, facts["documents"])),
        pictures=pictures,
    )


def _document(facts: Mapping[str, Any]) -> DocumentView:
    if "refused" in facts:
        return DocumentView(refused=str(facts["refused"]))
    return DocumentView(
        refused=None,
        pages=tuple(map(_page, facts["pages"])),
        signatures=tuple((tuple(s["byte_range"]), s["contents"]) for s in facts["signatures"]),
        revision_ends=tuple(facts["ends"]),
    )


def _page(facts: Mapping[str, Any]) -> PageView:
    width, height = facts["size_px"]
    return PageView(
        size_px=(width, height),
        picture=facts["picture"],
        text=facts["text"],
        annotations=tuple(map(_annotation, facts["annotations"])),
    )


def _annotation(facts: Mapping[str, Any]) -> AnnotationView:
    left, top, right, bottom = facts["box_px"]
    return AnnotationView(
        kind=facts["kind"],
        flags=facts["flags"],
        rect_pt=tuple(facts["rect_pt"]),
        box=BoxPx(left=left, top=top, right=right, bottom=bottom),
        content=facts["content"],
    )

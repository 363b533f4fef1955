"""Pages that show something else now than when they were signed, as pictures side by side with the difference marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ekyc.errors import EkycError
from ekyc.imaging.encode import encode_png
from ekyc.imaging.page_changes import changed_regions, marked_regions
from ekyc.imaging.pdf_views import DEFAULT_VIEW_LIMITS, ViewLimits, view_pdfs
from ekyc.signing.validation.report import SignatureReport, ValidationReport

_LIMITS: Final = replace(DEFAULT_VIEW_LIMITS, scale=1.5)
"""108 pixels per inch: letters can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePictures:
    """One page, as a signature covered it and as it is now."""

    field_name: str
    """Of the signature."""
    page: int
    """From one."""
    before_png: bytes
    now_png: bytes
    """The same with red frames around what differs."""


def picture_changes(
    data: bytes, report: ValidationReport, *, limits: ViewLimits = _LIMITS
) -> tuple[PagePictures, ...]:
    """Pictures of the pages that :attr:`SignatureReport.changed_pages` names.

    Args:
        data: the file that the report is on.
        report: of :func:`ekyc.signing.inspect_pdf`.
        limits: bounds; pages beyond ``max_pictures`` are left out, as are pages that one state alone has.

    Returns:
        For each signature its pages, in order; nothing where PDFium gives no pictures.
    """
    entries = [
        entry
        for entry in (*report.signatures, *report.document_timestamps)
        if entry.changed_pages and entry.covered_bytes is not None
    ]
    ends = sorted({_end(entry) for entry in entries})
    if not ends:
        return ()
    documents = [data, *(data[:end] for end in ends)]
    pairs = [(place, 0) for place in range(1, len(documents))]
    try:
        views = view_pdfs(documents, pairs=pairs, limits=limits)
    except EkycError:
        return ()
    found: list[PagePictures] = []
    for entry in entries:
        place = ends.index(_end(entry)) + 1
        for page in _shown(entry, views.pictures, place):
            before, now = views.pictures[place, page - 1], views.pictures[0, page - 1]
            regions = changed_regions(before, now) if before.shape == now.shape else ()
            found.append(
                PagePictures(
                    field_name=entry.field_name,
                    page=page,
                    before_png=encode_png(before),
                    now_png=encode_png(marked_regions(now, regions)),
                )
            )
    return tuple(found)


def _end(entry: SignatureReport) -> int:
    return entry.covered_bytes or 0


def _shown(
    entry: SignatureReport, pictures: Iterable[tuple[int, int]], place: int
) -> tuple[int, ...]:
    known = set(pictures)
    return tuple(
        page for page in entry.changed_pages if {(place, page - 1), (0, page - 1)} <= known
    )

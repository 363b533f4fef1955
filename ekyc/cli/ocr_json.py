"""Papers and fields as the JSON of ``ekyc ocr`` states them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ekyc.ocr import DocumentReading, PageReading, PageView, ReadField
    from ekyc.values import QuadPx

_UNREAD: Final = frozenset({"document.no_text", "document.unreadable"})


def quad_as_json(quad: QuadPx) -> list[list[float]]:
    """Corners, clockwise."""
    return [[round(p.x, 1), round(p.y, 1)] for p in quad.corners]


def shown_value(field: ReadField) -> str:
    """What was read; nothing of a field that is unreadable, lest something made up be taken for it."""
    return "" if field.standing.value == "unreadable" else field.value.reveal()


def likely_value(field: ReadField) -> str | None:
    """What language makes of the value, where that is something else and the field was read at all."""
    hidden = field.likely is None or field.standing.value == "unreadable"
    return None if hidden or field.likely is None else field.likely.reveal()


def field_as_json(
    field: ReadField, place: Callable[[QuadPx], QuadPx] = lambda quad: quad
) -> dict[str, Any]:
    """One field.

    Args:
        field: as read.
        place: takes places from the straightened page to the picture.
    """
    return {
        "name": field.name,
        "kind": field.kind.value,
        "value": shown_value(field),
        "likely": likely_value(field),
        "confidence": round(field.confidence, 4),
        "standing": field.standing.value,
        "page": field.page,
        "quads": [quad_as_json(place(span.quad)) for span in field.spans],
    }


def document_as_json(reading: DocumentReading) -> dict[str, Any]:
    """A paper that was read from pictures; all places are pixels of these."""
    return {
        "kind": reading.kind,
        "fields": [
            field_as_json(field, reading.views[field.page].flat.on_picture)
            for field in reading.fields
        ],
        "pages": [
            _page_as_json(page, view)
            for page, view in zip(reading.pages, reading.views, strict=True)
        ],
        "checks": [
            {
                "id": check.id,
                "outcome": check.outcome.value,
                "reasons": list(check.reasons),
                "subjects": list(check.subjects),
            }
            for check in reading.checks
        ],
    }


def unread_reasons(readings: Sequence[DocumentReading]) -> list[str]:
    """Why papers count as not read, each reason once."""
    reasons = [reason for reading in readings for reason in reading.checks[0].reasons]
    return sorted(_UNREAD.intersection(reasons))


def _page_as_json(page: PageReading, view: PageView) -> dict[str, Any]:
    from ekyc.ocr.vote import acceptance

    search = view.search
    document = None if search is None else search.document
    return {
        "width": view.picture_size[0],
        "height": view.picture_size[1],
        "turned_deg": round(view.turned_deg, 1),
        "outline": {
            "looked_for": search is not None,
            "quad": None if document is None else quad_as_json(document.quad),
            "confidence": None if document is None else round(document.confidence, 4),
            "refusal": None if search is None or document else search.refusal,
        },
        "lines": [
            {
                "text": line.text,
                "confidence": round(line.confidence, 4),
                "certainty": None if line.certainty is None else round(line.certainty, 4),
                "acceptance": acceptance(line).value,
                "likely": None if line.likely is None else line.likely.text,
                "likely_certainty": None
                if line.likely is None or line.likely.certainty is None
                else round(line.likely.certainty, 4),
                "quad": quad_as_json(view.flat.on_picture(line.quad)),
            }
            for line in page.lines
        ],
        "unread": [quad_as_json(view.flat.on_picture(quad)) for quad in page.unread],
    }

"""Cards, papers and comparisons as JSON, as ``ekyc ocr`` and the service state them. Personal data, as read."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ekyc.ocr.cross_check import compare_sources
from ekyc.ocr.vote import acceptance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ekyc.mrz import Mrz
    from ekyc.ocr.card_sides import CardSide
    from ekyc.ocr.cards import CardReading
    from ekyc.ocr.compare import DocumentComparison
    from ekyc.ocr.copy_pages import PageComparison
    from ekyc.ocr.documents import DocumentReading
    from ekyc.ocr.fields import ReadField
    from ekyc.ocr.page_views import PageView
    from ekyc.ocr.qr import CardQr
    from ekyc.ocr.reading import PageReading
    from ekyc.values import BoxPx, QuadPx

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
            _read_page_as_json(page, view)
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


def _read_page_as_json(page: PageReading, view: PageView) -> dict[str, Any]:
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


def card_as_json(reading: CardReading) -> dict[str, Any]:
    """What a card says, without its checks."""
    return {
        "kind": reading.kind,
        "fields": [field_as_json(field) for field in reading.fields],
        "mrz": None if reading.mrz is None else {"full_name": reading.mrz.full_name},
        "qr": None if reading.qr is None else {"text": reading.qr.raw.reveal()},
        "sides": [_side_as_json(side) for side in reading.sides],
        "cross_check": [
            {
                "field": item.field,
                "between": [item.one.value, item.other.value],
                "verdict": item.verdict.value,
            }
            for item in compare_sources(reading.sources)
        ],
    }


def zone_as_json(zone: Mrz) -> dict[str, Any]:
    """Every field of a machine readable zone whose check digits hold, as printed."""
    return asdict(zone) | {"format": zone.format.value, "full_name": zone.full_name}


def code_as_json(code: CardQr) -> dict[str, Any]:
    """What the QR code of a card says. Not signed."""
    issued = code.issue_date.reveal()
    return {
        "text": code.raw.reveal(),
        "personal_number": code.personal_number.reveal(),
        "old_number": code.old_number.reveal(),
        "full_name": code.full_name.reveal(),
        "birth_date": code.birth_date.reveal().isoformat(),
        "sex": code.sex,
        "residence": code.residence.reveal(),
        "issue_date": None if issued is None else issued.isoformat(),
    }


def comparison_as_json(comparison: DocumentComparison) -> dict[str, Any]:
    """What a comparison found, without its checks; places are pixels of the originals as they were compared."""
    return {
        "kind": comparison.original.kind,
        "originals": [
            {"width": page.shape[1], "height": page.shape[0]} for page in comparison.originals
        ],
        "pages": [_compared_page_as_json(page) for page in comparison.pages],
        "copy_pages": {
            "in_order": comparison.matching.in_order,
            "extra": list(comparison.matching.extra),
            "duplicates": list(comparison.matching.duplicates),
            "blank": list(comparison.matching.blank),
        },
        "fields": [
            {
                "name": field.field,
                "outcome": field.outcome.value,
                "original": field.original.reveal(),
            }
            for field in comparison.fields
        ],
        "differences": [
            {
                "status": item.status.value,
                "scope": item.scope.value,
                "class": item.kind.value if item.kind else None,
                "page": item.page,
                "quad": quad_as_json(item.quad),
                "spot": quad_as_json(item.spot),
                "ink": round(item.ink, 3),
                "original": item.original.reveal(),
                "copy": item.copy.reveal(),
            }
            for item in comparison.differences
        ],
    }


def _side_as_json(side: CardSide) -> dict[str, Any]:
    """Where the card lay on the picture; fields' places are pixels of what was cut out and turned."""
    document = side.search.document
    return {
        "found": document is not None,
        "quad": None if document is None else quad_as_json(document.quad),
        "confidence": None if document is None else round(document.confidence, 4),
        "refusal": None if side.search.refusal is None else side.search.refusal.value,
        "turned_quarters": side.quarters,
        "width": side.image.shape[1],
        "height": side.image.shape[0],
    }


def _compared_page_as_json(page: PageComparison) -> dict[str, Any]:
    return {
        "status": page.status.value,
        "copy_page": page.copy_page,
        "turned_deg": page.turned_deg,
        "reasons": list(page.reasons),
        "registered": page.registration is not None,
        "residual_px": page.registration and round(page.registration.residual_px, 3),
        "wobbles": sum(item.status.value == "WOBBLE" for item in page.differences),
        "marks": [
            {
                "kind": mark.kind.value,
                "presence": mark.presence.value,
                "share": round(mark.share, 3),
                "box": _box_as_json(mark.box),
            }
            for mark in page.marks
        ],
        "regions": [
            {
                "kind": region.kind.value,
                "ink": round(region.peak, 3),
                "box": _box_as_json(region.box),
            }
            for region in page.regions
        ],
    }


def _box_as_json(box: BoxPx) -> list[float]:
    """Left, top, right, bottom."""
    return [round(value, 1) for value in (box.left, box.top, box.right, box.bottom)]

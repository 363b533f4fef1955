"""Batches and items as JSON, and who may see which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ekyc.api.v1 import views
from ekyc.api.v1.cases import UnknownFileError, jurisdiction_of
from ekyc.storage import ItemState

if TYPE_CHECKING:
    from ekyc.api.access import Principal
    from ekyc.storage import BatchRow, DossierUnit, ItemRow


def item_as_json(item: ItemRow) -> dict[str, Any]:
    """One item."""
    body: Mapping[str, Any] = item.body or {}
    done = item.state is ItemState.DONE
    reasons = [views.reason_as_json(code) for code in body.get("reasons", ())]
    return {
        "number": item.number,
        "reference": item.reference,
        "state": item.state.value,
        "result": {**body, "reasons": reasons} if done else None,
        "error": views.reason_as_json(body["error"]) if "error" in body else None,
        "finished_at": None if item.finished_at is None else views.time_as_json(item.finished_at),
    }


def batch_as_json(unit: DossierUnit, row: BatchRow) -> dict[str, Any]:
    counts = unit.batches.counts(row.id)
    return {
        "id": row.id,
        "state": row.state.value,
        "office": row.office,
        "actor": dict(row.actor),
        "items": row.items,
        "counts": {state.value: counts.get(state, 0) for state in ItemState},
        "created_at": views.time_as_json(row.created_at),
        "finished_at": None if row.finished_at is None else views.time_as_json(row.finished_at),
    }


def load_batch(
    unit: DossierUnit, caller: Principal, batch_id: str, *, lock: bool = False
) -> BatchRow:
    row = unit.batches.get(batch_id, lock=lock)
    if row is None or not is_within(caller, row.office):
        raise UnknownFileError("no such batch", code="batch.unknown")
    return row


def is_within(caller: Principal, office: str | None) -> bool:
    offices = jurisdiction_of(caller).offices
    return offices is None or office in offices

"""Operations of batches as calls, and what they answer."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ekyc.client.calls import Operation, case_parts, get, page_of, post
from ekyc.client.exchange import Call
from ekyc.client.values import Check, Page, Reason

_T = TypeVar("_T")
_BATCHES = "/v1/batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch."""

    id: str
    state: str
    """``running``, ``done`` or ``canceled``."""
    items: int
    counts: Mapping[str, int]
    """``waiting``, ``done``, ``failed`` and ``canceled``."""
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Batch:
        """From its JSON."""
        return cls(
            id=body["id"],
            state=body["state"],
            items=body["items"],
            counts=dict(body["counts"]),
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One item of a batch; no decision."""

    number: int
    reference: str
    state: str
    """``waiting``, ``done``, ``failed`` or ``canceled``."""
    verdict: str | None
    """``accept``, ``review`` or ``reject``, once it is done."""
    reasons: tuple[Reason, ...]
    checks: tuple[Check, ...]
    error: Reason | None
    """Why it failed."""
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> BatchItem:
        """From its JSON."""
        result = body["result"] or {"verdict": None, "reasons": (), "checks": ()}
        return cls(
            number=body["number"],
            reference=body["reference"],
            state=body["state"],
            verdict=result["verdict"],
            reasons=tuple(map(Reason.of, result["reasons"])),
            checks=tuple(map(Check.of, result["checks"])),
            error=Reason.of(body["error"]) if body["error"] else None,
            raw=body,
        )


def upload(case: Path, office: str | None, key: str | None) -> Operation[str]:
    """A case folder, for a batch; its id.

    Raises:
        InputError: ``case.unreadable``.
    """
    call = Call(
        method="POST",
        path="/v1/cases",
        query=_of_office(office),
        headers=_once(key),
        parts=tuple(case_parts(case)),
    )
    return Operation(call=call, read=lambda body: str(body["id"]))


def create(cases: Mapping[str, str], office: str | None, key: str | None) -> Operation[Batch]:
    """A batch of uploaded cases: reference → id."""
    lines = (json.dumps({"reference": name, "case_id": case}) for name, case in cases.items())
    content = "".join(f"{line}\n" for line in lines).encode()
    return _batch(content, "application/x-ndjson", office, key)


def create_of_archive(archive: bytes, office: str | None, key: str | None) -> Operation[Batch]:
    """A batch of the case folders in a zip archive."""
    return _batch(archive, "application/zip", office, key)


def batch(batch_id: str) -> Operation[Batch]:
    """One batch."""
    return get(f"{_BATCHES}/{batch_id}", Batch.of)


def batches(cursor: str | None) -> Operation[Page[Batch]]:
    """A page of batches."""
    return _page(_BATCHES, Batch.of, cursor)


def items(batch_id: str, cursor: str | None) -> Operation[Page[BatchItem]]:
    """A page of items."""
    return _page(f"{_BATCHES}/{batch_id}/items", BatchItem.of, cursor)


def cancel(batch_id: str, key: str | None) -> Operation[Batch]:
    """Call a batch off."""
    return post(f"{_BATCHES}/{batch_id}/cancel", Batch.of, key=key)


def _page(path: str, read: Callable[[Any], _T], cursor: str | None) -> Operation[Page[_T]]:
    return get(path, page_of(read), limit=200, cursor=cursor)


def _batch(
    content: bytes, media_type: str, office: str | None, key: str | None
) -> Operation[Batch]:
    call = Call(
        method="POST",
        path=_BATCHES,
        query=_of_office(office),
        headers={**_once(key), "Content-Type": media_type},
        content=content,
    )
    return Operation(call=call, read=Batch.of)


def _of_office(office: str | None) -> dict[str, str]:
    return {} if office is None else {"office": office}


def _once(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or secrets.token_urlsafe(24)}

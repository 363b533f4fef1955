"""What looks after the rest: data subjects' requests, the evidence log, reports; in groups of a client.

::

    with Client("https://ekyc.example.vn", key="ekyc_…") as ekyc:
        request = ekyc.rights.file("access", citizen=pseudonym, text="…")
        for access in ekyc.audit.accesses(file=session.id):
            print(access.at, access.actor, access.what)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, TypeVar

from ekyc.client import oversight_calls as calls
from ekyc.client.calls import Operation
from ekyc.client.oversight_calls import (
    AuditCheckpoint,
    AuditEntry,
    DataAccess,
    Statement,
    SubjectRequest,
)
from ekyc.client.tools import Do, DoAsync
from ekyc.client.values import Page

_T = TypeVar("_T")


class Rights:
    """Requests of data subjects."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def file(
        self, kind: str, *, idempotency_key: str | None = None, **members: Any
    ) -> SubjectRequest:
        """Claim a right; ``members`` are ``text``, ``number``, ``citizen``, ``sessions``, ``office``."""
        return self._do(calls.file_request(kind, members, idempotency_key))

    def get(self, request_id: str) -> SubjectRequest:
        """One request."""
        return self._do(calls.request(request_id))

    def all(self, **filters: str) -> Iterator[SubjectRequest]:
        """All that are visible, the newest first; filters are ``state``, ``kind``."""
        return all_of(self._do, lambda cursor: calls.requests(cursor, filters))

    def statement(self, request_id: str) -> Statement:
        """What was said. Every look is logged."""
        return self._do(calls.statement(request_id))

    def acknowledge(self, request_id: str, *, idempotency_key: str | None = None) -> SubjectRequest:
        """Say that the person was told that the request has arrived."""
        return self._do(calls.step(request_id, "acknowledge", None, idempotency_key))

    def extend(
        self, request_id: str, *, reasons: tuple[str, ...], idempotency_key: str | None = None
    ) -> SubjectRequest:
        """Say that the person was told that the answer takes longer, and why; once."""
        return self._do(
            calls.step(request_id, "extend", {"reasons": list(reasons)}, idempotency_key)
        )

    def grant(
        self,
        seen: SubjectRequest,
        identification: str,
        *,
        session_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> SubjectRequest:
        """Grant a request as it was seen; ``login``, ``session`` or ``counter`` shows whose it is."""
        return self._do(
            calls.decision(
                seen,
                "grant",
                {"identification": identification, "session_id": session_id},
                idempotency_key,
            )
        )

    def refuse(
        self, seen: SubjectRequest, *, reasons: tuple[str, ...], idempotency_key: str | None = None
    ) -> SubjectRequest:
        """Refuse a request as it was seen."""
        return self._do(calls.decision(seen, "refuse", {"reasons": list(reasons)}, idempotency_key))

    def complete(self, request_id: str, *, idempotency_key: str | None = None) -> SubjectRequest:
        """Say that a correction or restriction was carried out."""
        return self._do(calls.step(request_id, "complete", None, idempotency_key))

    def cancel(self, request_id: str, *, idempotency_key: str | None = None) -> SubjectRequest:
        """Call a request off before it is decided."""
        return self._do(calls.step(request_id, "cancel", None, idempotency_key))

    def export(self, request_id: str) -> bytes:
        """The ZIP that an access request was answered with, held against its digest."""
        return self._do(calls.export(request_id))

    def own_export(self, request_id: str) -> bytes:
        """As :meth:`export`, for the very citizen who asked, within 24 hours of the login."""
        token = self._do(calls.export_token(request_id))
        return self._do(calls.own_export(request_id, token))


class AsyncRights:
    """As :class:`Rights`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def file(
        self, kind: str, *, idempotency_key: str | None = None, **members: Any
    ) -> SubjectRequest:
        """As :meth:`Rights.file`."""
        return await self._do(calls.file_request(kind, members, idempotency_key))

    async def get(self, request_id: str) -> SubjectRequest:
        """As :meth:`Rights.get`."""
        return await self._do(calls.request(request_id))

    def all(self, **filters: str) -> AsyncIterator[SubjectRequest]:
        """As :meth:`Rights.all`."""
        return all_of_async(self._do, lambda cursor: calls.requests(cursor, filters))

    async def statement(self, request_id: str) -> Statement:
        """As :meth:`Rights.statement`."""
        return await self._do(calls.statement(request_id))

    async def acknowledge(
        self, request_id: str, *, idempotency_key: str | None = None
    ) -> SubjectRequest:
        """As :meth:`Rights.acknowledge`."""
        return await self._do(calls.step(request_id, "acknowledge", None, idempotency_key))

    async def extend(
        self, request_id: str, *, reasons: tuple[str, ...], idempotency_key: str | None = None
    ) -> SubjectRequest:
        """As :meth:`Rights.extend`."""
        return await self._do(
            calls.step(request_id, "extend", {"reasons": list(reasons)}, idempotency_key)
        )

    async def grant(
        self,
        seen: SubjectRequest,
        identification: str,
        *,
        session_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> SubjectRequest:
        """As :meth:`Rights.grant`."""
        return await self._do(
            calls.decision(
                seen,
                "grant",
                {"identification": identification, "session_id": session_id},
                idempotency_key,
            )
        )

    async def refuse(
        self, seen: SubjectRequest, *, reasons: tuple[str, ...], idempotency_key: str | None = None
    ) -> SubjectRequest:
        """As :meth:`Rights.refuse`."""
        return await self._do(
            calls.decision(seen, "refuse", {"reasons": list(reasons)}, idempotency_key)
        )

    async def complete(
        self, request_id: str, *, idempotency_key: str | None = None
    ) -> SubjectRequest:
        """As :meth:`Rights.complete`."""
        return await self._do(calls.step(request_id, "complete", None, idempotency_key))

    async def cancel(
        self, request_id: str, *, idempotency_key: str | None = None
    ) -> SubjectRequest:
        """As :meth:`Rights.cancel`."""
        return await self._do(calls.step(request_id, "cancel", None, idempotency_key))

    async def export(self, request_id: str) -> bytes:
        """As :meth:`Rights.export`."""
        return await self._do(calls.export(request_id))

    async def own_export(self, request_id: str) -> bytes:
        """As :meth:`Rights.own_export`."""
        token = await self._do(calls.export_token(request_id))
        return await self._do(calls.own_export(request_id, token))


class Audit:
    """The evidence log, for auditors."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def entries(self, **filters: str) -> Iterator[AuditEntry]:
        """All entries in their order; the filter is ``kind``."""
        return all_of(self._do, lambda cursor: calls.entries(cursor, filters))

    def accesses(self, **filters: str) -> Iterator[DataAccess]:
        """Who was given whose data to see; filters are ``since``, ``until``, ``file``, ``account``."""
        return all_of(self._do, lambda cursor: calls.accesses(cursor, filters))

    def checkpoints(self) -> Iterator[AuditCheckpoint]:
        """All checkpoints, the latest first."""
        return all_of(self._do, calls.checkpoints)

    def latest_checkpoint(self) -> AuditCheckpoint:
        """The latest checkpoint."""
        return self._do(calls.latest_checkpoint())

    def inclusion(self, entry: int) -> Mapping[str, Any]:
        """A proof for one entry, as ``ekyc audit verify`` takes it."""
        return self._do(calls.inclusion(entry))

    def consistency(self, size: int) -> Mapping[str, Any]:
        """A proof from the checkpoint of this size to the latest."""
        return self._do(calls.consistency(size))


class AsyncAudit:
    """As :class:`Audit`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    def entries(self, **filters: str) -> AsyncIterator[AuditEntry]:
        """As :meth:`Audit.entries`."""
        return all_of_async(self._do, lambda cursor: calls.entries(cursor, filters))

    def accesses(self, **filters: str) -> AsyncIterator[DataAccess]:
        """As :meth:`Audit.accesses`."""
        return all_of_async(self._do, lambda cursor: calls.accesses(cursor, filters))

    def checkpoints(self) -> AsyncIterator[AuditCheckpoint]:
        """As :meth:`Audit.checkpoints`."""
        return all_of_async(self._do, calls.checkpoints)

    async def latest_checkpoint(self) -> AuditCheckpoint:
        """As :meth:`Audit.latest_checkpoint`."""
        return await self._do(calls.latest_checkpoint())

    async def inclusion(self, entry: int) -> Mapping[str, Any]:
        """As :meth:`Audit.inclusion`."""
        return await self._do(calls.inclusion(entry))

    async def consistency(self, size: int) -> Mapping[str, Any]:
        """As :meth:`Audit.consistency`."""
        return await self._do(calls.consistency(size))


class Reports:
    """Counts by office."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def times(self, *, days: int = 30) -> Mapping[str, Any]:
        """How offices keep their time, over dossiers of the last days and all that are open."""
        return self._do(calls.times_report(days))


class AsyncReports:
    """As :class:`Reports`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def times(self, *, days: int = 30) -> Mapping[str, Any]:
        """As :meth:`Reports.times`."""
        return await self._do(calls.times_report(days))


_Pages = Callable[[str | None], Operation[Page[_T]]]


def all_of(do: Do, pages: _Pages[_T]) -> Iterator[_T]:
    """Whatever a list has, page by page."""
    cursor: str | None = None
    while True:
        page = do(pages(cursor))
        yield from page.items
        if page.next is None:
            return
        cursor = page.next


async def all_of_async(do: DoAsync, pages: _Pages[_T]) -> AsyncIterator[_T]:
    """As :func:`all_of`, awaited."""
    cursor: str | None = None
    while True:
        page = await do(pages(cursor))
        for item in page.items:
            yield item
        if page.next is None:
            return
        cursor = page.next

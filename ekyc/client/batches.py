"""Batches: many cases at once, with a result for each; a group of a client.

::

    with Client("https://ekyc.example.vn", key="ekyc_…") as ekyc:
        cases = {folder.name: ekyc.batches.upload(folder) for folder in folders}
        batch = ekyc.batches.create(cases)
        ...
        for item in ekyc.batches.items(batch.id):
            print(item.reference, item.state, item.verdict)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from ekyc.client import batch_calls as calls
from ekyc.client.batch_calls import Batch, BatchItem
from ekyc.client.tools import Do, DoAsync


class Batches:
    """Batches of cases."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def upload(
        self, case: Path, *, office: str | None = None, idempotency_key: str | None = None
    ) -> str:
        """Upload a case folder for a batch; its id, good for a day."""
        return self._do(calls.upload(case, office, idempotency_key))

    def create(
        self,
        cases: Mapping[str, str],
        *,
        office: str | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Hand in a batch of uploaded cases: what you call each → its id."""
        return self._do(calls.create(cases, office, idempotency_key))

    def create_of_archive(
        self, archive: bytes, *, office: str | None = None, idempotency_key: str | None = None
    ) -> Batch:
        """Hand in a zip archive of case folders, each named by what you call it."""
        return self._do(calls.create_of_archive(archive, office, idempotency_key))

    def get(self, batch_id: str) -> Batch:
        """One batch."""
        return self._do(calls.batch(batch_id))

    def all(self) -> Iterator[Batch]:
        """All that are visible, the newest first."""
        cursor: str | None = None
        while True:
            page = self._do(calls.batches(cursor))
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def items(self, batch_id: str) -> Iterator[BatchItem]:
        """Its items with their results, in the order in which they were handed in."""
        cursor: str | None = None
        while True:
            page = self._do(calls.items(batch_id, cursor))
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def cancel(self, batch_id: str, *, idempotency_key: str | None = None) -> Batch:
        """Call off what waits."""
        return self._do(calls.cancel(batch_id, idempotency_key))


class AsyncBatches:
    """As :class:`Batches`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def upload(
        self, case: Path, *, office: str | None = None, idempotency_key: str | None = None
    ) -> str:
        """Upload a case folder for a batch; its id, good for a day."""
        return await self._do(calls.upload(case, office, idempotency_key))

    async def create(
        self,
        cases: Mapping[str, str],
        *,
        office: str | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Hand in a batch of uploaded cases: what you call each → its id."""
        return await self._do(calls.create(cases, office, idempotency_key))

    async def create_of_archive(
        self, archive: bytes, *, office: str | None = None, idempotency_key: str | None = None
    ) -> Batch:
        """Hand in a zip archive of case folders, each named by what you call it."""
        return await self._do(calls.create_of_archive(archive, office, idempotency_key))

    async def get(self, batch_id: str) -> Batch:
        """One batch."""
        return await self._do(calls.batch(batch_id))

    async def all(self) -> AsyncIterator[Batch]:
        """All that are visible, the newest first."""
        cursor: str | None = None
        while True:
            page = await self._do(calls.batches(cursor))
            for batch in page.items:
                yield batch
            if page.next is None:
                return
            cursor = page.next

    async def items(self, batch_id: str) -> AsyncIterator[BatchItem]:
        """Its items with their results, in the order in which they were handed in."""
        cursor: str | None = None
        while True:
            page = await self._do(calls.items(batch_id, cursor))
            for item in page.items:
                yield item
            if page.next is None:
                return
            cursor = page.next

    async def cancel(self, batch_id: str, *, idempotency_key: str | None = None) -> Batch:
        """Call off what waits."""
        return await self._do(calls.cancel(batch_id, idempotency_key))

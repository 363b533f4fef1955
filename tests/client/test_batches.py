"""The client's batches against the real application, its worker's steps done in between."""

from __future__ import annotations

import asyncio
import io
import zipfile
from types import SimpleNamespace

import httpx
import pytest

from ekyc.api import create_app
from ekyc.api.batches.work import BatchFeeder, BatchParts, BatchWork
from ekyc.api.v1 import ResourceFront
from ekyc.client import AsyncClient, ConflictError, InvalidError
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, Storage


@pytest.fixture
def place(verifier, tmp_path):
    random = SystemRandom()
    with Storage.open(tmp_path / "state.sqlite3") as storage:
        keys = FileKeyProvider(tmp_path / "keys", random)
        vault = storage.vault(keys, FileBlobStore(tmp_path / "blobs", random))
        yield SimpleNamespace(storage=storage, vault=vault, verifier=verifier)


@pytest.fixture
def app(place, tmp_path):
    front = ResourceFront(place.storage.dossiers(ServiceKey(bytes(32))), vault=place.vault)
    return create_app(place.verifier, place.storage, scratch_parent=tmp_path, resources=front)


def work_off(place):
    class AtOnce:
        def start(self, job, work_id, ids):
            for step in work.job(1).steps:
                step.do(*ids)

    parts = BatchParts(
        store=place.storage.batches, vault=place.vault, verifier=lambda: place.verifier
    )
    work = BatchWork(parts)
    BatchFeeder(place.storage.batches, lambda: None)._feed(AtOnce())


def archive_of(case, *names):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name in names:
            for path in sorted(path for path in case.rglob("*") if path.is_file()):
                out.writestr(f"{name}/{path.relative_to(case).as_posix()}", path.read_bytes())
    return packed.getvalue()


def test_cases_uploaded_and_handed_in(client, case, place):
    cases = {name: client.batches.upload(case) for name in ("HS-1", "HS-2")}
    batch = client.batches.create(cases)
    assert (batch.state, batch.items) == ("running", 2)
    work_off(place)
    assert client.batches.get(batch.id).counts["done"] == 2
    items = list(client.batches.items(batch.id))
    assert [item.reference for item in items] == ["HS-1", "HS-2"]
    assert [check.code for check in items[0].checks] == ["face.match"]
    assert (items[0].verdict, items[0].error) == ("accept", None)
    assert [one.id for one in client.batches.all()] == [batch.id]
    with pytest.raises(ConflictError) as caught:
        client.batches.cancel(batch.id)
    assert caught.value.code == "batch.over"


def test_an_archive_handed_in_and_called_off(client, case):
    packed = archive_of(case, "a", "b", "c")
    batch = client.batches.create_of_archive(packed, idempotency_key="once")
    assert client.batches.create_of_archive(packed, idempotency_key="once").id == batch.id
    assert client.batches.cancel(batch.id).counts["canceled"] == 3
    with pytest.raises(InvalidError) as caught:
        client.batches.create_of_archive(b"no archive")
    assert caught.value.code == "request.archive"


def test_the_same_awaited(app, case, place):
    async def conversation():
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient("http://localhost", transport=transport) as client,
        ):
            one = await client.batches.upload(case)
            batch = await client.batches.create({"HS-1": one})
            other = await client.batches.create_of_archive(archive_of(case, "x"))
            await asyncio.to_thread(work_off, place)
            items = [item async for item in client.batches.items(batch.id)]
            seen = [one.id async for one in client.batches.all()]
            done = await client.batches.get(other.id)
            with pytest.raises(ConflictError):
                await client.batches.cancel(other.id)
            return items, seen, done

    items, seen, done = asyncio.run(conversation())
    assert [item.state for item in items] == ["done"]
    assert len(seen) == 2
    assert done.state == "done"

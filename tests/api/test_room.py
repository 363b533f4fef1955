"""A service without room for more says so at once, and how it is, it says always."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest

from ekyc.api import create_app
from ekyc.api.admission import Places
from ekyc.api.envelope import Envelope
from ekyc.api.readiness import SLOW, Readiness
from ekyc.api.v1 import ResourceFront, ResourceLimits
from ekyc.errors import InputError
from ekyc.storage import ServiceKey


def held(app, most):
    """The application, with room for so many requests."""

    async def served(scope, receive, send):
        await app(scope, receive, send)

    return Envelope(served, body_bytes=lambda _path: 1 << 20, places=Places(most))


def client_of(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


@pytest.fixture
def service(verifier, storage, scratch):
    front = ResourceFront(
        storage.dossiers(ServiceKey(bytes(32))), limits=ResourceLimits(stream_s=3600.0)
    )
    return create_app(verifier, storage, scratch_parent=scratch, resources=front)


def test_places_come_back_once():
    places = Places(2)
    first, second = places.take(), places.take()
    assert places.take() is None
    first.leave()
    first.leave()
    third = places.take()
    assert third is not None
    assert places.take() is None
    second.leave()
    third.leave()


def test_a_request_without_a_place_is_turned_away_and_health_is_not():
    async def app(scope, receive, send):
        if scope["path"] == "/hold":
            arrived.set()
            await go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def conversation():
        async with client_of(held(app, 1)) as client:
            holding = asyncio.create_task(client.post("/hold"))
            await arrived.wait()
            refused = await client.post("/v1/sessions", headers={"accept-language": "en"})
            health = [(await client.get(path)).status_code for path in ("/livez", "/readyz")]
            go_on.set()
            after = [(await holding).status_code, (await client.post("/v1/sessions")).status_code]
            return refused, health, after

    refused, health, after = asyncio.run(conversation())
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    told = refused.json()
    assert (told["code"], told["retryable"]) == ("busy.requests", True)
    assert refused.headers["x-request-id"]
    assert (health, after) == ([204, 204], [204, 204])


def test_an_event_stream_leaves_its_place_when_it_begins(verifier, storage, scratch, monkeypatch):
    monkeypatch.setattr("ekyc.api.envelope.MOST_REQUESTS", 1)
    front = ResourceFront(
        storage.dossiers(ServiceKey(bytes(32))), limits=ResourceLimits(subscribers=1)
    )
    service = create_app(verifier, storage, scratch_parent=scratch, resources=front)

    async def conversation():
        async with service.router.lifespan_context(service), client_of(service) as client:
            made = await client.post(
                "/v1/sessions", json={"procedure": "identity"}, headers={"idempotency-key": "k"}
            )
            place = f"/v1/sessions/{made.json()['id']}"
            stream = asyncio.create_task(client.get(f"{place}/events"))
            while front.notices.has_room():
                await client.get("/readyz")  # goes to a thread: the stream comes to its turn
            seen = await client.get(place)
            done = await client.post(f"{place}/cancel", headers={"idempotency-key": "c"})
            return seen.status_code, done.status_code, (await stream).status_code

    assert asyncio.run(conversation()) == (200, 200, 200)


def test_whoever_waits_for_a_result_leaves_its_place_too(verifier, storage, scratch, monkeypatch):
    """As many as may wait for events, and beyond them the answer comes without waiting."""
    monkeypatch.setattr("ekyc.api.envelope.MOST_REQUESTS", 1)
    front = ResourceFront(
        storage.dossiers(ServiceKey(bytes(32))), limits=ResourceLimits(subscribers=1)
    )
    service = create_app(verifier, storage, scratch_parent=scratch, resources=front)
    verifier.hold = threading.Event()
    verifier.error = InputError("unreadable", code="image.invalid")

    async def conversation():
        async with service.router.lifespan_context(service), client_of(service) as client:

            async def submitted(number):
                body = {"procedure": "identity"}
                made = await client.post(
                    "/v1/sessions", json=body, headers={"idempotency-key": f"made-{number}"}
                )
                assert made.status_code == 201, made.text
                return await client.post(
                    f"/v1/sessions/{made.json()['id']}/submissions",
                    files=[("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n'))],
                    headers={"idempotency-key": f"sent-{number}", "prefer": "wait=30"},
                )

            waits = asyncio.create_task(submitted(1))
            while front.notices.has_room():
                await client.get("/readyz")
            at_once = await submitted(2)
            verifier.hold.set()
            return await waits, at_once

    waited, at_once = asyncio.run(conversation())
    assert (waited.status_code, waited.json()["state"]) == (200, "requires_input")
    assert waited.headers["preference-applied"] == "wait"
    assert (at_once.status_code, at_once.json()["state"]) == (202, "processing")


def test_a_part_that_hangs_is_asked_once_and_answered_in_time():
    asked, go_on = [], threading.Event()

    def hang():
        asked.append(1)
        assert go_on.wait(30)

    def fail():
        raise InputError("gone", code="storage.unavailable")

    async def conversation():
        readiness = Readiness({"keys": lambda: None, "database": hang, "models": fail}, wait_s=0.05)
        told = await asyncio.gather(*(readiness.states() for _ in range(20)))
        later = await readiness.states()
        go_on.set()
        while (known := await readiness.states())["models"] == SLOW:
            pass
        return told, later, known

    told, later, known = asyncio.run(conversation())
    assert [*told, later] == [{"keys": "ok", "database": SLOW, "models": SLOW}] * 21
    assert known == {"keys": "ok", "database": "ok", "models": "storage.unavailable"}
    assert len(asked) == 1


def test_what_nobody_foresaw_is_raised():
    def fail():
        raise ValueError("unforeseen")

    async def conversation():
        await Readiness({"database": fail}).states()

    with pytest.raises(ValueError, match="unforeseen"):
        asyncio.run(conversation())


def test_a_hung_database_holds_up_neither_health_nor_the_loop(service, storage):
    """Every thread that requests may have waits for the database."""
    from sqlalchemy import event

    go_on = threading.Event()
    arrived = threading.Semaphore(0)

    def hold(*_):
        arrived.release()
        assert go_on.wait(60)

    async def conversation():
        service.state.readiness._wait_s = 0.05
        async with service.router.lifespan_context(service), client_of(service) as client:
            event.listen(storage._engine, "before_cursor_execute", hold)
            waiting = [asyncio.create_task(client.get("/v1/sessions")) for _ in range(60)]
            await asyncio.to_thread(arrived.acquire)
            live = [(await client.get("/livez")).status_code for _ in range(3)]
            ready = await client.get("/readyz")
            go_on.set()
            after = [(await one).status_code for one in waiting]
            return live, ready, after

    live, ready, after = asyncio.run(conversation())
    assert live == [200] * 3
    assert (ready.status_code, ready.json()["database"]) == (503, SLOW)
    assert after == [200] * 60

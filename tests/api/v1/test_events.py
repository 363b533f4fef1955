"""Event streams: from the beginning or from where they broke off, alive while nothing happens, ended with the session."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from contextlib import ExitStack
from dataclasses import replace

import pytest

from ekyc.api.access import AccessError
from ekyc.api.v1 import ResourceLimits
from ekyc.api.v1.notices import Notices
from ekyc.errors import BusyError
from ekyc.storage import StorageError


def parsed(text):
    """Events of a stream; comments and the retry time left out."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":"
        )
        if "data" in fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


def test_a_stream_tells_the_whole_life_and_ends(talk):
    async def conversation(desk):
        place = await desk.session()
        await desk.submit(place)
        return await desk.get(f"{place}/events")

    response = talk(conversation)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    events = parsed(response.text)
    assert [(number, name, data["state"]) for number, name, data in events] == [
        (1, "session.created", "created"),
        (2, "session.processing", "processing"),
        (3, "session.concluded", "decided"),
    ]


def test_a_stream_goes_on_where_it_broke_off(talk):
    async def conversation(desk):
        place = await desk.session()
        await desk.submit(place)
        texts = []
        for last in ("2", "3", "99", "x", ""):
            response = await desk.get(f"{place}/events", headers={"Last-Event-ID": last})
            texts.append([number for number, *_ in parsed(response.text)])
        return texts

    assert talk(conversation) == [[3], [], [], [1, 2, 3], [1, 2, 3]]


def test_a_stream_hears_what_happens_while_it_is_open(talk, verifier):
    verifier.hold = threading.Event()

    async def conversation(desk):
        place = await desk.session()
        await desk.submit(place, wait=False)
        stream = asyncio.create_task(desk.get(f"{place}/events"))
        await asyncio.to_thread(verifier.arrived.acquire)
        verifier.hold.set()
        return await stream

    assert [name for _, name, _ in parsed(talk(conversation).text)][-1] == "session.concluded"


def test_a_stream_lives_while_nothing_happens_and_ends_in_time(talk):
    async def conversation(desk):
        place = await desk.session()
        return await desk.get(f"{place}/events")

    response = talk(conversation, limits=ResourceLimits(heartbeat_s=0.01, stream_s=0.03))
    assert response.text.count(": \n\n") >= 2
    assert [name for _, name, _ in parsed(response.text)] == ["session.created"]


def application_of(desk):
    return desk.http._transport.app


@pytest.mark.parametrize("left", [frozenset(), frozenset({"tools:use"})])
@pytest.mark.parametrize("looks", [0, 2])
def test_a_stream_ends_with_what_its_caller_was_let_in_by(talk, left, looks):
    async def conversation(desk):
        place = await desk.session()
        gate, seen = application_of(desk).state.gate, itertools.count(1)

        def look_again(request):
            if next(seen) <= looks:
                return gate.identify(request)
            if left:
                return replace(gate.identify(request), scopes=left)
            raise AccessError("revoked", code="access.invalid")

        gate.look_again = look_again
        return await desk.get(f"{place}/events")

    # would go on for a quarter of an hour
    response = talk(conversation, limits=ResourceLimits(heartbeat_s=0.01))
    assert response.status_code == 200
    assert len(parsed(response.text)) == min(looks, 1)
    assert response.text.count(": \n\n") == looks


def test_a_stream_ends_where_the_database_is_away(talk):
    async def conversation(desk):
        place = await desk.session()
        shelf, seen = application_of(desk).state.resources.desk, itertools.count(1)
        looking = shelf.looking

        def look(tenant):
            if next(seen) <= 2:  # the request itself, and the first look
                return looking(tenant)
            raise StorageError("away", code="storage.unavailable")

        shelf.looking = look
        return await desk.get(f"{place}/events")

    response = talk(conversation, limits=ResourceLimits(heartbeat_s=0.01))
    assert [name for _, name, _ in parsed(response.text)] == ["session.created"]


def test_one_login_does_not_take_up_all_streams():
    notices = Notices(9, of_citizen=2)
    with ExitStack() as stack:
        for citizen in ("c", "c", "d", None, None, None):
            stack.enter_context(notices.subscribed("a", "s", citizen))
        assert [notices.has_room(one) for one in ("c", "d", None)] == [False, True, True]
        with pytest.raises(BusyError), notices.subscribed("a", "s", "c"):
            pass
    assert notices.has_room("c")


def test_a_login_that_listens_too_often_is_turned_away(talk):
    async def conversation(desk):
        place = await desk.session(caller="citizen")
        await desk.submit(place, caller="citizen")
        ended = await desk.get(f"{place}/events", caller="citizen")
        front = application_of(desk).state.resources
        with ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(front.notices.subscribed("a", "s", "c" * 64))
            turned = await desk.get(f"{place}/events", caller="citizen")
            return ended, turned, await desk.get(f"{place}/events")

    ended, turned, portal = talk(conversation)
    assert (ended.status_code, portal.status_code) == (200, 200)
    assert (turned.status_code, turned.json()["code"]) == (503, "busy.subscribers")

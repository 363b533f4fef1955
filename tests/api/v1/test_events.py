"""Event streams: from the beginning or from where they broke off, alive while nothing happens, ended with the session."""

from __future__ import annotations

import asyncio
import json
import threading

from ekyc.api.v1 import ResourceLimits


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

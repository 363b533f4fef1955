"""A client of liveness sessions, in a process of its own, over HTTP: ``python liveness_client.py URLS FOLDER HOW SEED``.

Of several services, parted by commas, each is asked in turn. The client reads its sessions (id and capture token) as a JSON list from stdin and writes what it heard as JSON to stdout. HOW is
``honest`` or one of :data:`ATTACKS`; the last session is the one that is attacked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
import warnings
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np
from story_clock import StoryClock

from ekyc.liveness.active import Colour, Prompt, PromptKind, Reply, ReplyKind, Step, open_session
from ekyc.liveness.active.simulated_client import (
    EMBEDDING,
    NumbersObserver,
    SimulatedClient,
    unit,
)
from ekyc.liveness.active.ticket import chunk_key

PATIENCE_S = 180.0


class Link:
    """One session over HTTP. An answer that does not come is asked for again, with the same bytes."""

    def __init__(self, url, session, clock):
        self._addresses = [f"{one}/v1/liveness-sessions/{session['id']}" for one in url.split(",")]
        self._headers = {"Authorization": f"Bearer {session['capture_token']}"}
        self._clock = clock
        self.id = bytes.fromhex(session["id"])
        self.sent, self.answers, self.lost = [], [], 0

    def begin(self):
        body = self._post("/begin")
        self.began = self._clock.now()
        self.key = base64.b64decode(body["key_base64"])
        return reply_of(body)

    def send(self, sealed, arrived_s):
        self._clock.set_to(self.began + timedelta(seconds=arrived_s))
        self.sent.append(hashlib.sha256(sealed).hexdigest())
        body = self._post("/chunks", content=sealed)
        self.answers.append(body["state"])
        return reply_of(body)

    def finish(self):
        return self._post("/finish")

    def _post(self, what, **options):
        until = time.monotonic() + PATIENCE_S
        self._addresses.append(self._addresses.pop(0))
        while True:
            try:
                answer = httpx.post(
                    self._addresses[0] + what, headers=self._headers, timeout=PATIENCE_S, **options
                )
            except httpx.TransportError:
                self.lost += 1
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                answer.raise_for_status()
                return answer.json()


def reply_of(body):
    shown = body["prompt"]
    return Reply(
        kind=ReplyKind(body.get("state", "continue")),
        prompt=shown
        and Prompt(
            index=shown["index"],
            kind=PromptKind(shown["kind"]),
            step=shown["step"] and Step(shown["step"]),
            colours=tuple(map(Colour, shown["colours"])),
            colour_s=shown["colour_s"],
        ),
    )


def answer(link, client):
    first = link.begin()
    client.talk(link.id, link.key, first, link.send)
    return client


def recorded_elsewhere(seed):
    """Everything that was filmed of somebody who passed a session of another verifier."""
    from ekyc.liveness.active import DEFAULT_ACTIVE

    secret = hashlib.sha256(f"elsewhere {seed}".encode()).digest()
    client = SimulatedClient(seed)
    session = open_session(
        session_id=secret[:16],
        secret=secret,
        key=chunk_key(secret),
        policy=DEFAULT_ACTIVE,
        now_s=0.0,
    )
    assert client.run(session, NumbersObserver()).ended is ReplyKind.DONE
    return client


def play(link, taped, seed):
    """The recording in a new session, at its own pace, sealed with the new key."""
    frames = [frame for draft in taped.exchange.drafts for frame in draft.frames]
    times = [frame.captured_us / 1e6 for frame in frames]
    player = SimulatedClient(seed + 500)
    player.frame = lambda at_s, _: (
        frames[min(len(frames) - 1, int(np.searchsorted(times, at_s)))].payload
    )
    return answer(link, player)


def honest(links, seed):
    answer(links[-1], SimulatedClient(seed))


def replay(links, seed):
    play(links[-1], recorded_elsewhere(seed), seed)


def replay_remembered(links, seed):
    taped = answer(links[0], SimulatedClient(seed))
    links[0].finish()
    play(links[-1], taped, seed)


def reordered_chunks(links, seed):
    """From the fifth chunk on, each pair arrives the wrong way round."""
    link, kept = links[-1], []

    def send(sealed, arrived_s):
        if len(link.sent) < 4:
            return link.send(sealed, arrived_s)
        kept.append((sealed, arrived_s))
        if len(kept) < 2:
            return last[0]
        second, first = kept.pop(), kept.pop()
        link.send(second[0], first[1])
        return link.send(first[0], second[1])

    last = [link.begin()]
    SimulatedClient(seed).talk(link.id, link.key, last[0], send)


def dropped_chunk(links, seed):
    link, count = links[-1], [0]

    def send(sealed, arrived_s):
        count[0] += 1
        if count[0] == 5:
            return last[0]
        last[0] = link.send(sealed, arrived_s)
        return last[0]

    last = [link.begin()]
    SimulatedClient(seed).talk(link.id, link.key, last[0], send)


def late_reveal(links, seed):
    client = SimulatedClient(seed)
    if seed % 2:
        client.hold_back_s = lambda prompt: 3.0 if prompt.kind is PromptKind.STEP else 0.0
    else:
        client.person.hurry_s = -3.0
    answer(links[-1], client)


def spliced_subject(links, seed):
    client = SimulatedClient(seed)
    other = unit(np.random.default_rng((seed, 9)).normal(size=EMBEDDING))

    def frame(at_s, prompt):
        if prompt.index >= 2:
            client.person.identity = other
        return client.person.frame(at_s)

    client.frame = frame
    answer(links[-1], client)


def looped_frames(links, seed):
    client, calm, shown = SimulatedClient(seed), [], [0]

    def frame(at_s, prompt):
        living = client.person.frame(at_s)
        if prompt.kind is PromptKind.STEP:
            return living
        if len(calm) < 14:
            calm.append(living)
            return living
        shown[0] += 1
        return calm[(shown[0] - 1) % 14]

    client.frame = frame
    answer(links[-1], client)


def other_sessions_nonce(links, seed):
    """An honest answer to the first session is sent to the second."""
    taped = answer(links[0], SimulatedClient(seed))
    links[1].begin()
    for sealed, arrived_s in taped.exchange.sealed:
        links[1].send(sealed, arrived_s)


def fixed_script(links, seed):
    client = SimulatedClient(seed)
    client.person.does = lambda step: Step.TURN_RIGHT if step is Step.TURN_LEFT else Step.TURN_LEFT
    answer(links[-1], client)


def still_picture(links, seed):
    client = SimulatedClient(seed)
    client.person.stirs = False
    answer(links[-1], client)


ATTACKS = {
    "replay": replay,
    "replay_remembered": replay_remembered,
    "reordered_chunks": reordered_chunks,
    "dropped_chunk": dropped_chunk,
    "late_reveal": late_reveal,
    "spliced_subject": spliced_subject,
    "looped_frames": looped_frames,
    "other_sessions_nonce": other_sessions_nonce,
    "fixed_script": fixed_script,
    "still_picture": still_picture,
}


def main():
    url, folder, how, seed = sys.argv[1:]
    clock = StoryClock(Path(folder) / "clock")
    links = [Link(url, session, clock) for session in json.load(sys.stdin)]
    ({"honest": honest} | ATTACKS)[how](links, int(seed))
    link = links[-1]
    first, second = link.finish(), link.finish()
    told = {
        "answers": link.answers,
        "sent": link.sent,
        "lost": link.lost,
        "finish": first,
        "finish_again": second,
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()

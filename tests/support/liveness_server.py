"""The service with liveness sessions, in a process of its own: ``python liveness_server.py PORT FOLDER KIND [DEATH]``.

KIND says who looks at frames: ``numbers`` (of the simulated client) or ``rendered`` (the real models; what the default
passive detection says is written to FOLDER/passive.json, and a test's detection passes; only movements are asked that
the renderer can show to the mesh). DEATH kills the process with SIGKILL at one moment, once:
``before:N`` or ``after:N`` chunk N is on disk, ``finish`` after a result is.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from dataclasses import replace
from pathlib import Path

from live_service import CountingObserver, TestDetection
from relay_server import NoVerifier
from story_clock import StoryClock

from ekyc.api import LivenessFront, ServerAddress, create_app, serve
from ekyc.flows import LiveParts, live_parts, open_live_sessions
from ekyc.flows.live_signing import ServiceReportSigner
from ekyc.liveness.active import ActivePolicy, AttemptLimits, PlanShape, Step
from ekyc.outcomes import check_as_json
from ekyc.ports import SystemRandom
from ekyc.storage import ServiceKey, Storage

RENDERABLE = (Step.TURN_LEFT, Step.TURN_RIGHT, Step.LOOK_UP, Step.COME_CLOSER)


class Overheard:
    """The default passive detection is asked and written down; then everything passes. **Insecure.**"""

    def __init__(self, detection, file):
        self._detection, self._file = detection, file

    def check(self, pictures):
        found = self._detection.check(pictures)
        self._file.write_text(json.dumps(check_as_json(found)))
        return TestDetection().check(pictures)


def parts_of(kind, key, home):
    if kind == "numbers":
        return LiveParts(
            observer=CountingObserver(),
            passive=TestDetection(),
            signer=ServiceReportSigner(key),
            attempts=AttemptLimits(most=100),
        )
    from ekyc.flows.rooms import Rooms
    from ekyc.inference import Engine

    made = live_parts(Rooms.over(Engine.open()), key)
    return replace(
        made,
        passive=Overheard(made.passive, home / "passive.json"),
        policy=ActivePolicy(shape=PlanShape(among=RENDERABLE)),
    )


def die_once(store, death, marker):
    """Plant a sudden death; a process that starts afterwards lives."""
    if not death or marker.exists():
        return
    moment, _, number = death.partition(":")
    append, finish = store.append, store.finish

    def die():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def dying_append(session, sequence, **kept):
        if moment == "before" and sequence == int(number):
            die()
        done = append(session, sequence, **kept)
        if moment == "after" and sequence == int(number):
            die()
        return done

    def dying_finish(session, **result):
        done = finish(session, **result)
        if moment == "finish":
            die()
        return done

    store.append, store.finish = dying_append, dying_finish


def main():
    port, folder, kind, *death = sys.argv[1:]
    home, address = Path(folder), ServerAddress(port=int(port))
    clock = StoryClock(home / "clock")
    key = ServiceKey.load(home / "service.key", SystemRandom())
    with Storage.open(home / "state.sqlite3", clock=clock) as storage:
        live = open_live_sessions(parts_of(kind, key, home), storage, key, clock=clock)
        die_once(live.store, "".join(death), home / "died")
        front = LivenessFront(sessions=live, clock=clock)
        serve(create_app(NoVerifier(), storage, hosts=address.hosts, liveness=front), address)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()

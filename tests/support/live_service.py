"""Liveness sessions with a simulated client: numbers instead of pictures, a clock that the client's story sets."""

from __future__ import annotations

import warnings
from datetime import timedelta

from ekyc.flows import LiveBinding, LiveOrder, LiveParts, open_live_sessions
from ekyc.flows.live_signing import ServiceReportSigner
from ekyc.liveness.active.simulated_client import InsecureSimulationWarning, NumbersObserver
from ekyc.outcomes import Check, Outcome
from ekyc.ports import SystemRandom
from ekyc.storage import ServiceKey, Storage
from ekyc.testing import InsecureFakeWarning, SeededRandom

KEY = ServiceKey(bytes(range(32)))
BINDING = LiveBinding(case="case-1", subject="079185001234", challenge_id="ab" * 16)


class TestDetection:
    """Passive detection that finds what it is told to. **It looks at nothing.**"""

    __test__ = False

    def __init__(self, outcome=Outcome.PASSED, *reasons):
        self.check_of = Check(id="liveness.passive", outcome=outcome, reasons=reasons)
        self.asked = []

    def check(self, pictures):
        self.asked.append(tuple(pictures))
        return self.check_of


class CountingObserver:
    """Counts what it is shown, and believes it."""

    def __init__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureSimulationWarning)
            self._observer = NumbersObserver()
        self.frames = 0
        self.error = None

    def observe(self, payload):
        if self.error is not None:
            raise self.error
        self.frames += 1
        return self._observer.observe(payload)


def parts(**changes):
    made = {
        "observer": CountingObserver(),
        "passive": TestDetection(),
        "signer": ServiceReportSigner(KEY),
        "models": {"test-model": "ab" * 32},
    }
    return LiveParts(**(made | changes))


def sessions_of(storage, clock, *, bounds=None, **changes):
    options = {} if bounds is None else {"bounds": bounds}
    return open_live_sessions(
        parts(**changes), storage, KEY, clock=clock, random=SystemRandom(), **options
    )


def opened_storage(folder, clock):
    """A new database that draws the same challenges in every run: one draw in 750 shows an honest client colours that
    might as well be others, and the session ends without a verdict.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureFakeWarning)
        random = SeededRandom(0)
    return Storage.open(folder / "state.sqlite3", clock=clock, random=random)


class Caller:
    """What a client may do with a session, over :class:`~ekyc.flows.LiveSessions`; times in seconds since it began."""

    def __init__(self, sessions, clock, **order):
        self.sessions, self.clock = sessions, clock
        self.ordered = sessions.order(LiveOrder(binding=BINDING, **order))
        self.id = self.ordered.id
        self.began = None

    def begin(self):
        self.began = self.clock.now()
        return self.sessions.begin(self.id)

    def send(self, body, at_s):
        at = self.began + timedelta(seconds=at_s)
        if at > self.clock.now():
            self.clock.advance(at - self.clock.now())
        return self.sessions.take(self.id, body, at)

    def finish(self, statement=None):
        return self.sessions.finish(self.id, statement)

    @property
    def result_token(self):
        return self.ordered.result_token.reveal()

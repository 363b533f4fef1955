"""The relay in the suite ``chip``: how many round trips a whole reading takes, and what they cost at 60 ms each.

Nothing is slept: both sides run in this process, frames of commands are counted, and each is one round trip. What the
chip itself takes for each command comes on top in the field and is the same for every way of reading.
"""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Final

from ekyc.chip import CanKey, MrzKey
from ekyc.chip.handover import hand_over
from ekyc.chip.program import run_program
from ekyc.chip.relay import (
    CardWork,
    Hello,
    RelayClient,
    RelayLimits,
    RelayMode,
    RelayPlan,
    RelaySession,
    parse_frame,
)
from ekyc.chip.sim import AccessProtocol, CardSimulator, CitizenData, SimulatedIssuer
from ekyc.ports import SystemClock, SystemRandom
from ekyc.values import Redacted

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.chip.sim import SimulatedCard

ROUND_TRIP_S: Final = 0.060
ALLOWED_NETWORK_S: Final = 1.5
_PORTRAIT_BYTES: Final = 16 * 1024
_TOKEN: Final = "0" * 32


def measure_relay(recorder: Recorder) -> None:
    """A card with a portrait of 16 kB, read over the relay in every way."""
    citizen = CitizenData(
        personal_number="048185012345",
        full_name="NGUYỄN THỊ MẪU",
        birth_date=date(1985, 4, 19),
        sex="F",
        issue_date=date(2023, 8, 21),
        expiry_date=date(2045, 4, 19),
    )
    card = SimulatedIssuer.create().issue_card(citizen, bytes(_PORTRAIT_BYTES))
    pace = RelayPlan(session_id="bench", access_key=CanKey(card.can), nonce=bytes(8))
    bac = RelayPlan(session_id="bench", access_key=MrzKey(*card.mrz_key), nonce=bytes(8))
    hybrid = RelayPlan(session_id="bench", mode=RelayMode.HYBRID, nonce=bytes(8))
    only_bac = frozenset({AccessProtocol.BAC})
    both = frozenset(AccessProtocol)
    _record(recorder, "full_pace", pace, CardSimulator(card, access=both), card)
    _record(recorder, "full_bac", bac, CardSimulator(card, access=only_bac), card)
    _record(recorder, "hybrid_pace", hybrid, CardSimulator(card, access=both), card)
    _record(recorder, "full_pace_without_rows", pace, CardSimulator(card), card, row=1)
    for way in ("full_pace", "full_bac"):
        recorder.must(f"relay.{way}.network", at_most=ALLOWED_NETWORK_S)


def _record(
    recorder: Recorder,
    way: str,
    plan: RelayPlan,
    simulator: CardSimulator,
    card: SimulatedCard,
    *,
    row: int | None = None,
) -> None:
    limits = RelayLimits() if row is None else RelayLimits(row=row)
    trips, commands, server_s = _relay(plan, simulator, card, limits)
    recorder.exact(f"relay.{way}.round_trips", trips, n=1, unit="round trips")
    recorder.exact(f"relay.{way}.commands", commands, n=1, unit="commands")
    recorder.exact(f"relay.{way}.network", trips * ROUND_TRIP_S, n=1, unit="s")
    recorder.exact(f"relay.{way}.server_cpu", server_s * 1e3, n=1, unit="ms")


def _relay(
    plan: RelayPlan, simulator: CardSimulator, card: SimulatedCard, limits: RelayLimits
) -> tuple[int, int, float]:
    """Round trips, commands and the server's CPU seconds of one reading."""
    client = RelayClient(Redacted(_TOKEN), simulator)
    session = RelaySession(
        plan,
        parse_frame(client.hello(), Hello),
        random=SystemRandom(),
        clock=SystemClock(),
        limits=limits,
    )
    server_s = 0.0
    answers: list[str] = []
    begun = time.process_time()
    pending = list(session.start())
    server_s += time.process_time() - begun
    while pending:
        step = client.receive(pending.pop(0))
        if isinstance(step, CardWork):
            answers = [client.carry_out(step)]
        elif step is not None and step.mode is RelayMode.HYBRID:
            opened = run_program(hand_over(CanKey(card.can), random=SystemRandom()), simulator)
            answers = list(client.hand_over(opened))
        for answer in answers:
            begun = time.process_time()
            pending += session.receive(answer)
            server_s += time.process_time() - begun
        answers = []
    return session.round_trips, client.commands, server_s

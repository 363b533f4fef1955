"""Attacks on the active challenge, as programs that have the session's key and drive a simulated client.

Each knows more than a real attacker: the key of its session, the moment at which a prompt appears, and a perfect source
of numbers for faces. Detection of faces plays no part: only the protocol is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.liveness.active import (
    DEFAULT_ACTIVE,
    ActivePolicy,
    ActiveReport,
    PromptKind,
    RecentFrames,
    Session,
    SessionEvidence,
    Step,
    check_client,
    open_session,
    report_session,
    take_chunk,
)
from ekyc.liveness.active.simulated_client import (
    EMBEDDING,
    Exchange,
    NumbersObserver,
    SimulatedClient,
    encode_face,
    unit,
)
from ekyc.liveness.active.ticket import chunk_key

if TYPE_CHECKING:
    from ekyc.liveness.active import Prompt

_OPENED_S: Final = 1000.0
_Attack = Callable[[int, NumbersObserver], ActiveReport]


def session_of(seed: int, policy: ActivePolicy = DEFAULT_ACTIVE) -> Session:
    """A session whose secret follows from a seed."""
    secret = hashlib.sha256(f"session {seed}".encode()).digest()
    return open_session(
        session_id=secret[:16],
        secret=secret,
        key=chunk_key(secret),
        policy=policy,
        now_s=_OPENED_S,
    )


def judged(session: Session, memory: RecentFrames | None = None) -> ActiveReport:
    """The report of a session; a memory is asked for its frames."""
    hashes = [frame.seen.picture_hash for frame in session.frames]
    known = None if memory is None else memory.count_known(hashes, session_id=session.id)
    client = check_client(None, None, session_id=session.id, key=session.key)
    return report_session(session, client=client, evidence=SessionEvidence(known_frames=known))


@lru_cache(maxsize=1)
def recording(seed: int, observer: NumbersObserver) -> tuple[Session, Exchange]:
    """Somebody does what is asked: the finished session and all that passed. Kept, for most attacks need one."""
    client = SimulatedClient(seed)
    return client.run(session_of(seed), observer), client.exchange


def honest(seed: int, observer: NumbersObserver) -> ActiveReport:
    """Somebody does what is asked."""
    return judged(recording(seed, observer)[0])


def replay(
    seed: int, observer: NumbersObserver, memory: RecentFrames | None = None
) -> ActiveReport:
    """The recording of a passed session is played into another, at its own pace, sealed with the new key."""
    before, exchange = recording(seed, observer)
    if memory is not None:
        memory.remember([f.seen.picture_hash for f in before.frames], session_id=before.id)
    tape = [frame for chunk in exchange.drafts for frame in chunk.frames]
    times = [frame.captured_us / 1e6 for frame in tape]
    player = SimulatedClient(seed + 500_000)
    player.frame = lambda at_s, _: (
        tape[min(len(tape) - 1, int(np.searchsorted(times, at_s)))].payload
    )
    return judged(player.run(session_of(seed + 500_000), observer), memory)


def remembered_replay(seed: int, observer: NumbersObserver) -> ActiveReport:
    """As :func:`replay`, where the service remembers the recorded session."""
    return replay(seed, observer, RecentFrames())


def reordered_chunks(seed: int, observer: NumbersObserver) -> ActiveReport:
    """Two chunks of an honest answer change places: as they were sealed, or sealed anew with their old times."""
    random = np.random.default_rng((seed, 3))
    at = int(random.integers(1, 12))
    sealed = recording(seed, observer)[1].sealed
    if seed % 2:
        order = list(range(len(sealed)))
        order[at], order[at + 1] = order[at + 1], order[at]
        session = session_of(seed)
        for place, index in enumerate(order):
            session = take_chunk(session, sealed[index][0], observer, _OPENED_S + sealed[place][1])
        return judged(session)
    drafts = recording(seed, observer)[1].drafts
    swapped = {at: drafts[at + 1].frames, at + 1: drafts[at].frames}
    again = SimulatedClient(seed)
    again.alter = lambda place, chunk: replace(chunk, frames=swapped.get(place, chunk.frames))
    return judged(again.run(session_of(seed), observer))


def dropped_chunk(seed: int, observer: NumbersObserver) -> ActiveReport:
    """A chunk of an honest answer is left out on the way."""
    chunks = recording(seed, observer)[1].sealed
    at = 1 + seed % 12
    session = session_of(seed)
    for sealed, arrived in chunks[:at] + chunks[at + 1 :]:
        session = take_chunk(session, sealed, observer, _OPENED_S + arrived)
    return judged(session)


def late_reveal(seed: int, observer: NumbersObserver) -> ActiveReport:
    """The answer does not follow the prompt: begun before it appeared, or made afterwards and dated back."""
    random = np.random.default_rng((seed, 4))
    client = SimulatedClient(seed)
    if seed % 2:
        held = float(random.uniform(2.0, 5.0))
        client.hold_back_s = lambda prompt: held if prompt.kind is PromptKind.STEP else 0.0
    else:
        client.person.hurry_s = -float(random.uniform(2.3, 3.5))
    return judged(client.run(session_of(seed), observer))


def spliced_subject(seed: int, observer: NumbersObserver) -> ActiveReport:
    """From some prompt on another person is seen, exactly where the first one was."""
    random = np.random.default_rng((seed, 5))
    session = session_of(seed)
    cut = int(random.integers(1, len(session.plan.prompts)))
    client = SimulatedClient(seed)
    other = unit(random.normal(size=EMBEDDING))

    def frame(at_s: float, prompt: Prompt) -> bytes:
        if prompt.index >= cut:
            client.person.identity = other
        return client.person.frame(at_s)

    client.frame = frame
    return judged(client.run(session, observer))


def borrowed_movements(seed: int, observer: NumbersObserver) -> ActiveReport:
    """The holder's face is at rest nearly all the time; only the movements themselves are somebody else's, and short."""
    random = np.random.default_rng((seed, 7))
    client = SimulatedClient(seed)
    person = client.person
    holder, helper = person.identity, unit(random.normal(size=EMBEDDING))
    person.hurry_s = float(random.uniform(1.0, 2.5))
    person.lasts_s = float(random.uniform(0.3, 0.6))

    def frame(at_s: float, _: Prompt) -> bytes:
        person.identity = helper if person.moves(at_s) else holder
        return person.frame(at_s)

    client.frame = frame
    return judged(client.run(session_of(seed), observer))


def looped_frames(seed: int, observer: NumbersObserver) -> ActiveReport:
    """While nothing is to be done a calm stretch of 12 to 30 frames is shown again and again; steps are answered.

    Half of the time the frames themselves return, otherwise compressed anew.
    """
    random = np.random.default_rng((seed, 6))
    client = SimulatedClient(seed)
    length, exact = int(random.integers(12, 31)), bool(seed % 2)
    calm: list[bytes] = []
    shown = [0]

    def frame(at_s: float, prompt: Prompt) -> bytes:
        living = client.person.frame(at_s)
        if prompt.kind is PromptKind.STEP:
            return living
        if len(calm) < length:
            calm.append(living)
            return living
        shown[0] += 1
        taped = calm[(shown[0] - 1) % length]
        return taped if exact else _recompressed(taped, observer, random)

    client.frame = frame
    return judged(client.run(session_of(seed), observer))


def other_sessions_nonce(seed: int, observer: NumbersObserver) -> ActiveReport:
    """An honest answer that was sealed for another session: sent as it is, or under this session's name."""
    target = session_of(seed + 500_000)
    for sealed, arrived in recording(seed, observer)[1].sealed:
        sent = sealed if seed % 2 else sealed[:4] + target.id + sealed[20:]
        target = take_chunk(target, sent, observer, _OPENED_S + arrived)
    return judged(target)


def fixed_script(seed: int, observer: NumbersObserver) -> ActiveReport:
    """Whatever is asked, the face turns left, and right where left is asked."""
    client = SimulatedClient(seed)
    client.person.does = lambda step: Step.TURN_RIGHT if step is Step.TURN_LEFT else Step.TURN_LEFT
    return judged(client.run(session_of(seed), observer))


def still_picture(seed: int, observer: NumbersObserver) -> ActiveReport:
    """A photograph before the camera: nothing that is asked happens."""
    client = SimulatedClient(seed)
    client.person.stirs = False
    return judged(client.run(session_of(seed), observer))


def steered_clips(seed: int, observer: NumbersObserver) -> ActiveReport:
    """A library of clips from elsewhere, the right one played for each step; only the colours are missing."""
    client = SimulatedClient(seed)
    client.person.sees_colours = False
    return judged(client.run(session_of(seed), observer))


def _recompressed(payload: bytes, observer: NumbersObserver, random: np.random.Generator) -> bytes:
    seen = observer.observe(payload)
    assert seen.face is not None  # written by the simulation
    noise = random.normal(size=3) * 0.08
    face = replace(
        seen.face,
        yaw_deg=seen.face.yaw_deg + float(noise[0]),
        pitch_deg=seen.face.pitch_deg + float(noise[1]),
        roll_deg=seen.face.roll_deg + float(noise[2]),
    )
    return encode_face(face, seen.picture_hash)


ATTACKS: Final[Mapping[str, _Attack]] = MappingProxyType(
    {
        "replay": replay,
        "replay_remembered": remembered_replay,
        "reordered_chunks": reordered_chunks,
        "dropped_chunk": dropped_chunk,
        "late_reveal": late_reveal,
        "spliced_subject": spliced_subject,
        "borrowed_movements": borrowed_movements,
        "looped_frames": looped_frames,
        "other_sessions_nonce": other_sessions_nonce,
        "fixed_script": fixed_script,
        "still_picture": still_picture,
    }
)
"""None of them may be accepted."""

__all__ = ["ATTACKS", "honest", "judged", "recording", "session_of", "steered_clips"]

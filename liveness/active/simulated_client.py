"""A client without a camera: numbers of an imagined face that does what it is asked. **For tests and the benchmark.**

Its frames are numbers in 740 bytes, read back by :class:`NumbersObserver`. They are no pictures: what passes here has
shown that the protocol works, nothing about faces. Never give a service this observer.

How the imagined person moves (reaction 0.35–1.8 s, tremble, spontaneous blinks, a camera of 8–16 frames a second, a
network with hiccups) was set by hand from what is known of people and telephones, not fitted to recordings.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ekyc.liveness.active.driver import take_chunk
from ekyc.liveness.active.envelope import Chunk, ChunkFrame, chain_start, seal_chunk
from ekyc.liveness.active.observation import UNREADABLE, FaceObservation, FrameObservation
from ekyc.liveness.active.plan import Prompt, PromptKind, Step
from ekyc.liveness.active.session import Reply, ReplyKind, Session
from ekyc.values import BoxPx

EMBEDDING: Final = 128
_NUMBERS: Final = struct.Struct(f">16d{EMBEDDING}f32s")
_CHUNK_S: Final = 0.4

Vector = NDArray[np.float64]


class InsecureSimulationWarning(UserWarning):
    """A simulated client or its observer was made; it must never stand behind a real verification."""


class NumbersObserver:
    """Reads the numbers that :func:`encode_face` wrote. **Insecure**: it believes them, and warns of it."""

    def __init__(self) -> None:
        warnings.warn("believes every number it is sent", InsecureSimulationWarning, stacklevel=2)

    def observe(self, payload: bytes) -> FrameObservation:
        if len(payload) != _NUMBERS.size:
            return UNREADABLE
        *numbers, picture = _NUMBERS.unpack(payload)
        yaw, pitch, roll, eye, mouth, left, top, right, bottom, sharpness = numbers[:10]
        face = FaceObservation(
            yaw_deg=yaw,
            pitch_deg=pitch,
            roll_deg=roll,
            eye_openness=eye,
            mouth_opening=mouth,
            box=BoxPx(left=left, top=top, right=right, bottom=bottom),
            face_bgr=tuple(numbers[10:13]),
            background_bgr=tuple(numbers[13:16]),
            embedding=tuple(numbers[16:]),
            sharpness=sharpness,
        )
        return FrameObservation(face=face, picture_hash=int.from_bytes(picture, "big"))


def encode_face(face: FaceObservation, picture_hash: int) -> bytes:
    """A face as a frame of the simulation."""
    box = face.box
    return _NUMBERS.pack(
        *(face.yaw_deg, face.pitch_deg, face.roll_deg, face.eye_openness, face.mouth_opening),
        *(box.left, box.top, box.right, box.bottom, face.sharpness),
        *face.face_bgr,
        *face.background_bgr,
        *(face.embedding or (0.0,) * EMBEDDING),
        picture_hash.to_bytes(32, "big"),
    )


@dataclass(slots=True, kw_only=True)
class _Movement:
    step: Step
    starts_s: float
    rises_s: float
    size: float
    ends_s: float | None = None

    def share(self, at_s: float) -> float:
        """Of the whole movement, 0 to ``size``."""
        up = _ramp((at_s - self.starts_s) / self.rises_s)
        down = 0.0 if self.ends_s is None else _ramp((at_s - self.ends_s) / 0.35)
        return self.size * max(0.0, up - down)


class SimulatedPerson:
    """An imagined face: where it is at a time, and how it follows prompts."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.identity = unit(random.normal(size=EMBEDDING))
        self.hurry_s = 0.0
        """Added to every reaction; negative for somebody who knows what comes."""
        self.lasts_s: float | None = None
        """How long a movement is held, where it does not last until the next prompt."""
        self.sees_colours = True
        self.stirs = True
        """Whether anything that is asked is done."""
        self.does: Callable[[Step], Step] = lambda step: step
        self._rest = {
            "yaw": random.normal(0, 3),
            "pitch": random.normal(-2, 5),
            "roll": random.normal(0, 3),
            "eye": random.uniform(0.2, 0.36),
            "mouth": random.uniform(0.0, 0.06),
            "width": random.uniform(170, 300),
        }
        self._sway = np.zeros(6)
        self._skin = random.uniform((60, 80, 100), (150, 170, 215))
        self._wall = random.uniform(60, 190, size=3)
        self._glow = random.uniform(0.03, 0.12)
        """How much the screen lights the face, as a share."""
        self._scene = random.integers(0, 256, size=32, dtype=np.uint8)
        self._moves: list[_Movement] = []
        self._blink_s = -1.0
        self._shown: Prompt | None = None
        self._shown_s = 0.0

    def is_shown(self, prompt: Prompt, at_s: float) -> None:
        """A prompt appears on the screen."""
        if self._shown is not None and self._shown.index == prompt.index:
            return
        self._shown, self._shown_s = prompt, at_s
        reaction = float(np.clip(self.random.lognormal(-0.35, 0.4), 0.35, 1.8)) + self.hurry_s
        if prompt.kind is not PromptKind.STEP:
            for move in self._moves:
                move.ends_s = at_s + abs(reaction) if move.ends_s is None else move.ends_s
            return
        if not self.stirs:
            return
        assert prompt.step is not None  # prompts of this kind have one
        step, starts = self.does(prompt.step), at_s + reaction
        move = _Movement(
            step=step,
            starts_s=starts,
            rises_s=float(self.random.uniform(0.3, 0.6)),
            size=float(self.random.uniform(1.4, 2.2)),
        )
        if self.lasts_s is not None:
            move.ends_s = starts + move.rises_s + self.lasts_s
        if step is Step.BLINK:
            move.rises_s, move.size = 0.15, float(self.random.uniform(1.5, 1.9))
            move.ends_s = starts + move.rises_s + float(self.random.uniform(0.45, 0.9))
        self._moves.append(move)

    def moves(self, at_s: float) -> bool:
        """Whether anything that was asked is being done now."""
        return any(move.share(at_s) > 0.0 for move in self._moves)

    def frame(self, at_s: float) -> bytes:
        """What the camera sees now."""
        noise = self.random.normal(size=16)
        self._sway = 0.97 * self._sway + self.random.normal(size=6) * (0.3, 0.3, 0.2, 0.8, 0.8, 0.5)
        share = dict.fromkeys(Step, 0.0)
        for move in self._moves:
            share[move.step] += move.share(at_s)
        rest, sway = self._rest, self._sway
        yaw = 16 * (share[Step.TURN_LEFT] - share[Step.TURN_RIGHT])
        width = rest["width"] * (1 + 0.22 * share[Step.COME_CLOSER]) + 0.3 * sway[5]
        shut = min(1.0, 0.5 * share[Step.BLINK] + self._blinking(at_s))
        x, y = 360 + sway[3] + yaw, 480 + sway[4] - 2 * share[Step.LOOK_UP]
        face = FaceObservation(
            yaw_deg=rest["yaw"] + yaw + sway[0] + 0.7 * noise[0],
            pitch_deg=rest["pitch"] + 10 * share[Step.LOOK_UP] + sway[1] + 0.7 * noise[1],
            roll_deg=rest["roll"] + sway[2] + 0.4 * noise[2],
            eye_openness=max(0.02, rest["eye"] * (1 - shut) + 0.012 * noise[3]),
            mouth_opening=max(0.0, rest["mouth"] + 0.22 * share[Step.OPEN_MOUTH] + 0.01 * noise[4]),
            box=BoxPx(
                left=x - width / 2 + 0.6 * noise[5],
                top=y - 0.65 * width + 0.6 * noise[6],
                right=x + width / 2 + 0.6 * noise[7],
                bottom=y + 0.65 * width + 0.6 * noise[8],
            ),
            face_bgr=self._lit(at_s, noise[9:12]),
            background_bgr=_colour(self._wall * (1 + 0.006 * noise[12:15])),
            embedding=tuple(self._embedding(yaw).tolist()),
            sharpness=float(80 + 10 * noise[15]),
        )
        return encode_face(face, self._picture_hash())

    def _blinking(self, at_s: float) -> float:
        """Spontaneous blinks, some fifteen a minute, 0.1 to 0.18 s long."""
        if at_s > self._blink_s + 0.4 and self.random.random() < 0.02:
            self._blink_s = at_s + float(self.random.uniform(0.1, 0.18))
        return 1.0 if at_s < self._blink_s else 0.0

    def _lit(self, at_s: float, noise: Vector) -> tuple[float, float, float]:
        light = np.zeros(3)
        shown = self._shown
        if shown is not None and shown.kind is PromptKind.COLOURS and self.sees_colours:
            index = int((at_s - self._shown_s - 0.08) / shown.colour_s)
            if 0 <= index < len(shown.colours):
                light = np.array(shown.colours[index].bgr) * self._glow
        return _colour(self._skin * (1 + light) * (1 + 0.01 * noise))

    def _embedding(self, yaw_deg: float) -> Vector:
        spread = 0.035 * (1 + abs(yaw_deg) / 25)
        return unit(self.identity + spread * self.random.normal(size=EMBEDDING))

    def _picture_hash(self) -> int:
        bits = int.from_bytes(self._scene.tobytes(), "big")
        for bit in self.random.integers(0, 256, size=4):
            bits ^= 1 << int(bit)
        return bits


@dataclass(slots=True, kw_only=True)
class Exchange:
    """What passed between client and verifier: the tape that attacks are made of."""

    sealed: list[tuple[bytes, float]] = field(default_factory=list)
    """Chunks and when they arrived."""
    drafts: list[Chunk] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)


class SimulatedClient:
    """A telephone with a person before it. ``frame`` may be another source of pictures than the person."""

    def __init__(self, seed: int, *, person: SimulatedPerson | None = None) -> None:
        warnings.warn("no camera, no person", InsecureSimulationWarning, stacklevel=2)
        self.random = np.random.default_rng((seed, 1))
        self.person = person or SimulatedPerson(np.random.default_rng((seed, 2)))
        self.frame: Callable[[float, Prompt], bytes] = lambda at_s, _: self.person.frame(at_s)
        self.alter: Callable[[int, Chunk], Chunk] = lambda _, chunk: chunk
        """Changes a chunk before it is sealed."""
        self.hold_back_s: Callable[[Prompt], float] = lambda _: 0.0
        """How long the chunks of a prompt are kept before they are sent."""
        self.frames_per_s = float(self.random.uniform(8, 16))
        self.delay_s = float(self.random.uniform(0.03, 0.25))
        self.exchange = Exchange()

    def run(self, session: Session, observer: NumbersObserver) -> Session:
        """Answer a session to its end; the verifier's clock runs from where it stands."""
        state, skew = session, session.now_s

        def send(sealed: bytes, arrived_s: float) -> Reply:
            nonlocal state
            state = take_chunk(state, sealed, observer, skew + arrived_s)
            return state.reply

        if session.ended is None:
            self.talk(session.id, session.key, session.reply, send)
        return state

    def talk(
        self, session_id: bytes, key: bytes, first: Reply, send: Callable[[bytes, float], Reply]
    ) -> Reply:
        """Answer a verifier that is somewhere else, to the end.

        Args:
            session_id: 16 bytes.
            key: of the chunks.
            first: what the client was told when it began.
            send: takes a sealed chunk and the second since the beginning at which it arrives; returns the answer.
        """
        at_s, arrived_s, chain = float(self.random.uniform(0.2, 1.0)), 0.0, chain_start(session_id)
        visible, last = [(0.0, first)], first
        for sequence in range(600):
            while len(visible) > 1 and visible[1][0] <= at_s:
                visible.pop(0)
            prompt = visible[0][1].prompt
            if last.kind is not ReplyKind.CONTINUE or prompt is None:
                break
            self.person.is_shown(prompt, at_s)
            frames, at_s = self._capture(at_s, prompt)
            chunk = Chunk(
                session_id=session_id,
                sequence=sequence,
                prompt=prompt.index,
                previous=chain,
                frames=frames,
            )
            sealed = seal_chunk(self.alter(sequence, chunk), key)
            chain = hashlib.sha256(sealed).digest()
            sent_s = frames[-1].captured_us / 1e6 + self.hold_back_s(prompt)
            arrived_s = max(arrived_s + 0.001, sent_s + self._hiccup())
            self.exchange.drafts.append(chunk)
            self.exchange.sealed.append((sealed, arrived_s))
            last = send(sealed, arrived_s)
            visible.append((arrived_s + self.delay_s, last))
        return last

    def _capture(self, at_s: float, prompt: Prompt) -> tuple[tuple[ChunkFrame, ...], float]:
        frames: list[ChunkFrame] = []
        for _ in range(min(16, max(3, round(_CHUNK_S * self.frames_per_s)))):
            frames.append(ChunkFrame(captured_us=int(at_s * 1e6), payload=self.frame(at_s, prompt)))
            at_s += float(self.random.uniform(0.7, 1.3)) / self.frames_per_s
        self.exchange.hashes.extend(int.from_bytes(frame.payload[-32:], "big") for frame in frames)
        return tuple(frames), at_s

    def _hiccup(self) -> float:
        late = float(self.random.exponential(0.04))
        if self.random.random() < 0.02:
            late += float(self.random.uniform(0.1, 0.6))
        return self.delay_s + min(late, 0.9)


def unit(vector: Vector) -> Vector:
    """The vector at length 1."""
    return np.asarray(vector / np.linalg.norm(vector))


def _ramp(share: float) -> float:
    inside = min(1.0, max(0.0, share))
    return inside * inside * (3 - 2 * inside)


def _colour(values: Vector) -> tuple[float, float, float]:
    blue, green, red = np.clip(values, 0, 255).tolist()
    return blue, green, red

"""What is asked of a person, drawn from one secret of the verifier.

The secret (32 bytes, kept by :class:`ekyc.storage.NonceStore`) never leaves the verifier. Under different labels there
follow from it, so that none tells of another:

1. the plan: which steps in which order, how long to look straight before each, which colours the screen shows;
2. the key of the chunks, which the client is told (:mod:`ekyc.liveness.active.ticket`).

The client learns of the plan one prompt at a time, each when the one before is answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar

from ekyc.errors import InputError

SECRET_BYTES: Final = 32
_PLAN_LABEL: Final = b"ekyc active liveness: plan"
_HOLD_GRAINS: Final = 256
_T = TypeVar("_T")


class Step(StrEnum):
    """Something to do before the camera. Left and right are the person's own."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    LOOK_UP = "look_up"
    COME_CLOSER = "come_closer"
    BLINK = "blink"
    """A slow one: eyes shut for a moment, then open."""
    OPEN_MOUTH = "open_mouth"


class Colour(StrEnum):
    """What the screen shows, as bits of blue, green and red."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    CYAN = "cyan"
    MAGENTA = "magenta"
    YELLOW = "yellow"

    @property
    def bgr(self) -> tuple[int, int, int]:
        """Each 0 or 1."""
        return _BGR[self]


_BGR: Final = {
    Colour.RED: (0, 0, 1),
    Colour.GREEN: (0, 1, 0),
    Colour.BLUE: (1, 0, 0),
    Colour.CYAN: (1, 1, 0),
    Colour.MAGENTA: (1, 0, 1),
    Colour.YELLOW: (0, 1, 1),
}


class PromptKind(StrEnum):
    """What the client shows."""

    LOOK_STRAIGHT = "look_straight"
    STEP = "step"
    COLOURS = "colours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One instruction; all that the client is told of the plan at a time."""

    index: int
    kind: PromptKind
    step: Step | None = None
    colours: tuple[Colour, ...] = ()
    colour_s: float = 0.0
    """How long each colour is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanShape:
    """How much is asked."""

    steps: int = 3
    """1 to 6, all different: three of six give 120 orders."""
    among: tuple[Step, ...] = tuple(Step)
    """What may be asked, each once: leave out what your observer does not see, or your people cannot do."""
    colours: int = 6
    """0 where the client cannot colour its screen; otherwise 4 to 12. Six give 6 · 5⁵ = 18,750 sequences."""
    colour_s: float = 0.5
    shortest_hold_s: float = 0.5
    longest_hold_s: float = 1.3
    """How long to look straight before a prompt, drawn anew each time: when the next is revealed cannot be foreseen."""

    def __post_init__(self) -> None:
        if not (
            1 <= self.steps <= len(self.among) == len(set(self.among))
            and (self.colours == 0 or 4 <= self.colours <= 12)
            and 0.2 <= self.colour_s <= 2.0
            and 0.3 <= self.shortest_hold_s <= self.longest_hold_s <= 5.0
        ):
            raise InputError("no such challenge is possible", code="liveness.thresholds_invalid")


DEFAULT_SHAPE: Final = PlanShape()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengePlan:
    """All that will be asked in one session."""

    steps: tuple[Step, ...]
    holds_s: tuple[float, ...]
    """One before each step and one after the last."""
    colours: tuple[Colour, ...]
    colour_s: float

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """Look straight, a step, look straight, a step … look straight, the colours if there are any."""
        return _prompts(self)


def draw_plan(secret: bytes, shape: PlanShape) -> ChallengePlan:
    """The plan that belongs to a secret; equal secrets give equal plans.

    Raises:
        InputError: the secret has not 32 bytes.
    """
    require_secret(secret)
    numbers = _stream(_PLAN_LABEL + secret)
    left = list(shape.among)
    steps = [left.pop(_below(numbers, len(left))) for _ in range(shape.steps)]
    span = shape.longest_hold_s - shape.shortest_hold_s
    holds = [
        shape.shortest_hold_s + span * _below(numbers, _HOLD_GRAINS) / (_HOLD_GRAINS - 1)
        for _ in range(shape.steps + 1)
    ]
    return ChallengePlan(
        steps=tuple(steps),
        holds_s=tuple(holds),
        colours=_colours(numbers, shape.colours),
        colour_s=shape.colour_s,
    )


def require_secret(secret: bytes) -> None:
    """Refuse a secret of another length."""
    if len(secret) != SECRET_BYTES:
        raise InputError(f"a secret has {SECRET_BYTES} bytes", code="liveness.secret_invalid")


@lru_cache(maxsize=64)
def _prompts(plan: ChallengePlan) -> tuple[Prompt, ...]:
    prompts = [
        prompt
        for index, step in enumerate(plan.steps)
        for prompt in (
            Prompt(index=2 * index, kind=PromptKind.LOOK_STRAIGHT),
            Prompt(index=2 * index + 1, kind=PromptKind.STEP, step=step),
        )
    ]
    prompts.append(Prompt(index=len(prompts), kind=PromptKind.LOOK_STRAIGHT))
    if plan.colours:
        prompts.append(
            Prompt(
                index=len(prompts),
                kind=PromptKind.COLOURS,
                colours=plan.colours,
                colour_s=plan.colour_s,
            )
        )
    return tuple(prompts)


def _colours(numbers: Iterator[int], count: int) -> tuple[Colour, ...]:
    """No colour follows itself, so that every change of the screen shows."""
    chosen: list[Colour] = []
    for _ in range(count):
        chosen.append(_pick(numbers, [c for c in Colour if not chosen or c is not chosen[-1]]))
    return tuple(chosen)


def _pick(numbers: Iterator[int], among: Sequence[_T]) -> _T:
    return among[_below(numbers, len(among))]


def _below(numbers: Iterator[int], bound: int) -> int:
    """Evenly 0 … bound − 1: numbers that would favour some are thrown away."""
    fair = 256 - 256 % bound
    return next(number for number in numbers if number < fair) % bound


def _stream(seed: bytes) -> Iterator[int]:
    """Bytes of SHAKE256 of the seed and a counter, without end."""
    block = 0
    while True:
        yield from hashlib.shake_256(seed + block.to_bytes(8, "big")).digest(256)
        block += 1

"""Profiles of passive detection: which cuts a network sees, how many frames count, what thresholds judge them.

Where thresholds come from:

* ``live_at`` 0.50 is the middle of the networks' scale; it was fitted to nothing.
* ``spoof_below`` 0.20 was set on honest pictures alone: the highest multiple of 0.05 below which at most 1 % of 34
  London portraits fell, each seen under 21 kinds of light and camera (suite ``pad`` repeats it on the other 68 people).
  With 0.40, as before, 2.5 % fell below it; without the second look half or more of all dim ones.
* The grid's threshold was set on honest pictures alone.

No attack set was used, least of all the one that a final measurement keeps aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from ekyc.errors import InputError

LEAST_MIN_FRAMES = 3
"""A median over fewer frames is no median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PadThresholds:
    """Bounds of passive detection."""

    live_at: float = 0.50
    """PASSED from this median on."""
    spoof_below: float = 0.20
    """FAILED below this median of the better of both looks; between the two INDETERMINATE."""
    second_look_below: float = 0.40
    """A frame that scores lower is looked at again at ordinary exposure."""
    screen_lines_at: float = 3.0
    """FAILED from this median excess of a regular line on (nats of power). Chosen on honest pictures alone: at most
    1.5 on the 204 London faces, at most 2.8 on 3,809 whole LFW pictures; the two that exceed it, of 3,811, show a
    television screen."""
    min_frames: int = 5
    """Distinct, usable frames that PASSED needs above the policy's level for single frames; at least 3."""
    max_frames: int = 60
    """More are refused."""
    min_face_width_px: float = 128.0
    """Least width at which both cues can speak: the network's cuts are not enlarged from about 96 px on, and the grid
    cue finds its twelve tiles. London faces shrunk to 128 px score as before."""
    min_context: float = 1.5
    """Sides of the largest cut that fits around the face, in sides of its box: on tight cuts the network lets
    every attack through."""
    min_sharpness: float = 8.0
    """Variance of the Laplacian, see :class:`~ekyc.imaging.CaptureQuality`."""
    min_brightness: float = 30.0
    """Mean luma of the face; darker frames are set aside."""
    max_brightness: float = 235.0
    """Mean luma of the face; brighter frames are set aside."""
    ordinary_luma: float = 125.0
    """Median luma of a well lit face. The second look is at the exposure that brings the face there: the network
    takes dim pictures of anything for attacks."""
    max_gain: float = 3.0
    """Bound on that exposure, in both directions."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.spoof_below <= self.live_at <= 1.0:
            raise InputError(
                "thresholds must keep 0 ≤ spoof_below ≤ live_at ≤ 1",
                code="liveness.thresholds_invalid",
            )
        if self.second_look_below < self.spoof_below:
            raise InputError(
                "no frame may be held against a person without the second look",
                code="liveness.thresholds_invalid",
            )
        if not LEAST_MIN_FRAMES <= self.min_frames <= self.max_frames:
            raise InputError(
                f"min_frames must be at least {LEAST_MIN_FRAMES} and at most max_frames",
                code="liveness.thresholds_invalid",
            )


DEFAULT_PAD = PadThresholds()


class ProfileName(StrEnum):
    """The shipped profiles."""

    FAST = "fast"
    DEFAULT = "default"
    USER_WEIGHTS = "user_weights"
    DEMO = "demo"


class Views(Enum):
    """What the network sees of a frame."""

    ALL = "all"
    """A wide and a square cut and the mirror image of each: four runs."""
    IN_TURN = "in_turn"
    """One of the four, the next one in the next frame: one run. Medians are taken for each cut by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PadProfile:
    """One way of passive detection."""

    name: ProfileName
    views: Views
    models: tuple[str, ...]
    """Registry ids of what runs, the detector first; files that the user brings come on top."""
    thresholds: PadThresholds = DEFAULT_PAD
    user_weights: bool = False
    """Whether the caller must bring Silent-Face nets (:mod:`ekyc.liveness.silent_face`)."""
    detector_long_sides_px: tuple[int, ...] | None = None
    """Sizes at which the detector looks; None for its own."""
    detector_thinned_to_px: int | None = None
    """Larger frames are shown to the detector with rows and columns left out, until the longer side is no longer than
    this: cheap, and good enough for a box."""
    screen_lines_every: int = 1
    """The grid is looked for in each so many-th scored frame, the first among them."""
    demonstration: bool = False
    """Marks a profile whose PASSED means nothing outside a demonstration."""
    training_data_disclosed: bool = False
    """Whether somebody who can know says what **all** nets that judge were trained on."""


_MODELS: Final = ("yunet-2023mar", "faceplugin-liveness")

PROFILES: Final[Mapping[ProfileName, PadProfile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            PadProfile(
                name=ProfileName.FAST,
                views=Views.IN_TURN,
                models=_MODELS,
                thresholds=PadThresholds(min_frames=8),
                detector_long_sides_px=(320, 480),
                detector_thinned_to_px=320,
                screen_lines_every=8,
            ),
            PadProfile(
                name=ProfileName.DEFAULT, views=Views.ALL, models=_MODELS, screen_lines_every=2
            ),
            PadProfile(
                name=ProfileName.USER_WEIGHTS,
                views=Views.ALL,
                models=_MODELS,
                user_weights=True,
                screen_lines_every=2,
            ),
            PadProfile(
                name=ProfileName.DEMO,
                views=Views.IN_TURN,
                models=_MODELS,
                thresholds=PadThresholds(min_frames=LEAST_MIN_FRAMES),
                demonstration=True,
            ),
        )
    }
)
DEFAULT_PROFILE: Final = PROFILES[ProfileName.DEFAULT]


class Assurance(StrEnum):
    """How much hangs on the answer, in the words of Implementing Regulation (EU) 2015/1502 §2.1; nothing here claims
    to conform to it.
    """

    LOW = "low"
    SUBSTANTIAL = "substantial"
    HIGH = "high"

    def exceeds(self, other: Assurance) -> bool:
        """Whether more hangs on it than on ``other``."""
        order = list(Assurance)
        return order.index(self) > order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class PadPolicy:
    """What an operator accepts."""

    assurance: Assurance = Assurance.SUBSTANTIAL
    """Of the procedure that asks."""
    single_frames_up_to: Assurance = Assurance.LOW
    """Highest level at which fewer than ``min_frames`` frames may pass; above it they are INDETERMINATE at best, because
    single frames of a replayed video do pass the network."""
    allow_undisclosed: bool = True
    """Whether nets may judge whose training data nobody discloses (``ekyc models list`` says which); otherwise the
    check is NOT_PERFORMED."""

    def frames_needed(self, thresholds: PadThresholds) -> int:
        """Distinct, usable frames that PASSED needs."""
        single = not self.assurance.exceeds(self.single_frames_up_to)
        return 1 if single else thresholds.min_frames


DEFAULT_POLICY: Final = PadPolicy()

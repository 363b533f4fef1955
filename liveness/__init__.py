"""Liveness: presentation-attack detection over the frames of a capture, and how its error rates are counted.

Passive detection is here; the challenge and its protocol are in :mod:`ekyc.liveness.active`. Models come in through
:class:`ekyc.ports.Model`.
"""

from ekyc.liveness.frame_checks import FrameChecks, FrameFinding, check_frames
from ekyc.liveness.gates import FrameProblem
from ekyc.liveness.metrics import (
    AverageError,
    PadErrorRates,
    Presentation,
    Rate,
    error_rates,
)
from ekyc.liveness.passive import (
    FrameLiveness,
    LivenessReport,
    check_liveness,
    verify_frame_count,
)
from ekyc.liveness.profiles import (
    DEFAULT_PAD,
    DEFAULT_POLICY,
    DEFAULT_PROFILE,
    PROFILES,
    Assurance,
    PadPolicy,
    PadProfile,
    PadThresholds,
    ProfileName,
)
from ekyc.liveness.score import FrameScore, score_frame
from ekyc.liveness.screen_lines import measure_screen_lines

__all__ = [
    "DEFAULT_PAD",
    "DEFAULT_POLICY",
    "DEFAULT_PROFILE",
    "PROFILES",
    "Assurance",
    "AverageError",
    "FrameChecks",
    "FrameFinding",
    "FrameLiveness",
    "FrameProblem",
    "FrameScore",
    "LivenessReport",
    "PadErrorRates",
    "PadPolicy",
    "PadProfile",
    "PadThresholds",
    "Presentation",
    "ProfileName",
    "Rate",
    "check_frames",
    "check_liveness",
    "error_rates",
    "measure_screen_lines",
    "score_frame",
    "verify_frame_count",
]

"""Liveness: presentation-attack detection over the frames of a capture, and how its error rates are counted.

Passive detection is here; the challenge and its protocol are in :mod:`ekyc.liveness.active`. Models come in through
:class:`ekyc.ports.Model`.
"""

from ekyc.liveness.metrics import (
    AverageError,
    PadErrorRates,
    Presentation,
    Rate,
    error_rates,
)
from ekyc.liveness.passive import (
    DEFAULT_PAD,
    FrameLiveness,
    FrameProblem,
    LivenessReport,
    PadThresholds,
    check_liveness,
    verify_frame_count,
)
from ekyc.liveness.score import FrameScore, score_frame
from ekyc.liveness.screen_lines import measure_screen_lines

__all__ = [
    "DEFAULT_PAD",
    "AverageError",
    "FrameLiveness",
    "FrameProblem",
    "FrameScore",
    "LivenessReport",
    "PadErrorRates",
    "PadThresholds",
    "Presentation",
    "Rate",
    "check_liveness",
    "error_rates",
    "measure_screen_lines",
    "score_frame",
    "verify_frame_count",
]

"""What the operations of liveness sessions work with: the sessions, behind a bounded set of workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ekyc.api.admission import Admission
from ekyc.liveness.active.envelope import MAX_CHUNK_BYTES
from ekyc.ports import Clock, SystemClock

if TYPE_CHECKING:
    from ekyc.flows import LiveSessions

SESSIONS: Final = "/v1/liveness-sessions"
CHUNKS: Final = "/chunks"
FINISH_BYTES: Final = 128 * 1024
"""Body of a request to finish: a statement of 64 KiB in base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessLimits:
    """What liveness sessions may cost one process, besides the bounds of the store."""

    workers: int = 2
    """Chunks and conclusions that are worked on at once; pictures are decoded and looked at nowhere else."""
    waiting: int = 32
    """That may wait for a worker; the next one is turned away."""
    upload_s: float = 20.0
    """Until a chunk must have arrived."""


@dataclass(slots=True, kw_only=True)
class LivenessFront:
    """Liveness sessions behind a bounded set of workers. Lives in one event loop."""

    sessions: LiveSessions
    limits: LivenessLimits = field(default_factory=LivenessLimits)
    clock: Clock = field(default_factory=SystemClock)
    admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        self.admission = Admission(self.limits)


def liveness_body_bytes(path: str) -> int | None:
    """Bound on a request body, for the two operations that need a bound of their own."""
    if not path.startswith(f"{SESSIONS}/"):
        return None
    if path.endswith(CHUNKS):
        return MAX_CHUNK_BYTES
    return FINISH_BYTES if path.endswith("/finish") else None

"""How requests are grouped and admitted, per device; measured, not assumed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum


class Device(Enum):
    """Where sessions run."""

    CPU = "CPUExecutionProvider"
    CUDA = "CUDAExecutionProvider"

    @property
    def provider(self) -> str:
        """Onnxruntime's name for it."""
        return self.value


CPU = Device.CPU


def usable_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity call
        return os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """Bounds of a batcher."""

    device: Device = CPU
    max_batch: int = 1
    """Most items in one run. On a CPU one item at a time is fastest (research figures and the benchmark suite
    ``inference``: no gain at 2–4, 8–28 % loss at 16–32 for the face embedder)."""
    workers: int = field(default_factory=usable_cores)
    """Most runs at the same time, per model. Each run uses one thread."""
    queue_limit: int = 256
    """Most requests waiting, per model; one more is refused with ``busy.queue_full``."""
    deadline_s: float | None = 30.0
    """How long a request may wait for its answer unless the caller says otherwise."""

    def __post_init__(self) -> None:
        if min(self.max_batch, self.workers) < 1 or self.queue_limit < 0:
            raise ValueError("max_batch and workers are at least 1, queue_limit at least 0")


CPU_POLICY = BatchPolicy()
"""One item a run, as many runs as cores."""

CUDA_POLICY = BatchPolicy(device=Device.CUDA, max_batch=16, workers=1)
"""Real batches, one run at a time. Not measured by us: no GPU was at hand."""

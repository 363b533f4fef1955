"""Inference: which models there are, where they come from, and how they are run.

``models.toml`` (:mod:`.registry`) pins every file; the :class:`ModelStore` installs it from its package, makes the
graph that is run, and proves that it still gives the published answers; an :class:`Engine` opens it and puts a
batcher before it. Other rooms see only :class:`ekyc.ports.Model`. onnxruntime is imported by :mod:`.session` alone,
onnx only while installing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ekyc.inference.batcher import Batcher, Cancellation
from ekyc.inference.fetch import Fetcher, FolderFetcher, RegistryFetcher
from ekyc.inference.policy import CPU_POLICY, CUDA_POLICY, BatchPolicy, Device
from ekyc.inference.registry import ModelRegistry, RegistryEntry, default_registry
from ekyc.inference.store import Installed, ModelStore

if TYPE_CHECKING:
    from ekyc.inference.engine import Engine, EngineModel, inference_terms

_LATE = frozenset({"Engine", "EngineModel", "inference_terms"})


def __getattr__(name: str) -> Any:
    """The engine's names load onnxruntime, so they load late: listing models needs none."""
    if name in _LATE:
        from ekyc.inference import engine  # noqa: PLC0415 -- see above

        return getattr(engine, name)
    raise AttributeError(name)


__all__ = [
    "CPU_POLICY",
    "CUDA_POLICY",
    "BatchPolicy",
    "Batcher",
    "Cancellation",
    "Device",
    "Engine",
    "EngineModel",
    "Fetcher",
    "FolderFetcher",
    "Installed",
    "ModelRegistry",
    "ModelStore",
    "RegistryEntry",
    "RegistryFetcher",
    "default_registry",
    "inference_terms",
]

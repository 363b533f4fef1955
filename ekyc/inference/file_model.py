"""Models that an operator brings as files: no registry entry pins them, so their digest is said wherever they judge."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

import numpy as np

from ekyc.errors import InputError, ModelError
from ekyc.inference.policy import CPU_POLICY, BatchPolicy
from ekyc.inference.session import as_float32, open_graph

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.values import FloatArray

MAX_BYTES = 1024 * 1024 * 1024


class FileModel:
    """An ONNX file with one float32 image input; an :class:`ekyc.ports.Model`. Safe for many threads.

    Runs one item at a time, as many at once as the policy has workers. What it eats and answers is the caller's
    knowledge; nothing is guessed from names inside the graph.
    """

    def __init__(self, content: bytes, *, model_id: str, policy: BatchPolicy = CPU_POLICY) -> None:
        """
        Raises:
            ModelError: ``model.unreadable``, ``model.provider_missing``, or ``model.graph_mismatch`` when the graph
                has not exactly one input of four axes.
        """
        self._id = model_id
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._session = open_graph(content, subject=model_id, device=policy.device)
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
            raise ModelError(
                "is no graph with one float32 image input",
                code="model.graph_mismatch",
                subject=model_id,
            )
        self._input = inputs[0].name
        self._slots = threading.BoundedSemaphore(policy.workers)

    @classmethod
    def read(cls, path: Path, *, policy: BatchPolicy = CPU_POLICY) -> FileModel:
        """Open a file; its id is its name.

        Raises:
            InputError: ``model.file_unreadable``: it cannot be read, or is larger than :data:`MAX_BYTES`.
            ModelError: as the constructor.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise InputError("is too large", code="model.file_unreadable", subject=path.name)
            content = path.read_bytes()
        except OSError as exc:
            raise InputError(
                "cannot be read", code="model.file_unreadable", subject=path.name
            ) from exc
        return cls(content, model_id=path.name, policy=policy)

    @property
    def id(self) -> str:
        return self._id

    def infer(self, item: FloatArray) -> tuple[FloatArray, ...]:
        """All outputs for one item, in the graph's order; a leading axis of 1 is dropped where there are more than
        two axes, or where the output is one row.

        Raises:
            ModelError: ``model.wrong_dtype`` or ``model.run_failed``.
        """
        batch = as_float32(item)[np.newaxis]
        try:
            with self._slots:
                outputs = self._session.run(None, {self._input: batch})
        except Exception as exc:  # the binding raises many types, some of them plain RuntimeError
            raise ModelError(
                f"inference failed on a batch of shape {batch.shape}",
                code="model.run_failed",
                subject=self._id,
            ) from exc
        return tuple(
            output[0] if output.ndim > 1 and output.shape[0] == 1 else output for output in outputs
        )

"""Sessions of onnxruntime: the only module that imports it.

A session asserts the graph's inputs and outputs against the registry entry when it opens, runs with one thread per
call (as many callers as cores beat a pool of threads: no barrier between operators), and verifies that the
execution provider it asked for is the one it got.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from ekyc.errors import ModelError
from ekyc.inference.policy import CPU, Device

if TYPE_CHECKING:
    from ekyc.inference.registry import InputSpec, OutputSpec, RegistryEntry
    from ekyc.values import FloatArray

_TENSOR = "tensor(float)"


class Session:
    """One opened model. ``run`` may be called from many threads at once."""

    def __init__(self, entry: RegistryEntry, content: bytes, *, device: Device = CPU) -> None:
        """Open a model and hold its graph against the registry.

        Raises:
            ModelError: ``model.unreadable``, ``model.graph_mismatch`` or ``model.provider_missing``.
        """
        if entry.input is None:
            raise ModelError("is an asset, not a model", code="model.unknown", subject=entry.id)
        self.entry = entry
        self._session = open_graph(content, subject=entry.id, device=device)
        self._input_name = entry.input.name
        self._output_names = [output.name for output in entry.outputs]
        _assert_graph(self._session, entry)

    def run(self, batch: FloatArray) -> Sequence[FloatArray]:
        """All outputs of the registry entry, each with its batch axis, for a batch with axis 0 in front.

        Raises:
            ModelError: ``model.run_failed``.
        """
        try:
            outputs: Sequence[FloatArray] = self._session.run(
                self._output_names, {self._input_name: batch}
            )
        except Exception as exc:  # the binding raises many types, some of them plain RuntimeError
            raise ModelError(
                f"inference failed on a batch of shape {batch.shape}",
                code="model.run_failed",
                subject=self.entry.id,
            ) from exc
        return outputs


def open_graph(content: bytes, *, subject: str, device: Device = CPU) -> Any:
    """An ``onnxruntime.InferenceSession`` with our options; nothing is checked but that it opens.

    Raises:
        ModelError: ``model.unreadable`` or ``model.provider_missing``.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is raised, not printed
    if device.provider not in onnxruntime.get_available_providers():
        raise ModelError(
            f"onnxruntime here has no {device.provider}",
            code="model.provider_missing",
            subject=subject,
        )
    try:
        session = onnxruntime.InferenceSession(
            content, sess_options=options, providers=[device.provider]
        )
    except Exception as exc:  # the binding raises many types, some of them plain RuntimeError
        raise ModelError(
            "onnxruntime cannot open this graph", code="model.unreadable", subject=subject
        ) from exc
    if session.get_providers()[0] != device.provider:
        raise ModelError(
            f"asked for {device.provider}, got {session.get_providers()[0]}",
            code="model.provider_missing",
            subject=subject,
        )
    return session


def run_graph(
    content: bytes, batch: FloatArray, outputs: Sequence[str], *, subject: str
) -> tuple[FloatArray, ...]:
    """Named outputs of a graph with one input; used where a graph is judged, not served.

    Raises:
        ModelError: ``model.unreadable`` or ``model.run_failed``.
    """
    session = open_graph(content, subject=subject)
    (name,) = (item.name for item in session.get_inputs())
    try:
        return tuple(session.run(list(outputs), {name: batch}))
    except Exception as exc:  # as in Session.run
        raise ModelError(
            "the graph does not run on its own input", code="model.run_failed", subject=subject
        ) from exc


def _assert_graph(session: Any, entry: RegistryEntry) -> None:
    assert entry.input is not None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [item.name for item in inputs] != [entry.input.name]:
        raise _mismatch(entry, f"inputs are {[item.name for item in inputs]}")
    _assert_tensor(entry, inputs[0], entry.input, batch_axis=0)
    by_name = {item.name: item for item in outputs}
    for spec in entry.outputs:
        if spec.name not in by_name:
            raise _mismatch(entry, f"no output {spec.name!r}")
        _assert_tensor(entry, by_name[spec.name], spec, batch_axis=spec.batch_axis)


def _assert_tensor(
    entry: RegistryEntry, found: Any, spec: InputSpec | OutputSpec, *, batch_axis: int
) -> None:
    """Name is equal already; rank, free batch axis, fixed sizes and element type must be too."""
    if found.type != _TENSOR:
        raise _mismatch(entry, f"{spec.name} is {found.type}")
    shape = list(found.shape)
    if len(shape) != len(spec.shape) + 1:
        raise _mismatch(entry, f"{spec.name} has shape {shape}")
    if isinstance(shape.pop(batch_axis), int):
        raise _mismatch(entry, f"{spec.name} has a fixed batch size")
    for size, wanted in zip(shape, spec.shape, strict=True):
        # A size that the graph leaves open is checked on the values (see OutputSpec and InputSpec).
        if isinstance(size, int) and size != wanted:
            raise _mismatch(entry, f"{spec.name} has size {size} where the registry says {wanted}")


def _mismatch(entry: RegistryEntry, what: str) -> ModelError:
    return ModelError(
        f"the graph contradicts its registry entry: {what}",
        code="model.graph_mismatch",
        subject=entry.id,
    )


def as_float32(item: FloatArray) -> FloatArray:
    """The item in C order; other element types are refused, not converted.

    Raises:
        ModelError: ``model.wrong_dtype``.
    """
    if getattr(item, "dtype", None) != np.float32:
        raise ModelError("item is not a float32 array", code="model.wrong_dtype")
    return np.ascontiguousarray(item)

"""Named steps that turn a published model file into the graph that is run.

A recipe is the list of names in ``models.toml``. Each step has a version: raising it makes every store rebuild the
file. Only numpy and onnx are needed, and only while installing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ekyc.errors import ModelError

if TYPE_CHECKING:
    from onnx import ModelProto

    from ekyc.values import FloatArray

Outputs = tuple["FloatArray", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """One step of a recipe."""

    name: str
    version: int
    function: str
    """``module:function`` inside this package; loaded on use, so that a server that only runs models imports no
    onnx."""
    needed_to_run: bool = False
    """onnxruntime refuses the published graph without this step, so the reference of the parity check has it too."""
    expected: Callable[[Outputs], Outputs] = tuple
    """What the step does to the outputs on purpose."""
    imports: bool = False
    """The published file is no ONNX: this step makes the graph from its bytes. Only as the first step."""

    def apply(self, model: ModelProto) -> None:
        """Edit the graph in place."""
        self._call(model)

    def read(self, content: bytes) -> ModelProto:
        """The graph of a published file that is no ONNX."""
        model: ModelProto = self._call(content)
        return model

    def _call(self, argument: ModelProto | bytes) -> Any:
        module, function = self.function.split(":")
        return import_module(f"ekyc.inference.{module}").__dict__[function](argument)


def _softmax(outputs: Outputs) -> Outputs:
    (logits,) = outputs
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True),)


TRANSFORMS: Mapping[str, Transform] = MappingProxyType(
    {
        step.name: step
        for step in (
            Transform(
                name="import_tflite",
                version=1,
                function="tflite_import:import_tflite",
                needed_to_run=True,
                imports=True,
            ),
            Transform(
                name="fold_quantised_weights",
                version=1,
                function="quantisation:fold_quantised_weights",
                needed_to_run=True,
            ),
            Transform(
                name="remove_dropout",
                version=1,
                function="graph_edits:remove_dropout",
                needed_to_run=True,
            ),
            Transform(name="free_batch", version=1, function="graph_edits:free_batch"),
            Transform(name="free_image_size", version=1, function="graph_edits:free_image_size"),
            Transform(name="rewrite_prelu", version=1, function="graph_edits:rewrite_prelu"),
            Transform(
                name="append_softmax",
                version=1,
                function="graph_edits:append_softmax",
                expected=_softmax,
            ),
        )
    }
)


def recipe(names: Sequence[str]) -> tuple[Transform, ...]:
    """The steps with these names.

    Raises:
        ModelError: ``model.unknown_transform``; an import that is not the first step is unknown too.
    """
    try:
        steps = tuple(TRANSFORMS[name] for name in names)
    except KeyError as exc:
        raise ModelError(
            f"no transform {exc.args[0]!r}; known: {', '.join(TRANSFORMS)}",
            code="model.unknown_transform",
        ) from exc
    if any(step.imports for step in steps[1:]):
        raise ModelError("an import comes first or not at all", code="model.unknown_transform")
    return steps


def recipe_stamp(names: Sequence[str]) -> str:
    """Recipe with versions, e.g. ``free_batch@1 rewrite_prelu@1``."""
    return " ".join(f"{step.name}@{step.version}" for step in recipe(names))


def open_published(content: bytes, steps: Sequence[Transform], *, subject: str) -> ModelProto:
    """The graph of a published file, before any edit: parsed, or imported where the recipe begins with an import.

    Raises:
        ModelError: ``model.unreadable`` or ``model.unsupported_graph``.
    """
    if not steps or not steps[0].imports:
        return parse_graph(content, subject=subject)
    try:
        return steps[0].read(content)
    except ModelError as exc:
        part = f" ({exc.subject})" if exc.subject else ""
        raise ModelError(f"{exc.message}{part}", code=exc.code, subject=subject) from exc


def parse_graph(content: bytes, *, subject: str) -> ModelProto:
    """Parse a serialised ONNX model.

    Raises:
        ModelError: ``model.unreadable``.
    """
    import onnx  # noqa: PLC0415 -- only needed while installing

    try:
        return onnx.load_model_from_string(content)
    except Exception as exc:  # protobuf's error types depend on its backend
        raise ModelError("not an ONNX file", code="model.unreadable", subject=subject) from exc


def transform(published: bytes, steps: Sequence[Transform], *, subject: str) -> bytes:
    """Apply the steps to a published file and check the result for well-formedness.

    Raises:
        ModelError: ``model.unreadable``, ``model.unsupported_graph`` or ``model.transform_failed``.
    """
    import onnx  # noqa: PLC0415 -- only needed while installing

    model = open_published(published, steps, subject=subject)
    for step in steps:
        if not step.imports:
            step.apply(model)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as exc:
        raise ModelError(
            f"the transformed graph is malformed: {exc}",
            code="model.transform_failed",
            subject=subject,
        ) from exc
    return bytes(model.SerializeToString(deterministic=True))

"""Folding of quantised weights into float32 initializers.

The OpenCV Zoo models come block-quantised (opset 21) in a form that onnxruntime 1.31 refuses: YuNet carries
``block_size`` on per-tensor scales, SFace lists the names of its dequantised weights as required graph inputs.
Evaluating ``DequantizeLinear`` and the following ``Reshape`` beforehand gives the same numbers and a plain graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from ekyc.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def fold_quantised_weights(model: ModelProto) -> None:
    """Replace every ``DequantizeLinear`` / ``Reshape`` of constants by its float32 result, in place.

    Raises:
        ModelError: ``model.transform_failed`` when a scale does not fit its weight.
    """
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    folded: dict[str, NDArray[Any]] = {}
    kept: list[NodeProto] = []
    for node in graph.node:
        value = _evaluate(node, constants)
        if value is None:
            kept.append(node)
        else:
            constants[node.output[0]] = folded[node.output[0]] = value
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input} | {out.name for out in graph.output}
    initializers = [tensor for tensor in graph.initializer if tensor.name in used]
    initializers += [
        numpy_helper.from_array(value, name) for name, value in folded.items() if name in used
    ]
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    _drop_weight_inputs(model, used)


def dequantise(
    weight: NDArray[Any], scale: NDArray[Any], zero_point: NDArray[Any], *, axis: int, block: int
) -> NDArray[np.float32]:
    """``(weight - zero_point) * scale`` as ONNX ``DequantizeLinear`` (opset 21) defines it.

    One scale counts for the whole tensor whatever ``block`` says; with ``block`` each scale counts for that many
    elements along ``axis`` (the last block may be shorter); else each scale counts for one index of ``axis``.
    """
    if scale.size == 1:
        scale, zero_point = scale.reshape(()), zero_point.reshape(())
    elif block:
        length = weight.shape[axis]
        scale = np.repeat(scale, block, axis=axis).take(range(length), axis=axis)
        zero_point = np.repeat(zero_point, block, axis=axis).take(range(length), axis=axis)
    else:
        column = [1] * weight.ndim
        column[axis] = -1
        scale, zero_point = scale.reshape(column), zero_point.reshape(column)
    difference = weight.astype(np.int32) - zero_point.astype(np.int32)
    return difference.astype(np.float32) * scale.astype(np.float32)


def _evaluate(node: NodeProto, constants: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    """Value of a node that only works on constants, or None."""
    if node.op_type not in {"DequantizeLinear", "Reshape"}:
        return None
    if not all(name in constants for name in node.input):
        return None
    inputs = [constants[name] for name in node.input]
    try:
        if node.op_type == "Reshape":
            return inputs[0].reshape([int(size) for size in inputs[1]])
        return _dequantise_node(node, inputs)
    except (ValueError, IndexError) as exc:
        raise ModelError(
            f"scales do not fit the weight: {exc}",
            code="model.transform_failed",
            subject=node.output[0],
        ) from exc


def _dequantise_node(node: NodeProto, inputs: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    weight, scale = inputs[0], inputs[1]
    zero_point = inputs[2] if len(inputs) > 2 else np.zeros_like(scale, dtype=np.int32)
    return dequantise(
        weight,
        scale,
        zero_point,
        axis=int(attributes.get("axis", 1)),
        block=int(attributes.get("block_size", 0)),
    )


def _drop_weight_inputs(model: ModelProto, used: set[str]) -> None:
    """Graph inputs that are weights: constants now, or never read again."""
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [item for item in graph.input if item.name in used and item.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)

"""Edits of ONNX graphs that keep every answer and change what the graph can be asked.

Each edit works in place on a model and is a named step of a recipe in ``models.toml``; what it may change is
checked by :mod:`ekyc.inference.parity` at every installation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from ekyc.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = "N"
"""Symbol of the batch axis."""


def remove_dropout(model: ModelProto) -> None:
    """Take ``Dropout`` out: it does nothing at inference.

    SFace gives its ratio as a vector of one element, which onnxruntime's shape inference refuses.
    """
    graph = model.graph
    renamed = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Dropout"}
    outputs = {item.name for item in graph.output}
    if outputs & renamed.keys():
        raise ModelError("Dropout gives a graph output", code="model.transform_failed")
    kept = [node for node in graph.node if node.op_type != "Dropout"]
    for node in kept:
        for position, name in enumerate(node.input):
            while name in renamed:
                name = renamed[name]  # noqa: PLW2901 -- same
            node.input[position] = name
    _replace_nodes(model, kept)
    _drop_unused_initializers(model)


def free_batch(model: ModelProto) -> None:
    """Let the graph take any number of items: symbol on axis 0, and no constant 1 in front of a ``Reshape``."""
    constants = _constants(model)
    produced = set(constants)
    for node in model.graph.node:
        if node.op_type != "Reshape" or node.input[0] in produced:
            continue
        shape = constants.get(node.input[1])
        if shape is not None and shape.size > 1 and shape[0] == 1:
            _give_constant(model, node, 1, np.concatenate(([0], shape[1:])).astype(np.int64))
    for item in (*model.graph.input, *model.graph.output):
        item.type.tensor_type.shape.dim[0].dim_param = BATCH
    _forget_shapes(model)


def free_image_size(model: ModelProto) -> None:
    """Let a fully convolutional detector take any height and width.

    Outputs must be (batch, anchors, channels): the number of anchors follows the image, the channels stay.
    """
    for item in model.graph.input:
        dims = item.type.tensor_type.shape.dim
        dims[2].dim_param, dims[3].dim_param = "H", "W"
    for item in model.graph.output:
        dims = item.type.tensor_type.shape.dim
        if len(dims) != 3:
            raise ModelError(
                "output is not (batch, anchors, channels)",
                code="model.transform_failed",
                subject=item.name,
            )
        dims[1].dim_param = f"{item.name}_anchors"
    _forget_shapes(model)


def rewrite_prelu(model: ModelProto) -> None:
    """Write ``PRelu(x, a)`` as ``(1 - a) * Relu(x) + a * x`` with two 1x1 depthwise convolutions and a sum.

    onnxruntime's CPU kernel for PRelu is slow; the rewritten SFace takes half the time and differs by at most
    3e-6 in an embedding.

    Raises:
        ModelError: a slope is not one number per channel of an image.
    """
    constants = _constants(model)
    nodes: list[NodeProto] = []
    for index, node in enumerate(model.graph.node):
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        slope = constants.get(node.input[1])
        if slope is None or slope.ndim != 3 or slope.shape[1:] != (1, 1):
            raise ModelError(
                "PRelu slope is not (channels, 1, 1)",
                code="model.transform_failed",
                subject=node.name or node.output[0],
            )
        nodes.extend(_prelu_as_convolutions(model, node, slope, f"prelu_{index}"))
    _replace_nodes(model, nodes)
    _drop_unused_initializers(model)


def append_softmax(model: ModelProto) -> None:
    """End the only output in a softmax over its last axis; its name stays."""
    (output,) = model.graph.output
    logits = f"{output.name}_logits"
    for node in model.graph.node:
        for position, name in enumerate(node.output):
            if name == output.name:
                node.output[position] = logits
        for position, name in enumerate(node.input):
            if name == output.name:
                node.input[position] = logits
    model.graph.node.append(helper.make_node("Softmax", [logits], [output.name], axis=-1))


def _prelu_as_convolutions(
    model: ModelProto, node: NodeProto, slope: NDArray[Any], stem: str
) -> Iterator[NodeProto]:
    channels = slope.shape[0]
    weights = {
        "positive": (1.0 - slope).astype(np.float32),
        "linear": slope.astype(np.float32),
    }
    for part, weight in weights.items():
        model.graph.initializer.append(
            numpy_helper.from_array(weight.reshape(channels, 1, 1, 1), f"{stem}_{part}_weight")
        )
    source, target = node.input[0], node.output[0]
    yield helper.make_node("Relu", [source], [f"{stem}_relu"])
    for part, value in (("positive", f"{stem}_relu"), ("linear", source)):
        yield helper.make_node(
            "Conv",
            [value, f"{stem}_{part}_weight"],
            [f"{stem}_{part}"],
            group=channels,
            kernel_shape=[1, 1],
        )
    yield helper.make_node("Add", [f"{stem}_positive", f"{stem}_linear"], [target])


def _constants(model: ModelProto) -> dict[str, NDArray[Any]]:
    """Initializers and outputs of ``Constant`` nodes by name."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def _give_constant(
    model: ModelProto, node: NodeProto, position: int, value: NDArray[np.int64]
) -> None:
    """Give one input of one node its own constant: a shape may be shared with nodes that keep it."""
    name = f"{node.output[0]}_shape"
    model.graph.initializer.append(numpy_helper.from_array(value, name))
    node.input[position] = name


def _forget_shapes(model: ModelProto) -> None:
    """Recorded intermediate shapes still carry the fixed sizes."""
    del model.graph.value_info[:]


def _replace_nodes(model: ModelProto, nodes: list[NodeProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _drop_unused_initializers(model: ModelProto) -> None:
    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)

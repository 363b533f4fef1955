"""Turns a TensorFlow Lite graph into ONNX: images channels first, weights transposed, padding written out.

Both frameworks compute the same sums; they differ in the order of axes and in how they say "SAME". TensorFlow pads
a stride-2 window of three by (0, 1) and not by (1, 1), so pads are computed from the sizes and written as numbers:
the trap of every hand-made conversion. What the result must answer is recorded beside the registry entry and checked
at each installation (:mod:`ekyc.inference.parity`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ekyc.errors import ModelError
from ekyc.inference.tflite import Activation, Operation, Operator, Tensor, TfliteGraph, read_tflite

OPSET: Final = 17
IR_VERSION: Final = 8
_BY_CHANNELS_FIRST: Final = (0, 3, 1, 2)
_BY_CHANNELS_LAST: Final = (0, 2, 3, 1)


def import_tflite(content: bytes) -> ModelProto:
    """The ONNX graph of a TensorFlow Lite file of float32 operators.

    The input (1, height, width, channels) becomes (1, channels, height, width); outputs become (1, values), values in
    the order of the original's memory.

    Raises:
        ModelError: ``model.unreadable`` or ``model.unsupported_graph``.
    """
    return _Importer(read_tflite(content)).model()


class _Importer:
    """The nodes and weights gathered so far."""

    def __init__(self, source: TfliteGraph) -> None:
        self._source = source
        self._nodes: list[NodeProto] = []
        self._weights: dict[str, NDArray[Any]] = {}
        self._known: set[int] = {source.input}

    def model(self) -> ModelProto:
        source = self._tensor(self._source.input)
        _assert_image(source)
        for operator in self._source.operators:
            self._step(operator)
        outputs = [self._flat_output(index) for index in self._source.outputs]
        graph = helper.make_graph(
            self._nodes,
            "tflite",
            [_float_info(source.name, _permuted(source.shape, _BY_CHANNELS_FIRST))],
            outputs,
            [numpy_helper.from_array(value, name) for name, value in self._weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        return model

    def _tensor(self, index: int) -> Tensor:
        """A tensor; an image that the graph gives out is called otherwise, for its flat form has the name."""
        tensor = self._source.tensors[index]
        if index in self._source.outputs and len(tensor.shape) == 4:
            return replace(tensor, name=f"{tensor.name}/image")
        return tensor

    def _computed(self, index: int) -> Tensor:
        """A tensor that an earlier step has given."""
        if index not in self._known:
            raise ModelError("a step needs what no step gave", code="model.unreadable")
        return self._tensor(index)

    def _weight(self, index: int) -> NDArray[Any]:
        value = self._tensor(index).value
        if value is None:
            raise _unsupported("a weight that is computed")
        return value

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._weights[name] = np.ascontiguousarray(value)
        return name

    def _step(self, operator: Operator) -> None:
        arity, write = _WRITERS[operator.operation]
        if len(operator.inputs) not in arity:
            raise _unsupported(f"{operator.operation.name} with {len(operator.inputs)} inputs")
        if operator.output in self._known or self._tensor(operator.output).value is not None:
            raise ModelError("two steps give one tensor", code="model.unreadable")
        write(self, operator)
        self._known.add(operator.output)

    def _emit(self, operator: Operator, kind: str, inputs: list[str], **attributes: Any) -> None:
        """A node and the activation that is fused behind it."""
        target = self._tensor(operator.output).name
        plain = f"{target}/plain" if operator.activation else target
        self._nodes.append(helper.make_node(kind, inputs, [plain], **attributes))
        if operator.activation is Activation.RELU:
            self._nodes.append(helper.make_node("Relu", [plain], [target]))
        elif operator.activation is Activation.RELU6:
            bounds = [
                self._constant(f"{target}/{name}", np.array(value, np.float32))
                for name, value in (("low", 0), ("high", 6))
            ]
            self._nodes.append(helper.make_node("Clip", [plain, *bounds], [target]))

    def convolution(self, operator: Operator) -> None:
        """CONV_2D: weights (out, height, width, in)."""
        self._convolve(operator, (0, 3, 1, 2), groups=1)

    def depthwise(self, operator: Operator) -> None:
        """DEPTHWISE_CONV_2D: weights (1, height, width, out); each input channel has its own outputs."""
        channels = self._computed(operator.inputs[0]).shape[-1]
        self._convolve(operator, (3, 0, 1, 2), groups=channels)

    def _convolve(self, operator: Operator, order: tuple[int, ...], *, groups: int) -> None:
        source, target = self._image(operator.inputs[0]), self._tensor(operator.output)
        stored = self._weight(operator.inputs[1])
        bias = self._weight(operator.inputs[2])
        if stored.ndim != 4 or bias.shape != (stored.shape[order[0]],):
            raise _unsupported("weights that fit no convolution", subject=target.name)
        weights = stored.transpose(order)
        kernel = weights.shape[2:]
        pads = _pads(operator, source.shape, kernel)
        _assert_shape(target, (*_walked(operator, source.shape, kernel, pads), len(weights)))
        names = [
            self._constant(f"{target.name}/weight", weights),
            self._constant(f"{target.name}/bias", bias),
        ]
        self._emit(
            operator,
            "Conv",
            [source.name, *names],
            kernel_shape=kernel,
            strides=operator.window.strides,
            dilations=operator.window.dilations,
            pads=pads,
            group=groups,
        )

    def max_pool(self, operator: Operator) -> None:
        source, target = self._image(operator.inputs[0]), self._tensor(operator.output)
        kernel = operator.window.filter
        pads = _pads(operator, source.shape, kernel)
        _assert_shape(target, (*_walked(operator, source.shape, kernel, pads), source.shape[3]))
        self._emit(
            operator,
            "MaxPool",
            [source.name],
            kernel_shape=kernel,
            strides=operator.window.strides,
            pads=pads,
        )

    def add(self, operator: Operator) -> None:
        first, second = (self._image(index) for index in operator.inputs)
        if first.shape != second.shape:
            raise _unsupported("a sum of unequal shapes")
        self._emit(operator, "Add", [first.name, second.name])

    def prelu(self, operator: Operator) -> None:
        source, target = self._image(operator.inputs[0]), self._tensor(operator.output)
        slope = self._weight(operator.inputs[1])
        if slope.shape != (1, 1, source.shape[3]):
            raise _unsupported("a PRELU slope that is not per channel", subject=target.name)
        name = self._constant(f"{target.name}/slope", slope.reshape(-1, 1, 1))
        self._emit(operator, "PRelu", [source.name, name])

    def pad(self, operator: Operator) -> None:
        """Zeros around an image, or behind its channels."""
        source, target = self._image(operator.inputs[0]), self._tensor(operator.output)
        margins = self._weight(operator.inputs[1])
        if margins.shape != (4, 2) or margins.dtype != np.int32 or (margins < 0).any():
            raise _unsupported("margins that are not four pairs", subject=target.name)
        _assert_shape(
            target, tuple(np.array(source.shape[1:]) + margins[1:].sum(axis=1)), batch=margins[0]
        )
        first = margins[list(_BY_CHANNELS_FIRST)]
        name = self._constant(f"{target.name}/pads", first.T.ravel().astype(np.int64))
        self._emit(operator, "Pad", [source.name, name])

    def reshape(self, operator: Operator) -> None:
        """Only the one that ends a network: an image laid out flat, (1, values)."""
        target = self._tensor(operator.output)
        if len(target.shape) != 2 or target.shape[0] != 1:
            raise _unsupported("a reshape to other than (1, values)", subject=target.name)
        self._flatten(self._image(operator.inputs[0]), target.name)

    def _flat_output(self, index: int) -> Any:
        tensor, name = self._computed(index), self._source.tensors[index].name
        if len(tensor.shape) == 4:
            self._flatten(self._image(index), name)
        return _float_info(name, (1, int(np.prod(tensor.shape))))

    def _flatten(self, source: Tensor, target: str) -> None:
        name = source.name
        if source.shape[1:3] != (1, 1):
            name = f"{target}/channels_last"
            node = helper.make_node("Transpose", [source.name], [name], perm=_BY_CHANNELS_LAST)
            self._nodes.append(node)
        shape = self._constant(f"{target}/shape", np.array([1, -1], np.int64))
        self._nodes.append(helper.make_node("Reshape", [name, shape], [target]))

    def _image(self, index: int) -> Tensor:
        tensor = self._computed(index)
        _assert_image(tensor)
        return tensor


_WRITERS: Final[
    Mapping[Operation, tuple[tuple[int, ...], Callable[[_Importer, Operator], None]]]
] = {
    Operation.ADD: ((2,), _Importer.add),
    Operation.CONV_2D: ((3,), _Importer.convolution),
    Operation.DEPTHWISE_CONV_2D: ((3,), _Importer.depthwise),
    Operation.MAX_POOL_2D: ((1,), _Importer.max_pool),
    Operation.PAD: ((2,), _Importer.pad),
    Operation.PRELU: ((2,), _Importer.prelu),
    Operation.RESHAPE: ((1, 2), _Importer.reshape),
}


def _pads(
    operator: Operator, shape: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Above, left, below, right. SAME gives the odd pixel to the end."""
    if not operator.window.same:
        return 0, 0, 0, 0
    begin, end = [], []
    window = operator.window
    walks = zip(shape[1:3], kernel, window.strides, window.dilations, strict=True)
    for size, taps, stride, dilation in walks:
        places = -(-size // stride)
        missing = max(0, (places - 1) * stride + (taps - 1) * dilation + 1 - size)
        begin.append(missing // 2)
        end.append(missing - missing // 2)
    return begin[0], begin[1], end[0], end[1]


def _walked(
    operator: Operator,
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    pads: tuple[int, int, int, int],
) -> tuple[int, int]:
    """Height and width of what a window leaves."""
    window = operator.window
    above, left, below, right = pads
    padded = (shape[1] + above + below, shape[2] + left + right)
    walks = zip(padded, kernel, window.strides, window.dilations, strict=True)
    height, width = (
        (size - (taps - 1) * dilation - 1) // stride + 1 for size, taps, stride, dilation in walks
    )
    return height, width


def _assert_image(tensor: Tensor) -> None:
    if len(tensor.shape) != 4 or tensor.shape[0] != 1:
        raise _unsupported(f"shape {tensor.shape} where an image is due", subject=tensor.name)


def _assert_shape(target: Tensor, wanted: tuple[int, ...], *, batch: Any = (0, 0)) -> None:
    """The file's own word on the output must agree with ours."""
    if target.shape != (1, *(int(size) for size in wanted)) or any(batch):
        raise ModelError(
            f"says shape {target.shape}, computes {wanted}",
            code="model.unreadable",
            subject=target.name,
        )


def _permuted(shape: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in order)


def _float_info(name: str, shape: tuple[int, ...]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def _unsupported(what: str, *, subject: str | None = None) -> ModelError:
    return ModelError(
        f"not supported here: {what}", code="model.unsupported_graph", subject=subject
    )

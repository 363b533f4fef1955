"""TensorFlow Lite files as plain values: one graph of float tensors, read with our own FlatBuffers reader.

Only what a float32 network of one subgraph needs is read; whatever else a file asks for (quantisation, custom
operators, several subgraphs, weights outside the file) is refused by name. Field numbers are those of TensorFlow's
``schema.fbs``, file identifier ``TFL3``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import ModelError
from ekyc.inference.flatbuffer import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES: Final = 64 * 1024 * 1024
_IDENTIFIER: Final = b"TFL3"
_MAX_RANK: Final = 6


class Operation(IntEnum):
    """The operators that are understood, by their number in ``BuiltinOperator``."""

    ADD = 0
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    MAX_POOL_2D = 17
    RESHAPE = 22
    PAD = 34
    PRELU = 54


class Activation(IntEnum):
    """What is fused behind an operator (``ActivationFunctionType``)."""

    NONE = 0
    RELU = 1
    RELU6 = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor; images are (batch, height, width, channels)."""

    name: str
    shape: tuple[int, ...]
    value: NDArray[Any] | None
    """The constant, float32 or int32; None where it is computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How an operator walks over an image. One for an operator that does not."""

    same: bool = False
    """Padding SAME: the output has ⌈size / stride⌉ places; VALID where false."""
    strides: tuple[int, int] = (1, 1)
    """Down, right."""
    dilations: tuple[int, int] = (1, 1)
    filter: tuple[int, int] = (1, 1)
    """Height and width of a pool's window; a convolution's stands in its weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One step: tensors by their index."""

    operation: Operation
    inputs: tuple[int, ...]
    output: int
    window: Window
    activation: Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class TfliteGraph:
    """The one subgraph of a file, operators in the order of execution."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    input: int
    outputs: tuple[int, ...]


def read_tflite(content: bytes) -> TfliteGraph:
    """Read a TensorFlow Lite file.

    Raises:
        ModelError: ``model.unreadable``: damaged, or too large; ``model.unsupported_graph``: it needs something that
            is not understood here.
    """
    if len(content) > MAX_BYTES:
        raise ModelError(f"larger than {MAX_BYTES} bytes", code="model.unreadable")
    root = Table.root(content, identifier=_IDENTIFIER)
    subgraphs = root.tables(2)
    if len(subgraphs) != 1:
        raise _unsupported(f"{len(subgraphs)} subgraphs")
    (subgraph,) = subgraphs
    buffers = root.tables(4)
    tensors = tuple(_tensor(table, buffers) for table in subgraph.tables(0))
    codes = tuple(_operator_code(table) for table in root.tables(1))
    operators = tuple(_operator(table, codes, len(tensors)) for table in subgraph.tables(3))
    inputs, outputs = subgraph.integers(1), subgraph.integers(2)
    if len(inputs) != 1:
        raise _unsupported(f"{len(inputs)} inputs")
    if not outputs:
        raise _unsupported("no output")
    _assert_indices((*inputs, *outputs), len(tensors))
    return TfliteGraph(tensors=tensors, operators=operators, input=inputs[0], outputs=outputs)


def _tensor(table: Table, buffers: Sequence[Table]) -> Tensor:
    name, shape, kind = table.text(3), table.integers(0), table.integer(1, "b")
    if len(shape) > _MAX_RANK or any(size < 1 for size in shape):
        raise _unsupported(f"a tensor of shape {shape}", subject=name)
    scales = table.table(4)
    if table.table(6) is not None or (scales is not None and scales.has(2)):
        raise _unsupported("sparse or quantised", subject=name)
    index = table.integer(2, "I")
    if index >= len(buffers):
        raise ModelError("names a buffer that is not there", code="model.unreadable", subject=name)
    return Tensor(name=name, shape=shape, value=_constant(buffers[index], name, shape, kind))


def _constant(buffer: Table, name: str, shape: tuple[int, ...], kind: int) -> NDArray[Any] | None:
    types = {0: np.dtype("<f4"), 2: np.dtype("<i4")}
    if kind not in types:
        raise _unsupported(f"element type {kind}", subject=name)
    if buffer.has(1):
        raise _unsupported("weights outside the file", subject=name)
    octets = buffer.octets(0)
    if not octets:
        return None
    if len(octets) != prod(shape) * types[kind].itemsize:
        raise ModelError("its weights do not fill its shape", code="model.unreadable", subject=name)
    value = np.frombuffer(octets, types[kind]).reshape(shape)
    if not np.isfinite(value).all():
        raise ModelError("a weight is not a finite number", code="model.unreadable", subject=name)
    return value


def _operator_code(table: Table) -> Operation:
    # Old writers know only the signed byte; new ones write both, the byte capped at 127.
    number = max(table.integer(0, "b"), table.integer(3, "i"))
    try:
        return Operation(number)
    except ValueError as exc:
        raise _unsupported(f"operator {number} {table.text(1)}".rstrip()) from exc


def _operator(table: Table, codes: Sequence[Operation], tensors: int) -> Operator:
    index = table.integer(0, "I")
    inputs, outputs = table.integers(1), table.integers(2)
    if index >= len(codes):
        raise ModelError("an operator has no code", code="model.unreadable")
    if len(outputs) != 1:
        raise _unsupported(f"an operator with {len(outputs)} outputs")
    _assert_indices((*inputs, *outputs), tensors)
    operation = codes[index]
    window, activation = _options(operation, table.table(4))
    return Operator(
        operation=operation,
        inputs=inputs,
        output=outputs[0],
        window=window,
        activation=activation,
    )


def _options(operation: Operation, table: Table | None) -> tuple[Window, Activation]:
    if operation not in _ACTIVATION_FIELD or table is None:
        if operation in _WINDOWED:
            raise ModelError("an operator lacks its options", code="model.unreadable")
        return Window(), Activation.NONE
    number = table.integer(_ACTIVATION_FIELD[operation], "b")
    try:
        activation = Activation(number)
    except ValueError as exc:
        raise _unsupported(f"fused activation {number}") from exc
    return (_window(operation, table) if operation in _WINDOWED else Window()), activation


_ACTIVATION_FIELD: Final = {
    Operation.ADD: 0,
    Operation.CONV_2D: 3,
    Operation.DEPTHWISE_CONV_2D: 4,
    Operation.MAX_POOL_2D: 5,
}
_WINDOWED: Final = frozenset(_ACTIVATION_FIELD) - {Operation.ADD}
_DILATION_FIELD: Final = {Operation.CONV_2D: 4, Operation.DEPTHWISE_CONV_2D: 5}


def _window(operation: Operation, table: Table) -> Window:
    padding = table.integer(0, "b")
    strides = (table.integer(2, "i"), table.integer(1, "i"))
    dilations = filter_ = (1, 1)
    if operation is Operation.MAX_POOL_2D:
        filter_ = (table.integer(4, "i"), table.integer(3, "i"))
    else:
        right = _DILATION_FIELD[operation]
        dilations = (table.integer(right + 1, "i", default=1), table.integer(right, "i", default=1))
    if padding not in {0, 1} or not all(
        1 <= number <= 64 for number in (*strides, *dilations, *filter_)
    ):
        raise _unsupported(f"{operation.name} with an unusual window")
    return Window(same=padding == 0, strides=strides, dilations=dilations, filter=filter_)


def _assert_indices(indices: Sequence[int], count: int) -> None:
    if any(not 0 <= index < count for index in indices):
        raise ModelError("a tensor index is out of range", code="model.unreadable")


def _unsupported(what: str, *, subject: str | None = None) -> ModelError:
    return ModelError(
        f"not supported here: {what}", code="model.unsupported_graph", subject=subject
    )

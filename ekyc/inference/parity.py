"""Proof, at every installation, that a transformed graph still gives the published answers.

Checks, in order, on random inputs with a fixed seed:

1. every folded weight equals onnx's own reference evaluator of ``DequantizeLinear``, bit for bit;
2. the outputs of the finished graph equal those of the published graph (with only the steps that onnxruntime needs
   to open it) within :data:`OUTPUT_TOLERANCE`, at every parity shape that the published graph can run;
3. where the registry records what another runtime answered, because the graph was converted, the answers to that
   drawn input agree within :data:`OUTPUT_TOLERANCE`;
4. an item's answer is the same alone and in a batch, within :data:`BATCH_TOLERANCE`; not asked where the registry
   allows no batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import ModelError
from ekyc.inference.session import Session, run_graph
from ekyc.inference.transforms import Outputs, Transform, parse_graph, transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import ModelProto

    from ekyc.inference.registry import Recorded, RegistryEntry
    from ekyc.values import FloatArray

OUTPUT_TOLERANCE = 1e-4
"""Largest difference of an output, relative to the largest absolute value of that output (at least 1)."""
BATCH_TOLERANCE = 1e-5
"""Same measure, for an item alone against the same item in a batch."""
_BATCH = 3
_SEED = 20261122


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRecord:
    """One check and its largest difference."""

    check: str
    difference: float
    tolerance: float


def build_and_check(
    entry: RegistryEntry, published: bytes, steps: Sequence[Transform]
) -> tuple[bytes, list[ParityRecord]]:
    """Transform the published file and prove the result.

    Raises:
        ModelError: ``model.transform_failed``, ``model.graph_mismatch`` or ``model.parity_failed``.
    """
    finished = transform(published, steps, subject=entry.id) if steps else published
    records = []
    if any(step.name == "fold_quantised_weights" for step in steps):
        records.append(_check_folding(published, finished, subject=entry.id))
    session = Session(entry, finished)
    records += _check_outputs(entry, published, steps, session)
    if entry.recorded is not None:
        records.append(_check_recorded(entry, entry.recorded, session))
    if entry.max_batch != 1:
        records += [_check_batch(entry, session, shape) for shape in entry.parity_shapes]
    for record in records:
        if record.difference > record.tolerance:
            raise ModelError(
                f"{record.check}: difference {record.difference:.3g} > {record.tolerance:.3g}",
                code="model.parity_failed",
                subject=entry.id,
            )
    return finished, records


def difference(found: FloatArray, wanted: FloatArray) -> float:
    """Largest absolute difference over the larger of 1 and the largest wanted value.

    Infinite for other shapes and where either holds something that is not a finite number.
    """
    if found.shape != wanted.shape or not np.isfinite(found).all() or not np.isfinite(wanted).all():
        return math.inf
    if not wanted.size:
        return 0.0
    scale = max(1.0, float(np.abs(wanted).max()))
    return float(np.abs(found.astype(np.float64) - wanted).max()) / scale


def random_items(entry: RegistryEntry, shape: tuple[int, ...], count: int) -> FloatArray:
    """``count`` random items stacked on axis 0, in the input's value range, the same on every call."""
    assert entry.input is not None
    low, high = entry.input.value_range
    generator = np.random.default_rng(_SEED)
    return generator.uniform(low, high, (count, *shape)).astype(np.float32)


def drawn_item(shape: tuple[int, ...], low: float, high: float) -> FloatArray:
    """A picture that any language draws alike: float32 of this shape (planes, height, width), ``low`` to ``high``.

    Value ``(29 p + 13 y + 7 x + ⌊x y / 5⌋) mod 256`` at plane p, row y, column x, scaled from 0–255.
    """
    plane, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    grey = (29 * plane + 13 * y + 7 * x + x * y // 5) % 256
    return np.asarray(low + (high - low) * (grey / 255.0), dtype=np.float32)


def _check_recorded(entry: RegistryEntry, recorded: Recorded, session: Session) -> ParityRecord:
    assert entry.input is not None
    item = drawn_item(entry.parity_shapes[0], *entry.input.value_range)
    found = dict(zip((o.name for o in entry.outputs), session.run(item[np.newaxis]), strict=True))
    worst = max(
        difference(found[output.name].ravel()[:: output.every], np.array(output.values, np.float32))
        for output in recorded.outputs
    )
    return ParityRecord(
        check=f"equals what {recorded.runtime} answered",
        difference=worst,
        tolerance=OUTPUT_TOLERANCE,
    )


def _check_outputs(
    entry: RegistryEntry, published: bytes, steps: Sequence[Transform], session: Session
) -> list[ParityRecord]:
    """Against the published graph, whose shape may be fixed: then only at that shape."""
    reference = published
    opening = [step for step in steps if step.needed_to_run]
    if opening:
        reference = transform(published, opening, subject=entry.id)
    names = [output.name for output in entry.outputs]
    records = []
    for shape in _shapes_of_reference(entry, reference):
        feed = random_items(entry, shape, 1)
        wanted: Outputs = run_graph(reference, feed, names, subject=entry.id)
        for step in steps:
            wanted = step.expected(wanted)
        found = session.run(feed)
        worst = max(difference(a, b) for a, b in zip(found, wanted, strict=True))
        records.append(
            ParityRecord(
                check=f"equals the published graph at {shape}",
                difference=worst,
                tolerance=OUTPUT_TOLERANCE,
            )
        )
    return records


def _shapes_of_reference(entry: RegistryEntry, reference: bytes) -> list[tuple[int, ...]]:
    graph = parse_graph(reference, subject=entry.id).graph
    weights = {tensor.name for tensor in graph.initializer}
    (item,) = (item for item in graph.input if item.name not in weights)
    fixed = [dim.dim_value for dim in item.type.tensor_type.shape.dim][1:]
    fitting = [
        shape
        for shape in entry.parity_shapes
        if all(size in {0, wanted} for size, wanted in zip(fixed, shape, strict=True))
    ]
    if not fitting:
        raise ModelError(
            f"no parity shape fits the published graph {fixed}",
            code="model.parity_failed",
            subject=entry.id,
        )
    return fitting


def _check_batch(entry: RegistryEntry, session: Session, shape: tuple[int, ...]) -> ParityRecord:
    items = random_items(entry, shape, _BATCH)
    together = session.run(items)
    worst = 0.0
    for index in range(_BATCH):
        alone = session.run(items[index : index + 1])
        for spec, one, many in zip(entry.outputs, alone, together, strict=True):
            part = many.take([index], axis=spec.batch_axis)
            worst = max(worst, difference(part, one))
    return ParityRecord(
        check=f"a batch of {_BATCH} equals single items at {shape}",
        difference=worst,
        tolerance=BATCH_TOLERANCE,
    )


def _check_folding(published: bytes, finished: bytes, *, subject: str) -> ParityRecord:
    """Every folded weight against onnx's reference evaluator, evaluated node by node."""
    from onnx import numpy_helper  # noqa: PLC0415 -- only needed while installing

    graph = parse_graph(finished, subject=subject).graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    differences = [
        difference(weights[name], wanted)
        for name, wanted in _reference_weights(parse_graph(published, subject=subject))
        if name in weights
    ]
    return ParityRecord(
        check=f"{len(differences)} folded weights equal onnx's reference evaluator",
        difference=max(differences, default=math.inf),
        tolerance=0.0,
    )


def _reference_weights(model: ModelProto) -> list[tuple[str, NDArray[Any]]]:
    """Values of all nodes that only work on constants, by onnx's reference implementation."""
    from onnx import numpy_helper  # noqa: PLC0415 -- only needed while installing
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 -- same

    known: dict[str, Any] = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
    }
    found = []
    for node in model.graph.node:
        if node.op_type not in {"DequantizeLinear", "Reshape"}:
            continue
        if all(name in known for name in node.input):
            feeds = {name: known[name] for name in node.input}
            evaluator: Any = ReferenceEvaluator(node)
            (value,) = evaluator.run(None, feeds)
            known[node.output[0]] = value
            found.append((node.output[0], value))
    return found

"""Writes the int8 variant of an exported net: ``line-recogniser-int8.onnx`` beside it.

1. Convolutions with their sums and masks: weights per channel, activations by the extremes that they reach on generated
   lines in training faces (their own seed). The first convolution stays: with one plane of input it gains nothing.
2. The recurrent layer and the head stay. The first can only be scaled by what a whole batch holds: a line's company would
   change what is read of it. The second decides, and costs little.

Processors without VNNI or AMX add such products with saturation; there the variant may read otherwise, and no faster.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from training.corpus import Corpus
from training.fonts import training_faces
from training.lines import make_line
from training.network_input import batch_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]

NAME = "line-recogniser-int8.onnx"
SEED = 770001
_IN_INT8 = ("Conv", "Mul", "Add", "Relu")


class _Lines(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is not typed
    def __init__(self, lines: Sequence[Gray]) -> None:
        self._batches = iter([{"line": batch_of([line])} for line in lines])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._batches, None)


def quantise(source: Path, target: Path, lines: Sequence[Gray]) -> None:
    """Write ``target``, calibrated on lines of 40 pixels height."""
    nodes = list(onnx.load(source).graph.node)
    convolutions = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
    recurrent = next(i for i, node in enumerate(nodes) if "row" in node.input)
    chosen = nodes[convolutions[0] + 2 : recurrent]  # its ReLU is fused into the first convolution
    quantize_static(
        source,
        target,
        _Lines(lines),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=list(_IN_INT8),
        nodes_to_quantize=[node.name for node in chosen if node.op_type in _IN_INT8],
    )


def calibration_lines(seed: int, count: int) -> list[Gray]:
    """Lines as training draws them."""
    rng = np.random.default_rng(seed)
    corpus = Corpus(rng)
    return [make_line(corpus, training_faces(), rng)[0] for _ in range(count)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where line-recogniser.onnx lies")
    parser.add_argument("--lines", type=int, default=300)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    logging.disable(logging.WARNING)  # it recommends shape inference that changes nothing here
    source, target = args.folder / "line-recogniser.onnx", args.folder / NAME
    quantise(source, target, calibration_lines(SEED, args.lines))
    print(f"{target.name}: {target.stat().st_size} bytes of {source.stat().st_size}")


if __name__ == "__main__":
    main()

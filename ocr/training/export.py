"""Writes the averaged weights of a checkpoint as an ONNX graph, with the vocabulary beside it.

The convolutions go through torch's exporter, which folds their norms. What follows is written by hand: ONNX has one
operator for a recurrent layer that runs both ways and starts at each line's own end, where the exporter would write the
net's own turning round and gathering, some hundred small operators. The numbers are the same.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.charset import write_vocabulary
from training.network import NEVER, LineNetwork, NetworkShape
from training.network_input import LINE_HEIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Weights = NDArray[np.float32]

OPSET = 17


def load_network(checkpoint: Path) -> LineNetwork:
    """The averaged weights, ready to read."""
    state = torch.load(checkpoint, weights_only=True)
    shape = state["shape"]
    net = LineNetwork(NetworkShape(**{**shape, "stem": tuple(shape["stem"])}))
    net.load_state_dict(state["average"])
    return net.eval()


def export(net: LineNetwork, path: Path) -> None:
    """``line`` float32 (batch, 2, 40, width) → ``log_probs`` float32 (batch, width / 4, classes)."""
    _export_looking(net, path)
    model = onnx.load(path)
    graph = model.graph
    constants = _constants(net)
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    graph.node.extend(_reading(net.shape.recurrent))
    del graph.output[:]
    classes = net.shape.classes
    graph.output.append(
        helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["batch", "steps", classes])
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


class _Looking(nn.Module):
    def __init__(self, net: LineNetwork) -> None:
        super().__init__()
        self.net = net

    def forward(self, line: Tensor) -> tuple[Tensor, Tensor]:
        return self.net.look(line)


def _export_looking(net: LineNetwork, path: Path) -> None:
    example = torch.ones(2, 2, LINE_HEIGHT, 96)
    free = {0: "batch", 2: "steps"}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of the exporter's age: the trial holds its graph against torch
        torch.onnx.export(
            _Looking(net).eval(),
            (example,),
            str(path),
            input_names=["line"],
            output_names=["row", "inside"],
            dynamic_axes={"line": {0: "batch", 3: "width"}, "row": free, "inside": free},
            dynamo=False,
            opset_version=OPSET,
        )


def _constants(net: LineNetwork) -> dict[str, NDArray[np.generic]]:
    ways = [_recurrent_weights(way) for way in (net.onwards, net.backwards)]
    inputs, states, biases = (np.stack(both) for both in zip(*ways, strict=True))
    nothing = np.full((1, 1, net.shape.classes), NEVER, dtype=np.float32)
    nothing[..., 0] = 0.0
    return {
        "recurrent_input": inputs,
        "recurrent_state": states,
        "recurrent_bias": biases,
        "head_weight": np.ascontiguousarray(_array(net.head.weight).T),
        "head_bias": _array(net.head.bias),
        "nothing": nothing,
        "half": np.array(0.5, dtype=np.float32),
        "both_steps": np.array([1, 2], dtype=np.int64),
        "both_ways": np.array([0, 0, -1], dtype=np.int64),
    }


def _recurrent_weights(layer: nn.LSTM) -> tuple[Weights, Weights, Weights]:
    weights = {name: _in_onnx_order(_array(value)) for name, value in layer.named_parameters()}
    bias = np.concatenate((weights["bias_ih_l0"], weights["bias_hh_l0"]))
    return weights["weight_ih_l0"], weights["weight_hh_l0"], bias


def _in_onnx_order(gates: Weights) -> Weights:
    """Gates as ONNX wants them (input, output, forget, cell); torch has input, forget, cell, output."""
    into, forget, cell, out = np.split(gates, 4)
    return np.concatenate((into, out, forget, cell))


def _array(value: Tensor) -> Weights:
    return np.asarray(value.detach().numpy(), dtype=np.float32)


def _reading(recurrent: int) -> list[onnx.NodeProto]:
    """From ``row`` and ``inside`` to ``log_probs``; time comes first until the classes are scored."""
    weights = ["recurrent_input", "recurrent_state", "recurrent_bias", "lengths"]
    node = helper.make_node
    return [
        node("Transpose", ["row"], ["steps"], perm=[2, 0, 1]),
        node("ReduceSum", ["inside", "both_steps"], ["length"], keepdims=0),
        node("Cast", ["length"], ["lengths"], to=TensorProto.INT32),
        node(
            "LSTM", ["steps", *weights], ["ways"], hidden_size=recurrent, direction="bidirectional"
        ),
        node("Transpose", ["ways"], ["ways_last"], perm=[0, 2, 1, 3]),
        node("Reshape", ["ways_last", "both_ways"], ["context"]),
        node("Concat", ["context", "steps"], ["known"], axis=2),
        node("MatMul", ["known", "head_weight"], ["weighed"]),
        node("Add", ["weighed", "head_bias"], ["scores"]),
        node("Transpose", ["scores"], ["scores_by_line"], perm=[1, 0, 2]),
        node("Transpose", ["inside"], ["inside_by_line"], perm=[0, 2, 1]),
        node("Greater", ["inside_by_line", "half"], ["is_inside"]),
        node("Where", ["is_inside", "scores_by_line", "nothing"], ["said"]),
        node("LogSoftmax", ["said"], ["log_probs"], axis=2),
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.folder.mkdir(parents=True, exist_ok=True)
    export(load_network(args.checkpoint), args.folder / "line-recogniser.onnx")
    write_vocabulary(args.folder / "line-vocabulary.json")


if __name__ == "__main__":
    main()

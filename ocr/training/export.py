"""Writes the averaged weights of a checkpoint as an ONNX graph, with the vocabulary beside it."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import torch

from training.charset import write_vocabulary
from training.network import LineNetwork, NetworkShape
from training.network_input import LINE_HEIGHT

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
    example = torch.ones(2, 2, LINE_HEIGHT, 96)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of recurrent layers with a free batch: the tests hold it against torch
        torch.onnx.export(
            net,
            (example,),
            str(path),
            input_names=["line"],
            output_names=["log_probs"],
            dynamic_axes={
                "line": {0: "batch", 3: "width"},
                "log_probs": {0: "batch", 1: "steps"},
            },
            dynamo=False,
            opset_version=OPSET,
        )


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

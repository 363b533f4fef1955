"""A minute's training of a tiny net on one face: does learning work from end to end on this machine?

Ends with an error when the loss does not fall well below where it began, when the exported graph differs from
the net, or when padding changes what it says.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import onnxruntime
import torch

from training.corpus import Corpus
from training.export import export, load_network
from training.fonts import read_face
from training.lines import EASY, make_line
from training.network import NetworkShape
from training.network_input import batch_of
from training.pool import write_shard
from training.train import Trainer

_FACE = Path("ekyc/data/fonts/NotoSans-Regular.subset.ttf")
_SHAPE = NetworkShape(classes=0, stem=(8, 16), body=32, mixed=64, recurrent=32)
_MINUTES = 1.0


def main() -> None:
    """Run from the root of the project."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    face = read_face(_FACE)
    if face is None:
        sys.exit(f"{_FACE} does not cover Vietnamese")
    rng = np.random.default_rng(1)
    corpus = Corpus(rng)
    lines = [make_line(corpus, ((face,),), rng, EASY) for _ in range(400)]
    with TemporaryDirectory() as work:
        folder = Path(work)
        (folder / "pool").mkdir()
        write_shard(folder / "pool" / "a.npz", lines)
        trainer = Trainer(folder, minutes=_MINUTES, rate=3e-3, seed=7, shape=_SHAPE)
        losses = trainer.run([folder / "pool"], lines[:5])
        first, last = (float(np.mean(part)) for part in (losses[:5], losses[-20:]))
        print(f"{len(losses)} steps: loss {first:.2f} → {last:.2f}")
        if not last < 0.5 * first:
            sys.exit("the loss did not fall by half")
        _check_export(folder, [picture for picture, _ in lines[:8]])


def _check_export(folder: Path, pictures: list[np.ndarray]) -> None:
    net = load_network(folder / "checkpoint.pt")
    export(net, folder / "net.onnx")
    session = onnxruntime.InferenceSession(folder / "net.onnx")
    together = np.asarray(session.run(None, {"line": batch_of(pictures)})[0])
    for picture, padded in zip(pictures, together, strict=True):
        single = batch_of([picture])
        with torch.no_grad():
            wanted = net(torch.from_numpy(single))[0].numpy()
        alone = np.asarray(session.run(None, {"line": single})[0])[0]
        if np.abs(alone - wanted).max() > 1e-3 or np.abs(padded[: len(alone)] - alone).max() > 1e-3:
            sys.exit("the exported graph reads otherwise than the net, or padding changes it")
    print("export equals the net, padding changes nothing")


if __name__ == "__main__":
    main()

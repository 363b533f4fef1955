"""Teaches the line recogniser from a pool of rendered lines; stops by the clock and goes on from its checkpoint.

Start ``python -m training.pool`` beside it. The first lines are short and clean: CTC finds its alignment on them
within minutes, then the pool turns to full length and full wear by itself.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import time
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from training.charset import vocabulary
from training.network import LineNetwork, NetworkShape
from training.network_input import batch_of, steps_of
from training.pool import read_shard, shards_in
from training.score import Score, decode, with_plain_dots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Line = tuple[NDArray[np.uint8], str]

BATCH_COLUMNS = 20480
"""Padded columns per batch: 64 lines of mean length."""
SHARDS_AT_ONCE = 8
WARM_UP_STEPS = 100
CLIP = 2.0
TRUSTING_STEPS = 1000
AVERAGE_DECAY = 0.999


class Trainer:
    """Net, optimiser, averaged weights and where they stand.

    Args:
        folder: where the checkpoint and the log lie.
        minutes: planned length of the whole training, pauses not counted.
        rate: highest learning rate.
        seed: of weights and order.
        shape: of the net; its classes are always those of the vocabulary.
    """

    def __init__(
        self,
        folder: Path,
        *,
        minutes: float,
        rate: float,
        seed: int,
        shape: NetworkShape | None = None,
    ) -> None:
        torch.manual_seed(seed)
        self._chance = random.Random(seed)  # noqa: S311  # order of batches
        self._shake = np.random.default_rng(seed)
        self._folder = folder
        self._minutes = minutes
        self._rate = rate
        self._classes = {text: index for index, text in enumerate(vocabulary())}
        shape = replace(shape or NetworkShape(classes=0), classes=len(self._classes))
        self.net = LineNetwork(shape).to(memory_format=torch.channels_last)
        self.average = deepcopy(self.net).eval()
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        vectors = [p for p in self.net.parameters() if p.ndim <= 1]
        self._optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.02}, {"params": vectors, "weight_decay": 0.0}],
            lr=rate,
            betas=(0.9, 0.98),
        )
        self._loss = nn.CTCLoss(reduction="none", zero_infinity=True)
        self._waiting: dict[int, list[Line]] = {}
        self._trusting_steps = TRUSTING_STEPS
        self.step = 0
        self.lines = 0
        self.spent_s = 0.0

    @property
    def checkpoint(self) -> Path:
        """The file that holds everything needed to go on."""
        return self._folder / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        unfinished = self.checkpoint.with_suffix(".part")
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "shape": self.net.shape.as_dict(),
            "step": self.step,
            "lines": self.lines,
            "spent_s": self.spent_s,
        }
        torch.save(state, unfinished)
        unfinished.rename(self.checkpoint)

    def resume(self, path: Path, *, fresh_clock: bool = False) -> None:
        """Go on from a checkpoint; with ``fresh_clock`` only its weights are taken."""
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        if fresh_clock:
            self._trusting_steps = 0
        else:
            self._optimiser.load_state_dict(state["optimiser"])
            self.step, self.lines, self.spent_s = state["step"], state["lines"], state["spent_s"]

    def run(
        self, pools: Sequence[Path], dev: list[Line], *, save_every_s: float = 150
    ) -> list[float]:
        """Train until the planned time is spent. Returns the losses, one per step."""
        losses: list[float] = []
        started, last_saved = time.monotonic() - self.spent_s, time.monotonic()
        while True:
            for lines in self._batches(pools):
                self.spent_s = time.monotonic() - started
                if self.spent_s >= self._minutes * 60:
                    self._report(losses, dev)
                    self.save()
                    return losses
                losses.append(self._learn(lines))
                if time.monotonic() - last_saved > save_every_s:
                    self._report(losses, dev)
                    self.save()
                    last_saved = time.monotonic()

    def _learn(self, lines: list[Line]) -> float:
        rate = self._rate * self._rate_factor()
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        width = padded_width(max(picture.shape[1] for picture, _ in lines))
        pictures = torch.from_numpy(batch_of([picture for picture, _ in lines], width))
        targets = [[self._classes[letter] for letter in with_plain_dots(text)] for _, text in lines]
        self.net.train()
        with torch.autocast("cpu", torch.bfloat16):
            log_probs = self.net(pictures)
        letters = torch.tensor([len(labels) for labels in targets])
        losses = self._loss(
            log_probs.transpose(0, 1).float(),
            torch.tensor([label for labels in targets for label in labels], dtype=torch.long),
            torch.tensor([steps_of(picture.shape[1]) for picture, _ in lines]),
            letters,
        ) / letters.clamp(min=1)
        loss = (losses * self._trust(losses)).mean()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self._optimiser.step()
        self._follow()
        self.step += 1
        self.lines += len(lines)
        return float(loss.detach())

    def _trust(self, losses: Tensor) -> Tensor:
        """Once the net reads, lines that it cannot read at all are mostly beyond reading: they pull less, or not."""
        if self.step < self._trusting_steps:
            return torch.ones_like(losses)
        far = losses.detach()
        return torch.where(far > 4.0, 0.0, 1.0 / far.clamp(min=1.0))

    def _rate_factor(self) -> float:
        warm = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        part = min(1.0, self.spent_s / (self._minutes * 60))
        return warm * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * part)))

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        for mean, new in zip(
            self.average.state_dict().values(), self.net.state_dict().values(), strict=True
        ):
            if mean.dtype.is_floating_point:
                mean.lerp_(new, 1 - decay)
            else:
                mean.copy_(new)

    def _batches(self, pools: Sequence[Path]) -> Iterator[list[Line]]:
        shards = shards_in(pools[0])
        while not shards:
            time.sleep(1)
            shards = shards_in(pools[0])
        drawn = self._chance.sample(shards, min(SHARDS_AT_ONCE, len(shards)))
        for other in pools[1:]:
            drawn += self._chance.sample(shards_in(other), min(1, len(shards_in(other))))
        lines: list[Line] = []
        for path in drawn:
            try:
                drawn_lines = [
                    (vary(picture, self._shake), text) for picture, text in read_shard(path)
                ]
            except FileNotFoundError:
                continue  # dropped by the pool in this moment
            lines.extend(line for line in drawn_lines if _fits(line))
        self._chance.shuffle(lines)
        batches: list[list[Line]] = []
        for line in lines:
            width = padded_width(line[0].shape[1])
            waiting = self._waiting.setdefault(width, [])
            waiting.append(line)
            if len(waiting) >= max(2, BATCH_COLUMNS // width):
                batches.append(self._waiting.pop(width))
        self._chance.shuffle(batches)
        yield from batches

    def _report(self, losses: list[float], dev: list[Line]) -> None:
        score = evaluate(self.average, dev)
        recent = losses[-200:]
        row = {
            "minutes": round(self.spent_s / 60, 1),
            "step": self.step,
            "lines": self.lines,
            "loss": round(sum(recent) / max(1, len(recent)), 4),
            "dev_cer": round(score.cer_percent, 3),
            "dev_exact": round(score.exact_percent, 1),
        }
        print(json.dumps(row), flush=True)
        with (self._folder / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


@torch.no_grad()
def evaluate(net: LineNetwork, lines: list[Line]) -> Score:
    """Read lines one after the other."""
    net.eval()
    score = Score()
    for picture, text in lines:
        log_probs = net(torch.from_numpy(batch_of([picture])))[0].numpy()
        score.add(text, decode(log_probs, vocabulary()))
    return score


def vary(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The same line a little narrower or wider, higher or lower, lighter or darker: each is drawn several times."""
    height, width = picture.shape
    factor = float(rng.uniform(0.92, 1.08))
    lift, zoom = float(rng.uniform(-1.8, 1.8)), float(rng.uniform(0.94, 1.06))
    matrix = np.array([[factor, 0.0, 0.0], [0.0, zoom, height / 2 * (1 - zoom) + lift]])
    size = (max(8, round(width * factor)), height)
    moved = cv2.warpAffine(
        picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < 0.5:
        curve = np.linspace(0, 1, 256) ** float(np.exp(rng.uniform(-0.5, 0.5))) * 255
        moved = cv2.LUT(moved, curve.astype(np.uint8))
    if rng.random() < 0.1:
        moved = _spotted(np.asarray(moved, dtype=np.uint8), rng)
    return np.asarray(moved, dtype=np.uint8)


def _spotted(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Specks of toner and gaps in it, as small as the dots and hooks of tone marks."""
    density = float(np.exp(rng.uniform(np.log(0.001), np.log(0.008))))
    shade = float(rng.uniform(0.6, 1.0))
    spotted = picture.astype(np.float32)
    for wanted, share in ((0.0, density), (255.0, density * float(rng.uniform(0, 1)))):
        spots = (rng.random(picture.shape, dtype=np.float32) < share).astype(np.float32)
        size = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        spots = cv2.GaussianBlur(cv2.dilate(spots, np.ones(size, np.uint8)), (3, 3), 0.6) * shade
        spotted += (wanted - spotted) * spots
    return np.asarray(spotted, dtype=np.uint8)


def padded_width(width: int) -> int:
    """The few widths that batches have: for each new shape the kernels are compiled anew."""
    step = 32 if width <= 512 else 64 if width <= 1024 else 256
    return -(-width // step) * step


def _fits(line: Line) -> bool:
    """CTC needs a step per letter and one between equal letters; what is denser cannot be learnt."""
    picture, text = line
    doubles = sum(a == b for a, b in itertools.pairwise(text))
    return steps_of(picture.shape[1]) >= len(text) + doubles and picture.shape[1] < 4000


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--pool",
        type=Path,
        nargs="+",
        required=True,
        help="the first gives eight shards at a time, each further one gives one",
    )
    parser.add_argument("--dev", type=Path, help="a shard to look at while training")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start-from", type=Path, help="take the weights of another run")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    args.folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(args.folder, minutes=args.minutes, rate=args.rate, seed=args.seed)
    if trainer.checkpoint.exists():
        trainer.resume(trainer.checkpoint)
    elif args.start_from:
        trainer.resume(args.start_from, fresh_clock=True)
    dev = read_shard(args.dev) if args.dev else []
    trainer.run(args.pool, dev)


if __name__ == "__main__":
    main()

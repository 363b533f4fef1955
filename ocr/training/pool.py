"""A folder of rendered lines that one process fills while another learns from it.

A shard is one ``.npz`` of some hundred lines; it appears whole (written under another name, then renamed). The
oldest shards are dropped when the folder is full, so that the net sees new lines all the time and every line a few
times.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.corpus import Corpus
from training.fonts import held_out_faces, training_faces
from training.lines import EASY, FULL, make_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]

SHARD_LINES = 500


def write_shard(path: Path, lines: Iterable[tuple[Gray, str]]) -> None:
    """Store lines; appears at once or not at all."""
    pictures, texts = zip(*lines, strict=True)
    widths = np.array([picture.shape[1] for picture in pictures], dtype=np.int32)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(
            file, pixels=np.concatenate(pictures, axis=1), widths=widths, texts=np.array(texts)
        )
    unfinished.rename(path)


def read_shard(path: Path) -> list[tuple[Gray, str]]:
    """The lines of a shard."""
    with np.load(path) as shard:
        pixels, widths, texts = shard["pixels"], shard["widths"], shard["texts"]
    ends = np.cumsum(widths)
    return [
        (np.ascontiguousarray(pixels[:, end - width : end]), str(text))
        for width, end, text in zip(widths, ends, texts, strict=True)
    ]


def shards_in(folder: Path) -> list[Path]:
    """Finished shards, oldest first."""
    return sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime_ns)


def fill(
    folder: Path, *, seed: int, easy_shards: int, keep: int, shards: int | None = None
) -> None:
    """Write shards until stopped; shard *n* depends on ``seed`` and *n* only."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"next-{seed}"
    number = int(done.read_text(encoding="utf-8")) if done.exists() else 0
    while shards is None or number < shards:
        rng = np.random.default_rng((seed, number))
        corpus = Corpus(rng)
        difficulty = EASY if number < easy_shards else FULL
        write_shard(
            folder / f"{seed}-{number:06d}.npz",
            (make_line(corpus, training_faces(), rng, difficulty) for _ in range(SHARD_LINES)),
        )
        number += 1
        done.write_text(str(number), encoding="utf-8")
        for old in shards_in(folder)[:-keep]:
            old.unlink(missing_ok=True)


def unseen_lines(seed: int, count: int) -> list[tuple[Gray, str]]:
    """Lines in held-out faces, of held-out words, with the training's own wear: for measuring only."""
    rng = np.random.default_rng(seed)
    corpus = Corpus(rng, held_out=True)
    return [make_line(corpus, held_out_faces(), rng) for _ in range(count)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="pool to fill, or with --unseen the shard to write"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--easy-shards", type=int, default=0)
    parser.add_argument("--keep", type=int, default=400)
    parser.add_argument("--shards", type=int)
    parser.add_argument("--nice", type=int, default=5)
    parser.add_argument(
        "--unseen", type=int, help="write this many lines of unseen faces and words"
    )
    args = parser.parse_args()
    os.nice(args.nice)
    cv2.setNumThreads(1)
    if args.unseen:
        write_shard(args.folder, unseen_lines(args.seed, args.unseen))
        return
    started = time.monotonic()
    fill(
        args.folder,
        seed=args.seed,
        easy_shards=args.easy_shards,
        keep=args.keep,
        shards=args.shards,
    )
    print(f"{args.folder}: done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

"""The lines that a net reads worst, as one picture: what it saw, what stands there, what it read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from training.evaluate import OnnxReader, lines_in
from training.fonts import training_faces
from training.pool import unseen_lines
from training.score import edit_distance, with_plain_dots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]

_WIDTH, _ROW = 640, 78
_SHADES = 6
"""Enough to see by, and a quarter of the bytes."""


def worst(
    reader: OnnxReader, lines: list[tuple[Gray, str]], count: int
) -> list[tuple[Gray, str, str]]:
    """Picture, truth and reading of the lines with the largest share of wrong letters, worst first."""
    read = [(picture, with_plain_dots(text), reader.read(picture).text) for picture, text in lines]
    wrong = [line for line in read if line[1] != line[2]]
    wrong.sort(key=lambda line: -edit_distance(line[1], line[2]) / max(1, len(line[1])))
    return wrong[:count]


def sheet_of(lines: list[tuple[Gray, str, str]]) -> Image.Image:
    """Two columns; under each line its truth and what was read."""
    rows = -(-len(lines) // 2)
    sheet = Image.new("L", (2 * _WIDTH, max(1, rows) * _ROW), 255)
    pen = ImageDraw.Draw(sheet)
    faces = {faces[0].family: faces[0] for faces in training_faces()}
    font = faces.get("DejaVu Sans", next(iter(faces.values()))).at(13)
    for index, (picture, truth, read) in enumerate(lines):
        x, y = (index // rows) * _WIDTH + 4, (index % rows) * _ROW
        sheet.paste(Image.fromarray(picture[:, : _WIDTH - 12]), (x, y))
        pen.text((x, y + 41), truth[:90], font=font, fill=0)
        pen.text((x, y + 57), "→ " + read[:90], font=font, fill=0)
    return sheet


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the exported net lies")
    parser.add_argument("picture", type=Path, help="PNG to write")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--set", type=Path, help="a folder with a lines.jsonl")
    source.add_argument("--unseen", type=int, help="this many lines of unseen faces and words")
    parser.add_argument("--count", type=int, default=50)
    args = parser.parse_args()
    if args.set:
        lines = [(picture, text) for picture, text, _ in lines_in(args.set)]
    else:
        lines = unseen_lines(990001, args.unseen)
    sheet_of(worst(OnnxReader(args.folder), lines, args.count)).quantize(_SHADES).save(
        args.picture, optimize=True
    )


if __name__ == "__main__":
    main()

"""Joins the Latin, extended Latin and Vietnamese subsets of web fonts into one file per face."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools.merge import Merger
from fontTools.ttLib import TTFont

_SUBSETS = ("latin", "latin-ext", "vietnamese")
_WEIGHTS = {"300", "400", "500", "700"}
_LEFT_OUT = (
    *("GPOS", "GSUB", "GDEF", "kern", "STAT", "DSIG", "fvar", "gvar", "avar", "HVAR", "MVAR", "meta", "BASE"),
    *("cvt ", "fpgm", "prep", "gasp"),
)  # fmt: skip
"""Layout and hinting: subsets of one face disagree about them, and the lines need neither."""


def join(package: Path, folder: Path) -> int:
    """Write every face of one package. Returns their number."""
    written = 0
    for last in sorted((package / "files").glob(f"{package.name}-vietnamese-*.woff")):
        match = re.search(r"-(\d+)-(normal|italic)$", last.stem)
        if match is None or match[1] not in _WEIGHTS:
            continue
        names = [f"{package.name}-{subset}-{match[0][1:]}.woff" for subset in _SUBSETS]
        parts = [path for name in names if (path := package / "files" / name).exists()]
        with TemporaryDirectory() as work:
            plain = [_unpack(part, Path(work) / f"{index}.ttf") for index, part in enumerate(parts)]
            Merger().merge(plain).save(folder / f"{package.name}-{match[1]}-{match[2]}.ttf")
        written += 1
    return written


def _unpack(part: Path, path: Path) -> str:
    with TTFont(part) as font:
        font.flavor = None
        for table in _LEFT_OUT:
            if table in font:
                del font[table]
        font.save(path)
    return str(path)


def main() -> None:
    """Folder of packages, folder for the faces."""
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for package in sorted(source.iterdir()):
        print(f"{package.name}: {join(package, folder)} faces")


if __name__ == "__main__":
    main()

"""Make the two committed font files from the published Noto Sans, by machine only.

    pip download --no-deps fontpkg-noto-sans==2.15
    python scripts/subset_font.py fontpkg_noto_sans-2.15-py3-none-any.whl ekyc/data/fonts

The source is one variable font. Each output fixes its weight, keeps the characters of :data:`CHARACTERS` and the
layout features that place Vietnamese marks, and changes no outline. Noto Sans has 1000 units per em, which matters:
pyHanko 0.38 draws wrong advances with fonts of 2048 units.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

SOURCE_PATH = "fontpkg_noto_sans/files/NotoSans[wdth,wght].ttf"
SOURCE_SHA256 = "bfb7bb691513f12e734dc346c03a03f784912432d7e3fa8e56efcf906fe86b3d"
LICENCE_PATH = "fontpkg_noto_sans/LICENSE"
WEIGHTS = {"NotoSans-Regular.subset.ttf": 400, "NotoSans-Bold.subset.ttf": 700}

CHARACTERS = frozenset(
    [
        *range(0x0020, 0x007F),  # ASCII
        *range(0x00A0, 0x0180),  # Latin-1 and Latin Extended-A: names of foreign citizens
        *(0x01A0, 0x01A1, 0x01AF, 0x01B0),  # Ơ ơ Ư ư
        *range(0x1EA0, 0x1EFA),  # Vietnamese letters with tone marks
        *(0x0300, 0x0301, 0x0302, 0x0303, 0x0306, 0x0309, 0x031B, 0x0323),  # the same, decomposed
        *(0x2010, 0x2011, 0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2026),
        *(0x20AB, 0x20AC, 0x2116, 0x2212),  # ₫ € № −
        *(
            0x2190,
            0x2191,
            0x2192,
            0x2193,
            0x2713,
            0x2717,
        ),  # arrows and ticks, where the source has them
    ]
)


def subset(source: bytes, weight: int) -> bytes:
    """One weight of the source, reduced to :data:`CHARACTERS`. Equal input gives equal bytes."""
    font = TTFont(BytesIO(source), recalcTimestamp=False)
    instantiateVariableFont(font, {"wght": weight, "wdth": 100}, inplace=True, updateFontNames=True)
    options = Options()
    options.layout_features = ["ccmp", "kern", "locl", "mark", "mkmk"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 7, 13, 14]
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    out = BytesIO()
    font.save(out, reorderTables=True)
    return out.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as archive:
        source, licence = archive.read(SOURCE_PATH), archive.read(LICENCE_PATH)
    if hashlib.sha256(source).hexdigest() != SOURCE_SHA256:
        sys.stderr.write(f"{SOURCE_PATH} is not the pinned file\n")
        return 1
    outputs = {name: subset(source, weight) for name, weight in WEIGHTS.items()}
    for name, content in {**outputs, "OFL.txt": licence}.items():
        (arguments.folder / name).write_bytes(content)
        sys.stdout.write(f"{hashlib.sha256(content).hexdigest()}  {len(content):6d}  {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

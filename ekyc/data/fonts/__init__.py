"""The font that ships with the package: Noto Sans, Latin and Vietnamese letters, regular and bold.

Made by ``scripts/subset_font.py``; licence in ``OFL.txt`` beside this file. 1000 units per em. It has no ticks or
arrows (the source has none): draw those as shapes.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

Weight = Literal["regular", "bold"]

_FILES: dict[Weight, str] = {
    "regular": "NotoSans-Regular.subset.ttf",
    "bold": "NotoSans-Bold.subset.ttf",
}


def font_path(weight: Weight = "regular") -> Path:
    """File of one weight. The package is always installed as plain files, never run from a zip."""
    return Path(str(resources.files(__name__).joinpath(_FILES[weight])))


__all__ = ["Weight", "font_path"]

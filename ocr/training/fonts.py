"""Faces that can write Vietnamese, by family; eight families are never used in training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

from training.charset import accented_letters, vocabulary

FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/share/texmf/fonts"),
    Path("~/.cache/ekyc/train-fonts").expanduser(),
)
VARIED = "Varied"
"""Beginning of the family names that ``training.varied_faces`` gives."""
HELD_OUT = (
    "Gentium",
    "Vollkorn",
    "TeX Gyre Schola",
    "Carlito",
    "Lato",
    "Noto Sans Mono",
    "League Mono",
    "EB Garamond",
)
"""Unseen-font test, by the beginnings of the families' names: four serif texts, two sans, two of fixed pitch."""
_NEVER_TRAINED = (*HELD_OUT, "Noto Mono")
"""Noto Mono is the older cut of Noto Sans Mono."""
_WEIGHT_WORDS = {"Light", "Medium", "Regular", "SemiBold", "Book"}
_NOT_TEXT = ("Math", "Caps", "Quotation", "Dunhill", "Unslanted", "Initials", "Keyboard", "Thin", "SC", "Chorus", "ExtraLight", "Hairline", "Black", "UltraLight", "Symbols", "Emoji", "Swash")  # fmt: skip
# How often a family is drawn against the others: paper is set in Times, Courier and Arial far more than in others.
_WEIGHTS = {
    "Tinos": 14, "TeX Gyre Termes": 8, "Liberation Serif": 6, "FreeSerif": 6, "Linux Libertine O": 3,
    "TeX Gyre Cursor": 6, "FreeMono": 6, "Courier Prime": 4, "Cousine": 3, "Liberation Mono": 2,
    "Arimo": 5, "TeX Gyre Heros": 4, "TeX Gyre Heros Cn": 3, "FreeSans": 3, "Liberation Sans": 2,
    "TeX Gyre Pagella": 3, "TeX Gyre Bonum": 3, "Charis SIL": 3, "Doulos SIL": 3, "Noto Serif": 3,
    "DejaVu Serif": 3, "DejaVu Sans": 3, "Noto Sans": 3, "Roboto": 3, "Open Sans": 3,
    "Latin Modern Roman": 3, "Latin Modern Mono": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One font file."""

    path: str
    family: str
    missing: frozenset[str]
    """Letters of the vocabulary that it cannot draw; never an accented letter."""

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        """The face at a size; the last few hundred are kept open."""
        return _open(self.path, size_px)


@cache
def all_faces(cache_file: Path | None = None) -> tuple[Face, ...]:
    """Every installed face with all 134 accented letters and all of ASCII, sorted by path."""
    stored = cache_file or Path("~/.cache/ekyc/train-runs/faces.json").expanduser()
    if stored.exists():
        rows = json.loads(stored.read_text(encoding="utf-8"))
        return tuple(Face(path=p, family=f, missing=frozenset(m)) for p, f, m in rows)
    files = sorted(
        path
        for folder in FOLDERS
        for path in folder.rglob("*")
        if path.suffix.lower() in {".ttf", ".otf", ".woff"}
    )
    faces = tuple(face for path in files if (face := read_face(path)) is not None)
    stored.parent.mkdir(parents=True, exist_ok=True)
    rows = [[face.path, face.family, sorted(face.missing)] for face in faces]
    stored.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return faces


@cache
def training_faces() -> tuple[tuple[Face, ...], ...]:
    """Faces by family, without the held-out families."""
    return _by_family(tuple(face for face in all_faces() if not is_held_out(face)))


@cache
def held_out_faces() -> tuple[tuple[Face, ...], ...]:
    """Faces of the families kept for tests."""
    return _by_family(tuple(face for face in all_faces() if is_held_out(face)))


def is_held_out(face: Face) -> bool:
    """Whether a face belongs to the unseen-font test."""
    return face.family.removeprefix(f"{VARIED} ").startswith(_NEVER_TRAINED)


@cache
def family_weights(families: tuple[str, ...]) -> tuple[float, ...]:
    """Cumulative shares of the families, ending at 1."""
    weights = [_weight(family) for family in families]
    total, running, shares = sum(weights), 0.0, []
    for weight in weights:
        running += weight / total
        shares.append(running)
    return tuple(shares)


def _weight(family: str) -> float:
    if family.startswith(VARIED):
        return 0.3 + 0.2 * min(_WEIGHTS.get(family.removeprefix(f"{VARIED} "), 1), 8)
    return 1.5 * _WEIGHTS[family] if family in _WEIGHTS else 1.0


def _by_family(faces: tuple[Face, ...]) -> tuple[tuple[Face, ...], ...]:
    families: dict[str, list[Face]] = {}
    for face in faces:
        families.setdefault(face.family, []).append(face)
    return tuple(tuple(families[name]) for name in sorted(families))


def read_face(path: Path) -> Face | None:
    """The face of a file, or None when it is no text face or lacks a letter of Vietnamese or ASCII."""
    if any(word in path.stem for word in _NOT_TEXT):
        return None
    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            covered = {chr(code) for code in (font.getBestCmap() or {})}
            names = font["name"]
            family = names.getDebugName(16) or names.getDebugName(1)
    except (TTLibError, OSError, KeyError, AttributeError):
        return None
    if family is None or any(word in family for word in _NOT_TEXT):
        return None
    missing = frozenset("".join(vocabulary())) - covered - {" "}
    if any(letter.isascii() or letter in accented_letters() for letter in missing):
        return None
    return Face(path=str(path), family=_plain(family), missing=missing)


def _plain(family: str) -> str:
    """A family's name without the weight that older naming adds to it."""
    words = family.split()
    while len(words) > 1 and words[-1] in _WEIGHT_WORDS:
        words.pop()
    return " ".join(words)


@lru_cache(maxsize=400)
def _open(path: str, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size_px)

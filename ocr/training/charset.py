"""The letters that the recogniser can write."""

from __future__ import annotations

import json
import string
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BLANK = ""
TONES = ("", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323")
"""Level, huyền, hỏi, ngã, sắc, nặng, as combining marks."""
VOWELS = "aăâeêioôơuưy"
PUNCTUATION = "–—“”‘’…•·°№§₫«»×±²³½©®€£"
"""Beyond ASCII: what Vietnamese forms, statutes and books print."""


def toned(vowel: str, tone: str) -> str:
    """One letter, NFC."""
    return unicodedata.normalize("NFC", vowel + tone)


def accented_letters() -> tuple[str, ...]:
    """The 134 letters of Vietnamese outside ASCII: 67 small, then 67 capital."""
    small = [toned(vowel, tone) for vowel in VOWELS for tone in TONES]
    small = [letter for letter in small if not letter.isascii()] + ["đ"]
    return tuple(small + [letter.upper() for letter in small])


def vocabulary() -> tuple[str, ...]:
    """Text of every class of the net; class 0 is the blank."""
    ascii_printable = " " + string.digits + string.ascii_letters + string.punctuation
    return (BLANK, *ascii_printable, *accented_letters(), *PUNCTUATION)


def write_vocabulary(path: Path) -> None:
    """The file that the product reads."""
    text = json.dumps({"chars": vocabulary()}, ensure_ascii=False, indent=None)
    path.write_text(text + "\n", encoding="utf-8")

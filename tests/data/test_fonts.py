"""The committed font can write Vietnamese and is what NOTICE says it is."""

import hashlib
import unicodedata
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from ekyc.data.fonts import font_path

ROOT = Path(__file__).resolve().parents[2]
BASES = "aăâeêioôơuưy"
TONES = ["\u0300", "\u0301", "\u0303", "\u0309", "\u0323"]
ACCENTED = {unicodedata.normalize("NFC", base + tone) for base in BASES for tone in TONES}
ACCENTED |= set("ăâêôơưđ")
ALL = ACCENTED | {letter.upper() for letter in ACCENTED}


@pytest.mark.parametrize("weight", ["regular", "bold"])
class TestFont:
    def test_has_every_accented_letter_of_vietnamese_in_both_cases(self, weight):
        assert len(ALL) == 134
        covered = TTFont(font_path(weight)).getBestCmap()
        assert {letter for letter in ALL if ord(letter) not in covered} == set()

    def test_has_ascii_latin_1_and_the_punctuation_of_reports(self, weight):
        covered = TTFont(font_path(weight)).getBestCmap()
        wanted = [*range(0x20, 0x7F), *range(0xA0, 0x100), *map(ord, "–—“”‘’…•₫€№ĐđŻż")]
        assert [hex(code) for code in wanted if code not in covered] == []

    def test_has_1000_units_per_em_which_pyhanko_needs(self, weight):
        assert TTFont(font_path(weight))["head"].unitsPerEm == 1000

    def test_is_the_file_that_notice_names(self, weight):
        path = font_path(weight)
        notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
        assert path.name in notice
        assert hashlib.sha256(path.read_bytes()).hexdigest() in notice


def test_licence_travels_with_the_font():
    text = (font_path().parent / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text

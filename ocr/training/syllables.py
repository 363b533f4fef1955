"""Every syllable that Vietnamese spelling allows, common or not: onset × rime × tone.

A twelfth of those outside our word lists, chosen by hash, is never rendered for training: the test of words that
the net has not seen.
"""

from __future__ import annotations

import zlib
from functools import cache

from training.charset import TONES, toned
from training.words import known_syllables

_ONSETS = (
    *("", "b", "c", "ch", "d", "đ", "g", "gi", "h", "kh", "l", "m", "n", "ng", "nh"),
    *("p", "ph", "qu", "r", "s", "t", "th", "tr", "v", "x"),
)
# The capital marks the letter that carries the tone.
_OPEN_RIMES = (
    "A O U E Ê I Ô Ơ Ư Y Ai Ao Au Ay Âu Ây Eo Êu Ia Iu iÊu Oi Ôi Ơi Ua Ui uÔi Ưa Ưi Ưu ưƠi ưƠu "
    "oA oAi oAo oAy oE oEo uÊ uY uYa uÂy uƠ yÊu"
).split()
_NASAL_RIMES = (
    "Am An Ang Anh Ăm Ăn Ăng Âm Ân Âng Em En Eng Êm Ên Ênh Im In Inh iÊm iÊn iÊng Om On Ong Oong Ôm Ôn Ông "
    "Ynh Ơm Ơn Um Un Ung uÔm uÔn uÔng Ưn Ưng ưƠm ưƠn ưƠng oAm oAn oAng oAnh oĂm oĂn oĂng oEn uÂn uÂng uYên uYnh "
    "yÊm yÊn uÊnh"
).split()
_STOPPED_RIMES = (
    "Yt Ych Ac Ach Ap At Ăc Ăp Ăt Âc Âp Ât Ec Ep Et Êch Êp Êt Ich Ip It iÊc iÊp iÊt Oc Op Ot Ôc Ôp Ôt Ơp Ơt Uc Up Ut "
    "uÔc uÔt Ưc Ưt ưƠc ưƠp ưƠt oAc oAch oAt oĂc oĂt oEt uÂt uYch uYt uyÊt uÊch yÊt uyÊn"
).split()
_HELD_OUT_SHARE = 12


@cache
def all_syllables() -> tuple[str, ...]:
    """Small letters, sorted."""
    found: set[str] = set()
    for onset in _ONSETS:
        for rime in (*_OPEN_RIMES, *_NASAL_RIMES):
            found.update(_spelt(onset, rime, TONES))
        for rime in _STOPPED_RIMES:
            found.update(_spelt(onset, rime, TONES[4:] if rime != "uyÊn" else TONES))
    return tuple(sorted(found))


@cache
def training_syllables() -> tuple[str, ...]:
    """What training may render."""
    return tuple(syllable for syllable in all_syllables() if not is_held_out(syllable))


@cache
def held_out_syllables() -> tuple[str, ...]:
    """What training never renders."""
    return tuple(syllable for syllable in all_syllables() if is_held_out(syllable))


def is_held_out(syllable: str) -> bool:
    """Whether a syllable, in any case, belongs to the twelfth kept for tests."""
    small = syllable.lower()
    return zlib.crc32(small.encode()) % _HELD_OUT_SHARE == 7 and small not in known_syllables()


def _spelt(onset: str, rime: str, tones: tuple[str, ...]) -> list[str]:
    front = rime.lower()[0] in "eêiy"
    hard = {"c": "k", "g": "gh", "ng": "ngh"}
    if front and onset in hard:
        onset = hard[onset]
    rounded = rime[0] in "ou" and len(rime) > 1
    impossible = (
        (onset == "qu" and (rounded or rime[0] in "OUÔƯư"))
        or (onset == "gi" and rime[0] in "IiYy")
        or (onset in {"b", "m", "ph", "v", "p", "đ", "n", "r"} and rime[:2] in {"oA", "oĂ", "oE", "uÂ", "uY", "uy"})
        or (rime[0] in "yY" and len(rime) > 1 and onset not in {"", "qu"})
        or (rime in {"Ynh", "Yt", "Ych"} and onset != "qu")
    )  # fmt: skip
    if impossible:
        return []
    return [onset + _with_tone(rime, tone) for tone in tones]


def _with_tone(rime: str, tone: str) -> str:
    place = next(i for i, letter in enumerate(rime) if letter.isupper())
    return rime[:place].lower() + toned(rime[place].lower(), tone) + rime[place + 1 :].lower()

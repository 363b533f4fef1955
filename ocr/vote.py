"""Several engines read the same line; where they agree, nobody need look again.

Engines that were trained apart make fewer of the same mistakes, not none: what wear has taken from the picture no
engine sees. On 1,980 generated lines worn beyond what papers look like (64 of 100 read rightly) a reading of ours from
0.94 on was right in 519 of 520 cases that asterocr confirmed and in 366 of 366 that Tesseract did; from 0.85 to 0.94
four of 34 were wrong with Tesseract. Ours alone was right in 493 of 494 cases from 0.98 on, in 678 of 685 from 0.95.
``ocr/training/acceptance.py`` finds the thresholds; no line of a benchmark had a part in them. What is neither goes to
review. It is a rule about reading, not about the paper: a forged text that is printed clearly is accepted as what it says.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ekyc.ocr.recognise import Alphabet, LikelyText, LineRecogniser, LineText
    from ekyc.values import BgrImage

SURE_ALONE: Final = 0.98
"""Calibrated certainty from which one engine's reading is accepted."""
AGREES: Final = 0.95
"""… and which language, where it was asked, must not make less likely: the same text, at least so certain."""
SURE_WITH_LANGUAGE: Final = 0.985
"""Certainty of the same text with language in mind from which it is accepted too, if its letters alone …"""
SURE_ENOUGH: Final = 0.85
"""… are so certain. On 3,000 generated lines worn about as papers are, of which 82 of 100 were read rightly, language
raises what is accepted from 48.0 to 52.3 of 100, three wrong either way; on 8,000 worn worse or of words that are none,
from 31.5 to 34.1 of 100, 17 wrong either way."""
SURE_TOGETHER: Final = 0.94
"""Certainty that the first engine needs when another reads the same; engines without one need none."""


class Acceptance(StrEnum):
    """Whether a reading may be used without a second look at the picture."""

    ACCEPTED = "accepted"
    REVIEW = "review"


class Judged(Protocol):
    """A line as read, on a page or alone."""

    @property
    def text(self) -> str: ...

    @property
    def certainty(self) -> float | None: ...

    @property
    def likely(self) -> LikelyText | None: ...

    @property
    def engines(self) -> tuple[str, ...]: ...


def acceptance(line: Judged) -> Acceptance:
    """The rule: sure alone, and language has no other opinion; or at least two engines agree and the first is not in doubt."""
    certainty = line.certainty
    alone = certainty is not None and _sure(line, certainty)
    together = len(line.engines) > 1 and (certainty is None or certainty >= SURE_TOGETHER)
    return Acceptance.ACCEPTED if alone or together else Acceptance.REVIEW


def _sure(line: Judged, certainty: float) -> bool:
    likely = line.likely
    if likely is None or likely.certainty is None:
        return certainty >= SURE_ALONE
    if likely.text != line.text:
        return False
    by_letters = certainty >= SURE_ALONE and likely.certainty >= AGREES
    return by_letters or (certainty >= SURE_ENOUGH and likely.certainty >= SURE_WITH_LANGUAGE)


class VotingRecogniser:
    """The first engine's text, with the names of the engines that read exactly the same.

    The others are asked only where their word decides, where the first is neither sure alone nor too much in doubt: a
    second engine costs several times our own.
    """

    def __init__(
        self, name: str, first: LineRecogniser, others: Mapping[str, LineRecogniser]
    ) -> None:
        self._name = name
        self._first = first
        self._others = dict(others)

    def read_line(self, line: BgrImage, *, alphabet: Alphabet | None = None) -> LineText:
        """Text of one upright line; empty only if the first engine reads nothing.

        Raises:
            ModelError: an engine failed.
        """
        text = self._first.read_line(line, alphabet=alphabet)
        alone = replace(text, engines=(self._name,))
        doubtful = text.certainty is not None and text.certainty < SURE_TOGETHER
        if not text.chars or doubtful or acceptance(alone) is Acceptance.ACCEPTED:
            return alone
        wanted = _compared(text)
        agreeing = tuple(
            name
            for name, other in self._others.items()
            if _compared(other.read_line(line, alphabet=alphabet)) == wanted
        )
        return replace(text, engines=(self._name, *agreeing))


def _compared(text: LineText) -> str:
    return unicodedata.normalize("NFC", text.text)

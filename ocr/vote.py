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

    from ekyc.ocr.recognise import Alphabet, LineRecogniser, LineText
    from ekyc.values import BgrImage

SURE_ALONE: Final = 0.98
"""Calibrated certainty from which one engine's reading is accepted."""
SURE_TOGETHER: Final = 0.94
"""Certainty that the first engine needs when another reads the same; engines without one need none."""


class Acceptance(StrEnum):
    """Whether a reading may be used without a second look at the picture."""

    ACCEPTED = "accepted"
    REVIEW = "review"


class Judged(Protocol):
    """A line as read, on a page or alone."""

    @property
    def certainty(self) -> float | None: ...

    @property
    def engines(self) -> tuple[str, ...]: ...


def acceptance(line: Judged) -> Acceptance:
    """The rule: sure alone, or at least two engines agree and the first is not in doubt."""
    certainty = line.certainty
    alone = certainty is not None and certainty >= SURE_ALONE
    together = len(line.engines) > 1 and (certainty is None or certainty >= SURE_TOGETHER)
    return Acceptance.ACCEPTED if alone or together else Acceptance.REVIEW


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

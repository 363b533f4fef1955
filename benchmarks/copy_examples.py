"""Twenty planted changes and one honest copy, invented and drawn here.

``scripts/planted_changes.py`` writes a report for each; ``tests/ocr/test_planted_changes.py`` holds their verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.copy_changes import Change, plant
from ekyc.benchmarks.copy_devices import Mode, copied, original_scan
from ekyc.benchmarks.copy_papers import draw_sheet, invented_paper

if TYPE_CHECKING:
    from ekyc.values import BgrImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One original, one copy, and what must not happen to them."""

    name: str
    change: Change | None
    mode: Mode
    seed: int
    turns: int = 0
    """Quarter turns of the copy's pages."""

    def pages(self) -> tuple[list[BgrImage], list[BgrImage]]:
        """Pages of the original and of the copy."""
        random = np.random.default_rng(self.seed)
        several = self.change is not None and self.change.needs_pages
        paper = invented_paper(random, pages=2 if several else 1)
        altered = paper if self.change is None else plant(paper, self.change, random)
        originals = [original_scan(draw_sheet(sheet), random) for sheet in paper]
        copies = [copied(draw_sheet(sheet), self.mode, random) for sheet in altered]
        return originals, [np.ascontiguousarray(np.rot90(page, self.turns)) for page in copies]


_SHOWN = tuple(Change)[: list(Change).index(Change.DIGIT_ALIKE)]


def _examples() -> tuple[Example, ...]:
    """Every change by two devices each, two of them turned, and an honest scan."""
    modes = (Mode.SCAN, Mode.PHOTO, Mode.PHOTOCOPY, Mode.CLEAN)
    planted = [
        Example(
            name=f"{change}-{mode}",
            change=change,
            mode=mode,
            seed=1000 + 10 * i + k,
        )
        for i, change in enumerate(_SHOWN)
        for k, mode in enumerate((modes[i % 4], modes[(i + 1) % 4]))
    ]
    turned = [
        Example(name="digit-upside-down", change=Change.DIGIT, mode=Mode.SCAN, seed=1100, turns=2),
        Example(name="tone-sideways", change=Change.TONE, mode=Mode.SCAN, seed=1101, turns=1),
    ]
    honest = Example(name="honest-scan", change=None, mode=Mode.SCAN, seed=1102)
    return (*planted, *turned, honest)


EXAMPLES: Final = _examples()

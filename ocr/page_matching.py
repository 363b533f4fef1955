"""Which page of the copy shows which page of the original? By what stands on them, not by their position.

1. Every page is described once (:func:`ekyc.imaging.registration.page_features`).
2. For each page of the original a quick count of shared features chooses the pages of the copy worth a closer look;
   the page at the same position is always among them.
3. Those are laid over. Pages of one printed form share the form, so of several that can be laid over, the one that
   shares most besides wins: the product of inlier ratio and agreement of the ink.
4. Pairs are given out best first; each page is used once. Blank pages belong to blank pages, in order.
5. Pages of the copy that are left over are duplicates of a page already paired, blank, or extra.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ekyc.imaging.registration import (
    PageFeatures,
    Registration,
    RegistrationProblem,
    likeness,
    page_features,
    register_features,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.values import BgrImage

_CANDIDATES = 3
"""Pages of the copy that are laid over a page of the original, besides the one at its position."""
_WORTH_A_LOOK = 0.5
"""Part of the best count of shared features that a candidate needs."""
_SAME_PLACE_BONUS = 0.02
"""Pages that are equally alike, as copies of one sheet are, belong to the page at their position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePair:
    """A page of the original, and what was found of it in the copy."""

    original: int
    copy: int | None
    """Index of the copy's page; None when none was found."""
    registration: Registration | None
    """None also for two blank pages."""
    problem: RegistrationProblem | None
    """Why the page at the same position, if there is one, could not be laid over. BLANK: this page is blank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMatching:
    """The pages of a copy, sorted by what they show."""

    pairs: tuple[PagePair, ...]
    """One a page of the original, in order."""
    duplicates: tuple[int, ...]
    """Pages of the copy that show a page that another page of the copy shows as well."""
    blank: tuple[int, ...]
    """Blank pages of the copy without a blank page of the original."""
    extra: tuple[int, ...]
    """Pages of the copy that show no page of the original."""

    @property
    def in_order(self) -> bool:
        """Whether the pages that were found stand in the original's order."""
        found = [pair.copy for pair in self.pairs if pair.copy is not None]
        return found == sorted(found)


def match_pages(originals: Sequence[BgrImage], copies: Sequence[BgrImage]) -> PageMatching:
    """Steps 1 to 5. Pages of the copy may be in any order and turned by any angle.

    Args:
        originals: pictures of the original's pages, upright, in order.
        copies: pictures of the copy's pages.
    """
    ours = [page_features(page) for page in originals]
    theirs = [page_features(page) for page in copies]
    tried = _tried(ours, theirs)
    chosen = _best_pairs(tried)
    blanks = [j for j, page in enumerate(theirs) if page.is_blank]
    pairs: list[PagePair] = []
    for i, page in enumerate(ours):
        if page.is_blank:
            partner = blanks.pop(0) if blanks else None
            pairs.append(_pair(i, partner, None, RegistrationProblem.BLANK))
        elif i in chosen:
            pairs.append(_pair(i, chosen[i], _registration(tried[i, chosen[i]]), None))
        else:
            pairs.append(_pair(i, None, None, _problem(tried.get((i, i)))))
    used = {pair.copy for pair in pairs}
    left = [j for j in range(len(theirs)) if j not in used and j not in blanks]
    duplicates = [j for j in left if any(_shows(page, theirs[j]) for page in ours)]
    return PageMatching(
        pairs=tuple(pairs),
        duplicates=tuple(duplicates),
        blank=tuple(blanks),
        extra=tuple(j for j in left if j not in duplicates),
    )


_Tried = dict[tuple[int, int], Registration | RegistrationProblem]


def _tried(ours: Sequence[PageFeatures], theirs: Sequence[PageFeatures]) -> _Tried:
    """Steps 2 and 3: registrations by (page of the original, page of the copy)."""
    tried: _Tried = {}
    for i, page in enumerate(ours):
        if page.is_blank:
            continue
        counts = {j: likeness(page, other) for j, other in enumerate(theirs) if not other.is_blank}
        ranked = sorted(counts, key=lambda j: (-counts[j], abs(i - j)))[:_CANDIDATES]
        floor = _WORTH_A_LOOK * max(counts.values(), default=0)
        wanted = {j for j in ranked if counts[j] >= floor} | ({i} & set(range(len(theirs))))
        for j in sorted(wanted):
            tried[i, j] = register_features(page, theirs[j])
    return tried


def _best_pairs(tried: _Tried) -> dict[int, int]:
    """Step 4."""
    scores = {
        (i, j): found.inlier_ratio * found.agreement + (_SAME_PLACE_BONUS if i == j else 0.0)
        for (i, j), found in tried.items()
        if isinstance(found, Registration)
    }
    chosen: dict[int, int] = {}
    for i, j in sorted(scores, key=lambda pair: -scores[pair]):
        if i not in chosen and j not in chosen.values():
            chosen[i] = j
    return chosen


def _shows(page: PageFeatures, other: PageFeatures) -> bool:
    """Whether ``other`` shows ``page`` and not just the same printed form."""
    found = register_features(page, other)
    return isinstance(found, Registration) and found.inlier_ratio >= _SAME_SHEET


_SAME_SHEET = 0.8
"""Inlier ratio of two pictures of one sheet: 0.84 and more in simulated scans, against 0.65–0.78 of another sheet of
the same form. It only chooses between the words *duplicate* and *extra*."""


def _registration(found: Registration | RegistrationProblem) -> Registration | None:
    return found if isinstance(found, Registration) else None


def _problem(found: Registration | RegistrationProblem | None) -> RegistrationProblem | None:
    return found if isinstance(found, RegistrationProblem) else None


def _pair(
    original: int,
    copy: int | None,
    registration: Registration | None,
    problem: RegistrationProblem | None,
) -> PagePair:
    return PagePair(original=original, copy=copy, registration=registration, problem=problem)

"""A copy against its original (chứng thực bản sao từ bản chính, Decree 23/2015/NĐ-CP): what was changed?

1. The original is read; a known form tells its fields.
2. Each page of the original is looked for among the copy's pages by what stands on it (:mod:`ekyc.ocr.page_matching`):
   missing, added, duplicated, exchanged and turned pages come out here.
3. A page that nothing could be laid over is missing, unless a page of the copy that is left over says much the same:
   then it is that page, cut off, blurred or printed anew, and cannot be compared.
4. Pages that were found are compared line by line and between the lines (:mod:`ekyc.ocr.copy_pages`).
5. Fields and the document get their verdicts (:mod:`ekyc.ocr.copy_verdict`).

What stays with the officer: whether the original may be copied at all, and the decision itself. A comparison never
says that a copy is true to its original; it says that it found no difference.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ekyc.errors import InputError, LimitError
from ekyc.imaging.document_pages import MOST_COMPARED
from ekyc.imaging.registration import RegistrationProblem
from ekyc.mrz import strip_diacritics
from ekyc.ocr.copy_lines import CopyDifference, DifferenceStatus
from ekyc.ocr.copy_pages import PageComparison, PageStatus, compare_page
from ekyc.ocr.copy_verdict import FieldVerdict, field_verdicts, judge_copy
from ekyc.ocr.documents import DocumentReading, read_document
from ekyc.ocr.page_matching import PageMatching, PagePair, match_pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr.reading import PageReading, Reader
    from ekyc.outcomes import Check
    from ekyc.values import BgrImage

_SAYS_MUCH = 12
"""Words that a page must say before what it says counts."""
_SAYS_THE_SAME = 0.6
"""Part of the original's words that a page must say to be taken for it."""

_REASON_OF_PROBLEM = {
    RegistrationProblem.BLANK: "document.page_blank",
    RegistrationProblem.NOTHING_SHARED: "document.page_not_registered",
    RegistrationProblem.CUT_OFF: "document.page_cut_off",
    RegistrationProblem.OUT_OF_PLACE: "document.page_out_of_place",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentComparison:
    """A copy held against its original."""

    original: DocumentReading
    matching: PageMatching
    pages: tuple[PageComparison, ...]
    """One a page of the original, in order."""
    fields: tuple[FieldVerdict, ...]
    checks: tuple[Check, ...]
    """``document.copy_matches``, then those of reading the original."""
    originals: tuple[BgrImage, ...] = field(default=(), repr=False, compare=False)
    """The original's pages as they were compared: an upright scan itself, else straightened. All places are their
    pixels."""

    @property
    def differences(self) -> tuple[CopyDifference, ...]:
        """Differences of all pages that are no wobble."""
        return tuple(
            difference
            for page in self.pages
            for difference in page.differences
            if difference.status is not DifferenceStatus.WOBBLE
        )


def compare_copy(
    original_pages: Sequence[BgrImage], copy_pages: Sequence[BgrImage], reader: Reader
) -> DocumentComparison:
    """Hold a copy against its original: check ``document.copy_matches``.

    Args:
        original_pages: pictures of the original's pages in order; a page may be turned by any angle, or lie on a desk.
        copy_pages: pictures of the copy's pages, in any order, turned by any angle.
        reader: reads pages.

    Raises:
        InputError: one of the two has no pages (``document.no_pages``).
        LimitError: one of the two has more pages than are compared (``document.too_many_pages``).
        ModelError: a model's output contradicts its registry entry.
        BusyError: a model's queue is full.
    """
    _verify_counts(original_pages, copy_pages)
    original = read_document(original_pages, reader)  # (1)
    return compare_with_reading(
        original, [view.image for view in original.views], copy_pages, reader
    )


def compare_with_reading(
    original: DocumentReading,
    original_pages: Sequence[BgrImage],
    copy_pages: Sequence[BgrImage],
    reader: Reader,
) -> DocumentComparison:
    """As :func:`compare_copy`, for an original that has been read, as when it is held against several copies.

    Args:
        original: what the original says, its places in pixels of ``original_pages``.
        original_pages: its pages, straight and upright: the images of :attr:`DocumentReading.views`.
        copy_pages: pictures of the copy's pages, in any order, turned by any angle.
        reader: reads pages.

    Raises:
        As :func:`compare_copy`.
    """
    _verify_counts(original_pages, copy_pages)
    started = time.perf_counter()
    originals, readings = tuple(original_pages), original.pages
    matching = match_pages(originals, copy_pages)  # (2)
    matching, lost = _lost_pages(matching, readings, copy_pages, reader)  # (3)
    pages = tuple(
        lost[pair.original]
        if pair.original in lost
        else _compared(pair, originals, copy_pages, readings[pair.original], reader)
        for pair in matching.pairs
    )  # (4)
    fields = field_verdicts(original, pages)
    check = judge_copy(
        original,
        matching,
        pages,
        fields,
        duration_ms=_since(started),
    )  # (5)
    return DocumentComparison(
        original=original,
        matching=matching,
        pages=pages,
        fields=fields,
        checks=(check, *original.checks),
        originals=originals,
    )


def _verify_counts(original_pages: Sequence[BgrImage], copy_pages: Sequence[BgrImage]) -> None:
    for name, pages in (("original", original_pages), ("copy", copy_pages)):
        if not pages:
            raise InputError("a paper without pages", code="document.no_pages", subject=name)
        if len(pages) > MOST_COMPARED:
            raise LimitError(
                f"more than {MOST_COMPARED} pages", code="document.too_many_pages", subject=name
            )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _compared(
    pair: PagePair,
    originals: Sequence[BgrImage],
    copies: Sequence[BgrImage],
    reading: PageReading,
    reader: Reader,
) -> PageComparison:
    if pair.registration is None or pair.copy is None:  # both blank
        return PageComparison(status=PageStatus.BLANK, copy_page=pair.copy)
    pictures = (originals[pair.original], copies[pair.copy])
    return compare_page(pair.original, pictures, reading, (pair.copy, pair.registration), reader)


def _lost_pages(
    matching: PageMatching,
    readings: Sequence[PageReading],
    copies: Sequence[BgrImage],
    reader: Reader,
) -> tuple[PageMatching, dict[int, PageComparison]]:
    """Pages of the original that nothing could be laid over, and the matching without pages taken for them.

    A page of the copy that cannot be read either may be the page as well as not: the one at the same position, or the
    next that is left over, is then taken for it.
    """
    left = [*matching.extra, *matching.blank]
    says = dict[int, frozenset[str]]()
    lost: dict[int, PageComparison] = {}
    for pair in matching.pairs:
        if pair.copy is not None:
            continue
        if pair.problem is RegistrationProblem.BLANK and not readings[pair.original].lines:
            lost[pair.original] = PageComparison(
                status=PageStatus.BLANK, reasons=("document.page_blank",)
            )
            continue
        for j in left:
            says.setdefault(
                j, _words(reader.read_page(copies[j])) if j in matching.extra else frozenset()
            )
        taken = _taken_for(
            _words(readings[pair.original]), pair.original, {j: says[j] for j in left}
        )
        if taken is None:
            lost[pair.original] = PageComparison(status=PageStatus.MISSING)
            continue
        left.remove(taken)
        problem = pair.problem or RegistrationProblem.NOTHING_SHARED
        if taken in matching.blank:
            problem = RegistrationProblem.BLANK
        lost[pair.original] = PageComparison(
            status=PageStatus.NOT_COMPARED,
            copy_page=taken,
            reasons=(_REASON_OF_PROBLEM[problem],),
        )
    extra = tuple(j for j in matching.extra if j in left)
    blank = tuple(j for j in matching.blank if j in left)
    return replace(matching, extra=extra, blank=blank), lost


def _words(page: PageReading) -> frozenset[str]:
    text = strip_diacritics(page.text).lower()
    return frozenset(word for word in re.findall(r"\w+", text) if len(word) > 1)


def _taken_for(original: frozenset[str], index: int, left: dict[int, frozenset[str]]) -> int | None:
    """The page of the copy that says most of what the original says; else one that says nothing readable."""
    shares = {
        j: len(original & words) / max(len(original), 1)
        for j, words in left.items()
        if len(words) >= _SAYS_MUCH
    }
    best = max(shares, key=lambda j: (shares[j], -abs(j - index)), default=None)
    if best is not None and shares[best] >= _SAYS_THE_SAME:
        return best
    mute = [j for j in left if j not in shares]
    return min(mute, key=lambda j: abs(j - index), default=None)

"""The differential rule: two parsers find the same in the file, and its pages show what they showed when it was signed.

pyHanko's analysis of what was added after a signature is as good as pyHanko's reading of the file. PDFium is what people
look at. So, for the revision that a signature covers and for the file as it is now:

1. pyHanko resolves the whole tree – pages, contents, resources, annotations, forms – and it is written out anew, flat,
   without history (:func:`flat_copy`). PDFium reads the bytes themselves, by its own cross-references.
2. PDFium must find the same in both: number and size of pages, every pixel, the text, every annotation with its values
   and appearances; and the signatures that pyHanko found. Where it does not, the file is built so that readers differ:
   INDETERMINATE.
3. The pages of the revision and of the file now are held against each other. Other pages, or another picture or
   text where no annotation explains it, or something that was shown and is covered or replaced: TOTAL-FAILED.
   Something on blank ground inside an annotation or a form field is for the level rule (:mod:`ekyc.signing.validation.revisions`);
   so is the appearance of a later signature, unless it covers what was shown: INDETERMINATE. A document timestamp
   excuses no appearance: whoever asks its authority for a time gets one.

It does not prove that other viewers agree with PDFium, nor that a revision had nothing to hide when it was signed: what
lay dormant there is noticed when a later revision wakes it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.rw_common import PdfHandler
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from ekyc.errors import EkycError
from ekyc.imaging.page_changes import explained_change
from ekyc.imaging.pdf_views import (
    AnnotationView,
    DocumentView,
    PageView,
    PdfViews,
    ViewLimits,
    view_pdfs,
)
from ekyc.outcomes import Check, Outcome
from ekyc.signing.validation.report import Shown

CHECK_ID: Final = "signature.shown"
_WIDGET: Final = 20
"""FPDF_ANNOT_WIDGET of fpdf_annot.h."""
_WHITE_SPACE: Final = b"\x00\t\n\x0c\r "
_RECT_TOLERANCE_PT: Final = 0.05
_INK_PX: Final = 6
"""Fewer changed pixels over ink are the rim of a neighbour, not a letter: a full stop of 10 points has four."""
_MAX_FIELDS: Final = 1000
_CHECKS: Final = {
    Shown.SAME: (Outcome.PASSED, ()),
    Shown.LATER_SIGNATURES: (Outcome.PASSED, ()),
    Shown.ADDED: (Outcome.INDETERMINATE, ("signature.shown_added",)),
    Shown.COVERED: (Outcome.INDETERMINATE, ("signature.shown_covered",)),
    Shown.DISAGREEMENT: (Outcome.INDETERMINATE, ("signature.parsers_disagree",)),
    Shown.UNKNOWN: (Outcome.INDETERMINATE, ("signature.not_compared",)),
    Shown.CHANGED: (Outcome.FAILED, ("signature.shown_changed",)),
}
_HARM: Final = tuple(_CHECKS)
"""From the least harm to the greatest; of two findings the worse one counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the rule says of one signature."""

    shown: Shown
    pages: tuple[int, ...]
    """Pages, from one, on which something differs between the signed revision and the file now."""
    check: Check


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a state of the file stands among the documents that were compared."""

    raw: int
    flat: int | None
    """``None``: pyHanko cannot write it anew."""


def not_performed() -> Check:
    """The check of a caller who did without the rule."""
    return Check(id=CHECK_ID, outcome=Outcome.NOT_PERFORMED, reasons=("signature.comparison_off",))


def flat_copy(handler: PdfHandler) -> bytes:
    """All that pyHanko finds from the catalogue downwards, in a file of one revision. Nothing is decoded.

    Raises:
        PdfError, ValueError, RecursionError and others: it cannot be resolved.
    """
    out = BytesIO()
    copy_into_new_writer(handler).write(out)  # type: ignore[no-untyped-call]  # untyped in pyHanko 0.38
    return out.getvalue()


def signed_end(signature: Any) -> int:
    """Offset behind the revision that a signature covers, by its byte range."""
    numbers = list(signature.byte_range)
    return int(numbers[2]) + int(numbers[3])


class TwoParsers:
    """Compares the states of one file, once, when the first signature asks."""

    def __init__(
        self,
        data: bytes,
        signatures: Sequence[EmbeddedPdfSignature],
        limits: ViewLimits,
    ) -> None:
        self._data = data
        self._signatures = signatures
        self._limits = limits
        self._places: dict[int, _Place] = {}
        self._views: PdfViews | None = None
        self._compared = False

    def judge(self, signature: EmbeddedPdfSignature) -> Finding:
        """Apply the rule to a signature whose byte range is sound."""
        if not self._compared:
            self._compared = True
            self._compare()
        if self._views is None:
            return _finding(Shown.UNKNOWN, ())
        then, now = self._place(signature), self._places[len(self._data)]
        own = [self._agreement(place) for place in dict.fromkeys((then, now))]
        shown, pages = self._change(then, now, signature)
        return _finding(max((*own, shown), key=_HARM.index), pages)

    def _place(self, signature: EmbeddedPdfSignature) -> _Place:
        return self._places[self._state_of(signature)]

    def _state_of(self, signature: EmbeddedPdfSignature) -> int:
        """End of the bytes of its revision; white space behind the end makes no other state."""
        end = signed_end(signature)
        return len(self._data) if not self._data[end:].strip(_WHITE_SPACE) else end

    def _compare(self) -> None:
        # A reader of its own: what others have decoded must not change what is found here.
        reader = PdfFileReader(BytesIO(self._data))
        states: dict[int, PdfHandler] = {len(self._data): reader}
        for signature in self._signatures:
            revision = int(signature.signed_revision)
            states.setdefault(self._state_of(signature), reader.get_historical_resolver(revision))
        if 2 * sum(states) > self._limits.max_bytes:
            return
        documents: list[bytes] = []
        pairs: list[tuple[int, int]] = []
        for end in states:
            raw = len(documents)
            documents.append(self._data[:end])
            flat = _flat_or_none(documents[raw])
            if flat is not None:
                documents.append(flat)
            self._places[end] = _Place(raw=raw, flat=None if flat is None else raw + 1)
            if raw:
                pairs.append((raw, 0))
        try:
            self._views = view_pdfs(documents, pairs=pairs, limits=self._limits)
        except EkycError:
            self._views = None

    def _agreement(self, place: _Place) -> Shown:
        """Whether both parsers find the same in one state (2)."""
        assert self._views is not None
        raw = self._views.documents[place.raw]
        if place.flat is None:
            return Shown.DISAGREEMENT
        flat = self._views.documents[place.flat]
        if raw.refused or flat.refused:
            return Shown.UNKNOWN if _is_limit(raw) or _is_limit(flat) else Shown.DISAGREEMENT
        if raw.pages != flat.pages:
            return Shown.DISAGREEMENT
        ends = {end for end, known in self._places.items() if known == place}
        known = Counter(
            _identity(signature)
            for signature in self._signatures
            if signed_end(signature) <= max(ends)
        )
        found = Counter(entry for entry in raw.signatures if entry[0])
        return Shown.SAME if found == known else Shown.DISAGREEMENT

    def _change(
        self, then: _Place, now: _Place, signature: EmbeddedPdfSignature
    ) -> tuple[Shown, tuple[int, ...]]:
        """What became of the pages since this signature (3)."""
        assert self._views is not None
        before, after = (self._views.documents[place.raw] for place in (then, now))
        if then == now:
            return Shown.SAME, ()
        if before.refused or after.refused:
            return Shown.UNKNOWN, ()
        if len(before.pages) != len(after.pages):
            fewer, more = sorted((len(before.pages), len(after.pages)))
            return Shown.CHANGED, tuple(range(fewer + 1, more + 1))
        later = [s for s in self._signatures if signed_end(s) > signed_end(signature)]
        rects = [rect for entry in later for rect in _explained_rects(entry)]
        found = {
            index + 1: self._page_change(then.raw, index, pair, rects)
            for index, pair in enumerate(zip(before.pages, after.pages, strict=True))
        }
        worst = max(found.values(), key=_HARM.index, default=Shown.SAME)
        return worst, tuple(n for n, shown in found.items() if shown is not Shown.SAME)

    def _page_change(
        self,
        raw: int,
        index: int,
        pair: tuple[PageView, PageView],
        signed_rects: Sequence[tuple[float, ...]],
    ) -> Shown:
        before, after = pair
        if before == after:
            return Shown.SAME
        if before.text != after.text or before.size_px != after.size_px:
            return Shown.CHANGED
        signing, others = _changed_annotations(before, after, signed_rects)
        if before.picture == after.picture:
            return Shown.ADDED if others else Shown.SAME
        return self._picture_change(raw, index, signing, others)

    def _picture_change(
        self,
        raw: int,
        index: int,
        signing: Sequence[AnnotationView],
        others: Sequence[AnnotationView],
    ) -> Shown:
        assert self._views is not None
        pictures = self._views.pictures
        if (raw, index) not in pictures or (0, index) not in pictures:
            return Shown.UNKNOWN
        change = explained_change(
            pictures[raw, index],
            pictures[0, index],
            first=[entry.box for entry in signing],
            second=[entry.box for entry in others],
        )
        if change.elsewhere or change.second_on_ink >= _INK_PX:
            return Shown.CHANGED
        if others:
            return Shown.ADDED
        return Shown.COVERED if change.first_on_ink >= _INK_PX else Shown.LATER_SIGNATURES


def widget_rects(field: Any) -> list[tuple[float, ...]]:
    """Rectangles of a field's widgets in user space: left, bottom, right, top."""
    found: list[tuple[float, ...]] = []
    kids = list(field["/Kids"])[:_MAX_FIELDS] if "/Kids" in field else []
    for widget in (field, *(kid.get_object() for kid in kids)):
        try:
            x0, y0, x1, y1 = (float(side) for side in widget["/Rect"])
        except (KeyError, TypeError, ValueError):
            continue
        found.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    return found


def _explained_rects(signature: EmbeddedPdfSignature) -> list[tuple[float, ...]]:
    """Where a signature may be seen; a document timestamp only where there is nothing to see."""
    rects = widget_rects(signature.sig_field)
    if signature.sig_object_type != "/DocTimeStamp":
        return rects
    return [
        (left, low, right, high) for left, low, right, high in rects if left == right or low == high
    ]


def _flat_or_none(data: bytes) -> bytes | None:
    """A file, or the part of one that was signed, as pyHanko finds it: by a reader of its own.

    pyHanko's view of an older revision would do as well, but in version 0.38 it cannot look back to a stream of metadata
    that was replaced later.
    """
    try:
        return flat_copy(PdfFileReader(BytesIO(data)))
    except (PdfError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None  # pyHanko reads another file than PDFium, or none: the rule says so


def _is_limit(view: DocumentView) -> bool:
    return view.refused is not None and view.refused.startswith("too_many")


def _identity(signature: Any) -> tuple[tuple[int, ...], str]:
    """Byte range and digest of the contents, as :class:`ekyc.imaging.pdf_views.DocumentView` tells them."""
    contents: bytes = signature.pkcs7_content
    numbers = tuple(int(number) for number in signature.byte_range)
    return numbers, hashlib.sha256(contents).hexdigest()


def _changed_annotations(
    before: PageView, after: PageView, signed_rects: Sequence[tuple[float, ...]]
) -> tuple[list[AnnotationView], list[AnnotationView]]:
    """Annotations that one state has and the other has not: those of later signatures, and all others."""
    counted = Counter(before.annotations), Counter(after.annotations)
    changed = [*(counted[0] - counted[1]), *(counted[1] - counted[0])]
    signing = [entry for entry in changed if _is_signed(entry, signed_rects)]
    return signing, [entry for entry in changed if entry not in signing]


def _is_signed(entry: AnnotationView, rects: Sequence[tuple[float, ...]]) -> bool:
    if entry.kind != _WIDGET:
        return False
    return any(
        all(
            abs(one - other) <= _RECT_TOLERANCE_PT
            for one, other in zip(entry.rect_pt, rect, strict=True)
        )
        for rect in rects
    )


def _finding(shown: Shown, pages: tuple[int, ...]) -> Finding:
    outcome, reasons = _CHECKS[shown]
    return Finding(
        shown=shown, pages=pages, check=Check(id=CHECK_ID, outcome=outcome, reasons=reasons)
    )

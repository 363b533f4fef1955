"""Suite ``ocr-copy``: which planted changes of a copy are found, and how often does an honest copy cry wolf?

1. *Honest copies.* Invented papers (:mod:`ekyc.benchmarks.copy_papers`), each copied by every kind of device
   (:mod:`ekyc.benchmarks.copy_devices`). A false alarm is a page whose copy does not pass.
2. *Planted changes.* The same papers with one change each: found means not passed; failed is counted as well.
3. *Pages.* Papers of two pages with pages swapped, missing, or exchanged for another of the same kind.
4. *Cost.* CPU milliseconds of a pair of pages, reading of the original included.
5. *Outside material.* With ``--data DIR`` (``docs.jsonl``): papers that another generator drew, copied by the same
   devices; honest, and with one line of print painted over.

All material is generated: it shows what breaks, not what paper does. Thresholds were chosen with other seeds.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ekyc.benchmarks.copy_devices import Mode, copied, original_scan
from ekyc.benchmarks.copy_papers import Change, draw_sheet, invented_paper, plant
from ekyc.benchmarks.ocr_material import truth
from ekyc.imaging.decode import read_image
from ekyc.inference import Engine
from ekyc.ocr import compare_copy
from ekyc.ocr.engines import READING_MODELS, open_reader
from ekyc.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.benchmarks.recorder import Recorder, RunOptions
    from ekyc.imaging.text_regions import TextRegion
    from ekyc.ocr import DocumentComparison, LineText, PageReading, Reader
    from ekyc.values import BgrImage, QuadPx

_SINGLE = tuple(change for change in Change if not change.needs_pages)
_PAGES = tuple(change for change in Change if change.needs_pages)
_PAPERS, _QUICK_PAPERS = 24, 1
_OUTSIDE, _QUICK_OUTSIDE = 10, 1


class _OnceReader:
    """Reads each original once, although it is compared with many copies."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._image: BgrImage | None = None
        self._pages: list[tuple[BgrImage, PageReading]] = []

    def read_page(self, image: BgrImage, *, long_side: int = 1280) -> PageReading:
        for known, page in self._pages:
            if known is image:
                return page
        page = self._reader.read_page(image, long_side=long_side)
        self._pages = [*self._pages[-4:], (image, page)]
        return page

    def read_line(self, image: BgrImage) -> LineText:
        return self._reader.read_line(image)

    def read_quads(self, image: BgrImage, quads: Sequence[QuadPx]) -> tuple[LineText, ...]:
        return self._reader.read_quads(image, quads)

    def find_lines(self, image: BgrImage, *, long_side: int = 1280) -> tuple[TextRegion, ...]:
        return self._reader.find_lines(image, long_side=long_side)


@dataclass(slots=True)
class _Tally:
    """Outcomes by what was planted and by device."""

    outcomes: dict[tuple[str, Mode], list[Outcome]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def rates(self, recorder: Recorder, prefix: str) -> None:
        """Found and failed shares per change and device; false alarms of honest copies."""
        for (planted, mode), outcomes in sorted(self.outcomes.items()):
            stopped = sum(outcome is not Outcome.PASSED for outcome in outcomes)
            failed = sum(outcome is Outcome.FAILED for outcome in outcomes)
            if planted == "honest":
                recorder.rate(f"{prefix}.{mode}.false_alarms", stopped, len(outcomes))
                recorder.rate(f"{prefix}.{mode}.falsely_failed", failed, len(outcomes))
            else:
                recorder.rate(f"{prefix}.{mode}.{planted}_found", stopped, len(outcomes))
                recorder.rate(f"{prefix}.{mode}.{planted}_failed", failed, len(outcomes))

    def totals(self, recorder: Recorder, prefix: str) -> None:
        """The rows that the requirements name."""
        for name, modes in (
            ("clean_and_scan", (Mode.CLEAN, Mode.SCAN)),
            ("photo", (Mode.PHOTO,)),
            ("photocopy", (Mode.PHOTOCOPY,)),
        ):
            planted = [
                outcome
                for (what, mode), outcomes in self.outcomes.items()
                for outcome in outcomes
                if what != "honest" and mode in modes
            ]
            honest = [o for mode in modes for o in self.outcomes.get(("honest", mode), [])]
            for row, found in (("changes_found", planted), ("false_alarms_per_page", honest)):
                if found:
                    stopped = sum(outcome is not Outcome.PASSED for outcome in found)
                    recorder.rate(f"{prefix}.{name}.{row}", stopped, len(found))


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's question with the installed models."""
    random = np.random.default_rng(recorder.seed)
    papers = options.pages or (_QUICK_PAPERS if options.quick else _PAPERS)
    with Engine.open(ids=READING_MODELS) as engine:
        for model_id in READING_MODELS:
            recorder.uses(engine.store.registry[model_id])
        reader = open_reader(engine)
        tally = _Tally()
        _single_pages(recorder, reader, tally, papers, random)
        _several_pages(recorder, reader, tally, max(1, papers // 3), random)
        tally.rates(recorder, "copies")
        tally.totals(recorder, "copies")
        if options.data is not None:
            _outside(recorder, reader, options, random)


def _single_pages(
    recorder: Recorder, reader: Reader, tally: _Tally, papers: int, random: np.random.Generator
) -> None:
    milliseconds = list[float]()
    for done in range(papers):
        paper = invented_paper(random)
        original = original_scan(draw_sheet(paper[0]), random)
        once = _OnceReader(reader)
        for mode in Mode:
            recorder.progress(f"single pages, {mode}", done, papers)
            copy = copied(draw_sheet(paper[0]), mode, random)
            started = time.process_time()
            compare_copy([original], [copy], reader)
            milliseconds.append((time.process_time() - started) * 1000)
            _compare(recorder, tally, ("honest", mode), ([original], [copy]), once)
            for change in _SINGLE:
                (sheet,) = plant(paper, change, random)
                copies = [copied(draw_sheet(sheet), mode, random)]
                _compare(recorder, tally, (change, mode), ([original], copies), once)
    recorder.samples("copies.cpu_per_pair", milliseconds, unit="ms", statistic=np.mean)


def _several_pages(
    recorder: Recorder, reader: Reader, tally: _Tally, papers: int, random: np.random.Generator
) -> None:
    for done in range(papers):
        paper = invented_paper(random, pages=2)
        originals = [original_scan(draw_sheet(sheet), random) for sheet in paper]
        once = _OnceReader(reader)
        for mode in Mode:
            recorder.progress(f"two pages, {mode}", done, papers)
            for change in _PAGES:
                sheets = plant(paper, change, random)
                copies = [copied(draw_sheet(sheet), mode, random) for sheet in sheets]
                _compare(recorder, tally, (change, mode), (originals, copies), once)


def _outside(
    recorder: Recorder, reader: Reader, options: RunOptions, random: np.random.Generator
) -> None:
    assert options.data is not None
    tally = _Tally()
    entries = [
        entry
        for entry in truth(options.data, "docs")
        if entry["mode"] == "clean" and entry["kind"] != "card"
    ][: _QUICK_OUTSIDE if options.quick else _OUTSIDE]
    for done, entry in enumerate(entries):
        page = read_image(options.data / entry["file"])
        once = _OnceReader(reader)
        original = original_scan(page, random)
        for mode in Mode:
            recorder.progress(f"outside papers, {mode}", done, len(entries))
            copy = [copied(page, mode, random)]
            _compare(recorder, tally, ("honest", mode), ([original], copy), once)
            copy = [copied(_painted_over(page, entry, random), mode, random)]
            _compare(recorder, tally, (Change.LINE, mode), ([original], copy), once)
    tally.rates(recorder, "outside")
    tally.totals(recorder, "outside")


def _painted_over(page: BgrImage, entry: dict[str, Any], random: np.random.Generator) -> BgrImage:
    """The page without one of its lines, in the colour of the paper around it."""
    quads = [line["quad"] for line in entry["lines"]]
    corners = np.array(quads[int(random.integers(len(quads)))])
    (left, top), (right, bottom) = corners.min(axis=0) - 3, corners.max(axis=0) + 3
    box = np.s_[max(0, int(top)) : int(bottom), max(0, int(left)) : int(right)]
    painted = page.copy()
    painted[box] = np.percentile(page[box].reshape(-1, 3), 85, axis=0).astype(np.uint8)
    return painted


def _compare(
    recorder: Recorder,
    tally: _Tally,
    planted: tuple[str, Mode],
    papers: tuple[Sequence[BgrImage], Sequence[BgrImage]],
    reader: Reader,
) -> None:
    comparison = compare_copy(*papers, reader)
    check = comparison.checks[0]
    tally.outcomes[planted].append(check.outcome)
    recorder.observe(
        step="copy",
        planted=str(planted[0]),
        mode=str(planted[1]),
        outcome=check.outcome.value,
        reasons=list(check.reasons),
        residual_px=round(check.measurements[0].value, 3),
        differences=_differences(comparison),
    )


def _differences(comparison: DocumentComparison) -> list[dict[str, Any]]:
    """What was found, without the text."""
    return [
        {
            "status": item.status.value,
            "scope": item.scope.value,
            "class": item.kind.value if item.kind else "picture",
            "ink": round(item.ink, 3),
            "inside_a_line": item.line >= 0,
        }
        for page in comparison.pages
        for item in page.differences
    ]

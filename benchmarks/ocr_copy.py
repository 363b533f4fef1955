"""Suite ``ocr-copy``: which planted changes of a copy are found, and how often does an honest copy cry wolf?

1. *Honest copies.* Invented papers (:mod:`ekyc.benchmarks.copy_papers`), each copied by every kind of device
   (:mod:`ekyc.benchmarks.copy_devices`). A false alarm is a page whose copy does not pass. Copies whose picture lost a
   line of print are counted apart: they must be stopped, and must not be FAILED.
2. *Planted changes* (:mod:`ekyc.benchmarks.copy_changes`). The same papers with one change each, a third of the kinds
   by turns: found means not passed; failed is counted as well.
3. *Pages.* Papers of two pages with pages swapped, missing, or exchanged.
4. *Cost.* CPU milliseconds of a pair of pages, reading of the original included.
5. *Outside material.* With ``--data DIR`` (``docs.jsonl``): papers that another generator drew, copied by the same
   devices; honest, with one line of print painted over, and with one line in the place of another.

At its own size the suite plants about 400 changes in clean copies and scans: were all found, at least 99 % are, at 95 %
confidence. All material is generated: it shows what breaks, not what paper does. Thresholds were chosen with other
seeds.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ekyc.benchmarks.copy_changes import Change, plant
from ekyc.benchmarks.copy_devices import Mode, copied, original_scan
from ekyc.benchmarks.copy_papers import draw_sheet, invented_paper
from ekyc.benchmarks.ocr_material import truth
from ekyc.benchmarks.ocr_scores import line_sets
from ekyc.imaging.decode import read_image
from ekyc.imaging.geometry import resize
from ekyc.inference import Engine
from ekyc.ocr import compare_copy, compare_with_reading, read_document
from ekyc.ocr.engines import READING_MODELS, open_reader
from ekyc.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.benchmarks.recorder import Recorder, RunOptions
    from ekyc.ocr import DocumentComparison, DocumentReading, Reader
    from ekyc.values import BgrImage

_SINGLE = tuple(change for change in Change if not change.needs_pages)
_PAGES = tuple(change for change in Change if change.needs_pages)
_PAPERS, _QUICK_PAPERS = 40, 1
_OUTSIDE, _QUICK_OUTSIDE = 16, 1
_BY_TURNS = 3
"""Of so many kinds of change one is planted in each copy of a paper."""
_WITH_PORTRAIT = 4
"""Of so many papers one bears a picture of its holder."""
_GROUPS = {
    "clean_and_scan": (Mode.CLEAN, Mode.SCAN),
    "photo": (Mode.PHOTO,),
    "photocopy": (Mode.PHOTOCOPY,),
    "coarse": (Mode.COARSE,),
    "grey": (Mode.GREY,),
    "cropped": (Mode.CROPPED,),
}
_COPIES = tuple(mode for mode in Mode if mode is not Mode.CUT)
"""Ways to copy a page whole."""
_REQUIRED = {Change.DIGIT, Change.TONE, Change.NAME, Change.STAMP, Change.PAGES_SWAPPED}
"""The kinds that the requirements name."""
_FOUND_AT_LEAST = {"clean_and_scan": 0.99, "photo": 0.95}
_FALSE_ALARMS_AT_MOST = 0.05
_PRINT_LOST = "print-lost"
_CHECKED_FOR_ALARMS = ("clean_and_scan", "photo", "photocopy")


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
            if planted == _PRINT_LOST:
                recorder.rate(f"{prefix}.{mode}.print_lost_stopped", stopped, len(outcomes))
                recorder.rate(f"{prefix}.{mode}.falsely_failed", failed, len(outcomes))
                recorder.must(f"{prefix}.{mode}.print_lost_stopped", at_least=1.0)
                recorder.must(f"{prefix}.{mode}.falsely_failed", at_most=0.0)
            elif planted == "honest":
                recorder.rate(f"{prefix}.{mode}.false_alarms", stopped, len(outcomes))
                recorder.rate(f"{prefix}.{mode}.falsely_failed", failed, len(outcomes))
            else:
                recorder.rate(f"{prefix}.{mode}.{planted}_found", stopped, len(outcomes))
                recorder.rate(f"{prefix}.{mode}.{planted}_failed", failed, len(outcomes))

    def totals(self, recorder: Recorder, prefix: str) -> None:
        """The rows that the requirements name, and the same for the other devices."""
        for name, modes in _GROUPS.items():
            planted = sorted({what for what, mode in self.outcomes if mode in modes} - {"honest"})
            self._found(recorder, f"{prefix}.{name}.changes_found", planted, modes)
            required = [what for what in planted if what in _REQUIRED]
            self._found(recorder, f"{prefix}.{name}.required_changes_found", required, modes)
            if len(modes) > 1:
                for what in planted:
                    self._found(recorder, f"{prefix}.{name}.{what}_found", [what], modes)
            self._found(recorder, f"{prefix}.{name}.false_alarms_per_page", ["honest"], modes)
            if name in _FOUND_AT_LEAST:
                for row in ("changes_found", "required_changes_found"):
                    recorder.must(f"{prefix}.{name}.{row}", at_least=_FOUND_AT_LEAST[name])
            if name in _CHECKED_FOR_ALARMS:
                row = f"{prefix}.{name}.false_alarms_per_page"
                recorder.must(row, at_most=_FALSE_ALARMS_AT_MOST)

    def _found(
        self, recorder: Recorder, row: str, planted: Sequence[str], modes: Sequence[Mode]
    ) -> None:
        outcomes = [o for what in planted for mode in modes for o in self.of(what, mode)]
        if outcomes:
            stopped = sum(outcome is not Outcome.PASSED for outcome in outcomes)
            recorder.rate(row, stopped, len(outcomes))

    def of(self, what: str, mode: Mode) -> Sequence[Outcome]:
        """Outcomes of one kind of copy."""
        return self.outcomes.get((what, mode), ())


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
        _several_pages(recorder, reader, tally, max(1, papers // 2), random)
        tally.rates(recorder, "copies")
        tally.totals(recorder, "copies")
        if options.data is not None:
            _outside(recorder, reader, options, random)


def _single_pages(
    recorder: Recorder, reader: Reader, tally: _Tally, papers: int, random: np.random.Generator
) -> None:
    milliseconds = list[float]()
    for done in range(papers):
        portrait = done % _WITH_PORTRAIT == 0
        paper = invented_paper(random, portrait=portrait)
        original = original_scan(draw_sheet(paper[0]), random)
        read = read_document([original], reader)
        for turn, mode in enumerate(_COPIES):
            recorder.progress(f"single pages, {mode}", done, papers)
            copy = copied(draw_sheet(paper[0]), mode, random)
            if done == 0 or not turn:
                started = time.process_time()
                compare_copy([original], [copy], reader)
                milliseconds.append((time.process_time() - started) * 1000)
            _compare(recorder, tally, ("honest", mode), (read, [copy]), reader)
            for change in _by_turns(_SINGLE, done + turn, portrait=portrait):
                (sheet,) = plant(paper, change, random)
                copies = [copied(draw_sheet(sheet), mode, random)]
                _compare(recorder, tally, (change, mode), (read, copies), reader)
        cut = copied(draw_sheet(paper[0]), Mode.CUT, random)
        _compare(recorder, tally, (_PRINT_LOST, Mode.CUT), (read, [cut]), reader)
    recorder.samples("copies.cpu_per_pair", milliseconds, unit="ms", statistic=np.mean)


def _by_turns(kinds: Sequence[Change], turn: int, *, portrait: bool = False) -> list[Change]:
    """A third of the kinds, others each turn; portraits are exchanged wherever there is one."""
    plain = [kind for kind in kinds if not kind.needs_portrait]
    chosen = [kind for i, kind in enumerate(plain) if (i + turn) % _BY_TURNS == 0]
    return chosen + [kind for kind in kinds if portrait and kind.needs_portrait]


def _several_pages(
    recorder: Recorder, reader: Reader, tally: _Tally, papers: int, random: np.random.Generator
) -> None:
    for done in range(papers):
        paper = invented_paper(random, pages=2)
        originals = [original_scan(draw_sheet(sheet), random) for sheet in paper]
        read = read_document(originals, reader)
        for turn, mode in enumerate(_COPIES):
            recorder.progress(f"two pages, {mode}", done, papers)
            for change in _by_turns(_PAGES, done + turn):
                sheets = plant(paper, change, random)
                copies = [copied(draw_sheet(sheet), mode, random) for sheet in sheets]
                _compare(recorder, tally, (change, mode), (read, copies), reader)


def _outside(
    recorder: Recorder, reader: Reader, options: RunOptions, random: np.random.Generator
) -> None:
    assert options.data is not None
    folder = line_sets(options.data)["hard"]
    tally = _Tally()
    entries = [
        entry
        for entry in truth(folder, "docs")
        if entry["mode"] in {"clean", "scan"} and entry["kind"] != "card"
    ][: _QUICK_OUTSIDE if options.quick else _OUTSIDE]
    for done, entry in enumerate(entries):
        page = read_image(folder / entry["file"])
        original = original_scan(page, random) if entry["mode"] == "clean" else page
        read = read_document([original], reader)
        for mode in _COPIES:
            recorder.progress(f"outside papers, {mode}", done, len(entries))
            copy = [copied(page, mode, random)]
            _compare(recorder, tally, ("honest", mode), (read, copy), reader)
            for planted, altered in (
                (Change.LINE, _painted_over(page, entry, random)),
                ("line-exchanged", _line_exchanged(page, entry, random)),
            ):
                copy = [copied(altered, mode, random)]
                _compare(recorder, tally, (planted, mode), (read, copy), reader)
    tally.rates(recorder, "outside")
    tally.totals(recorder, "outside")


def _painted_over(page: BgrImage, entry: dict[str, Any], random: np.random.Generator) -> BgrImage:
    """The page without one of its lines, in the colour of the paper around it."""
    boxes = _boxes(entry)
    box = boxes[int(random.integers(len(boxes)))]
    painted = page.copy()
    painted[box] = np.percentile(page[box].reshape(-1, 3), 85, axis=0).astype(np.uint8)
    return painted


def _line_exchanged(page: BgrImage, entry: dict[str, Any], random: np.random.Generator) -> BgrImage:
    """The page with the picture of one line over another one that says something else, the nearest in length."""
    boxes = _boxes(entry)
    at = int(random.integers(len(boxes)))
    height, width = page[boxes[at]].shape[:2]
    sizes = [page[box].shape for box in boxes]
    said = entry["lines"]
    others = [i for i in range(len(boxes)) if said[i]["text"] != said[at]["text"]]
    nearest = min(others, key=lambda i: abs(sizes[i][1] * height / sizes[i][0] - width))
    changed = page.copy()
    changed[boxes[at]] = resize(page[boxes[nearest]], width, height)
    return changed


def _boxes(entry: dict[str, Any]) -> list[tuple[slice, slice]]:
    """Where the lines of an outside page stand: rows and columns."""
    boxes = list[tuple[slice, slice]]()
    for line in entry["lines"]:
        corners = np.array(line["quad"])
        (left, top), (right, bottom) = corners.min(axis=0) - 3, corners.max(axis=0) + 3
        boxes.append(np.s_[max(0, int(top)) : int(bottom), max(0, int(left)) : int(right)])
    return boxes


def _compare(
    recorder: Recorder,
    tally: _Tally,
    planted: tuple[str, Mode],
    papers: tuple[DocumentReading, Sequence[BgrImage]],
    reader: Reader,
) -> None:
    original, copies = papers
    pages = [view.image for view in original.views]
    comparison = compare_with_reading(original, pages, copies, reader)
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

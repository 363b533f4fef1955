"""Suite ``ocr-lines``: how well are single lines of print read, by us and by others?

1. *Sets of lines.* Every folder with a ``lines.jsonl`` (``file``, ``text``, ``level``): character error rate, lines read
   exactly, accented letters read wrongly, by level of degradation. ``synth`` is called ``hard``.
2. *Cost.* CPU milliseconds of one thread, one line at a time, on the 96 lines whose width is nearest to 8 times their
   height; of three rounds the least of each line counts, since what else runs on a machine empties its caches.
3. *Padding.* The net's text for lines in mixed batches filled up to the longest, against that of each line alone; CPU
   milliseconds of the net alone for 192 lines one by one and in batches (``net_cpu_per_line``).
4. *Without review.* Lines accepted by our own certainty, and how many of them are right. Under another engine's name
   stands the same with that engine as the second voice: what it confirms is accepted too.
5. *With language.* Under ``with_language`` stands what language makes of the same readings
   (:mod:`ekyc.ocr.language_reading`), where a recogniser gives that. The bounds are held against the letters as read.
6. *Real scans.* ``real/*.tif`` with their transcriptions: lines are found by our detector, each line of truth is held
   against the closest line read, which flatters all engines alike.

Generated material shows what breaks, not what paper does; the real scans are two pages.
"""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.ocr_padding import count_equal_in_batches, cpu_of_batches
from ekyc.benchmarks.ocr_peers import open_peers
from ekyc.benchmarks.ocr_scores import (
    LineScore,
    accented_error,
    cer,
    line_sets,
    read_truth,
    score_closest,
    score_line,
)
from ekyc.imaging.decode import read_image
from ekyc.imaging.document_pages import decode_pages
from ekyc.inference import Engine
from ekyc.ocr import TextReader
from ekyc.ocr.detect import TextDetector
from ekyc.ocr.engines import ASTER, DETECTOR, OWN, aster_recogniser, own_recogniser
from ekyc.ocr.vote import Acceptance, acceptance

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.benchmarks.recorder import Recorder, RunOptions
    from ekyc.ocr import LineText
    from ekyc.ocr.recognise import LineRecogniser
    from ekyc.values import BgrImage

_QUICK_LINES: Final = 40
_ASPECT: Final = 8.0
_TIMED_LINES: Final = 96
_ROUNDS: Final = 3
_BATCHED_LINES: Final = 192
_TARGETS: Final = {
    "hard": {"cer": 0.0015, "exact": 0.97, "accented_error": 0.005},
    "unseen": {"cer": 0.004, "exact": 0.94},
    "augraphy": {"cer": 0.015},
}
_REAL_TARGETS: Final = {"vietsample": 0.008, "vietsample1": 0.004}
_MAX_CPU_MS: Final = 5.0
_LEAST_ACCEPTED: Final = 0.85
_LEAST_RIGHT: Final = 0.997


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    image: BgrImage
    text: str
    level: str


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions for our net, and for others with ``--peers``."""
    assert options.data is not None  # the runner has seen to it
    sets = {name: _load(folder, options) for name, folder in line_sets(options.data).items()}
    first = "hard" if "hard" in sets else next(iter(sets))
    sets = {first: sets[first], **sets}
    scans = _scans(options.data / "real")
    ids = (DETECTOR, OWN, ASTER) if options.peers else (DETECTOR, OWN)
    with Engine.open(ids=ids) as engine, ExitStack() as stack:
        for model_id in ids:
            recorder.uses(engine.store.registry[model_id])
        detector = TextDetector(engine.model(DETECTOR))
        own = own_recogniser(engine)
        lines = sets[first]
        ours = _measure(recorder, own, detector, sets, scans, spent_ms=_own_cpu_ms)[first]
        _padding(recorder, engine, lines)
        _without_review(recorder, lines, ours)
        if options.peers:
            others: list[tuple[str, LineRecogniser, Callable[[], float]]] = [
                ("asterocr, light evened", aster_recogniser(engine), _own_cpu_ms)
            ]
            opened = stack.enter_context(open_peers(recorder))
            others += [(peer.name, peer.lines, peer.cpu_ms) for peer in opened]
            for name, recogniser, spent_ms in others:
                theirs = _measure(
                    recorder, recogniser, detector, sets, scans, spent_ms=spent_ms, peer=name
                )
                _without_review(recorder, lines, ours, second=(name, theirs[first]))
    _targets(recorder)


def _targets(recorder: Recorder) -> None:
    for name, bounds in _TARGETS.items():
        for figure, bound in bounds.items():
            if figure == "exact":
                recorder.must(f"{name}.{figure}", at_least=bound)
            else:
                recorder.must(f"{name}.{figure}", at_most=bound)
    for name, bound in _REAL_TARGETS.items():
        recorder.must(f"real.{name}.cer", at_most=bound)
    recorder.must("cpu_per_line", at_most=_MAX_CPU_MS)
    recorder.must("padded_batch_equal", at_least=1.0)
    recorder.must("without_review.share", at_least=_LEAST_ACCEPTED)
    recorder.must("without_review.right", at_least=_LEAST_RIGHT)


def _load(folder: Path, options: RunOptions) -> list[_Line]:
    entries = read_truth(folder / "lines.jsonl")
    if options.quick:
        entries = entries[: len(entries) : max(1, len(entries) // _QUICK_LINES)]
    return [
        _Line(
            image=read_image(folder / entry["file"]),
            text=entry["text"],
            level=str(entry.get("level", "all")),
        )
        for entry in entries
    ]


def _scans(folder: Path) -> dict[str, tuple[BgrImage, list[str]]]:
    """First pages with their lines of truth, by name."""
    found: dict[str, tuple[BgrImage, list[str]]] = {}
    for path in sorted(folder.glob("*.txt")):
        picture = next((p for p in sorted(folder.glob(f"{path.stem}.*")) if p != path), None)
        if picture is not None:
            text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8"))
            lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
            found[path.stem] = (decode_pages(picture.read_bytes(), name=picture.name)[0], lines)
    return found


def _own_cpu_ms() -> float:
    return time.process_time() * 1000


def _measure(
    recorder: Recorder,
    recogniser: LineRecogniser,
    detector: TextDetector,
    sets: dict[str, list[_Line]],
    scans: dict[str, tuple[BgrImage, list[str]]],
    *,
    spent_ms: Callable[[], float],
    peer: str | None = None,
) -> dict[str, list[LineText]]:
    """All figures of one engine; gives its readings of all sets."""
    readings: dict[str, list[LineText]] = {}
    for name, lines in sets.items():
        readings[name] = []
        for done, line in enumerate(lines):
            recorder.progress(f"{name}, {peer or 'ours'}", done, len(lines))
            readings[name].append(recogniser.read_line(line.image))
        _record_set(recorder, name, lines, readings[name], peer)
    costs = _costs(recogniser, _timed(next(iter(sets.values()))), spent_ms)
    recorder.samples("cpu_per_line", costs, unit="ms", statistic=np.mean, peer=peer)
    reader = TextReader(detector, recogniser, workers=1)
    for name, (image, wanted) in scans.items():
        recorder.progress(f"{name}, {peer or 'ours'}", 0, 1)
        read = reader.read_page(image).lines
        scores = score_closest(wanted, [line.text for line in read])
        _record_scores(recorder, f"real.{name}", scores, peer)
        likely = [line.likely.text for line in read if line.likely is not None]
        if len(likely) == len(read):
            scores = score_closest(wanted, likely)
            _record_scores(recorder, f"with_language.real.{name}", scores, peer)
    return readings


def _record_set(
    recorder: Recorder,
    name: str,
    lines: Sequence[_Line],
    read: Sequence[LineText],
    peer: str | None,
) -> None:
    scores = [score_line(line.text, text.text) for line, text in zip(lines, read, strict=True)]
    _record_levels(recorder, name, lines, scores, peer)
    # Without a second opinion the letters as read stand: for what is no text.
    if any(text.likely is not None for text in read):
        likely = [text.text if text.likely is None else text.likely.text for text in read]
        with_language = [
            score_line(line.text, text) for line, text in zip(lines, likely, strict=True)
        ]
        _record_levels(recorder, f"with_language.{name}", lines, with_language, peer)
    for line, text, score in zip(lines, read, scores, strict=True):
        recorder.observe(
            step="line",
            set=name,
            engine=peer or "ours",
            level=line.level,
            errors=score.errors,
            letters=score.letters,
            certainty=None if text.certainty is None else round(text.certainty, 5),
        )


def _record_levels(
    recorder: Recorder,
    name: str,
    lines: Sequence[_Line],
    scores: Sequence[LineScore],
    peer: str | None,
) -> None:
    """The figures of a set, and of each of its levels of degradation."""
    _record_scores(recorder, name, scores, peer)
    levels = sorted({line.level for line in lines})
    for level in levels if len(levels) > 1 else ():
        some = [score for line, score in zip(lines, scores, strict=True) if line.level == level]
        _record_scores(recorder, f"{name}.{level}", some, peer)


def _record_scores(
    recorder: Recorder, name: str, scores: Sequence[LineScore], peer: str | None
) -> None:
    count = len(scores)
    recorder.exact(f"{name}.cer", cer(scores), n=count, unit="fraction", peer=peer)
    recorder.rate(f"{name}.exact", sum(score.exact for score in scores), count, peer=peer)
    recorder.exact(
        f"{name}.accented_error",
        accented_error(scores),
        n=max(1, sum(score.accented for score in scores)),
        unit="fraction",
        peer=peer,
    )


def _timed(lines: Sequence[_Line]) -> list[_Line]:
    """The lines whose width is nearest to 8 times their height."""

    def away(line: _Line) -> float:
        return abs(float(line.image.shape[1]) / float(line.image.shape[0]) - _ASPECT)

    return sorted(lines, key=away)[:_TIMED_LINES]


def _costs(
    recogniser: LineRecogniser, lines: Sequence[_Line], spent_ms: Callable[[], float]
) -> list[float]:
    """CPU milliseconds of each line, the least of its rounds; between two rounds all other lines are read."""
    costs = [math.inf] * len(lines)
    for _ in range(_ROUNDS):
        for i, line in enumerate(lines):
            before = spent_ms()
            recogniser.read_line(line.image)
            costs[i] = min(costs[i], spent_ms() - before)
    return costs


def _padding(recorder: Recorder, engine: Engine, lines: Sequence[_Line]) -> None:
    images = [line.image for line in lines]
    recorder.progress("padded batches", 0, 1)
    equal = count_equal_in_batches(engine, images, seed=recorder.seed)
    recorder.rate("padded_batch_equal", equal, len(images))
    for way, cost in cpu_of_batches(engine, images[:_BATCHED_LINES], seed=recorder.seed).items():
        count = len(images[:_BATCHED_LINES])
        recorder.exact(f"net_cpu_per_line.{way}", cost, n=count, unit="ms")


def _without_review(
    recorder: Recorder,
    lines: Sequence[_Line],
    ours: Sequence[LineText],
    *,
    second: tuple[str, Sequence[LineText]] | None = None,
) -> None:
    """By our certainty alone, or with another engine as the second voice; then under that engine's name."""
    name, theirs = second or (None, ours)
    accepted: list[bool] = []
    for line, text, other in zip(lines, ours, theirs, strict=True):
        agree = name is not None and text.text == other.text
        voted = replace(text, engines=("ours", name) if agree and name else ("ours",))
        if text.chars and acceptance(voted) is Acceptance.ACCEPTED:
            accepted.append(not score_line(line.text, text.text).errors)
    recorder.rate("without_review.share", len(accepted), len(lines), peer=name)
    if accepted:
        recorder.rate("without_review.right", sum(accepted), len(accepted), peer=name)

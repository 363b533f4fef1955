"""Suite ``ocr-documents``: how well are whole papers and cards read, and what does a page cost?

1. *Lines.* The detector finds lines, the recogniser reads them. For the score alone each line read is given to the line
   of truth in whose place its middle lies; what is given to none (print that the truth does not list) costs nothing.
2. *Fields.* Our own layout analysis attributes them; of the truth only the expected values are used.
3. *Cost.* CPU milliseconds of one thread for finding and reading the lines of a page.

All that with the detector at 1280 and at 960 pixels, by clean, scanned and photographed pages. Other engines read the
crops of our detector, and by themselves where they have a detector; their fields go through our layout analysis.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from ekyc.benchmarks.ocr_material import FIELD_NAMES
from ekyc.benchmarks.ocr_peers import Peer, open_peers
from ekyc.benchmarks.ocr_scores import LineScore, cer, line_sets, read_truth, score_line
from ekyc.errors import ModelError
from ekyc.imaging.decode import read_image
from ekyc.inference import Engine
from ekyc.ocr import PageReading, TextReader, read_card
from ekyc.ocr.ctc import ReadChar
from ekyc.ocr.detect import TextDetector
from ekyc.ocr.documents import interpret_document
from ekyc.ocr.engines import ASTER, DETECTOR, OWN, aster_recogniser, own_recogniser
from ekyc.ocr.lines import ReadLine
from ekyc.ocr.reading import in_reading_order

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.benchmarks.recorder import Recorder, RunOptions
    from ekyc.ocr import Reader
    from ekyc.ocr.foreign import ForeignLine
    from ekyc.ocr.recognise import LineRecogniser
    from ekyc.values import BgrImage, QuadPx

_QUICK_PAPERS: Final = 3
_LONG_SIDES: Final = (1280, 960)
_PEERS_LONG_SIDE: Final = 1280
_MAX_CER: Final = 0.001
_LEAST_EXACT: Final = 0.97
_LEAST_EXACT_PHOTO: Final = 0.95
_MAX_CPU_MS: Final = 300.0

_ReadPage = Callable[["BgrImage"], PageReading]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paper:
    file: str
    image: BgrImage
    kind: str
    mode: str
    lines: tuple[tuple[str, Any], ...]
    """Text and four corners of each line of truth."""
    fields: dict[str, str]
    """Expected values by our names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Score:
    paper: _Paper
    lines: list[LineScore]
    wrong: list[str]
    """Names of the fields that were not read exactly."""
    cpu_ms: float


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions for our net, and for others with ``--peers``."""
    assert options.data is not None  # the runner has seen to it
    papers = _load(line_sets(options.data)["hard"], quick=options.quick)
    ids = (DETECTOR, OWN, ASTER) if options.peers else (DETECTOR, OWN)
    with Engine.open(ids=ids) as engine, ExitStack() as stack:
        for model_id in ids:
            recorder.uses(engine.store.registry[model_id])
        detector = TextDetector(engine.model(DETECTOR))
        own = own_recogniser(engine)
        for long_side in _LONG_SIDES:
            read = _with_our_detector(detector, own, long_side)
            _measure(recorder, papers, read, f"at_{long_side}", _own_cpu_ms)
        if options.peers:
            name = f"at_{_PEERS_LONG_SIDE}"
            read = _with_our_detector(detector, aster_recogniser(engine), _PEERS_LONG_SIDE)
            _measure(recorder, papers, read, name, _own_cpu_ms, peer="asterocr, light evened")
            for peer in stack.enter_context(open_peers(recorder)):
                read = _with_our_detector(detector, peer.lines, _PEERS_LONG_SIDE)
                _measure_peer(recorder, papers, read, name, peer)
                if peer.reads_pages:
                    _measure_peer(recorder, papers, _alone(peer), name, peer, alone=True)
    for long_side in _LONG_SIDES:
        name = f"at_{long_side}"
        recorder.must(f"{name}.cer", at_most=_MAX_CER)
        recorder.must(f"{name}.fields_exact", at_least=_LEAST_EXACT)
        recorder.must(f"{name}.fields_exact.photo", at_least=_LEAST_EXACT_PHOTO)
    recorder.must("at_960.cpu_per_page", at_most=_MAX_CPU_MS)


def _load(folder: Path, *, quick: bool) -> list[_Paper]:
    entries = read_truth(folder / "docs.jsonl")
    return [
        _Paper(
            file=entry["file"],
            image=read_image(folder / entry["file"]),
            kind=entry["kind"],
            mode=entry["mode"],
            lines=tuple((line["text"], np.array(line["quad"])) for line in entry["lines"]),
            fields={FIELD_NAMES[entry["kind"]][name]: v for name, v in entry["fields"].items()},
        )
        for entry in (entries[:_QUICK_PAPERS] if quick else entries)
    ]


def _own_cpu_ms() -> float:
    return time.process_time() * 1000


def _with_our_detector(
    detector: TextDetector, recogniser: LineRecogniser, long_side: int
) -> _ReadPage:
    reader = TextReader(detector, recogniser, workers=1)
    return lambda image: reader.read_page(image, long_side=long_side)


def _alone(peer: Peer) -> _ReadPage:
    """Pages as the engine reads them with its own detector."""

    def read(image: BgrImage) -> PageReading:
        found = peer.engine.read("page", image).lines
        lines = [_as_read_line(line, line.quad) for line in found if line.quad and line.text]
        return PageReading(
            width=image.shape[1], height=image.shape[0], lines=in_reading_order(lines)
        )

    return read


def _as_read_line(line: ForeignLine, quad: QuadPx) -> ReadLine:
    step = 1 / max(len(line.text), 1)
    chars = tuple(
        ReadChar(char=char, confidence=line.score, left=i * step, right=(i + 1) * step)
        for i, char in enumerate(line.text)
    )
    return ReadLine(chars=chars, quad=quad, score=line.score)


def _measure_peer(
    recorder: Recorder,
    papers: Sequence[_Paper],
    read: _ReadPage,
    name: str,
    peer: Peer,
    *,
    alone: bool = False,
) -> None:
    """As :func:`_measure`; an engine that gives up costs the run its own figures, not those of the others."""
    named = f"{peer.name}, own pages" if alone else peer.name
    try:
        _measure(recorder, papers, read, name, peer.cpu_ms, peer=named)
    except ModelError as exc:
        recorder.observe(step="peer", peer=named, failed=exc.message)


def _measure(
    recorder: Recorder,
    papers: Sequence[_Paper],
    read: _ReadPage,
    name: str,
    spent_ms: Callable[[], float],
    *,
    peer: str | None = None,
) -> None:
    scores: list[_Score] = []
    for done, paper in enumerate(papers):
        recorder.progress(f"{name}, {peer or 'ours'}", done, len(papers))
        before = spent_ms()
        page = read(paper.image)
        scores.append(_score(paper, page, spent_ms() - before))
        recorder.observe(
            step="paper",
            engine=peer or "ours",
            setting=name,
            file=paper.file,
            cer=round(cer(scores[-1].lines), 5),
            fields=len(paper.fields),
            wrong=scores[-1].wrong,
        )
    _record(recorder, name, scores, peer)
    for mode in sorted({paper.mode for paper in papers}):
        some = [score for score in scores if score.paper.mode == mode]
        _record_fields(recorder, f"{name}.fields_exact.{mode}", some, peer)


def _record(recorder: Recorder, name: str, scores: Sequence[_Score], peer: str | None) -> None:
    lines = [line for score in scores for line in score.lines]
    recorder.exact(f"{name}.cer", cer(lines), n=len(lines), unit="fraction", peer=peer)
    recorder.rate(f"{name}.lines_exact", sum(line.exact for line in lines), len(lines), peer=peer)
    _record_fields(recorder, f"{name}.fields_exact", scores, peer)
    costs = [score.cpu_ms for score in scores]
    recorder.samples(f"{name}.cpu_per_page", costs, unit="ms", statistic=np.mean, peer=peer)


def _record_fields(
    recorder: Recorder, name: str, scores: Sequence[_Score], peer: str | None
) -> None:
    total = sum(len(score.paper.fields) for score in scores)
    wrong = sum(len(score.wrong) for score in scores)
    recorder.rate(name, total - wrong, total, peer=peer)


def _score(paper: _Paper, page: PageReading, cpu_ms: float) -> _Score:
    values = _values(paper, page)
    return _Score(
        paper=paper,
        lines=_line_scores(paper, page),
        wrong=sorted(name for name, value in paper.fields.items() if values.get(name) != value),
        cpu_ms=cpu_ms,
    )


def _line_scores(paper: _Paper, page: PageReading) -> list[LineScore]:
    read: list[list[ReadLine]] = [[] for _ in paper.lines]
    for line in page.lines:
        middle = np.mean([(p.x, p.y) for p in line.quad.corners], axis=0)
        inside = [_depth(quad, middle) for _, quad in paper.lines]
        best = int(np.argmax(inside))
        if inside[best] > 0:
            read[best].append(line)
    return [
        score_line(
            text, " ".join(line.text for line in sorted(found, key=lambda line: line.box.left))
        )
        for (text, _), found in zip(paper.lines, read, strict=True)
    ]


def _depth(quad: Any, point: Any) -> float:
    """How far inside a clockwise quadrilateral a point lies, in pixels; negative outside."""
    edges = np.roll(quad, -1, axis=0) - quad
    away = point - quad
    cross = edges[:, 0] * away[:, 1] - edges[:, 1] * away[:, 0]
    return float((cross / np.maximum(np.hypot(edges[:, 0], edges[:, 1]), 1e-6)).min())


@dataclass(frozen=True, slots=True)
class _AlreadyRead:
    """The part of a reader that reading a card needs, for a page that has been read."""

    page: PageReading

    def read_page(self, _image: BgrImage, *, long_side: int = 0) -> PageReading:
        assert long_side >= 0
        return self.page


def _values(paper: _Paper, page: PageReading) -> dict[str, str]:
    if paper.kind == "card":
        fields = read_card(paper.image, None, cast("Reader", _AlreadyRead(page))).fields
    else:
        fields = interpret_document((page,)).fields
    return {field.name: field.value.reveal() for field in fields}

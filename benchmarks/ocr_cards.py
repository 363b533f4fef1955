"""Suite ``ocr-cards``: is a card found, read and refused where it must be?

1. *Corners.* Generated scenes of eleven kinds: cards and pages on wood, cloth, stone, tiles, clutter, white on white,
   under fingers and shadows, beside other papers. Found with an intersection over union above 0.95; wrongly warped
   below 0.9; the rest is refused.
2. *Cards.* Both generations, both sides, of invented people, flat, scanned and photographed at any angle: fields,
   zone, code, direction, processor time.
3. *Covered fields.* Every mandatory field of the front hidden by a finger, paper, a black bar, a reflection or blur:
   ``card.read`` must not pass. Genuine captures of 2 must rarely be stopped.

All material is generated; it shows what breaks, not what cards and cameras do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ekyc.benchmarks.card_material import (
    COVERS,
    MANDATORY_BOXES,
    SampleCard,
    capture,
    covered,
    drawn_portrait,
    invented_citizen,
    sample_card,
)
from ekyc.benchmarks.card_scenes import SceneKind, make_scene
from ekyc.imaging.document_corners import DocumentShape, find_document
from ekyc.imaging.geometry import overlap
from ekyc.inference import Engine
from ekyc.ocr import read_card
from ekyc.ocr.engines import READING_MODELS, open_reader
from ekyc.outcomes import Outcome
from ekyc.samples import SampleBirth, render_birth_certificate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.ocr import CardReading, Reader
    from ekyc.values import QuadPx

_CAPTURES: Final = ("clean", "scan", "photo")
_FOUND: Final = 0.95
_WRONG: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    scenes: int
    people: int
    covers: int


_FULL = _Size(scenes=200, people=10, covers=2)
_QUICK = _Size(scenes=11, people=1, covers=0)


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions with the installed models."""
    size = _QUICK if options.quick else _FULL
    random = np.random.default_rng(recorder.seed)
    _corners(recorder, size.scenes, random)
    with Engine.open(ids=READING_MODELS) as engine:
        for model_id in READING_MODELS:
            recorder.uses(engine.store.registry[model_id])
        reader = open_reader(engine)
        _cards(recorder, reader, size.people, random)
        _covered(recorder, reader, size.covers, random)


def _corners(recorder: Recorder, count: int, random: np.random.Generator) -> None:
    card = sample_card(invented_citizen(random), "cccd-2021", drawn_portrait(random))
    other = sample_card(invented_citizen(random), "can-cuoc-2024", drawn_portrait(random))
    page = render_birth_certificate(SampleBirth.default())
    documents = [card.front, card.back, other.front, other.back, page]
    kinds = list(SceneKind)
    found = wrong = refused = 0
    milliseconds = list[float]()
    for done in range(count):
        recorder.progress("corners", done, count)
        document = documents[int(random.integers(0, len(documents)))]
        scene = make_scene(document, kinds[done % len(kinds)], random)
        shape = DocumentShape.CARD if scene.is_card else DocumentShape.PAGE
        started = time.process_time()
        search = find_document(scene.image, shape)
        milliseconds.append((time.process_time() - started) * 1000)
        quad = search.document.quad if search.document is not None else None
        iou = None if quad is None else overlap(_corners_of(quad), _corners_of(scene.quad))
        refused += iou is None
        found += iou is not None and iou > _FOUND
        wrong += iou is not None and iou < _WRONG
        recorder.observe(step="corners", kind=scene.kind.value, page=not scene.is_card, iou=iou)
    recorder.rate("corners.found", found, count)
    recorder.rate("corners.wrong_warps", wrong, count)
    recorder.rate("corners.refused", refused, count)
    recorder.samples("corners.cpu", milliseconds, unit="ms", statistic=np.mean)


def _corners_of(quad: QuadPx) -> NDArray[np.float64]:
    return np.array([(p.x, p.y) for p in quad.corners])


@dataclass(slots=True)
class _Counts:
    fields: int = 0
    exact: int = 0
    cards: int = 0
    zones: int = 0
    codes: int = 0
    turned: int = 0
    stopped: int = 0


def _cards(recorder: Recorder, reader: Reader, people: int, random: np.random.Generator) -> None:
    milliseconds = list[float]()
    counts: dict[str, _Counts] = {}
    for done in range(people):
        for kind in ("cccd-2021", "can-cuoc-2024"):
            card = sample_card(invented_citizen(random), kind, drawn_portrait(random))
            for how in _CAPTURES:
                recorder.progress(f"cards, {how}", done, people)
                front, back = capture(card.front, how, random), capture(card.back, how, random)
                started = time.process_time()
                reading = read_card(front, back, reader)
                milliseconds.append((time.process_time() - started) * 1000)
                for name in (how, kind, "all"):
                    _count(counts.setdefault(name, _Counts()), card, reading)
                recorder.observe(
                    step="card",
                    kind=kind,
                    capture=how,
                    wrong=_wrong_fields(card, reading),
                    reasons=[reason for check in reading.checks for reason in check.reasons],
                )
    for name, count in counts.items():
        recorder.rate(f"cards.fields_exact.{name}", count.exact, count.fields)
        recorder.rate(f"cards.false_stops.{name}", count.stopped, count.cards)
    whole = counts["all"]
    recorder.rate("cards.mrz_read", whole.zones, whole.cards)
    recorder.rate("cards.qr_read", whole.codes, whole.cards)
    recorder.rate("cards.direction_found", whole.turned, whole.cards)
    recorder.samples("cards.cpu", milliseconds, unit="ms", statistic=np.mean)


def _count(count: _Counts, card: SampleCard, reading: CardReading) -> None:
    count.cards += 1
    count.fields += len(card.fields)
    count.exact += len(card.fields) - len(_wrong_fields(card, reading))
    count.zones += reading.mrz is not None
    count.codes += reading.qr is not None
    count.turned += all(side.has_title or side.has_zone for side in reading.sides)
    count.stopped += reading.checks[0].outcome is not Outcome.PASSED


def _wrong_fields(card: SampleCard, reading: CardReading) -> list[str]:
    values = {field.name: field.value.reveal() for field in reading.fields}
    return sorted(name for name, value in card.fields.items() if values.get(name) != value)


def _covered(recorder: Recorder, reader: Reader, rounds: int, random: np.random.Generator) -> None:
    """``rounds`` times every field under every cover; none: one cover for each field."""
    stopped = total = 0
    for kind, boxes in MANDATORY_BOXES.items():
        for name, box in boxes.items():
            every = list(COVERS) * rounds or [str(random.choice(COVERS))]
            for cover in every:
                recorder.progress(f"covered: {name}", total, total + 1)
                card = sample_card(invented_citizen(random), kind, drawn_portrait(random))
                hidden = covered(card.front, box, cover, random)
                front, back = capture(hidden, "scan", random), capture(card.back, "scan", random)
                read = read_card(front, back, reader).checks[0]
                stopped += read.outcome is not Outcome.PASSED
                total += 1
                recorder.observe(
                    step="covered", kind=kind, field=name, cover=cover, reasons=list(read.reasons)
                )
    recorder.rate("covered.stopped", stopped, total)

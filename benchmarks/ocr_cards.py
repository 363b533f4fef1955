"""Suite ``ocr-cards``: is a card found, read and refused where it must be?

1. *Corners.* Generated scenes of eleven kinds: cards and pages on wood, cloth, stone, tiles, clutter, white on white,
   under fingers and shadows, beside other papers. Found with an intersection over union above 0.95; wrongly warped
   below 0.9; the rest is refused. Two cards beside each other: both noticed, or nothing given.
2. *Cards.* Both generations, both sides, of invented people, flat, scanned and photographed at any angle: fields,
   zone, code, direction, processor time.
3. *Covered fields.* Every mandatory field of the front hidden by a finger, paper, a sticker of the card's colour,
   correction fluid, a black bar, a reflection, blur or pixels: ``card.read`` must not pass. Genuine captures of 2 must
   rarely be stopped.

Every scene, card and cover has a generator of its own, seeded with the run's seed and its number: each can be drawn
again alone. All material is generated; it shows what breaks, not what cards and cameras do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import IntEnum
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
from ekyc.benchmarks.card_scenes import Scene, SceneKind, make_scene, two_cards
from ekyc.benchmarks.corner_scores import measure_corners
from ekyc.imaging.document_corners import find_document
from ekyc.imaging.document_sight import DocumentShape
from ekyc.inference import Engine
from ekyc.ocr import read_card
from ekyc.ocr.engines import READING_MODELS, open_reader
from ekyc.outcomes import Outcome
from ekyc.samples import SampleBirth, render_birth_certificate

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.ocr import CardReading, Reader
    from ekyc.values import BgrImage

_KINDS: Final = ("cccd-2021", "can-cuoc-2024")
_CAPTURES: Final = ("clean", "scan", "photo")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    scenes: int
    people: int
    covers: int


_FULL = _Size(scenes=200, people=10, covers=1)
_QUICK = _Size(scenes=11, people=1, covers=0)


class _Step(IntEnum):
    """Seeds of the steps."""

    SCENES = 1
    CARDS = 2
    COVERED = 3
    PAIRS = 4


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions with the installed models."""
    size = _QUICK if options.quick else _FULL
    recorder.must("corners.found", at_least=0.95)
    recorder.must("corners.wrong_warps", at_most=0.0)
    recorder.must("corners.second_hidden", at_most=0.0)
    recorder.must("covered.stopped", at_least=1.0)
    _corners(recorder, size.scenes)
    _pairs(recorder, max(1, size.scenes // 10))
    with Engine.open(ids=READING_MODELS) as engine:
        for model_id in READING_MODELS:
            recorder.uses(engine.store.registry[model_id])
        reader = open_reader(engine)
        _cards(recorder, reader, size.people)
        _covered(recorder, reader, size.covers)


def _generator(seed: int, step: _Step, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, step, number])


def _corners(recorder: Recorder, count: int) -> None:
    scenes = (scene_of(recorder.seed, number) for number in range(count))
    shaped = (
        (scene, DocumentShape.CARD if scene.is_card else DocumentShape.PAGE) for scene in scenes
    )
    measure_corners(recorder, shaped, count, wrong="corners.wrong_warps")


def scene_of(seed: int, number: int) -> Scene:
    """One scene of a run; its kind follows from its number."""
    random = _generator(seed, _Step.SCENES, number)
    which = int(random.integers(0, 5))
    document = (
        render_birth_certificate(SampleBirth.default()) if which == 4 else _side(which, random)
    )
    kinds = list(SceneKind)
    return make_scene(document, kinds[number % len(kinds)], random)


def _side(which: int, random: np.random.Generator) -> BgrImage:
    """One of the four sides of the two kinds of cards."""
    card = sample_card(invented_citizen(random), _KINDS[which // 2], drawn_portrait(random))
    return card.front if which % 2 == 0 else card.back


def _pairs(recorder: Recorder, count: int) -> None:
    """Two cards in one picture: a second one that is hidden is one card found and no other."""
    both = hidden = 0
    for number in range(count):
        recorder.progress("two cards", number, count)
        search = find_document(pair_of(recorder.seed, number), DocumentShape.CARD)
        both += search.document is not None and len(search.others) > 0
        hidden += search.document is not None and not search.others
        recorder.observe(step="pair", found=search.document is not None, others=len(search.others))
    recorder.rate("corners.second_noticed", both, count)
    recorder.rate("corners.second_hidden", hidden, count)


def pair_of(seed: int, number: int) -> BgrImage:
    """Two cards of one size beside or below each other, nearly level, on any ground."""
    random = _generator(seed, _Step.PAIRS, number)
    first, second = (_side(int(which), random) for which in random.integers(0, 4, 2))
    return two_cards(first, second, random)


@dataclass(slots=True)
class _Counts:
    fields: int = 0
    exact: int = 0
    cards: int = 0
    zones: int = 0
    codes: int = 0
    turned: int = 0
    stopped: int = 0


def _cards(recorder: Recorder, reader: Reader, people: int) -> None:
    milliseconds = list[float]()
    counts: dict[str, _Counts] = {}
    for number in range(people):
        for kind in _KINDS:
            for how in _CAPTURES:
                recorder.progress(f"cards, {how}", number, people)
                card, front, back = captured_card(recorder.seed, number, kind, how)
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


def captured_card(
    seed: int, number: int, kind: str, how: str
) -> tuple[SampleCard, BgrImage, BgrImage]:
    """One person's card of a run and its two sides as they are submitted."""
    part = _KINDS.index(kind) * len(_CAPTURES) + _CAPTURES.index(how)
    random = _generator(seed, _Step.CARDS, 6 * number + part)
    card = sample_card(invented_citizen(random), kind, drawn_portrait(random))
    return card, capture(card.front, how, random), capture(card.back, how, random)


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


def _covered(recorder: Recorder, reader: Reader, rounds: int) -> None:
    """``rounds`` times every field under every cover; none: one cover for each field."""
    stopped = total = 0
    cases = covered_cases(rounds)
    for number, (kind, name, cover) in enumerate(cases):
        recorder.progress(f"covered: {name}", number, len(cases))
        front, back = covered_card(recorder.seed, number, kind, name, cover)
        read = read_card(front, back, reader).checks[0]
        stopped += read.outcome is not Outcome.PASSED
        total += 1
        recorder.observe(
            step="covered", kind=kind, field=name, cover=cover, reasons=list(read.reasons)
        )
    recorder.rate("covered.stopped", stopped, total)


def covered_cases(rounds: int) -> list[tuple[str, str, str]]:
    """Kind of card, field and cover of each case."""
    fields = [(kind, name) for kind, boxes in MANDATORY_BOXES.items() for name in boxes]
    if not rounds:
        return [(*field, COVERS[i % len(COVERS)]) for i, field in enumerate(fields)]
    return [(*field, cover) for field in fields for cover in list(COVERS) * rounds]


def covered_card(
    seed: int, number: int, kind: str, name: str, cover: str
) -> tuple[BgrImage, BgrImage]:
    """A scanned card's two sides, on whose front something lies over a field."""
    random = _generator(seed, _Step.COVERED, number)
    card = sample_card(invented_citizen(random), kind, drawn_portrait(random))
    hidden = covered(card.front, MANDATORY_BOXES[kind][name], cover, random)
    return capture(hidden, "scan", random), capture(card.back, "scan", random)

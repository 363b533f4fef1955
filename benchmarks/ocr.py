"""Suite ``ocr``: how well is print read, and are altered copies told from honest ones?

1. *Lines.* 600 generated lines, five degradations: character error rate and lines read exactly.
2. *Documents.* 30 generated papers and cards: fields read exactly. Lines are found, ordered and attributed by our own
   code; of the truth only the expected values are used.
3. *Copies.* Birth certificates of invented people through three simulated scanners: honest copies, copies with one
   digit changed, copies with one tone mark changed. An honest copy must pass, an altered one must not.

All material is generated: it shows what breaks, not what paper does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ekyc.benchmarks.ocr_material import (
    FIELD_NAMES,
    SCANNERS,
    invented_birth,
    truth,
    with_digit_changed,
    with_tone_changed,
)
from ekyc.imaging.decode import read_image
from ekyc.inference import Engine
from ekyc.ocr import TextReader, compare_copy, read_card, read_document
from ekyc.ocr.alignment import edit_distance
from ekyc.ocr.engines import READING_MODELS, open_reader
from ekyc.outcomes import Outcome
from ekyc.samples import render_birth_certificate

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions
    from ekyc.ocr import DocumentComparison
    from ekyc.values import BgrImage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    lines: int
    documents: int
    births: int


_FULL = _Size(lines=600, documents=30, births=12)
_QUICK = _Size(lines=40, documents=3, births=1)


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's questions with the installed models."""
    size = _QUICK if options.quick else _FULL
    assert options.data is not None  # the runner has seen to it
    with Engine.open(ids=READING_MODELS) as engine:
        for model_id in READING_MODELS:
            recorder.uses(engine.store.registry[model_id])
        reader = open_reader(engine)
        _lines(recorder, reader, options.data, size.lines)
        _documents(recorder, reader, options.data, size.documents)
        _copies(recorder, reader, size.births)


def _lines(recorder: Recorder, reader: TextReader, data: Path, count: int) -> None:
    errors, letters, milliseconds = list[int](), list[int](), list[float]()
    entries = truth(data, "lines")[:count]
    for done, entry in enumerate(entries):
        recorder.progress("lines", done, len(entries))
        image = read_image(data / entry["file"])
        started = time.process_time()
        text = reader.read_line(image).text
        milliseconds.append((time.process_time() - started) * 1000)
        errors.append(edit_distance(entry["text"], text))
        letters.append(len(entry["text"]))
        recorder.observe(step="line", file=entry["file"], level=entry["level"], errors=errors[-1])
    recorder.exact("lines.cer", sum(errors) / sum(letters), n=len(entries), unit="fraction")
    recorder.rate("lines.exact", sum(not e for e in errors), len(entries))
    recorder.samples("lines.cpu", milliseconds, unit="ms", statistic=np.mean)


def _documents(recorder: Recorder, reader: TextReader, data: Path, count: int) -> None:
    exact, total, milliseconds = 0, 0, list[float]()
    entries = truth(data, "docs")[:count]
    for done, entry in enumerate(entries):
        recorder.progress("documents", done, len(entries))
        image = read_image(data / entry["file"])
        started = time.process_time()
        values = _values(image, entry["kind"], reader)
        milliseconds.append((time.process_time() - started) * 1000)
        wanted = {FIELD_NAMES[entry["kind"]][k]: v for k, v in entry["fields"].items()}
        right = {name for name, value in wanted.items() if values.get(name) == value}
        exact, total = exact + len(right), total + len(wanted)
        wrong = sorted(set(wanted) - right)
        recorder.observe(step="document", file=entry["file"], fields=len(wanted), wrong=wrong)
    recorder.rate("documents.fields_exact", exact, total)
    recorder.samples("documents.cpu", milliseconds, unit="ms", statistic=np.mean)


def _values(image: BgrImage, kind: str, reader: TextReader) -> dict[str, str]:
    reading = read_card(image, None, reader) if kind == "card" else read_document([image], reader)
    return {field.name: field.value.reveal() for field in reading.fields}


def _copies(recorder: Recorder, reader: TextReader, births: int) -> None:
    random = np.random.default_rng(recorder.seed)
    found: dict[str, list[Outcome]] = {}
    for done in range(births):
        birth = invented_birth(random)
        original = render_birth_certificate(birth)
        copies = {
            "honest": original,
            "digit": render_birth_certificate(with_digit_changed(birth, random)),
            "tone": render_birth_certificate(with_tone_changed(birth, random)),
        }
        for scanner in SCANNERS:
            recorder.progress(f"copies, {scanner.name} scanner", done, births)
            for change, page in copies.items():
                scan = scanner.scan(page, int(random.integers(1 << 30)))
                comparison = compare_copy([original], [scan], reader)
                outcome = comparison.checks[0].outcome
                found.setdefault(change, []).append(outcome)
                recorder.observe(
                    step="copy",
                    scanner=scanner.name,
                    change=change,
                    outcome=outcome.value,
                    **_ink(comparison),
                )
    for change, outcomes in found.items():
        passed = sum(outcome is Outcome.PASSED for outcome in outcomes)
        failed = sum(outcome is Outcome.FAILED for outcome in outcomes)
        if change == "honest":
            recorder.rate("copies.honest_passed", passed, len(outcomes))
            recorder.rate("copies.honest_failed", failed, len(outcomes))
        else:
            recorder.rate(f"copies.{change}_stopped", len(outcomes) - passed, len(outcomes))
            recorder.rate(f"copies.{change}_failed", failed, len(outcomes))


def _ink(comparison: DocumentComparison) -> dict[str, Any]:
    """Unexplained ink at each difference of the text and of the picture, without the text."""
    return {
        "differences": [
            {
                "class": item.kind.value if item.kind else "picture",
                "status": item.status.value,
                "ink": round(item.ink, 3),
                "inside_a_line": item.line >= 0,
            }
            for page in comparison.pages
            for item in page.differences
        ]
    }

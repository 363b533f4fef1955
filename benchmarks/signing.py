"""Suite ``signing``: what do a signature and its validation cost?

CPU milliseconds of the process, each call measured by itself, one at a time. The authority is the embedded one: software EC P-256,
timestamps in this process. A hardware module or an authority across a network adds its own time.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.outcomes import Check, Outcome
from ekyc.policy import load_profile
from ekyc.signing import (
    EmbeddedAuthority,
    ResultDocument,
    inspect_pdf,
    render_result_pdf,
    sign_pdf,
)

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder, RunOptions

_FULL: Final = 300
_QUICK: Final = 5


def run(recorder: Recorder, options: RunOptions) -> None:
    """Answer the suite's question; no data and no models needed."""
    repetitions = _QUICK if options.quick else _FULL
    with tempfile.TemporaryDirectory() as folder:
        authority = EmbeddedAuthority.create(Path(folder), "benchmark")
        opening = _cpu_ms(
            lambda: EmbeddedAuthority.open(Path(folder), "benchmark"), min(repetitions, 10)
        )
    document = _document()
    page = render_result_pdf(document)
    signed = sign_pdf(page, authority, document=document)
    invisible = sign_pdf(page, authority)
    tasks: dict[str, Callable[[], object]] = {
        "render_result_pdf": lambda: render_result_pdf(document),
        "sign_b_t_invisible": lambda: sign_pdf(page, authority),
        "sign_b_t_visible": lambda: sign_pdf(page, authority, document=document),
        "validate_visible": lambda: _passed(signed, authority),
        "validate_invisible": lambda: _passed(invisible, authority),
    }
    for done, (name, task) in enumerate(tasks.items()):
        recorder.progress(name.replace("_", " "), done, len(tasks))
        measured = _cpu_ms(task, repetitions)
        recorder.samples(f"{name}_cpu_ms", measured, unit="ms")
        recorder.observe(what=name, slowest_ms=max(measured), bytes=len(signed))
    recorder.samples("open_keystore_cpu_ms", opening, unit="ms")


def _cpu_ms(task: Callable[[], object], repetitions: int) -> list[float]:
    task()
    measured = []
    for _ in range(repetitions):
        before = time.process_time()
        task()
        measured.append((time.process_time() - before) * 1000)
    return measured


def _passed(pdf: bytes, authority: EmbeddedAuthority) -> None:
    if inspect_pdf(pdf, anchors=authority.anchors).outcome is not Outcome.PASSED:
        raise AssertionError("a benchmark of validations that fail would measure the wrong thing")


def _document() -> ResultDocument:
    profile = load_profile("demo")
    return ResultDocument(
        record_id="0193b7a2-6f41-7c3e-9d11-6a2f0c7e8b55",
        profile_title_vi=profile.title_vi,
        profile_title_en=profile.title_en,
        issued_at=datetime(2026, 1, 15, tzinfo=UTC),
        verdict="accept",
        checks=tuple(Check(id=name, outcome=Outcome.PASSED) for name in profile.required),
        required=profile.required,
        case_digest=hashlib.sha256(b"case").hexdigest(),
        report_digest=hashlib.sha256(b"report").hexdigest(),
        sample=True,
    )

"""The suites that ``ekyc bench`` knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder
    from ekyc.benchmarks.runner import RunOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A benchmark: its question, the data it needs and the function that answers."""

    name: str
    question: str
    function: str
    """``module:function`` in this package, taking a Recorder and the options; loaded when it runs."""
    data: str | None = None
    """What the folder given by ``--data`` must hold; None when the suite needs no data."""

    def run(self, recorder: Recorder, options: RunOptions) -> None:
        module, function = self.function.split(":")
        import_module(f"ekyc.benchmarks.{module}").__dict__[function](recorder, options)


SUITES: Mapping[str, Suite] = MappingProxyType(
    {
        suite.name: suite
        for suite in (
            Suite(
                name="inference",
                question="Does the batcher keep every answer, and what does it cost?",
                function="inference:run",
            ),
            Suite(
                name="face",
                question="At the shipped thresholds, who is let through and who is turned away?",
                function="face:run",
                data="faces/london with labels.csv, and faces/lfw_folds_1_5_250px.tar if at hand",
            ),
            Suite(
                name="face-verification",
                question="What do the mesh and mirrored faces gain, and where are the eyes?",
                function="face_verification:run",
                data="faces/london with labels.csv; faces/lfw_folds_1_5_250px.tar and its pairs if at hand",
            ),
            Suite(
                name="face-speed",
                question="What does the pipeline cost per face beyond its bare models?",
                function="face_speed:run",
                data="faces/london with labels.csv",
            ),
            Suite(
                name="portrait-injection",
                question="Are frames made from a chip's portrait told from other photographs of its holder?",
                function="portrait_injection:run",
                data="faces/london with labels.csv; faces/lfw_folds_1_5_250px.tar and its pairs if at hand",
            ),
            Suite(
                name="liveness",
                question="Which real attacks get through, and how often does the grid cue cry wolf?",
                function="liveness:run",
                data="liveness/manifest.csv with its pictures, and faces/ as for the suite face",
            ),
            Suite(
                name="pad",
                question="Who gets past passive detection, who is turned away, and what does a frame cost?",
                function="pad:run",
                data="pad/SUBJECT/SPECIES/ with videos or pictures, or liveness/manifest.csv; faces/london if at hand",
            ),
            Suite(
                name="pad-active",
                question="Does the challenge let honest clients through and keep forged streams out?",
                function="pad_active:run",
            ),
            Suite(
                name="ocr-cards",
                question="Is a card found, read and refused where it must be?",
                function="ocr_cards:run",
            ),
            Suite(
                name="ocr-lines",
                question="How well are single lines read, at what cost, and which need no second look?",
                function="ocr_lines:run",
                data="sets of lines (*/lines.jsonl with pictures), and real/ with scans and their texts",
            ),
            Suite(
                name="ocr-documents",
                question="How well are papers and cards read, and what does a page cost?",
                function="ocr_documents:run",
                data="synth/docs.jsonl with its pictures (generated Vietnamese papers and cards)",
            ),
            Suite(
                name="ocr-pages",
                question="Is a page read however it is handed in?",
                function="ocr_pages:run",
            ),
            Suite(
                name="ocr-copy",
                question="Which planted changes of a copy are found, and how often is an honest one stopped?",
                function="ocr_copy:run",
            ),
            Suite(
                name="chip",
                question="What does passive authentication cost beyond its bare arithmetic?",
                function="chip:run",
                data="chip/masterlists and chip/sods (genuine master lists and EF.SODs)",
            ),
            Suite(
                name="signing",
                question="What do a signature and its validation cost?",
                function="signing:run",
            ),
            Suite(
                name="validation",
                question="What do we say of signed files, honest and attacked, beside what is documented of them?",
                function="validation:run",
                data="sign/dss_pades, sign/pdf_insecurity_isa_usf, sign/pkits, sign/dss_xades, sign/dss_cades",
            ),
            Suite(
                name="credentials",
                question="How small is a result, and what do checking it and telling its status cost?",
                function="credentials:run",
            ),
            Suite(
                name="service",
                question="What does the service cost beside its pipeline, and does it bend or break under load?",
                function="service:run",
            ),
        )
    }
)

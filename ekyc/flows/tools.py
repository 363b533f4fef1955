"""Single questions about single papers and pictures: asked, answered, forgotten.

Each is one step of a verification by itself. So an answer is no decision about anybody: nothing says that the pictures are
of one occasion, that a chip was there, or that a person was. What a step does not decide alone it does not decide here
either (a portrait that no chip vouches for is compared and passes nothing of a chip's).

What stays with the caller: who may ask, how large the files may be on their way, and that they are removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from ekyc.chip import ChipFiles, ElementaryFile, inspect_chip
from ekyc.errors import InputError, LimitError
from ekyc.face import DEFAULT_MATCH, FaceComparison, compare_faces, thresholds_for_portrait
from ekyc.flows.pages import decode_portrait
from ekyc.flows.safeguards import day_in_vietnam, with_portrait_bound
from ekyc.flows.stages import undecided
from ekyc.imaging.decode import ImageLimits, decode_image
from ekyc.imaging.document_pages import PaperLimits, decode_files
from ekyc.liveness import Assurance, PadPolicy, check_liveness, verify_frame_count
from ekyc.liveness.picture_checks import check_pictures
from ekyc.liveness.profiles import DEFAULT_PROFILE
from ekyc.ocr import compare_copy, read_card, read_document
from ekyc.ocr.as_json import (
    card_as_json,
    code_as_json,
    comparison_as_json,
    document_as_json,
    unread_reasons,
    zone_as_json,
)
from ekyc.ocr.copy_report import comparison_page
from ekyc.outcomes import Outcome, worst
from ekyc.ports import Clock, SystemClock
from ekyc.signing.credentials import inspect_presentation, inspect_result, read_result
from ekyc.signing.credentials.report_json import report_as_json as result_as_json
from ekyc.signing.credentials.scanning import code_in
from ekyc.signing.credentials.sd_jwt import read_presentation
from ekyc.signing.validation.any_file import validate_file
from ekyc.signing.validation.report_json import report_as_json as signatures_as_json

if TYPE_CHECKING:
    from ekyc.chip import ChipReport
    from ekyc.flows.rooms import Rooms
    from ekyc.outcomes import Check
    from ekyc.pki import TrustStore
    from ekyc.signing.credentials import ResultReport, TrustAnchor
    from ekyc.signing.validation.anchors import Anchor
    from ekyc.values import BgrImage

PICTURE_BYTES: Final = 10 * 1024 * 1024
PAPER_BYTES: Final = 25 * 1024 * 1024
_PICTURE: Final = ImageLimits(max_bytes=PICTURE_BYTES)
_PAPER: Final = PaperLimits(image=_PICTURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFile:
    """One file that a question is about."""

    name: str
    """Its role; errors call it that."""
    content: bytes | Path = field(repr=False)
    """Its bytes, or where they lie."""

    def read(self) -> bytes:
        """Its bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()

    def open(self) -> BinaryIO:
        """Its bytes as a stream."""
        return BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinding:
    """An answer. ``repr`` shows nothing of what was read."""

    outcome: Outcome
    checks: tuple[Check, ...]
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further members of the answer, as JSON; personal data."""
    models: tuple[tuple[str, str], ...] = ()
    """Id and SHA-256 of every model that may have had a say."""
    page: str | None = field(default=None, repr=False)
    """The answer for people, as HTML, where it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a wallet showed, and to whom it was to show it when."""

    text: str = field(repr=False)
    audience: str
    nonce: str


class ResultTrust(Protocol):
    """Whom to believe about results."""

    def anchor(self) -> TrustAnchor:
        """The trust list with its operator's key.

        Raises:
            EkycError: there is none, or it cannot be used now.
        """
        ...

    def status_lists(self, uri: str) -> tuple[bytes, ...]:
        """The signed lists at hand under this address, as of now; none where it is another's."""
        ...


class RoomTools:
    """The tools over the rooms' workers. Safe to call from many threads.

    Args:
        rooms: workers over an open engine.
        chip_trust: anchors of chips.
        anchors: whose signatures count, and as what; without one no signature passes.
        results: whom to believe about results; without it they are not judged.
        clock: source of the current time.
    """

    def __init__(
        self,
        rooms: Rooms,
        *,
        chip_trust: TrustStore,
        anchors: Sequence[Anchor] = (),
        results: ResultTrust | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._rooms = rooms
        self._chip_trust = chip_trust
        self._anchors = tuple(anchors)
        self._results = results
        self._clock = clock or SystemClock()

    def read_card(self, front: ToolFile, back: ToolFile | None) -> ToolFinding:
        """Read an identity card; see :func:`ekyc.ocr.read_card`. Nothing on a card is signed."""
        front_image = _image(front)
        back_image = None if back is None else _image(back)
        reading = read_card(front_image, back_image, self._rooms.reader)
        facts = card_as_json(reading) | {
            "mrz": None if reading.mrz is None else zone_as_json(reading.mrz),
            "qr": None if reading.qr is None else code_as_json(reading.qr),
        }
        return ToolFinding(
            outcome=worst(check.outcome for check in reading.checks),
            checks=reading.checks,
            facts=facts,
            models=self._rooms.models_of(reading.checks),
        )

    def read_document(self, pages: Sequence[ToolFile]) -> ToolFinding:
        """Read one paper; see :func:`ekyc.ocr.read_document`."""
        reading = read_document(_pages(pages), self._rooms.reader)
        facts = document_as_json(reading)
        del facts["checks"]
        return ToolFinding(
            outcome=Outcome.INDETERMINATE if unread_reasons([reading]) else Outcome.PASSED,
            checks=reading.checks,
            facts=facts,
            models=self._rooms.models_of(reading.checks),
        )

    def compare_copy(
        self, original: Sequence[ToolFile], copy: Sequence[ToolFile], *, with_page: bool
    ) -> ToolFinding:
        """Hold a copy against its original; see :func:`ekyc.ocr.compare_copy`."""
        originals, copies = _pages(original), _pages(copy)
        comparison = compare_copy(originals, copies, self._rooms.reader)
        return ToolFinding(
            outcome=comparison.checks[0].outcome,
            checks=comparison.checks,
            facts=comparison_as_json(comparison),
            models=self._rooms.models_of(comparison.checks),
            page=comparison_page(comparison, copies) if with_page else None,
        )

    def compare_faces(self, portrait: ToolFile, frames: Sequence[ToolFile]) -> ToolFinding:
        """Compare two pictures, or a picture with frames of one capture; see :func:`ekyc.face.compare_faces`."""
        comparison = self._compared(_image(portrait), _images(frames))
        return self._of_faces(comparison, comparison.checks, source="picture")

    def compare_with_chip(
        self, files: Mapping[ElementaryFile, ToolFile], frames: Sequence[ToolFile]
    ) -> ToolFinding:
        """Compare a chip's portrait with frames: it passes only where the issuer vouches for that portrait.

        Args:
            files: at least EF.SOD and EF.DG2; with EF.DG1 or EF.DG13 the portrait's age counts.
            frames: pictures of one capture.
        """
        probes = _images(frames)
        contents = {name.value: file.read() for name, file in files.items()}
        report = inspect_chip(
            ChipFiles.from_mapping(contents), trust=self._chip_trust, at=self._clock.now()
        )
        shown = decode_portrait(report)
        refuted = tuple(check for check in report.checks if check.outcome is Outcome.FAILED)
        if shown is None:
            unread = undecided(("face.match",), _why_unread(report))
            return self._of_faces(None, (*unread, *refuted), source="chip")
        comparison = self._compared(shown, probes, report)
        checks = with_portrait_bound(comparison.checks, report)
        return self._of_faces(
            comparison, (*checks, *refuted), source="chip", proven=report.portrait_proven
        )

    def inspect_liveness(self, frames: Sequence[ToolFile], assurance: Assurance) -> ToolFinding:
        """Examine frames for presentation attacks; see :func:`ekyc.liveness.check_liveness`."""
        verify_frame_count(len(frames), DEFAULT_PROFILE.thresholds)
        contents = [file.read() for file in frames]
        pictures = [
            decode_image(content, name=file.name, limits=_PICTURE)
            for content, file in zip(contents, frames, strict=True)
        ]
        report = check_liveness(
            pictures,
            detector=self._rooms.detector,
            pad_model=self._rooms.pad_model,
            policy=PadPolicy(assurance=assurance),
        )
        traces = check_pictures(contents, pictures).check
        checks = (report.check, *([traces] if len(frames) > 1 else []))
        return ToolFinding(
            outcome=worst(check.outcome for check in checks),
            checks=checks,
            facts={
                "assurance": assurance.value,
                "frames": [
                    {"index": frame.index, "problem": frame.problem} for frame in report.frames
                ],
            },
            models=self._rooms.models_of(checks),
        )

    def validate_signatures(self, file: ToolFile, content: ToolFile | None) -> ToolFinding:
        """Check the signatures of a file; see :func:`ekyc.signing.validation.any_file.validate_file`."""
        validate = partial(validate_file, file.read(), anchors=self._anchors, clock=self._clock)
        if content is None:
            report = validate()
        else:
            with content.open() as stream:
                report = validate(content=stream)
        return ToolFinding(
            outcome=report.outcome, checks=report.checks, facts=signatures_as_json(report)
        )

    def verify_result(
        self, shown: ToolFile | Presented, status_lists: Sequence[ToolFile]
    ) -> ToolFinding:
        """Is a result genuine, and does it still stand? A code, a paper that bears one, or what a wallet shows.

        Args:
            shown: the code's text, a picture or PDF file, or a presentation.
            status_lists: signed lists that the caller has at hand, beside those of this service.

        Raises:
            InputError: ``credential.not_published``: no trust list is configured.
        """
        if self._results is None:
            raise InputError("no trust list is configured", code="credential.not_published")
        at = self._clock.now()
        anchor = self._results.anchor()
        given = [file.read() for file in status_lists]
        report: ResultReport
        if isinstance(shown, Presented):
            lists = (*given, *self._lists_for(_status_uri(shown.text, presented=True)))
            report = inspect_presentation(
                shown.text,
                anchor=anchor,
                audience=shown.audience,
                nonce=shown.nonce,
                status_lists=lists,
                at=at,
            )
        else:
            text = code_in(shown.read(), name=shown.name, limits=_PAPER)
            lists = (*given, *self._lists_for(_status_uri(text, presented=False)))
            report = inspect_result(text, anchor=anchor, status_lists=lists, at=at)
        return ToolFinding(
            outcome=report.outcome, checks=report.checks, facts=result_as_json(report, at)
        )

    # --- parts ---

    def _compared(
        self, reference: BgrImage, probes: Sequence[BgrImage], chip: ChipReport | None = None
    ) -> FaceComparison:
        identity = None if chip is None else chip.identity
        issued = None if identity is None else identity.issue_date
        today = day_in_vietnam(self._clock.now())
        return compare_faces(
            reference,
            probes,
            detector=self._rooms.detector,
            embedder=self._rooms.embedder,
            thresholds=DEFAULT_MATCH
            if issued is None
            else thresholds_for_portrait(issued.reveal(), today),
        )

    def _of_faces(
        self,
        comparison: FaceComparison | None,
        checks: tuple[Check, ...],
        *,
        source: str,
        proven: bool = False,
    ) -> ToolFinding:
        frames = () if comparison is None else comparison.frames
        return ToolFinding(
            outcome=worst(check.outcome for check in checks),
            checks=checks,
            facts={
                "portrait": {"source": source, "proven": proven},
                "cosine": None if comparison is None else comparison.cosine,
                "thresholds": None if comparison is None else asdict(comparison.thresholds),
                "best_frame": None if comparison is None else comparison.best_frame,
                "frames": [
                    {"index": one.index, "problem": one.problem, "advice": list(one.advice)}
                    for one in frames
                ],
            },
            models=self._rooms.models_of(checks),
        )

    def _lists_for(self, uri: str | None) -> tuple[bytes, ...]:
        return () if uri is None or self._results is None else self._results.status_lists(uri)


def _status_uri(text: str, *, presented: bool) -> str | None:
    """The status list that a text names, unverified: it only chooses among lists that are signed themselves."""
    try:
        claimed = (read_presentation(text) if presented else read_result(text)).claimed
    except (InputError, LimitError):
        return None
    return claimed.status.uri


def _why_unread(report: ChipReport) -> str:
    """No portrait that is covered, or one that is no picture."""
    return "case.portrait_unproven" if report.portrait is None else "case.portrait_unreadable"


def _image(file: ToolFile) -> BgrImage:
    return decode_image(file.read(), name=file.name, limits=_PICTURE)


def _images(files: Sequence[ToolFile]) -> tuple[BgrImage, ...]:
    return tuple(map(_image, files))


def _pages(files: Sequence[ToolFile]) -> tuple[BgrImage, ...]:
    def opened() -> Iterator[tuple[str, bytes]]:
        for file in files:
            yield file.name, file.read()

    return decode_files(opened(), limits=_PAPER)

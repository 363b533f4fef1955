"""The report that an officer looks at: one HTML file with everything inside it.

It holds pictures of a person and of their papers. It loads nothing from anywhere and runs no script; a content
security policy inside it says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, StrictUndefined

import ekyc
from ekyc.flows.pages import decode_portrait
from ekyc.flows.result import VerificationResult
from ekyc.imaging.encode import jpeg_uri
from ekyc.imaging.geometry import resize_long_side
from ekyc.imaging.text_regions import cut_line
from ekyc.outcomes import Check, Measurement, Reason, check_title, reason_registry
from ekyc.policy import Verdict

if TYPE_CHECKING:
    from ekyc.values import BgrImage, QuadPx

_LONG_SIDE_PX: Final = 1000
_FACE_LONG_SIDE_PX: Final = 480
_LINE_MARGIN: Final = (0.3, 0.4)
_MAX_DIFFERENCES: Final = 20
_WORDS: Final = {
    Verdict.ACCEPT: ("CHẤP NHẬN", "ACCEPTED"),
    Verdict.REVIEW: ("CHUYỂN CÁN BỘ XEM XÉT", "TO BE REVIEWED BY AN OFFICER"),
    Verdict.REJECT: ("TỪ CHỐI", "REJECTED"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    uri: str
    caption: str
    max_height: int = 420


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckRow:
    id: str
    title_vi: str
    title_en: str
    outcome: str
    required: bool
    reasons: tuple[Reason, ...]
    subjects: tuple[str, ...]
    measurements: tuple[str, ...]
    duration_ms: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    title_vi: str
    title_en: str
    note: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    pictures: tuple[_Picture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    id: str
    created_at: str
    profile_vi: str
    profile_en: str
    sample: bool
    verdict: str
    verdict_vi: str
    verdict_en: str
    reasons: tuple[Reason, ...]
    checks: tuple[_CheckRow, ...]
    sections: tuple[_Section, ...]
    case_digest: str
    models: tuple[tuple[str, str], ...]
    version: str


def render_html_report(result: VerificationResult) -> str:
    """The self-contained report of a verification, UTF-8 text."""
    source = (resources.files("ekyc.flows") / "report.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(source).render(view=_view(result))


def _view(result: VerificationResult) -> _View:
    registry = reason_registry()
    vi, en = _WORDS[result.decision.verdict]
    return _View(
        id=result.id,
        created_at=result.created_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        profile_vi=result.profile.title_vi,
        profile_en=result.profile.title_en,
        sample=result.sample,
        verdict=result.decision.verdict.value,
        verdict_vi=vi,
        verdict_en=en,
        reasons=tuple(registry[code] for code in result.decision.reasons),
        checks=tuple(_check_row(check, result) for check in result.checks),
        sections=tuple(_sections(result)),
        case_digest=result.case_digest,
        models=result.models,
        version=ekyc.__version__,
    )


def _check_row(check: Check, result: VerificationResult) -> _CheckRow:
    registry = reason_registry()
    return _CheckRow(
        id=check.id,
        title_vi=check_title(check.id, "vi"),
        title_en=check_title(check.id, "en"),
        outcome=check.outcome.value,
        required=check.id in result.profile.required,
        reasons=tuple(registry[code] for code in check.reasons),
        subjects=check.subjects,
        measurements=tuple(_measured(m) for m in check.measurements),
        duration_ms=f"{check.duration_ms:.0f}",
    )


def _measured(measurement: Measurement) -> str:
    text = f"{measurement.name} {measurement.value:.3f} {measurement.unit}".strip()
    if measurement.threshold is None:
        return text
    return f"{text} (threshold {measurement.threshold:.3f})"


def _sections(result: VerificationResult) -> Iterable[_Section]:
    for section in (_face(result), _chip(result), _card(result), _documents(result)):
        if section is not None:
            yield section


def _face(result: VerificationResult) -> _Section | None:
    frames = result.pictures.face_frames
    if not frames:
        return None
    best = result.face.best_frame if result.face else None
    scores = (
        {f.index: f.score.live for f in result.liveness.frames if f.score is not None}
        if result.liveness
        else {}
    )
    pictures: list[_Picture] = []
    portrait = decode_portrait(result.chip) if result.chip is not None else None
    if portrait is not None:
        pictures.append(_picture(portrait, "EF.DG2: ảnh trong chip · chip portrait", face=True))
    for i, frame in enumerate(frames):
        caption = f"frame {i + 1}"
        if i in scores:
            caption += f", live score {scores[i]:.3f}"
        if i == best:
            caption += " – so với ảnh chip · compared"
        pictures.append(_picture(frame, caption, face=True))
    return _Section(
        title_vi="Khuôn mặt",
        title_en="Face",
        note="One to one: the compared frame is chosen by quality, never by likeness.",
        pictures=tuple(pictures),
    )


def _chip(result: VerificationResult) -> _Section | None:
    if result.chip is None:
        return None
    return _Section(
        title_vi="Chip",
        title_en="Chip",
        note=f"Chain: {result.chip.chain_verdict.value}. Only groups that match the signed SOD are used.",
        columns=("data group", "against the SOD"),
        rows=tuple(
            (f"EF.DG{number}", coverage.value)
            for number, coverage in sorted(result.chip.data_groups.items())
        ),
    )


def _card(result: VerificationResult) -> _Section | None:
    sides = (
        (result.pictures.card_front, "mặt trước · front"),
        (result.pictures.card_back, "mặt sau · back"),
    )
    pictures = tuple(_picture(image, caption) for image, caption in sides if image is not None)
    if not pictures:
        return None
    return _Section(
        title_vi="Thẻ",
        title_en="Card",
        note="The print, MRZ and QR code are not signed: they are held against the chip.",
        pictures=pictures,
    )


def _documents(result: VerificationResult) -> _Section | None:
    originals, copies = result.pictures.original_pages, result.pictures.copy_pages
    if not originals and not copies:
        return None
    pictures = [
        *_differences(result),
        *(_picture(p, f"bản chính · original, page {i + 1}") for i, p in enumerate(originals)),
        *(_picture(p, f"bản sao · copy, page {i + 1}") for i, p in enumerate(copies)),
    ]
    return _Section(
        title_vi="Bản chính và bản sao",
        title_en="Original and copy",
        note="The comparison prepares the decision; an officer certifies.",
        pictures=tuple(pictures),
    )


def _differences(result: VerificationResult) -> Iterable[_Picture]:
    """Each differing line once, cut from the original and from the copy."""
    comparison = result.comparison
    if comparison is None:
        return
    shown: set[tuple[int, QuadPx]] = set()
    for difference in comparison.differences:
        place = (difference.page, difference.quad)
        page = comparison.pages[difference.page]
        registration = page.registration
        if place in shown or registration is None or len(shown) >= _MAX_DIFFERENCES:
            continue
        shown.add(place)
        kind = difference.kind.value if difference.kind else "picture"
        what = f"{difference.status.value.lower()}: {kind}, page {difference.page + 1}"
        original = comparison.originals[difference.page]
        copy = result.pictures.copy_pages[page.copy_page or 0]
        yield _picture(
            cut_line(original, difference.quad, margin=_LINE_MARGIN),
            f"bản chính · original – {what}",
        )
        yield _picture(
            cut_line(copy, registration.quad_to_copy(difference.quad), margin=_LINE_MARGIN),
            f"bản sao · copy – {what}",
        )


def _picture(image: BgrImage, caption: str, *, face: bool = False) -> _Picture:
    long_side = min(max(image.shape[:2]), _FACE_LONG_SIDE_PX if face else _LONG_SIDE_PX)
    uri = jpeg_uri(resize_long_side(image, long_side), quality=82)
    return _Picture(uri=uri, caption=caption, max_height=300 if face else 640)

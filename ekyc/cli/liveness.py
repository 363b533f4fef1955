"""``ekyc liveness``: examine frames or a video for presentation attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ekyc.cli.output import (
    JsonFlag,
    checks_table,
    console,
    exit_for,
    fail,
    result_object,
    write_json,
)
from ekyc.cli.pictures import picture_files
from ekyc.errors import EkycError
from ekyc.outcomes import Check, Outcome, worst

if TYPE_CHECKING:
    from ekyc.imaging.video import Video
    from ekyc.liveness import FrameLiveness, LivenessReport, PadPolicy, PadProfile
    from ekyc.liveness.frame_checks import FrameChecks
    from ekyc.values import BgrImage

liveness_app = typer.Typer(
    help="Examine frames or a video for presentation attacks.", no_args_is_help=True
)

_LIMITS = (
    "passive, one camera: stops prints and most screens; not masks, nor generated or injected video"
)
_VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mjpeg", ".mjpg", ".3gp"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Capture:
    """What was submitted: frames and what to call them; the video, or the pictures' files."""

    frames: tuple[BgrImage, ...]
    names: tuple[str, ...]
    video: Video | None = None
    files: tuple[bytes, ...] = ()


@liveness_app.callback()
def _liveness() -> None:
    """Keep ``check`` a word of its own: Typer would fold a single command into the group."""


@liveness_app.command()
def check(
    frames: Annotated[
        list[Path],
        typer.Argument(
            metavar="FRAMES|VIDEO...",
            help="Frames of one capture (pictures or folders), or one video: MP4, WebM, AVI, Motion JPEG.",
        ),
    ],
    profile: Annotated[
        str, typer.Option(help="fast, default, user_weights or demo (docs/liveness.md).")
    ] = "default",
    assurance: Annotated[
        str,
        typer.Option(help="low, substantial or high: above low, a single frame never passes."),
    ] = "substantial",
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder with the Silent-Face nets that user_weights asks for."),
    ] = None,
    disclosed_only: Annotated[
        bool,
        typer.Option(help="Let no net judge whose training data are undisclosed."),
    ] = False,
    json_output: JsonFlag = False,
) -> None:
    """Is there a living face before the camera? Exit code 0 yes, 11 an attack, 10 undecided.

    Frames must be whole and as the camera gave them. A single frame can show an attack; that a face is live takes
    five. Of a video, frames evenly spread over its time are looked at.
    """
    try:
        chosen, policy = _profile(profile), _policy(assurance, disclosed_only)
        capture = _read(frames, chosen)
        report = _check(capture, chosen, policy, weights)
        injected = _look_for_injection(capture)
    except EkycError as error:
        fail(error, json_output=json_output, command="liveness-check")
    if json_output:
        write_json(_as_json(report, injected, capture))
    else:
        _print(report, injected, capture)
    exit_for(_outcome(report, injected))


def _checks(report: LivenessReport, injected: FrameChecks) -> tuple[Check, ...]:
    """A single picture tells nothing of repetition or change: the second check is then left out."""
    performed = injected.check.outcome is not Outcome.NOT_PERFORMED
    return (report.check, injected.check) if performed else (report.check,)


def _outcome(report: LivenessReport, injected: FrameChecks) -> Outcome:
    return worst(check.outcome for check in _checks(report, injected))


def _profile(name: str) -> PadProfile:
    from ekyc.liveness import PROFILES, ProfileName

    if name not in set(ProfileName):
        raise typer.BadParameter(f"one of {', '.join(ProfileName)}", param_hint="--profile")
    return PROFILES[ProfileName(name)]


def _policy(level: str, disclosed_only: bool) -> PadPolicy:
    from ekyc.liveness import Assurance, PadPolicy

    if level not in set(Assurance):
        raise typer.BadParameter(f"one of {', '.join(Assurance)}", param_hint="--assurance")
    return PadPolicy(assurance=Assurance(level), allow_undisclosed=not disclosed_only)


def _read(paths: Sequence[Path], profile: PadProfile) -> _Capture:
    from ekyc.imaging import decode_image, read_image_bytes
    from ekyc.imaging.video import read_video
    from ekyc.liveness import verify_frame_count

    if len(paths) == 1 and paths[0].suffix.lower() in _VIDEO_SUFFIXES:
        video = read_video(paths[0], frames=2 * profile.thresholds.min_frames)
        return _Capture(
            frames=tuple(frame.image for frame in video.frames),
            names=tuple(f"frame {frame.index} at {frame.time_s:.2f} s" for frame in video.frames),
            video=video,
        )
    files = picture_files(paths)
    verify_frame_count(len(files), profile.thresholds)
    contents = tuple(read_image_bytes(path) for path in files)
    names = tuple(path.name for path in files)
    decoded = (decode_image(c, name=name) for c, name in zip(contents, names, strict=True))
    return _Capture(frames=tuple(decoded), names=names, files=contents)


def _look_for_injection(capture: _Capture) -> FrameChecks:
    if capture.video is None:
        from ekyc.liveness.picture_checks import check_pictures

        return check_pictures(capture.files, capture.frames)
    from ekyc.imaging.noise import noise_level
    from ekyc.liveness.frame_checks import check_frames

    traces = capture.video.traces
    return check_frames(
        times_s=traces.times_s,
        digests=traces.digests.tolist(),
        thumbnails=traces.thumbnails,
        noise_levels=[noise_level(frame) for frame in capture.frames],
    )


def _check(
    capture: _Capture, profile: PadProfile, policy: PadPolicy, weights: Path | None
) -> LivenessReport:
    from ekyc.face import FaceDetector
    from ekyc.inference import Engine
    from ekyc.liveness import check_liveness
    from ekyc.liveness.silent_face import SilentFace

    detector, pad = profile.models
    brought = None
    if profile.user_weights and weights is not None:
        brought = SilentFace.open(weights)
    with Engine.open(ids=profile.models) as engine:
        return check_liveness(
            capture.frames,
            detector=FaceDetector(engine.model(detector)),
            pad_model=engine.model(pad),
            profile=profile,
            policy=policy,
            silent_face=brought,
        )


def _as_json(report: LivenessReport, injected: FrameChecks, capture: _Capture) -> dict[str, Any]:
    return result_object(
        "liveness-check",
        _outcome(report, injected).value,
        _checks(report, injected),
        median=report.median,
        at_best=report.at_best,
        screen_lines_nats=report.screen_lines_nats,
        thresholds=asdict(report.thresholds),
        profile=report.profile.name.value,
        assurance=report.policy.assurance.value,
        demonstration=report.profile.demonstration,
        frames=[_frame_as_json(frame, capture.names[frame.index]) for frame in report.frames],
        findings=[
            {"reason": found.reason, "outcome": found.outcome.value, "frames": list(found.frames)}
            for found in injected.findings
        ],
        video=None if capture.video is None else _video_as_json(capture.video),
        models=list(report.profile.models),
        limits=_LIMITS,
    )


def _frame_as_json(frame: FrameLiveness, name: str) -> dict[str, Any]:
    score, quality = frame.score, frame.quality
    return {
        "file": name,
        "problem": frame.problem,
        "live": score.live if score else None,
        "wide": score.wide if score else None,
        "square": score.square if score else None,
        "silent_face": score.silent_face if score else None,
        "second_look": score.second_look if score else None,
        "screen_lines_nats": frame.screen_lines_nats,
        "face_width_px": frame.face_width_px,
        "quality": asdict(quality) if quality else None,
    }


def _video_as_json(video: Video) -> dict[str, Any]:
    return {
        "container": video.container.value,
        "codec": video.codec,
        "rotation_deg": video.rotation_deg,
        "frames": len(video.traces.times_s),
        "duration_s": video.duration_s if video.times_reliable else None,
        "times_reliable": video.times_reliable,
    }


def _print(report: LivenessReport, injected: FrameChecks, capture: _Capture) -> None:
    out = console()
    table = Table(box=None, pad_edge=False)
    for column in ("frame", "live", "screen lines", "set aside"):
        table.add_column(column, justify="left" if column in {"frame", "set aside"} else "right")
    for frame in report.frames:
        table.add_row(
            capture.names[frame.index],
            _number(frame.score.live if frame.score else None),
            _number(frame.screen_lines_nats),
            frame.problem or "",
        )
    out.print(table)
    out.print(checks_table(_checks(report, injected)))
    if report.profile.demonstration:
        out.print("[yellow]profile demo: for showing; what it lets pass proves nothing[/]")
    out.print(f"[dim]{_LIMITS}[/]")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"

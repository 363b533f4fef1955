"""Frames of a video, decoded in a child process, because the file comes from anyone.

1. Size in bytes, container by its first bytes, whether it is whole and shows pictures: before any decoder.
2. A child of bounded memory and time, which can open neither file nor socket, decodes it from memory with OpenCV's
   FFmpeg. What the header claims of size and length is held against the limits, and counted again while decoding.
3. All frames are looked at for their time, a digest and a thumbnail; a few, spread evenly over the time, come back.
4. They are turned upright as the container says.

Times are the container's. They prove nothing: whoever made the file chose them.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ekyc.errors import InputError, LimitError
from ekyc.imaging.geometry import turn_quarters
from ekyc.imaging.limited_child import ChildFailed, ChildFault, ChildLimits, run_child
from ekyc.imaging.video_container import VideoType, is_whole, shows_pictures, sniff_video

if TYPE_CHECKING:
    from ekyc.values import BgrImage

_CHILD: Final = "ekyc.imaging.video_child"
_THUMBNAIL_PX: Final = 16
_HEAD_BYTES: Final = 4 * 1024 * 1024
_MAX_FRAMES_BACK: Final = 60
_RATE_UNKNOWN: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoLimits:
    """Bounds on a video and on its decoding."""

    max_bytes: int = 64 * 1024 * 1024
    max_duration_s: float = 60.0
    max_frames: int = 3_600
    max_pixels: int = 3840 * 2160
    max_side_px: int = 4096
    max_memory_bytes: int = 2 * 1024 * 1024 * 1024
    """Address space of the child process."""
    max_cpu_s: float = 45.0
    """Of the child process; a minute of 1080p at 30 frames a second takes about 15 on the machine it was tried on."""
    timeout_s: float = 90.0
    """By the clock on the wall."""


DEFAULT_VIDEO_LIMITS = VideoLimits()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoFrame:
    """One frame of those chosen."""

    image: BgrImage
    """uint8, shape (height, width, 3), blue-green-red, upright, at the video's own resolution."""
    index: int
    """Position among all frames."""
    time_s: float
    """Since the first frame."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameTraces:
    """What is kept of **all** frames of a video; n of them."""

    times_s: NDArray[np.float64]
    """Shape (n,): as the container gives them, NaN where it gives none."""
    digests: NDArray[np.uint32]
    """Shape (n,): CRC-32 of every eighth row of pixels: equal for repeated frames. No protection against design."""
    thumbnails: NDArray[np.uint8]
    """Shape (n, 16, 16): luma of the frame as stored."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Video:
    """What was read of a video."""

    container: VideoType
    codec: str
    """Four letters, for example ``avc1``; empty where unknown."""
    rotation_deg: int
    """Clockwise turn that the container asks for, 0, 90, 180 or 270; the frames are turned already."""
    frames: tuple[VideoFrame, ...]
    traces: FrameTraces
    times_reliable: bool
    """Whether every frame has a time and they rise. If not, ``time_s`` of the frames counts at the nominal rate."""

    @property
    def duration_s(self) -> float:
        """From the first to the last frame."""
        times = self.traces.times_s
        return float(times[-1] - times[0]) if self.times_reliable else math.nan


def read_video(
    path: Path, *, frames: int = 12, limits: VideoLimits = DEFAULT_VIDEO_LIMITS
) -> Video:
    """Read a video file; errors name the file without its folder.

    Raises:
        InputError: ``video.missing``, or as :func:`decode_video`.
        LimitError: as :func:`decode_video`.
    """
    try:
        if not path.is_file():
            raise InputError("no such file", code="video.missing", subject=path.name)
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except OSError as exc:
        raise InputError(
            "the file cannot be opened", code="video.missing", subject=path.name
        ) from exc
    return decode_video(data, name=path.name, frames=frames, limits=limits)


def decode_video(
    data: bytes, *, name: str, frames: int = 12, limits: VideoLimits = DEFAULT_VIDEO_LIMITS
) -> Video:
    """Decode a video and keep a few of its frames.

    Args:
        data: MP4 or QuickTime, WebM or Matroska, AVI, or JPEG pictures one after the other. Whether a codec is known
            depends on OpenCV's build: H.264, HEVC, VP8, VP9, MPEG-4 and Motion JPEG are in its wheels, AV1 is not.
        name: what errors call this input; a role or file name, nothing personal.
        frames: how many come back, 1 to 60; fewer when the video has fewer.
        limits: bounds.

    Raises:
        LimitError: ``video.too_large``, ``video.too_long``, ``video.too_many_pixels``, ``video.too_slow``.
        InputError: ``video.empty``, ``video.wrong_type``, ``video.cut_off``, ``video.no_picture``,
            ``video.unreadable`` (also when the decoder crashed, or wanted more memory than it may have).
    """
    if not 1 <= frames <= _MAX_FRAMES_BACK:
        raise ValueError(f"1 to {_MAX_FRAMES_BACK} frames")
    kind = _verify_envelope(data, name, limits)
    order = {"frames": frames, **asdict(limits)}
    try:
        answer = run_child(
            _CHILD,
            order,
            data,
            ChildLimits(
                timeout_s=limits.timeout_s,
                max_output_bytes=_HEAD_BYTES + frames * 3 * limits.max_pixels,
            ),
        )
    except ChildFailed as exc:
        raise _failure(exc.fault, name) from exc
    return read_answer(kind, answer, name, frames=frames)


def read_answer(kind: VideoType, answer: bytes, name: str, *, frames: int) -> Video:
    """What the child says; one that was taken over may say anything.

    Raises:
        InputError, LimitError: as :func:`decode_video`.
    """
    line, _, rest = answer.partition(b"\n")
    try:
        head = json.loads(line)
        if "refused" not in head:
            video = _assembled(kind, head, rest)
            _require_whole(video, frames)
            return video
        reason = str(head["refused"])
    except (
        *(ValueError, TypeError, KeyError, IndexError, AttributeError),
        *(OverflowError, ZeroDivisionError, RecursionError),
    ) as exc:
        raise _refusal("unreadable", name) from exc
    raise _refusal(reason, name)


def _require_whole(video: Video, frames: int) -> None:
    count = len(video.traces.times_s)
    if (
        not 1 <= len(video.frames) <= frames
        or video.traces.times_s.shape != video.traces.digests.shape
        or any(frame.image.size == 0 or not 0 <= frame.index < count for frame in video.frames)
        or any(not math.isfinite(frame.time_s) for frame in video.frames)
    ):
        raise ValueError("the child contradicts itself")


def _verify_envelope(data: bytes, name: str, limits: VideoLimits) -> VideoType:
    """Step 1."""
    if not data:
        raise InputError("the file is empty", code="video.empty", subject=name)
    if len(data) > limits.max_bytes:
        raise LimitError(
            f"more than {limits.max_bytes} bytes", code="video.too_large", subject=name
        )
    kind = sniff_video(data)
    if kind is None:
        raise InputError(
            "not an MP4, WebM, AVI or Motion JPEG video", code="video.wrong_type", subject=name
        )
    if not is_whole(data, kind):
        raise InputError(
            f"the {kind.value} data are cut off or damaged", code="video.cut_off", subject=name
        )
    if not shows_pictures(data, kind):
        raise InputError("there are no pictures in it", code="video.no_picture", subject=name)
    return kind


def _failure(fault: ChildFault, name: str) -> InputError:
    return _refusal("too_slow" if fault is ChildFault.TOO_SLOW else "unreadable", name)


def _refusal(reason: str, name: str) -> InputError:
    if reason == "too_long":
        return LimitError("longer than allowed", code="video.too_long", subject=name)
    if reason == "too_many_pixels":
        return LimitError(
            "its frames are larger than allowed", code="video.too_many_pixels", subject=name
        )
    if reason == "too_slow":
        return LimitError("decoding took longer than allowed", code="video.too_slow", subject=name)
    return InputError(
        "the video is damaged, or of a codec that is not known",
        code="video.unreadable",
        subject=name,
    )


def _assembled(kind: VideoType, head: dict[str, Any], rest: bytes) -> Video:
    """Steps 3 and 4. Any contradiction in the child's answer raises one of Python's own errors."""
    times = np.array(
        [math.nan if time is None else float(time) for time in head["times_s"]], dtype=np.float64
    )
    count = len(times)
    thumbnails = np.frombuffer(rest, np.uint8, count * _THUMBNAIL_PX**2)
    rotation_deg = int(head["rotation_deg"])
    reliable = bool(count and np.isfinite(times).all() and (np.diff(times) > 0).all())
    rate = float(head["rate"] or _RATE_UNKNOWN)
    since_first = times - times[0] if reliable else np.arange(count) / rate
    at, frames = len(thumbnails), []
    for entry in head["chosen"]:
        index, shape = int(entry["index"]), (int(entry["height"]), int(entry["width"]), 3)
        size = math.prod(shape)
        image = np.frombuffer(rest, np.uint8, size, at).reshape(shape)
        at += size
        frames.append(
            VideoFrame(
                image=turn_quarters(image, rotation_deg // 90),
                index=index,
                time_s=float(since_first[index]),
            )
        )
    return Video(
        container=kind,
        codec=str(head["codec"])[:4],
        rotation_deg=rotation_deg,
        frames=tuple(frames),
        traces=FrameTraces(
            times_s=times,
            digests=np.array(head["digests"], dtype=np.uint32),
            thumbnails=thumbnails.reshape(count, _THUMBNAIL_PX, _THUMBNAIL_PX),
        ),
        times_reliable=reliable,
    )

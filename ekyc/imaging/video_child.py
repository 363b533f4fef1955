"""The child process of :mod:`ekyc.imaging.video`: a video on stdin, a head line and pixels on stdout, nothing else.

Run as ``python -m ekyc.imaging.video_child ORDER``. It decodes through OpenCV's own FFmpeg from memory, and can open
neither file nor socket.
"""

from __future__ import annotations

import io
import json
import math
import sys
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import cv2
import numpy as np

from ekyc.imaging.limited_child import limit_self
from ekyc.imaging.video_sampling import EvenSampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ekyc.values import BgrImage

THUMBNAIL_PX = 16
_EVERY_ROW = 8
"""Rows that the digest of a frame reads: a repeated frame repeats them all."""
_EVERY_PIXEL = 4
"""Of rows and columns, for thumbnails: their means change little and cost a tenth."""
_MAX_RATE = 240.0


@dataclass(slots=True)
class _Found:
    """What one pass over the frames collects."""

    sampler: EvenSampler[BgrImage]
    times_s: list[float | None] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    thumbnails: list[bytes] = field(default_factory=list)


def main() -> None:
    """Decode what stands on stdin."""
    order = json.loads(sys.argv[1])
    data = sys.stdin.buffer.read()
    limit_self(memory_bytes=int(order["max_memory_bytes"]), cpu_s=float(order["max_cpu_s"]))
    # OpenCV's stubs want a class of theirs; its binding takes any object with read and seek.
    source: Any = io.BytesIO(data)
    capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        _refuse("unreadable")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # the parent turns the few frames that are kept
    claimed = capture.get(cv2.CAP_PROP_FPS)
    rate = claimed if math.isfinite(claimed) and 0 < claimed <= _MAX_RATE else None
    _verify_header(capture, rate, order)
    found = _read_all(capture, rate, order)
    if not found.times_s:
        _refuse("unreadable")
    _answer(capture, found, rate)


def _verify_header(capture: Any, rate: float | None, order: Mapping[str, Any]) -> None:
    """What the header claims, before a frame is decoded. It may lie; frames are counted again."""
    width, height = (
        capture.get(key) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    _verify_size(int(width), int(height), order)
    claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    if rate and math.isfinite(claimed) and claimed / rate > order["max_duration_s"]:
        _refuse("too_long")


def _verify_size(width: int, height: int, order: Mapping[str, Any]) -> None:
    if width * height > order["max_pixels"] or max(width, height) > order["max_side_px"]:
        _refuse("too_many_pixels")


def _read_all(capture: Any, rate: float | None, order: Mapping[str, Any]) -> _Found:
    found = _Found(EvenSampler(int(order["frames"])))
    step = 1 / (rate or 30.0)
    clock = -step
    while capture.grab():
        there, frame = capture.retrieve()
        if not there or frame is None or frame.ndim != 3:
            continue
        _verify_size(frame.shape[1], frame.shape[0], order)
        time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        known = math.isfinite(time_s) and abs(time_s) < 1e7
        found.times_s.append(time_s if known else None)
        # For sampling, time must go on whatever the file says.
        clock = time_s if known and time_s > clock else clock + step
        if (
            len(found.times_s) > order["max_frames"]
            or _span(found.times_s) > order["max_duration_s"]
        ):
            _refuse("too_long")
        _note(found, frame)
        found.sampler.offer(clock, len(found.times_s) - 1, frame)
    return found


def _span(times_s: list[float | None]) -> float:
    first, last = times_s[0], times_s[-1]
    return 0.0 if first is None or last is None else last - first


def _note(found: _Found, frame: BgrImage) -> None:
    found.digests.append(zlib.crc32(frame[::_EVERY_ROW].tobytes()))
    thinned = np.ascontiguousarray(frame[::_EVERY_PIXEL, ::_EVERY_PIXEL])
    small = cv2.resize(thinned, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    found.thumbnails.append(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).tobytes())


def _answer(capture: Any, found: _Found, rate: float | None) -> None:
    quarters = round((capture.get(cv2.CAP_PROP_ORIENTATION_META) or 0.0) / 90) % 4
    chosen = found.sampler.chosen()
    head = {
        "rotation_deg": 90 * quarters,
        "codec": _four_letters(int(capture.get(cv2.CAP_PROP_FOURCC))),
        "rate": rate,
        "times_s": found.times_s,
        "digests": found.digests,
        "chosen": [
            {"index": index, "height": frame.shape[0], "width": frame.shape[1]}
            for index, frame in chosen
        ],
    }
    out = sys.stdout.buffer
    out.write(json.dumps(head).encode("ascii") + b"\n")
    out.write(b"".join(found.thumbnails))
    for _, frame in chosen:
        out.write(frame.tobytes())
    out.flush()


def _four_letters(code: int) -> str:
    letters = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return letters if letters.isascii() and letters.isprintable() else ""


def _refuse(reason: str) -> NoReturn:
    sys.stdout.write(json.dumps({"refused": reason}) + "\n")
    sys.stdout.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()

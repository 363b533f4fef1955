"""What the pictures of one capture tell of themselves beside what they show: :func:`check_frames` for files of pictures."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ekyc.imaging.jpeg_facts import read_jpeg_facts
from ekyc.imaging.noise import noise_level
from ekyc.liveness.frame_checks import FrameChecks, check_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.values import BgrImage


def check_pictures(contents: Sequence[bytes], frames: Sequence[BgrImage]) -> FrameChecks:
    """Check ``liveness.frames`` of pictures: repetition, encoders where all are JPEG files, noise.

    Args:
        contents: the encoded files, in the order of capture.
        frames: the same, decoded: uint8 (height, width, 3), blue-green-red.
    """
    facts = [read_jpeg_facts(content) for content in contents]
    jpegs = [fact for fact in facts if fact is not None]
    return check_frames(
        digests=[hashlib.sha256(content).digest() for content in contents],
        encoded=jpegs if len(jpegs) == len(facts) else None,
        noise_levels=[noise_level(frame) for frame in frames],
    )

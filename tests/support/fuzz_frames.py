"""What hostile bytes must never do to the first looks at videos and pictures of a capture: see fuzz_targets."""

from __future__ import annotations

from datetime import UTC, datetime

from ekyc.imaging.jpeg_facts import read_jpeg_facts
from ekyc.imaging.video_container import VideoType, is_whole, shows_pictures, sniff_video
from ekyc.liveness.frame_checks import check_frames
from ekyc.outcomes import Outcome

_NOW = datetime(2026, 1, 15, tzinfo=UTC)
_JPEG = (
    b"\xff\xd8\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x10\x01\x02\x00\x04\x00\x00\x00abc\x00"
    b"\x00\x00\x00\x00\xff\xdb\x00\x43\x00"
    + bytes(range(1, 65))
    + b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x20"
    b"\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\xff\xd9"
)


def container(data: bytes) -> None:
    """The container is judged, and says the same of the same bytes; nothing is decoded."""
    kind = sniff_video(data)
    if kind is not None:
        assert isinstance(kind, VideoType)
        assert is_whole(data, kind) in {True, False}
        assert shows_pictures(data, kind) in {True, False}


def jpeg_facts(data: bytes) -> None:
    """Facts or none; and two frames of such facts never pass for edited without an editor's mark."""
    facts = read_jpeg_facts(data)
    if facts is None:
        return
    assert all(len(table) == 64 for table in facts.tables)
    assert facts.exif.model is None or len(facts.exif.model) <= 80
    outcome = check_frames(encoded=[facts, facts], now=_NOW).check.outcome
    assert (outcome is Outcome.FAILED) == facts.edited


def container_seeds() -> tuple[bytes, ...]:
    """One of each kind, as small as they come."""
    return (
        b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x18moovhdlr\0\0\0\0\0\0\0\0vide",
        b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x10",
        b"\x1aE\xdf\xa3\x80\x18S\x80g\xff\x86\x85V_VP8",
        b"\x1aE\xdf\xa3\x80\x18S\x80g\x10\x00\x00\x02\x86\x85V_VP8",
        b"RIFF\x10\x00\x00\x00AVI LISTvids",
        _JPEG + _JPEG,
    )


def jpeg_seeds() -> tuple[bytes, ...]:
    """A header with EXIF, a table and a frame."""
    return (_JPEG,)

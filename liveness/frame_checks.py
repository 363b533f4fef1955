"""What a server can see in the frames themselves: times, repetition, encoders, EXIF, noise. Injection, not presentation.

Each check gives findings with a reason code. FAILED is for what no camera and no network produce: pictures that come back
in the same order to the last bit, the mark of an image editor. All else is INDETERMINATE: converters, bad networks and
odd telephones do it too. No finding proves nothing: whoever writes the client writes clean files.

Pure: numbers, bytes and arrays in, findings out. Broken times, NaN among them, are findings, never errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ekyc.outcomes import Check, Measurement, Outcome, worst

if TYPE_CHECKING:
    from ekyc.imaging.jpeg_facts import JpegFacts

CHECK_ID: Final = "liveness.frames"
LONGEST_GAP_S: Final = 1.5
"""Between two frames of one capture."""
FROZEN_SHARE: Final = 0.6
"""Of frames equal to the one before; doubling the rate makes half."""
SHORTEST_LOOP: Final = 4
"""Different frames; shorter periods are what interlacing and rate conversion leave."""
_NEAR_SHARE: Final = 0.15
"""A near loop: frames one period apart differ by less than this share of what frames otherwise differ by."""
_LEAST_MOTION: Final = 2.0
"""Grey levels that thumbnails must usually differ by before a near loop can be told from holding still."""
NOISE_JUMP: Final = 2.5
"""Between the noise before and after, in either direction, each over at least :data:`_NOISE_RUN` frames."""
_NOISE_RUN: Final = 3
_NOISE_FLOOR: Final = 0.3
"""Grey levels; below it compression decides."""
MOST_CLOCK_DIFFERENCE: Final = timedelta(hours=26)
"""Between EXIF time and the server's: cameras name no zone, and zones are up to fourteen hours apart in either
direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFinding:
    """One thing that was noticed."""

    reason: str
    outcome: Outcome
    """FAILED or INDETERMINATE."""
    frames: tuple[int, ...] = ()
    """Positions that show it, at most a few."""
    measurement: Measurement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChecks:
    """Result of :func:`check_frames`. For the operator."""

    check: Check
    """``liveness.frames``; NOT_PERFORMED with fewer than two frames."""
    findings: tuple[FrameFinding, ...]


def check_frames(
    *,
    times_s: Sequence[float] | NDArray[np.float64] | None = None,
    digests: Sequence[int | bytes] | None = None,
    thumbnails: NDArray[np.uint8] | None = None,
    encoded: Sequence[JpegFacts] | None = None,
    noise_levels: Sequence[float | None] | None = None,
    now: datetime | None = None,
) -> FrameChecks:
    """Examine one capture's frames; what is not given is not examined.

    Args:
        times_s: capture times as the client or container gives them; NaN where there is none.
        digests: one per frame, equal where pictures are equal.
        thumbnails: uint8, shape (frames, height, width), luma.
        encoded: of each frame that came as a JPEG file.
        noise_levels: of each frame, :func:`ekyc.imaging.noise.noise_level`.
        now: the server's time, aware; for EXIF times.
    """
    given = [len(part) for part in (times_s, digests, thumbnails, encoded) if part is not None]
    if max(given, default=0) < 2:
        check = Check(
            id=CHECK_ID, outcome=Outcome.NOT_PERFORMED, reasons=("liveness.too_few_frames",)
        )
        return FrameChecks(check=check, findings=())
    findings = (
        *(_times(np.asarray(times_s, dtype=np.float64)) if times_s is not None else ()),
        *(_repetition(digests) if digests is not None else ()),
        *(_near_loop(thumbnails, digests) if thumbnails is not None else ()),
        *(_encoders(encoded, now) if encoded is not None else ()),
        *(_noise(noise_levels) if noise_levels is not None else ()),
    )
    outcome = worst([Outcome.PASSED, *(finding.outcome for finding in findings)])
    reasons = tuple(dict.fromkeys(finding.reason for finding in findings))
    measured = tuple(f.measurement for f in findings if f.measurement is not None)
    return FrameChecks(
        check=Check(id=CHECK_ID, outcome=outcome, reasons=reasons, measurements=measured),
        findings=findings,
    )


def _times(times_s: NDArray[np.float64]) -> Iterator[FrameFinding]:
    unknown = np.flatnonzero(~np.isfinite(times_s))
    if unknown.size:
        yield _undecided("liveness.times_missing", unknown)
        return
    steps = np.diff(times_s)
    back = np.flatnonzero(steps <= 0) + 1
    if back.size:
        yield _undecided("liveness.times_not_rising", back)
    late = np.flatnonzero(steps > LONGEST_GAP_S) + 1
    if late.size:
        yield _undecided(
            "liveness.stream_gaps",
            late,
            Measurement(
                name="longest_gap", value=float(steps.max()), unit="s", threshold=LONGEST_GAP_S
            ),
        )


def _repetition(digests: Sequence[int | bytes]) -> Iterator[FrameFinding]:
    """Frozen pictures, and loops to the last bit. Standing frames count once in a loop."""
    count = len(digests)
    same = [i for i in range(1, count) if digests[i] == digests[i - 1]]
    if count > SHORTEST_LOOP and len(same) > FROZEN_SHARE * (count - 1):
        share = len(same) / (count - 1)
        yield _undecided(
            "liveness.frames_frozen",
            same,
            Measurement(name="repeated_share", value=share, threshold=FROZEN_SHARE),
        )
    moving = [digests[0], *(digests[i] for i in range(1, count) if digests[i] != digests[i - 1])]
    period = exact_period(moving)
    if period is not None:
        yield FrameFinding(
            reason="liveness.frames_looped",
            outcome=Outcome.FAILED,
            measurement=Measurement(name="loop_frames", value=float(period)),
        )


def exact_period(items: Sequence[int | bytes]) -> int | None:
    """Length of a run of at least four different items that comes a second time, item by item, or None."""
    places: dict[int | bytes, int] = {}
    for at, item in enumerate(items):
        before = places.get(item)
        if before is not None:
            period = at - before
            run = items[before : before + period]
            again = items[at : at + period]
            long_enough = min(len(again), len(set(run))) >= SHORTEST_LOOP
            if long_enough and list(run[: len(again)]) == list(again):
                return period
        places[item] = at
    return None


def _near_loop(
    thumbnails: NDArray[np.uint8], digests: Sequence[int | bytes] | None
) -> Iterator[FrameFinding]:
    """A loop that was compressed anew: some lag at which frames are far more alike than at most lags."""
    if digests is not None and exact_period(digests) is not None:
        return
    values = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    longest = len(values) // 2
    lags = range(SHORTEST_LOOP, longest + 1)
    if len(lags) < SHORTEST_LOOP:
        return
    differences = np.array([np.abs(values[lag:] - values[:-lag]).mean() for lag in lags])
    usual = float(np.median(differences))
    best = int(differences.argmin())
    if usual >= _LEAST_MOTION and differences[best] < _NEAR_SHARE * usual:
        yield FrameFinding(
            reason="liveness.frames_alike",
            outcome=Outcome.INDETERMINATE,
            measurement=Measurement(
                name="difference_at_loop_over_usual",
                value=float(differences[best]) / usual,
                threshold=_NEAR_SHARE,
            ),
        )


def _encoders(encoded: Sequence[JpegFacts], now: datetime | None) -> Iterator[FrameFinding]:
    edited = [i for i, facts in enumerate(encoded) if facts.edited]
    if edited:
        yield FrameFinding(
            reason="liveness.edited_picture", outcome=Outcome.FAILED, frames=tuple(edited[:5])
        )
    changed = [i for i in range(1, len(encoded)) if not same_encoder(encoded[i - 1], encoded[i])]
    if changed:
        yield _undecided("liveness.encoder_changed", changed)
    cameras = [(facts.exif.make, facts.exif.model) for facts in encoded]
    other = [i for i in range(1, len(cameras)) if cameras[i] != cameras[i - 1]]
    wrong = [i for i, facts in enumerate(encoded) if _contradicts_itself(facts, now)]
    before = [i for i in range(1, len(encoded)) if _taken_earlier(encoded[i - 1], encoded[i])]
    if other or wrong or before:
        yield _undecided("liveness.exif_inconsistent", sorted({*other, *wrong, *before}))


def same_encoder(one: JpegFacts, other: JpegFacts) -> bool:
    """Whether two files may come from one encoder with one setting of size and structure.

    Quality may change: encoders adapt it to the network. Tables count as the same family when both are those of the
    reference encoder at some quality, or are equal.
    """
    if (one.width_px, one.height_px) not in {
        (other.width_px, other.height_px),
        (other.height_px, other.width_px),
    }:
        return False
    if (one.process, one.sampling, one.markers) != (other.process, other.sampling, other.markers):
        return False
    if one.tables == other.tables:
        return True
    return one.standard_quality is not None and other.standard_quality is not None


def _contradicts_itself(facts: JpegFacts, now: datetime | None) -> bool:
    sides = {facts.exif.width_px, facts.exif.height_px} - {None}
    resized = bool(sides) and not sides <= {facts.width_px, facts.height_px}
    taken = facts.exif.taken
    stale = taken is not None and now is not None and abs(now - taken) > MOST_CLOCK_DIFFERENCE
    return resized or stale


def _taken_earlier(before: JpegFacts, after: JpegFacts) -> bool:
    first, second = before.exif.taken, after.exif.taken
    return first is not None and second is not None and second < first


def _noise(levels: Sequence[float | None]) -> Iterator[FrameFinding]:
    """One jump between two steady stretches: frames of another source were put in."""
    known = [(i, level) for i, level in enumerate(levels) if level is not None]
    for cut in range(_NOISE_RUN, len(known) - _NOISE_RUN + 1):
        before = [level for _, level in known[cut - _NOISE_RUN : cut]]
        after = [level for _, level in known[cut : cut + _NOISE_RUN]]
        low, high = sorted((before, after), key=max)
        if min(high) > NOISE_JUMP * max(*low, _NOISE_FLOOR):
            ratio = min(high) / max(*low, _NOISE_FLOOR)
            yield _undecided(
                "liveness.noise_changed",
                [known[cut][0]],
                Measurement(name="noise_ratio", value=ratio, threshold=NOISE_JUMP),
            )
            return


def _undecided(
    reason: str,
    frames: Sequence[int] | NDArray[np.intp],
    measurement: Measurement | None = None,
) -> FrameFinding:
    if measurement is not None and not math.isfinite(measurement.value):
        measurement = None
    return FrameFinding(
        reason=reason,
        outcome=Outcome.INDETERMINATE,
        frames=tuple(int(i) for i in frames[:5]),
        measurement=measurement,
    )

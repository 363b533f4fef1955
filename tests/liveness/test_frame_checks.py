"""What a server sees in frames: every finding on what causes it, and silence on what honest cameras do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.imaging.jpeg_facts import ExifFacts, JpegFacts
from ekyc.liveness.frame_checks import check_frames, exact_period, same_encoder
from ekyc.outcomes import Outcome

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ANNEX_K_50 = (
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)
FACTS = JpegFacts(
    width_px=640,
    height_px=480,
    process=0xC0,
    sampling=(0x22, 0x11, 0x11),
    tables=(ANNEX_K_50,),
    markers=(0xE0, 0xDB, 0xC0, 0xC4),
    edited=False,
)


def reasons(**given):
    return check_frames(**given).check.reasons


def outcome(**given):
    return check_frames(**given).check.outcome


def test_an_honest_capture_has_no_finding():
    random = np.random.default_rng(0)
    checked = check_frames(
        times_s=np.cumsum(random.uniform(0.03, 0.2, 60)),
        digests=list(range(60)),
        thumbnails=random.integers(0, 256, (60, 16, 16), dtype=np.uint8),
        encoded=[FACTS] * 60,
        noise_levels=[2 + 0.3 * float(random.normal()) for _ in range(60)],
        now=NOW,
    )
    assert checked.check.id == "liveness.frames"
    assert checked.check.outcome is Outcome.PASSED
    assert checked.findings == ()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_frames_tell_nothing(count):
    checked = check_frames(digests=[1] * count, times_s=[float("nan")] * count)
    assert checked.check.outcome is Outcome.NOT_PERFORMED
    assert checked.findings == ()


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ((0.0, float("nan"), 0.2), "liveness.times_missing"),
        ((0.0, float("inf"), 0.2), "liveness.times_missing"),
        ((0.0, 0.1, 0.1), "liveness.times_not_rising"),
        ((0.0, 0.2, 0.1), "liveness.times_not_rising"),
        ((0.0, 0.1, 2.0), "liveness.stream_gaps"),
    ],
)
def test_times_that_make_no_sense_are_undecided_never_an_attack(times, reason):
    checked = check_frames(times_s=times)
    assert checked.check.reasons == (reason,)
    assert checked.check.outcome is Outcome.INDETERMINATE
    assert checked.findings[0].frames


def test_a_variable_rate_is_honest():
    assert reasons(times_s=(0.0, 0.03, 0.1, 0.9, 0.95, 1.8)) == ()


def test_a_loop_to_the_last_bit_is_an_attack():
    checked = check_frames(digests=[1, 2, 3, 4, 5] * 3)
    assert checked.check.reasons == ("liveness.frames_looped",)
    assert checked.check.outcome is Outcome.FAILED
    assert checked.findings[0].measurement.value == 5


@pytest.mark.parametrize(
    "digests",
    [
        [1, 1, 2, 2, 3, 3, 4, 4, 5, 5],  # every frame twice: a rate doubled
        [1, 2, 1, 2, 1, 2, 1, 2],  # two pictures in turn: interlacing
        [1, 2, 3, 4, 5, 1, 6, 7],  # one picture came back
        [1, 2, 3, 4, 5, 6],
    ],
)
def test_what_converters_do_is_no_loop(digests):
    assert outcome(digests=digests) is Outcome.PASSED


def test_a_loop_that_stands_still_now_and_then_is_still_one():
    assert "liveness.frames_looped" in reasons(digests=[1, 2, 2, 3, 4, 1, 1, 2, 3, 4, 1])


def test_a_frozen_picture_is_undecided():
    checked = check_frames(digests=[1, 2, *[3] * 10])
    assert checked.check.reasons == ("liveness.frames_frozen",)
    assert checked.check.outcome is Outcome.INDETERMINATE


@given(st.lists(st.integers(0, 5), max_size=40))
def test_a_period_is_one(items):
    period = exact_period(items)
    if period is not None:
        assert any(
            items[i : i + 4] == items[i + period : i + period + 4]
            for i in range(len(items) - period - 3)
        )


def motion(random, count, size=16):
    """A bright spot that wanders: thumbnails of something that moves."""
    at = np.clip(np.cumsum(random.normal(0, 2.5, (count, 2)), axis=0) + 8, 1, size - 2)
    y, x = np.mgrid[:size, :size]
    far = (y - at[:, 0, None, None]) ** 2 + (x - at[:, 1, None, None]) ** 2
    return 60 + 150 * np.exp(-far / 12)


def thumbnails(values, random):
    return np.clip(values + random.normal(0, 0.5, values.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(20))
def test_a_loop_compressed_anew_is_noticed_and_movement_is_not(seed):
    random = np.random.default_rng(seed)
    run = motion(random, 24)
    looped = thumbnails(np.concatenate([run, run, run]), random)
    assert reasons(thumbnails=looped, digests=list(range(72))) == ("liveness.frames_alike",)
    assert reasons(thumbnails=thumbnails(motion(random, 72), random)) == ()


def test_holding_still_is_no_loop():
    random = np.random.default_rng(1)
    still = thumbnails(np.repeat(motion(random, 1), 60, axis=0), random)
    assert reasons(thumbnails=still) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"width_px": 320},
        {"process": 0xC2},
        {"sampling": (0x11, 0x11, 0x11)},
        {"markers": (0xE1, 0xDB, 0xC0, 0xC4)},
        {"tables": ((7,) * 64,)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_encoder_within_a_capture_is_noticed(change):
    checked = check_frames(encoded=[FACTS, FACTS, replace(FACTS, **change)])
    assert checked.check.reasons == ("liveness.encoder_changed",)
    assert checked.findings[0].frames == (2,)
    assert checked.check.outcome is Outcome.INDETERMINATE


def test_another_quality_or_a_turned_telephone_is_the_same_encoder():
    half = tuple(max(1, (value * 100 + 50) // 100) for value in np.array(ANNEX_K_50) * 2 // 2)
    assert same_encoder(FACTS, replace(FACTS, tables=(half,)))
    assert same_encoder(FACTS, replace(FACTS, width_px=480, height_px=640))


def test_an_editors_mark_is_an_attack():
    checked = check_frames(encoded=[replace(FACTS, edited=True), replace(FACTS, edited=True)])
    assert checked.check.outcome is Outcome.FAILED
    assert checked.check.reasons == ("liveness.edited_picture",)


def exif(**values):
    return replace(FACTS, exif=ExifFacts(**values))


@pytest.mark.parametrize(
    "encoded",
    [
        [exif(make="A", model="1"), exif(make="A", model="2")],
        [exif(make="A"), FACTS],
        [exif(width_px=4000), exif(width_px=4000)],
        [exif(taken=NOW - timedelta(days=3))] * 2,
        [exif(taken=NOW + timedelta(seconds=9)), exif(taken=NOW)],
    ],
    ids=["camera", "camera gone", "resized", "days ago", "backwards"],
)
def test_metadata_that_do_not_fit_are_undecided(encoded):
    checked = check_frames(encoded=encoded, now=NOW)
    assert checked.check.reasons == ("liveness.exif_inconsistent",)
    assert checked.check.outcome is Outcome.INDETERMINATE


def test_a_camera_that_names_no_zone_is_honest():
    local = [exif(taken=NOW + timedelta(hours=7)), exif(taken=NOW + timedelta(hours=7, seconds=1))]
    assert reasons(encoded=local, now=NOW) == ()


def test_frames_of_another_noise_put_in_are_noticed():
    checked = check_frames(
        digests=list(range(10)), noise_levels=[1.0, 1.1, 0.9, 1.0, 5.0, 5.2, 4.8, 5.0, 5.1, 5.0]
    )
    assert checked.check.reasons == ("liveness.noise_changed",)
    assert checked.findings[0].frames == (4,)


@pytest.mark.parametrize(
    "levels",
    [
        [1.0, 1.2, 5.0, 1.1, 1.0, 1.2, 0.9],  # one blurred or lit frame
        [1.0, 1.3, 1.7, 2.2, 2.8, 3.5, 4.0],  # the light goes down slowly
        [0.0, 0.0, 0.0, 0.4, 0.5, 0.6],  # compression decides
        [None, 1.0, None, 1.0],
    ],
)
def test_noise_that_cameras_make_is_none(levels):
    assert reasons(digests=list(range(len(levels))), noise_levels=levels) == ()

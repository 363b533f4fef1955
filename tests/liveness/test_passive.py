"""Gates and policy with a fake detector and network that read the frame's colours; then real pictures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, LimitError
from ekyc.face import FaceDetector
from ekyc.imaging import read_image, resize
from ekyc.liveness import DEFAULT_PAD, FrameProblem, PadThresholds, check_liveness
from ekyc.liveness.passive import judge
from ekyc.outcomes import Outcome, reason_registry


@pytest.fixture
def check(detector, pad_model):
    def run(frames, **options):
        return check_liveness(frames, detector=detector, pad_model=pad_model, **options)

    return run


def capture(draw, *scores, **options):
    return [draw(score, number=number, **options) for number, score in enumerate(scores)]


def test_five_live_frames_pass_without_reasons(check, draw):
    report = check(capture(draw, 0.9, 0.8, 0.7, 0.6, 0.5))
    assert report.check.id == "liveness.passive"
    assert report.check.outcome is Outcome.PASSED
    assert report.check.reasons == ()
    assert report.median == pytest.approx(0.7)
    assert report.checks == (report.check,)
    assert len(report.scored) == 5
    measured = {m.name: m for m in report.check.measurements}
    assert measured["live_score"].threshold == DEFAULT_PAD.live_at
    assert measured["usable_frames"].value == 5


def test_attack_fails_even_in_a_single_frame(check, draw):
    report = check(capture(draw, 0.1))
    assert report.check.outcome is Outcome.FAILED
    assert report.check.reasons == ("liveness.presentation_attack",)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_few_frames_never_pass(check, draw, count):
    report = check(capture(draw, *[0.99] * count))
    assert report.check.outcome is Outcome.INDETERMINATE
    assert report.check.reasons == ("liveness.too_few_frames",)


def test_one_lucky_frame_of_a_replay_does_not_pass(check, draw):
    report = check(capture(draw, 0.1, 0.1, 0.99, 0.1, 0.2))
    assert report.check.outcome is Outcome.FAILED


def test_one_bad_frame_of_a_person_does_not_fail(check, draw):
    report = check(capture(draw, 0.9, 0.05, 0.9, 0.8, 0.9))
    assert report.check.outcome is Outcome.PASSED


def test_between_the_thresholds_is_uncertain(check, draw):
    report = check(capture(draw, *[0.45] * 5))
    assert report.check.outcome is Outcome.INDETERMINATE
    assert report.check.reasons == ("liveness.uncertain",)


def test_the_same_frame_again_and_again_is_one_frame(check, draw):
    report = check([draw(0.9)] * 8)
    assert report.check.outcome is Outcome.INDETERMINATE
    assert report.check.reasons == ("liveness.too_few_frames", "liveness.repeated")
    assert [frame.problem for frame in report.frames] == [None, *["repeated"] * 7]


def test_repeating_a_good_frame_does_not_outvote_the_others(check, draw):
    frames = [*capture(draw, 0.1, 0.1, 0.1), *[draw(0.99, number=9)] * 20]
    assert check(frames).check.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"faces": ()}, FrameProblem.NO_FACE),
        ({"faces": ((120, 240, 180), (360, 240, 180))}, FrameProblem.SEVERAL_FACES),
        ({"faces": ((240, 240, 120),)}, FrameProblem.FACE_TOO_SMALL),
        ({"faces": ((240, 240, 340),)}, FrameProblem.NO_SURROUNDINGS),
        ({"grain": 1}, FrameProblem.BLURRED),
        ({"level": 2}, FrameProblem.TOO_DARK),
    ],
)
@pytest.mark.parametrize("live", [0.0, 1.0])
def test_bad_quality_is_never_called_an_attack_nor_life(check, draw, options, problem, live):
    frames = capture(draw, *[live] * 5, **options)
    report = check(frames)
    assert {frame.problem for frame in report.frames} == {problem}
    assert report.check.outcome is Outcome.INDETERMINATE
    assert report.check.reasons == (f"liveness.{problem}",)
    assert report.median is None


def test_overexposed_frames_decide_nothing(check, draw):
    frames = capture(draw, *[0.9] * 5, level=230, grain=25)
    for frame in frames:
        frame[1:-1, :, 2] = 250
    report = check(frames)
    assert report.check.outcome is Outcome.INDETERMINATE
    assert report.check.reasons == ("liveness.too_bright",)


def test_frames_set_aside_do_not_vote(check, draw):
    frames = capture(draw, 0.9, 0.9, 0.9, 0.9, 0.9)
    dark = [draw(0.0, number=20 + i, level=2) for i in range(9)]
    assert check(frames + dark).check.outcome is Outcome.PASSED


def test_no_frames_is_not_performed(check):
    report = check([])
    assert report.check.outcome is Outcome.NOT_PERFORMED
    assert report.check.reasons == ("liveness.no_frames",)


def test_too_many_frames_are_refused_before_any_work(draw, detector, pad_model):
    frames = [draw(0.9)] * 61
    with pytest.raises(LimitError) as caught:
        check_liveness(frames, detector=detector, pad_model=pad_model)
    assert caught.value.code == "liveness.too_many_frames"


def test_pixel_grid_fails_whatever_the_network_says(check, draw):
    y, x = np.mgrid[:480, :480]
    grid = (12 * np.cos(2 * np.pi * (0.41 * x + 0.05 * y))).round().astype(int)[..., None]
    frames = [
        np.clip(frame + grid * (1, 1, 0), 0, 255).astype(np.uint8)
        for frame in capture(draw, *[0.99] * 5)
    ]
    for frame in frames:
        frame[-1] = draw(0.99)[-1]
    report = check(frames)
    assert report.check.outcome is Outcome.FAILED
    assert report.check.reasons == ("liveness.screen_pattern",)


@pytest.mark.parametrize(
    "options",
    [
        {"live_at": 0.1},
        {"spoof_below": 0.45},
        {"spoof_below": -0.1},
        {"live_at": 1.1},
        {"live_at": float("nan")},
        {"min_frames": 2},
        {"min_frames": 61},
    ],
)
def test_impossible_thresholds_are_refused(options):
    with pytest.raises(InputError) as caught:
        PadThresholds(**options)
    assert caught.value.code == "liveness.thresholds_invalid"


@given(
    st.floats(0, 1), st.floats(0, 1), st.floats(0, 5), st.integers(1, 8), st.sampled_from([1, 5])
)
def test_no_passed_without_enough_frames_score_and_silence_of_the_grid(
    median, more, lines, count, needed
):
    at_best = median + more * (1 - median)
    from ekyc.liveness import FrameLiveness, FrameScore

    frames = [
        FrameLiveness(
            index=i,
            problem=None,
            score=FrameScore(wide=median, square=median),
            screen_lines_nats=lines,
            face_width_px=200.0,
            quality=None,
        )
        for i in range(count)
    ]
    outcome, _ = judge(
        frames,
        median=median,
        at_best=at_best,
        screen_lines=lines,
        thresholds=DEFAULT_PAD,
        frames_needed=needed,
    )
    allowed = count >= needed and median >= 0.5 and lines < 3.0
    assert (outcome is Outcome.PASSED) == allowed
    assert (outcome is Outcome.FAILED) == (at_best < DEFAULT_PAD.spoof_below or lines >= 3.0)


def test_problems_are_reason_codes():
    assert {f"liveness.{problem}" for problem in FrameProblem} <= set(reason_registry())


@pytest.fixture(scope="module")
def real(models, shared_data):
    detector = FaceDetector(models.model("yunet-2023mar"))
    pad_model = models.model("faceplugin-liveness")

    def run(name):
        frame = read_image(shared_data / "liveness" / name)
        return check_liveness([frame], detector=detector, pad_model=pad_model)

    return run


@pytest.mark.models
@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("attack/print/mv_F1.jpg", "liveness.presentation_attack"),
        ("attack/screen/mv_F2.jpg", "liveness.presentation_attack"),
        ("attack/screen/dt_moire.jpg", "liveness.screen_pattern"),
    ],
)
def test_real_attacks_fail(real, name, reason):
    report = real(name)
    assert report.check.outcome is Outcome.FAILED
    assert report.check.reasons == (reason,)


@pytest.mark.models
@pytest.mark.shared_data
def test_real_selfie_scores_as_live_but_one_frame_does_not_pass(real):
    report = real("bona_fide/selfie/mv_T1.jpg")
    assert report.median > 0.8
    assert report.screen_lines_nats < 2
    assert report.check.outcome is Outcome.INDETERMINATE
    assert report.check.reasons == ("liveness.too_few_frames",)


@pytest.mark.models
@pytest.mark.shared_data
def test_real_selfie_at_five_crops_of_its_frame_passes(models, shared_data):
    """Five slightly shifted frames stand in for a capture; they show that the path to PASSED is open, no more."""
    frame = read_image(shared_data / "liveness/bona_fide/selfie/mv_T1.jpg")
    frames = [frame[i : 600 + i, i : 440 + i].copy() for i in range(5)]
    report = check_liveness(
        frames,
        detector=FaceDetector(models.model("yunet-2023mar")),
        pad_model=models.model("faceplugin-liveness"),
    )
    assert report.check.outcome is Outcome.PASSED


@pytest.mark.models
@pytest.mark.shared_data
def test_rejected_selfie_is_known(real):
    """Backlit and distant: the network doubts this living person. It is in the figures we publish."""
    report = real("bona_fide/selfie/mv_T2.jpg")
    assert 0.3 < report.median < 0.5
    assert report.check.outcome is Outcome.INDETERMINATE


@pytest.mark.models
@pytest.mark.shared_data
def test_shrinking_removes_the_grid_and_is_therefore_not_done(models, shared_data):
    from ekyc.liveness import measure_screen_lines

    detector = FaceDetector(models.model("yunet-2023mar"))
    frame = read_image(shared_data / "liveness/attack/screen/dt_moire.jpg")
    half = resize(frame, 512, 512)
    assert measure_screen_lines(frame, detector.detect(frame)[0].box) > 3
    assert measure_screen_lines(half, detector.detect(half)[0].box) < 3

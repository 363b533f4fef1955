"""Policy of the comparison with a fake detector and embedder that read the picture's colours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.face import (
    DEFAULT_MATCH,
    FaceDetector,
    FaceEmbedder,
    FaceProblem,
    MatchThresholds,
    UsableFace,
    compare_faces,
    judge_cosine,
    usable_face,
)
from ekyc.outcomes import Outcome
from ekyc.testing import StaticModel

TWO = ((70, 128, 100), (190, 128, 100))
BYSTANDER = ((90, 128, 120), (210, 128, 40))


def test_same_person_passes_without_reasons(draw, detector, embedder):
    found = compare_faces(draw(3), [draw(3)], detector, embedder)
    assert found.check.id == "face.match"
    assert found.check.outcome is Outcome.PASSED
    assert found.check.reasons == ()
    assert found.cosine == pytest.approx(1.0)
    assert found.best_frame == 0
    (measured,) = found.check.measurements
    assert (measured.name, measured.threshold) == ("cosine", DEFAULT_MATCH.accept_at)
    assert found.checks == (found.check,)


def test_another_person_fails(draw, detector, embedder):
    found = compare_faces(draw(3), [draw(4), draw(4)], detector, embedder)
    assert found.check.outcome is Outcome.FAILED
    assert found.check.reasons == ("face.not_same_person",)


@pytest.mark.parametrize(
    ("faces", "reason"),
    [
        ((), "no_face"),
        (TWO, "several_faces"),
        (((128, 128, 60),), "too_small"),
    ],
)
def test_unusable_pictures_decide_nothing(draw, detector, embedder, faces, reason):
    bad = draw(3, faces=faces)
    of_portrait = compare_faces(bad, [draw(3)], detector, embedder).check
    assert of_portrait.outcome is Outcome.INDETERMINATE
    assert of_portrait.reasons == (f"face.portrait_{reason}",)
    found = compare_faces(draw(3), [bad], detector, embedder)
    assert found.check.outcome is Outcome.INDETERMINATE
    assert found.check.reasons == (f"face.{reason}",)
    assert found.frames[0].problem == reason
    assert found.cosine is found.best_frame is None


def test_no_frames_is_not_performed(draw, detector, embedder):
    found = compare_faces(draw(3), [], detector, embedder)
    assert found.check.outcome is Outcome.NOT_PERFORMED
    assert found.check.reasons == ("face.no_frames",)


def test_passer_by_in_the_background_is_ignored(draw, detector, embedder):
    assert (
        compare_faces(draw(3), [draw(3, faces=BYSTANDER)], detector, embedder).check.outcome
        is Outcome.PASSED
    )


def test_unusable_frames_among_usable_ones_do_not_count(draw, detector, embedder):
    frames = [draw(3, faces=()), draw(3), draw(4, faces=TWO)]
    found = compare_faces(draw(3), frames, detector, embedder)
    assert found.check.outcome is Outcome.PASSED
    assert found.best_frame == 1
    assert [frame.problem for frame in found.frames] == ["no_face", None, "several_faces"]


def test_commonest_problem_is_the_reason(draw, detector, embedder):
    frames = [draw(3, faces=()), draw(3, faces=TWO), draw(3, faces=TWO)]
    check = compare_faces(draw(3), frames, detector, embedder).check
    assert check.reasons == ("face.several_faces",)


@pytest.mark.parametrize("place", range(3))
def test_one_picture_of_the_holder_among_frames_of_a_stranger_does_not_pass(
    draw, detector, embedder, place
):
    """The stranger is live in most frames; the best frame, very sharp, is a photograph of the holder."""
    frames = [draw(4), draw(4)]
    frames.insert(place, draw(3, grain=120))
    found = compare_faces(draw(3), frames, detector, embedder)
    assert found.best_frame == place
    assert found.check.outcome is Outcome.INDETERMINATE
    assert found.check.reasons == ("face.frames_differ",)


def test_best_frame_is_the_sharpest_not_the_likest(draw, detector, embedder):
    blurred_holder, sharp_stranger = draw(3, grain=1), draw(4, grain=120)
    found = compare_faces(draw(3), [blurred_holder, sharp_stranger], detector, embedder)
    assert found.best_frame == 1
    assert found.check.outcome is Outcome.FAILED


def test_rank_prefers_large_sharp_frontal_sure_faces(draw, detector):
    def rank(**options):
        image = draw(3, **options)
        found = usable_face(image, detector.detect(image))
        assert isinstance(found, UsableFace)
        return found.rank

    base = rank(grain=10)
    assert rank(grain=40) > base
    assert rank(grain=10, faces=((128, 128, 90),)) < base
    assert 0 <= base <= 1


@given(st.floats(-1, 1))
def test_thresholds_leave_a_band_for_people(value):
    outcome, reasons = judge_cosine(value, DEFAULT_MATCH)
    if value >= DEFAULT_MATCH.accept_at:
        assert (outcome, reasons) == (Outcome.PASSED, ())
    elif value >= DEFAULT_MATCH.reject_below:
        assert (outcome, reasons) == (Outcome.INDETERMINATE, ("face.borderline",))
    else:
        assert (outcome, reasons) == (Outcome.FAILED, ("face.not_same_person",))


@pytest.mark.parametrize(
    ("low", "high"), [(0.5, 0.4), (-1.1, 0.4), (0.3, 1.1), (0.3, float("nan"))]
)
def test_impossible_thresholds_are_refused(low, high):
    with pytest.raises(InputError) as caught:
        MatchThresholds(reject_below=low, accept_at=high)
    assert caught.value.code == "face.thresholds_invalid"


def test_not_a_number_never_passes():
    outcome, _ = judge_cosine(float("nan"), DEFAULT_MATCH)
    assert outcome is not Outcome.PASSED


def test_problems_are_reason_codes():
    from ekyc.outcomes import reason_registry

    known = reason_registry()
    for problem in FaceProblem:
        assert f"face.{problem}" in known
        assert f"face.portrait_{problem}" in known


LOOKALIKES = {"009", "019"}
"""Two women whom SFace takes for one (cosines 0.50 to 0.54): a known limit, docs/face.md."""


def people(shared_data, count):
    from ekyc.imaging import read_image

    folder = shared_data / "faces/london"
    names = sorted({path.name[:3] for path in folder.glob("*_03.jpg")} - LOOKALIKES)[:count]
    return [
        (read_image(folder / f"{name}_03.jpg"), read_image(folder / f"{name}_08.jpg"))
        for name in names
    ]


@pytest.mark.models
@pytest.mark.shared_data
def test_twenty_londoners_are_known_by_their_smile_and_never_taken_for_each_other(
    models, shared_data
):
    detector = FaceDetector(models.model("yunet-2023mar"))
    embedder = FaceEmbedder(models.model("sface-2021dec"))
    listed = people(shared_data, 20)
    for neutral, smiling in listed:
        found = compare_faces(neutral, [smiling], detector, embedder)
        assert found.check.outcome is Outcome.PASSED
        assert found.cosine is not None
        assert found.cosine > 0.7
    vectors = [
        [embedder.embed(image, detector.detect(image)[0]) for image in pair] for pair in listed
    ]
    outcomes = [
        judge_cosine(float(vectors[i][0] @ vectors[j][1]), DEFAULT_MATCH)[0]
        for i in range(20)
        for j in range(20)
        if i != j
    ]
    assert Outcome.PASSED not in outcomes
    assert outcomes.count(Outcome.FAILED) >= 0.98 * len(outcomes)


@pytest.mark.models
@pytest.mark.shared_data
def test_two_people_are_rejected_end_to_end(models, shared_data):
    detector = FaceDetector(models.model("yunet-2023mar"))
    embedder = FaceEmbedder(models.model("sface-2021dec"))
    (first, _), (_, second) = people(shared_data, 2)
    found = compare_faces(first, [second], detector, embedder)
    assert found.check.outcome is Outcome.FAILED
    assert found.check.reasons == ("face.not_same_person",)


def test_a_model_that_answers_with_nothing_is_not_a_stranger(draw, detector):
    from ekyc.errors import ModelError

    zero = StaticModel("sface-2021dec", lambda _item: (np.zeros(128, dtype=np.float32),))
    with pytest.raises(ModelError) as caught:
        compare_faces(draw(3), [draw(3)], detector, FaceEmbedder(zero))
    assert caught.value.code == "model.unexpected_output"

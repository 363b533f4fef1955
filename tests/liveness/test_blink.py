"""Shut eyes as an answer: from open to shut to open, both eyes, the head still, neither too soon nor too short."""

from dataclasses import replace

import pytest
from drawn_eyes import lids

from ekyc.face import EyeReader, FacePipeline
from ekyc.imaging import encode_jpeg
from ekyc.liveness.active import FaceObservation, MeshObserver, Step
from ekyc.liveness.active.gestures import Answer, GestureRules, judge_answer, level, rest_of
from ekyc.testing import StaticModel
from ekyc.values import BoxPx

RULES = GestureRules(eyes_shut=0.3)
OPEN, SHUT = 0.28, 0.12
FACE = FaceObservation(
    yaw_deg=0.0,
    pitch_deg=0.0,
    roll_deg=0.0,
    eye_openness=OPEN,
    mouth_opening=0.0,
    box=BoxPx(left=100, top=100, right=300, bottom=360),
    face_bgr=(90.0, 110.0, 140.0),
    background_bgr=(80.0, 80.0, 80.0),
)
BASE = rest_of([FACE])


def judged(*stretches, **changes):
    """Ten frames a second; a stretch is a number of frames and how open the eyes are."""
    eyes = [openness for frames, openness in stretches for _ in range(frames)]
    faces = [(0.1 * (k + 1), replace(FACE, eye_openness=o)) for k, o in enumerate(eyes)]
    faces = [(at, replace(f, **changes) if f.eye_openness < OPEN else f) for at, f in faces]
    return judge_answer(Step.BLINK, faces, BASE, 0.0, RULES)


def test_open_shut_open_is_an_answer():
    assert judged((3, OPEN), (4, SHUT), (2, OPEN)) is Answer.GIVEN


@pytest.mark.parametrize(
    "stretches",
    [
        [(9, OPEN)],
        [(3, OPEN), (2, SHUT), (3, OPEN)],
        [(3, OPEN), (6, SHUT)],
        [(3, OPEN), (4, 0.22), (3, OPEN)],
    ],
    ids=["never shut", "a spontaneous blink", "not opened again", "narrowed"],
)
def test_anything_less_is_none_yet(stretches):
    assert judged(*stretches) is Answer.WAITING


def test_eyes_that_were_shut_before_it_could_be_asked_are_too_early():
    assert judged((5, SHUT), (3, OPEN)) is Answer.EARLY


@pytest.mark.parametrize("turned", [{"pitch_deg": -14.0}, {"yaw_deg": 20.0}])
def test_eyes_foreshortened_by_a_tilted_head_do_not_count(turned):
    assert judged((3, OPEN), (4, SHUT), (2, OPEN), **turned) is not Answer.GIVEN


def test_a_person_with_narrow_eyes_is_held_against_the_own_eyes():
    narrow = rest_of([replace(FACE, eye_openness=0.14)])
    assert level(Step.BLINK, replace(FACE, eye_openness=0.14), narrow, RULES) == 0
    assert level(Step.BLINK, replace(FACE, eye_openness=0.07), narrow, RULES) > 1


@pytest.fixture(scope="module")
def rendered(models):
    from rendered_face import RenderedFace, photograph_of

    return RenderedFace(*photograph_of(models))


def observed(models, rendered, shares, eyes):
    detector = FacePipeline.over(models).detector
    observer = MeshObserver(detector=detector, embedder=None, eyes=eyes)
    pictures = {share: encode_jpeg(rendered.frame({Step.BLINK: share})) for share in set(shares)}
    faces = {share: observer.observe(picture).face for share, picture in pictures.items()}
    return [(0.1 * (k + 1), faces[share]) for k, share in enumerate(shares)]


@pytest.mark.models
def test_rendered_lids_are_an_answer_to_the_service_and_a_still_picture_is_none(models, rendered):
    from ekyc.flows.live_rooms import SERVICE_POLICY

    eyes = EyeReader(models.model("mediapipe-iris"))
    faces = observed(models, rendered, [0, 0, 0, 1.5, 1.5, 1.5, 1.5, 0, 0], eyes)
    base = rest_of([face for _, face in faces[:3]])
    asked = (Step.BLINK, faces, base, 0.0, SERVICE_POLICY.gestures)
    assert judge_answer(*asked) is Answer.GIVEN
    still = [(at, faces[0][1]) for at, _ in faces]
    assert judge_answer(Step.BLINK, still, *asked[2:]) is Answer.WAITING


@pytest.mark.models
@pytest.mark.parametrize("wink", [(0.05, 0.3), (0.3, 0.05)], ids=["right", "left"])
def test_one_shut_eye_is_not_enough(models, rendered, wink):
    told = iter(wink)

    net = StaticModel("mediapipe-iris", lambda _item: lids(28 * next(told)))
    ((_, face),) = observed(models, rendered, [0], EyeReader(net))
    assert face.eye_openness == pytest.approx(0.3)

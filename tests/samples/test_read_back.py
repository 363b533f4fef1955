"""What is drawn can be read and seen by the real models, at several seeds."""

import pytest

from ekyc.face import FaceDetector
from ekyc.imaging.decode import decode_image, read_image
from ekyc.imaging.encode import encode_jpeg
from ekyc.inference import ModelStore
from ekyc.ocr import read_card
from ekyc.ocr.engines import open_reader
from ekyc.outcomes import Outcome
from ekyc.samples import (
    FacePicture,
    SampleCitizen,
    photograph_card,
    portrait_of,
    render_card_back,
    render_card_front,
    render_face_frames,
    render_screen_replay,
)

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def detector(models):
    return FaceDetector(models.model("yunet-2023mar"))


@pytest.fixture(scope="module", params=["portrait-astronaut", "portrait-hopper"])
def picture(request, detector):
    image = read_image(ModelStore().asset_path(request.param))
    return FacePicture(image=image, face=detector.detect(image)[0].box)


@pytest.fixture(scope="module")
def reader(models):
    return open_reader(models)


def face_widths(detector, pictures):
    found = [detector.detect(picture) for picture in pictures]
    assert all(len(faces) == 1 for faces in found)
    return [faces[0].box.width for faces in found]


def test_one_large_face_is_seen_in_every_frame(picture, detector):
    frames = render_face_frames(picture, seed=1)
    assert min(face_widths(detector, frames)) > 0.3 * frames[0].shape[1]


def test_the_face_is_still_seen_on_the_screen(picture, detector):
    replay = render_screen_replay(render_face_frames(picture, seed=1), seed=1)
    assert min(face_widths(detector, replay)) > 0.2 * replay[0].shape[1]


def test_the_face_is_seen_in_the_chip_portrait_and_on_the_card(picture, detector):
    portrait = portrait_of(picture, 413, 531)
    card = photograph_card(render_card_front(SampleCitizen.default(), portrait), 1)
    assert min(face_widths(detector, [portrait, card])) > 120


@pytest.mark.parametrize("seed", [1, 2])
def test_a_photographed_card_says_what_was_printed(seed, picture, reader):
    citizen = SampleCitizen.default()
    portrait = portrait_of(picture, 312, 416)
    sides = [
        decode_image(encode_jpeg(photograph_card(side, seed + i), 92), name="card")
        for i, side in enumerate((render_card_front(citizen, portrait), render_card_back(citizen)))
    ]
    reading = read_card(sides[0], sides[1], reader)
    assert reading.kind == "cccd-2021"
    assert {check.outcome for check in reading.checks} == {Outcome.PASSED}
    values = {field.name: field.value.reveal() for field in reading.fields}
    assert values["personal_number"] == citizen.personal_number
    assert values["full_name"] == citizen.full_name
    assert values["residence"] == citizen.residence

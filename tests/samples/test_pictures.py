"""Card, papers and face frames as pictures."""

from dataclasses import replace

import numpy as np
import pytest

from ekyc.errors import InputError
from ekyc.imaging.barcode import read_qr_texts
from ekyc.imaging.decode import decode_image
from ekyc.imaging.draw import TextStyle
from ekyc.imaging.encode import encode_jpeg
from ekyc.ocr.dates import date_in_words
from ekyc.samples import (
    FacePicture,
    SampleBirth,
    SampleCitizen,
    alter,
    photograph_card,
    portrait_of,
    render_birth_certificate,
    render_card_back,
    render_card_front,
    render_face_frames,
    render_screen_replay,
    scan_of,
)
from ekyc.samples.cards import CARD_HEIGHT_PX, CARD_WIDTH_PX, PORTRAIT_BOX, qr_rows, wrapped
from ekyc.samples.documents import PAGE_HEIGHT_PX, PAGE_WIDTH_PX
from ekyc.samples.faces import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from ekyc.values import BoxPx

CITIZEN = SampleCitizen.default()
BIRTH = SampleBirth.default()


@pytest.fixture(scope="module")
def picture():
    """A photograph of nobody: every pixel tells where it came from."""
    rows, columns = np.mgrid[0:400, 0:500]
    image = np.stack([columns // 2, rows // 2, np.full_like(rows, 120)], axis=2).astype(np.uint8)
    return FacePicture(image=image, face=BoxPx(left=200, top=110, right=300, bottom=230))


@pytest.fixture(scope="module")
def front(picture):
    return render_card_front(CITIZEN, portrait_of(picture, 312, 416))


@pytest.fixture(scope="module")
def certificate():
    return render_birth_certificate(BIRTH)


def difference_box(one, other):
    """Smallest box (left, top, right, bottom) that holds all pixels in which two pictures differ."""
    rows, columns = np.nonzero((one != other).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_the_card_has_the_size_of_an_identity_card(front):
    assert front.shape == render_card_back(CITIZEN).shape == (CARD_HEIGHT_PX, CARD_WIDTH_PX, 3)
    assert pytest.approx(85.60 / 53.98, rel=0.002) == CARD_WIDTH_PX / CARD_HEIGHT_PX


def test_card_and_page_are_the_same_each_time(front, picture, certificate):
    assert np.array_equal(front, render_card_front(CITIZEN, portrait_of(picture, 312, 416)))
    assert np.array_equal(certificate, render_birth_certificate(BIRTH))
    assert certificate.shape == (PAGE_HEIGHT_PX, PAGE_WIDTH_PX, 3)


def test_the_portrait_lies_in_its_box_and_nowhere_else(front):
    other = render_card_front(CITIZEN, np.zeros((416, 312, 3), dtype=np.uint8))
    left, top, right, bottom = difference_box(front, other)
    assert left >= PORTRAIT_BOX.left
    assert top >= PORTRAIT_BOX.top
    assert right <= PORTRAIT_BOX.right + 1
    assert bottom <= PORTRAIT_BOX.bottom + 1


def test_the_qr_code_on_the_front_says_the_payload(front):
    assert read_qr_texts(front) == (CITIZEN.qr_payload(),)


@pytest.mark.parametrize("seed", range(6))
def test_the_qr_code_survives_being_photographed(front, seed):
    photo = decode_image(encode_jpeg(photograph_card(front, seed), 80), name="photo.jpg")
    assert read_qr_texts(photo) == (CITIZEN.qr_payload(),)


def test_qr_modules_are_at_least_three_pixels_in_a_photograph(front):
    # zxing-cpp read 30 of 30 at three pixels per module, 5 of 30 at two (measured before this was drawn).
    assert len(qr_rows(CITIZEN.qr_payload())) * 3 < 216
    photo = photograph_card(front, 0)
    assert photo.shape[1] > front.shape[1]


def test_photographs_differ_by_seed_and_repeat(front):
    assert np.array_equal(photograph_card(front, 4), photograph_card(front, 4))
    assert not np.array_equal(photograph_card(front, 4), photograph_card(front, 5))


def test_a_long_address_continues_on_the_next_line():
    style = TextStyle(size_px=27)
    text = "Số 128 đường Nguyễn Hữu Thọ, phường Hòa Thuận Tây, quận Hải Châu, thành phố Đà Nẵng"
    lines = wrapped(text, style, 500)
    assert len(lines) > 1
    assert " ".join(lines) == text
    assert all(style.width_of(line) <= 500 for line in lines)


def test_an_altered_certificate_differs_in_one_digit_and_one_tone_mark(certificate):
    altered = alter(BIRTH)
    changed = {
        field
        for field in SampleBirth.__dataclass_fields__
        if getattr(altered, field) != getattr(BIRTH, field)
    }
    assert changed == {"full_name", "date_as_printed"}
    for field in changed:
        before, after = getattr(BIRTH, field), getattr(altered, field)
        assert len(before) == len(after)
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    left, top, right, bottom = difference_box(certificate, render_birth_certificate(altered))
    assert bottom - top < 0.06 * PAGE_HEIGHT_PX
    assert right - left < 0.25 * PAGE_WIDTH_PX


def test_an_altered_certificate_keeps_the_date_in_words():
    assert date_in_words(alter(BIRTH).birth_date) == date_in_words(BIRTH.birth_date)


def test_a_name_without_exchangeable_tone_is_refused():
    with pytest.raises(InputError) as caught:
        alter(replace(BIRTH, full_name="LAN ANH"))
    assert caught.value.code == "sample.no_tone_mark"


def test_a_scan_is_the_same_page_a_little_off(certificate):
    scan = scan_of(certificate, 3)
    assert scan.shape == certificate.shape
    assert np.array_equal(scan, scan_of(certificate, 3))
    assert not np.array_equal(scan, scan_of(certificate, 4))
    assert abs(float(scan.mean()) - float(certificate.mean())) < 16


def test_frames_are_large_without_border_and_move(picture):
    frames = render_face_frames(picture, count=4, seed=1)
    assert [frame.shape for frame in frames] == [(FRAME_HEIGHT_PX, FRAME_WIDTH_PX, 3)] * 4
    assert all(frame[:, :, 2].min() > 90 for frame in frames), "red is 120 all over the photograph"
    assert not np.array_equal(frames[0], frames[1])
    again = render_face_frames(picture, count=4, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))


def test_motions_between_frames_are_small(picture):
    frames = render_face_frames(picture, count=8, seed=3)
    middle = [frame[450:510, 330:390].astype(float).mean(axis=(0, 1)) for frame in frames]
    # Red is 120 all over, so the ratio cancels the change of light; blue then tells the column of the photograph.
    columns = [2 * 120 * blue / red for blue, _, red in middle]
    spread_px = (max(columns) - min(columns)) * FRAME_WIDTH_PX / 267
    assert 1 < spread_px < 40


def test_no_frame_at_all_is_refused(picture):
    with pytest.raises(InputError) as caught:
        render_face_frames(picture, count=0)
    assert caught.value.code == "sample.frame_count"


@pytest.mark.parametrize(
    "face",
    [
        BoxPx(left=200, top=110, right=300, bottom=230),
        BoxPx(left=2, top=2, right=90, bottom=110),
        BoxPx(left=380, top=260, right=499, bottom=399),
        BoxPx(left=20, top=10, right=480, bottom=390),
    ],
)
def test_a_portrait_holds_the_face_and_never_leaves_the_photograph(picture, face):
    portrait = portrait_of(replace(picture, face=face), 413, 531)
    assert portrait.shape == (531, 413, 3)
    assert portrait[:, :, 2].min() == 120, "no border is invented"
    # Blue and green tell the source column and row.
    left, right = (2 * int(portrait[265, column, 0]) for column in (0, -1))
    top, bottom = (2 * int(portrait[row, 200, 1]) for row in (0, -1))
    centre = (max(face.left, 0) + min(face.right, 500)) / 2
    assert left - 3 <= centre <= right + 3
    assert (right - left) / (bottom - top) == pytest.approx(413 / 531, rel=0.04), "not stretched"


def test_a_replay_shows_a_dark_bezel_around_a_smaller_face(picture):
    frames = render_face_frames(picture, count=2, seed=1)
    replay = render_screen_replay(frames, seed=1)
    assert [frame.shape for frame in replay] == [frame.shape for frame in frames]
    again = render_screen_replay(frames, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(replay, again, strict=True))
    row = replay[0][FRAME_HEIGHT_PX // 2].astype(int).max(axis=1)
    edge = row[20:140]
    assert edge.min() < 50, "the bezel crosses the middle row on the left"
    assert row[0] > 70, "and beyond it is the wall"

"""Corners of a document on difficult ground: found where they are, or refused, never warped wrongly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekyc.benchmarks.card_scenes import SceneKind, View, make_scene, seen_corners
from ekyc.benchmarks.page_scenes import with_printed_frame
from ekyc.imaging.document_corners import NotFound, find_document
from ekyc.imaging.document_sight import DocumentShape
from ekyc.imaging.geometry import overlap, resize, turn_quarters
from ekyc.imaging.perspective import misfit
from ekyc.samples import (
    SampleBirth,
    SampleCitizen,
    render_birth_certificate,
    render_card_back,
)

CARD = render_card_back(SampleCitizen.default())


def corners_of(quad):
    return np.array([(p.x, p.y) for p in quad.corners])


def scene(kind, seed, document=CARD):
    return make_scene(document, SceneKind(kind), np.random.default_rng(seed))


@pytest.mark.parametrize("kind", ["plain", "wood", "clutter", "tiles", "shadow"])
def test_a_card_is_found_on_difficult_ground(kind):
    made = scene(kind, 5)
    found = find_document(made.image, DocumentShape.CARD)
    assert found.document is not None
    assert overlap(corners_of(found.document.quad), corners_of(made.quad)) > 0.97
    assert 0.5 <= found.document.confidence <= 1


def test_a_printed_frame_is_not_taken_for_the_page():
    page = render_birth_certificate(SampleBirth.default())
    made = scene("plain", 3, page)
    found = find_document(made.image, DocumentShape.PAGE)
    assert found.document is not None
    assert overlap(corners_of(found.document.quad), corners_of(made.quad)) > 0.97


@pytest.mark.parametrize(
    ("kind", "seed"), [("plain", 2), ("plain", 3), ("cloth", 4), ("white-on-white", 2)]
)
def test_sides_of_a_page_and_of_its_frame_are_not_mixed(kind, seed):
    random = np.random.default_rng(seed)
    page = with_printed_frame(render_birth_certificate(SampleBirth.default()), random)
    made = make_scene(page, SceneKind(kind), random)
    found = find_document(made.image, DocumentShape.PAGE)
    assert found.document is not None
    assert overlap(corners_of(found.document.quad), corners_of(made.quad)) > 0.99


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_way_up_does_not_matter(quarters):
    made = scene("cloth", 6)
    turned = turn_quarters(made.image, quarters)
    upright = find_document(made.image, DocumentShape.CARD).document
    other = find_document(turned, DocumentShape.CARD).document
    assert upright is not None
    assert other is not None
    sides = [
        np.hypot(*(np.roll(q, -1, 0) - q).T) for q in map(corners_of, (upright.quad, other.quad))
    ]
    assert np.allclose(np.sort(sides[0]), np.sort(sides[1]), rtol=0.01)
    assert sides[1][0] > sides[1][1]  # a card lies: its long side comes first


@pytest.mark.parametrize("shape", [(1, 1, 3), (40, 2000, 3), (900, 1200, 3)])
def test_nothing_is_found_where_nothing_is(shape):
    found = find_document(np.full(shape, 200, np.uint8), DocumentShape.CARD)
    assert found.refusal is NotFound.NOTHING
    assert found.document is None


def test_noise_is_no_document():
    noise = np.random.default_rng(1).integers(0, 255, (700, 900, 3)).astype(np.uint8)
    assert find_document(noise, DocumentShape.CARD).document is None


def test_a_card_whose_corner_is_cut_off_is_not_warped():
    made = scene("plain", 5)
    corners = corners_of(made.quad)
    right = int(corners[:, 0].max() - 0.25 * np.ptp(corners[:, 0]))
    found = find_document(np.ascontiguousarray(made.image[:, :right]), DocumentShape.CARD)
    assert found.document is None


def test_a_second_card_is_reported():
    table = np.full((1000, 1400, 3), (60, 70, 90), np.uint8)
    card = resize(CARD, 800, 505)
    table[40:545, 60:860] = card
    table[600:978, 500:1100] = resize(CARD, 600, 378)
    found = find_document(table, DocumentShape.CARD)
    assert found.document is not None
    assert len(found.others) == 1


@pytest.mark.parametrize("gap", [0, 14])
def test_a_card_right_beside_the_first_is_reported(gap):
    table = np.full((700, 1500, 3), (60, 70, 90), np.uint8)
    card = resize(CARD, 690, 435)
    table[120:555, 40:730] = card
    table[120:555, 730 + gap : 1420 + gap] = card
    found = find_document(table, DocumentShape.CARD)
    assert found.document is None or len(found.others) == 1


def test_an_empty_sheet_is_no_document():
    table = np.full((900, 1300, 3), (60, 70, 90), np.uint8)
    table[150:655, 200:1000] = 240
    found = find_document(table, DocumentShape.CARD)
    assert found.refusal is NotFound.UNCLEAR


@settings(max_examples=60, deadline=None)
@given(
    turn=st.floats(0, 360),
    tilt=st.floats(-25, 25),
    other=st.floats(-25, 25),
    focal=st.floats(0.72, 1.3),
)
def test_what_a_camera_sees_of_a_card_fits_a_card(turn, tilt, other, focal):
    view = View(turn_deg=turn, tilt_x_deg=tilt, tilt_y_deg=other, size=0.6, focal=focal)
    seen = seen_corners(1.585, view, 1440, 1080)
    assert misfit(seen[None], 1.585, 1440, 1080)[0] < 0.04


@pytest.mark.parametrize("aspect", [1.0, 1.25, 1.414, 1.9])
def test_a_card_seen_from_above_is_no_other_rectangle(aspect):
    view = View(turn_deg=20, tilt_x_deg=4, tilt_y_deg=3, size=0.6, focal=1.0)
    seen = seen_corners(1.585, view, 1440, 1080)
    assert misfit(seen[None], aspect, 1440, 1080)[0] > 0.08

"""Pages laid over each other, strips held against each other, regions that differ."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ekyc.imaging import registration as laying
from ekyc.imaging.page_difference import difference_regions
from ekyc.imaging.registration import lay_over, register_page
from ekyc.imaging.strips import STRIP_HEIGHT, compare_strips, cut_strips
from ekyc.values import PointPx, QuadPx

LINES = [
    "GIAY KHAI SINH 127/2024",
    "Ho ten: TRAN NGOC MAU",
    "Ngay sinh: 17/03/2024",
    "Noi sinh: Benh vien Da Nang",
    "So: 048324012347",
    "Cha: TRAN VAN MAU 1983",
    "Me: NGUYEN THI MAU 1985",
    "Noi cu tru: To 12, Hai Chau",
]
TOP, PITCH, LEFT = 90, 105, 70


def page(lines=LINES):
    picture = np.full((1000, 800, 3), 245, np.uint8)
    for i, text in enumerate(lines):
        place = (LEFT, TOP + PITCH * i)
        cv2.putText(
            picture, text, place, cv2.FONT_HERSHEY_COMPLEX, 1.1, (30, 20, 20), 2, cv2.LINE_AA
        )
    return cv2.GaussianBlur(picture, (0, 0), 0.6)


def quad_of_line(index):
    y = TOP + PITCH * index
    return QuadPx(
        top_left=PointPx(LEFT - 4, y - 30),
        top_right=PointPx(700, y - 30),
        bottom_right=PointPx(700, y + 10),
        bottom_left=PointPx(LEFT - 4, y + 10),
    )


def scanned(picture, *, angle=1.2, scale=0.9, blur=1.0, noise=4, seed=0):
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    matrix[:, 2] += (7, -5)
    out = cv2.warpAffine(picture, matrix, (width, height), borderValue=(240, 240, 240))
    out = cv2.GaussianBlur(out, (0, 0), blur)
    grain = np.random.default_rng(seed).normal(0, noise, out.shape)
    shade = np.linspace(0.85, 1.0, width)[None, :, None]
    out = (out * shade + grain).clip(0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    return cv2.imdecode(data, 1), np.vstack([matrix, [0, 0, 1]])


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"angle": -3.0, "scale": 0.7},
        {"angle": 170, "scale": 1.0},
        {"blur": 1.6, "noise": 8},
    ],
)
def test_a_scan_is_laid_over_to_a_fraction_of_a_pixel(how):
    original = page()
    copy, truth = scanned(original, **how)
    found = register_page(original, copy)
    assert found is not None
    assert found.residual_px < 1.0
    for x, y in [(80, 80), (600, 80), (80, 800), (600, 800)]:
        wanted = truth @ (x - 0.5, y - 0.5, 1.0) + 0.5
        point = found.to_copy(PointPx(x, y))
        assert np.hypot(point.x - wanted[0], point.y - wanted[1]) < 1.0
        back = found.to_original(point)
        assert np.hypot(back.x - x, back.y - y) < 1e-6


@pytest.mark.parametrize(
    "other",
    [
        np.full((1000, 800, 3), 245, np.uint8),
        np.random.default_rng(1).integers(0, 255, (1000, 800, 3)).astype(np.uint8),
        page()[:, ::-1].copy(),
        page()[:140],
    ],
    ids=["empty", "noise", "mirrored", "strip"],
)
def test_what_is_not_the_page_is_not_laid_over(other):
    assert register_page(page(), other) is None


@pytest.mark.parametrize("bent", [True, False])
def test_rows_laid_over_in_parts_join_without_a_seam(bent, monkeypatch):
    original = page()
    copy, _ = scanned(original)
    found = register_page(original, copy)
    assert found is not None
    found = found if bent else replace(found, bend=None)
    in_parts = lay_over(original, copy, found)
    monkeypatch.setattr(laying, "_ROWS_AT_ONCE", len(original))
    assert (in_parts == lay_over(original, copy, found)).all()


def strip_of(original, copy, index, registration=None):
    registration = registration or register_page(original, copy)
    assert registration is not None
    quad = quad_of_line(index)
    return compare_strips(*cut_strips(original, copy, registration, quad, margin=(0.1, 0.2)))


@pytest.mark.parametrize("how", [{}, {"angle": -2.0, "blur": 1.4}, {"scale": 0.75, "noise": 6}])
def test_an_honest_line_is_explained(how):
    original = page()
    copy, _ = scanned(original, **how)
    registration = register_page(original, copy)
    for index in range(len(LINES)):
        strips = strip_of(original, copy, index, registration)
        assert strips.peak < 0.2
        assert strips.excess.shape[0] == STRIP_HEIGHT


@pytest.mark.parametrize(
    ("index", "changed"),
    [(2, "Ngay sinh: 14/03/2024"), (4, "So: 048324012847"), (1, "Ho ten: TRAN NGOC MAI")],
)
def test_one_changed_character_is_found_where_it_stands(index, changed):
    original = page()
    lines = list(LINES)
    lines[index] = changed
    copy, _ = scanned(page(lines))
    strips = strip_of(original, copy, index)
    assert strips.peak > 0.4
    at = next(i for i, (a, b) in enumerate(zip(LINES[index], changed, strict=True)) if a != b)
    column = int(strips.excess.max(axis=0).argmax()) / strips.excess.shape[1]
    text_width = cv2.getTextSize(LINES[index], cv2.FONT_HERSHEY_COMPLEX, 1.1, 2)[0][0]
    expected = (at + 0.5) / len(changed) * text_width / 640
    assert abs(column - expected) < 0.1
    assert strip_of(original, copy, 0).peak < 0.2


@pytest.mark.parametrize("shift", [(3, 0), (0, -3), (-2, 2), (2.5, 1.5)])
def test_a_strip_a_little_out_of_place_is_moved_back(shift):
    y = TOP + PITCH * 3
    strip = page()[y - 50 : y + 30]
    matrix = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = cv2.warpAffine(strip, matrix, strip.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    assert compare_strips(strip, moved).peak < 0.15


def test_strips_of_blank_paper_agree():
    blank = np.full((80, 300, 3), 240, np.uint8)
    assert compare_strips(blank, blank).peak == 0.0


def regions(original, copy):
    registration = register_page(original, copy)
    assert registration is not None
    quads = [quad_of_line(i) for i in range(len(LINES))]
    return difference_regions(original, lay_over(original, copy, registration), quads).regions


def stamped(picture):
    out = picture.copy()
    cv2.circle(out, (560, 905), 55, (60, 60, 200), 5)
    return out


def test_an_honest_page_has_no_regions():
    original = stamped(page())
    assert regions(original, scanned(original)[0]) == ()


def test_a_removed_and_an_added_stamp_are_seen():
    for original, changed in ((stamped(page()), page()), (page(), stamped(page()))):
        found = regions(original, scanned(changed)[0])
        assert found
        box = found[0].box
        assert 480 < (box.left + box.right) / 2 < 640
        assert 830 < (box.top + box.bottom) / 2 < 980


def specks(copy):
    original = page()
    quads = [quad_of_line(i) for i in range(len(LINES))]
    return difference_regions(original, copy, quads).specks


def test_dots_between_the_lines_are_counted_and_those_beside_print_are_not():
    dotted = page()
    for x in (720, 740, 760):
        cv2.circle(dotted, (x, 400), 1, (40, 40, 40), -1, cv2.LINE_AA)
    beside = page()
    cv2.circle(beside, (200, TOP + PITCH * 2 - 27), 1, (40, 40, 40), -1, cv2.LINE_AA)
    assert [specks(page()), specks(dotted), specks(beside)] == [0, 3, 0]

"""What a cropped picture of a page still shows of it."""

import numpy as np
import pytest

from ekyc.imaging.page_difference import RegionKind, difference_regions
from ekyc.imaging.registration import Registration
from ekyc.imaging.shown_part import enlarged, shown_part, shown_stretch
from ekyc.values import PointPx, QuadPx

PAGE = np.full((1500, 1000, 3), 255, np.uint8)


def cropped(left, top, width, height):
    """A copy that begins at (left, top) of the page, and how it lies over it."""
    matrix = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    registration = Registration(matrix=matrix, residual_px=0.0, inliers=99, inlier_ratio=1.0)
    return np.full((height, width, 3), 255, np.uint8), registration


def line(left, top, right, bottom):
    return QuadPx(
        top_left=PointPx(left, top),
        top_right=PointPx(right, top),
        bottom_right=PointPx(right, bottom),
        bottom_left=PointPx(left, bottom),
    )


def test_the_whole_page_is_shown_by_itself():
    assert shown_part(PAGE, *cropped(0, 0, 1000, 1500)).all()


def test_a_cropped_margin_is_not_shown():
    shown = enlarged(shown_part(PAGE, *cropped(100, 0, 900, 1400)), 1000, 1500, less_px=0)
    assert shown[700, 110]
    assert not shown[700, 90]
    assert shown[1390, 500]
    assert not shown[1410, 500]


def test_what_lies_beside_the_cut_can_be_left_out():
    shown = shown_part(PAGE, *cropped(100, 0, 900, 1500))
    assert not enlarged(shown, 1000, 1500, less_px=16)[700, 112]
    assert enlarged(shown, 1000, 1500, less_px=16)[700, 125]


@pytest.mark.parametrize(
    ("quad", "expected"),
    [
        (line(200, 300, 600, 340), (0.0, 1.0)),
        (line(200, 1366, 600, 1406), (0.0, 1.0)),
        (line(200, 1380, 600, 1420), (0.0, 0.0)),
        (line(200, 1450, 600, 1490), (0.0, 0.0)),
        (line(-40, 300, 600, 340), (0.0, 1.0)),
    ],
    ids=["whole", "its-margin-lost", "cut-through", "beyond", "over-the-edge-of-both"],
)
def test_lines_at_the_foot(quad, expected):
    assert shown_stretch(quad, PAGE, *cropped(0, 0, 1000, 1400)) == expected


def test_of_a_line_that_lost_its_beginning_the_rest_is_shown():
    left, right = shown_stretch(line(0, 300, 400, 340), PAGE, *cropped(100, 0, 900, 1500))
    assert 0.22 < left < 0.3
    assert right == 1.0


def test_ink_that_was_cut_off_is_a_region_and_blank_margin_is_none():
    page = PAGE.copy()
    page[1350:1440, 300:420] = 60
    for height, kinds in ((1340, {RegionKind.CUT_OFF}), (1460, set())):
        copy, registration = cropped(0, 0, 1000, height)
        laid = page.copy()
        laid[height:] = 255
        shown = shown_part(page, copy, registration)
        found = difference_regions(page, laid, (), shown=shown)
        assert {region.kind for region in found.regions} == kinds

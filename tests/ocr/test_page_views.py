"""Pages turned, slanted and lying on a desk, read by a reader that knows which end a line begins at."""

import cv2
import numpy as np
import pytest

from ekyc.imaging.document_corners import NotFound
from ekyc.imaging.geometry import turn_quarters
from ekyc.imaging.text_regions import TextRegion, cut_line, order_corners
from ekyc.ocr.page_views import certainty_of, view_page
from ekyc.ocr.recognise import LineText

WIDTH, HEIGHT = 620, 877
DESK = (40, 70, 110)


class StripeReader:
    """Lines are black stripes with a red head at their beginning; a stripe read from its tail is hardly certain."""

    def __init__(self, chars_of):
        self.read = 0
        self._chars = chars_of

    def find_lines(self, image, *, long_side=0):
        ink = (image.max(axis=2) < 90) | self._red(image)
        mask = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = [cv2.minAreaRect(contour) for contour in contours]
        return tuple(
            TextRegion(quad=order_corners(np.array(cv2.boxPoints(box), float)), score=0.9)
            for box in boxes
            if max(box[1]) > 60 and min(box[1]) < 60
        )

    def read_quads(self, image, quads):
        self.read += len(quads)
        return tuple(self.read_line(cut_line(image, quad)) for quad in quads)

    def read_line(self, image):
        head = image[:, : max(1, image.shape[1] // 4)]
        begins = self._red(head).mean() > 0.15 and image.shape[1] > image.shape[0]
        certain = 0.95 if begins else 0.02
        return LineText(chars=self._chars("stripe", 1.0 if begins else 0.82), certainty=certain)

    @staticmethod
    def _red(image):
        return (image[:, :, 2] > 140) & (image[:, :, 1] < 90)


@pytest.fixture
def reader(build):
    return StripeReader(build.chars)


LINES = 16


def page():
    sheet = np.full((HEIGHT, WIDTH, 3), 245, np.uint8)
    for i in range(LINES):
        top, right = 60 + 47 * i, 560 - 30 * (i % 3)
        sheet[top : top + 14, 60:right] = 20
        sheet[top : top + 14, 60:190] = (30, 30, 200)
        for gap in range(68, right, 8):  # strokes, as letters have
            sheet[top : top + 14, gap : gap + 3] = 245
    return sheet


def on_desk(sheet, corners, size=(1200, 1000)):
    desk = np.empty((size[1], size[0], 3), np.uint8)
    desk[:] = DESK
    source = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, np.array(corners, np.float32))
    return cv2.warpPerspective(sheet, matrix, size, desk, borderMode=cv2.BORDER_TRANSPARENT)


def all_certain(view):
    return [line.certainty for line in view.reading.lines] == [0.95] * LINES


@pytest.mark.parametrize("quarters", range(4))
def test_a_scan_turned_by_right_angles_is_read_upright(quarters, reader):
    view = view_page(turn_quarters(page(), quarters), reader)
    assert all_certain(view)
    assert view.search is None
    assert view.turned_deg == pytest.approx({0: 0, 1: 90, 2: 180, 3: -90}[quarters])
    assert np.array_equal(view.image, page())


def test_an_upright_scan_is_looked_at_once(reader):
    view_page(page(), reader)
    assert reader.read == LINES


def test_places_lead_back_to_the_picture(reader):
    """The head of the first line is red wherever the page lies."""
    for picture in (
        turn_quarters(page(), 1),
        on_desk(page(), [(300, 120), (860, 180), (820, 950), (250, 900)]),
    ):
        view = view_page(picture, reader)
        for line in view.reading.lines:
            place = view.flat.on_picture(line.quad)
            head = cut_line(picture, place)[:, :10]
            assert head[:, :, 2].mean() > 120
            assert head[:, :, 1].mean() < 110


@pytest.mark.parametrize("turn", range(4))
def test_a_page_on_a_desk_is_cut_out_and_turned(turn, reader):
    corners = [(300, 120), (860, 180), (820, 950), (250, 900)]
    view = view_page(turn_quarters(on_desk(page(), corners), turn), reader)
    assert view.search.document is not None
    assert all_certain(view)
    assert view.image.shape[0] / view.image.shape[1] == pytest.approx(2**0.5, abs=0.01)
    lines = view.reading.lines
    slants = [line.quad.top_right.y - line.quad.top_left.y for line in lines]
    assert np.abs(slants).max() < 4


@pytest.mark.parametrize("degrees", [25, 70, 130, -160])
def test_without_an_outline_slanted_lines_are_levelled(degrees, reader):
    wide = cv2.copyMakeBorder(page(), 300, 300, 400, 400, cv2.BORDER_CONSTANT, value=(245,) * 3)
    middle = (wide.shape[1] / 2, wide.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(middle, -degrees, 1.0)
    turned = cv2.warpAffine(wide, matrix, wide.shape[1::-1], borderValue=(245,) * 3)
    view = view_page(turned, reader)
    assert view.search.document is None
    assert all_certain(view)
    assert view.turned_deg == pytest.approx(degrees, abs=1)


def test_an_outline_through_text_is_no_paper(reader):
    """What is on the desk goes on over the page's edge: the edge is no edge."""
    picture = on_desk(page(), [(300, 120), (860, 180), (820, 950), (250, 900)])
    assert view_page(picture, reader).search.document is not None
    for left in range(180, 330, 8):
        picture[520:534, left : left + 5] = (30, 30, 200)
    view = view_page(picture, reader)
    assert view.search.refusal is NotFound.UNCLEAR
    assert view.image.size >= picture.size


def test_what_is_certain_neither_way_stays_as_it_is(reader):
    mute = page()
    mute[mute[:, :, 2] > 150] = 245
    view = view_page(mute, reader)
    assert view.turned_deg == 0


def test_an_empty_page_and_a_pixel_are_views(reader):
    for shape in ((800, 600), (1, 1), (1, 2000)):
        view = view_page(np.full((*shape, 3), 244, np.uint8), reader)
        assert view.reading.lines == ()
        assert view.picture_size == (shape[1], shape[0])


def test_certainty_counts_letters(build):
    sure = LineText(chars=build.chars("ab"), certainty=1.0)
    unsure = LineText(chars=build.chars("abcdef"), certainty=0.2)
    assert certainty_of([sure, unsure]) == pytest.approx(0.4)
    assert certainty_of([]) == 0
    assert certainty_of([LineText()]) == 0
    uncalibrated = [LineText(chars=build.chars("ab", confidence)) for confidence in (0.99, 0.8)]
    assert certainty_of(uncalibrated) == pytest.approx(0.475)

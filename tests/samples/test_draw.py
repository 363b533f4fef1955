import numpy as np
import pytest

from ekyc.errors import InputError
from ekyc.imaging.draw import BLACK, Canvas, TextStyle, missing_glyphs
from ekyc.values import BoxPx

VIETNAMESE = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵđ"
INK = TextStyle(size_px=40)


def ink_of(picture):
    """Box of the dark pixels: (left, top, right, bottom)."""
    rows, columns = np.nonzero(picture.min(axis=2) < 128)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("weight", ["regular", "bold"])
def test_every_vietnamese_letter_can_be_drawn(weight):
    assert not missing_glyphs(VIETNAMESE + VIETNAMESE.upper() + "0123456789<>/|", weight)


def test_each_vietnamese_letter_looks_different():
    pictures = set()
    for char in VIETNAMESE + VIETNAMESE.upper():
        canvas = Canvas(60, 80)
        canvas.text(10, 60, char, INK)
        pictures.add(canvas.picture().tobytes())
    assert len(pictures) == 2 * len(VIETNAMESE)


def test_a_character_that_the_font_lacks_is_an_error_and_no_box():
    with pytest.raises(InputError) as caught:
        Canvas(100, 100).text(0, 50, "số 漢", INK)
    assert caught.value.code == "draw.glyph_missing"
    assert "U+6F22" in str(caught.value)
    assert "số" not in str(caught.value)


def test_text_stands_on_its_baseline_and_returns_its_width():
    canvas = Canvas(400, 100)
    width = canvas.text(20, 70, "HHH", INK)
    left, top, right, bottom = ink_of(canvas.picture())
    assert bottom == pytest.approx(70, abs=1)
    assert bottom - top == pytest.approx(0.714 * INK.size_px, abs=2)
    assert right - left == pytest.approx(width, abs=10)


@pytest.mark.parametrize(("align", "x"), [("left", 20), ("centre", 200), ("right", 380)])
def test_text_aligns(align, x):
    canvas = Canvas(400, 100)
    width = canvas.text(x, 70, "MMMM", INK, align)
    left, _, right, _ = ink_of(canvas.picture())
    start = {"left": x, "centre": x - width / 2, "right": x - width}[align]
    assert left == pytest.approx(start, abs=6)
    assert right == pytest.approx(start + width, abs=6)


@pytest.mark.parametrize("char", ["W", "M", "I", "1", "<"])
def test_each_character_of_a_zone_stays_in_its_cell(char):
    canvas = Canvas(400, 100)
    canvas.cells(0, 70, f" {char} ", INK, pitch_px=30)
    left, _, right, _ = ink_of(canvas.picture())
    assert left >= 30
    assert right <= 60
    assert (left + right) / 2 == pytest.approx(45, abs=1.5)


def test_modules_are_squares():
    canvas = Canvas(40, 40)
    canvas.modules(8, 4, [[1, 0], [0, 1]], module_px=6)
    dark = canvas.picture()[:, :, 0] < 128
    expected = np.zeros((40, 40), dtype=bool)
    expected[4:10, 8:14] = True
    expected[10:16, 14:20] = True
    assert np.array_equal(dark, expected)


def test_colours_are_red_green_blue_and_pictures_blue_green_red():
    picture = Canvas(2, 2, (10, 20, 30)).picture()
    assert picture[0, 0].tolist() == [30, 20, 10]
    assert Canvas.on(picture).picture()[1, 1].tolist() == [30, 20, 10]


def test_a_canvas_on_a_picture_leaves_it_alone():
    picture = np.full((20, 20, 3), 255, dtype=np.uint8)
    Canvas.on(picture).rectangle(BoxPx(left=0, top=0, right=19, bottom=19), fill=BLACK)
    assert picture.min() == 255


def test_a_stamp_darkens_and_never_hides():
    canvas = Canvas(20, 20)
    canvas.rectangle(BoxPx(left=0, top=0, right=9, bottom=19), fill=BLACK)
    before = canvas.picture()
    canvas.stamp(Canvas(20, 20, (200, 40, 40)), 0, 0)
    after = canvas.picture()
    assert (after <= before).all()
    assert after[0, 0].tolist() == [0, 0, 0]
    assert after[0, 15].tolist() == [40, 40, 200]


def test_round_text_lies_on_its_ring():
    canvas = Canvas(300, 300)
    canvas.round_text(
        150, 150, "MẪU MẪU MẪU", TextStyle(size_px=24), radius_px=100, from_deg=-90, to_deg=90
    )
    rows, columns = np.nonzero(canvas.picture()[:, :, 0] < 128)
    radius = np.hypot(columns - 150, rows - 150)
    assert radius.min() > 96
    assert radius.max() < 136
    assert (rows < 150).mean() > 0.95

"""Line pictures in, text out, with nets made by hand."""

import json

import numpy as np
import pytest

from ekyc.errors import InputError, ModelError
from ekyc.ocr.asterocr import AsterRecogniser, recogniser_item
from ekyc.ocr.detect import TextDetector, detector_item
from ekyc.ocr.reading import TextReader
from ekyc.ocr.recognise import load_vocabulary
from ekyc.testing import StaticModel

VOCABULARY = ("<blank>", "a", "b", " ")


def ink_model(seen=None):
    """A net that says *a* wherever a column holds ink."""

    def answer(item):
        if seen is not None:
            seen.append(item)
        columns = (item[0] < 0.8).any(axis=0)
        dark = np.pad(columns, (0, -len(columns) % 4)).reshape(-1, 4).any(axis=1)
        table = np.full((len(dark), len(VOCABULARY)), np.log(0.01), dtype=np.float32)
        table[np.arange(len(dark)), dark.astype(int)] = np.log(0.97)
        return (table,)

    return StaticModel("ink", answer)


def bars(count, *, height=40, gap=60):
    """A line with ``count`` upright strokes."""
    line = np.full((height, gap * (count + 1), 3), 240, np.uint8)
    for i in range(count):
        line[8:-8, gap * (i + 1) - 5 : gap * (i + 1) + 5] = 20
    return line


def test_each_stroke_is_read_where_it_stands():
    text = AsterRecogniser(ink_model(), VOCABULARY).read_line(bars(3))
    assert text.text == "aaa"
    assert [round(char.centre * 4) for char in text.chars] == [1, 2, 3]
    assert text.confidence == pytest.approx(0.97, abs=1e-3)


def test_long_lines_are_read_in_parts_that_fit_the_net():
    seen = []
    text = AsterRecogniser(ink_model(seen), VOCABULARY).read_line(bars(40))
    assert len(seen) > 1
    assert max(item.shape[2] for item in seen) <= 1024
    assert text.text.replace(" ", "") == "a" * 40
    centres = [char.centre for char in text.chars if char.char == "a"]
    assert np.allclose(centres, np.arange(1, 41) / 41, atol=0.01)


@pytest.mark.parametrize(
    "blank",
    [
        np.full((40, 300, 3), 240, np.uint8),
        np.zeros((40, 300, 3), np.uint8),
        np.full((1, 300, 3), 9, np.uint8),
        np.full((40, 1, 3), 9, np.uint8),
    ],
)
def test_blank_pictures_are_never_shown_to_the_net(blank):
    def refuse(item):
        raise AssertionError("asked")

    text = AsterRecogniser(StaticModel("none", refuse), VOCABULARY).read_line(blank)
    assert (text.text, text.confidence) == ("", 0.0)


def test_absurdly_long_lines_cost_a_bounded_number_of_calls():
    seen = []
    AsterRecogniser(ink_model(seen), VOCABULARY).read_line(bars(600, height=20))
    assert len(seen) <= 8


def test_the_item_has_the_form_that_the_registry_gives():
    item = recogniser_item(np.full((48, 480), 128, np.uint8))
    assert item.shape == (3, 32, 320)
    assert item.dtype == np.float32
    assert np.allclose(item, 128 / 255, atol=1e-3)
    assert recogniser_item(np.zeros((48, 2), np.uint8)).shape == (3, 32, 16)


def test_a_vocabulary_is_read_or_refused(tmp_path):
    file = tmp_path / "vocab.json"
    file.write_text(json.dumps({"chars": list("<aắ")}), encoding="utf-8")
    assert load_vocabulary(file) == ("<", "a", "ắ")
    for bad in ("", "[]", '{"chars": 3}', '{"chars": [1]}'):
        file.write_text(bad, encoding="utf-8")
        with pytest.raises(ModelError) as caught:
            load_vocabulary(file)
        assert caught.value.code == "model.bad_vocabulary"
    with pytest.raises(ModelError):
        load_vocabulary(tmp_path / "absent.json")
    with pytest.raises(InputError):
        AsterRecogniser(ink_model(), ())


def box_detector(*boxes):
    """A detector that finds boxes given as parts of the page."""

    def answer(item):
        _, height, width = item.shape
        table = np.zeros((1, height, width), dtype=np.float32)
        for left, top, right, bottom in boxes:
            table[
                0, int(top * height) : int(bottom * height), int(left * width) : int(right * width)
            ] = 0.9
        return (table,)

    return StaticModel("boxes", answer)


def stripe_reader(*boxes):
    recogniser = AsterRecogniser(ink_model(), VOCABULARY)
    return TextReader(TextDetector(box_detector(*boxes)), recogniser)


def test_a_page_is_found_read_and_ordered():
    page = np.full((600, 900, 3), 240, np.uint8)
    page[100:140, 90:450] = bars(5)
    page[300:340, 90:330] = bars(3)
    reading = stripe_reader((0.1, 0.5, 0.37, 0.567), (0.1, 0.167, 0.5, 0.233)).read_page(page)
    assert [line.text for line in reading.lines] == ["aaaaa", "aaa"]
    assert reading.text == "aaaaa\naaa"
    assert reading.lines[0].box.left == pytest.approx(90, abs=35)
    assert (reading.width, reading.height, reading.truncated) == (900, 600, False)
    assert "aaa" not in repr(reading)


def test_an_empty_page_has_no_lines():
    page = np.full((600, 900, 3), 240, np.uint8)
    assert stripe_reader().read_page(page).lines == ()
    found = stripe_reader((0.1, 0.1, 0.5, 0.2)).read_page(page)
    assert found.lines == ()


@pytest.mark.parametrize("shape", [(50, 5000), (4000, 60), (3000, 4000), (7, 9)])
def test_pages_of_any_shape_cost_the_detector_the_same(shape):
    sizes = []

    def answer(item):
        sizes.append(item.shape)
        return (np.zeros((1, *item.shape[1:]), dtype=np.float32),)

    TextDetector(StaticModel("sizes", answer)).detect(np.zeros((*shape, 3), np.uint8))
    (size,) = sizes
    assert max(size[1:]) <= 1280
    assert size[1] % 32 == size[2] % 32 == 0


def test_a_map_of_another_size_is_a_typed_error():
    model = StaticModel("wrong", lambda item: (np.zeros((1, 8, 8), np.float32),))
    with pytest.raises(ModelError) as caught:
        TextDetector(model).detect(np.zeros((64, 64, 3), np.uint8))
    assert caught.value.code == "model.bad_output"


def test_detectors_get_blue_green_red_in_imagenet_numbers():
    item = detector_item(np.full((32, 32, 3), (255, 0, 0), np.uint8))
    assert item[:, 0, 0].tolist() == pytest.approx([2.2489, -2.0357, -1.8044], abs=1e-3)

"""Our own net's frame: what it is shown and what is made of its answer, with nets made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, ModelError
from ekyc.ocr.calibration import LineCalibration
from ekyc.ocr.language import LanguageModel
from ekyc.ocr.line_net import HEIGHT, MAX_WIDTH, LineNet, bucket_width, line_item
from ekyc.ocr.recognise import DIGITS
from ekyc.testing import StaticModel

VOCABULARY = ("", "a", "O", "0", " ")


def table_of(classes, probability=0.97):
    rest = (1 - probability) / (len(VOCABULARY) - 1)
    table = np.full((len(classes), len(VOCABULARY)), rest, dtype=np.float32)
    table[np.arange(len(classes)), classes] = probability
    return np.log(table)


def ink_net(seen=None, probability=0.97, letter=1):
    """A net that says ``letter`` wherever four columns hold ink."""

    def answer(item):
        if seen is not None:
            seen.append(item)
        dark = (item[0] > 0.3).any(axis=0).reshape(-1, 4).any(axis=1)
        return (table_of(np.where(dark, letter, 0), probability),)

    return StaticModel("ink", answer)


def bars(count, *, height=40, gap=60):
    line = np.full((height, gap * (count + 1), 3), 240, np.uint8)
    for i in range(count):
        line[8:-8, gap * (i + 1) - 5 : gap * (i + 1) + 5] = 20
    return line


def test_each_stroke_is_read_where_it_stands():
    text = LineNet(ink_net(), VOCABULARY).read_line(bars(3))
    assert text.text == "aaa"
    assert [char.centre for char in text.chars] == pytest.approx([0.25, 0.5, 0.75], abs=0.01)
    assert text.certainty is None


def test_the_item_is_ink_and_mask_up_to_its_bucket():
    gray = np.full((48, 400), 255, np.uint8)
    gray[:, 100:110] = 0
    item, width = line_item(gray)
    assert width == round(400 * HEIGHT / 48) == 333
    assert item.shape == (2, 40, 352)
    assert item.dtype == np.float32
    assert item[0, :, width:].max() == 0.0
    assert (item[0].min(), item[0].max()) == (0.0, 1.0)
    assert item[0, 20, 87] == pytest.approx(1.0, abs=0.01)
    assert item[1].sum() == width * HEIGHT
    assert item[1, 0, width - 1] == 1.0
    assert item[1, 0, width] == 0.0


@given(st.integers(1, 2000), st.integers(1, 60))
def test_no_shape_leaves_the_bounds(width, height):
    item, true = line_item(np.zeros((height, width), np.uint8))
    assert 8 <= true <= item.shape[2] <= MAX_WIDTH
    assert item.shape[2] % 32 == 0


@given(st.integers(1, MAX_WIDTH))
def test_buckets_hold_the_line_and_waste_little(width):
    bucket = bucket_width(width)
    assert width <= bucket
    assert bucket - width < max(32, width / 8)
    assert bucket_width(bucket) == bucket


def test_there_are_few_buckets():
    assert len({bucket_width(width) for width in range(1, MAX_WIDTH + 1)}) <= 40


def test_long_lines_are_read_in_parts_and_their_certainty_is_that_of_all():
    seen = []
    calibration = LineCalibration(lines=((0.0, 0.5), (1.0, 0.9)))
    reader = LineNet(ink_net(seen, probability=1 - 1e-6), VOCABULARY, calibration=calibration)
    text = reader.read_line(bars(80, height=20))
    assert len(seen) > 1
    assert max(item.shape[2] for item in seen) <= MAX_WIDTH
    assert text.text.replace(" ", "") == "a" * 80
    assert text.certainty == pytest.approx(0.9 ** len(seen), abs=1e-2)


@pytest.mark.parametrize("shape", [(20, 200_000, 3), (3000, 5000, 3), (2, 60_000, 3)])
def test_huge_pictures_cost_a_bounded_number_of_small_items(shape):
    seen = []
    picture = np.full(shape, 240, np.uint8)
    picture[:, :: max(2, shape[1] // 100)] = 0
    LineNet(ink_net(seen), VOCABULARY).read_line(picture)
    assert len(seen) <= 8
    assert sum(item.size for item in seen) <= 8 * 2 * HEIGHT * MAX_WIDTH


@pytest.mark.parametrize("shape", [(40, 300, 3), (1, 300, 3), (40, 1, 3)])
def test_blank_pictures_are_never_shown_to_the_net(shape):
    def refuse(item):
        raise AssertionError("asked")

    text = LineNet(StaticModel("none", refuse), VOCABULARY).read_line(np.full(shape, 200, np.uint8))
    assert (text.text, text.confidence, text.certainty) == ("", 0.0, None)


def test_what_the_net_hardly_believes_is_no_text():
    assert LineNet(ink_net(probability=0.5), VOCABULARY).read_line(bars(3)).text == ""


@pytest.mark.parametrize(
    ("letters", "probability", "kept"),
    [
        ("a0 Oa", 0.65, False),  # three signs: as much belief as any crop without text may get
        ("a0 Oa", 0.75, True),
        ("aaaaaaa", 0.85, False),  # what waves and rasters look like
        ("aaaaaaa", 0.95, True),
        ("abcdefg", 0.65, True),  # print, though worn
        ("abcdefg", 0.55, False),
    ],
)
def test_signs_that_repeat_need_more_belief_than_words(letters, probability, kept):
    vocabulary = ("", *"abcdefg0O ")
    classes = [step for letter in letters for step in (vocabulary.index(letter), 0)]
    rest = (1 - probability) / (len(vocabulary) - 1)
    table = np.full((len(classes), len(vocabulary)), rest, dtype=np.float32)
    table[np.arange(len(classes)), classes] = probability

    def answer(item):
        steps = item.shape[2] // 4
        return (np.log(np.repeat(table, steps // len(classes) + 1, axis=0)[:steps]),)

    line = bars(4, gap=14 * len(classes) // 4)
    text = LineNet(StaticModel("told", answer), vocabulary).read_line(line).text
    assert (text == letters[: len(text)] and len(text) > 2) is kept


def test_digits_only_turn_a_letter_into_the_digit_beside_it():
    wavering = table_of([0, 2, 0], probability=0.9)
    wavering[1] = np.log([0.02, 0.02, 0.72, 0.22, 0.02])
    net = StaticModel("o", lambda item: (np.repeat(wavering, item.shape[2] // 12, axis=0),))
    line = bars(2, gap=32)
    assert LineNet(net, VOCABULARY).read_line(line).text == "O"
    read = LineNet(net, VOCABULARY).read_line(line, alphabet=DIGITS)
    assert read.text == "0"
    assert read.confidence == pytest.approx(0.22 / 0.26, abs=0.01)


def test_steps_that_do_not_span_the_item_are_a_typed_error():
    net = StaticModel("short", lambda item: (table_of([0, 1]),))
    with pytest.raises(ModelError) as caught:
        LineNet(net, VOCABULARY).read_line(bars(4))
    assert caught.value.code == "model.bad_output"


def test_an_empty_vocabulary_is_refused():
    with pytest.raises(InputError):
        LineNet(ink_net(), ())


def test_classes_that_the_vocabulary_does_not_have_are_a_typed_error():
    wide = np.zeros((200, len(VOCABULARY) + 1), np.float32)
    net = StaticModel("wide", lambda item: (wide[: item.shape[2] // 4],))
    with pytest.raises(ModelError) as caught:
        LineNet(net, VOCABULARY).read_line(bars(4))
    assert caught.value.code == "model.bad_output"


def wavering_net():
    """A net that hardly knows whether it sees bâ or bá, on every item; a space and nothing else behind it."""
    vocabulary = ("", *"bâá 0")

    def answer(item):
        table = np.full((item.shape[2] // 4, len(vocabulary)), 1e-5)
        table[:, 0] = 1.0
        table[2, :2] = (1e-5, 1.0)
        table[6, :4] = (1e-5, 1e-5, 0.74, 0.26)
        table[9, [0, 4]] = (1e-5, 1.0)
        return (np.log(table / table.sum(axis=1, keepdims=True)).astype(np.float32),)

    return StaticModel("wavering", answer), vocabulary


LANGUAGE = LanguageModel(used={"bá": 1.0}, followers={}, allowed=frozenset({"bá", "bâ"}))


def test_what_language_makes_likely_stands_beside_what_was_read():
    model, vocabulary = wavering_net()
    calibration = LineCalibration(lines=((0.0, 0.3), (1.0, 0.9)), likely=((0.0, 0.2), (1.0, 0.8)))
    text = LineNet(model, vocabulary, calibration=calibration, language=LANGUAGE).read_line(bars(2))
    assert text.text == "bâ"
    assert text.likely is not None
    assert text.likely.text == "bá"
    assert [(c.left, c.right) for c in text.likely.chars] == [(c.left, c.right) for c in text.chars]
    assert 0.4 < text.likely.certainty < 0.8
    assert "bá" not in repr(text.likely)
    alone = LineNet(model, vocabulary, calibration=calibration).read_line(bars(2))
    assert alone.likely is None
    assert (alone.chars, alone.certainty) == (text.chars, text.certainty)


def test_where_only_certain_characters_may_stand_language_is_not_asked():
    model, vocabulary = wavering_net()
    net = LineNet(model, vocabulary, language=LANGUAGE)
    assert net.read_line(bars(2), alphabet=frozenset("bâá")).likely is None


def test_a_line_in_parts_has_its_likely_text_in_parts_too():
    model, vocabulary = wavering_net()
    text = LineNet(model, vocabulary, language=LANGUAGE).read_line(bars(80, height=20))
    parts = text.text.split()
    assert len(parts) > 1
    assert text.likely is not None
    assert text.likely.text.split() == ["bá"] * len(parts)
    assert [c.left for c in text.likely.chars] == [c.left for c in text.chars]

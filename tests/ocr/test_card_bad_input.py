"""Pictures that are no cards: a reason, in bounded time and memory, and nothing invented."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.imaging.card_capture import measure_card
from ekyc.ocr import PageReading, parse_card_qr, read_card
from ekyc.ocr.mrz_correction import correct_td1
from ekyc.outcomes import Outcome


class Empty:
    """A reader that finds no text."""

    def read_page(self, image, *, long_side=0):
        return PageReading(width=image.shape[1], height=image.shape[0], lines=())


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 3), (900, 1, 3), (63, 64, 3)])
def test_a_picture_without_room_for_a_card_has_no_text(shape):
    reading = read_card(np.full(shape, 255, np.uint8), None, Empty())
    assert reading.checks[0].outcome is Outcome.INDETERMINATE
    assert reading.checks[0].reasons[0] == "card.no_text"
    assert (reading.fields, reading.mrz, reading.qr) == ((), None, None)


@pytest.mark.parametrize("shape", [(20_000, 1, 3), (1, 20_000, 3)])
def test_a_strip_is_measured_without_growing(shape):
    assert measure_card(np.full(shape, 90, np.uint8)).brightness == 90


@given(st.text("IDVNM0123456789<ABCOSZGLT", min_size=90, max_size=90))
def test_any_ninety_characters_give_a_zone_or_a_typed_error(text):
    try:
        correct_td1(text)
    except InputError as error:
        assert error.code.startswith("mrz.")


@given(st.lists(st.text("0123456789|Nữam, /", max_size=20), min_size=1, max_size=25))
def test_any_fields_give_a_code_or_a_typed_error(parts):
    try:
        qr = parse_card_qr("|".join(parts))
    except InputError as error:
        assert error.code == "card.qr_format"
    else:
        assert len(qr.personal_number.reveal()) == 12

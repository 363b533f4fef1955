"""What a misread label leaves in front of a value is cut off; no value is made of anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.ocr.card_values import without_remains
from ekyc.ocr.fields import LineSpan, ReadField
from ekyc.values import PointPx, QuadPx, Redacted

QUAD = QuadPx(
    top_left=PointPx(0, 0),
    top_right=PointPx(9, 0),
    bottom_right=PointPx(9, 3),
    bottom_left=PointPx(0, 3),
)


def field(name, text):
    span = LineSpan(line=0, start=10, end=10 + len(text), quad=QUAD)
    confidences = tuple(i / 100 for i in range(len(text)))
    return ReadField(name=name, value=Redacted(text), confidences=confidences, spans=(span,))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("sex", "c Nữ", "Nữ"),
        ("sex", "Việt Nam", "Việt Nam"),
        ("sex", "Nữ", "Nữ"),
        ("sex", "c: Nam", "Nam"),
        ("nationality", "Nua tonany: Việt Nam", "Việt Nam"),
        ("nationality", "Nua tonany", "Nua tonany"),
        ("issue_date", "n: 21/08/2023", "21/08/2023"),
        ("issue_date", "Daue df nsue: 21/08/2023", "21/08/2023"),
        ("issue_date", "21/08/2023 21/08/2024", "21/08/2023 21/08/2024"),
        ("birth_date", "1 21/08/2023", "1 21/08/2023"),
        ("personal_number", "n 048185012345", "048185012345"),
        ("personal_number", "0481850123456", "0481850123456"),
        ("full_name", "c NGUYỄN THỊ MẪU", "c NGUYỄN THỊ MẪU"),
    ],
)
def test_remains_of_a_label_are_cut_off(name, text, value):
    cut = without_remains(field(name, text))
    assert cut.value.reveal() == value
    start = text.index(value)
    assert cut.confidences == tuple(i / 100 for i in range(start, start + len(value)))
    assert (cut.spans[0].start, cut.spans[0].end) == (10 + start, 10 + start + len(value))


@given(
    st.sampled_from(["sex", "birth_date", "personal_number", "residence"]),
    st.text("0123456789/ Nam Nữ:c", min_size=1, max_size=40),
)
def test_a_value_is_only_ever_shortened(name, text):
    cut = without_remains(field(name, text))
    assert cut.value.reveal() in text
    assert len(cut.confidences) == len(cut.value.reveal())

"""Labels are found in spite of misread letters, and not where they do not stand."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.ocr.alignment import edit_distance
from ekyc.ocr.labels import best_match, find_labels, fold, value_behind

LABELS = [
    ("name", "Họ, chữ đệm, tên"),
    ("mother", "Họ, chữ đệm, tên người mẹ"),
    ("ethnicity", "Dân tộc"),
    ("nationality", "Quốc tịch"),
    ("no", "Số"),
    ("pin", "Số định danh cá nhân"),
    ("sex", "Giới tính"),
    ("sex", "Sex"),
]


def fields(text):
    return [hit.field for hit in find_labels(text, LABELS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Họ, chữ đệm, tên: NGUYỄN THỊ MẪU", ["name"]),
        ("Họ, chữ đệm, tên người mẹ: Vũ Thị Cường", ["mother"]),
        ("Ho, chu dem, ten nguoi me; Vũ Thị Cường", ["mother"]),
        ("Họ, chừ đém, tèn ngươi mẹ: Vũ", ["mother"]),
        ("Họ, chữ đệm, tên: NGÔ NHẬT HIỆP", ["name"]),
        ("Giới tính / Sex: Nữ", ["sex", "sex"]),
        ("Giới tính: Nữ Dân tộc: Kinh Quốc tịch: Việt Nam", ["sex", "ethnicity", "nationality"]),
        ("Số định danh cá nhân: 048", ["pin"]),
        ("Số: 12/2024", ["no"]),
        ("Sông Hồng", []),
        ("Thôn Dân tộc nội trú", []),
        ("", []),
    ],
)
def test_labels_of_a_line(text, expected):
    assert fields(text) == expected


def test_the_value_stands_between_the_joints():
    text = "Số / No.: 048185012345 "
    hit = find_labels(text, [("no", "Số"), ("no", "No")])[-1]
    start, end = value_behind(text, hit.end, len(text))
    assert text[start:end] == "048185012345"


@given(st.text(max_size=60))
def test_folding_keeps_its_way_back(text):
    folded = fold(text)
    assert len(folded.letters) == len(folded.origins)
    assert list(folded.origins) == sorted(folded.origins)
    assert all(0 <= origin < len(text) for origin in folded.origins)


@given(st.text("ab", min_size=1, max_size=5), st.text("abc", max_size=10), st.integers(0, 2))
def test_the_best_match_is_the_best(pattern, text, allowed):
    found = best_match(pattern, text, allowed)
    costs = [
        edit_distance(pattern, text[i:j])
        for i in range(len(text))
        for j in range(i + 1, len(text) + 1)
    ]
    least = min(costs, default=allowed + 1)
    if found is None:
        assert least > allowed
    else:
        start, end, edits = found
        assert edits == least == edit_distance(pattern, text[start:end])


@given(st.text(max_size=80))
def test_any_line_gives_hits_in_order_that_do_not_overlap(text):
    hits = find_labels(text, LABELS)
    for before, behind in pairwise(hits):
        assert before.end <= behind.start


CARD_LABELS = [
    ("number", "Số định danh cá nhân"),
    ("number", "Personal identification number"),
    ("name", "Họ và tên"),
    ("name", "Full name"),
    ("issued", "Ngày, tháng, năm cấp"),
    ("issued", "Date of issue"),
    ("sex", "Giới tính"),
    ("sex", "Sex"),
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Họ và tên / Fui name:", ""),
        ("Họ và tên / Full name: VŨ LÊ NAM", "VŨ LÊ NAM"),
        ("Họ và tên VŨ LÊ NAM", "VŨ LÊ NAM"),
        ("Ngày, tháng, năm cáp / Daue df nsue: 21/08/2023", "21/08/2023"),
        ("Số định danh cá nhân / Personal identification numben:", ""),
        ("Giới tính / Scx: Nữ", "Nữ"),
        ("Giới tính / Nam", "Nam"),
    ],
)
def test_a_misread_translation_is_no_value(text, value):
    last = find_labels(text, CARD_LABELS)[-1]
    start, end = value_behind(text, last.end, len(text))
    assert text[start:end] == value

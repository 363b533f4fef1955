"""Base64url without padding: one text for each value, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc import base64url


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"f", "Zg"),
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),  # RFC 4648 §10
        (bytes([3, 236, 255, 224, 193]), "A-z_4ME"),  # RFC 7515, appendix C
    ],
)
def test_the_examples_of_the_standards(data, text):
    assert base64url.encode(data) == text
    assert base64url.decode(text) == data


@given(st.binary(max_size=70))
def test_what_is_written_is_read(data):
    assert base64url.decode(base64url.encode(data)) == data


@given(st.text(alphabet="AQgw_-+/= \n=é", max_size=9))
def test_whatever_is_read_is_the_one_text_of_its_value(text):
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text


@pytest.mark.parametrize(
    "text",
    ["Zg==", "Zm9v=", "Zh", "Zm9", "Z", "A+z/4ME", "Zm9v\n", " Zm9v", "Zm9v.", "Zmộv", "Zg\0\0"],
)
def test_another_form_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        base64url.decode(text)

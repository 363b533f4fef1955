"""What is wrong with a member, in words: the bounds of the schema are told, and nothing of what was sent."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from ekyc.api.faults import fault_message

SECRET = "079203000123"


class Asked(BaseModel):
    few: list[str] = Field(default=[], max_length=2)
    kind: Literal["copy", "face"] = "copy"
    name: str = Field(default="a", max_length=9, pattern="^[a-z]+$")
    number: int = Field(default=1, ge=1, le=9)


def told(language, **members):
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate(members)
    [fault] = caught.value.errors()
    return fault_message(fault["type"], language, fault.get("ctx", {}))


@pytest.mark.parametrize(
    ("members", "en", "vi"),
    [
        ({"number": 10}, "Too large: at most 9.", "Quá lớn: tối đa 9."),
        ({"number": 0}, "Too small: at least 1.", "Quá nhỏ: ít nhất 1."),
        ({"number": SECRET + "x"}, "This must be a whole number.", "Phải là số nguyên."),
        (
            {"kind": SECRET},
            "Not one of the allowed values: 'copy' or 'face'.",
            "Không thuộc các giá trị cho phép: 'copy' or 'face'.",
        ),
        ({"few": ["a", "b", SECRET]}, "Too many items: at most 2.", "Quá nhiều phần tử: tối đa 2."),
        ({"few": SECRET}, "This must be a list.", "Phải là một danh sách."),
        ({"name": 1}, "This must be text.", "Phải là văn bản."),
        ({"name": "B"}, "Not of the form ^[a-z]+$", "Không đúng định dạng ^[a-z]+$"),
        (
            {"name": "a" * 10},
            "Too long: at most 9 characters.",
            "Quá dài: tối đa 9 ký tự.",
        ),
    ],
)
def test_a_fault_says_what_would_do(members, en, vi):
    assert told("en", **members) == en
    assert told("vi", **members) == vi


@pytest.mark.parametrize("kind", ["value_error", "literal_error", "less_than_equal", "unheard_of"])
def test_what_may_be_of_the_value_is_not_repeated(kind):
    facts = {"error": ValueError(SECRET), "input": SECRET, "class": SECRET}

    assert fault_message(kind, "en", facts) == "Not a valid value."

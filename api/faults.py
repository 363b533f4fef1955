"""What is wrong with one member of a request, in words: by the kind of fault that pydantic names, never by its value."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ekyc.api.languages import Language

_TEXTS: Final[Mapping[str, Mapping[Language, str]]] = MappingProxyType(
    {
        "missing": {"vi": "Thiếu trường bắt buộc.", "en": "A required member is missing."},
        "extra_forbidden": {"vi": "Trường không được phép.", "en": "There is no such member."},
        "json_invalid": {"vi": "Không phải JSON hợp lệ.", "en": "Not valid JSON."},
        "model_attributes_type": {
            "vi": "Phải là một đối tượng JSON, gửi với Content-Type: application/json.",
            "en": "This must be a JSON object, sent with Content-Type: application/json.",
        },
        "string_pattern_mismatch": {
            "vi": "Không đúng định dạng {pattern}",
            "en": "Not of the form {pattern}",
        },
        "personal_number": {
            "vi": "Không được chứa số định danh của một người.",
            "en": "Must not hold the number of a person.",
        },
        "one_of": {
            "vi": "Phải có đúng một trong các trường {members}.",
            "en": "Exactly one of {members} is needed.",
        },
        "one_portrait": {
            "vi": "So khuôn mặt chỉ với một ảnh chân dung.",
            "en": "A face is compared with one portrait.",
        },
        "together": {
            "vi": "Phải đi cùng nhau: {members}.",
            "en": "These go together, or are left out together: {members}.",
        },
        "enum": {
            "vi": "Không thuộc các giá trị cho phép: {expected}.",
            "en": "Not one of the allowed values: {expected}.",
        },
        "literal_error": {
            "vi": "Không thuộc các giá trị cho phép: {expected}.",
            "en": "Not one of the allowed values: {expected}.",
        },
        "bool_parsing": {"vi": "Phải là true hoặc false.", "en": "This must be true or false."},
        "bool_type": {"vi": "Phải là true hoặc false.", "en": "This must be true or false."},
        "int_parsing": {"vi": "Phải là số nguyên.", "en": "This must be a whole number."},
        "int_type": {"vi": "Phải là số nguyên.", "en": "This must be a whole number."},
        "list_type": {"vi": "Phải là một danh sách.", "en": "This must be a list."},
        "string_type": {"vi": "Phải là văn bản.", "en": "This must be text."},
        "tuple_type": {"vi": "Phải là một danh sách.", "en": "This must be a list."},
        "too_long": {
            "vi": "Quá nhiều phần tử: tối đa {max_length}.",
            "en": "Too many items: at most {max_length}.",
        },
        "too_short": {
            "vi": "Quá ít phần tử: ít nhất {min_length}.",
            "en": "Too few items: at least {min_length}.",
        },
        "string_too_long": {
            "vi": "Quá dài: tối đa {max_length} ký tự.",
            "en": "Too long: at most {max_length} characters.",
        },
        "string_too_short": {
            "vi": "Quá ngắn: ít nhất {min_length} ký tự.",
            "en": "Too short: at least {min_length} characters.",
        },
        "greater_than_equal": {
            "vi": "Quá nhỏ: ít nhất {ge}.",
            "en": "Too small: at least {ge}.",
        },
        "less_than_equal": {"vi": "Quá lớn: tối đa {le}.", "en": "Too large: at most {le}."},
    }
)
_OTHER: Final[Mapping[Language, str]] = MappingProxyType(
    {"vi": "Giá trị không hợp lệ.", "en": "Not a valid value."}
)
_OF_OURS: Final = frozenset(
    {"expected", "ge", "le", "max_length", "members", "min_length", "pattern"}
)
"""What a fault tells of the schema; everything else that it tells may be of the value."""


def fault_message(
    kind: str, language: Language, facts: Mapping[str, Any] = MappingProxyType({})
) -> str:
    """A sentence about one fault that repeats nothing of what was sent.

    Args:
        kind: as pydantic names it, or one of ours.
        language: of the sentence.
        facts: what pydantic says beside it (``ctx``); bounds and forms of the schema are taken, nothing else.
    """
    known = {name: value for name, value in facts.items() if name in _OF_OURS}
    try:
        return _TEXTS.get(kind, _OTHER)[language].format_map(known)
    except KeyError:
        return _OTHER[language]

"""What is wrong with one member of a request, in words: by the kind of fault that pydantic names, never by its value."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ekyc.api.languages import Language

_TEXTS: Final[Mapping[str, Mapping[Language, str]]] = MappingProxyType(
    {
        "missing": {"vi": "Thiếu trường bắt buộc.", "en": "A required member is missing."},
        "extra_forbidden": {"vi": "Trường không được phép.", "en": "There is no such member."},
        "json_invalid": {"vi": "Không phải JSON hợp lệ.", "en": "Not valid JSON."},
        "string_pattern_mismatch": {
            "vi": "Không đúng định dạng.",
            "en": "Not of the form that is asked for.",
        },
        "enum": {"vi": "Không thuộc các giá trị cho phép.", "en": "Not one of the allowed values."},
        "literal_error": {
            "vi": "Không thuộc các giá trị cho phép.",
            "en": "Not one of the allowed values.",
        },
        "too_long": {"vi": "Quá nhiều phần tử.", "en": "Too many items."},
        "string_too_long": {"vi": "Quá dài.", "en": "Too long."},
        "string_too_short": {"vi": "Quá ngắn.", "en": "Too short."},
        "greater_than_equal": {"vi": "Quá nhỏ.", "en": "Too small."},
        "less_than_equal": {"vi": "Quá lớn.", "en": "Too large."},
    }
)
_OTHER: Final[Mapping[Language, str]] = MappingProxyType(
    {"vi": "Giá trị không hợp lệ.", "en": "Not a valid value."}
)


def fault_message(kind: str, language: Language) -> str:
    """A sentence about one fault that repeats nothing of what was sent."""
    return _TEXTS.get(kind, _OTHER)[language]

"""Examples of bodies, in both languages."""

from __future__ import annotations

from typing import Final

from fastapi.openapi.models import Example

FILED: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Xin bản sao dữ liệu của mình",
        "value": {"kind": "access", "text": "Tôi muốn biết dữ liệu nào về tôi đang được lưu."},
    },
    "en": {
        "summary": "An objection",
        "value": {"kind": "object", "text": "A person shall decide."},
    },
}
GRANTED: Final[dict[str, Example]] = {
    "vi": {"summary": "Đã gặp tại quầy", "value": {"identification": "counter"}},
    "en": {"summary": "By the login that filed it", "value": {"identification": "login"}},
}
EXTENDED: Final[dict[str, Example]] = {
    "vi": {"summary": "Yêu cầu phức tạp", "value": {"reasons": ["rights.complex"]}},
    "en": {"summary": "It is complex", "value": {"reasons": ["rights.complex"]}},
}
REFUSED: Final[dict[str, Example]] = {
    "vi": {"summary": "Luật yêu cầu lưu giữ", "value": {"reasons": ["rights.law_keeps"]}},
    "en": {"summary": "Nothing is kept", "value": {"reasons": ["rights.nothing_kept"]}},
}
HELD: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Lệnh về một hồ sơ",
        "value": {"order": "12/2026/QĐ-CQĐT", "dossiers": ["4b8a0f0e6d5c4c6e9f0a2d3b1f9c7a11"]},
    },
    "en": {
        "summary": "An order about a citizen's login",
        "value": {"order": "12/2026/QĐ-CQĐT", "citizen": "ab" * 32},
    },
}
LIFTED: Final[dict[str, Example]] = {
    "vi": {
        "summary": "Tranh chấp đã được giải quyết",
        "value": {"reasons": ["rights.dispute_over"]},
    },
    "en": {"summary": "The order is over", "value": {"reasons": ["rights.order_over"]}},
}

"""Which language an answer speaks: Vietnamese unless the caller prefers English."""

from __future__ import annotations

from typing import Literal

Language = Literal["vi", "en"]

_MOST_RANGES = 20


def preferred_language(header: str | None) -> Language:
    """``"vi"`` or ``"en"`` by ``Accept-Language`` (RFC 9110 §12.5.4); nonsense counts as no preference."""
    weights: dict[Language, float] = {}
    for part in (header or "").split(",")[:_MOST_RANGES]:
        tag, _, parameter = part.strip().partition(";")
        weight = _weight(parameter)
        language = tag.strip().lower().partition("-")[0]
        if language in {"vi", "*"}:
            weights["vi"] = max(weights.get("vi", 0.0), weight)
        elif language == "en":
            weights["en"] = max(weights.get("en", 0.0), weight)
    return "en" if weights.get("en", 0.0) > weights.get("vi", 0.0) else "vi"


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0

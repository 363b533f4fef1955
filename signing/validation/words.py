"""Words of reports on validation, in Vietnamese and English, read once from ``ekyc/data/validation_words.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

from ekyc.signing.validation.report import Change

Language = Literal["vi", "en"]
_LONGEST_NAME = 80


@cache
def _words() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    text = (resources.files("ekyc.data") / "validation_words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def word(group: str, key: str, language: Language, **parts: object) -> str:
    """A text of a group, such as ``word("label", "covers", "en", revision=2)``."""
    return _words()[group][key][language].format_map(parts)


def change_in_words(change: Change, language: Language) -> str:
    """One thing that a revision changed. Names that come from the file are cut and stripped of what does not print."""
    subject = "".join(letter for letter in change.subject or "" if letter.isprintable())
    if len(subject) > _LONGEST_NAME:
        subject = subject[:_LONGEST_NAME] + "…"
    return word(
        "change", change.kind.value, language, subject=subject, page=change.page, count=change.count
    )

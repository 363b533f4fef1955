"""Templates of cards and papers as data: titles, labels, kinds of fields (``ocr/data``).

Cards stand together in ``cards.toml``, each paper has a file ``document-*.toml`` of its own.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ekyc.ocr.field_kinds import FieldKind
from ekyc.ocr.labels import best_match, fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ekyc.ocr.reading import PageReading

_DOCUMENT = re.compile(r"document-[a-z\-]+\.toml")
_TITLE_EDITS = 0.15
"""Allowed edits of a title per letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field of a template."""

    name: str
    kind: FieldKind
    labels: tuple[str, ...]
    """As printed; the first is the Vietnamese one."""
    lines: int = 1
    """Lines that the value may fill."""
    below: bool = False
    """Whether the value may stand below a label that has a line of its own."""
    breaks_at_comma: bool = False
    """Whether the print breaks behind the part beside the label, leaving out the comma, as cards do."""
    section: str = ""
    """Section that the field belongs to; empty for none."""
    opens: str = ""
    """Section that this label opens, for the labels below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A kind of card or paper."""

    id: str
    titles: tuple[str, ...]
    required: tuple[str, ...]
    """Fields without which the paper counts as unread."""
    fields: tuple[FieldSpec, ...]
    dates_in_words: tuple[tuple[str, str], ...] = ()
    """Pairs of fields that state one date in digits and in words."""
    stops: tuple[str, ...] = ()
    """Print that is no label of a field and yet ends the value above it, such as what stands over signatures."""

    def spec(self, name: str) -> FieldSpec | None:
        """The field of that name."""
        return next((spec for spec in self.fields if spec.name == name), None)


@cache
def load_templates(name: str) -> tuple[Template, ...]:
    """The templates of ``"cards"`` or of ``"documents"``."""
    folder = resources.files("ekyc.ocr.data")
    if name == "documents":
        files = sorted(
            (file for file in folder.iterdir() if _DOCUMENT.fullmatch(file.name)),
            key=lambda file: file.name,
        )
        entries = [tomllib.loads(file.read_text(encoding="utf-8")) for file in files]
        return tuple(_template(str(entry["id"]), entry) for entry in entries)
    text = folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tuple(_template(key, entry) for key, entry in tomllib.loads(text).items())


def _template(key: str, entry: Mapping[str, Any]) -> Template:
    return Template(
        id=key,
        titles=tuple(entry["titles"]),
        required=tuple(entry["required"]),
        fields=tuple(_spec(item) for item in entry["fields"]),
        dates_in_words=tuple((digits, words) for digits, words in entry.get("dates_in_words", ())),
        stops=tuple(entry.get("stops", ())),
    )


def _spec(item: Mapping[str, Any]) -> FieldSpec:
    facts = dict(item)
    facts["labels"] = tuple(facts["labels"])
    facts["kind"] = FieldKind(facts["kind"])
    return FieldSpec(**facts)


def choose_template(pages: Sequence[PageReading], templates: Sequence[Template]) -> Template | None:
    """The template whose title stands on a page; of several the one with the longest title.

    A title fills its line: *CĂN CƯỚC* is not found in *CĂN CƯỚC CÔNG DÂN*.
    """
    lines = [fold(line.text).letters for page in pages for line in page.lines]
    best: tuple[int, Template] | None = None
    for template in templates:
        for title in template.titles:
            letters = fold(title).letters
            fits = any(fills_line(letters, line) for line in lines)
            if fits and (best is None or len(letters) > best[0]):
                best = (len(letters), template)
    return None if best is None else best[1]


def fills_line(title: str, line: str) -> bool:
    """Whether a folded line is a folded title, a few letters misread."""
    allowed = int(len(title) * _TITLE_EDITS)
    return abs(len(line) - len(title)) <= allowed and best_match(title, line, allowed) is not None

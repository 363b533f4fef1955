"""Walk the fields of a data group although one of them is broken.

A wrong length in one field must cost that field and no other. Where the walk cannot go on – a field claims more than is
there, or what follows it is no field – it takes up again at the next place where a whole, sound field stands. Sound
means that its bytes decode, so that text which merely looks like a header is not taken for a field. Work is bounded:
few searches in a group, few candidates for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ekyc.errors import ChipError, InputError
from ekyc.pki import der

MAX_SEARCHES: Final = 32
MAX_CANDIDATES: Final = 64
MAX_ELEMENTS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldGrammar:
    """How the fields of one group are told from other bytes."""

    header: re.Pattern[bytes]
    """Matches, as a lookahead, wherever a field may begin."""
    is_field: Callable[[bytes, der.Element], bool]
    """Whether an element bears the mark of a field: its tag, its index."""
    is_sound: Callable[[bytes, der.Element], bool]
    """Whether a field decodes."""


@dataclass(slots=True)
class Salvaged:
    """What a walk found, in order of storage."""

    fields: list[der.Element] = field(default_factory=list)
    """Elements that bear the mark of a field; some may not decode."""
    others: list[der.Element] = field(default_factory=list)
    """Readable elements that are no fields."""
    damaged: list[der.Element] = field(default_factory=list)
    """Fields that lost their place: a wrong length. Cut off at the end of what is there."""


@dataclass(slots=True)
class SearchBudget:
    """How many more times the next field may be looked for: in one group, however many wrappers it has."""

    left: int = MAX_SEARCHES


def salvage_fields(
    data: bytes, start: int, end: int, grammar: FieldGrammar, budget: SearchBudget | None = None
) -> Salvaged:
    """Walk ``data[start:end]``. What cannot be read is ``damaged`` or left out.

    Args:
        data: the file.
        start: where the first field may begin.
        end: where the last one must end.
        grammar: how fields are told.
        budget: shared by the walks through one group; a new one by default.

    Raises:
        ChipError: ``chip.tlv.limit``: too many elements.
    """
    search = _Search(data, grammar, budget or SearchBudget())
    found, at = Salvaged(), start
    while at < end:
        if len(found.fields) + len(found.others) >= MAX_ELEMENTS:
            raise ChipError("too many elements", code="chip.tlv.limit")
        element = _read(data, at, end)
        if element and search.is_in_place(element, end):
            found.fields.append(element)
            at = element.stop
            continue
        resumed = search.resume(at + 1, end)
        if element and _is_foreign(data, element, found, resumed, grammar):
            found.others.append(element)
            at = element.stop
            continue
        _note_damage(data, at, end, found, grammar)
        at = end if resumed is None else resumed
    return found


def _is_foreign(
    data: bytes,
    element: der.Element,
    found: Salvaged,
    resumed: int | None,
    grammar: FieldGrammar,
) -> bool:
    """Whether an element merely is no field, rather than bytes between fields that happen to read as an element."""
    if grammar.is_field(data, element):
        return False
    hides_field = resumed is not None and resumed < element.stop
    if not found.fields or not hides_field:
        return True
    return element.constructed and _is_walkable(data, element.content, element.stop)


def _is_walkable(data: bytes, start: int, end: int) -> bool:
    """Whether whole elements, not too many, fill this part; by chance, bytes hardly ever read so."""
    try:
        count = sum(1 for _ in islice(der.elements(data, start, end), MAX_ELEMENTS + 1))
    except InputError:
        return False
    return count <= MAX_ELEMENTS


def read_clipped(data: bytes, at: int, end: int) -> der.Element | None:
    """The element at ``at``, with a tag of one or two bytes, cut off where it claims more than is there."""
    whole = _read(data, at, end)
    if whole:
        return whole
    head = at + 1
    if data[at] & 0x1F == 0x1F:
        head += 1
    if head >= end:
        return None
    content = min(end, head + 1 + (data[head] & 0x7F if data[head] > 0x80 else 0))
    return der.Element(int.from_bytes(data[at:head], "big"), at, content, end)


def _note_damage(data: bytes, at: int, end: int, found: Salvaged, grammar: FieldGrammar) -> None:
    """The field at ``at``; where none begins there, the one before it, whose length was too short."""
    clipped = read_clipped(data, at, end)
    if clipped and grammar.is_field(data, clipped):
        found.damaged.append(clipped)
    elif found.fields and found.fields[-1].stop == at:
        found.damaged.append(found.fields.pop())


@dataclass(frozen=True, slots=True)
class _Search:
    data: bytes
    grammar: FieldGrammar
    budget: SearchBudget

    def is_in_place(self, element: der.Element, end: int) -> bool:
        """A field that decodes, or one that does not but whose length swallows no field and leads to the next one."""
        data, grammar = self.data, self.grammar
        if not grammar.is_field(data, element):
            return False
        if grammar.is_sound(data, element):
            return True
        if self.resume(element.start + 1, element.stop) is not None:
            return False
        following = _read(data, element.stop, end)
        return element.stop == end or (following is not None and grammar.is_field(data, following))

    def resume(self, start: int, end: int) -> int | None:
        """Where the next whole, sound field begins; None where there is none, or the budget is spent."""
        if not self.budget.left:
            return None
        self.budget.left -= 1
        data, grammar = self.data, self.grammar
        for match in islice(grammar.header.finditer(data, start, end), MAX_CANDIDATES):
            element = _read(data, match.start(), end)
            if element and grammar.is_field(data, element) and grammar.is_sound(data, element):
                return element.start
        return None


def _read(data: bytes, at: int, end: int) -> der.Element | None:
    try:
        return der.read_element(data, at, end)
    except InputError:
        return None

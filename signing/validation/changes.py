"""What every revision of a PDF added, by kinds of objects: the words behind *what changed after this signature*.

For each revision but the first, the tree as pyHanko resolves it before and after is held against each other:

1. the signatures and document timestamps that are new, and the other fields whose value or look changed;
2. the pages: added, removed, moved; of those that stayed their contents, resources, boxes and annotations;
3. the catalogue: validation data, form settings, layers, scripts, names, and all other entries by their name;
4. what is left of the objects that the revision wrote: counted, so that nothing is passed over in silence.

This describes; it decides nothing. Names of fields and of entries come from the file: whoever wrote it chose them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields

from ekyc.errors import LimitError
from ekyc.signing.validation.report import Change, ChangeKind, Revision

_MAX_PAGES: Final = 20_000
_MAX_FIELDS: Final = 20_000
_MAX_REVISIONS: Final = 200
_MAX_CHANGES: Final = 200
_DEEPEST: Final = 40
_BACKWARDS: Final = frozenset({"/Parent", "/P", "/Popup", "/IRT", "/Pg", "/Obj"})
"""Entries that lead back up the tree; to follow them would make every object a part of every other."""
_PAGE_CONTENT: Final = frozenset({"/Contents"})
_PAGE_RESOURCES: Final = frozenset({"/Resources"})
_OF_CATALOGUE: Final = {
    "/DSS": ChangeKind.VALIDATION_DATA,
    "/OCProperties": ChangeKind.LAYERS,
    "/Metadata": ChangeKind.METADATA,
    "/OpenAction": ChangeKind.SCRIPTS,
    "/AA": ChangeKind.SCRIPTS,
    "/Names": ChangeKind.NAMES,
}
_ELSEWHERE: Final = frozenset({"/Pages", "/AcroForm", "/Perms", "/Extensions", "/Type"})
"""Entries of the catalogue that are looked at by themselves, or come with signatures."""
_OF_FIELDS: Final = frozenset({"/Fields", "/SigFlags"})


def list_revisions(reader: PdfFileReader, *, signed: int) -> tuple[Revision, ...]:
    """All revisions of a file, those behind the first signature with what they changed.

    Args:
        reader: the file.
        signed: the first revision that a signature covers, from one. What came before it, everybody signed; a file that
            is laid out for the web has a revision of pieces there.

    Raises:
        LimitError: ``signature.limit``: too many revisions, pages or fields, or a tree too deep.
        PdfError and others of pyHanko: the file cannot be resolved.
    """
    count = int(reader.xrefs.total_revisions)
    if count > _MAX_REVISIONS:
        raise LimitError(f"more than {_MAX_REVISIONS} revisions", code="signature.limit")
    states = [_State(reader, number) for number in range(signed - 1, count)]
    found = [Revision(number=number, changes=()) for number in range(1, signed + 1)]
    for before, after in pairwise(states):
        changes = _Comparison(before, after).changes()
        found.append(Revision(number=after.number + 1, changes=_merged(changes)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Field:
    """A terminal form field."""

    name: str
    reference: Any
    value: Any
    signature: bool


class _State:
    """One revision as it was when it was the last."""

    def __init__(self, reader: PdfFileReader, number: int) -> None:
        self.number = number
        self.view = reader.get_historical_resolver(number)
        self.written = frozenset(reader.xrefs.explicit_refs_in_revision(number))
        self.freed = frozenset(reader.xrefs.refs_freed_in_revision(number))
        self._pages: list[Any] | None = None

    @property
    def root(self) -> Any:
        return self.view.root

    @property
    def pages(self) -> list[Any]:
        """References of its pages, in order."""
        if self._pages is None:
            self._pages = list(_leaves(self.root.raw_get("/Pages"), set(), 0))
        return self._pages

    def fields(self) -> dict[str, _Field]:
        form = _at(self.root, "/AcroForm")
        if not isinstance(form, generic.DictionaryObject):
            return {}
        found = _fields(_at(form, "/Fields") or (), "", None, 0)
        return {field.name: field for _, field in zip(range(_MAX_FIELDS), found, strict=False)}

    def signed_fields(self) -> dict[str, Any]:
        entries = enumerate_sig_fields(self.view, filled_status=True)
        return {str(name): value.get_object() for name, value, _ in entries if value is not None}

    def resolved(self, reference: Any) -> Any:
        """What a reference leads to; ``None`` where it leads nowhere, which ISO 32000-2 §7.3.10 calls null."""
        try:
            return self.view.get_object(reference)
        except PdfReadError:
            return None


def _leaves(node: Any, seen: set[Any], depth: int) -> Iterator[Any]:
    reference = getattr(node, "reference", None)
    if depth > _DEEPEST or reference in seen or len(seen) > _MAX_PAGES:
        raise LimitError("the page tree is cyclic, too deep or too large", code="signature.limit")
    if reference is not None:
        seen.add(reference)
    body = node.get_object()
    kids = _at(body, "/Kids")
    if kids is None:
        yield reference
        return
    for index in range(len(kids)):
        yield from _leaves(kids.raw_get(index), seen, depth + 1)


def _fields(kids: Any, prefix: str, kind: Any, depth: int) -> Iterator[_Field]:
    if depth > _DEEPEST:
        raise LimitError("the form is cyclic or too deep", code="signature.limit")
    for index in range(len(kids)):
        raw = kids.raw_get(index)
        body = raw.get_object()
        name = ".".join(part for part in (prefix, str(_at(body, "/T") or "")) if part)
        own = _at(body, "/FT") or kind
        inner = [kid for kid in _at(body, "/Kids") or () if "/T" in kid.get_object()]
        if inner:
            yield from _fields(body["/Kids"], name, own, depth + 1)
        else:
            reference = getattr(raw, "reference", None)
            yield _Field(name, reference, _at(body, "/V"), own == "/Sig")


class _Comparison:
    """Two revisions, one behind the other."""

    def __init__(self, before: _State, after: _State) -> None:
        self._before = before
        self._after = after
        self._told: set[Any] = set()
        self._touched: dict[Any, bool] = {}
        self._page_set = frozenset(after.pages)

    def changes(self) -> Iterator[Change]:
        yield from self._fields()  # (1)
        yield from self._pages()  # (2)
        yield from self._catalogue()  # (3)
        yield from self._left()  # (4)

    def _is_touched(self, value: Any, depth: int = 0) -> bool:
        """Whether this revision wrote anything that the value leads to; marks it as told."""
        if depth > 4 * _DEEPEST:
            raise LimitError("objects are nested too deep", code="signature.limit")
        if isinstance(value, generic.IndirectObject):
            reference = value.reference
            if reference in self._touched:
                return self._touched[reference]
            if reference in self._page_set and depth:
                return False  # told by itself
            own = reference in self._after.written
            self._touched[reference] = own
            if own:
                self._told.add(reference)
            inner = self._is_touched(self._after.resolved(reference), depth + 1)
            self._touched[reference] = own or inner
            return own or inner
        # All of them: what is not looked at would be told as left over.
        found = [self._is_touched(part, depth + 1) for part in _parts(value)]
        return any(found)

    def _differs(self, before: Any, after: Any, key: str) -> bool:
        """Whether an entry of a dictionary is another, or leads to something that was written anew."""
        one, other = (_raw(holder, key) for holder in (before, after))
        same = one == other
        return bool(self._is_touched(other) or not same) if other is not None else not same

    def _fields(self) -> Iterator[Change]:
        before, after = self._before.signed_fields(), self._after.signed_fields()
        for name, value in after.items():
            if name not in before:
                stamp = _at(value, "/Type") == "/DocTimeStamp"
                kind = ChangeKind.DOCUMENT_TIMESTAMP if stamp else ChangeKind.SIGNATURE
                yield Change(kind=kind, subject=name)
        for name in before:
            if name not in after:
                yield Change(kind=ChangeKind.SIGNATURE_REMOVED, subject=name)
        yield from self._other_fields(after)

    def _other_fields(self, signed: dict[str, Any]) -> Iterator[Change]:
        old, new = self._before.fields(), self._after.fields()
        for name, field in new.items():
            touched = self._is_touched(_indirect(field.reference, self._after))
            if field.signature:
                if name not in old and name not in signed:
                    yield Change(kind=ChangeKind.SIGNATURE_FIELD, subject=name)
            elif name not in old:
                yield Change(kind=ChangeKind.FIELD_ADDED, subject=name)
            elif old[name].value != field.value:
                yield Change(kind=ChangeKind.FIELD_FILLED, subject=name)
            elif touched:
                yield Change(kind=ChangeKind.FIELD_LOOK, subject=name)
        for name in old:
            if name not in new:
                yield Change(kind=ChangeKind.FIELD_REMOVED, subject=name)

    def _pages(self) -> Iterator[Change]:
        old, new = self._before.pages, self._after.pages
        were = {reference: number for number, reference in enumerate(old, start=1)}
        are = {reference: number for number, reference in enumerate(new, start=1)}
        for reference, number in are.items():
            if reference not in were:
                self._is_touched(_indirect(reference, self._after))
                yield Change(kind=ChangeKind.PAGE_ADDED, page=number)
            else:
                yield from self._page(reference, number)
        for reference, number in were.items():
            if reference not in are:
                yield Change(kind=ChangeKind.PAGE_REMOVED, page=number)
        kept = [reference for reference in old if reference in are]
        if kept != [reference for reference in new if reference in were]:
            yield Change(kind=ChangeKind.PAGES_MOVED)

    def _page(self, reference: Any, number: int) -> Iterator[Change]:
        if reference in self._after.written:
            self._told.add(reference)
        before: Any = self._before.view.get_object(reference)
        after: Any = self._after.view.get_object(reference)
        for key in dict.fromkeys((*before, *after)):
            if key in _BACKWARDS:
                continue
            if key == "/Annots":
                yield from self._annotations(before, after, number)
            elif self._differs(before, after, key):
                kind = ChangeKind.PAGE_ATTRIBUTE
                if key in _PAGE_CONTENT:
                    kind = ChangeKind.PAGE_CONTENT
                elif key in _PAGE_RESOURCES:
                    kind = ChangeKind.PAGE_RESOURCES
                yield Change(kind=kind, page=number, subject=str(key))

    def _annotations(self, before: Any, after: Any, number: int) -> Iterator[Change]:
        self._differs(before, after, "/Annots")
        old, new = (_annotations(page) for page in (before, after))
        for reference, body in new.items():
            subtype = str(_at(body, "/Subtype") or "")
            if subtype == "/Widget":
                continue  # told as a field
            if reference not in old:
                yield Change(kind=ChangeKind.ANNOTATION_ADDED, page=number, subject=subtype)
            elif self._is_touched(_indirect(reference, self._after)) or old[reference] != body:
                yield Change(kind=ChangeKind.ANNOTATION_CHANGED, page=number, subject=subtype)
        for reference, body in old.items():
            if reference not in new and str(_at(body, "/Subtype") or "") != "/Widget":
                subject = str(_at(body, "/Subtype") or "")
                yield Change(kind=ChangeKind.ANNOTATION_REMOVED, page=number, subject=subject)

    def _catalogue(self) -> Iterator[Change]:
        old, new = self._before.view.root_ref, self._after.view.root_ref
        if (old.idnum, old.generation) != (new.idnum, new.generation):
            yield Change(kind=ChangeKind.CATALOGUE_SWITCHED)
        self._told.add(new)
        before, after = self._before.root, self._after.root
        for key in dict.fromkeys((*before, *after)):
            if key in _ELSEWHERE:
                self._told |= _references(_raw(after, key), self._after, self._after.written)
            elif self._differs(before, after, key):
                kind = _OF_CATALOGUE.get(str(key), ChangeKind.CATALOGUE)
                yield Change(kind=kind, subject=str(key))
        forms = [_at(state.root, "/AcroForm") for state in (self._before, self._after)]
        if all(isinstance(form, generic.DictionaryObject) for form in forms):
            for key in dict.fromkeys((*forms[0], *forms[1])):
                if key not in _OF_FIELDS and self._differs(forms[0], forms[1], key):
                    yield Change(kind=ChangeKind.FORM_SETTING, subject=str(key))
        if self._is_touched(_raw(self._after.view.trailer_view, "/Info")):
            yield Change(kind=ChangeKind.METADATA, subject="/Info")

    def _left(self) -> Iterator[Change]:
        if self._after.freed:
            yield Change(kind=ChangeKind.OBJECTS_FREED, count=len(self._after.freed))
        left = [
            reference
            for reference in self._after.written - self._told
            if not _is_bookkeeping(reference, self._after)
        ]
        if left:
            yield Change(kind=ChangeKind.OTHER_OBJECTS, count=len(left))


def _parts(value: Any) -> list[Any]:
    """What a dictionary or an array holds, as it stands; nothing of other objects."""
    if isinstance(value, generic.DictionaryObject):
        return [value.raw_get(key) for key in value if key not in _BACKWARDS]
    if isinstance(value, generic.ArrayObject):
        return [value.raw_get(index) for index in range(len(value))]
    return []


def _raw(holder: Any, key: str) -> Any:
    """An entry as it stands, references unresolved; ``None`` where there is none."""
    try:
        return holder.raw_get(key)
    except KeyError:
        return None


def _at(holder: Any, key: str) -> Any:
    """An entry with its reference resolved; ``None`` where there is none, or where it leads nowhere."""
    try:
        return holder[key]
    except (KeyError, PdfReadError):
        return None


def _indirect(reference: Any, state: _State) -> Any:
    return reference and generic.IndirectObject(  # type: ignore[no-untyped-call]  # untyped in pyHanko 0.38
        reference.idnum, reference.generation, state.view
    )


def _annotations(page: Any) -> dict[Any, Any]:
    """Bodies by reference; those that stand in the page itself by their place."""
    entries: Any = _at(page, "/Annots") or ()
    found: dict[Any, Any] = {}
    for index in range(min(len(entries), _MAX_FIELDS)):
        raw = entries.raw_get(index)
        body = raw.get_object()
        if isinstance(body, generic.DictionaryObject):
            found[getattr(raw, "reference", index)] = body
    return found


def _references(value: Any, state: _State, wanted: Iterable[Any]) -> set[Any]:
    """Those of ``wanted`` that a value names at its top, two steps down at most: nodes of trees."""
    found: set[Any] = set()
    steps = [(value, 0)]
    while steps:
        at, depth = steps.pop()
        if isinstance(at, generic.IndirectObject):
            if at.reference in wanted:
                found.add(at.reference)
            if depth < 2:
                steps.append((state.resolved(at.reference), depth + 1))
        elif depth <= 2:
            steps += [(part, depth) for part in _parts(at)]
    return found


def _is_bookkeeping(reference: Any, state: _State) -> bool:
    """Streams of cross-references and of objects: they hold what is told elsewhere."""
    body = state.resolved(reference)
    return isinstance(body, generic.DictionaryObject) and _at(body, "/Type") in {"/XRef", "/ObjStm"}


def _merged(changes: Iterator[Change]) -> tuple[Change, ...]:
    """Each once, in order, at most two hundred."""
    found = dict.fromkeys(
        change for _, change in zip(range(10 * _MAX_CHANGES), changes, strict=False)
    )
    return tuple(found)[:_MAX_CHANGES]

"""Reading XML of strangers: no document type, no entities, no network, bounded in all that costs.

Bounded are bytes, depth (lxml's own 256), elements and attributes, attributes of one element, and namespaces: for the canonical
form libxml2 2.14 sorts attributes and namespaces by insertion, at every element, inside one call that nothing can interrupt. Four
thousand elements under four hundred namespaces took it 1.6 s, and twice as many of both eight times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from typing import Any, Final

from ekyc.errors import InputError, LimitError

MAX_XML_BYTES: Final = 16 << 20
MAX_NODES: Final = 200_000
"""Elements and attributes; signxml holds several copies of a document."""
MAX_ATTRIBUTES: Final = 256
MAX_NAMESPACES: Final = 32
_HARDENED: Final = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
}
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"

etree: Any = import_module("lxml.etree")
"""lxml is compiled and publishes no types."""

Element = Any
"""``lxml.etree._Element``; lxml publishes no types."""


def parser() -> Any:
    """A parser for one document; lxml's own bound on depth is 256."""
    return etree.XMLParser(**_HARDENED)


def read_xml(data: bytes) -> Element:
    """The root element.

    Raises:
        InputError: ``signing.xml.unreadable``, ``.doctype``, ``.beside_root`` (a processing instruction there: lxml
            leaves it out of the canonical form, the standard does not), ``.inherited`` (an ``xml:`` attribute at the
            root: lxml does not hand it down to a part in canonical form, the standard does), ``.comment`` (inside a
            text: it is no part of what is signed, and many readers take a text to end there).
        LimitError: ``signing.xml.too_large``.
    """
    if len(data) > MAX_XML_BYTES:
        raise LimitError(f"more than {MAX_XML_BYTES >> 20} MiB", code="signing.xml.too_large")
    try:
        root = _parsed(data)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise InputError("not well-formed XML", code="signing.xml.unreadable") from exc
    info = root.getroottree().docinfo
    if info.doctype or info.internalDTD is not None or info.externalDTD is not None:
        raise InputError(
            "the XML has a document type, which may change what it says",
            code="signing.xml.doctype",
        )
    if any(node.tag is etree.PI for node in _beside(root)):
        raise InputError(
            "the XML has a processing instruction beside its root element",
            code="signing.xml.beside_root",
        )
    if any(str(name).startswith(_XML) for name in root.attrib):
        raise InputError(
            "the root element has an attribute of the prefix xml:", code="signing.xml.inherited"
        )
    if any(_splits_text(node) for node in root.iter(etree.Comment)):
        raise InputError("a comment stands inside a text", code="signing.xml.comment")
    return root


def _splits_text(comment: Element) -> bool:
    before, parent = comment.getprevious(), comment.getparent()
    if parent is None:  # beside the root element
        return False
    text = parent.text if before is None else before.tail
    return bool((text or "").strip() or (comment.tail or "").strip())


def _parsed(data: bytes) -> Element:
    """The root element, counted while it is read."""
    events = etree.iterparse(BytesIO(data), events=("start", "start-ns"), **_HARDENED)
    nodes, namespaces = 0, set()
    for event, found in events:
        if event == "start-ns":
            namespaces.add(found)
        else:
            nodes += 1 + len(found.attrib)
            if len(found.attrib) > MAX_ATTRIBUTES:
                raise _too_large()
        if nodes > MAX_NODES or len(namespaces) > MAX_NAMESPACES:
            raise _too_large()
    return events.root


def _too_large() -> LimitError:
    return LimitError(
        f"more than {MAX_NODES} elements and attributes, {MAX_ATTRIBUTES} of one, or {MAX_NAMESPACES} namespaces",
        code="signing.xml.too_large",
    )


def _beside(root: Element) -> Iterator[Element]:
    yield from root.itersiblings(preceding=True)
    yield from root.itersiblings()

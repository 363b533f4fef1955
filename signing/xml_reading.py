"""Reading XML of strangers: no document type, no entities, no network, bounded in size, depth and number of elements."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from ekyc.errors import InputError, LimitError

MAX_XML_BYTES: Final = 16 << 20
MAX_ELEMENTS: Final = 200_000
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"

etree: Any = import_module("lxml.etree")
"""lxml is compiled and publishes no types."""

Element = Any
"""``lxml.etree._Element``; lxml publishes no types."""


def parser() -> Any:
    """A parser for one document; lxml's own bound on depth is 256."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
    )


def read_xml(data: bytes) -> Element:
    """The root element.

    Raises:
        InputError: ``signing.xml.unreadable``, ``.doctype``, ``.beside_root`` (a processing instruction there: lxml
            leaves it out of the canonical form, the standard does not), ``.inherited`` (an ``xml:`` attribute at the
            root: lxml does not hand it down to a part in canonical form, the standard does).
        LimitError: ``signing.xml.too_large``.
    """
    if len(data) > MAX_XML_BYTES:
        raise LimitError(f"more than {MAX_XML_BYTES >> 20} MiB", code="signing.xml.too_large")
    try:
        root = etree.fromstring(data, parser=parser())
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
    if sum(1 for _ in zip(root.iter(), range(MAX_ELEMENTS + 1), strict=False)) > MAX_ELEMENTS:
        raise LimitError(f"more than {MAX_ELEMENTS} elements", code="signing.xml.too_large")
    return root


def _beside(root: Element) -> Iterator[Element]:
    yield from root.itersiblings(preceding=True)
    yield from root.itersiblings()

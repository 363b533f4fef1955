"""What a ``ds:Signature`` may look like to be judged here. Everything else is refused, with a reason of its own.

XML signatures let the signer, and so a forger, choose where the signed data are and how they are read. The known attacks
(signature wrapping, transforms that select or compute, external references, unsigned places) live on that freedom, so there
is none here:

1. One ``ds:Signature`` in the document, a child of its root, with one of each part.
2. ``SignedInfo`` is canonicalised without comments and without parameters; the signature method takes none either
   (``HMACOutputLength``).
3. At most three references, each once: the whole document without the signature, the signed properties of this signature,
   its ``KeyInfo``. The transforms are the enveloped one for the document, and one canonicalisation.
4. The signed properties are where EN 319 132-1 §4.3.1 has them, and belong to this signature.
5. An identifier that is referred to stands once in the document, whatever the case and namespace of its attribute.
6. Nothing but parts of a signature stands inside it: the enveloped transform takes all of it out of what is signed.
"""

from __future__ import annotations

from typing import Any, Final

from ekyc.signing.formats.xades import C14N_11, DS, SIGNATURE, XADES
from ekyc.signing.validation.inspecting import UnreadableError
from ekyc.signing.validation.xml_reading import Element, etree

_C14N_10: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
CANONICAL: Final = frozenset({_C14N_10, C14N_11, EXCLUSIVE})
_ENVELOPED: Final = f"{DS}enveloped-signature"
_SIGNED_PROPERTIES: Final = "http://uri.etsi.org/01903#SignedProperties"
_PARTS: Final = frozenset({DS, XADES, "http://uri.etsi.org/01903/v1.4.1#"})


def only_signature(root: Element) -> Element:
    """Rule (1).

    Raises:
        UnreadableError: ``signature.xml_several``, ``signature.format``.
    """
    found = list(root.iter(SIGNATURE))
    if len(found) != 1 or found[0].getparent() is not root:
        raise UnreadableError("signature.xml_several")
    signature = found[0]
    for name in ("SignedInfo", "SignatureValue", "KeyInfo", "Object"):
        only_child(signature, DS, name)
    return signature


def require_known_form(root: Element, signature: Element) -> None:
    """Rules (2) to (6).

    Raises:
        UnreadableError: ``signature.xml_…``.
    """
    info = only_child(signature, DS, "SignedInfo")
    method = only_child(info, DS, "CanonicalizationMethod")
    if method.get("Algorithm") not in CANONICAL or len(method):
        raise UnreadableError("signature.xml_transform")
    if len(only_child(info, DS, "SignatureMethod")):
        raise UnreadableError("signature.xml_transform")
    signed = signed_properties(signature)  # (4)
    _require_known_references(root, signature, info, signed)  # (3)
    _require_only_parts(signature)  # (6)


def signed_properties(signature: Element) -> Element:
    """Rule (4).

    Raises:
        UnreadableError: ``signature.xml_properties``.
    """
    try:
        qualifying = only_child(only_child(signature, DS, "Object"), XADES, "QualifyingProperties")
        signed = only_child(qualifying, XADES, "SignedProperties")
    except UnreadableError as exc:
        raise UnreadableError("signature.xml_properties") from exc
    if not signed.get("Id") or qualifying.get("Target") != f"#{signature.get('Id')}":
        raise UnreadableError("signature.xml_properties")
    return signed


def _require_known_references(
    root: Element, signature: Element, info: Element, signed: Element
) -> None:
    whole = {""} | ({f"#{root.get('Id')}"} if root.get("Id") else set())
    kinds = dict.fromkeys(whole, "document")
    if only_child(signature, DS, "KeyInfo").get("Id"):
        kinds[f"#{only_child(signature, DS, 'KeyInfo').get('Id')}"] = "key"
    kinds[f"#{signed.get('Id')}"] = "properties"
    references = info.findall(f"{{{DS}}}Reference")
    found: list[str] = []
    for reference in references:
        kind = kinds.get(reference.get("URI"))
        if kind is None or kind in found:
            raise UnreadableError("signature.xml_reference")
        if (reference.get("Type") == _SIGNED_PROPERTIES) != (kind == "properties"):
            raise UnreadableError("signature.xml_reference")
        _require_known_transforms(reference, enveloped=kind == "document")
        found.append(kind)
    if "document" not in found:
        raise UnreadableError("signature.xml_reference")
    if "properties" not in found:
        raise UnreadableError("signature.xml_properties")
    _require_unique(root, {reference.get("URI")[1:] for reference in references} - {""})  # (5)


def _require_known_transforms(reference: Element, *, enveloped: bool) -> None:
    lists = reference.findall(f"{{{DS}}}Transforms")
    steps = [step for holder in lists for step in holder.iterchildren("*")]
    algorithms = [step.get("Algorithm") for step in steps]
    known = (
        len(lists) <= 1
        and all(step.tag == f"{{{DS}}}Transform" and not len(step) for step in steps)
        and (algorithms[:1] == [_ENVELOPED]) == enveloped
    )
    rest = algorithms[1:] if enveloped else algorithms
    if not known or len(rest) > 1 or not set(rest) <= CANONICAL:
        raise UnreadableError("signature.xml_transform")


def _require_unique(root: Element, identifiers: set[str]) -> None:
    seen: set[str] = set()
    for element in root.iter("*"):
        for name, value in element.attrib.items():
            if value in identifiers and etree.QName(name).localname.lower() == "id":
                if value in seen:
                    raise UnreadableError("signature.xml_identifier")
                seen.add(value)


def _require_only_parts(signature: Element) -> None:
    for element in signature.iter("*"):
        if etree.QName(element).namespace not in _PARTS:
            raise UnreadableError("signature.xml_unsigned")


def only_child(element: Element, namespace: str, name: str) -> Any:
    """The only child of this name.

    Raises:
        UnreadableError: ``signature.format``: there is none, or more than one.
    """
    found = element.findall(f"{{{namespace}}}{name}")
    if len(found) != 1:
        raise UnreadableError("signature.format")
    return found[0]

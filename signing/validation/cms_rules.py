"""What a detached CMS may look like to be judged here; and a bound on the elements of any CMS before it is parsed.

asn1crypto parses nested values by recursion and copies, so that a few kilobytes of the right shape cost minutes. The walk here
visits each element once and keeps no more than the ends of the open ones; BER with indefinite lengths is walked too, since
other makers write it around their signatures.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from asn1crypto import core
from pyhanko.sign.validation.generic_cms import get_signing_cert_attr

from ekyc.errors import LimitError
from ekyc.signing.validation import trust
from ekyc.signing.validation.inspecting import UnreadableError

MAX_DEPTH: Final = 48
"""A certificate in a timestamp in a signature stands some thirty deep."""
MAX_ELEMENTS: Final = 400_000
"""Revocation lists of a hundred thousand certificates."""
MAX_CERTIFICATES: Final = 64
MAX_LISTS: Final = 64
MAX_ATTRIBUTES: Final = 64
_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512"})
_WEAK: Final = frozenset({"md2", "md5", "sha1", "sha224"})
_NEEDED: Final = frozenset({"1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"})
"""Content type and digest."""
_SINGLE: Final = _NEEDED | {
    "1.2.840.113549.1.9.5",  # claimed time
    "1.2.840.113549.1.9.16.2.12",  # signing certificate
    "1.2.840.113549.1.9.16.2.47",  # the same, second version
    "1.2.840.113549.1.9.52",  # protection of algorithms, RFC 6211
}
_END: Final = b"\0\0"


def require_bounded(data: bytes) -> None:
    """Walk BER without keeping it.

    Raises:
        LimitError: ``signature.limit``: deeper or more than any signature.
        UnreadableError: not one whole element of BER.
    """
    place, count = 0, 0
    ends: list[int | None] = []
    while True:
        while ends and ends[-1] == place:
            ends.pop()
        if not ends and count:
            break
        if ends and ends[-1] is None and data[place : place + 2] == _END:
            ends.pop()
            place += 2
            continue
        constructed, start, length = _head(data, place)
        limit = next((end for end in reversed(ends) if end is not None), len(data))
        if start + (length or 0) > limit:
            raise UnreadableError
        count += 1
        if constructed:
            ends.append(None if length is None else start + length)
            place = start
        else:
            place = start + (length or 0)
        if len(ends) > MAX_DEPTH or count > MAX_ELEMENTS:
            raise LimitError("deeper, or more, than any signature", code="signature.limit")
    if place != len(data):
        raise UnreadableError


def _head(data: bytes, place: int) -> tuple[bool, int, int | None]:
    """Whether the element is constructed, where its contents start, and how long they are; ``None``: until their end."""
    head = data[place : place + 10]
    at = 1
    if head[:1] and head[0] & 0x1F == 0x1F:  # a tag of several octets
        while at < len(head) and head[at] & 0x80:
            at += 1
        at += 1
    if at >= len(head):
        raise UnreadableError
    constructed, first = bool(head[0] & 0x20), head[at]
    if first < 0x80:
        return constructed, place + at + 1, first
    count = first & 0x7F
    octets = head[at + 1 : at + 1 + count]
    if first == 0x80:
        if not constructed:
            raise UnreadableError
        return True, place + at + 1, None
    if count > 4 or len(octets) != count:
        raise UnreadableError
    return constructed, place + at + 1 + count, int.from_bytes(octets)


def require_known_form(wrapped: Any) -> None:
    """Rules for a CMS that is to be judged beside its content (EN 319 122-1 §6.3).

    1. It is ``SignedData`` over ``data`` that stands elsewhere: what is inside could differ from the file beside it.
    2. One signer; a bounded number of certificates, lists, attributes and timestamps.
    3. Content type, digest and signing certificate are there. None of these, nor the claimed time or the protection of
       algorithms, stands twice or has several values: readers differ on which of two they take.
    4. The digest is of the SHA-2 family, and the signature algorithm names no other: openssl verifies by the one, pyHanko by
       the other, and each calls the other's signature broken.

    Args:
        wrapped: asn1crypto's ``ContentInfo``.

    Raises:
        UnreadableError: ``signature.cms_content``, ``.cms_signers``, ``.cms_attributes``, ``.certificate_unbound``,
            ``.weak_algorithm``, ``.algorithm_unknown``, ``.cms_algorithms``.
        LimitError: ``signature.limit``.
    """
    if wrapped["content_type"].native != "signed_data":
        raise UnreadableError("signature.cms_content")
    signed = wrapped["content"]
    carried = signed["encap_content_info"]
    if carried["content_type"].native != "data" or carried["content"].native is not None:
        raise UnreadableError("signature.cms_content")
    if len(signed["signer_infos"]) != 1:
        raise UnreadableError("signature.cms_signers")
    signer = signed["signer_infos"][0]
    if (
        _count(signed["certificates"]) > MAX_CERTIFICATES
        or _count(signed["crls"]) > MAX_LISTS
        or _count(signer["signed_attrs"]) > MAX_ATTRIBUTES
        or _count(signer["unsigned_attrs"]) > MAX_ATTRIBUTES
        or _timestamps(signer) > trust.MAX_TIMESTAMPS
    ):
        raise LimitError("more than a signature needs", code="signature.limit")
    _require_known_attributes(signer["signed_attrs"])
    _require_known_algorithms(signer)


def _require_known_attributes(attributes: Any) -> None:
    found: Counter[str] = Counter()
    for attribute in [] if attributes is core.VOID else attributes:
        kind = attribute["type"].dotted
        found[kind] += 1
        if kind in _SINGLE and len(attribute["values"]) != 1:
            raise UnreadableError("signature.cms_attributes")
    if any(found[kind] > 1 for kind in _SINGLE) or not set(found) >= _NEEDED:
        raise UnreadableError("signature.cms_attributes")
    if get_signing_cert_attr(attributes) is None:
        raise UnreadableError("signature.certificate_unbound")


def in_order(attributes: Any) -> bool:
    """Whether attributes stand in the order that DER gives a SET OF (X.690 §11.6)."""
    encodings = [attribute.dump() for attribute in attributes]
    return encodings == sorted(encodings)


def _require_known_algorithms(signer: Any) -> None:
    digest = signer["digest_algorithm"]["algorithm"].native
    if digest in _WEAK:
        raise UnreadableError("signature.weak_algorithm")
    if digest not in _DIGESTS:
        raise UnreadableError("signature.algorithm_unknown")
    try:
        named = signer["signature_algorithm"].hash_algo
    except ValueError:  # the algorithm names none, as PKCS #1 v1.5 may
        return
    if named != digest:
        raise UnreadableError("signature.cms_algorithms")


def _timestamps(signer: Any) -> int:
    attributes = signer["unsigned_attrs"]
    if attributes is core.VOID:
        return 0
    return sum(
        len(item["values"])
        for item in attributes
        if item["type"].native == "signature_time_stamp_token"
    )


def _count(values: Any) -> int:
    return 0 if values is core.VOID else len(values)

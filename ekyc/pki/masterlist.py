"""CSCA master lists: a signed set of national root certificates (ICAO 9303-12 §9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ekyc.errors import InputError
from ekyc.pki import der
from ekyc.pki.certificates import Certificate, parse_certificate
from ekyc.pki.signed_lists import verify_signed_list

CONTENT_TYPE: Final = "2.23.136.1.1.2"
SIGNING_PURPOSE: Final = "2.23.136.1.1.3"
_MALFORMED: Final = "pki.masterlist_malformed"
_MAX_CERTIFICATES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterList:
    """A master list whose own signature verified.

    That proves that the list is complete and unaltered since its signer made it. Whether that signer deserves trust is
    the operator's decision, taken by installing the file.
    """

    signer: Certificate
    signed_at: datetime | None
    certificates: tuple[Certificate, ...]
    unreadable: int
    """Entries that are no certificate by any reading; they are left out."""


def verify_master_list(encoded: bytes) -> MasterList:
    """Parse a master list and verify its signature over all of its content.

    Raises:
        InputError: ``pki.masterlist_malformed`` or another structure error.
        TrustError: the signature does not verify, only by a broken algorithm (``pki.algorithm_weak``), or the signer
            is meant for something else (``pki.signer_not_allowed``).
    """
    content, evidence = verify_signed_list(
        encoded,
        kind="CSCA master list",
        content_type=CONTENT_TYPE,
        purpose=SIGNING_PURPOSE,
        malformed_code=_MALFORMED,
    )
    with der.malformed_as(InputError, code=_MALFORMED):
        certificates, unreadable = _parse_list(content)
    return MasterList(
        signer=evidence.signer,
        signed_at=evidence.signing_time,
        certificates=certificates,
        unreadable=unreadable,
    )


def _parse_list(content: bytes) -> tuple[tuple[Certificate, ...], int]:
    """``CscaMasterList ::= SEQUENCE { version INTEGER, certList SET OF Certificate }``."""
    _version, listed = der.children(content, der.single(content, der.SEQUENCE))
    entries = der.children(content, listed)
    if len(entries) > _MAX_CERTIFICATES:
        raise InputError("the list has too many entries", code="asn1.structure")
    certificates: list[Certificate] = []
    for entry in entries:
        try:
            certificates.append(parse_certificate(der.encoding_of(content, entry)))
        except InputError:
            continue
    return tuple(certificates), len(entries) - len(certificates)

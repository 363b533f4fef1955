"""Deviation lists: what an issuing state says is wrong with some of its own documents (ICAO 9303-3 §7; 9303-12 §9).

A deviation explains why a genuine document may break a rule. It never makes a failed check pass: it is shown beside
the verdict, and a person decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from ekyc.errors import InputError
from ekyc.pki import der
from ekyc.pki.certificates import Certificate, decode_time
from ekyc.pki.names import Name, parse_name
from ekyc.pki.signed_lists import verify_signed_list
from ekyc.values import Sha256Hex

CONTENT_TYPE: Final = "2.23.136.1.1.7"
SIGNING_PURPOSE: Final = "2.23.136.1.1.8"
_DOCUMENT_TYPE: Final = 0x80
_SIGNER_NUMBER: Final = 0xA1
_SIGNER_KEY: Final = 0x82
_SIGNER_DIGEST: Final = 0x83
_ISSUED: Final = 0xA4
_NUMBERS: Final = 0xA5
_PRINTABLE_STRING: Final = 0x13

_MALFORMED: Final = "pki.deviation_list_malformed"
_MAX_DEVIATIONS: Final = 10_000
_MAX_DOCUMENT_NUMBERS: Final = 1_000_000
_MAX_DESCRIPTION_CHARACTERS: Final = 2_000

DEVIATION_NAMES: Final[Mapping[str, str]] = {
    "2.23.136.1.1.7.1": "CertOrKey",
    "2.23.136.1.1.7.1.1": "CertOrKey-DSSignature",
    "2.23.136.1.1.7.1.2": "CertOrKey-DSEncoding",
    "2.23.136.1.1.7.1.3": "CertOrKey-CSCAEncoding",
    "2.23.136.1.1.7.1.4": "CertOrKey-AAKeyCompromised",
    "2.23.136.1.1.7.2": "LDS",
    "2.23.136.1.1.7.2.1": "LDS-DGMalformed",
    "2.23.136.1.1.7.2.2": "LDS-DGHashWrong",
    "2.23.136.1.1.7.2.3": "LDS-SODSignatureWrong",
    "2.23.136.1.1.7.2.4": "LDS-COMInconsistent",
    "2.23.136.1.1.7.3": "MRZ",
    "2.23.136.1.1.7.3.1": "MRZ-WrongData",
    "2.23.136.1.1.7.3.2": "MRZ-WrongCheckDigit",
    "2.23.136.1.1.7.4": "Chip",
    "2.23.136.1.1.7.5": "NationalUse",
}
"""ICAO 9303-3 §7.3.5, without the prefix ``id-Deviation-``."""

AA_KEY_COMPROMISED: Final = "2.23.136.1.1.7.1.4"
"""The key in DG15 may be known to others: who answers with it need not be the chip."""

_Wanted = TypeVar("_Wanted")
_Known = TypeVar("_Known")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationDescription:
    """One thing that is wrong."""

    type: str
    """Object identifier; :data:`DEVIATION_NAMES` spells those of the standard."""
    text: str | None = None
    """Free text of the issuer, cut to 2,000 characters."""

    @property
    def name(self) -> str:
        return DEVIATION_NAMES.get(self.type, self.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Which documents are concerned, and what is wrong with them. A criterion that is None was not given."""

    descriptions: tuple[DeviationDescription, ...]
    document_type: str | None = None
    """First two characters of the MRZ."""
    signer_issuer: Name | None = None
    signer_serial_number: int | None = None
    signer_key_identifier: bytes | None = None
    signer_digest: bytes | None = None
    """Of the document signer's certificate, by ``digest``."""
    digest: str = "sha256"
    issued: tuple[datetime, datetime] | None = None
    document_numbers: frozenset[str] | None = field(default=None, repr=False)

    @property
    def compromises_active_authentication(self) -> bool:
        """Whether the state says that an answer to active authentication proves nothing."""
        return any(item.type == AA_KEY_COMPROMISED for item in self.descriptions)

    def concerns(
        self,
        signer: Certificate,
        *,
        signed_at: datetime | None = None,
        document_type: str | None = None,
        document_number: str | None = None,
    ) -> bool:
        """Whether a document meets every criterion given (9303-3 §7.3.6: all at once).

        A criterion that cannot be tested, because the fact is not known here, does not exclude; but at least one must
        have been tested, so that a remark always rests on something. The date of signing stands for that of issue.
        """
        tests = (
            _test(self.document_type, document_type, _same_characters),
            _test(self.issued, signed_at, lambda wanted, is_: wanted[0] <= is_ <= wanted[1]),
            _test(self.document_numbers, document_number, _is_among),
            self._names(signer),
        )
        return False not in tests and True in tests

    def _names(self, signer: Certificate) -> bool | None:
        """Whether the entry names this document signer; None where it names none."""
        if self.signer_issuer is not None:
            same_number = self.signer_serial_number == signer.serial_number
            return same_number and self.signer_issuer.folded == signer.issuer.folded
        if self.signer_key_identifier is not None:
            return self.signer_key_identifier == signer.subject_key_identifier
        if self.signer_digest is not None:
            return self.signer_digest == hashlib.new(self.digest, signer.encoded).digest()
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationList:
    """A deviation list whose own signature verified. Its signer is a claim until it chains to an authority."""

    encoded: bytes = field(repr=False)
    sha256: Sha256Hex
    signer: Certificate
    signed_at: datetime | None
    deviations: tuple[Deviation, ...]


def verify_deviation_list(encoded: bytes) -> DeviationList:
    """Parse a deviation list and verify its signature over all of its content.

    Left to the caller: the chain of ``signer`` to an authority, and that a list speaks only for documents of the
    country of that signer.

    Raises:
        InputError: ``pki.deviation_list_malformed`` or another structure error.
        TrustError: the signature does not verify, only by a broken algorithm (``pki.algorithm_weak``), or the signer
            is meant for something else (``pki.signer_not_allowed``).
    """
    content, evidence = verify_signed_list(
        encoded,
        kind="deviation list",
        content_type=CONTENT_TYPE,
        purpose=SIGNING_PURPOSE,
        malformed_code=_MALFORMED,
    )
    with der.malformed_as(InputError, code=_MALFORMED):
        deviations = _parse_list(content, evidence.content_digest)
    return DeviationList(
        encoded=encoded,
        sha256=Sha256Hex(hashlib.sha256(encoded).hexdigest()),
        signer=evidence.signer,
        signed_at=evidence.signing_time,
        deviations=deviations,
    )


def _parse_list(content: bytes, digest: str) -> tuple[Deviation, ...]:
    """``SEQUENCE { version, digestAlgorithm?, SET OF Deviation }``; digests are made as the signature's was (§7.3.6)."""
    _version, *_algorithm, listed = der.children(content, der.single(content, der.SEQUENCE))
    entries = der.children(content, listed)
    if listed.tag != der.SET or len(entries) > _MAX_DEVIATIONS:
        raise InputError("the list has too many entries, or none", code="asn1.structure")
    return tuple(_parse_deviation(content, entry, digest) for entry in entries)


def _parse_deviation(content: bytes, entry: der.Element, digest: str) -> Deviation:
    """``SEQUENCE { documents SEQUENCE { [0] type?, [1] | [2] | [3] signer?, [4] period?, [5] numbers? }, descriptions }``."""
    documents, descriptions = der.children(content, entry)
    given = {item.tag: item for item in der.children(content, documents)}
    issuer, serial = (
        der.children(content, given[_SIGNER_NUMBER]) if _SIGNER_NUMBER in given else (None, None)
    )
    return Deviation(
        descriptions=tuple(
            _parse_description(content, item) for item in der.children(content, descriptions)
        ),
        document_type=_text(content, given.get(_DOCUMENT_TYPE)),
        signer_issuer=parse_name(der.encoding_of(content, issuer)) if issuer else None,
        signer_serial_number=(
            der.decode_integer(der.content_of(content, serial)) if serial else None
        ),
        signer_key_identifier=_bytes(content, given.get(_SIGNER_KEY)),
        signer_digest=_bytes(content, given.get(_SIGNER_DIGEST)),
        digest=digest,
        issued=_parse_period(content, given[_ISSUED]) if _ISSUED in given else None,
        document_numbers=_parse_numbers(content, given[_NUMBERS]) if _NUMBERS in given else None,
    )


def _parse_description(content: bytes, entry: der.Element) -> DeviationDescription:
    """``SEQUENCE { text PrintableString?, type OID, [0] parameters?, [1] national use? }``."""
    parts = der.children(content, entry)
    text = _text(content, parts.pop(0)) if parts[0].tag == _PRINTABLE_STRING else None
    if parts[0].tag != der.OBJECT_IDENTIFIER:
        raise InputError("a description has no type", code="asn1.structure")
    kind = der.decode_oid(der.content_of(content, parts[0]))
    return DeviationDescription(
        type=kind, text=text[:_MAX_DESCRIPTION_CHARACTERS] if text else None
    )


def _parse_period(content: bytes, period: der.Element) -> tuple[datetime, datetime]:
    first, last = (
        decode_time(item.tag, der.content_of(content, item))
        for item in der.children(content, period)
    )
    return first, last


def _parse_numbers(content: bytes, listed: der.Element) -> frozenset[str]:
    numbers = der.children(content, listed)
    if len(numbers) > _MAX_DOCUMENT_NUMBERS:
        raise InputError("too many document numbers", code="asn1.structure")
    return frozenset(_text(content, item) or "" for item in numbers)


def _text(content: bytes, element: der.Element | None) -> str | None:
    """Printable characters only: the text is shown to people."""
    if element is None:
        return None
    decoded = der.content_of(content, element).decode("latin-1")
    return "".join(character for character in decoded if character.isprintable())


def _bytes(content: bytes, element: der.Element | None) -> bytes | None:
    return der.content_of(content, element) if element else None


def _same_characters(wanted: str, is_: str) -> bool:
    """Equal but for fillers: lists write ``I<`` or ``I`` for the same type."""
    return wanted.replace("<", "").strip() == is_.replace("<", "").strip()


def _is_among(wanted: frozenset[str], is_: str) -> bool:
    return is_ in wanted or any(_same_characters(number, is_) for number in wanted)


def _test(
    wanted: _Wanted | None, known: _Known | None, holds: Callable[[_Wanted, _Known], bool]
) -> bool | None:
    """Whether a criterion holds; None where it was not given or cannot be tested."""
    return None if wanted is None or known is None else holds(wanted, known)

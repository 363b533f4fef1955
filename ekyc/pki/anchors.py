"""What an operator trusts, as path building asks for it: anchors, revocation lists, deviation lists, document signers.

Everything is found by fingerprint, key identifier, name or country, and parsed only when it is found: a list of
hundreds opens in milliseconds although a document needs one or two certificates of it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final

from ekyc.pki.certificates import Certificate, parse_certificate
from ekyc.pki.crl import Crl
from ekyc.pki.deviations import DeviationList
from ekyc.pki.verdict_cache import VerdictCache
from ekyc.values import Sha256Hex

SIGNER_KEY_BYTES: Final = 16


class SourceKind(StrEnum):
    """What kind of file brought something into the trust store."""

    CERTIFICATES = "certificates"
    """PEM or DER, put there by the operator's own decision."""
    MASTER_LIST = "master-list"
    PKD_LDIF = "pkd-ldif"
    CRL = "crl"
    DEVIATION_LIST = "deviation-list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """One reason why an anchor is here."""

    source: str
    """File name (no folder), or what the caller called it."""
    kind: SourceKind = SourceKind.CERTIFICATES
    sha256: Sha256Hex | None = None
    """Of the file."""
    listed_by: str | None = None
    """Country and fingerprint of the signer of the master list, where the anchor came in one."""
    added_at: datetime | None = None
    """When the operator imported the file; None where it was only named on a command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A certificate that the operator trusts, and why it is here."""

    certificate: Certificate
    source: str
    """File name (no folder), or what the caller called it."""
    listed_by: str | None = None
    """Country and fingerprint of the signer of the master list, where the anchor came in one."""
    provenance: tuple[Provenance, ...] = ()
    """Every file that brought it, first come first."""


class AnchorEntry:
    """An anchor with the keys by which it is found. The certificate is parsed when first looked at."""

    __slots__ = ("_anchor", "_load", "country", "fingerprint", "key_identifier", "subject_key")

    def __init__(
        self,
        *,
        fingerprint: Sha256Hex,
        key_identifier: bytes | None,
        subject_key: str,
        country: str | None,
        load: Callable[[], Anchor],
    ) -> None:
        self.fingerprint = fingerprint
        self.key_identifier = key_identifier
        self.subject_key = subject_key
        self.country = country
        self._load = load
        self._anchor: Anchor | None = None

    @classmethod
    def of(cls, anchor: Anchor) -> AnchorEntry:
        certificate = anchor.certificate
        return cls(
            fingerprint=certificate.fingerprint,
            key_identifier=certificate.subject_key_identifier,
            subject_key=certificate.subject.key,
            country=certificate.subject.country,
            load=lambda: anchor,
        )

    @property
    def anchor(self) -> Anchor:
        if self._anchor is None:
            self._anchor = self._load()
        return self._anchor


class InstalledCrl:
    """A revocation list whose signature was verified with the key of an anchor, when it was installed."""

    __slots__ = ("_crl", "_load", "authority", "issuer_key", "sha256")

    def __init__(
        self, *, issuer_key: str, authority: Sha256Hex, sha256: Sha256Hex, load: Callable[[], Crl]
    ) -> None:
        self.issuer_key = issuer_key
        self.authority = authority
        """Fingerprint of the anchor."""
        self.sha256 = sha256
        self._load = load
        self._crl: Crl | None = None

    @property
    def crl(self) -> Crl:
        if self._crl is None:
            self._crl = self._load()
        return self._crl


class InstalledDeviationList:
    """A deviation list whose signer chained to an anchor of its own country, when it was installed."""

    __slots__ = ("_deviation_list", "_load", "country", "sha256")

    def __init__(
        self, *, country: str, sha256: Sha256Hex, load: Callable[[], DeviationList]
    ) -> None:
        self.country = country
        self.sha256 = sha256
        self._load = load
        self._deviation_list: DeviationList | None = None

    @property
    def deviation_list(self) -> DeviationList:
        if self._deviation_list is None:
            self._deviation_list = self._load()
        return self._deviation_list


SignerLookup = Callable[[bytes], Sequence[Certificate]]
"""Certificates of document signers by the key of :func:`signer_key`."""


def signer_key(certificate: Certificate) -> tuple[bytes, ...]:
    """The keys under which a document signer is kept: issuer with serial number, and key identifier."""
    keys = [signer_key_of_number(certificate.issuer.key, certificate.serial_number)]
    if certificate.subject_key_identifier:
        keys.append(signer_key_of_identifier(certificate.subject_key_identifier))
    return tuple(keys)


def signer_key_of_number(issuer_key: str, serial_number: int) -> bytes:
    named = f"{serial_number:x}\n{issuer_key}".encode()
    return hashlib.sha256(named).digest()[:SIGNER_KEY_BYTES]


def signer_key_of_identifier(identifier: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + identifier).digest()[:SIGNER_KEY_BYTES]


class TrustAnchors:
    """Immutable set of anchors and of what their authorities say, with the indices that path building asks."""

    def __init__(
        self,
        anchors: Iterable[Anchor] = (),
        *,
        entries: Iterable[AnchorEntry] = (),
        crls: Iterable[InstalledCrl] = (),
        deviation_lists: Iterable[InstalledDeviationList] = (),
        signers: SignerLookup = lambda _key: (),
    ) -> None:
        unique: dict[Sha256Hex, AnchorEntry] = {}
        for anchor in anchors:
            if anchor.certificate.fingerprint not in unique:
                unique[anchor.certificate.fingerprint] = AnchorEntry.of(anchor)
        for entry in entries:
            unique.setdefault(entry.fingerprint, entry)
        self._by_fingerprint = unique
        self._by_key_identifier: dict[bytes, list[AnchorEntry]] = defaultdict(list)
        self._by_subject: dict[str, list[AnchorEntry]] = defaultdict(list)
        self._by_country: dict[str | None, list[AnchorEntry]] = defaultdict(list)
        for entry in unique.values():
            if entry.key_identifier:
                self._by_key_identifier[entry.key_identifier].append(entry)
            self._by_subject[entry.subject_key].append(entry)
            self._by_country[entry.country].append(entry)
        self._crls: Mapping[Sha256Hex, InstalledCrl] = {crl.sha256: crl for crl in crls}
        self._deviation_lists: Mapping[Sha256Hex, InstalledDeviationList] = {
            listed.sha256: listed for listed in deviation_lists
        }
        self._signers = signers
        self.verdicts = VerdictCache()
        """Document signers whose issuer was found before, by this store."""

    def __len__(self) -> int:
        return len(self._by_fingerprint)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} anchors)"

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        return tuple(entry.anchor for entry in self._by_fingerprint.values())

    @property
    def entries(self) -> tuple[AnchorEntry, ...]:
        """The anchors unparsed."""
        return tuple(self._by_fingerprint.values())

    @property
    def crls(self) -> tuple[InstalledCrl, ...]:
        return tuple(self._crls.values())

    @property
    def deviation_lists(self) -> tuple[InstalledDeviationList, ...]:
        return tuple(self._deviation_lists.values())

    @cached_property
    def version(self) -> Sha256Hex:
        """Digest of everything that a verdict can depend on: it changes with every import and every removal."""
        parts = (self._by_fingerprint, self._crls, self._deviation_lists)
        named = "\n\n".join("\n".join(sorted(part)) for part in parts)
        return Sha256Hex(hashlib.sha256(named.encode()).hexdigest())

    def find(self, certificate: Certificate) -> Anchor | None:
        """The anchor that is this very certificate: an operator may pin a document signer itself."""
        entry = self._by_fingerprint.get(certificate.fingerprint)
        return entry.anchor if entry else None

    def issuers_of(self, certificate: Certificate) -> Sequence[Anchor]:
        """Whoever may have issued ``certificate``, likeliest first, each once.

        By key identifier, then by folded name, then anybody of the same country: identifiers are missing in 111 of
        633 real CSCAs, and a renewed CSCA may keep its name or its key but not both.
        """
        return self._authorities(
            certificate.authority_key_identifier, certificate.issuer.key, certificate.issuer.country
        )

    def issuers_of_crl(self, crl: Crl) -> Sequence[Anchor]:
        """Whoever may have signed a revocation list, in the same order."""
        return self._authorities(crl.authority_key_identifier, crl.issuer.key, crl.issuer.country)

    def crls_about(self, certificate: Certificate, issuer: Anchor) -> tuple[Crl, ...]:
        """Lists that speak for what ``issuer`` issued, newest first: by its name, or signed with its key.

        Name and key: after a change of keys one list, signed by the new key, speaks for all that the authority issued
        under its name (ICAO 9303-12 §7.1.4).
        """
        fingerprint, name = issuer.certificate.fingerprint, certificate.issuer.key
        found = (
            installed.crl
            for installed in self._crls.values()
            if installed.issuer_key == name or installed.authority == fingerprint
        )
        return tuple(sorted(found, key=lambda crl: crl.this_update, reverse=True))

    def deviation_lists_of(self, country: str | None) -> tuple[DeviationList, ...]:
        """Deviation lists of a state about its own documents."""
        return tuple(
            installed.deviation_list
            for installed in self._deviation_lists.values()
            if installed.country == country
        )

    def signers(self, key: bytes) -> Sequence[Certificate]:
        """Document signers from a directory, for documents that do not carry theirs. They are no anchors."""
        return self._signers(key)

    def _authorities(
        self, identifier: bytes | None, subject_key: str, country: str | None
    ) -> Sequence[Anchor]:
        by_key = self._by_key_identifier.get(identifier, []) if identifier else []
        by_name = self._by_subject.get(subject_key, [])
        by_country = self._by_country.get(country, [])
        ordered = {id(entry): entry for entry in (*by_key, *by_name, *by_country)}
        return tuple(entry.anchor for entry in ordered.values())


def load_anchor(encoded: bytes, provenance: tuple[Provenance, ...]) -> Anchor:
    """An anchor from its DER.

    Raises:
        InputError: ``pki.certificate_malformed``.
    """
    first = provenance[0]
    return Anchor(
        certificate=parse_certificate(encoded),
        source=first.source,
        listed_by=first.listed_by,
        provenance=provenance,
    )

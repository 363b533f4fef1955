"""Files that an operator may import, told apart by what they hold, each verified as far as it can be by itself.

A revocation list and a deviation list need an authority to stand behind them: :mod:`ekyc.pki.trust_assembly` finds it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from ekyc.errors import EkycError, InputError, TrustError
from ekyc.files import read_file
from ekyc.pki import deviations
from ekyc.pki.anchors import Provenance, SourceKind
from ekyc.pki.certificates import Certificate, parse_certificate
from ekyc.pki.cms import parse_signed_data
from ekyc.pki.crl import Crl, parse_crl
from ekyc.pki.deviations import DeviationList, verify_deviation_list
from ekyc.pki.ldif import LdifEntry, looks_like_ldif, parse_ldif
from ekyc.pki.masterlist import verify_master_list
from ekyc.values import Sha256Hex

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
MAX_REFUSALS: Final = 100
_PEM: Final = re.compile(rb"-----BEGIN (CERTIFICATE|X509 CRL)-----(.+?)-----END \1-----", re.DOTALL)
_PEM_BEGIN: Final = (b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509 CRL-----")
_AUTHORITY_BRANCH: Final = re.compile(r"(?:^|,)\s*o=csca\s*(?:,|$)", re.IGNORECASE)
_SIGNED_DATA_OID: Final = bytes.fromhex("06092a864886f70d010702")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something in a file that was left out, and why. The rest of the file counts."""

    place: str
    """Line and name in an LDIF, digest of a list."""
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one file holds."""

    kind: SourceKind
    certificates: tuple[tuple[Certificate, str | None], ...] = ()
    """Each with who listed it."""
    crls: tuple[Crl, ...] = ()
    deviation_lists: tuple[DeviationList, ...] = ()
    signers: tuple[Certificate, ...] = ()
    """Document signers of a directory."""
    refusals: tuple[Refusal, ...] = ()
    """At most a hundred; ``refused`` counts all."""
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFile:
    """A file with what it holds and where it comes from."""

    name: str
    """Without folder."""
    sha256: Sha256Hex
    data: bytes = field(repr=False)
    added_at: datetime | None
    found: Found = field(repr=False)

    def provenance(self, listed_by: str | None) -> Provenance:
        return Provenance(
            source=self.name,
            kind=self.found.kind,
            sha256=self.sha256,
            listed_by=listed_by,
            added_at=self.added_at,
        )


def read_trust_file(path: Path, *, added_at: datetime | None = None) -> TrustFile:
    """Read and tell apart one file of the disk.

    Raises:
        InputError: missing, too large or of no known kind (``trust.*``, ``pki.*``, ``cms.*``).
        TrustError: the signature of a master list or deviation list does not verify.
    """
    return parse_trust_file(read_bounded(path), name=path.name, added_at=added_at)


def read_bounded(path: Path) -> bytes:
    """The bytes of a trust file.

    Raises:
        InputError: ``trust.unreadable``.
        LimitError: ``trust.too_large``.
    """
    try:
        return read_file(path, MAX_FILE_BYTES, code="trust.too_large")
    except OSError as exc:
        raise InputError(
            "the trust file cannot be read", code="trust.unreadable", subject=path.name
        ) from exc


def parse_trust_file(data: bytes, *, name: str, added_at: datetime | None = None) -> TrustFile:
    """Tell a file apart by what it holds.

    Raises:
        InputError: of no known kind, or damaged (``trust.*``, ``pki.*``, ``cms.*``).
        TrustError: the signature of a master list or deviation list does not verify.
    """
    try:
        found = _tell_apart(data)
    except (InputError, TrustError) as exc:
        raise type(exc)(exc.message, code=exc.code, subject=name) from exc
    return TrustFile(
        name=name,
        sha256=Sha256Hex(hashlib.sha256(data).hexdigest()),
        data=data,
        added_at=added_at,
        found=found,
    )


def _tell_apart(data: bytes) -> Found:
    if any(begin in data for begin in _PEM_BEGIN):
        return _read_pem(data)
    if looks_like_ldif(data):
        return _read_ldif(data)
    if _SIGNED_DATA_OID in data[:32]:
        return _read_signed(data)
    return _read_der(data)


def _read_pem(data: bytes) -> Found:
    blocks = [(label, _decode_pem(body)) for label, body in _PEM.findall(data)]
    certificates = tuple(
        parse_certificate(body) for label, body in blocks if label == b"CERTIFICATE"
    )
    crls = tuple(parse_crl(body) for label, body in blocks if label == b"X509 CRL")
    if not blocks:
        raise InputError("a PEM block is not closed", code="trust.unreadable")
    return Found(
        kind=SourceKind.CERTIFICATES if certificates else SourceKind.CRL,
        certificates=tuple((certificate, None) for certificate in certificates),
        crls=crls,
    )


def _decode_pem(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as exc:
        raise InputError("a PEM block is damaged", code="trust.unreadable") from exc


def _read_signed(data: bytes) -> Found:
    if parse_signed_data(data).content_type == deviations.CONTENT_TYPE:
        listed = verify_deviation_list(data)
        return Found(kind=SourceKind.DEVIATION_LIST, deviation_lists=(listed,))
    return Found(kind=SourceKind.MASTER_LIST, certificates=_listed(data))


def _listed(data: bytes) -> tuple[tuple[Certificate, str | None], ...]:
    """The certificates of a master list, each with its signer."""
    listed = verify_master_list(data)
    by = f"{listed.signer.subject.country} {listed.signer.fingerprint}"
    return tuple((certificate, by) for certificate in listed.certificates)


def _read_der(data: bytes) -> Found:
    try:
        return Found(kind=SourceKind.CERTIFICATES, certificates=((parse_certificate(data), None),))
    except InputError:
        pass  # the other kind of DER then
    try:
        return Found(kind=SourceKind.CRL, crls=(parse_crl(data),))
    except InputError as exc:
        if exc.code == "pki.crl_unsupported":
            raise
        raise InputError(
            "no certificate, revocation list, master list, deviation list or LDIF",
            code="trust.unreadable",
        ) from exc


class _Directory:
    """What the entries of an LDIF hold. A bad entry is noted and loses nothing else."""

    def __init__(self) -> None:
        self.certificates: list[tuple[Certificate, str | None]] = []
        self.crls: list[Crl] = []
        self.deviation_lists: list[DeviationList] = []
        self.signers: list[Certificate] = []
        self.refusals: list[Refusal] = []
        self.refused = 0
        self._readers: dict[str, Callable[[bytes], None]] = {
            "pkdmasterlistcontent": self._add_signed,
            "cscamasterlistdata": self._add_signed,
            "pkddeviationlistcontent": self._add_signed,
            "cacertificate": self._add_authority,
            "usercertificate": self._add_signer,
            "certificaterevocationlist": self._add_crl,
        }

    def add(self, entry: LdifEntry) -> None:
        for kind, value in entry.values:
            reader = self._readers.get(kind)
            if kind == "usercertificate" and _AUTHORITY_BRANCH.search(entry.name):
                reader = self._add_authority
            if reader is None:
                continue
            try:
                reader(value)
            except EkycError as exc:
                self.refused += 1
                if self.refused <= MAX_REFUSALS:
                    place = f"line {entry.line}, {entry.name}"
                    self.refusals.append(Refusal(place=place, code=exc.code))

    def _add_signed(self, value: bytes) -> None:
        found = _read_signed(value)
        self.certificates += found.certificates
        self.deviation_lists += found.deviation_lists

    def _add_authority(self, value: bytes) -> None:
        self.certificates.append((parse_certificate(value), None))

    def _add_signer(self, value: bytes) -> None:
        """Whatever it says about itself, it is no anchor: only its place in the directory makes an authority."""
        self.signers.append(parse_certificate(value))

    def _add_crl(self, value: bytes) -> None:
        self.crls.append(parse_crl(value))


def _read_ldif(data: bytes) -> Found:
    directory = _Directory()
    for entry in parse_ldif(data):
        directory.add(entry)
    return Found(
        kind=SourceKind.PKD_LDIF,
        certificates=tuple(directory.certificates),
        crls=tuple(directory.crls),
        deviation_lists=tuple(directory.deviation_lists),
        signers=tuple(directory.signers),
        refusals=tuple(directory.refusals),
        refused=directory.refused,
    )

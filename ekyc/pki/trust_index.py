"""The index of a trust folder: everything by which anchors are found, without parsing a certificate.

One file: digests, a JSON header with the keys, a sorted table of document signers, then all DER encodings one after
the other. It is a cache: bound to the digest of the manifest it was made from, and made anew when it does not fit.
"""

from __future__ import annotations

import hashlib
import json
import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ekyc.errors import InputError
from ekyc.pki.anchors import (
    SIGNER_KEY_BYTES,
    Anchor,
    AnchorEntry,
    InstalledCrl,
    InstalledDeviationList,
    Provenance,
    SignerLookup,
    SourceKind,
    load_anchor,
    signer_key,
)
from ekyc.pki.certificates import Certificate, parse_certificate
from ekyc.pki.crl import parse_crl
from ekyc.pki.deviations import verify_deviation_list
from ekyc.pki.trust_assembly import Assembly
from ekyc.pki.trust_files import Refusal
from ekyc.values import Sha256Hex

_MAGIC: Final = b"EKYC-TRUST-INDEX-1\n"
_DIGEST_BYTES: Final = 32
_LENGTHS: Final = struct.Struct(">II")
_SIGNER: Final = struct.Struct(f">{SIGNER_KEY_BYTES}sII")
_SHOWN_SIGNERS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustIndex:
    """What the index of a folder gives out."""

    entries: tuple[AnchorEntry, ...]
    crls: tuple[InstalledCrl, ...]
    deviation_lists: tuple[InstalledDeviationList, ...]
    signers: SignerLookup
    signer_count: int
    refusals: tuple[tuple[Sha256Hex, Refusal], ...]
    """Lists that no anchor stands behind, each with the digest of its file."""


class _Blob:
    """Encodings one after the other, each once."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        self._end = 0

    def place(self, encoded: bytes) -> tuple[int, int]:
        """Offset and length."""
        if encoded not in self._places:
            self._places[encoded] = (self._end, len(encoded))
            self.parts.append(encoded)
            self._end += len(encoded)
        return self._places[encoded]


def encode_index(assembly: Assembly, *, manifest: bytes) -> bytes:
    """The index of ``assembly``, which was made from the folder that ``manifest`` describes."""
    blob = _Blob()
    reasons: dict[Provenance, int] = {}
    header = {
        "anchors": [_anchor_row(anchor, blob, reasons) for anchor in assembly.anchors],
        "crls": [
            [item.issuer_key, item.authority, item.sha256, *blob.place(item.crl.encoded)]
            for item in assembly.crls
        ],
        "deviation_lists": [
            [item.country, item.sha256, *blob.place(item.deviation_list.encoded)]
            for item in assembly.deviation_lists
        ],
        "signers": len(assembly.signers),
        "refusals": [[file, item.place, item.code] for file, item in assembly.refusals],
    }
    header["provenance"] = [_provenance_row(reason) for reason in reasons]
    table = _signer_table(assembly.signers, blob)
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    rest = b"".join((_LENGTHS.pack(len(encoded), len(table)), encoded, table, *blob.parts))
    bound = hashlib.sha256(manifest).digest()
    return _MAGIC + bound + hashlib.sha256(bound + rest).digest() + rest


def decode_index(data: bytes, *, manifest: bytes) -> TrustIndex | None:
    """Open an index; None where it is not one, is damaged, or belongs to another manifest."""
    bound = hashlib.sha256(manifest).digest()
    start = len(_MAGIC) + 2 * _DIGEST_BYTES
    rest = memoryview(data)[start:]
    digest = hashlib.sha256(bound)
    digest.update(rest)
    if data[:start] != _MAGIC + bound + digest.digest():
        return None
    header_bytes, table_bytes = _LENGTHS.unpack_from(rest)
    header = json.loads(bytes(rest[_LENGTHS.size : _LENGTHS.size + header_bytes]))
    table_start = _LENGTHS.size + header_bytes
    table = bytes(rest[table_start : table_start + table_bytes])
    blob = rest[table_start + table_bytes :]
    reasons = tuple(_read_provenance(row) for row in header["provenance"])
    return TrustIndex(
        entries=tuple(_read_anchor(row, blob, reasons) for row in header["anchors"]),
        crls=tuple(_read_crl(row, blob) for row in header["crls"]),
        deviation_lists=tuple(_read_deviation_list(row, blob) for row in header["deviation_lists"]),
        signers=_signer_lookup(table, blob),
        signer_count=header["signers"],
        refusals=tuple(
            (file, Refusal(place=place, code=code)) for file, place, code in header["refusals"]
        ),
    )


def _anchor_row(anchor: Anchor, blob: _Blob, reasons: dict[Provenance, int]) -> list[Any]:
    certificate = anchor.certificate
    identifier = certificate.subject_key_identifier
    return [
        certificate.fingerprint,
        identifier.hex() if identifier else None,
        certificate.subject.key,
        certificate.subject.country,
        *blob.place(certificate.encoded),
        [reasons.setdefault(reason, len(reasons)) for reason in anchor.provenance],
    ]


def _read_anchor(row: list[Any], blob: memoryview, reasons: Sequence[Provenance]) -> AnchorEntry:
    fingerprint, identifier, subject, country, offset, length, listed = row

    def load() -> Anchor:
        anchor = load_anchor(
            bytes(blob[offset : offset + length]), tuple(reasons[place] for place in listed)
        )
        if anchor.certificate.fingerprint != fingerprint:
            raise InputError("the index of the trust folder is wrong", code="trust.index_damaged")
        return anchor

    return AnchorEntry(
        fingerprint=fingerprint,
        key_identifier=bytes.fromhex(identifier) if identifier else None,
        subject_key=subject,
        country=country,
        load=load,
    )


def _read_crl(row: list[Any], blob: memoryview) -> InstalledCrl:
    issuer, authority, sha256, offset, length = row
    return InstalledCrl(
        issuer_key=issuer,
        authority=authority,
        sha256=sha256,
        load=lambda: parse_crl(bytes(blob[offset : offset + length])),
    )


def _read_deviation_list(row: list[Any], blob: memoryview) -> InstalledDeviationList:
    country, sha256, offset, length = row
    return InstalledDeviationList(
        country=country,
        sha256=sha256,
        load=lambda: verify_deviation_list(bytes(blob[offset : offset + length])),
    )


def _provenance_row(reason: Provenance) -> list[str | None]:
    added_at = reason.added_at.isoformat() if reason.added_at else None
    return [reason.source, reason.kind.value, reason.sha256, reason.listed_by, added_at]


def _read_provenance(row: list[Any]) -> Provenance:
    source, kind, sha256, listed_by, added_at = row
    return Provenance(
        source=source,
        kind=SourceKind(kind),
        sha256=sha256,
        listed_by=listed_by,
        added_at=datetime.fromisoformat(added_at) if added_at else None,
    )


def _signer_table(signers: Sequence[Certificate], blob: _Blob) -> bytes:
    rows = [
        _SIGNER.pack(key, *blob.place(signer.encoded))
        for signer in signers
        for key in signer_key(signer)
    ]
    return b"".join(sorted(rows))


def _signer_lookup(table: bytes, blob: memoryview) -> SignerLookup:
    rows = range(len(table) // _SIGNER.size)

    def row(place: int) -> tuple[bytes, int, int]:
        key, offset, length = _SIGNER.unpack_from(table, place * _SIGNER.size)
        return key, offset, length

    def find(key: bytes) -> tuple[Certificate, ...]:
        found: list[Certificate] = []
        place = bisect_left(rows, key, key=lambda at: row(at)[0])
        while place < len(rows) and row(place)[0] == key and len(found) < _SHOWN_SIGNERS:
            _key, offset, length = row(place)
            found.append(parse_certificate(bytes(blob[offset : offset + length])))
            place += 1
        return tuple(found)

    return find


def signer_lookup(signers: Sequence[Certificate]) -> SignerLookup:
    """The same lookup over certificates in memory."""
    blob = _Blob()
    table = _signer_table(signers, blob)
    return _signer_lookup(table, memoryview(b"".join(blob.parts)))

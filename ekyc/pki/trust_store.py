"""The operator's trust anchors: country signing authorities, with where each came from.

There is no built-in anchor. The authority behind the Vietnamese ID card is in no public master list, so an operator
must install it; without it a chain ends in NO_ANCHOR, never in a guess.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ekyc.errors import InputError, LimitError
from ekyc.pki.certificates import Certificate, parse_certificate
from ekyc.pki.masterlist import verify_master_list
from ekyc.values import Sha256Hex

_MAX_FILE_BYTES: Final = 32 * 1024 * 1024
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_SIGNED_DATA_OID: Final = bytes.fromhex("06092a864886f70d010702")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A certificate that the operator trusts, and why it is here."""

    certificate: Certificate
    source: str
    """File name (no folder), or what the caller called it."""
    listed_by: str | None = None
    """Country and fingerprint of the signer of the master list, where the anchor came in one."""


class TrustStore:
    """Immutable set of anchors with the indices that path building asks."""

    def __init__(self, anchors: Iterable[Anchor] = ()) -> None:
        unique: dict[Sha256Hex, Anchor] = {}
        for anchor in anchors:
            unique.setdefault(anchor.certificate.fingerprint, anchor)
        self._by_fingerprint = unique
        self._by_key_identifier: dict[bytes, list[Anchor]] = defaultdict(list)
        self._by_subject: dict[tuple[tuple[str, str], ...], list[Anchor]] = defaultdict(list)
        self._by_country: dict[str | None, list[Anchor]] = defaultdict(list)
        for anchor in unique.values():
            certificate = anchor.certificate
            if certificate.subject_key_identifier:
                self._by_key_identifier[certificate.subject_key_identifier].append(anchor)
            self._by_subject[certificate.subject.folded].append(anchor)
            self._by_country[certificate.subject.country].append(anchor)

    @classmethod
    def load(cls, paths: Iterable[Path | str]) -> TrustStore:
        """Anchors from files: PEM (any number of certificates), DER, or a CSCA master list (``.ml``).

        Raises:
            InputError: a file is missing, too large or none of the three (``trust.*``, ``pki.*``, ``cms.*``).
            TrustError: the signature of a master list does not verify.
        """
        return cls(anchor for path in paths for anchor in _load_file(Path(path)))

    @classmethod
    def from_certificates(
        cls, encoded: Iterable[bytes], *, source: str = "given by the caller"
    ) -> TrustStore:
        """Anchors from DER certificates.

        Raises:
            InputError: ``pki.certificate_malformed``.
        """
        return cls(Anchor(certificate=parse_certificate(item), source=source) for item in encoded)

    def __len__(self) -> int:
        return len(self._by_fingerprint)

    def __repr__(self) -> str:
        return f"TrustStore({len(self)} anchors)"

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        return tuple(self._by_fingerprint.values())

    def find(self, certificate: Certificate) -> Anchor | None:
        """The anchor that is this very certificate: an operator may pin a document signer itself."""
        return self._by_fingerprint.get(certificate.fingerprint)

    def issuers_of(self, certificate: Certificate) -> Sequence[Anchor]:
        """Whoever may have issued ``certificate``, likeliest first, each once.

        By key identifier, then by folded name, then anybody of the same country: identifiers are missing in 111 of
        633 real CSCAs, and a renewed CSCA may keep its name or its key but not both.
        """
        identifier = certificate.authority_key_identifier
        by_key = self._by_key_identifier.get(identifier, []) if identifier else []
        by_name = self._by_subject.get(certificate.issuer.folded, [])
        by_country = self._by_country.get(certificate.issuer.country, [])
        ordered = {id(anchor): anchor for anchor in (*by_key, *by_name, *by_country)}
        return tuple(ordered.values())


def _load_file(path: Path) -> list[Anchor]:
    data = _read(path)
    if b"-----BEGIN CERTIFICATE-----" in data:
        return [
            Anchor(certificate=parse_certificate(_decode_pem(body, path)), source=path.name)
            for body in _PEM.findall(data)
        ]
    if _SIGNED_DATA_OID in data[:32]:
        listed = verify_master_list(data)
        by = f"{listed.signer.subject.country} {listed.signer.fingerprint}"
        return [
            Anchor(certificate=certificate, source=path.name, listed_by=by)
            for certificate in listed.certificates
        ]
    try:
        return [Anchor(certificate=parse_certificate(data), source=path.name)]
    except InputError as exc:
        raise InputError(
            "neither PEM, nor a DER certificate, nor a master list",
            code="trust.unreadable",
            subject=path.name,
        ) from exc


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise InputError(
            "the trust file cannot be read", code="trust.unreadable", subject=path.name
        ) from exc
    if len(data) > _MAX_FILE_BYTES:
        raise LimitError("the trust file is too large", code="trust.too_large", subject=path.name)
    return data


def _decode_pem(body: bytes, path: Path) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as exc:
        raise InputError(
            "a PEM block is damaged", code="trust.unreadable", subject=path.name
        ) from exc

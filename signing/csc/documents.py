"""PDFs between authorisation and signature: prepared when the person is asked, completed when the key has signed.

What a person authorises is the digest of a *prepared* file, which holds the time and the hole of this very signature. So
the file waits here, in this process, for as long as its SAD lasts; a restart forgets it, and then nothing is signed.

A value that came from the key is kept until its file is whole: when the time-stamping authority fails, the same request
again finishes the file without the key being asked twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final

from ekyc.errors import BusyError
from ekyc.ports import Clock
from ekyc.signing.activation.remote import CredentialInfo
from ekyc.signing.activation.sad import ShownDocument
from ekyc.signing.csc.authorization import label_of
from ekyc.signing.csc.errors import CscError, invalid, missing
from ekyc.signing.csc.hashes import read_signature_algorithm
from ekyc.signing.levels import Level
from ekyc.signing.pdf.external import external_identity
from ekyc.signing.pdf.pades import PreparedPdf, complete_pdf, prepare_pdf
from ekyc.signing.signatory import Services

MAX_DOCUMENTS: Final = 10
MAX_DOCUMENT_BYTES: Final = 16 << 20
_MAX_HELD_BYTES: Final = 128 << 20
_PADES: Final = "P"
LEVELS: Final = {
    "ades-b-b": Level.B_B,
    "ades-b-t": Level.B_T,
    "ades-b-lt": Level.B_LT,
    "ades-b-lta": Level.B_LTA,
}
"""By the names of CSC API v2.0.0.2 §11.11, whose own examples write them in two ways of capitals."""
_CERTIFICATION: Final = "Certification"
_REVISION: Final = "Revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedDocument:
    """One member of ``documents``; equal to another of the same file, level and kind. ``repr`` shows nothing of it."""

    pdf: bytes = field(repr=False)
    label: str | None = field(default=None, repr=False, compare=False)
    level: Level
    certify: bool

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file as it was shown."""
        return hashlib.sha256(self.pdf).hexdigest()


@dataclass(slots=True, kw_only=True)
class WaitingDocument:
    """A prepared file that waits for its value."""

    wanted: WantedDocument
    prepared: PreparedPdf
    expires_at: datetime
    value: bytes | None = None


class PreparedDocuments:
    """Files that wait for their signature, in bounds. Safe to use from many threads."""

    def __init__(self, *, services: Services, clock: Clock) -> None:
        self._services = services
        self._clock = clock
        self._held: dict[bytes, WaitingDocument] = {}
        self._lock = Lock()

    def prepare(
        self, info: CredentialInfo, wanted: Sequence[WantedDocument], *, until: datetime
    ) -> tuple[ShownDocument, ...]:
        """Prepare files and hold them.

        Args:
            info: whose signature they wait for.
            wanted: 1 to 10.
            until: when they are forgotten.

        Raises:
            InputError: ``signing.pdf.…``: a file that cannot be signed.
            TrustError: ``signing.certificate.…``.
            BusyError: ``csc.documents``: too much is held.
        """
        identity = external_identity(info.certificate_der, info.issuers_der)
        shown = []
        for number, document in enumerate(wanted, start=1):
            prepared = prepare_pdf(
                document.pdf,
                identity,
                self._services,
                level=document.level,
                certify=document.certify,
            )
            self._hold(WaitingDocument(wanted=document, prepared=prepared, expires_at=until))
            shown.append(
                ShownDocument(
                    title=label_of(number, document.label),
                    shown_digest=document.digest,
                    to_be_signed=prepared.to_be_signed,
                )
            )
        return tuple(shown)

    def find(
        self, authorised: Sequence[ShownDocument], wanted: Sequence[WantedDocument]
    ) -> tuple[WaitingDocument, ...]:
        """Which prepared file each member of a request is.

        Args:
            authorised: what the SAD pins.
            wanted: the same files, level and kind, in any order.

        Returns:
            The prepared files, in the order of ``wanted``.

        Raises:
            CscError: ``invalid_hash``: another file, one more, one fewer, another level; or this process was started
                anew in between.
        """
        known = [self._held.get(document.to_be_signed) for document in authorised]
        left = [one for one in known if one is not None and self._clock.now() < one.expires_at]
        found = []
        for document in wanted:
            match = next((one for one in left if one.wanted == document), None)
            if match is None:
                raise _other_document()
            left.remove(match)
            found.append(match)
        if left or len(found) != len(authorised):
            raise _other_document()
        return tuple(found)

    def complete(
        self,
        waiting: Sequence[WaitingDocument],
        sign: Callable[[tuple[bytes, ...]], tuple[bytes, ...]],
    ) -> tuple[bytes, ...]:
        """The signed files; then they are forgotten.

        Args:
            waiting: from :meth:`find`.
            sign: has the key sign these digests; asked only if an earlier attempt did not get that far.

        Raises:
            UpstreamError: no time or status: the values stay, so that the same request may come again.
        """
        if any(one.value is None for one in waiting):
            values = sign(tuple(one.prepared.to_be_signed for one in waiting))
            for one, value in zip(waiting, values, strict=True):
                one.value = value
        files = tuple(
            complete_pdf(one.prepared, one.value or b"", self._services, level=one.wanted.level)
            for one in waiting
        )
        with self._lock:
            for one in waiting:
                self._held.pop(one.prepared.to_be_signed, None)
        return files

    def _hold(self, held: WaitingDocument) -> None:
        with self._lock:
            now = self._clock.now()
            for digest in [key for key, one in self._held.items() if one.expires_at <= now]:
                del self._held[digest]
            size = sum(len(one.wanted.pdf) for one in self._held.values())
            if size + len(held.wanted.pdf) > _MAX_HELD_BYTES:
                raise BusyError("too many documents wait for a signature", code="csc.documents")
            self._held[held.prepared.to_be_signed] = held


def read_document(
    *,
    document: str,
    signature_format: str,
    conformance_level: str | None,
    signed_envelope_property: str | None,
    sign_algo: str,
    sign_algo_params: str | None,
    label: str | None,
    info: CredentialInfo,
) -> WantedDocument:
    """One member of ``documents`` (CSC API v2.0.0.2 §11.11).

    Raises:
        CscError: a value that is unknown, or is not offered: only PAdES is.
    """
    if signature_format != _PADES:
        raise invalid("signature_format")
    level = LEVELS.get((conformance_level or "ades-b-b").lower())
    if level is None:
        raise invalid("conformance_level")
    envelope = signed_envelope_property or _CERTIFICATION
    if envelope not in {_CERTIFICATION, _REVISION}:
        raise invalid("signed_envelope_property")
    if read_signature_algorithm(sign_algo, sign_algo_params, info=info) is not info.algorithm:
        raise invalid("signAlgoParams")
    return WantedDocument(
        pdf=_pdf(document), label=label, level=level, certify=envelope == _CERTIFICATION
    )


def require_few(count: int) -> None:
    """Refuse no document, and more than are taken at once.

    Raises:
        CscError: that.
    """
    if count < 1:
        raise CscError("Empty documentDigests and documents objects")
    if count > MAX_DOCUMENTS:
        raise CscError("Numbers of signatures is too high")


def _pdf(document: str) -> bytes:
    if not document:
        raise missing("string", "document")
    if len(document) > MAX_DOCUMENT_BYTES * 4 // 3 + 4:
        raise invalid("document")
    try:
        return base64.b64decode(document, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise CscError("Invalid Base64 documents string parameter") from exc


def _other_document() -> CscError:
    return CscError(
        "Document or documentDigest does not match authorized hash", error="invalid_hash"
    )

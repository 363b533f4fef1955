"""Several PDFs with one activation: all are signed, or none leaves.

1. :func:`prepare_batch` every document; one that cannot be signed stops all before anything is signed.
2. One activation over all their digests; the key signs each.
3. :func:`complete_batch`: every value is checked against its document before any is put into one.
4. If a time-stamping authority fails on the way, the documents that it had not stamped stay at B-B and the rest does not wait
   for it: nothing that the key signed is lost (:class:`BatchIncompleteError`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ekyc.errors import InputError, LimitError, UpstreamError
from ekyc.signing.keys.algorithms import SignatureAlgorithm, verify_value
from ekyc.signing.levels import Level, TimestampFailedError
from ekyc.signing.pdf.appearance import Appearance
from ekyc.signing.pdf.pades import PreparedPdf, complete_pdf, prepare_pdf
from ekyc.signing.signatory import Services, SigningIdentity, public_key_der_of

MAX_DOCUMENTS: Final = 100
"""As many as a SAD has room for."""
MAX_BATCH_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDocument:
    """One document of a batch."""

    pdf: bytes
    appearance: Appearance | None = None

    def __repr__(self) -> str:
        return f"BatchDocument({len(self.pdf)} bytes)"


class BatchIncompleteError(UpstreamError):
    """All documents are signed, but time or status could not be had for some; the cause says why.

    ``signed`` holds every document in its order, ``levels`` the level that each has reached; :func:`ekyc.signing.augment_pdf`
    takes them further.
    """

    default_code = "signing.batch.incomplete"

    def __init__(self, *, signed: tuple[bytes, ...], levels: tuple[Level, ...]) -> None:
        super().__init__("signed, but time or status could not be had for every document")
        self.signed = signed
        self.levels = levels


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedBatch:
    """Documents that wait for their signature values."""

    documents: tuple[PreparedPdf, ...]
    level: Level

    @property
    def to_be_signed(self) -> tuple[bytes, ...]:
        """One SHA-256 a document, in order: what one activation is asked for."""
        return tuple(document.to_be_signed for document in self.documents)

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """What the values must be made with."""
        return self.documents[0].algorithm

    def __repr__(self) -> str:
        return f"PreparedBatch({len(self.documents)} documents)"


def prepare_batch(
    documents: Sequence[BatchDocument],
    identity: SigningIdentity,
    services: Services,
    *,
    level: Level = Level.B_T,
) -> PreparedBatch:
    """Step 1.

    Raises:
        InputError: ``signing.batch.empty``; or that of the first document that cannot be signed, with its place in
            ``subject``.
        LimitError: ``signing.batch.too_large``: more than 100 documents or 256 MiB.
        TrustError: the certificate may not sign.
    """
    if not documents:
        raise InputError("no document to sign", code="signing.batch.empty")
    if (
        len(documents) > MAX_DOCUMENTS
        or sum(len(document.pdf) for document in documents) > MAX_BATCH_BYTES
    ):
        raise LimitError(
            f"more than {MAX_DOCUMENTS} documents or {MAX_BATCH_BYTES >> 20} MiB",
            code="signing.batch.too_large",
        )
    prepared = []
    for place, document in enumerate(documents, start=1):
        try:
            prepared.append(
                prepare_pdf(
                    document.pdf, identity, services, level=level, appearance=document.appearance
                )
            )
        except InputError as exc:
            raise type(exc)(exc.message, code=exc.code, subject=f"document {place}") from exc
    return PreparedBatch(documents=tuple(prepared), level=level)


def complete_batch(
    prepared: PreparedBatch, values: Sequence[bytes], services: Services
) -> tuple[bytes, ...]:
    """Steps 3 and 4.

    Args:
        prepared: as :func:`prepare_batch` gave it.
        values: one signature value a document, in order.
        services: timestamps and status.

    Raises:
        InputError: ``signing.batch.count``: not one value a document.
        TrustError: ``signing.key.mismatch``: a value does not fit its document; no document leaves.
        BatchIncompleteError: signed, but not all at the level asked for.
    """
    if len(values) != len(prepared.documents):
        raise InputError("not one signature value a document", code="signing.batch.count")
    pairs = list(zip(prepared.documents, values, strict=True))
    for document, value in pairs:
        verify_value(public_key_der_of(document.certificate_der), document.to_be_signed, value)
    signed: list[bytes] = []
    levels: list[Level] = []
    level, failure = prepared.level, None
    for document, value in pairs:
        try:
            signed.append(complete_pdf(document, value, services, level=level))
            levels.append(level)
        except TimestampFailedError as exc:
            signed.append(exc.signed)
            levels.append(exc.level)
            level, failure = Level.B_B, exc.__cause__
    if failure is not None:
        raise BatchIncompleteError(signed=tuple(signed), levels=tuple(levels)) from failure
    return tuple(signed)

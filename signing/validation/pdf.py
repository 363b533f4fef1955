"""Look at the signatures of a PDF: are they intact, do they cover what is shown, and who vouches for them?

For each signature, latest first (a later one may explain changes made after an earlier one):

1. Read its structure. Unreadable: INDETERMINATE.
2. Integrity: the key of the embedded certificate signed the digest of the byte range. Otherwise TOTAL-FAILED.
3. What is shown is what was signed: the rules of :mod:`ekyc.signing.validation.revisions` on bytes and levels, then that of
   :mod:`ekyc.signing.validation.two_parsers` on what two parsers find.
4. Trust: chain to one of the caller's anchors, revocation, times (:mod:`ekyc.signing.validation.trust`).

Every exception ends in INDETERMINATE: what could not be checked never passes. What stays with the caller: whether
the anchors deserve trust, whether the signer was entitled to sign this, and whether the content is true.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Final

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields

from ekyc.errors import LimitError
from ekyc.imaging.pdf_views import DEFAULT_VIEW_LIMITS, ViewLimits
from ekyc.ports import Clock
from ekyc.signing.validation.examine import Examiner, Field
from ekyc.signing.validation.inspecting import TIME_S, inspected, problem, settings_of
from ekyc.signing.validation.report import SignatureKind, ValidationReport
from ekyc.signing.validation.trust import TrustSettings

for _name in ("pyhanko", "pyhanko_certvalidator"):
    # They write the names of signers into their logs. An operator who wants that sets a level of his own.
    if logging.getLogger(_name).level == logging.NOTSET:
        logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


_ENDLESS_NAME: Final = re.compile(rb"/[^\x00-\x20()<>\[\]{}/%]{1048576}")
"""ISO 32000-1 annex C allows names of 127 bytes. pyHanko 0.38 takes ninety bytes of memory for each byte of one, in a
single call that nothing can interrupt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationLimits:
    """Bounds on what one file may cost."""

    max_bytes: int = 64 << 20
    max_signatures: int = 32
    time_s: float = TIME_S
    comparison: ViewLimits | None = DEFAULT_VIEW_LIMITS
    """Bounds on the differential rule. ``None`` does without it, which every report says; it asks a process of its own
    that renders the pages, and costs more than all other steps together."""


DEFAULT_LIMITS: Final = ValidationLimits()


def inspect_pdf(
    data: bytes,
    *,
    anchors: Iterable[bytes],
    crls: Iterable[bytes] = (),
    at: datetime | None = None,
    limits: ValidationLimits = DEFAULT_LIMITS,
    clock: Clock | None = None,
) -> ValidationReport:
    """Report on every signature of a PDF. Never raises for a bad PDF.

    Args:
        data: the file.
        anchors: certificates to trust, DER or PEM. None: every intact signature is INDETERMINATE.
        crls: revocation lists beyond those in the file, DER or PEM.
        at: judge as of this time (aware) instead of now.
        limits: bounds on size, number of signatures and time.
        clock: gives the present.

    Raises:
        InputError: an anchor or CRL cannot be read, or ``at`` has no zone: the caller's own material.
    """
    settings = settings_of(anchors, crls, at, clock)
    if len(data) > limits.max_bytes or _ENDLESS_NAME.search(data):
        return problem("signature.limit")
    return inspected(lambda loop: _inspect(data, settings, limits, loop), time_s=limits.time_s)


def _inspect(
    data: bytes,
    settings: TrustSettings,
    limits: ValidationLimits,
    loop: asyncio.AbstractEventLoop,
) -> ValidationReport:
    reader = PdfFileReader(BytesIO(data))
    if reader.encrypted:
        return problem("signature.encrypted")
    fields = _filled_fields(reader, limits.max_signatures)
    if not fields:
        return problem("signature.none")
    examiner = Examiner(data, reader, settings, limits.comparison)
    entries = loop.run_until_complete(examiner.examine(fields))
    stamps = tuple(e for e in entries if e.kind is SignatureKind.DOCUMENT_TIMESTAMP)
    return ValidationReport(
        signatures=tuple(e for e in entries if e.kind is SignatureKind.SIGNATURE),
        document_timestamps=stamps,
        problems=(),
        revisions=examiner.revisions,
    )


def _filled_fields(reader: PdfFileReader, most: int) -> list[Field]:
    fields: list[Field] = []
    for name, _, reference in enumerate_sig_fields(reader, filled_status=True):
        if len(fields) == most:
            raise LimitError(f"more than {most} signatures", code="signature.limit")
        fields.append(Field(name=str(name), reference=reference))
    return fields

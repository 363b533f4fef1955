"""Preserve the signatures of a PDF: B-B or B-T to B-LT or B-LTA, and renew a B-LTA before its timestamp ends.

1. A last signature without a timestamp gets one, in the room that its hole has left: its unsigned attributes are no
   part of what it signs.
2. Chains and their status go into the document security store.
3. For B-LTA a document timestamp (ETSI EN 319 142-1 §5.5) over the whole file with them, in the same incremental update.

Earlier signatures without a timestamp get their proof of time from the document timestamp alone. The standard allows
that; pyHanko 0.38 does not accept it once the signer's certificate has expired.
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp

from ekyc.errors import InputError
from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.formats.cms import add_timestamp
from ekyc.signing.pdf.writing import (
    Hole,
    add_material,
    choose_field,
    filled_fields,
    make_hole,
    open_writer,
    readable,
)
from ekyc.signing.signatory import Services

_ROOM_BYTES: Final = 10_240
"""What a timestamp token with the chain of its authority may take."""


def augment_pdf(pdf: bytes, services: Services) -> bytes:
    """Take a signed PDF to B-LTA, or renew one that is there already.

    Args:
        pdf: with at least one signature. Whether those are valid is not asked: a validator tells.
        services: a time-stamping authority, and chains and status of everybody who signed or stamped in the file.

    Raises:
        InputError: ``signing.pdf.unsigned``, ``.unreadable``, ``.encrypted``, ``.hybrid``, ``.xfa``.
        LimitError: the file passes 64 MiB.
        UpstreamError: no timestamp; the file is as it was.
    """
    return add_status_and_time(_with_signature_time(pdf, services), services)


def add_status(pdf: bytes, services: Services) -> bytes:
    """To B-LT; arguments and errors as of :func:`augment_pdf`."""
    with readable():
        writer = _with_material(pdf, services)
        out = BytesIO()
        writer.write(out)  # type: ignore[no-untyped-call]  # untyped in pyHanko 0.38
    return out.getvalue()


def add_status_and_time(pdf: bytes, services: Services) -> bytes:
    """To B-LTA; see :func:`augment_pdf`."""
    with readable():
        writer = _with_material(pdf, services)
        name = choose_field(writer, None, prefix="DocumentTimestamp")
        stamp = DocumentTimestamp(2 * _ROOM_BYTES)  # type: ignore[no-untyped-call]  # untyped in pyHanko 0.38
        hole = make_hole(writer, name, stamp)
    token = request_token(
        hole.digest, ask=services.stamp, random=services.random, clock=services.clock
    )
    return hole.filled(token)


def _with_signature_time(pdf: bytes, services: Services) -> bytes:
    """Step (1)."""
    with readable():
        fields = filled_fields(open_writer(pdf))
        hole = next(filter(None, (_last_hole(pdf, value) for value in fields.values())), None)
        if hole is None:
            return pdf
        changed = add_timestamp(
            hole.contents(),
            lambda digest: request_token(
                digest, ask=services.stamp, random=services.random, clock=services.clock
            ),
        )
    return pdf if changed is None or not hole.has_room_for(changed) else hole.filled(changed)


def _last_hole(pdf: bytes, value: Any) -> Hole | None:
    """The hole of a signature that covers the whole file; ``None`` for an earlier one or a document timestamp."""
    dictionary = value.get_object()
    _, before, after, length = (int(number) for number in dictionary["/ByteRange"])
    if after + length != len(pdf) or dictionary["/Type"] == "/DocTimeStamp":
        return None
    covered = hashlib.sha256(pdf[:before] + pdf[after:]).digest()
    return Hole(pdf=pdf, start=before, end=after, digest=covered)


def _with_material(pdf: bytes, services: Services) -> IncrementalPdfFileWriter:
    writer = open_writer(pdf)
    if not filled_fields(writer):
        raise InputError("there is no signature to preserve", code="signing.pdf.unsigned")
    add_material(writer, services.material())
    return writer

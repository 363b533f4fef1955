"""A PDF that waits for somebody else's signature, across processes: what must be kept of it, and taking it up again.

1. ``prepare_pdf`` for an identity whose key lies elsewhere (:func:`external_identity`).
2. :func:`keep` what is needed, in a few kilobytes of JSON; store the prepared PDF itself beside it.
3. The other side signs ``to_be_signed``.
4. :func:`take_up` both again, then ``complete_pdf`` with the value.

The state pins the prepared PDF by its SHA-256, and is not believed for anything that can be derived: what the key must have
signed is computed from the PDF again. Whoever changes the state or the PDF gets a refusal, never another signature.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from ekyc.errors import InputError, LimitError
from ekyc.signing.authority.fitness import require_fit
from ekyc.signing.formats.cms import signed_attributes
from ekyc.signing.keys.port import ExternalKey
from ekyc.signing.levels import Level
from ekyc.signing.pdf.pades import PreparedPdf
from ekyc.signing.pdf.writing import MAX_PDF_BYTES, Hole
from ekyc.signing.signatory import Services, SigningIdentity, public_key_der_of

SCHEMA: Final = "ekyc.prepared-pdf/1"
MAX_STATE_BYTES: Final = 256 << 10
_MAX_ISSUERS: Final = 16
_MEMBERS: Final = {
    "schema",
    "level",
    "pdf_sha256",
    "hole",
    "to_be_signed",
    "certificate",
    "issuers",
}


def external_identity(certificate_der: bytes, issuers_der: Iterable[bytes] = ()) -> SigningIdentity:
    """Somebody who signs elsewhere.

    Raises:
        InputError: ``signing.key.unsupported``: neither EC P-256 nor RSA of 3072 bits or more;
            ``signing.certificate.unreadable``.
    """
    try:
        public_key_der = public_key_der_of(certificate_der)
    except ValueError as exc:
        raise InputError("not a certificate", code="signing.certificate.unreadable") from exc
    return SigningIdentity(
        key=ExternalKey(public_key_der),
        certificate_der=certificate_der,
        issuers_der=tuple(issuers_der),
    )


def keep(prepared: PreparedPdf, *, level: Level) -> bytes:
    """The state of a prepared PDF, as JSON; ``prepared.hole.pdf`` is to be stored beside it."""
    hole = prepared.hole
    state = {
        "schema": SCHEMA,
        "level": level.value,
        "pdf_sha256": hashlib.sha256(hole.pdf).hexdigest(),
        "hole": [hole.start, hole.end],
        "to_be_signed": prepared.to_be_signed.hex(),
        "certificate": _text(prepared.certificate_der),
        "issuers": [_text(der) for der in prepared.issuers_der],
    }
    return json.dumps(state, indent=1).encode()


def take_up(state: bytes, pdf: bytes, services: Services) -> tuple[PreparedPdf, Level]:
    """The prepared PDF again, and the level that it was prepared for.

    Args:
        state: as :func:`keep` gave it.
        pdf: the prepared PDF.
        services: revocation lists and clock: the certificate must still be fit to sign.

    Raises:
        InputError: ``signing.prepared.unreadable``: not a state; ``signing.prepared.changed``: the PDF is not the one that was
            prepared, or state and PDF do not fit each other.
        LimitError: ``signing.prepared.too_large``, ``signing.pdf.too_large``.
        TrustError: ``signing.certificate.expired``, ``.not_yet_valid``, ``.revoked``.
    """
    if len(pdf) > MAX_PDF_BYTES:
        raise LimitError(f"more than {MAX_PDF_BYTES >> 20} MiB", code="signing.pdf.too_large")
    fields = _fields(state)
    if hashlib.sha256(pdf).hexdigest() != fields["pdf_sha256"]:
        raise _changed()
    start, end = fields["hole"]
    identity = external_identity(fields["certificate"], fields["issuers"])
    require_fit(identity, services.material(), at=services.clock.now())
    hole = Hole(
        pdf=pdf, start=start, end=end, digest=hashlib.sha256(pdf[:start] + pdf[end:]).digest()
    )
    prepared = PreparedPdf(
        hole=hole,
        attributes_der=signed_attributes(hole.digest, identity.certificate_der),
        certificate_der=identity.certificate_der,
        issuers_der=identity.issuers_der,
    )
    if prepared.to_be_signed.hex() != fields["to_be_signed"] or not _is_empty(hole):
        raise _changed()
    return prepared, fields["level"]


def _fields(state: bytes) -> dict[str, Any]:
    """The members of a state, each of its kind."""
    if len(state) > MAX_STATE_BYTES:
        raise LimitError(
            f"more than {MAX_STATE_BYTES >> 10} KiB", code="signing.prepared.too_large"
        )
    try:
        found = json.loads(state)
        start, end = map(int, found["hole"])
        fits = (
            set(found) == _MEMBERS
            and found["schema"] == SCHEMA
            and 0 <= start < end
            and len(found["issuers"]) <= _MAX_ISSUERS
        )
        fields = {
            "level": Level(found["level"]),
            "pdf_sha256": str(found["pdf_sha256"]),
            "to_be_signed": str(found["to_be_signed"]),
            "hole": (start, end),
            "certificate": _bytes(found["certificate"]),
            "issuers": tuple(map(_bytes, found["issuers"])),
        }
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as exc:
        raise _unreadable() from exc
    if not fits:
        raise _unreadable()
    return fields


def _is_empty(hole: Hole) -> bool:
    """Whether the hole is one: angle brackets around zeros, at least one octet."""
    region = hole.pdf[hole.start : hole.end]
    inner = region[1:-1]
    return (
        len(region) == hole.end - hole.start
        and region[:1] == b"<"
        and region[-1:] == b">"
        and len(inner) > 0
        and inner == b"0" * len(inner)
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _unreadable() -> InputError:
    return InputError("not the state of a prepared PDF", code="signing.prepared.unreadable")


def _changed() -> InputError:
    return InputError("the PDF is not the one that was prepared", code="signing.prepared.changed")

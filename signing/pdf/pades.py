"""Sign a PDF: PAdES baseline signatures (ETSI EN 319 142-1), levels B-B, B-T, B-LT and B-LTA.

1. The signer's certificate is valid and not revoked (:mod:`.fitness`); otherwise nothing is signed.
2. Open the file; refuse what cannot be signed safely, or what an earlier signature forbids.
3. Level B-T: put chain and revocation lists into the document security store, inside the bytes to be signed, so that
   the signature covers the whole file and nothing follows it.
4. Create the signature field, its appearance and a hole; digest everything but the hole.
5. Make the attributes that the key signs (CAdES, with the signing certificate).
6. The key signs their digest: here, in a token, at a provider, or after somebody's activation.
7. Check that value against the certificate. Ask for an RFC 3161 timestamp over it.
8. Put the CMS into the hole.
9. Levels B-LT and B-LTA: add what proves status, and a document timestamp over all of it (:mod:`.augment`).

:func:`prepare_pdf` takes steps 1 to 5, :func:`complete_pdf` 7 to 9; between them lies whatever the key needs.
If a time-stamping authority fails, the signature itself is not lost: see :class:`TimestampFailedError`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from ekyc.errors import InputError
from ekyc.signing.authority.certificates import common_name
from ekyc.signing.authority.fitness import require_fit
from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.formats.cms import signed_attributes, signed_data
from ekyc.signing.keys.algorithms import SignatureAlgorithm, algorithm_of, verify_value
from ekyc.signing.levels import NOT_TO_BE_HAD, Level, TimestampFailedError
from ekyc.signing.pdf.appearance import Appearance
from ekyc.signing.pdf.augment import add_status, add_status_and_time
from ekyc.signing.pdf.result_document import ResultDocument
from ekyc.signing.pdf.writing import (
    Hole,
    ReservedField,
    add_material,
    choose_field,
    filled_fields,
    make_hole,
    open_writer,
    readable,
    require_open,
    reserve_field,
)
from ekyc.signing.signatory import Services, Signatory, SigningIdentity, public_key_der_of

_ROOM_BYTES: Final = 8192
"""What signature, attributes and timestamp may take besides the certificates of the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPdf:
    """A PDF that waits for the signature value."""

    hole: Hole
    attributes_der: bytes
    certificate_der: bytes
    issuers_der: tuple[bytes, ...]

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """What the value must be made with."""
        return algorithm_of(public_key_der_of(self.certificate_der))

    @property
    def to_be_signed(self) -> bytes:
        """The SHA-256 that the key signs (DTBS/R)."""
        return hashlib.sha256(self.attributes_der).digest()

    def __repr__(self) -> str:
        return f"PreparedPdf({len(self.hole.pdf)} bytes)"


def sign_pdf(
    pdf: bytes,
    signatory: Signatory,
    *,
    level: Level = Level.B_T,
    appearance: Appearance | None = None,
    document: ResultDocument | None = None,
    field_name: str | None = None,
    reason: str | None = None,
    certify: bool = False,
    reserve: ReservedField | None = None,
) -> bytes:
    """Sign a PDF.

    Args:
        pdf: the document. Signatures already in it stay untouched: the new one is an incremental update.
        signatory: key, timestamps, revocation lists and clock.
        level: how long the signature is to be provable.
        appearance: what is seen on the page; by default nothing is.
        document: the result that ``pdf`` was rendered from; its appearance is taken if none is given.
        field_name: name of the signature field; by default the first free ``Signature<n>``. A field that exists and
            carries a lock is locked by this signature.
        reason: why it was signed, shown by PDF readers. Holds no personal data.
        certify: certify the document: afterwards only forms may be filled and fields signed (DocMDP 2).
        reserve: a field to create for a later signer.

    Raises:
        InputError: ``signing.pdf.unreadable``, ``.encrypted``, ``.hybrid``, ``.xfa``, ``.field``, ``.locked``,
            ``.certify_late``.
        LimitError: the file passes 64 MiB.
        TrustError: ``signing.certificate.expired``, ``.not_yet_valid``, ``.revoked``.
        TimestampFailedError: signed, but not at the level asked for.
        UpstreamError: the key does not sign, or status cannot be had; there is nothing then.
    """
    if appearance is None and document is not None:
        appearance = document.appearance(common_name(signatory.signer.certificate_der))
    prepared = prepare_pdf(
        pdf,
        signatory.signer,
        signatory,
        level=level,
        appearance=appearance,
        field_name=field_name,
        reason=reason,
        certify=certify,
        reserve=reserve,
    )
    value = signatory.signer.key.sign_digest(prepared.to_be_signed)  # (6)
    return complete_pdf(prepared, value, signatory, level=level)


def prepare_pdf(
    pdf: bytes,
    identity: SigningIdentity,
    services: Services,
    *,
    level: Level = Level.B_T,
    appearance: Appearance | None = None,
    field_name: str | None = None,
    reason: str | None = None,
    certify: bool = False,
    reserve: ReservedField | None = None,
) -> PreparedPdf:
    """Steps 1 to 5; arguments and errors as of :func:`sign_pdf`."""
    at, material = services.clock.now(), services.material()
    require_fit(identity, material, at=at)  # (1)
    certificates = (identity.certificate_der, *identity.issuers_der)
    with readable():
        writer = open_writer(pdf)  # (2)
        if certify and filled_fields(writer):
            raise InputError(
                "only the first signature can certify a document", code="signing.pdf.certify_late"
            )
        name = choose_field(writer, field_name, prefix="Signature")
        require_open(writer, name)
        if level is Level.B_T:
            add_material(writer, material)  # (3)
        if reserve is not None:
            reserve_field(writer, reserve)
        placeholder = SignatureObject(
            timestamp=at,
            subfilter=SigSeedSubFilter.PADES,
            reason=reason,
            bytes_reserved=2 * (_ROOM_BYTES + sum(map(len, certificates))),
        )
        hole = make_hole(  # (4)
            writer, name, placeholder, appearance=appearance, at=at, certify=certify
        )
    return PreparedPdf(
        hole=hole,
        attributes_der=signed_attributes(hole.digest, identity.certificate_der),  # (5)
        certificate_der=identity.certificate_der,
        issuers_der=identity.issuers_der,
    )


def complete_pdf(
    prepared: PreparedPdf, value: bytes, services: Services, *, level: Level = Level.B_T
) -> bytes:
    """Steps 7 to 9.

    Args:
        prepared: as :func:`prepare_pdf` gave it.
        value: the key's signature over ``prepared.to_be_signed``.
        services: timestamps and status.
        level: the same as in :func:`prepare_pdf`.

    Raises:
        TrustError: ``signing.key.mismatch``: not a signature of the certificate's key over this document.
        TimestampFailedError: signed, but not at the level asked for.
    """
    public_key = public_key_der_of(prepared.certificate_der)
    verify_value(public_key, prepared.to_be_signed, value)  # (7)
    if level is Level.B_B:
        return prepared.hole.filled(make_cms(prepared, value))  # (8)
    try:
        digest = hashlib.sha256(value).digest()
        token = request_token(
            digest, ask=services.stamp, random=services.random, clock=services.clock
        )
        signed = prepared.hole.filled(make_cms(prepared, value, timestamp_token=token))  # (8)
    except NOT_TO_BE_HAD as exc:
        kept = prepared.hole.filled(make_cms(prepared, value))
        raise TimestampFailedError(signed=kept, level=Level.B_B) from exc
    if level is Level.B_T:
        return signed
    preserve = add_status if level is Level.B_LT else add_status_and_time
    try:
        return preserve(signed, services)  # (9)
    except NOT_TO_BE_HAD as exc:
        raise TimestampFailedError(signed=signed, level=Level.B_T) from exc


def make_cms(prepared: PreparedPdf, value: bytes, *, timestamp_token: bytes | None = None) -> bytes:
    """DER of a CAdES ``SignedData``, without the document itself."""
    return signed_data(
        prepared.attributes_der,
        value,
        prepared.certificate_der,
        algorithm=prepared.algorithm,
        certificates=[prepared.certificate_der, *prepared.issuers_der],
        timestamp_token=timestamp_token,
    )

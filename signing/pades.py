"""Sign a PDF: PAdES baseline B-T (ETSI EN 319 142-1) with the revocation list inside the signed revision.

1. Open the file; refuse what cannot be signed safely (encrypted, hybrid cross-references, unreadable).
2. Put the signer's chain and the CRL into the document security store.
3. Create the signature field, its appearance and a hole for the signature.
4. Digest everything but the hole.
5. Make the CMS: signed attributes with the signing certificate (CAdES), signature, RFC 3161 timestamp over it.
6. Put the CMS into the hole.

Since step 2 comes before step 4, the signature covers the whole file and nothing is appended after it. The CRL
lets a validator check revocation without a network while the CRL is current; long-term proof (B-LTA) is a
further step that this function does not take.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from asn1crypto import crl, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers.cms_embedder import (
    PdfCMSEmbedder,
    SigAppearanceSetup,
    SigIOSetup,
    SigObjSetup,
)
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.validation.dss import DocumentSecurityStore

from ekyc.errors import InputError, LimitError
from ekyc.signing.appearance import Appearance, draw_appearance, stamp_style
from ekyc.signing.authority import EmbeddedAuthority
from ekyc.signing.cms import signed_attributes, signed_data
from ekyc.signing.result_document import ResultDocument
from ekyc.signing.timestamp import request_token

_DIGEST: Final = "sha256"
MAX_PDF_BYTES: Final = 64 << 20
_HOLE_HEX_DIGITS: Final = 16_384
"""Twice the room that signature, chain and timestamp take (about 4 kB of DER)."""


def sign_pdf(
    pdf: bytes,
    authority: EmbeddedAuthority,
    *,
    appearance: Appearance | None = None,
    document: ResultDocument | None = None,
    field_name: str | None = None,
    reason: str | None = None,
) -> bytes:
    """Sign a PDF with the authority's signer and time-stamp the signature.

    Args:
        pdf: the document. Signatures already in it stay untouched: the new one is an incremental update.
        authority: signer, timestamps, revocation list and clock.
        appearance: what is seen on the page; by default nothing is.
        document: the result that ``pdf`` was rendered from; its appearance is taken if none is given.
        field_name: name of the signature field; by default the first free ``Signature<n>``.
        reason: why it was signed, shown by PDF readers. Holds no personal data.

    Raises:
        InputError: ``signing.pdf.unreadable``, ``.encrypted``, ``.hybrid``, ``.field``.
        LimitError: the file passes 64 MiB.
    """
    at = authority.clock.now()
    if appearance is None and document is not None:
        appearance = document.appearance(authority.signer_name)
    try:
        writer = _open(pdf)  # (1)
        _add_validation_data(writer, authority)  # (2)
        name = _choose_field(writer, field_name)
        filling = _prepare(writer, name, appearance, reason, at)  # (3)
        out = BytesIO()
        prepared, _ = filling.send(SigIOSetup(md_algorithm=_DIGEST, output=out))  # (4)
    except (PdfError, SigningError) as exc:
        raise _unreadable() from exc
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as exc:
        # pyHanko lets these escape where a damaged file has an object of another type than the standard says.
        raise _unreadable() from exc
    filling.send(make_cms(prepared.document_digest, authority))  # (5) (6)
    return out.getvalue()


def make_cms(document_digest: bytes, authority: EmbeddedAuthority) -> bytes:
    """DER of a CAdES-T ``SignedData`` over a SHA-256 digest, without the document itself."""
    identity = authority.signer
    attributes = signed_attributes(document_digest, identity.certificate_der)
    digest = hashlib.sha256(attributes).digest()
    signature = identity.key.sign_digest(digest)
    token = request_token(
        hashlib.sha256(signature).digest(),
        ask=authority.timestamp_authority.answer,
        random=authority.random,
    )
    return signed_data(
        attributes,
        signature,
        identity.certificate_der,
        algorithm=identity.key.algorithm,
        certificates=[identity.certificate_der, *identity.issuers_der],
        timestamp_token=token,
    )


def _open(pdf: bytes) -> IncrementalPdfFileWriter:
    if len(pdf) > MAX_PDF_BYTES:
        raise LimitError(f"more than {MAX_PDF_BYTES >> 20} MiB", code="signing.pdf.too_large")
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    if writer.prev.encrypted:
        raise InputError("the PDF is encrypted", code="signing.pdf.encrypted")
    if writer.prev.xrefs.hybrid_xrefs_present:
        raise InputError(
            "the PDF shows different readers different content (hybrid cross-references)",
            code="signing.pdf.hybrid",
        )
    writer.ensure_output_version(version=(1, 7))  # type: ignore[no-untyped-call]  # untyped in pyHanko 0.38
    if writer.output_version < (2, 0):
        writer.register_extension(ESIC_EXTENSION_1)
    return writer


def _add_validation_data(writer: IncrementalPdfFileWriter, authority: EmbeddedAuthority) -> None:
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        sig_contents=None,
        certs=[x509.Certificate.load(der) for der in authority.signer.issuers_der],
        crls=[crl.CertificateList.load(authority.crl_der())],
    )


def _choose_field(writer: IncrementalPdfFileWriter, wanted: str | None) -> str:
    filled = {str(name): value is not None for name, value, _ in enumerate_sig_fields(writer)}
    if wanted is None:
        names = (f"Signature{n}" for n in range(1, len(filled) + 2))
        return next(name for name in names if name not in filled)
    if filled.get(wanted):
        raise InputError(
            "a signature field of this name is filled already", code="signing.pdf.field"
        )
    return wanted


def _prepare(
    writer: IncrementalPdfFileWriter,
    name: str,
    appearance: Appearance | None,
    reason: str | None,
    at: datetime,
) -> Any:
    """Create field, appearance and hole; returns pyHanko's generator, waiting for where to write."""
    field = SigFieldSpec(sig_field_name=name)
    if appearance is not None:
        left, bottom, right, top = (round(side) for side in appearance.box_pt)
        field = SigFieldSpec(
            sig_field_name=name, on_page=appearance.page, box=(left, bottom, right, top)
        )
    filling = PdfCMSEmbedder(new_field_spec=field).write_cms(field_name=name, writer=writer)
    next(filling)
    signature = SignatureObject(
        timestamp=at,
        subfilter=SigSeedSubFilter.PADES,
        reason=reason,
        bytes_reserved=_HOLE_HEX_DIGITS,
    )
    filling.send(SigObjSetup(sig_placeholder=signature, appearance_setup=_stamp(appearance, at)))
    return filling


def _stamp(appearance: Appearance | None, at: datetime) -> SigAppearanceSetup | None:
    if appearance is None:
        return None
    style = stamp_style(draw_appearance(appearance, at))
    return SigAppearanceSetup(style=style, timestamp=at, name=appearance.signer_name)


def _unreadable() -> InputError:
    return InputError(
        "the file is not a readable PDF, or cannot be signed", code="signing.pdf.unreadable"
    )

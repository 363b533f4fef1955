"""Steps of writing into a PDF, on top of pyHanko: open it safely, choose a field, make room, fill it.

Everything is an incremental update, so that signatures already in the file stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from asn1crypto import crl, ocsp, x509
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.fields import (
    FieldMDPAction,
    FieldMDPSpec,
    MDPPerm,
    SigFieldSpec,
    append_signature_field,
    enumerate_sig_fields,
)
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers.cms_embedder import (
    PdfCMSEmbedder,
    SigAppearanceSetup,
    SigIOSetup,
    SigMDPSetup,
    SigObjSetup,
)
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_byterange import PdfSignedData
from pyhanko.sign.validation.dss import DocumentSecurityStore

from ekyc.errors import InputError, LimitError
from ekyc.signing.der import element_size
from ekyc.signing.pdf.appearance import Appearance, draw_appearance, stamp_style
from ekyc.signing.validation.material import ValidationMaterial

MAX_PDF_BYTES: Final = 64 << 20
DIGEST: Final = "sha256"
_NO_CHANGES: Final = MDPPerm.NO_CHANGES.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedField:
    """A signature field kept for somebody who signs later and thereby closes the document.

    Whoever signs it locks every field (FieldMDP ALL) and forbids all changes after (DocMDP 1), but for what preserves
    the signatures: revocation data and document timestamps.
    """

    name: str
    box_pt: tuple[float, float, float, float]
    """Left, bottom, right, top in points."""
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A PDF with room for a CMS."""

    pdf: bytes
    start: int
    end: int
    """The region outside the signed bytes, angle brackets included."""
    digest: bytes
    """SHA-256 over everything else."""

    def __repr__(self) -> str:
        return f"Hole({len(self.pdf)} bytes)"

    def contents(self) -> bytes:
        """What is in the hole, without the zeros after it."""
        filled = bytes.fromhex(self.pdf[self.start + 1 : self.end - 1].decode("ascii"))
        return filled[: element_size(filled)]

    def has_room_for(self, cms_der: bytes) -> bool:
        """Whether a CMS fits."""
        return 2 * len(cms_der) <= self.end - self.start - 2

    def filled(self, cms_der: bytes) -> bytes:
        """The PDF with a CMS in its hole.

        Raises:
            LimitError: ``signing.cms.too_large``: it does not fit.
        """
        if not self.has_room_for(cms_der):
            raise LimitError("the signature is larger than its room", code="signing.cms.too_large")
        padded = cms_der.hex().upper().encode().ljust(self.end - self.start - 2, b"0")
        return b"".join((self.pdf[: self.start + 1], padded, self.pdf[self.end - 1 :]))


@contextmanager
def readable() -> Iterator[None]:
    """Turn what pyHanko raises on a damaged file into a typed error.

    Raises:
        InputError: ``signing.pdf.unreadable``.
    """
    try:
        yield
    except (PdfError, SigningError) as exc:
        raise _unreadable() from exc
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as exc:
        # pyHanko lets these escape where a damaged file has an object of another type than the standard says.
        raise _unreadable() from exc


def open_writer(pdf: bytes) -> IncrementalPdfFileWriter:
    """Open a file for an incremental update; refuse what cannot be signed safely.

    Raises:
        InputError: ``signing.pdf.encrypted``, ``.hybrid``, ``.xfa``.
        LimitError: ``signing.pdf.too_large``.
    """
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
    form = _resolved(writer.root, "/AcroForm")
    if form is not None and "/XFA" in form:
        raise InputError(
            "the PDF holds a second form that some readers show instead (XFA)",
            code="signing.pdf.xfa",
        )
    writer.ensure_output_version(version=(1, 7))  # type: ignore[no-untyped-call]  # untyped in pyHanko 0.38
    if writer.output_version < (2, 0):
        writer.register_extension(ESIC_EXTENSION_1)
    return writer


def filled_fields(writer: IncrementalPdfFileWriter) -> dict[str, Any]:
    """Signature dictionaries of the signed fields, by name."""
    return {str(name): value for name, value, _ in enumerate_sig_fields(writer, filled_status=True)}


def choose_field(writer: IncrementalPdfFileWriter, wanted: str | None, *, prefix: str) -> str:
    """The field to fill: the one wanted, else the first ``prefix<n>`` that the file does not have.

    Raises:
        InputError: ``signing.pdf.field``: it is filled already.
    """
    filled = {str(name): value is not None for name, value, _ in enumerate_sig_fields(writer)}
    if wanted is None:
        names = (f"{prefix}{n}" for n in range(1, len(filled) + 2))
        return next(name for name in names if name not in filled)
    if filled.get(wanted):
        raise InputError(
            "a signature field of this name is filled already", code="signing.pdf.field"
        )
    return wanted


def require_open(writer: IncrementalPdfFileWriter, name: str) -> None:
    """Refuse to sign where an earlier signature forbids it (ISO 32000-2 §12.8.2).

    Raises:
        InputError: ``signing.pdf.locked``.
    """
    for value in filled_fields(writer).values():
        for entry in _resolved(value.get_object(), "/Reference") or ():
            if _forbids(entry.get_object(), name):
                raise InputError(
                    "an earlier signature forbids further ones", code="signing.pdf.locked"
                )


def reserve_field(writer: IncrementalPdfFileWriter, field: ReservedField) -> None:
    """Create the field of a later signer, with its lock."""
    left, bottom, right, top = (round(side) for side in field.box_pt)
    append_signature_field(
        writer,
        SigFieldSpec(
            sig_field_name=field.name,
            on_page=field.page,
            box=(left, bottom, right, top),
            field_mdp_spec=FieldMDPSpec(FieldMDPAction.ALL),
            doc_mdp_update_value=MDPPerm.NO_CHANGES,
        ),
    )


def add_material(writer: IncrementalPdfFileWriter, material: ValidationMaterial) -> None:
    """Put certificates and words on their status into the document security store (ISO 32000-2 §12.8.4.3)."""
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        sig_contents=None,
        certs=[x509.Certificate.load(der) for der in material.certificates],
        crls=[crl.CertificateList.load(der) for der in material.crls],
        ocsps=[ocsp.OCSPResponse.load(der) for der in material.ocsps],
    )


def make_hole(
    writer: IncrementalPdfFileWriter,
    name: str,
    placeholder: PdfSignedData,
    *,
    appearance: Appearance | None = None,
    at: datetime | None = None,
    certify: bool = False,
) -> Hole:
    """Write field, appearance and placeholder, and digest everything but the hole.

    Args:
        writer: the file; not to be used afterwards.
        name: field to fill; created if the file does not have it.
        placeholder: signature or document timestamp, with the room that it reserves.
        appearance: what is seen. In a field that exists it takes that field's place.
        at: time shown in the appearance.
        certify: whether this signature certifies the document for form filling and signing (DocMDP 2).
    """
    existing = _existing_field(writer, name)
    lock = _resolved(existing, "/Lock") if existing is not None else None
    if appearance is not None and existing is not None:
        appearance = _moved(appearance, existing)
    filling: Any = PdfCMSEmbedder(new_field_spec=_new_field(name, appearance)).write_cms(
        field_name=name, writer=writer
    )
    next(filling)
    style = None
    if appearance is not None and at is not None:
        drawn = stamp_style(draw_appearance(appearance, at))
        style = SigAppearanceSetup(style=drawn, timestamp=at, name=appearance.signer_name)
    filling.send(
        SigObjSetup(
            sig_placeholder=placeholder,
            mdp_setup=_rules(lock, certify=certify),
            appearance_setup=style,
        )
    )
    out = BytesIO()
    prepared, _ = filling.send(SigIOSetup(md_algorithm=DIGEST, output=out))
    return Hole(
        pdf=out.getvalue(),
        start=prepared.reserved_region_start,
        end=prepared.reserved_region_end,
        digest=prepared.document_digest,
    )


def _resolved(dictionary: Any, key: str) -> Any:
    """A value of a PDF dictionary behind whatever reference; ``None`` if there is none. ``get`` does not look behind."""
    if key not in dictionary:
        return None
    return dictionary[key]


def _existing_field(writer: IncrementalPdfFileWriter, name: str) -> Any:
    """Dictionary of a field that the file has already; ``None`` if it has none of this name."""
    for found, _, reference in enumerate_sig_fields(writer, with_name=name):
        if found == name:
            return reference.get_object()
    return None


def _moved(appearance: Appearance, field: Any) -> Appearance:
    left, bottom, right, top = (float(side) for side in field["/Rect"])
    return replace(appearance, box_pt=(left, bottom, right, top))


def _new_field(name: str, appearance: Appearance | None) -> SigFieldSpec:
    if appearance is None:
        return SigFieldSpec(sig_field_name=name)
    left, bottom, right, top = (round(side) for side in appearance.box_pt)
    return SigFieldSpec(
        sig_field_name=name, on_page=appearance.page, box=(left, bottom, right, top)
    )


def _rules(lock: Any, *, certify: bool) -> SigMDPSetup | None:
    """What the signature allows afterwards: its own certification, or what the field's lock says."""
    if certify:
        return SigMDPSetup(md_algorithm=DIGEST, certify=True, docmdp_perms=MDPPerm.FILL_FORMS)
    if lock is None:
        return None
    permitted = _resolved(lock, "/P")
    return SigMDPSetup(
        md_algorithm=DIGEST,
        field_lock=FieldMDPSpec.from_pdf_object(lock),
        docmdp_perms=MDPPerm(int(permitted)) if permitted is not None else None,
    )


def _forbids(reference: Any, name: str) -> bool:
    """Whether an entry of a signature's /Reference speaks against filling the field ``name``."""
    parameters = _resolved(reference, "/TransformParams") or {}
    if _resolved(parameters, "/P") == _NO_CHANGES:
        return True
    if _resolved(reference, "/TransformMethod") != "/FieldMDP":
        return False
    named = name in {str(field) for field in _resolved(parameters, "/Fields") or ()}
    action = _resolved(parameters, "/Action")
    return bool(action == pdf_name("/All") or (action == "/Include") == named)


def _unreadable() -> InputError:
    return InputError(
        "the file is not a readable PDF, or cannot be signed", code="signing.pdf.unreadable"
    )

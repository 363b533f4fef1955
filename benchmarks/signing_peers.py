"""Stock pyHanko, signing the same page beside us: its own signer, appearance and long-term steps.

Key, time-stamping authority and revocation lists are the very ones that we use, in this process, so that what differs
is the writing of CMS and PDF. Nothing is fetched, and the validation context is made once.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from io import BytesIO
from typing import Any, Final

from asn1crypto import crl, tsp, x509
from asn1crypto.keys import PrivateKeyInfo
from pyhanko.pdf_utils.font.opentype import GlyphAccumulatorFactory
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.text import TextBoxStyle
from pyhanko.sign import signers, timestamps
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.stamp import TextStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ekyc.data.fonts import font_path
from ekyc.signing import Appearance, EmbeddedAuthority
from ekyc.signing.keys.software import SoftwareKey


class _SameTime(timestamps.TimeStamper):
    """pyHanko's client in front of our authority."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in pyHanko 0.38
        self._answer = answer

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return tsp.TimeStampResp.load(self._answer(req.dump()))


class StockPyHanko:
    """Signs as pyHanko's documentation shows, with everything loaded beforehand."""

    name: Final = f"pyhanko-{version('pyhanko')}"

    def __init__(self, signatory: EmbeddedAuthority) -> None:
        identity = signatory.signer
        key = identity.key
        assert isinstance(key, SoftwareKey)
        material = signatory.material()
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # untyped in its 0.33
        store.register_multiple(x509.Certificate.load(der) for der in identity.issuers_der)
        self._signer = signers.SimpleSigner(
            signing_cert=x509.Certificate.load(identity.certificate_der),
            signing_key=PrivateKeyInfo.load(key.pkcs8_der()),
            cert_registry=store,
        )
        self._time = _SameTime(signatory.stamp)
        self._context: dict[str, Any] = {
            "trust_roots": [x509.Certificate.load(signatory.root_certificate_der)],
            "other_certs": [x509.Certificate.load(der) for der in material.certificates],
            "crls": [crl.CertificateList.load(der) for der in material.crls],
            "allow_fetching": False,
        }

    def sign_b_b(self, pdf: bytes, appearance: Appearance | None = None) -> bytes:
        """PAdES B-B, invisible or with two lines in the shipped font. No QR code: that takes a package outside our lock."""
        metadata = signers.PdfSignatureMetadata(
            field_name="Signature1", subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256"
        )
        return self._sign(pdf, metadata, appearance)

    def sign_b_lta(self, pdf: bytes) -> bytes:
        """PAdES B-LTA, invisible."""
        metadata = signers.PdfSignatureMetadata(
            field_name="Signature1",
            subfilter=SigSeedSubFilter.PADES,
            md_algorithm="sha256",
            embed_validation_info=True,
            use_pades_lta=True,
            validation_context=ValidationContext(**self._context),
        )
        return self._sign(pdf, metadata, None, timestamper=self._time)

    def _sign(
        self,
        pdf: bytes,
        metadata: signers.PdfSignatureMetadata,
        appearance: Appearance | None,
        timestamper: timestamps.TimeStamper | None = None,
    ) -> bytes:
        style, field = None, None
        if appearance is not None:
            font = GlyphAccumulatorFactory(str(font_path("regular")))
            style = TextStampStyle(
                stamp_text=f"Ký bởi: {appearance.signer_name}\nThời gian: %(ts)s",
                text_box_style=TextBoxStyle(font=font),
            )
            left, bottom, right, top = (round(side) for side in appearance.box_pt)
            field = SigFieldSpec("Signature1", box=(left, bottom, right, top))
        signer = signers.PdfSigner(
            metadata,
            signer=self._signer,
            timestamper=timestamper,
            stamp_style=style,
            new_field_spec=field,
        )
        out = BytesIO()
        signer.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), output=out)
        return out.getvalue()

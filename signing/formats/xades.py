"""Sign XML: XAdES baseline signatures (ETSI EN 319 132-1 §6), enveloped, levels B-B, B-T and B-LT.

1. The signer's certificate is valid and not revoked; otherwise nothing is signed.
2. Read the document (:mod:`.xml_reading`); refuse one that is signed already.
3. Put a ``ds:Signature`` at the end of the root element, with references to the whole document, to the signed
   properties and to the key's certificate.
4. The key signs the SHA-256 of the canonical ``SignedInfo``, here or elsewhere.
5. Check that value against the certificate.
6. Level B-T: an RFC 3161 timestamp over the canonical ``SignatureValue``. Level B-LT: chains and revocation lists.

signxml writes it, with Canonical XML 1.1: with exclusive canonicalisation signxml 5.2.0 makes a signature that neither
xmlsec1 nor signxml itself verifies.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSigner

from ekyc.errors import InputError
from ekyc.ports import Random
from ekyc.signing.authority.fitness import require_fit
from ekyc.signing.keys.algorithms import SignatureAlgorithm, algorithm_of, plain_of, verify_value
from ekyc.signing.levels import Level, extended, require_not_archival
from ekyc.signing.signatory import Services, Signatory, SigningIdentity, public_key_der_of
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.xml_reading import Element, etree, read_xml

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
C14N_11: Final = "http://www.w3.org/2006/12/xml-c14n11"
SIGNATURE: Final = f"{{{DS}}}Signature"
METHODS: Final = {
    SignatureAlgorithm.ECDSA_P256: SignatureMethod.ECDSA_SHA256,
    SignatureAlgorithm.RSA_PSS_3072: SignatureMethod.SHA256_RSA_MGF1,
}
_HALF: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedXml:
    """A signed document without its signature value."""

    document: bytes
    to_be_signed: bytes
    """The SHA-256 of the canonical ``SignedInfo``, which the key signs."""
    certificate_der: bytes

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """What the value must be made with."""
        return algorithm_of(public_key_der_of(self.certificate_der))

    def __repr__(self) -> str:
        return f"PreparedXml({len(self.document)} bytes)"


def sign_xml(document: bytes, signatory: Signatory, *, level: Level = Level.B_T) -> bytes:
    """Sign an XML document.

    Args:
        document: well-formed, without a document type, not signed, at most 16 MiB.
        signatory: key, timestamps, revocation lists and clock.
        level: up to B-LT.

    Returns:
        UTF-8 with an XML declaration.

    Raises:
        InputError: ``signing.xml.unreadable``, ``.doctype``, ``.beside_root``,
            ``.inherited``, ``.signed``; ``signing.level.unsupported``.
        LimitError: ``signing.xml.too_large``.
        TrustError: ``signing.certificate.expired``, ``.not_yet_valid``, ``.revoked``.
        TimestampFailedError: signed, but not at the level asked for.
        UpstreamError: the key does not sign; there is nothing then.
    """
    require_not_archival(level)
    prepared = prepare_xml(document, signatory.signer, signatory)
    value = signatory.signer.key.sign_digest(prepared.to_be_signed)  # (4)
    return complete_xml(prepared, value, signatory, level=level)


def prepare_xml(document: bytes, identity: SigningIdentity, services: Services) -> PreparedXml:
    """Steps 1 to 3; arguments and errors as of :func:`sign_xml`."""
    at = services.clock.now()
    require_fit(identity, services.material(), at=at)  # (1)
    root = read_xml(document)  # (2)
    if next(root.iter(SIGNATURE), None) is not None:
        raise InputError("the XML is signed already", code="signing.xml.signed")
    chain = [
        x509.load_der_x509_certificate(der)
        for der in (identity.certificate_der, *identity.issuers_der)
    ]
    key: Any = _Absent(identity)
    signed = _Signer(identity.key.algorithm, at=at, random=services.random).sign(  # (3)
        root, key=key, cert=chain, always_add_key_value=False, reference_uri=None
    )
    return PreparedXml(
        document=_written(signed),
        to_be_signed=hashlib.sha256(key.signed_info).digest(),
        certificate_der=identity.certificate_der,
    )


def complete_xml(
    prepared: PreparedXml, value: bytes, services: Services, *, level: Level = Level.B_T
) -> bytes:
    """Steps 5 and 6.

    Raises:
        TrustError: ``signing.key.mismatch``: not a signature of the certificate's key over this document.
        TimestampFailedError: signed, but not at the level asked for.
    """
    require_not_archival(level)
    verify_value(public_key_der_of(prepared.certificate_der), prepared.to_be_signed, value)  # (5)
    root = read_xml(prepared.document)
    _only_signature(root).find(f"{{{DS}}}SignatureValue").text = _base64(
        plain_of(value, prepared.algorithm)
    )
    return _extended(root, services, level)  # (6)


def augment_xml(document: bytes, services: Services, *, level: Level = Level.B_LT) -> bytes:
    """Take a signed document without a timestamp to B-T or B-LT.

    Raises:
        InputError: ``signing.xml.unreadable``, ``.doctype``, ``.unsigned``, ``.augmented``;
            ``signing.level.unsupported``.
        TimestampFailedError: no timestamp; it carries what was given.
    """
    require_not_archival(level)
    root = read_xml(document)
    if _only_signature(root).find(f".//{{{XADES}}}UnsignedProperties") is not None:
        raise InputError(
            "the signature has unsigned properties already", code="signing.xml.augmented"
        )
    return _extended(root, services, level)


def stamped_bytes(signature: Element) -> bytes:
    """What a signature timestamp is over: the canonical ``SignatureValue`` (EN 319 132-1 §5.3)."""
    value = signature.find(f"{{{DS}}}SignatureValue")
    return bytes(etree.tostring(value, method="c14n"))


class WithAnyName:
    """For signxml's processors.

    lxml writes ASCII unless told otherwise, and then puts character references into the names
    of elements, which is no XML: ``<họTên>`` would not be read again.
    """

    def _tostring(self, xml_node: Any, **how: Any) -> bytes:
        return bytes(etree.tostring(xml_node, **{"encoding": "UTF-8", **how}))


class _Signer(WithAnyName, XAdESSigner):
    """signxml's, with our clock and our randomness."""

    def __init__(self, algorithm: SignatureAlgorithm, *, at: datetime, random: Random) -> None:
        super().__init__(
            signature_algorithm=METHODS[algorithm],
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_1,
            data_object_format=XAdESDataObjectFormat(Description="XML", MimeType="text/xml"),
        )
        self._at = at
        self._random = random

    def _get_token(self, length: int = 4) -> str:
        """Identifiers that no document has by chance; signxml asks for four bytes."""
        return self._random.token_bytes(max(length, 16)).hex().upper()

    def add_signing_time(
        self, signed_signature_properties: Any, sig_root: Any, signing_settings: Any
    ) -> None:
        del sig_root, signing_settings
        element = etree.SubElement(signed_signature_properties, f"{{{XADES}}}SigningTime")
        element.text = f"{self._at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class _Absent:
    """Stands where signxml wants a private key; keeps what is to be signed, and signs nothing."""

    key_size: Final = 8 * _HALF

    def __init__(self, identity: SigningIdentity) -> None:
        self._algorithm = identity.key.algorithm
        self.signed_info = b""

    def sign(self, data: bytes, *_: object, **__: object) -> bytes:
        self.signed_info = data
        return (
            encode_dss_signature(1, 1)
            if self._algorithm is SignatureAlgorithm.ECDSA_P256
            else b"\x00"
        )


def _extended(root: Element, services: Services, level: Level) -> bytes:
    signature = _only_signature(root)

    def extend(token: bytes, material: ValidationMaterial) -> bytes:
        _add_unsigned(signature, token, material)
        return _written(root)

    return extended(_written(root), stamped_bytes(signature), extend, services, level=level)


def _add_unsigned(signature: Element, token: bytes, material: ValidationMaterial) -> None:
    """Unsigned properties: timestamp, certificates, revocation lists (EN 319 132-1 §5.3, §5.4)."""
    qualifying = signature.find(f".//{{{XADES}}}QualifyingProperties")
    if qualifying is None:
        raise InputError("the signature is not XAdES", code="signing.xml.unsigned")
    unsigned = _below(qualifying, "UnsignedProperties", "UnsignedSignatureProperties")
    stamp = _below(unsigned, "SignatureTimeStamp")
    etree.SubElement(stamp, f"{{{DS}}}CanonicalizationMethod", Algorithm=C14N_11)
    _below(stamp, "EncapsulatedTimeStamp").text = _base64(token)
    if material.certificates:
        values = _below(unsigned, "CertificateValues")
        for der in material.certificates:
            _below(values, "EncapsulatedX509Certificate").text = _base64(der)
    if material.crls:
        lists = _below(unsigned, "RevocationValues", "CRLValues")
        for der in material.crls:
            _below(lists, "EncapsulatedCRLValue").text = _base64(der)


def _below(element: Element, *names: str) -> Element:
    for name in names:
        element = etree.SubElement(element, f"{{{XADES}}}{name}")
    return element


def _only_signature(root: Element) -> Element:
    found = [child for child in root if child.tag == SIGNATURE]
    if len(found) != 1 or found[0].find(f"{{{DS}}}SignatureValue") is None:
        raise InputError(
            "the XML does not hold exactly one signature at its root", code="signing.xml.unsigned"
        )
    return found[0]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _written(root: Element) -> bytes:
    return bytes(etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8"))

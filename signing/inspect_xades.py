"""Look at an enveloped XAdES signature: is it intact, does it cover the whole document, and who vouches for it?

1. Read the document (:mod:`.xml_reading`): exactly one ``ds:Signature``, a child of the root element.
2. Its references are those that are understood: the whole document without the signature, the signed properties of this
   signature, and nothing else but its own ``KeyInfo``; no transform but canonicalisation without comments.
3. The signer's certificate is the one that the signed properties pin (EN 319 132-1 §5.2.2).
4. Integrity: its key signed ``SignedInfo``, and every reference has its digest. Otherwise TOTAL-FAILED.
5. Trust: timestamp, chain to one of the caller's anchors, revocation, times (:mod:`.trust_certificate`).

Every exception ends in INDETERMINATE. What is signed is the canonical form: comments are no part of it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidInput, InvalidSignature
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from ekyc.errors import InputError, LimitError
from ekyc.ports import Clock
from ekyc.signing import conclude, trust
from ekyc.signing.inspecting import UnreadableError, inspected, one, problem, settings_of
from ekyc.signing.material import ValidationMaterial
from ekyc.signing.report import Integrity, SignatureReport, ValidationReport
from ekyc.signing.trust_certificate import Vouchers, judge_certificate, subject_of
from ekyc.signing.xades import C14N_11, DS, METHODS, SIGNATURE, XADES, WithAnyName
from ekyc.signing.xml_reading import MAX_XML_BYTES, Element, etree, parser, read_xml

_C14N_10: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_CANONICAL: Final = {_C14N_10, C14N_11, _EXCLUSIVE}
_ENVELOPED: Final = f"{DS}enveloped-signature"
_SIGNED_PROPERTIES: Final = "http://uri.etsi.org/01903#SignedProperties"
_DIGESTS: Final = frozenset(
    {DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}
)
_FOREIGN: Final = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
    }
)
"""What others sign with, besides what is made here."""
_MAX_CERTIFICATES: Final = 32
_MAX_REFERENCES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A signature whose form is understood."""

    root: Element
    signature: Element
    certificate: x509.Certificate
    certificates_der: tuple[bytes, ...]


def inspect_xml(
    data: bytes,
    *,
    anchors: Iterable[bytes],
    crls: Iterable[bytes] = (),
    at: datetime | None = None,
    clock: Clock | None = None,
) -> ValidationReport:
    """Report on the signature of an XML document. Never raises for a bad one.

    Args:
        data: the document, at most 16 MiB.
        anchors: certificates to trust, DER or PEM.
        crls: revocation lists beyond those in the document, DER or PEM.
        at: judge as of this time (aware) instead of now.
        clock: gives the present.

    Raises:
        InputError: an anchor or CRL cannot be read, or ``at`` has no zone.
    """
    settings = settings_of(anchors, crls, at, clock)
    if len(data) > MAX_XML_BYTES:
        return problem("signature.limit")

    def work(loop: asyncio.AbstractEventLoop) -> ValidationReport:
        try:
            root = read_xml(data)  # (1)
        except LimitError:
            raise
        except InputError as exc:
            raise UnreadableError from exc
        found = list(root.iter(SIGNATURE))
        if not found:
            return problem("signature.none")
        signed = _understood(root, found)
        return one(loop.run_until_complete(_judge(signed, settings)))

    return inspected(work)


async def _judge(signed: _Signed, settings: trust.TrustSettings) -> SignatureReport:
    watch = conclude.Watch()
    integrity = _integrity(signed)  # (4)
    integrity = replace(integrity, check=watch.timed(integrity.check))
    signer: trust.Finding | None = None
    if integrity.value is Integrity.INTACT:
        with suppress(Exception):  # without a finding nothing passes
            signer = await judge_certificate(_vouchers(signed), settings)  # (5)
            signer = replace(signer, check=watch.timed(signer.check))
    return conclude.report_without_revisions(
        "XAdES",
        integrity,
        signer,
        subject=subject_of(signed.certificate.public_bytes(Encoding.DER)),
        claimed_time=_claimed_time(signed.signature),
    )


def _understood(root: Element, found: list[Element]) -> _Signed:
    """Steps (1) to (3)."""
    try:
        (signature,) = found
        if signature.getparent() is not root:
            raise UnreadableError
        _require_known_references(root, signature)
        certificates = _certificates(signature)
        certificate = _pinned(signature, certificates)
    except (AttributeError, LookupError, TypeError, ValueError) as exc:
        raise UnreadableError from exc
    return _Signed(
        root=root,
        signature=signature,
        certificate=certificate,
        certificates_der=tuple(item.public_bytes(Encoding.DER) for item in certificates),
    )


def _require_known_references(root: Element, signature: Element) -> None:
    """Step (2). Whoever may choose what is referred to, may choose what is signed (signature wrapping)."""
    info = _child(signature, DS, "SignedInfo")
    method = _child(info, DS, "CanonicalizationMethod")
    whole = {""} | ({f"#{root.get('Id')}"} if root.get("Id") else set())
    properties = _child(signature, DS, "Object").findall(f".//{{{XADES}}}SignedProperties")
    (signed_properties,) = properties
    own = {
        f"#{signed_properties.get('Id')}": "properties",
        f"#{_child(signature, DS, 'KeyInfo').get('Id')}": "key",
    }
    kinds = []
    references = info.findall(f"{{{DS}}}Reference")
    for reference in references:
        transforms = [
            item.get("Algorithm") for item in reference.findall(f"{{{DS}}}Transforms/{{{DS}}}*")
        ]
        uri = reference.get("URI")
        kind = "document" if uri in whole else own[uri]
        enveloped = transforms[:1] == [_ENVELOPED]
        rest = transforms[1:] if enveloped else transforms
        if enveloped != (kind == "document") or len(rest) > 1 or not set(rest) <= _CANONICAL:
            raise UnreadableError
        if (reference.get("Type") == _SIGNED_PROPERTIES) != (kind == "properties"):
            raise UnreadableError
        kinds.append(kind)
    if (
        method.get("Algorithm") not in _CANONICAL
        or len(references) > _MAX_REFERENCES
        or len(set(kinds)) != len(kinds)
        or not {"document", "properties"} <= set(kinds)
    ):
        raise UnreadableError


def _certificates(signature: Element) -> list[x509.Certificate]:
    texts = _child(signature, DS, "KeyInfo").findall(f"{{{DS}}}X509Data/{{{DS}}}X509Certificate")
    if not 0 < len(texts) <= _MAX_CERTIFICATES:
        raise UnreadableError
    return [x509.load_der_x509_certificate(_bytes(item)) for item in texts]


def _pinned(signature: Element, certificates: list[x509.Certificate]) -> x509.Certificate:
    """Step (3): the certificate whose digest stands first in the signed properties."""
    names = ("SigningCertificateV2", "SigningCertificate")
    (signed,) = signature.iter(f"{{{XADES}}}SignedProperties")
    found = [item for name in names for item in signed.iter(f"{{{XADES}}}{name}")]
    (pins,) = found
    digest = _child(pins.findall(f"{{{XADES}}}Cert")[0], XADES, "CertDigest")
    algorithm = DigestAlgorithm(_child(digest, DS, "DigestMethod").get("Algorithm"))
    if algorithm not in _DIGESTS:
        raise UnreadableError
    name = algorithm.name.lower()
    wanted = _bytes(_child(digest, DS, "DigestValue"))
    for certificate in certificates:
        if hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest() == wanted:
            return certificate
    raise UnreadableError


def _integrity(signed: _Signed) -> conclude.IntegrityFinding:
    """Step (4), by signxml, to which the certificate is given: whether it is trusted is not asked here."""
    verifier = _Verifier()
    config = XAdESSignatureConfiguration(
        location="./",
        expect_references=True,
        signature_methods=frozenset(METHODS.values()) | _FOREIGN,
        digest_algorithms=_DIGESTS,
        verification_time=signed.certificate.not_valid_after_utc,
    )
    try:
        verifier.verify(
            signed.root, x509_cert=signed.certificate, expect_config=config, parser=parser()
        )
    except InvalidDigest:
        return conclude.broken("HASH_FAILURE")
    except InvalidSignature:
        return conclude.broken("SIG_CRYPTO_FAILURE")
    except (InvalidInput, etree.DocumentInvalid, ValueError):
        return conclude.unknown("FORMAT_FAILURE", "signature.format")
    return conclude.intact()


class _Verifier(WithAnyName, XAdESVerifier):
    pass


def _vouchers(signed: _Signed) -> Vouchers:
    unsigned = f".//{{{XADES}}}UnsignedSignatureProperties/{{{XADES}}}"
    stamps = signed.signature.findall(f"{unsigned}SignatureTimeStamp")
    encoded = [
        item for stamp in stamps for item in stamp.findall(f"{{{XADES}}}EncapsulatedTimeStamp")
    ]
    further = signed.signature.findall(
        f"{unsigned}CertificateValues/{{{XADES}}}EncapsulatedX509Certificate"
    )
    lists = signed.signature.findall(
        f"{unsigned}RevocationValues/{{{XADES}}}CRLValues/{{{XADES}}}EncapsulatedCRLValue"
    )
    if max(map(len, (further, lists))) > _MAX_CERTIFICATES:
        raise LimitError("more than a signature needs", code="signature.limit")
    return Vouchers(
        certificate_der=signed.certificate.public_bytes(Encoding.DER),
        material=ValidationMaterial(
            certificates=(*signed.certificates_der, *map(_bytes, further)),
            crls=tuple(map(_bytes, lists)),
        ),
        tokens=tuple(map(_bytes, encoded)),
        imprint=_Imprint(signed.signature, stamps),
    )


class _Imprint:
    """Digest of the canonical ``SignatureValue``; all timestamps must name the same canonicalisation."""

    def __init__(self, signature: Element, stamps: list[Element]) -> None:
        methods = {
            item.get("Algorithm")
            for stamp in stamps
            for item in stamp.findall(f"{{{DS}}}CanonicalizationMethod")
        }
        if not methods <= _CANONICAL or len(methods) > 1:
            raise ValueError("not timestamps that are judged here")
        value = _child(signature, DS, "SignatureValue")
        self._data: bytes = etree.tostring(value, method="c14n", exclusive=methods == {_EXCLUSIVE})

    def __call__(self, algorithm: str) -> bytes:
        return hashlib.new(algorithm, self._data).digest()


def _claimed_time(signature: Element) -> datetime | None:
    text = signature.findtext(f".//{{{XADES}}}SignedProperties//{{{XADES}}}SigningTime")
    try:
        at = datetime.fromisoformat(str(text).strip())
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _child(element: Element, namespace: str, name: str) -> Any:
    """The only child of this name; there must be one."""
    (found,) = element.findall(f"{{{namespace}}}{name}")
    return found


def _bytes(element: Element) -> bytes:
    return base64.b64decode("".join(element.text.split()), validate=True)

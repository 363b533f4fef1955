"""Look at an enveloped XAdES signature: is it intact, does it cover the whole document, and who vouches for it?

1. Read the document (:mod:`.xml_reading`).
2. Its signature is of the one form that is understood (:mod:`.xml_rules`).
3. The signer's certificate is the one that the signed properties pin (EN 319 132-1 §5.2.2); its key and all algorithms count.
4. Integrity: its key signed ``SignedInfo``, and every reference has its digest. Otherwise TOTAL-FAILED.
5. Trust: timestamp, chain to one of the caller's anchors, revocation, times (:mod:`.trust_certificate`).

Every exception ends in INDETERMINATE. What is signed is the canonical form: comments are no part of it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidInput, InvalidSignature
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from ekyc.errors import InputError, LimitError
from ekyc.ports import Clock
from ekyc.signing.formats.xades import DS, METHODS, SIGNATURE, XADES, WithAnyName
from ekyc.signing.validation import conclude, trust
from ekyc.signing.validation.inspecting import UnreadableError, inspected, one, problem, settings_of
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.report import SignatureReport, ValidationReport
from ekyc.signing.validation.trust_certificate import Vouchers, judge_certificate, subject_of
from ekyc.signing.validation.xml_reading import MAX_XML_BYTES, Element, etree, parser, read_xml
from ekyc.signing.validation.xml_rules import (
    CANONICAL,
    EXCLUSIVE,
    only_child,
    only_signature,
    require_known_form,
    signed_properties,
)

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
_MIN_RSA_BITS: Final = 2048
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_WEAK: Final = ("hmac", "md5", "ripemd", "sha1")
"""Parts of the names of algorithms. An HMAC has no signer: whoever can check it can make it."""
_REASONS: Final = {
    "signing.xml.doctype": "signature.xml_document_type",
    "signing.xml.comment": "signature.xml_comment",
}


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
            raise UnreadableError(_REASONS.get(exc.code, "signature.unreadable")) from exc
        if next(root.iter(SIGNATURE), None) is None:
            return problem("signature.none")
        signed = _understood(root)
        return one(loop.run_until_complete(_judge(signed, settings)))

    return inspected(work)


async def _judge(signed: _Signed, settings: trust.TrustSettings) -> SignatureReport:
    return await conclude.judge_without_revisions(
        "XAdES",
        lambda: _integrity(signed),  # (4)
        lambda: judge_certificate(_vouchers(signed), settings),  # (5)
        subject=subject_of(signed.certificate.public_bytes(Encoding.DER)),
        claimed_time=_claimed_time(signed.signature),
    )


def _understood(root: Element) -> _Signed:
    """Steps (1) to (3)."""
    try:
        signature = only_signature(root)
        require_known_form(root, signature)
        certificates = _certificates(signature)
        certificate = _pinned(signature, certificates)
        _require_strong(signature, certificate)
    except UnsupportedAlgorithm as exc:
        raise UnreadableError("signature.algorithm_unknown") from exc
    except UnreadableError:
        raise
    except Exception as exc:  # whatever happens in a parser never passes
        raise UnreadableError from exc
    return _Signed(
        root=root,
        signature=signature,
        certificate=certificate,
        certificates_der=tuple(item.public_bytes(Encoding.DER) for item in certificates),
    )


def _require_strong(signature: Element, certificate: x509.Certificate) -> None:
    """Methods and keys that count; path validation looks at the keys of issuers alone."""
    info = only_child(signature, DS, "SignedInfo")
    known = {item.value for item in (*METHODS.values(), *_FOREIGN)}
    known |= {item.value for item in _DIGESTS}
    named = {item.get("Algorithm", "") for item in info.iter(f"{{{DS}}}DigestMethod")}
    named.add(only_child(info, DS, "SignatureMethod").get("Algorithm", ""))
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        raise UnreadableError("signature.weak_algorithm")
    if any(word in name.lower() for name in named - known for word in _WEAK):
        raise UnreadableError("signature.weak_algorithm")
    on_known_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES)
    if not named <= known or not (isinstance(key, rsa.RSAPublicKey) or on_known_curve):
        raise UnreadableError("signature.algorithm_unknown")


def _certificates(signature: Element) -> list[x509.Certificate]:
    texts = only_child(signature, DS, "KeyInfo").findall(
        f"{{{DS}}}X509Data/{{{DS}}}X509Certificate"
    )
    if not 0 < len(texts) <= _MAX_CERTIFICATES:
        raise UnreadableError
    return [x509.load_der_x509_certificate(_bytes(item)) for item in texts]


def _pinned(signature: Element, certificates: list[x509.Certificate]) -> x509.Certificate:
    """Step (3): the certificate whose digest stands first in the signed properties."""
    names = ("SigningCertificateV2", "SigningCertificate")
    signed = only_child(signed_properties(signature), XADES, "SignedSignatureProperties")
    found = [item for name in names for item in signed.iter(f"{{{XADES}}}{name}")]
    if len(found) != 1 or found[0].getparent() is not signed:
        raise UnreadableError("signature.certificate_unbound")
    (pins,) = found
    digest = only_child(pins.findall(f"{{{XADES}}}Cert")[0], XADES, "CertDigest")
    algorithm = DigestAlgorithm(only_child(digest, DS, "DigestMethod").get("Algorithm"))
    if algorithm not in _DIGESTS:
        raise UnreadableError
    name = algorithm.name.lower()
    wanted = _bytes(only_child(digest, DS, "DigestValue"))
    for certificate in certificates:
        if hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest() == wanted:
            return certificate
    raise UnreadableError("signature.certificate_unbound")


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
    # signxml 5.2 says NotImplementedError of a KeyValue whose kind it cannot compare with the certificate's key
    except (InvalidInput, NotImplementedError, etree.LxmlError, ValueError):
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
        if not methods <= CANONICAL or len(methods) > 1:
            raise ValueError("not timestamps that are judged here")
        value = only_child(signature, DS, "SignatureValue")
        self._data: bytes = etree.tostring(value, method="c14n", exclusive=methods == {EXCLUSIVE})

    def __call__(self, algorithm: str) -> bytes:
        return hashlib.new(algorithm, self._data).digest()


def _claimed_time(signature: Element) -> datetime | None:
    signed = signed_properties(signature)
    text = signed.findtext(f"{{{XADES}}}SignedSignatureProperties/{{{XADES}}}SigningTime")
    try:
        at = datetime.fromisoformat(str(text).strip())
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _bytes(element: Element) -> bytes:
    return base64.b64decode("".join(element.text.split()), validate=True)

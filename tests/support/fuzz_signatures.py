"""Fuzz targets of signatures in CMS, XML and JSON. A value that holds was made by the one key; so must be what it is over."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache

from cms_forgery import cms_of, signer_info, usual
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID
from lxml import etree

from ekyc.errors import InputError, LimitError
from ekyc.signing import Level
from ekyc.signing.authority.certificates import as_builder_key
from ekyc.signing.der import elements, inside, tlv
from ekyc.signing.formats.jades import sign_json
from ekyc.signing.formats.xades import SIGNATURE, sign_xml
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import SoftwareKey
from ekyc.signing.signatory import Party, SigningIdentity
from ekyc.signing.validation.cades import _integrity as cms_integrity
from ekyc.signing.validation.cades import _read as read_cms
from ekyc.signing.validation.cms_rules import require_bounded
from ekyc.signing.validation.inspecting import UnreadableError
from ekyc.signing.validation.jades import _integrity as jws_integrity
from ekyc.signing.validation.jades import _read as read_jws
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.report import Integrity
from ekyc.signing.validation.xades import _integrity as xml_integrity
from ekyc.signing.validation.xades import _understood as understood
from ekyc.signing.validation.xml_reading import read_xml
from ekyc.testing import FixedClock

_AT = datetime(2026, 1, 15, tzinfo=UTC)
_DIGEST = hashlib.sha256(b"content").digest()
_XML = b"<a Id='q'><b>100</b> <c d='1'/></a>"
_JSON = b'{"a":1,"b":[true,null]}'


@cache
def _party():
    """Somebody with a key that vouches for itself."""
    key = SoftwareKey.generate(SignatureAlgorithm.ECDSA_P256)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "MẪU")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(load_der_public_key(key.public_key_der))
        .serial_number(1)
        .not_valid_before(_AT - timedelta(days=1))
        .not_valid_after(_AT + timedelta(days=1))
        .sign(as_builder_key(key), SHA256())
    )
    identity = SigningIdentity(key=key, certificate_der=made.public_bytes(Encoding.DER))
    return Party(
        signer=identity,
        ask_for_time=lambda _: b"",
        vouch=ValidationMaterial,
        clock=FixedClock(_AT),
    )


@cache
def _attributes():
    return list(usual(_DIGEST, _party().signer.certificate_der).values())


@cache
def _signer():
    return signer_info(_party(), _attributes())


@cache
def _cms():
    return cms_of(_party(), [_signer()])


@cache
def _xml():
    return sign_xml(_XML, _party(), level=Level.B_B)


@cache
def _json():
    return sign_json(_JSON, _party(), level=Level.B_B)


def cms_attributes(data):
    """As a whole CMS, and as the signed attributes of a sound one."""
    _cms_holds(data)
    genuine = tlv(0xA0, *_attributes())
    parts = elements(inside(_signer()))
    contents = b"".join(tlv(0xA0, data) if part == genuine else part for part in parts)
    _cms_holds(cms_of(_party(), [tlv(0x30, contents)]))


def _cms_holds(data):
    try:
        require_bounded(data)
        _, signer, certificate = read_cms(data)
    except (LimitError, UnreadableError) as error:
        _known(error)
        return
    try:
        found = cms_integrity(signer, certificate, _DIGEST)
    except Exception:  # noqa: BLE001  # the inspection turns any of these into INDETERMINATE
        return
    if found.value is Integrity.INTACT:
        assert certificate.dump() != _party().signer.certificate_der or signer[
            "signed_attrs"
        ].untag().dump() == tlv(0x31, *_attributes())


def xml_signature(data):
    """A document. Intact, it says what was signed: the same canonical form beside the signature."""
    try:
        signed = understood(read_xml(data))
    except (InputError, LimitError, UnreadableError) as error:
        _known(error)
        return
    found = xml_integrity(signed)
    if (
        found.value is Integrity.INTACT
        and signed.certificates_der[0] == _party().signer.certificate_der
    ):
        assert _said(data) == _said(_xml())


def _said(data):
    root = read_xml(data)
    root.remove(next(root.iter(SIGNATURE)))
    return etree.tostring(root, method="c14n", with_comments=False)


def jws_signature(data):
    """A JWS. Intact, its header and payload are those that were signed."""
    try:
        signed = read_jws(data)
    except (LimitError, UnreadableError) as error:
        _known(error)
        return
    found = jws_integrity(signed)
    if found.value is Integrity.INTACT and signed.chain_der[0] == _party().signer.certificate_der:
        genuine = json.loads(_json())
        assert signed.members["payload"] == genuine["payload"]
        assert signed.members["protected"] == genuine["protected"]


def _known(error):
    code = error.reason if isinstance(error, UnreadableError) else error.code
    assert code.startswith(("signature.", "signing.")), code


TARGETS = {target.__name__: target for target in (cms_attributes, jws_signature, xml_signature)}


def signature_seeds():
    """What the one key signed, whole and in parts."""
    return {
        "cms_attributes": (_cms(), b"".join(_attributes()), *_attributes()),
        "jws_signature": (_json(),),
        "xml_signature": (_xml(), _XML),
    }

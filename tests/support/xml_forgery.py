"""Signed XML in forms that no signer here makes: signatures sealed anew over whatever a test put together."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from ekyc.signing.formats.xades import DS, XADES

SIGNATURE = f"{{{DS}}}Signature"


def xml_of(data):
    return etree.fromstring(data)


def bytes_of(root):
    return etree.tostring(root, encoding="unicode").encode()


def ds(element, path):
    return element.find("/".join(f"{{{DS}}}{name}" for name in path.split("/")))


def xades(element, name):
    return element.find(f".//{{{XADES}}}{name}")


def signature_of(root):
    return next(root.iter(SIGNATURE))


def sealed(root, sign):
    """The document with digests and signature value made anew, as a simple-minded verifier computes them.

    References lead to the first element with such an ``Id``, or to nowhere; of all transforms only the enveloped one is
    applied, and canonical XML.

    Args:
        root: of a signed document; changed in place.
        sign: bytes -> octets of a signature value in XML.
    """
    signature = signature_of(root)
    info = ds(signature, "SignedInfo")
    for reference in info.iterfind(f"{{{DS}}}Reference"):
        data = _referred(root, reference)
        if data is not None:
            reference.find(f"{{{DS}}}DigestValue").text = base64.b64encode(
                hashlib.sha256(data).digest()
            ).decode()
    value = sign(etree.tostring(info, method="c14n"))
    ds(signature, "SignatureValue").text = base64.b64encode(value).decode()
    return bytes_of(root)


def _referred(root, reference):
    uri = reference.get("URI")
    steps = [step.get("Algorithm") for step in reference.iter(f"{{{DS}}}Transform")]
    copy = etree.fromstring(bytes_of(root))
    target = copy if not uri else _by_id(copy, uri[1:])
    if target is None:
        return None
    if f"{DS}enveloped-signature" in steps:
        gone = signature_of(copy)
        gone.getparent().remove(gone)
    return etree.tostring(target, method="c14n")


def _by_id(root, identifier):
    return next((element for element in root.iter("*") if element.get("Id") == identifier), None)


def ec_signer(key):
    """Values of a P-256 key of ours as XML has them."""

    def sign(data):
        pair = decode_dss_signature(key.sign_digest(hashlib.sha256(data).digest()))
        return b"".join(number.to_bytes(32) for number in pair)

    return sign

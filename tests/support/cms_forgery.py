"""CMS of any shape, with a sound signature over whatever attributes a test put together."""

import hashlib

from asn1crypto import x509

from ekyc.signing.der import context, integer, octet_string, oid, sequence, tlv
from ekyc.signing.formats.cms import DATA, _attribute, _certificate_reference
from ekyc.signing.keys.algorithms import SHA256_OID

CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
TIMESTAMP = "1.2.840.113549.1.9.16.2.14"
SIGNED_DATA = "1.2.840.113549.1.7.2"
SHA256 = sequence(oid(SHA256_OID))


def attribute(kind, *values):
    """Like RFC 5652 §5.3, with any number of values."""
    return sequence(oid(kind), tlv(0x31, *values))


def usual(digest, certificate_der):
    """The three attributes that must be there, by name."""
    return {
        CONTENT_TYPE: _attribute(CONTENT_TYPE, oid(DATA)),
        MESSAGE_DIGEST: _attribute(MESSAGE_DIGEST, octet_string(digest)),
        SIGNING_CERTIFICATE_V2: _attribute(
            SIGNING_CERTIFICATE_V2, _certificate_reference(certificate_der)
        ),
    }


def signer_info(party, attributes, *, unsigned=(), digest_algorithm=SHA256):
    """One signer; the value is over the attributes just as they are given."""
    contents = b"".join(attributes)
    der = party.signer.certificate_der
    body = x509.Certificate.load(der)["tbs_certificate"]
    value = party.signer.key.sign_digest(hashlib.sha256(tlv(0x31, contents)).digest())
    return sequence(
        integer(1),
        sequence(body["issuer"].dump(), body["serial_number"].dump()),
        digest_algorithm,
        *([tlv(0xA0, contents)] if attributes else []),
        party.signer.key.algorithm.identifier_der,
        octet_string(value),
        *([tlv(0xA1, *unsigned)] if unsigned else []),
    )


def cms_of(party, signers, *, content_type=DATA, content=b"", certificates=None, lists=()):
    """ContentInfo of ``SignedData``. ``content`` is the explicit element, empty for a detached one."""
    chain = [party.signer.certificate_der, *party.signer.issuers_der]
    body = sequence(
        integer(1),
        tlv(0x31, SHA256),
        sequence(oid(content_type), content),
        tlv(0xA0, *(chain if certificates is None else certificates)),
        *([tlv(0xA1, *lists)] if lists else []),
        tlv(0x31, *signers),
    )
    return sequence(oid(SIGNED_DATA), context(0, body))

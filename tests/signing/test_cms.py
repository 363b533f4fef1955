"""The CMS that we write: strictly DER, complete, and nothing in it twice."""

import hashlib

import pytest
from asn1crypto import cms, core
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.formats.cms import signed_attributes, signed_data
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.pdf.pades import PreparedPdf, make_cms
from ekyc.signing.pdf.writing import Hole

DIGEST = hashlib.sha256(b"document").digest()


def make(authority, digest):
    """A CMS as it goes into a PDF."""
    identity = authority.signer
    prepared = PreparedPdf(
        hole=Hole(pdf=b"", start=0, end=0, digest=digest),
        attributes_der=signed_attributes(digest, identity.certificate_der),
        certificate_der=identity.certificate_der,
        issuers_der=identity.issuers_der,
    )
    value = identity.key.sign_digest(prepared.to_be_signed)
    imprint = hashlib.sha256(value).digest()
    token = request_token(imprint, ask=authority.stamp, random=authority.random)
    return make_cms(prepared, value, timestamp_token=token)


@pytest.fixture(scope="module")
def made(authority):
    return make(authority, DIGEST)


@pytest.fixture(scope="module")
def content(made):
    return cms.ContentInfo.load(made, strict=True)["content"]


def elements(encoded):
    """Header and contents of every element below, as the bytes stand (no library's re-encoding)."""
    tag, place = encoded[0], 1
    length = encoded[place]
    place += 1
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(encoded[place : place + count])
        assert count, "indefinite length"
        assert length >= 0x80, "not the shortest length"
        place += count
    return tag, encoded[place : place + length], encoded[place + length :]


def walk(encoded):
    while encoded:
        tag, contents, encoded = elements(encoded)
        yield tag, contents
        if tag & 0x20:
            yield from walk(contents)


def test_lengths_are_shortest_and_sets_are_sorted_without_duplicates(made):
    seen = 0
    for tag, contents in walk(made):
        if tag != 0x31:
            continue
        members, rest = [], contents
        while rest:
            before = rest
            _, _, rest = elements(rest)
            members.append(before[: len(before) - len(rest)])
        assert members == sorted(members)
        assert len(set(members)) == len(members)
        seen += 1
    assert seen > 10


def test_the_signers_certificate_stands_in_it_once(content, authority):
    ders = [choice.chosen.dump() for choice in content["certificates"]]
    assert ders == sorted(set(ders))
    assert set(ders) == {authority.signer.certificate_der, authority.root_certificate_der}


def test_duplicates_handed_in_vanish(authority):
    der = authority.signer.certificate_der
    made = signed_data(
        signed_attributes(DIGEST, der),
        b"signature",
        der,
        algorithm=SignatureAlgorithm.ECDSA_P256,
        certificates=[der, der, der],
    )
    assert len(cms.ContentInfo.load(made)["content"]["certificates"]) == 1


def test_signed_attributes_are_those_of_pades(content):
    (signer,) = content["signer_infos"]
    kinds = {attribute["type"].native for attribute in signer["signed_attrs"]}
    assert kinds == {"content_type", "message_digest", "signing_certificate_v2"}
    values = {a["type"].native: a["values"][0] for a in signer["signed_attrs"]}
    assert values["message_digest"].native == DIGEST
    reference = values["signing_certificate_v2"]["certs"][0]
    assert reference["hash_algorithm"]["algorithm"].native == "sha256"


def test_the_certificate_is_bound_into_the_signature(content, authority):
    (signer,) = content["signer_infos"]
    values = {a["type"].native: a["values"][0] for a in signer["signed_attrs"]}
    reference = values["signing_certificate_v2"]["certs"][0]
    der = authority.signer.certificate_der
    assert reference["cert_hash"].native == hashlib.sha256(der).digest()
    certificate = load_der_x509_certificate(der)
    assert reference["issuer_serial"]["serial_number"].native == certificate.serial_number


def test_the_key_signed_the_attributes_as_a_set(content, authority):
    (signer,) = content["signer_infos"]
    key = load_der_x509_certificate(authority.signer.certificate_der).public_key()
    signed = b"\x31" + signer["signed_attrs"].dump()[1:]
    key.verify(signer["signature"].native, signed, ECDSA(SHA256()))


def test_it_is_detached_and_version_1(content):
    assert content["version"].native == "v1"
    assert isinstance(content["encap_content_info"]["content"], core.Void | type(None)) or (
        content["encap_content_info"]["content"].native is None
    )


def test_the_timestamp_is_over_the_signature_value(content):
    (signer,) = content["signer_infos"]
    (attribute,) = signer["unsigned_attrs"]
    token = attribute["values"][0]["content"]
    said = token["encap_content_info"]["content"].parsed
    value = signer["signature"].native
    assert attribute["type"].native == "signature_time_stamp_token"
    assert said["message_imprint"]["hashed_message"].native == hashlib.sha256(value).digest()


def test_a_hundred_in_a_row_take_no_detour(authority):
    """With asn1crypto as the writer about one in thirty took minutes."""
    sizes = {len(make(authority, hashlib.sha256(bytes([n])).digest())) for n in range(100)}
    assert max(sizes) < 4096

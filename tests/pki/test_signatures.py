import json

import pytest
from asn1crypto import algos, keys
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from ekyc.errors import InputError, TrustError
from ekyc.pki import TrustStore, der
from ekyc.pki.keys import EcPublicKey, parse_public_key
from ekyc.pki.signatures import (
    SignatureAlgorithm,
    SignatureEvidence,
    parse_algorithm,
    verify_signature,
)

MESSAGE = b"signed attributes"


def encoded(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ec_key():
    return ec.generate_private_key(ec.BrainpoolP256R1())


def identifier(name, parameters=None):
    return algos.SignedDigestAlgorithm({"algorithm": name, "parameters": parameters}).dump()


def test_rsa_pkcs1(rsa_key):
    signature = rsa_key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    algorithm = parse_algorithm(identifier("sha256_rsa"))
    evidence = verify_signature(parse_public_key(encoded(rsa_key)), algorithm, signature, MESSAGE)
    assert not evidence.weak
    with pytest.raises(TrustError):
        verify_signature(parse_public_key(encoded(rsa_key)), algorithm, signature, MESSAGE + b"!")


def test_rsa_encryption_takes_the_digest_from_elsewhere(rsa_key):
    """New Zealand, Australia and the United States name only the key type."""
    signature = rsa_key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA512())
    bare = identifier("rsassa_pkcs1v15")
    algorithm = parse_algorithm(bare, digest="sha512")
    verify_signature(parse_public_key(encoded(rsa_key)), algorithm, signature, MESSAGE)
    with pytest.raises(InputError):
        parse_algorithm(bare)


@pytest.mark.parametrize(("mask", "salt"), [("sha256", 32), ("sha1", 20), ("sha256", 0)])
def test_rsa_pss_with_its_own_mask_digest_and_salt(rsa_key, mask, salt):
    mgf = padding.MGF1(getattr(hashes, mask.upper())())
    signature = rsa_key.sign(MESSAGE, padding.PSS(mgf, salt), hashes.SHA256())
    parameters = {
        "hash_algorithm": {"algorithm": "sha256"},
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": mask}},
        "salt_length": salt,
    }
    algorithm = parse_algorithm(identifier("rsassa_pss", parameters))
    assert algorithm == SignatureAlgorithm(
        scheme="rsa-pss", digest="sha256", mask_digest=mask, salt_length=salt
    )
    key = parse_public_key(encoded(rsa_key))
    verify_signature(key, algorithm, signature, MESSAGE)
    other = SignatureAlgorithm(
        scheme="rsa-pss", digest="sha256", mask_digest=mask, salt_length=salt + 1
    )
    with pytest.raises(TrustError):
        verify_signature(key, other, signature, MESSAGE)


def test_pss_without_parameters_means_sha1(rsa_key):
    algorithm = parse_algorithm(bytes.fromhex("300b06092a864886f70d01010a"))
    assert (algorithm.digest, algorithm.mask_digest, algorithm.salt_length) == ("sha1", "sha1", 20)


def test_ecdsa_der_and_plain(ec_key):
    signature = ec_key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    key = parse_public_key(encoded(ec_key))
    verify_signature(key, parse_algorithm(identifier("sha256_ecdsa")), signature, MESSAGE)
    plain = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(signature))
    oid = bytes.fromhex("300c060a04007f00070101040103")
    verify_signature(key, parse_algorithm(oid), plain, MESSAGE)
    for wrong in (plain[:-1], plain + b"\0", bytes(64), signature):
        with pytest.raises(TrustError):
            verify_signature(key, parse_algorithm(oid), wrong, MESSAGE)


@pytest.mark.parametrize("garbage", [b"", b"\x30", b"\xff" * 70, bytes(72)])
@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.BrainpoolP256R1()])
def test_garbage_signatures_are_mismatches(garbage, curve):
    key = parse_public_key(encoded(ec.generate_private_key(curve)))
    with pytest.raises(TrustError) as caught:
        verify_signature(key, SignatureAlgorithm(scheme="ecdsa", digest="sha1"), garbage, MESSAGE)
    assert caught.value.code == "pki.signature_mismatch"


def test_algorithm_and_key_must_go_together(rsa_key, ec_key):
    for key, scheme in ((rsa_key, "ecdsa"), (ec_key, "rsa-pkcs1")):
        with pytest.raises(InputError):
            verify_signature(
                parse_public_key(encoded(key)),
                SignatureAlgorithm(scheme=scheme, digest="sha256"),
                b"",
                MESSAGE,
            )


@pytest.mark.parametrize(
    ("digest", "bits", "curve", "weak"),
    [
        ("sha256", 2048, None, False),
        ("sha256", 1024, None, True),
        ("sha1", 4096, None, True),
        ("sha256", 224, "brainpoolP224r1", False),
        ("sha256", 192, "secp192r1", True),
        ("sha1", 256, "secp256r1", True),
    ],
)
def test_weakness(digest, bits, curve, weak):
    algorithm = SignatureAlgorithm(scheme="ecdsa" if curve else "rsa-pkcs1", digest=digest)
    evidence = SignatureEvidence(algorithm=algorithm, key_bits=bits, curve=curve)
    assert evidence.weak is weak


@pytest.mark.parametrize("modulus_bits", [511, 8193])
def test_absurd_rsa_moduli_are_refused(modulus_bits):
    info = keys.PublicKeyInfo.wrap(
        keys.RSAPublicKey({"modulus": 2**modulus_bits - 1, "public_exponent": 65537}), "rsa"
    )
    with pytest.raises(InputError) as caught:
        parse_public_key(info.dump())
    assert caught.value.code == "pki.key_unsupported"


def test_a_modulus_without_its_leading_zero_is_the_same_key(rsa_key):
    """Read as two's complement it would be negative, and a genuine signature would not verify."""
    numbers = rsa_key.public_key().public_numbers()
    bare = der.encode(2, numbers.n.to_bytes(256, "big"))
    assert bare[4] & 0x80
    key = der.encode(0x30, bare, der.encode(2, b"\1\0\1"))
    algorithm = der.encode(0x30, bytes.fromhex("06092a864886f70d010101"), b"\x05\x00")
    spki = der.encode(0x30, algorithm, der.encode(3, b"\0", key))
    parsed = parse_public_key(spki)
    assert parsed == parse_public_key(encoded(rsa_key))
    signature = rsa_key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    verify_signature(parsed, parse_algorithm(identifier("sha256_rsa")), signature, MESSAGE)


@pytest.mark.parametrize("exponent", [1, 2, 4, 65536, 2**64 + 1])
def test_exponents_that_prove_nothing_are_refused(rsa_key, exponent):
    """With an exponent of one everybody can sign."""
    numbers = rsa_key.public_key().public_numbers()
    key = keys.PublicKeyInfo.load(encoded(rsa_key)).copy()
    key["public_key"] = keys.RSAPublicKey({"modulus": numbers.n, "public_exponent": exponent})
    with pytest.raises(InputError) as caught:
        parse_public_key(key.dump(force=True))
    assert caught.value.code == "pki.key_unsupported"


@pytest.mark.shared_data
def test_explicit_parameters_read_as_the_curve_they_equal(shared_data):
    """The Vietnamese passport CSCA: brainpoolP512r1 spelled out; ``cryptography`` alone refuses it."""
    store = TrustStore.load([shared_data / "chip/masterlists/DE_ML_2026-05-28-08-28-45.ml"])
    (csca,) = (a.certificate for a in store.anchors if a.certificate.subject.country == "VN")
    key = parse_public_key(csca.public_key)
    assert isinstance(key, EcPublicKey)
    assert key.curve.name == "brainpoolP512r1"
    with pytest.raises(UnsupportedAlgorithm, match="explicit parameters"):
        load_der_public_key(csca.public_key)


@pytest.mark.shared_data
def test_wycheproof_rsa_pss(shared_data):
    file = shared_data / "chip/wycheproof/rsa_pss_3072_sha256_mgf1_32_params_test.json"
    disagreeing = []
    for group in json.loads(file.read_text())["testGroups"]:
        key = parse_public_key(bytes.fromhex(group["publicKeyDer"]))
        algorithm = SignatureAlgorithm(
            scheme="rsa-pss", digest="sha256", mask_digest="sha256", salt_length=group["sLen"]
        )
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            try:
                verify_signature(key, algorithm, signature, message)
                accepted = True
            except TrustError:
                accepted = False
            if accepted != (case["result"] in ("valid", "acceptable")):
                disagreeing.append((case["tcId"], case["comment"], case["result"]))
    assert disagreeing == []

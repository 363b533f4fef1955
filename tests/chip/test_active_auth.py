"""Active authentication: the ICAO worked example, recorded chips, and forgeries."""

import hashlib
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip import verify_active_authentication
from ekyc.chip.active_auth import recover_message
from ekyc.chip.lds.dg15 import parse_dg15
from ekyc.errors import ChipError, InputError, TrustError
from ekyc.pki import der
from ekyc.pki.keys import RsaPublicKey, parse_public_key

NONCE = bytes.fromhex("f173589974bf40c6")
TRAILERS = {
    "sha1": "bc",
    "sha224": "38cc",
    "sha256": "34cc",
    "sha384": "36cc",
    "sha512": "35cc",
    "sha512_224": "39cc",
    "sha512_256": "3acc",
}


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 1024)


def representative(digest, size, nonce=NONCE, header=0x6A):
    trailer = bytes.fromhex(TRAILERS[digest])
    hash_size = hashlib.new(digest).digest_size
    recoverable = bytes(range(size - 1 - hash_size - len(trailer)))
    hashed = hashlib.new(digest, recoverable + nonce).digest()
    return bytes((header,)) + recoverable + hashed + trailer


def sign(key, message_representative):
    numbers = key.private_numbers()
    n = numbers.public_numbers.n
    return pow(int.from_bytes(message_representative, "big"), numbers.d, n)


def octets(key, number):
    return number.to_bytes((key.key_size + 7) // 8, "big")


class TestRsa:
    @pytest.mark.parametrize("digest", TRAILERS)
    def test_every_trailer(self, rsa_key, digest):
        signature = octets(rsa_key, sign(rsa_key, representative(digest, 128)))
        result = verify_active_authentication(
            parse_public_key(spki(rsa_key)), nonce=NONCE, signature=signature
        )
        assert (result.scheme, result.digest, result.key_bits) == ("iso9796-2", digest, 1024)
        assert result.weak

    def test_signer_that_gives_the_other_root(self, rsa_key):
        """ISO/IEC 9796-2 lets the signer send n - s."""
        modulus = rsa_key.public_key().public_numbers().n
        other = modulus - sign(rsa_key, representative("sha256", 128))
        verify_active_authentication(
            parse_public_key(spki(rsa_key)), nonce=NONCE, signature=octets(rsa_key, other)
        )

    @pytest.mark.parametrize(
        "defect", ["nonce", "header", "trailer", "hash", "short", "long", "zero", "empty", "range"]
    )
    def test_defects(self, rsa_key, defect):
        good = representative("sha256", 128)
        number = sign(rsa_key, good)
        nonce, signature = NONCE, octets(rsa_key, number)
        if defect == "nonce":
            nonce = bytes(8)
        if defect == "header":
            signature = octets(rsa_key, sign(rsa_key, representative("sha256", 128, header=0x4A)))
        if defect == "trailer":
            signature = octets(rsa_key, sign(rsa_key, good[:-2] + b"\x31\xcc"))
        if defect == "hash":
            signature = octets(rsa_key, sign(rsa_key, good[:-3] + b"\x00\x34\xcc"))
        if defect == "short":
            signature = signature[:-1]
        if defect == "long":
            signature = b"\x00" + signature
        if defect == "zero":
            signature = bytes(128)
        if defect == "empty":
            signature = b""
        if defect == "range":
            modulus = rsa_key.public_key().public_numbers().n
            signature = b"\xff" * 128 if modulus < 2**1024 - 1 else signature
        with pytest.raises(TrustError) as caught:
            verify_active_authentication(
                parse_public_key(spki(rsa_key)), nonce=nonce, signature=signature
            )
        assert caught.value.code == "chip.aa_invalid"

    @given(st.binary(max_size=200))
    def test_noise_is_refused(self, rsa_key, noise):
        with pytest.raises(TrustError):
            verify_active_authentication(
                parse_public_key(spki(rsa_key)), nonce=NONCE, signature=noise
            )
        with pytest.raises(TrustError):
            recover_message(noise, NONCE)


class TestEcdsa:
    @pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.BrainpoolP384R1(), ec.SECP521R1()])
    @pytest.mark.parametrize("plain", [True, False])
    @pytest.mark.parametrize("named", [True, False])
    def test_plain_and_der_with_and_without_a_named_digest(self, curve, plain, named):
        key = ec.generate_private_key(curve)
        signature = key.sign(NONCE, ec.ECDSA(hashes.SHA384()))
        if plain:
            size = (key.key_size + 7) // 8
            signature = b"".join(n.to_bytes(size, "big") for n in decode_dss_signature(signature))
        result = verify_active_authentication(
            parse_public_key(spki(key)),
            nonce=NONCE,
            signature=signature,
            digest="sha384" if named else None,
        )
        assert result.digest == "sha384"
        assert result.scheme == ("ecdsa-plain" if plain else "ecdsa")
        assert not result.weak

    def test_named_digest_is_binding(self):
        key = ec.generate_private_key(ec.SECP256R1())
        signature = key.sign(NONCE, ec.ECDSA(hashes.SHA256()))
        with pytest.raises(TrustError):
            verify_active_authentication(
                parse_public_key(spki(key)), nonce=NONCE, signature=signature, digest="sha512"
            )

    @given(st.binary(max_size=80))
    def test_noise_is_refused(self, noise):
        key = parse_public_key(spki(ec.derive_private_key(7, ec.SECP256R1())))
        with pytest.raises(TrustError):
            verify_active_authentication(key, nonce=NONCE, signature=noise)


@pytest.mark.parametrize("nonce", [b"", bytes(7), bytes(9)])
def test_the_nonce_has_eight_bytes(nonce):
    key = parse_public_key(spki(ec.derive_private_key(7, ec.SECP256R1())))
    with pytest.raises(InputError) as caught:
        verify_active_authentication(key, nonce=nonce, signature=b"x")
    assert caught.value.code == "chip.aa_nonce"


def vectors(shared_data, name):
    return json.loads((shared_data / "chip/vectors" / name).read_text())


@pytest.mark.shared_data
def test_icao_worked_example(shared_data, rsa_key):
    """ICAO 9303-11 Appendix F: the message representative; the example gives no key, so one is made here."""
    (example,) = vectors(shared_data, "icao_pace_dh_im_cam.json")["active_authentication"]
    values = example["values"]
    given_f = bytes.fromhex(values["message_representative_f"])
    nonce = bytes.fromhex(values["rnd_ifd_m2"])
    recovered, digest = recover_message(given_f, nonce)
    assert recovered.hex() == values["m1_recoverable"]
    assert digest == "sha1"
    modulus = rsa_key.public_key().public_numbers().n
    if int.from_bytes(given_f, "big") < modulus:
        signature = octets(rsa_key, sign(rsa_key, given_f))
        verify_active_authentication(
            parse_public_key(spki(rsa_key)), nonce=nonce, signature=signature
        )


@pytest.mark.shared_data
def test_recorded_exchange_of_a_real_chip(shared_data):
    recorded = dict(
        vectors(shared_data, "icao_and_recorded_sessions.json")[
            "activeauth/active_auth_test.go::TestVerifyEvidence"
        ]["hex"]
    )
    key = parse_dg15(bytes.fromhex(recorded["dg15bytes"]))
    nonce, signature = bytes.fromhex(recorded["Nonce"]), bytes.fromhex(recorded["Signature"])
    result = verify_active_authentication(key, nonce=nonce, signature=signature)
    assert (result.scheme, result.key_bits) == ("iso9796-2", 1792)
    for at in range(0, len(signature), 17):
        damaged = signature[:at] + bytes((signature[at] ^ 1,)) + signature[at + 1 :]
        with pytest.raises(TrustError):
            verify_active_authentication(key, nonce=nonce, signature=damaged)


@pytest.mark.shared_data
def test_etsi_prototype_signatures(shared_data):
    """ETSI TR 103 200 prototype data: one DG15 and four answers with their recoverable parts.

    A fifth answer in the same file, to a nonce of zeros, is of a key that is not given; it must not pass.
    """
    pairs = vectors(shared_data, "iso9796_dg_sod_vectors.json")["iso9796e2_test.py"]
    begin = next(i for i, (name, _) in enumerate(pairs) if name == "rawDg15")
    key = parse_dg15(bytes.fromhex(pairs[begin][1]))
    assert isinstance(key, RsaPublicKey)
    values = [bytes.fromhex(value) for _, value in pairs[begin + 1 :]]
    answers = [values[i : i + 3] for i in range(0, len(values), 3)]
    *genuine, foreign = answers
    assert len(genuine) == 4
    for nonce, signature, expected in genuine:
        verify_active_authentication(key, nonce=nonce, signature=signature)
        number = pow(int.from_bytes(signature, "big"), key.exponent, key.modulus)
        recovered, digest = recover_message(number.to_bytes(128, "big"), nonce)
        assert (recovered, digest) == (expected, "sha1")
    with pytest.raises(TrustError):
        verify_active_authentication(key, nonce=foreign[0], signature=foreign[1])


@pytest.mark.shared_data
def test_recorded_representatives_with_every_trailer(shared_data):
    found = vectors(shared_data, "icao_and_recorded_sessions.json")
    pairs = found["activeauth/active_auth_test.go::TestDecodeF"]["hex"]
    cases = [dict(pairs[i : i + 4]) for i in range(0, len(pairs), 4)]
    digests = []
    for case in cases:
        nonce = bytes.fromhex(case["rndIfd"])
        recovered, digest = recover_message(bytes.fromhex(case["f"]), nonce)
        assert recovered == bytes.fromhex(case["expM1"])
        digests.append(digest)
    assert digests == ["sha1", "sha224", "sha256", "sha384", "sha512"]


@pytest.mark.shared_data
def test_malformed_representatives(shared_data):
    found = vectors(shared_data, "icao_and_recorded_sessions.json")
    for _, value in found["activeauth/active_auth_test.go::TestDecodeFerrors"]["hex"]:
        with pytest.raises(TrustError):
            recover_message(bytes.fromhex(value), bytes(8))


@pytest.mark.shared_data
def test_dg15_of_the_vectors(shared_data):
    pairs = vectors(shared_data, "iso9796_dg_sod_vectors.json")["dg15_test.py"]
    first, second, wrong_tag = (bytes.fromhex(value) for _, value in pairs)
    assert parse_dg15(first).bits == parse_dg15(second).bits == 1024
    with pytest.raises(ChipError):
        parse_dg15(wrong_tag)


@given(st.binary(max_size=120))
def test_dg15_noise(noise):
    for data in (noise, der.encode(0x6F, noise), der.encode(0x6F, der.encode(0x30, noise))):
        with pytest.raises(ChipError):
            parse_dg15(data)

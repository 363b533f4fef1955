"""The curve table, and verification on the curves that ``cryptography`` lacks."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, TrustError
from ekyc.pki.curves import CURVES, find_curve
from ekyc.pki.keys import EcPublicKey, parse_public_key
from ekyc.pki.signatures import SignatureAlgorithm, verify_signature

BY_NAME = {curve.name: curve for curve in CURVES}
WITH_IMPLEMENTATION = [curve for curve in CURVES if curve.implementation]


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_generator_lies_on_the_curve_and_has_the_order(curve):
    assert curve.contains(curve.generator)
    assert curve.multiply(curve.order, curve.generator) is None
    assert curve.multiply(curve.order - 1, curve.generator) == (
        curve.generator[0],
        curve.p - curve.generator[1],
    )
    # Within the interval of Hasse, so the cofactor is 1.
    assert (curve.order - curve.p - 1) ** 2 <= 4 * curve.p


@pytest.mark.parametrize("curve", WITH_IMPLEMENTATION, ids=lambda c: c.name)
@given(scalar=st.integers(min_value=1, max_value=2**190))
def test_multiplication_agrees_with_cryptography(curve, scalar):
    numbers = ec.derive_private_key(scalar, curve.implementation()).public_key().public_numbers()
    assert curve.multiply(scalar, curve.generator) == (numbers.x, numbers.y)


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_points_decode_in_all_forms(curve):
    x, y = curve.generator
    octets = x.to_bytes(curve.octets, "big"), y.to_bytes(curve.octets, "big")
    assert curve.decode_point(b"\x04" + octets[0] + octets[1]) == (x, y)
    assert curve.decode_point(bytes((6 + (y & 1),)) + octets[0] + octets[1]) == (x, y)
    assert curve.decode_point(bytes((7 - (y & 1),)) + octets[0] + octets[1]) is None
    assert curve.decode_point(b"\x04" + octets[0] + octets[0]) is None
    assert curve.decode_point(b"") is None
    if curve.p % 4 == 3:
        assert curve.decode_point(bytes((2 + (y & 1),)) + octets[0]) == (x, y)
        assert curve.decode_point(bytes((3 - (y & 1),)) + octets[0]) == (x, curve.p - y)


@pytest.mark.parametrize("changed", ["p", "a", "b", "generator", "order", "cofactor"])
def test_explicit_parameters_must_equal_a_curve_in_every_number(changed):
    """A foreign generator forges keys: CVE-2020-0601."""
    curve = BY_NAME["brainpoolP512r1"]

    def encode(point):
        return b"\x04" + b"".join(c.to_bytes(curve.octets, "big") for c in point)

    honest = {
        "p": curve.p,
        "a": curve.a,
        "b": curve.b,
        "generator": encode(curve.generator),
        "order": curve.order,
        "cofactor": 1,
    }
    assert find_curve(**honest) is curve
    foreign = {
        "generator": encode(curve.multiply(7, curve.generator)),
        "cofactor": 2,
    }
    honest[changed] = foreign.get(changed, curve.p - 2)
    if changed in ("p", "a", "b"):  # another curve: unknown, not forged
        assert find_curve(**honest) is None
        return
    with pytest.raises(InputError) as caught:
        find_curve(**honest)
    assert caught.value.code == f"pki.curve_foreign_{changed}"


WYCHEPROOF = [
    "ecdsa_brainpoolP224r1_sha224",
    "ecdsa_brainpoolP256r1_sha256",
    "ecdsa_brainpoolP320r1_sha384",
    "ecdsa_brainpoolP384r1_sha384",
    "ecdsa_brainpoolP512r1_sha512",
    "ecdsa_secp224r1_sha256",
]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", WYCHEPROOF)
def test_wycheproof_ecdsa(shared_data, name):
    file = shared_data / "chip" / "wycheproof" / f"{name}_test.json"
    groups = json.loads(file.read_text())["testGroups"]
    disagreeing, asked = [], 0
    for group in groups:
        key = parse_public_key(bytes.fromhex(group["publicKeyDer"]))
        algorithm = SignatureAlgorithm(scheme="ecdsa", digest=group["sha"].replace("-", "").lower())
        for case in group["tests"]:
            asked += 1
            try:
                verify_signature(
                    key, algorithm, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
                )
            except TrustError:
                accepted = False
            else:
                accepted = True
            if accepted != (case["result"] == "valid"):
                disagreeing.append((case["tcId"], case["comment"]))
    assert asked > 400
    assert disagreeing == []


def test_key_off_its_curve_is_refused():
    curve = BY_NAME["secp256r1"]
    key = EcPublicKey(curve=curve, point=curve.generator)
    assert key.bits == 256
    honest = ec.derive_private_key(5, ec.SECP256R1()).public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encoded = bytearray(honest.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    parsed = parse_public_key(bytes(encoded))
    assert isinstance(parsed, EcPublicKey)
    assert parsed.curve is curve
    encoded[-1] ^= 1
    with pytest.raises(InputError) as caught:
        parse_public_key(bytes(encoded))
    assert caught.value.code == "pki.key_malformed"

"""Signature values as JWS, XML and COSE carry them."""

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ekyc.signing.keys.algorithms import SignatureAlgorithm, plain_of, value_of

EC = SignatureAlgorithm.ECDSA_P256


@pytest.mark.parametrize(("r", "s"), [(1, 2), (2**255, 2**248 - 1), (2**256 - 1, 2**8)])
def test_each_number_takes_32_octets_however_small_it_is(r, s):
    value = encode_dss_signature(r, s)
    plain = plain_of(value, EC)
    assert plain == r.to_bytes(32) + s.to_bytes(32)
    assert value_of(plain, EC) == value


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_another_length_is_no_value(size):
    with pytest.raises(ValueError, match="32 octets"):
        value_of(bytes(size), EC)


@pytest.mark.parametrize("algorithm", [one for one in SignatureAlgorithm if one is not EC])
def test_values_of_rsa_stand_as_they_are(algorithm):
    assert plain_of(b"\x01" * 384, algorithm) == value_of(b"\x01" * 384, algorithm) == b"\x01" * 384

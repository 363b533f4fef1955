"""Every vector of Wycheproof by every way that a signature value takes into the validator."""

import pytest

from ekyc.benchmarks.validation_wycheproof import FOLDER, rows

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def tried(shared_data):
    return rows(shared_data / FOLDER)


def test_no_disagreement(tried):
    assert [(row.vectors, row.way, row.disagreements) for row in tried if row.disagreements] == []


def test_no_vector_is_left_out(tried):
    """By the suite's own counts."""
    assert {row.vectors: row.valid + row.invalid + row.acceptable for row in tried} == {
        "ecdsa_secp256r1_sha256": 484,
        "ecdsa_secp256r1_sha256_p1363": 262,
        "ecdsa_secp384r1_sha384": 504,
        "ed25519": 151,
        "rsa_signature_2048_sha256": 259,
        "rsa_signature_3072_sha256": 259,
        "rsa_signature_4096_sha256": 258,
        "rsa_pss_misc": 150,
        "rsa_pss_2048_sha256_mgf1_32": 108,
        "rsa_pss_3072_sha256_mgf1_32": 108,
    }
    assert {row.way for row in tried} == {
        "CMS and certificates",
        "XML",
        "JWS",
        "credentials",
        "keys elsewhere",
    }
    assert all(row.valid and (row.invalid or row.vectors == "rsa_pss_misc") for row in tried)

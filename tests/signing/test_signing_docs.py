"""Configurations that docs/signing.md shows are read as they stand there, with and without what is commented out."""

from __future__ import annotations

import re
import tomllib

import pytest

from ekyc.errors import InputError
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.csc import load_csc_configuration
from ekyc.signing.sam.configuration import load_configuration

SECOND_FACTORS = {ActivationMethod.WEBAUTHN, ActivationMethod.TOTP}


@pytest.fixture(scope="module")
def shown(repository_root):
    """Schema and text of each block."""
    page = (repository_root / "docs" / "signing.md").read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return {tomllib.loads(block)["schema"]: block for block in blocks}


@pytest.fixture
def write(tmp_path, issuer_pem):
    (tmp_path / "portal.pem").write_bytes(issuer_pem)

    def written(text):
        file = tmp_path / "shown.toml"
        file.write_text(text.replace('"…"', f'"{"ab" * 32}"'), "utf-8")
        return file

    return written


@pytest.fixture(scope="module")
def issuer_pem():
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def whole(text):
    """With every setting that is commented out."""
    return re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)


def test_every_block_is_of_a_file_that_is_read_here(shown):
    assert set(shown) == {"ekyc.csc/1", "ekyc.sam/1"}


def test_the_interface(shown, write):
    said = load_csc_configuration(write(shown["ekyc.csc/1"]))
    assert (said.timestamp, said.signing.issuer) == (None, "portal")
    said = load_csc_configuration(write(whole(shown["ekyc.csc/1"])))
    assert said.timestamp is not None
    assert said.signing.party is not None


def test_the_signing_process_and_its_pilot(shown, write):
    text = shown["ekyc.sam/1"]
    said = load_configuration(write(text))
    assert said.methods == SECOND_FACTORS
    assert load_configuration(write(whole(text))).users > said.users
    alone = re.sub(r"^methods = .*$", 'methods = ["verification"]', text, flags=re.MULTILINE)
    with pytest.raises(InputError):
        load_configuration(write(alone))
    assert load_configuration(write(whole(alone))).methods == {ActivationMethod.VERIFICATION}


def test_both_name_the_same_party(shown, write):
    sides = load_csc_configuration(write(shown["ekyc.csc/1"])).signing
    assert load_configuration(write(shown["ekyc.sam/1"])).party == sides.party


def test_a_procedure_that_nobody_has_is_not_waited_for(shown, write):
    text = shown["ekyc.csc/1"].replace("identity-present", "identity-presnet")
    with pytest.raises(InputError) as caught:
        load_csc_configuration(write(text))
    assert caught.value.subject == "enrolment_procedure"

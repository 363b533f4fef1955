"""Parsers of the signing interface under whatever comes: a value that keeps the rules, or a refusal of the standard."""

import base64
import json

import pytest
from asn1crypto import algos
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import BusyError, EkycError, InputError, UpstreamError
from ekyc.signing.csc.authorization import Scope, read_request
from ekyc.signing.csc.clients import ClientRegister, CscClient
from ekyc.signing.csc.errors import AuthorizationRefusedError, CscError
from ekyc.signing.csc.hashes import _salt_of, read_hashes
from ekyc.signing.csc.refusals import in_csc

BACK = "https://app.example/back"
CLIENTS = ClientRegister(
    (CscClient(id="app", name="App", secret_digest="ab" * 32, redirect_uris=(BACK,)),)
)
RULES = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": BACK,
    "code_challenge": "A" * 43,
    "code_challenge_method": "S256",
}
HASH = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()
NAMES = st.sampled_from(
    [*RULES, "scope", "hashes", "hash", "numSignatures", "credentialID", "state"]
)
VALUES = st.one_of(
    st.sampled_from([*RULES.values(), "service", "credential", HASH, f"{HASH},{HASH}", "1", "2"]),
    st.text(max_size=60),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12))
def test_a_request_keeps_the_rules_or_is_refused(changes):
    given_ = RULES | dict(changes)
    try:
        request = read_request(list(given_.items()), CLIENTS)
    except AuthorizationRefusedError as error:
        assert error.redirect_uri == BACK
        return
    except CscError as error:
        assert error.status == 400
        return
    assert (request.client_id, request.redirect_uri) == ("app", BACK)
    assert (request.wanted is not None) is (request.scope is Scope.CREDENTIAL)
    if request.wanted is not None:
        assert 1 <= len(request.wanted.documents) <= 100
        assert all(len(one.to_be_signed) == 32 for one in request.wanted.documents)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(HASH + "="),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "credentialID", "documentDigests", "hashAlgorithmOID", "hash", "label"]
                ),
                inner | st.just("credential"),
                max_size=6,
            )
        ),
        max_leaves=12,
    )
)
def test_details_of_any_form_are_read_or_refused(details):
    asked = RULES | {"authorization_details": json.dumps([details])}
    try:
        request = read_request(list(asked.items()), CLIENTS)
    except CscError:
        return
    assert request.wanted.details == [details] or request.wanted.documents


@given(st.lists(st.text(max_size=50), max_size=4), st.booleans())
def test_hashes_are_32_bytes_or_refused(values, url_safe):
    try:
        hashes = read_hashes(values, url_safe=url_safe)
    except CscError:
        return
    assert len(hashes) == len(values)
    assert all(len(digest) == 32 for digest in hashes)


@pytest.mark.parametrize("value", [HASH, HASH + "="])
def test_base64url_may_do_without_padding(value):
    assert read_hashes([value], url_safe=True) == (bytes(32),)


def parameters(**changed):
    sha256 = {"algorithm": "sha256"}
    fields = {
        "hash_algorithm": sha256,
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256},
        "salt_length": 32,
    }
    return base64.b64encode(algos.RSASSAPSSParams(fields | changed).dump()).decode()


def test_the_salt_is_read_where_the_rest_is_sha256():
    assert _salt_of(parameters()) == 32
    assert _salt_of(parameters(salt_length=350)) == 350
    sha1 = {"algorithm": "sha1"}
    assert _salt_of(parameters(hash_algorithm=sha1)) is None
    mask = {"algorithm": "mgf1", "parameters": sha1}
    assert _salt_of(parameters(mask_gen_algorithm=mask)) is None


@given(st.binary(max_size=80))
def test_parameters_of_any_bytes_are_none_or_pss(data):
    salt = _salt_of(base64.b64encode(data).decode())
    assert salt is None or isinstance(salt, int)


@pytest.mark.parametrize(
    ("error", "word", "status"),
    [
        (InputError("x", code="activation.credential_unknown"), "invalid_request", 400),
        (InputError("x", code="activation.whatever_comes"), "invalid_request", 400),
        (InputError("x", code="factor.locked"), "invalid_request", 400),
        (InputError("x", code="factor.new"), "invalid_authentication_data", 400),
        (UpstreamError("x", code="signing.sam.unreachable"), "temporarily_unavailable", 503),
        (BusyError("x"), "temporarily_unavailable", 503),
        (InputError("x", code="signing.key.missing"), "server_error", 500),
        (EkycError("079185001234"), "server_error", 500),
    ],
)
def test_what_the_signing_side_raises_has_a_word(error, word, status):
    said = in_csc(error)
    assert (said.error, said.status) == (word, status)
    assert "079185001234" not in said.message

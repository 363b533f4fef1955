"""What strangers send, of any form: one kind of refusal, and nothing else escapes."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from starlette.requests import Request

from ekyc.api.access.configuration import load_access_settings
from ekyc.api.access.jwts import JwtError, peek_claim, read_keys, verify_jwt
from ekyc.api.access.login_profiles import load_login_profile
from ekyc.api.access.login_routes import _LOCAL
from ekyc.api.access.proxy import ProxySettings, within
from ekyc.errors import InputError

PAIR = ECKey.generate_key("P-256", parameters={"kid": "k"})
KEYS = read_keys(json.dumps({"keys": [PAIR.as_dict(private=False)]}), ["ES256"])
ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")
PROXY = ProxySettings(
    trusted=("unix",), address_header="X-Forwarded-For", certificate_header="Client-Cert"
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims, **header):
    return jws.serialize_compact({"alg": "ES256", "kid": "k"} | header, claims, PAIR)


def read_all(told):
    for name in ("iss", "exp", "aud", "nonce"):
        for reader in (told.text, told.time):
            with suppress(JwtError):
                reader(name)
    told.audiences()


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "x" * 256])
def test_a_name_that_nobody_has_is_none(desk, name):
    """No database takes a lone surrogate: whoever sent one was told of a fault of ours."""
    head = b64(b'{"alg": "ES256", "kid": "k"}')
    token = f"{head}.{b64(json.dumps({'iss': name}).encode())}.AAAA"
    desk.client("portal")
    form = desk.form("portal", client_assertion=token)
    answer = desk.ask(lambda http: http.post("/oauth2/token", data=form))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@given(
    st.text(max_size=400) | st.from_regex(r"[\w-]{0,80}\.[\w-]{0,80}\.[\w-]{0,80}", fullmatch=True)
)
def test_any_text_for_a_token(text):
    with pytest.raises(JwtError):
        verify_jwt(text, KEYS, algorithms=ALGORITHMS, typ=None)
    peek_claim(text, "iss")


@given(json_values, json_values)
def test_any_json_in_header_and_claims(header, claims):
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}.{b64(bytes(64))}"
    with pytest.raises(JwtError):
        verify_jwt(text, KEYS, algorithms=ALGORITHMS, typ=None)
    peek_claim(text, "iss")


@given(json_values | st.binary(max_size=60))
def test_any_claims_that_are_signed(claims):
    body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    with suppress(JwtError):
        read_all(verify_jwt(signed(body), KEYS, algorithms=ALGORITHMS, typ=None))


@pytest.mark.parametrize("deep", ["[" * 2000 + "]" * 2000, '{"a":' * 1200 + "1" + "}" * 1200])
def test_deep_claims(deep):
    token = signed(deep.encode())
    with pytest.raises(JwtError):
        read_all(verify_jwt(token, KEYS, algorithms=ALGORITHMS, typ=None))
    peek_claim(token, "iss")


@given(json_values, st.text(max_size=200))
def test_any_set_of_keys(value, text):
    for one in (
        text,
        json.dumps(value),
        json.dumps({"keys": value}),
        json.dumps({"keys": [value]}),
    ):
        with pytest.raises(JwtError):
            read_keys(one, ALGORITHMS)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # the weak key is meant
def test_weak_twin_and_private_keys_are_no_set():
    weak = RSAKey.generate_key(1024, parameters={"kid": "weak"}, private=True)
    sets = (
        [weak.as_dict(private=False)],
        [PAIR.as_dict(private=False)] * 2,
        [PAIR.as_dict(private=True)],
        [PAIR.as_dict(private=False) | {"use": "enc"}],
        [PAIR.as_dict(private=False) | {"alg": "ES384"}],
        [PAIR.as_dict(private=False)] * 21,
    )
    for keys in sets:
        with pytest.raises(JwtError):
            read_keys(json.dumps({"keys": keys}), ALGORITHMS)
    with pytest.raises(JwtError):
        read_keys(" " * 70_000, ALGORITHMS)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_key_is_for_its_own_algorithm():
    for algorithm in ("HS256", "ES384", "none"):
        with pytest.raises(JwtError):
            verify_jwt(signed(b"{}"), KEYS, algorithms=[algorithm], typ=None)


@given(st.binary(max_size=120), st.binary(max_size=120))
def test_any_header_of_a_proxy(address, certificate):
    headers = [(b"x-forwarded-for", address), (b"client-cert", certificate)]
    request = Request({"type": "http", "headers": headers, "client": None})
    found = PROXY.address_of(request)
    assert found is None or within(found, ("0.0.0.0/0", "::/0"))
    thumb = PROXY.thumbprint_of(request)
    assert thumb is None or len(thumb) == 43


@given(st.text(max_size=60))
def test_a_path_here_is_a_path_here(place):
    """Whatever is let through leads to this host, by the rules of browsers (WHATWG URL)."""
    if _LOCAL.match(place):
        assert place.startswith("/")
        assert not place.startswith("//")
        assert not set(place) & set('\\\t\r\n #<>"')


def test_a_configuration_is_read_to_its_end_or_refused(tmp_path):
    """Cut at the bound it would read as one that forbids nothing to agents."""
    file = tmp_path / "access.toml"
    head = 'schema = "ekyc.access/1"\nissuer = "https://ekyc.example.vn"\n'
    tail = '[agents]\nforbidden_procedures = ["marriage-registration"]\n'
    file.write_text(f"{head}{tail}")
    assert load_access_settings(file, {}).no_agents == {"marriage-registration"}
    file.write_text(f"{head}{'# so' * (16 << 10)}\n{tail}")
    with pytest.raises(InputError) as caught:
        load_access_settings(file, {})
    assert (caught.value.code, caught.value.subject) == ("access.config", "access.toml")


@settings(max_examples=40)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_file_for_a_configuration(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(data)
    for load in (load_access_settings, load_login_profile):
        with pytest.raises(InputError) as caught:
            load(file, {})
        assert caught.value.code == "access.config"

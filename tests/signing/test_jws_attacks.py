"""Attacks on signatures over JSON: nothing is negotiated, fetched, or read in two ways. Each refusal has its reason."""

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from signing_pilot import EC, RSA, Pilot

from ekyc import base64url
from ekyc.errors import EkycError
from ekyc.outcomes import Outcome
from ekyc.signing import Level, inspect_jws
from ekyc.signing.credentials import jose
from ekyc.signing.credentials.keys import CredentialKey
from ekyc.signing.formats.jades import MAX_JWS_BYTES, sign_json
from ekyc.signing.signatory import public_key_der_of

JSON = '{"tên":"Nguyễn Thị Mẫu","số":1}'.encode()


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def parties(pilot):
    return {kind: pilot.party("citizen", "Mẫu", algorithm=kind) for kind in (EC, RSA)}


@pytest.fixture(scope="module")
def party(parties):
    return parties[EC]


@pytest.fixture(scope="module")
def signed(party):
    return json.loads(sign_json(JSON, party, level=Level.B_B))


@pytest.fixture
def judge(pilot):
    def judged(data):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        lists = pilot.ca.material().crls
        return inspect_jws(data, anchors=pilot.anchors, crls=lists, clock=pilot.clock)

    return judged


def reasons(report):
    return report.problems[0].reasons if report.problems else report.signatures[0].checks[0].reasons


def sealed(party, header, payload=JSON):
    """A JWS of the signer's own key over any header."""
    protected = header if isinstance(header, str) else base64url.encode(json.dumps(header).encode())
    body = base64url.encode(payload)
    value = party.signer.key.sign_digest(hashlib.sha256(f"{protected}.{body}".encode()).digest())
    if party.signer.key.algorithm is EC:
        value = b"".join(number.to_bytes(32) for number in decode_dss_signature(value))
    return {"protected": protected, "payload": body, "signature": base64url.encode(value)}


def header_of(signed):
    return json.loads(base64url.decode(signed["protected"]))


def test_what_the_forger_starts_from_passes(judge, party, signed):
    assert judge(signed).outcome is Outcome.PASSED
    assert judge(sealed(party, header_of(signed))).outcome is Outcome.PASSED


HEADERS = {
    "jku": ({"jku": "https://attacker.example/keys"}, "jws_header"),
    "x5u": ({"x5u": "https://attacker.example/chain.pem"}, "jws_header"),
    "jwk": ({"jwk": {"kty": "EC"}}, "jws_header"),
    "x5t of SHA-1": ({"x5t": "AAAA"}, "jws_header"),
    "crit, unknown": ({"crit": ["exp"], "exp": 1}, "jws_header"),
    "crit, known": ({"crit": ["sigT"], "sigT": "2026-01-01T00:00:00Z"}, "jws_header"),
    "crit, empty": ({"crit": []}, "jws_header"),
    "payload not encoded": ({"b64": False, "crit": ["b64"]}, "jws_header"),
    "payload not encoded, not critical": ({"b64": False}, "jws_header"),
    "compressed": ({"zip": "DEF"}, "jws_header"),
    "encrypted": ({"enc": "A128GCM"}, "jws_header"),
    "objects elsewhere": ({"sigD": {"mId": "x", "pars": ["file:///etc/hostname"]}}, "jws_header"),
    "a token inside": ({"cty": "JWT"}, "jws_header"),
    "a signature inside": ({"cty": "jose+json"}, "jws_header"),
    "a token": ({"typ": "JWT"}, "jws_header"),
    "activation data": ({"typ": "ekyc-sad+jwt"}, "jws_header"),
    "chain is a text": ({"x5c": "AAAA"}, "jws_header"),
    "no chain": ({"x5c": []}, "jws_header"),
    "chain of a hundred": ({"x5c": ["AAAA"] * 100}, "jws_header"),
    "no certificate bound": ({"x5t#S256": None}, "jws_header"),
    "another certificate bound": ({"x5t#S256": base64url.encode(bytes(32))}, "certificate_unbound"),
    "algorithms to choose": ({"alg": ["ES256", "none"]}, "jws_header"),
    "none": ({"alg": "none"}, "jws_algorithm"),
    "None": ({"alg": "nOnE"}, "jws_algorithm"),
    "empty": ({"alg": ""}, "jws_algorithm"),
    "HMAC": ({"alg": "HS256"}, "jws_algorithm"),
    "PKCS 1.5": ({"alg": "RS256"}, "jws_algorithm"),
    "PSS": ({"alg": "PS256"}, "jws_algorithm"),
    "longer": ({"alg": "ES384"}, "jws_algorithm"),
}


@pytest.mark.parametrize(("change", "reason"), HEADERS.values(), ids=HEADERS)
def test_another_header(judge, party, signed, change, reason):
    """The signer's own key signed each of these."""
    header = {name: value for name, value in (header_of(signed) | change).items() if value}
    if "alg" in change or "crit" in change or "b64" in change or "x5c" in change:
        header |= change
    found = judge(sealed(party, header))
    assert found.outcome is Outcome.INDETERMINATE
    assert reasons(found) == (f"signature.{reason}",)


@pytest.mark.parametrize("kind", [EC, RSA])
@pytest.mark.parametrize("form", ["der", "pem"])
def test_the_public_key_is_no_secret(judge, parties, kind, form):
    """RS256 to HS256: whoever takes the public key for the secret of an HMAC believes anybody."""
    genuine = json.loads(sign_json(JSON, parties[kind], level=Level.B_B))
    secret = public_key_der_of(parties[kind].signer.certificate_der)
    if form == "pem":
        text = base64.encodebytes(secret).decode()
        secret = f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n".encode()
    protected = base64url.encode(json.dumps(header_of(genuine) | {"alg": "HS256"}).encode())
    body = base64url.encode(JSON.replace(b"1", b"2"))
    value = hmac.digest(secret, f"{protected}.{body}".encode(), "sha256")
    found = judge({"protected": protected, "payload": body, "signature": base64url.encode(value)})
    assert reasons(found) == ("signature.jws_algorithm",)


@pytest.mark.parametrize(
    "value", [b"", bytes(64), bytes(31) + b"\1" + bytes(31) + b"\1", b"\xff" * 64]
)
def test_values_that_are_none(judge, signed, value):
    """Zero for both numbers is what broken libraries took for the signature of anything."""
    found = judge(signed | {"signature": base64url.encode(value)})
    assert found.outcome is not Outcome.PASSED
    assert reasons(found)[0] in {"signature.value_wrong", "signature.unreadable"}


def test_a_header_whose_name_stands_twice(judge, party, signed):
    text = json.dumps(header_of(signed))
    twice = text.replace("{", '{"alg":"none",', 1)
    assert reasons(judge(sealed(party, base64url.encode(twice.encode())))) == (
        "signature.jws_form",
    )


def test_a_payload_whose_name_stands_twice(judge, party, signed):
    found = judge(sealed(party, header_of(signed), b'{"a":1,"a":2}'))
    assert reasons(found) == ("signature.jws_form",)


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"NaN", b"[" * 100_000])
def test_a_payload_that_is_no_json(judge, party, signed, payload):
    assert reasons(judge(sealed(party, header_of(signed), payload))) == ("signature.jws_form",)


@pytest.mark.parametrize("count", [1, 2, 1_000])
def test_the_form_of_several_signatures(judge, signed, count):
    one = {name: signed[name] for name in ("protected", "signature")}
    found = judge({"payload": signed["payload"], "signatures": [one] * count})
    assert reasons(found) == ("signature.jws_form",)


def test_both_forms_at_once(judge, signed):
    assert reasons(judge(signed | {"signatures": []})) == ("signature.jws_form",)


def test_the_compact_form_is_not_this_one(judge, signed):
    text = ".".join(signed[name] for name in ("protected", "payload", "signature"))
    assert reasons(judge(text.encode())) == ("signature.jws_form",)


@pytest.mark.parametrize("name", ["alg", "crit", "jwk", "jku", "kid", "x5c"])
def test_nothing_else_stands_in_the_unprotected_header(judge, signed, name):
    found = judge(signed | {"header": {name: "none"}})
    assert reasons(found) == ("signature.jws_header",)


@pytest.mark.parametrize("header", [[], "x", 5, None, [["etsiU"]]])
def test_an_unprotected_header_of_another_kind(judge, signed, header):
    assert judge(signed | {"header": header}).outcome is not Outcome.PASSED or header == []


def test_padding_is_refused(judge, signed):
    found = judge(signed | {"payload": signed["payload"] + "="})
    assert found.outcome is not Outcome.PASSED


def test_too_large(judge):
    assert reasons(judge(b" " * (MAX_JWS_BYTES + 1))) == ("signature.limit",)


def test_a_credential_is_not_believed_by_the_public_key_as_a_secret(party):
    """The same confusion where results are read."""
    der = public_key_der_of(party.signer.certificate_der)
    pem = b"-----BEGIN PUBLIC KEY-----\n%s-----END PUBLIC KEY-----\n" % base64.encodebytes(der)
    key = CredentialKey.from_pem(pem)
    head = base64url.encode(json.dumps({"alg": "HS256", "kid": key.kid.hex(), "typ": "t"}).encode())
    body = base64url.encode(b"{}")
    value = base64url.encode(hmac.digest(der, f"{head}.{body}".encode(), "sha256"))
    with pytest.raises(EkycError) as caught:
        jose.read(f"{head}.{body}.{value}", typ="t", most=4096).verify(key)
    assert caught.value.code == "credential.algorithm"

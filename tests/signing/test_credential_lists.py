"""Status lists and trust lists: the draft's examples, both forms, bad input, and what no key may do."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

import pytest
from credential_desk import DAY, ISSUER, LIST, NOW, Registry, ec_signer, trusted
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, LimitError, TrustError
from ekyc.signing.credentials import (
    Ed25519Signer,
    KeyUse,
    StatusArray,
    StatusList,
    base64url,
    cbor,
    cose,
    encode_cwt,
    encode_jwt,
    encode_trust_list,
    jose,
    read_status_list,
    read_trust_list,
)

SIGNER = Ed25519Signer.generate()


def status_list(**changes):
    facts = {
        "uri": LIST,
        "issued_at": NOW,
        "expires_at": NOW + 7 * DAY,
        "ttl": DAY,
        "statuses": StatusArray(bits=1, data=b"\xb9\xa3"),
    }
    return StatusList(**{**facts, **changes})


# --- examples of draft-ietf-oauth-status-list ------------------------------------------------------------------------

ONE_BIT = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
TWO_BITS = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("bits", "statuses", "packed"),
    [(1, ONE_BIT, "78dadbb918000217015d"), (2, TWO_BITS, "78da3be9f2130003df0207")],
)
def test_the_arrays_of_section_4_1(bits, statuses, packed):
    built = StatusArray.build(len(statuses), bits, enumerate(statuses))
    assert built.packed().hex() == packed
    read = StatusArray.unpacked(bits, bytes.fromhex(packed))
    assert [read.at(index) for index in range(len(statuses))] == statuses


CWT_OF_SECTION_5_2 = bytes.fromhex(
    "d2845820a2012610781a6170706c69636174696f6e2f7374617475736c6973742b63"
    "7774a1044231325850a502782168747470733a2f2f6578616d706c652e636f6d2f73"
    "74617475736c697374732f31061a648c5bea041a8898dfea19fffe19a8c019fffda2"
    "646269747301636c73744a78dadbb918000217015d584093fa4d01032b18c35e2fe1"
    "101b77fd6cc9440022caa4694450c4e4e9feab4e99d1fa6d9772ce2bf3a12e0323de"
    "d7c982c5e101a5e67f0cbc1e2b6f57ce99c279"
)


def test_our_claims_are_those_of_the_example_of_section_5_2():
    listed = status_list(
        uri="https://example.com/statuslists/1",
        issued_at=datetime.fromtimestamp(1686920170, UTC),
        expires_at=datetime.fromtimestamp(2291720170, UTC),
        ttl=timedelta(seconds=43200),
    )
    ours = cbor.decode(cbor.decode(encode_cwt(listed, signer=SIGNER)).value[2])
    # The example does not order its keys as RFC 8949 §4.2.1 does, so only its strings are taken from it.
    message = CWT_OF_SECTION_5_2
    payload = message[message.index(b"\x58\x50") + 2 : message.index(b"\x58\x40")]
    assert payload[0] == 0xA5
    for key, value in ours.items():
        entry = cbor.encode(key) + cbor.encode(value)
        assert entry in payload or key == 65533
    assert bytes.fromhex("636c73744a78dadbb918000217015d") in cbor.encode(ours[65533])


def test_the_jwt_of_section_8_is_read():
    text = (
        "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEyIiwidHlwIjoic3RhdHVzbGlzdCtqd3QifQ.e"
        "yJleHAiOjIyOTE3MjAxNzAsImlhdCI6MTY4NjkyMDE3MCwiaXNzIjoiaHR0cHM6Ly9le"
        "GFtcGxlLmNvbSIsInN0YXR1c19saXN0Ijp7ImJpdHMiOjEsImxzdCI6ImVOcmJ1UmdBQ"
        "WhjQlhRIn0sInN1YiI6Imh0dHBzOi8vZXhhbXBsZS5jb20vc3RhdHVzbGlzdHMvMSIsI"
        "nR0bCI6NDMyMDB9.2lKUUNG503R9htu4aHAYi7vjmr3sgApbfoDvPrl65N3URUO1EYqq"
        "Ql45Jfzd-Av4QzlKa3oVALpLwOEUOq-U_g"
    )
    read = read_status_list(text.encode())
    assert (read.uri, read.kid) == ("https://example.com/statuslists/1", b"\x12")


# --- arrays ---------------------------------------------------------------------------------------------------------


@given(
    st.sampled_from([1, 2, 4, 8]),
    st.dictionaries(st.integers(0, 999), st.integers(0, 255), max_size=50),
)
def test_what_was_set_is_found(bits, wanted):
    wanted = {index: status % (1 << bits) for index, status in wanted.items()}
    array = StatusArray.unpacked(bits, StatusArray.build(1000, bits, wanted.items()).packed())
    assert all(array.at(index) == wanted.get(index, 0) for index in range(1000))


@pytest.mark.parametrize("index", [-1, 16, 1 << 31])
def test_an_index_outside_says_nothing(index):
    with pytest.raises(InputError) as caught:
        StatusArray(bits=1, data=b"\0\0").at(index)
    assert caught.value.code == "credential.status_index"


@pytest.mark.parametrize(("index", "status"), [(8, 1), (-1, 1), (0, 2), (0, -1)])
def test_what_cannot_be_set(index, status):
    with pytest.raises(InputError):
        StatusArray.build(8, 1, [(index, status)])


@pytest.mark.parametrize("bits", [0, 3, 16, -1])
def test_widths_that_the_draft_does_not_know(bits):
    with pytest.raises(InputError):
        StatusArray(bits=bits, data=b"")
    with pytest.raises(InputError):
        StatusArray.build(8, bits, [])


# --- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encode", [encode_cwt, encode_jwt])
@pytest.mark.parametrize("signer", [SIGNER, ec_signer()])
@pytest.mark.parametrize("changes", [{}, {"expires_at": None}, {"ttl": None, "expires_at": None}])
def test_both_forms_there_and_back(encode, signer, changes):
    listed = status_list(**changes)
    data = encode(listed, signer=signer)
    read = read_status_list(data if isinstance(data, bytes) else data.encode())
    assert read.verify(signer.public) == listed
    with pytest.raises(TrustError):
        read.verify(ec_signer().public)


def test_freshness():
    assert status_list().fresh_until() == NOW + DAY
    assert status_list(ttl=None).fresh_until() == NOW + DAY
    assert status_list(ttl=30 * DAY).fresh_until() == NOW + 7 * DAY
    assert status_list().fresh_until(max_age=3 * DAY) == NOW + 3 * DAY
    assert status_list().fresh_until(max_age=30 * DAY) == NOW + 7 * DAY
    assert status_list().fresh_until(max_age=DAY / 24) == NOW + DAY / 24


def test_a_bomb_is_unpacked_only_for_its_signer_and_only_to_the_bound():
    bomb = {"bits": 1, "lst": zlib.compress(bytes(64 << 20), 9)}
    payload = cbor.encode({2: LIST, 6: 1_800_000_000, 65533: bomb})
    read = read_status_list(cose.sign1(payload, signer=SIGNER, typ="application/statuslist+cwt"))
    with pytest.raises(TrustError):
        read.verify(ec_signer().public)
    with pytest.raises(LimitError):
        read.verify(SIGNER.public)


def signed_claims(**changes):
    claims = {2: LIST, 6: 1_800_000_000, 65533: {"bits": 1, "lst": zlib.compress(b"\0")}}
    for key, value in changes.items():
        claims[int(key[1:])] = value
    payload = cbor.encode({key: value for key, value in claims.items() if value is not None})
    return cose.sign1(payload, signer=SIGNER, typ="application/statuslist+cwt")


@pytest.mark.parametrize(
    "changes",
    [
        {"c2": None},
        {"c6": None},
        {"c65533": None},
        {"c2": "http://example.com/1"},
        {"c3": "audience"},
        {"c6": -1},
        {"c4": 1_800_000_000},
        {"c4": "never"},
        {"c65534": 0},
        {"c65534": 1 << 40},
        {"c65533": {"bits": 1}},
        {"c65533": {"bits": 1, "lst": "text"}},
        {"c65533": {"bits": True, "lst": b""}},
    ],
)
def test_claims_of_a_list_that_are_refused(changes):
    read_status_list(signed_claims())
    with pytest.raises(InputError):
        read_status_list(signed_claims(**changes)).verify(SIGNER.public)


@pytest.mark.parametrize(
    "changes",
    [
        {"c65533": {"bits": 3, "lst": zlib.compress(b"\0")}},
        {"c65533": {"bits": 1, "lst": b"\0"}},
        {"c65533": {"bits": 1, "lst": zlib.compress(b"\0") + b"\0"}},
    ],
)
def test_arrays_that_are_refused_once_signed(changes):
    with pytest.raises(InputError):
        read_status_list(signed_claims(**changes)).verify(SIGNER.public)


def header(**changes):
    return {"alg": "Ed25519", "kid": SIGNER.public.kid.hex(), "typ": "statuslist+jwt"} | changes


def jwt(head, claims, *, signature=None):
    text = ".".join(base64url.encode(jose.canonical_json(part)) for part in (head, claims))
    return f"{text}.{base64url.encode(signature or SIGNER.sign(text.encode()))}".encode()


SOUND = {"sub": LIST, "iat": 1_800_000_000, "status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}}


def test_the_jwt_of_the_helper_is_sound():
    assert read_status_list(jwt(header(), SOUND)).verify(SIGNER.public).statuses.at(0) == 1


@pytest.mark.parametrize(
    "head",
    [
        header(typ="JWT"),
        header(typ="ekyc-trust-list+jwt"),
        header(crit=["exp"], exp=1),
        header(crit=[]),
        header(jku="https://attacker.example/keys"),
        header(jwk=SIGNER.public.as_jwk()),
        header(x5c=["AAAA"]),
        header(b64=False),
        header(kid=5),
        header(kid="XY"),
        header(kid=""),
        header(alg=None),
        {"alg": "Ed25519", "typ": "statuslist+jwt"},
        [],
    ],
)
def test_headers_that_are_refused_before_a_key_is_looked_at(head):
    with pytest.raises(InputError):
        read_status_list(jwt(head, SOUND))


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "EdDSA", "RS256", "PS256", ""])
def test_the_key_chooses_the_algorithm(alg):
    with pytest.raises(TrustError) as caught:
        read_status_list(jwt(header(alg=alg), SOUND)).verify(SIGNER.public)
    assert caught.value.code == "credential.algorithm"


@pytest.mark.parametrize(
    "claims",
    [
        SOUND | {"iat": 1.5},
        SOUND | {"iat": True},
        SOUND | {"iat": "1800000000"},
        SOUND | {"nbf": 1},
        SOUND | {"status_list": {"bits": 1}},
        SOUND | {"status_list": {"bits": 1, "lst": "e=="}},
        SOUND | {"status_list": []},
        {},
    ],
)
def test_claims_of_a_jwt_that_are_refused(claims):
    with pytest.raises(InputError):
        read_status_list(jwt(header(), claims))


def test_a_name_twice_and_numbers_without_end():
    for body in (
        b'{"sub":"https://a/1","sub":"https://a/2","iat":1,"status_list":{}}',
        b'{"iat":' + b"9" * 100_000 + b"}",
        b'{"iat":NaN}',
        b"[" * 100_000,
    ):
        text = f"{base64url.encode(jose.canonical_json(header()))}.{base64url.encode(body)}.AAAA"
        with pytest.raises(InputError):
            read_status_list(text.encode())


def test_another_spelling_of_the_same_token():
    good = jwt(header(), SOUND).decode()
    for bad in (good + "=", good + "\n.", good.replace(".", " .", 1), good.swapcase()):
        with pytest.raises(InputError):
            read_status_list(bad.encode())


def test_a_list_larger_than_any():
    with pytest.raises(LimitError):
        read_status_list(bytes((4 << 20) + 1))


# --- the trust list ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry():
    return Registry()


def test_a_trust_list_there_and_back(registry):
    read = read_trust_list(registry.signed_trust_list())
    assert read.verify(registry.operator.public) == registry.trust_list()
    with pytest.raises(TrustError):
        read.verify(registry.neighbour.public)


def test_a_lost_key_is_listed_with_its_day(registry):
    keys = (trusted(registry.signer, compromised_at=NOW), *registry.keys()[1:])
    read = read_trust_list(registry.signed_trust_list(keys=keys))
    assert read.claimed.issuer(ISSUER).keys[0].compromised_at == NOW


def test_one_key_belongs_to_one_issuer(registry):
    with pytest.raises(InputError):
        registry.trust_list(keys=(trusted(registry.neighbour),))


def altered(registry, **changes):
    claims = read_trust_list(registry.signed_trust_list()).message.claims
    issuer = claims["issuers"][0]
    for name, value in changes.items():
        where = (
            issuer["keys"][0]
            if name.startswith("k_")
            else issuer
            if name.startswith("i_")
            else claims
        )
        where[name[2:] if name[1] == "_" else name] = value
    return jose.sign(claims, signer=registry.operator, typ="ekyc-trust-list+jwt")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": 5},
        {"iss": "operator"},
        {"iat": "now"},
        {"exp": 1},
        {"number": True},
        {"issuers": []},
        {"issuers": {}},
        {"further": 1},
        {"i_id": "http://a"},
        {"i_name_vi": ""},
        {"i_name_en": "x" * 121},
        {"i_name_en": "a\x1b[2Jb"},
        {"i_name_vi": "a\u202eb"},
        {"i_keys": []},
        {"i_further": 1},
        {"k_jwk": {}},
        {"k_uses": []},
        {"k_uses": ["everything"]},
        {"k_uses": "result"},
        {"k_until": 1},
        {"k_from": 1.5},
        {"k_compromised": True},
        {"k_further": 1},
    ],
    ids=str,
)
def test_trust_lists_that_are_refused(registry, changes):
    with pytest.raises(InputError):
        read_trust_list(altered(registry, **changes))


def test_a_status_list_is_no_trust_list(registry):
    with pytest.raises(InputError):
        read_trust_list(encode_jwt(status_list(), signer=registry.operator))
    with pytest.raises(InputError):
        read_status_list(registry.signed_trust_list().encode())


def test_uses_are_named():
    assert {use.value for use in KeyUse} == {"result", "status"}
    signer = ec_signer()
    assert encode_trust_list(Registry().trust_list(), signer=signer).count(".") == 2

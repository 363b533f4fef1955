"""SD-JWT VC: selective disclosure, holder binding, the RFC's example, and what must not be believed."""

from __future__ import annotations

import pytest
from credential_desk import BIRTH, DAY, ISSUER, NOW, ec_signer, result
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from ekyc.errors import InputError, LimitError, TrustError
from ekyc.ports import SystemRandom
from ekyc.signing.credentials import Ed25519Signer, base64url, jose, sd_jwt

ISSUER_KEY, HOLDER, THIEF = ec_signer(), ec_signer(), ec_signer()
VERIFIER = "https://ngan-hang.mau.vn"
NONCE = "n-0S6_WzA2Mj"
ISSUED = sd_jwt.issue(result(), signer=ISSUER_KEY, holder_key=HOLDER.public, random=SystemRandom())


def presented(names=("full_name", "birth_date"), **changes):
    facts = {"holder": HOLDER, "audience": VERIFIER, "nonce": NONCE, "at": NOW}
    return sd_jwt.present(changes.pop("text", ISSUED), names, **{**facts, **changes})


def verify(text, key=ISSUER_KEY, **changes):
    asked = {"audience": VERIFIER, "nonce": NONCE, "at": NOW, **changes}
    return sd_jwt.read_presentation(text).verify(key.public, **asked)


@pytest.mark.parametrize("signer", [ec_signer(), Ed25519Signer.generate()])
@pytest.mark.parametrize("holder", [ec_signer(), Ed25519Signer.generate()])
def test_the_verifier_sees_what_the_holder_shows_and_no_more(signer, holder):
    issued = sd_jwt.issue(result(), signer=signer, holder_key=holder.public, random=SystemRandom())
    found = verify(presented(text=issued, holder=holder), key=signer)
    assert found.values == {name: BIRTH[name] for name in ("full_name", "birth_date")}
    assert found.issuer == ISSUER
    assert found.id == result().id
    text = presented(names=(), text=issued, holder=holder)
    assert verify(text, key=signer).values == {}
    assert "Mẫu" not in repr(sd_jwt.read_presentation(presented()))


def test_another_implementation_takes_our_signature():
    token = ISSUED.partition("~")[0]
    key = ECKey.import_key(ISSUER_KEY.public.as_jwk())
    found = jws.deserialize_compact(token, key, algorithms=["ES256"])
    assert found.headers()["typ"] == "dc+sd-jwt"
    assert b"full_name" not in found.payload
    assert "Mẫu".encode() not in found.payload


def test_the_disclosure_of_rfc_9901_section_4_2_3():
    disclosure = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert sd_jwt.digest_of(disclosure) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    assert sd_jwt._read_disclosure(disclosure) == ("family_name", "Möbius")


def test_salts_are_fresh_and_long():
    other = sd_jwt.issue(
        result(), signer=ISSUER_KEY, holder_key=HOLDER.public, random=SystemRandom()
    )
    assert not set(other.split("~")[1:-1]) & set(ISSUED.split("~")[1:-1])
    salts = {jose.read_json(base64url.decode(one))[0] for one in ISSUED.split("~")[1:-1]}
    assert len(salts) == 12
    assert all(len(base64url.decode(salt)) == 16 for salt in salts)


# --- as an attacker -----------------------------------------------------------------------------------------------


def unproven(text, **changes):
    with pytest.raises(TrustError) as caught:
        verify(text, **changes)
    return caught.value.code


def test_stolen_without_the_key():
    assert unproven(ISSUED) == "credential.holder_unproven"
    assert unproven(presented(holder=THIEF)) == "credential.signature_wrong"


def test_replayed_to_another_verifier_later_or_for_another_nonce():
    text = presented()
    assert unproven(text, audience="https://khac.vn") == "credential.holder_unproven"
    assert unproven(text, nonce="another") == "credential.holder_unproven"
    assert unproven(text, at=NOW + DAY) == "credential.holder_unproven"
    assert unproven(text, at=NOW - DAY) == "credential.holder_unproven"


def test_a_field_added_or_taken_away_after_the_holder_signed():
    parts = presented().split("~")
    extra = next(one for one in ISSUED.split("~")[1:-1] if one not in parts)
    assert unproven("~".join((*parts[:-1], extra, parts[-1]))) == "credential.holder_unproven"
    assert unproven("~".join((parts[0], *parts[2:]))) == "credential.holder_unproven"
    assert (
        unproven("~".join((parts[0], parts[2], parts[1], parts[3]))) == "credential.holder_unproven"
    )


def test_the_key_binding_of_another_presentation():
    first, second = presented(), presented(names=("sex",))
    swapped = first.rpartition("~")[0] + "~" + second.rpartition("~")[2]
    assert unproven(swapped) == "credential.holder_unproven"


def test_signed_by_somebody_else():
    assert unproven(presented(), key=ec_signer()) == "credential.signature_wrong"
    assert unproven(presented(), key=Ed25519Signer.generate()) == "credential.algorithm"


def forged(*disclosures, binding=""):
    token = ISSUED.partition("~")[0]
    encoded = [base64url.encode(jose.json.dumps(one).encode()) for one in disclosures]
    return "~".join((token, *encoded, binding))


@pytest.mark.parametrize(
    "text",
    [
        forged(["salt", "full_name", "Trần Văn Giả"]),
        forged(["salt", "iss", "https://attacker.vn"]),
        forged(["salt", "_sd", []]),
        forged(["salt", "..."]),
        forged("text"),
        ISSUED.replace("~", "~~", 1),
        "~".join((*ISSUED.split("~")[:2], *ISSUED.split("~")[1:2], "")),
        ISSUED.partition("~")[0],
        "~",
        "",
        ISSUED.partition("~")[2],
    ],
)
def test_disclosures_that_nobody_committed_to(text):
    with pytest.raises(InputError):
        sd_jwt.read_presentation(text)


def resigned(typ="dc+sd-jwt", **changes):
    claims = dict(sd_jwt.read_presentation(ISSUED).message.claims)
    for name, value in changes.items():
        claims[name.removeprefix("c")] = value
    claims = {name: value for name, value in claims.items() if value is not None}
    return jose.sign(claims, signer=ISSUER_KEY, typ=typ) + "~"


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "JWT"},
        {"typ": "vc+sd-jwt"},
        {"ccnf": None},
        {"ccnf": {"jwk": {}}},
        {"ccnf": {"kid": "x"}},
        {"ccnf": {"jwk": {"kty": "oct", "k": "AAAA"}}},
        {"c_sd_alg": "md5"},
        {"c_sd_alg": None},
        {"c_sd": [5]},
        {"c_sd": ["a", "a"]},
        {"c_sd": ["a"] * 65},
        {"cvct": "urn:ekyc-vn:result:birth-extract:2"},
        {"cjti": "00"},
        {"cjti": "AB" * 16},
        {"cstatus": None},
        {"cstatus": {"status_list": {"idx": True, "uri": ISSUER}}},
        {"cexp": 1},
        {"cfull_name": "stands in the JWT itself"},
        {"c...": "x"},
    ],
    ids=str,
)
def test_what_is_signed_and_still_refused(changes):
    sd_jwt.read_presentation(resigned())
    with pytest.raises(InputError):
        sd_jwt.read_presentation(resigned(**changes))


def test_bounds():
    with pytest.raises(LimitError):
        sd_jwt.read_presentation("a" * (65 << 10))
    with pytest.raises(LimitError):
        sd_jwt.read_presentation(ISSUED + "~" * 100)


@given(at=st.integers(0, 1 << 16), by=st.integers(1, 127))
def test_no_character_can_be_changed(at, by):
    text = presented()
    at %= len(text)
    changed = text[:at] + chr((ord(text[at]) + by) % 128) + text[at + 1 :]
    with pytest.raises((InputError, TrustError)):
        verify(changed)


def test_a_field_that_is_not_there_cannot_be_shown():
    with pytest.raises(InputError):
        presented(names=("id_number",))
    with pytest.raises(InputError):
        presented(text=presented())

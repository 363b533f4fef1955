"""The QR code: size, form, the standards' examples, and everything that must not be read."""

from __future__ import annotations

import dataclasses

import pytest
from credential_desk import BIRTH, ISSUER, NOW, SAMPLES, Registry, ec_signer, result
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import EkycError, InputError, LimitError, TrustError
from ekyc.signing.credentials import (
    CredentialKey,
    Ed25519Signer,
    StatusReference,
    base45,
    base64url,
    cbor,
    cose,
    encode_result,
    packing,
    read_result,
    schema_of,
    schemas,
)
from ekyc.signing.credentials import result as results

SIGNERS = {"ES256": ec_signer(), "EdDSA": Ed25519Signer.generate()}


@pytest.fixture(scope="module", params=SIGNERS)
def signer(request):
    return SIGNERS[request.param]


@pytest.mark.parametrize("procedure", SAMPLES)
def test_there_and_back(signer, procedure):
    stated = result(schema=schema_of(procedure), values=SAMPLES[procedure])
    read = read_result(encode_result(stated, signer=signer))
    assert read.message.kid == signer.public.kid
    assert read.verify(signer.public) == stated


def test_every_schema_has_a_sample():
    assert set(SAMPLES) == set(schemas())


def test_a_birth_extract_with_all_twelve_fields_fits_520_characters(signer):
    assert len(BIRTH) == len(schema_of("birth-extract").fields) == 12
    assert len(encode_result(result(), signer=signer)) <= 520


def test_the_text_is_of_the_alphanumeric_alphabet(signer):
    text = encode_result(result(), signer=signer)
    assert text.startswith("EKYC1:")
    assert set(text) <= set(base45.ALPHABET)


def test_nothing_of_a_person_shows(signer):
    read = read_result(encode_result(result(), signer=signer))
    for shown in (repr(read), repr(read.claimed), repr(read.message)):
        assert "Mẫu" not in shown


@given(
    st.text(max_size=200) | st.text(base45.ALPHABET, max_size=400).map(lambda text: f"EKYC1:{text}")
)
def test_any_text_is_read_or_refused_with_a_code(text):
    try:
        read_result(text)
    except InputError as error:
        assert error.code.startswith("credential.")


@given(at=st.integers(0, 10_000), to=st.sampled_from(base45.ALPHABET))
def test_no_character_can_be_changed(at, to):
    signer = SIGNERS["EdDSA"]
    text = encode_result(result(), signer=signer)
    at %= len(text)
    if text[at] == to:
        return
    with pytest.raises(EkycError) as caught:
        read_result(text[:at] + to + text[at + 1 :]).verify(signer.public)
    assert caught.value.code.startswith("credential.")


def test_cut_off_anywhere(signer):
    text = encode_result(result(), signer=signer)
    for end in range(len(text)):
        with pytest.raises(InputError):
            read_result(text[:end])


def test_a_text_longer_than_any_qr_code():
    with pytest.raises(LimitError):
        read_result("EKYC1:" + "0" * 4296)


@pytest.mark.parametrize("prefix", ["", "EKYC2:", "HC1:", "ekyc1:", " EKYC1:"])
def test_another_prefix(prefix):
    text = encode_result(result(), signer=SIGNERS["EdDSA"])
    with pytest.raises(InputError) as caught:
        read_result(prefix + text.removeprefix("EKYC1:"))
    assert caught.value.code == "credential.prefix"


# --- what the claims must be -------------------------------------------------------------------------------------


def packed(claims, *, signer=SIGNERS["EdDSA"], payload=None, **options):
    message = cose.sign1(payload or cbor.encode(claims), signer=signer, **options)
    return "EKYC1:" + base45.encode(packing.pack(message))


def claims(**changes):
    stated = results._claims(result())
    for key, value in changes.items():
        number = int(key.removeprefix("c").replace("m", "-"))
        if value is None:
            del stated[number]
        else:
            stated[number] = value
    return stated


def test_the_claims_of_the_helper_are_sound():
    assert read_result(packed(claims())).claimed == result()


BAD_CLAIMS = {
    "without issuer": {"c1": None},
    "without expiry": {"c4": None},
    "without id": {"c7": None},
    "without status": {"c65535": None},
    "without fields": {"cm65537": None},
    "a further claim": {"c3": "audience"},
    "issuer is a number": {"c1": 5},
    "issuer over http": {"c1": "http://ketqua.mau.gov.vn"},
    "issuer with a user": {"c1": "https://a@mau.gov.vn"},
    "issuer in capitals": {"c1": "https://KETQUA.mau.gov.vn"},
    "a name as subject": {"c2": "Nguyễn Thị Bích Mẫu"},
    "expiry is a text": {"c4": "2027"},
    "expiry is true": {"c4": True},
    "expires before it is issued": {"c4": 1},
    "issued before 1970": {"c6": -1},
    "issued after the year 9999": {"c6": 1 << 40, "c4": (1 << 40) + 1},
    "id of 15 bytes": {"c7": bytes(15)},
    "status by another mechanism": {"c65535": {"crl": {}}},
    "status of two mechanisms": {
        "c65535": {"status_list": {"idx": 1, "uri": f"{ISSUER}/a"}, "x": {}}
    },
    "negative index": {"c65535": {"status_list": {"idx": -1, "uri": f"{ISSUER}/a"}}},
    "index beyond 32 bits": {"c65535": {"status_list": {"idx": 1 << 32, "uri": f"{ISSUER}/a"}}},
    "script as address": {"c65535": {"status_list": {"idx": 1, "uri": "javascript:alert(1)"}}},
    "fields in a map": {"cm65537": {1: 1}},
    "an unknown schema": {"cm65537": (99, 1, {})},
    "an unknown version": {"cm65537": (1, 2, {})},
    "no fields": {"cm65537": (1, 1, {})},
    "a fourth part": {"cm65537": (1, 1, {}, 0)},
}


@pytest.mark.parametrize("changes", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_claims_that_are_signed_and_still_refused(changes):
    with pytest.raises(InputError) as caught:
        read_result(packed(claims(**changes)))
    assert caught.value.code.startswith("credential.")


def wire(**changes):
    number, version, fields = results._claims(result())[-65537]
    fields = {**fields, **{int(key[1:]): value for key, value in changes.items()}}
    return {"cm65537": (number, version, {k: v for k, v in fields.items() if v is not None})}


BAD_FIELDS = {
    "without the name": {"f1": None},
    "a field too many": {"f13": "x"},
    "an empty name": {"f1": ""},
    "a name of 81 characters": {"f1": "x" * 81},
    "a decomposed name": {"f1": "Nguyê\u0303n"},
    "a name with a line break": {"f1": "a\nb"},
    "a name that turns around": {"f1": "a\u202eb"},
    "a name that ends with a space": {"f1": "a "},
    "a name with a no-break space": {"f1": "a\u00a0b"},
    "a name of bytes": {"f1": b"abc"},
    "the 30th of February": {"f2": 20190230},
    "a day without a month": {"f2": 20190015},
    "a date of text": {"f2": "2019-08-15"},
    "a date that is true": {"f2": True},
    "year nought": {"f2": 115},
    "a date of nine digits": {"f2": 120190815},
    "another sex": {"f3": 3},
    "a sex that is true": {"f3": True},
    "a country of two letters": {"f5": "VN"},
    "a number with markup": {"f10": "<b>"},
}


@pytest.mark.parametrize("changes", BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_fields_that_are_signed_and_still_refused(changes):
    with pytest.raises(InputError) as caught:
        read_result(packed(claims(**wire(**changes))))
    assert caught.value.code in {"credential.field", "credential.cbor"}


def test_optional_fields_may_be_missing_and_dates_may_be_partial():
    stated = result(
        values={k: v for k, v in BIRTH.items() if k != "father_name"} | {"birth_date": "1951"}
    )
    read = read_result(packed(results._claims(stated)))
    assert "father_name" not in read.claimed.values
    assert read.claimed.values["birth_date"] == "1951"
    shown = dict(read.claimed.schema.describe(read.claimed.values))
    assert shown["Ngày đăng ký khai sinh"] == "28/08/2019"
    assert shown["Giới tính"] == "Nữ"


@pytest.mark.parametrize(
    ("procedure", "change"),
    [
        ("birth-extract", {"birth_date": "15/08/2019"}),
        ("birth-extract", {"birth_date": "2019-8-15"}),
        ("birth-extract", {"birth_date": "２０１９"}),
        ("birth-extract", {"sex": "f"}),
        ("birth-extract", {"nationality": "vnm"}),
        ("birth-extract", {"full_name": 5}),
        ("birth-extract", {"id_number": "048185012345"}),
        ("marital-status", {"marital_status": "single"}),
        ("certified-copy", {"copy_sha256": "AB" * 32}),
        ("certified-copy", {"pages": 0}),
        ("certified-copy", {"pages": True}),
        ("identity-verification", {"verdict": "reject"}),
    ],
)
def test_values_that_are_not_issued(procedure, change):
    schema = schema_of(procedure)
    with pytest.raises(InputError) as caught:
        schema.to_wire({**SAMPLES[procedure], **change})
    assert caught.value.code == "credential.field"
    assert "048185012345" not in str(caught.value)


# --- COSE ---------------------------------------------------------------------------------------------------------


def sign1(
    protected, *, unprotected=None, payload=None, tag=18, signature=None, signer=SIGNERS["EdDSA"]
):
    protected = protected if isinstance(protected, bytes) else cbor.encode(protected)
    payload = cbor.encode(results._claims(result())) if payload is None else payload
    signature = signature or signer.sign(cose.to_be_signed(protected, payload))
    parts = (protected, unprotected or {}, payload, signature)
    message = cbor.encode(cbor.Tagged(tag, parts))
    return "EKYC1:" + base45.encode(packing.pack(message))


KID = SIGNERS["EdDSA"].public.kid
SOUND = {1: -8, 4: KID}


def test_the_message_of_the_helper_is_sound():
    assert read_result(sign1(SOUND)).verify(SIGNERS["EdDSA"].public) == result()


BAD_MESSAGES = {
    "unknown critical header": {"protected": {**SOUND, 2: (99,), 99: 1}},
    "critical header that is known": {"protected": {**SOUND, 2: (4,)}},
    "a type": {"protected": {**SOUND, 16: "application/statuslist+cwt"}},
    "a certificate": {"protected": {**SOUND, 33: b"x"}},
    "without algorithm": {"protected": {4: KID}},
    "algorithm outside the signature": {"protected": {4: KID}, "unprotected": {1: -8}},
    "anything outside the signature": {"protected": SOUND, "unprotected": {4: KID}},
    "without key": {"protected": {1: -8}},
    "empty header": {"protected": b""},
    "algorithm is a text": {"protected": {1: "EdDSA", 4: KID}},
    "key's name of 7 bytes": {"protected": {1: -8, 4: KID[:7]}},
    "COSE_Mac0": {"protected": SOUND, "tag": 17},
    "COSE_Sign": {"protected": SOUND, "tag": 98},
    "CWT tag": {"protected": SOUND, "tag": 61},
    "detached payload": {"protected": SOUND, "payload": b""},
    "signature of 63 bytes": {"protected": SOUND, "signature": bytes(63)},
    "header twice over": {"protected": cbor.encode(SOUND) + b"\0"},
}


@pytest.mark.parametrize("parts", BAD_MESSAGES.values(), ids=BAD_MESSAGES)
def test_messages_that_are_refused_before_a_key_is_looked_at(parts):
    with pytest.raises(InputError):
        read_result(sign1(**parts))


@pytest.mark.parametrize("algorithm", [-7, -8, -19, -37, -257, 5, 0])
def test_the_key_chooses_the_algorithm_and_not_the_message(algorithm):
    for signer in SIGNERS.values():
        if algorithm == signer.public.algorithm.cose:
            continue
        text = sign1({1: algorithm, 4: signer.public.kid}, signer=signer)
        with pytest.raises(TrustError) as caught:
            read_result(text).verify(signer.public)
        assert caught.value.code == "credential.algorithm"


def test_another_key(signer):
    text = encode_result(result(), signer=signer)
    for other in (ec_signer(), Ed25519Signer.generate()):
        with pytest.raises(TrustError):
            read_result(text).verify(other.public)


def test_a_signature_of_zeros(signer):
    protected = {1: signer.public.algorithm.cose, 4: signer.public.kid}
    with pytest.raises(TrustError):
        read_result(sign1(protected, signature=bytes(64), signer=signer)).verify(signer.public)


def test_keys_have_one_name_however_they_are_written(signer):
    key = signer.public
    assert CredentialKey.from_pem(key.pem()) == CredentialKey.from_jwk(key.as_jwk()) == key
    assert len(key.kid) == 8


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        [],
        None,
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "X25519", "x": base64url.encode(bytes(32))},
        {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(bytes(31))},
        {**SIGNERS["EdDSA"].public.as_jwk(), "d": "AAAA"},
        {**SIGNERS["ES256"].public.as_jwk(), "y": base64url.encode(bytes(32))},
        {**SIGNERS["ES256"].public.as_jwk(), "x": 5},
    ],
)
def test_what_is_no_public_key_of_ours(jwk):
    with pytest.raises(InputError):
        CredentialKey.from_jwk(jwk)


# --- examples of the standards --------------------------------------------------------------------------------------

RFC_8392_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": base64url.encode(
        bytes.fromhex("143329cce7868e416927599cf65a34f3ce2ffda55a7eca69ed8919a394d42f0f")
    ),
    "y": base64url.encode(
        bytes.fromhex("60f7f1a780d8a783bfb7a2dd6b2796e8128dbbcef9d3d168db9529971a36e7b9")
    ),
}
RFC_8392_A3 = bytes.fromhex(
    "d28443a10126a104524173796d6d657472696345434453413235365850a701756"
    "36f61703a2f2f61732e6578616d706c652e636f6d02656572696b7703781863"
    "6f61703a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5"
    "610d9f0061a5610d9f007420b7158405427c1ff28d23fbad1f29c4c7c6a555e"
    "601d6fa29f9179bc3d7438bacaca5acd08c8d4d4f96131680c429a01f85951e"
    "cee743a52b9b63632c57209120e1c9e30"
)


def test_the_signed_cwt_of_rfc_8392_a_3():
    parts = cbor.decode(RFC_8392_A3).value
    protected, _, payload, signature = parts
    CredentialKey.from_jwk(RFC_8392_KEY).verify(cose.to_be_signed(protected, payload), signature)
    assert cbor.decode(payload)[1] == "coap://as.example.com"
    # Sound, and not of our form: its key is named outside the signature.
    with pytest.raises(InputError):
        cose.read_sign1(RFC_8392_A3)


COSE_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8",
    "y": "IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4",
}


def test_a_sign1_example_of_the_cose_working_group():
    """RFC 9052 appendix C.2.1, and ``sign-fail-02`` of the working group's examples: one octet of content changed."""
    signature = bytes.fromhex(
        "8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e"
        "2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36"
    )
    key = CredentialKey.from_jwk(COSE_KEY)
    protected = bytes.fromhex("a10126")
    key.verify(cose.to_be_signed(protected, b"This is the content."), signature)
    with pytest.raises(TrustError):
        key.verify(cose.to_be_signed(protected, b"This is the content/"), signature)


def test_results_are_values():
    stated = result()
    with pytest.raises(dataclasses.FrozenInstanceError):
        stated.subject = "x"
    with pytest.raises(InputError):
        result(expires_at=NOW.replace(tzinfo=None))
    with pytest.raises(InputError):
        StatusReference(uri="https://a/b?c=d", index=0)


def test_the_registry_helper_issues():
    registry = Registry()
    assert read_result(registry.qr()).verify(registry.signer.public) == result()

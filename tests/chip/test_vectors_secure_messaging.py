"""Worked examples of secure messaging and key derivation, byte for byte."""

from __future__ import annotations

import pytest
from chip_vectors import Recorded, worked_example, worked_examples

from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.ciphers import AES128, AES192, AES256, DES3, KeyUse
from ekyc.chip.secure_messaging import SecureMessaging, SessionKeys
from ekyc.errors import ChipError

pytestmark = pytest.mark.shared_data

SUITES = {"3des": DES3, "aes128": AES128, "aes192": AES192, "aes256": AES256}
SESSIONS = (
    "bsi-eac2-sm-aes128-ecdh-session",
    "ausweisapp-sm-aes128",
    "gmrtd-cam-continuation-sm-aes128",
)
_RECORDED = "iso7816/secure_messaging_test.go::"


def _messaging(suite, encryption, mac, *, ssc):
    """As it stands just before the message that counts to ``ssc``."""
    counter = (ssc - 1) % (1 << 8 * suite.block_bytes)
    return SecureMessaging(
        SessionKeys(suite=suite, encryption=encryption, mac=mac), counter=counter
    )


def _of_example(example, ssc):
    keys = (bytes.fromhex(example["ks_enc"]), bytes.fromhex(example["ks_mac"]))
    return _messaging(AES128, *keys, ssc=int(ssc, 16))


def test_keys_are_derived_as_published(shared_data):
    examples = worked_examples(shared_data)["key_derivation"][0]["cases"]
    derived = [case for case in examples if "key" in case]
    assert len(derived) == 14
    for case in derived:
        suite = SUITES[case["cipher"]]
        key = suite.derive_key(bytes.fromhex(case["input"]), KeyUse(case["counter"]))
        assert key.hex() == case["key"]


@pytest.mark.parametrize("identifier", SESSIONS)
def test_every_message_of_a_published_session_is_reproduced(shared_data, identifier):
    example = worked_example(shared_data, "secure_messaging_aes", identifier)
    for message in example["messages"]:
        messaging = _of_example(example, message["ssc"])
        plain, protected = bytes.fromhex(message["plain"]), bytes.fromhex(message["protected"])
        if message["direction"] == "command":
            assert messaging.protect(CommandApdu.parse(plain)).encode() == protected, message["id"]
        else:
            assert messaging.unprotect(ResponseApdu.parse(protected)).encode() == plain


def test_gematik_commands_agree_but_for_the_outer_length_form(shared_data):
    """That implementation writes extended length as soon as Le is present; objects and checksums are the same."""
    example = worked_example(shared_data, "secure_messaging_aes", "gematik-sm-aes128")
    for message in example["messages"]:
        messaging = _of_example(example, message["ssc"])
        plain, protected = bytes.fromhex(message["plain"]), bytes.fromhex(message["protected"])
        if message["direction"] == "response":
            assert messaging.unprotect(ResponseApdu.parse(protected)).encode() == plain
            continue
        ours, theirs = messaging.protect(CommandApdu.parse(plain)), CommandApdu.parse(protected)
        assert (ours.header, ours.data) == (theirs.header, theirs.data)


def test_gematik_responses_to_reject_are_rejected(shared_data):
    example = worked_example(shared_data, "secure_messaging_aes", "gematik-sm-aes128")
    codes = {}
    for case in example["must_reject_responses"]:
        with pytest.raises(ChipError) as error:
            _of_example(example, case["ssc"]).unprotect(
                ResponseApdu.parse(bytes.fromhex(case["protected"]))
            )
        codes[case["why"]] = error.value.code
    assert codes == {
        "status object missing": "chip.sm.status_missing",
        "checksum wrong": "chip.sm.checksum_wrong",
        "checksum missing": "chip.sm.checksum_missing",
        "trailing status word missing": "chip.sm.malformed",
        "not protected": "chip.sm.plain_response",
    }


def test_primitives_of_the_bsi_dh_session(shared_data):
    example = worked_example(shared_data, "secure_messaging_aes", "bsi-eac2-sm-aes128-dh-session")
    encryption, mac = bytes.fromhex(example["ks_enc"]), bytes.fromhex(example["ks_mac"])
    first, second = example["primitives"]
    iv = AES128.encrypt(encryption, bytes.fromhex(first["ssc"]))
    plain = AES128.pad(bytes.fromhex(first["plain_data"]))
    assert AES128.encrypt(encryption, plain, iv=iv).hex() == first["cryptogram"]
    data = bytes.fromhex(second["ssc"]) + AES128.pad(bytes.fromhex(second["mac_data_without_ssc"]))
    assert AES128.mac(mac, data).hex() == second["mac"]


def test_icao_appendix_d_4_select_and_response_with_3des(shared_data):
    sent = Recorded(shared_data, _RECORDED + "TestSecureMessageEncode")
    enc, mac, ssc, counted, expected = sent.values[:5]
    messaging = _messaging(DES3, enc, mac, ssc=int.from_bytes(counted, "big"))
    assert messaging.counter == int.from_bytes(ssc, "big")
    assert messaging.protect(CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x1e")).encode() == expected
    received = Recorded(shared_data, _RECORDED + "TestSecureMessageDecode")
    response = messaging.unprotect(ResponseApdu.parse(received.values[3]))
    assert response == ResponseApdu(b"", 0x9000)


def test_a_recorded_aes_response_is_opened(shared_data):
    received = Recorded(shared_data, _RECORDED + "TestSecureMessageDecode")
    enc, mac, _, response, counted, plain = received.values[6:]
    messaging = _messaging(AES128, enc, mac, ssc=int.from_bytes(counted, "big"))
    assert messaging.unprotect(ResponseApdu.parse(response)) == ResponseApdu(plain, 0x9000)


def test_recorded_damaged_responses_are_refused(shared_data):
    cases = Recorded(shared_data, _RECORDED + "TestSecureMessageDecodeErrors").values
    assert len(cases) == 32
    for enc, mac, ssc, response in zip(*(iter(cases),) * 4, strict=True):
        suite = DES3 if len(ssc) == 8 else AES128
        messaging = _messaging(suite, enc, mac, ssc=int.from_bytes(ssc, "big") + 1)
        with pytest.raises(ChipError):
            messaging.unprotect(ResponseApdu.parse(response))


@pytest.mark.parametrize("first", range(0, 32, 4))
def test_the_counter_runs_over_like_the_recorded_one(shared_data, first):
    enc, mac, ssc, counted = Recorded(shared_data, _RECORDED + "TestSSCIncrement").values[
        first : first + 4
    ]
    suite = DES3 if len(ssc) == 8 else (AES128 if len(enc) == 16 else AES256)
    keys = SessionKeys(suite=suite, encryption=enc, mac=mac)
    messaging = SecureMessaging(keys, counter=int.from_bytes(ssc, "big"))
    messaging.protect(CommandApdu(0, 0x84, 0, 0, le=8))
    assert messaging.counter == int.from_bytes(counted, "big")

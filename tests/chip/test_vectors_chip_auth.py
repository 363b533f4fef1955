"""Recorded sessions of chip and active authentication, and the keys of BSI's examples."""

from __future__ import annotations

import pytest
from chip_links import QueuedRandom, RecordedCard
from chip_vectors import Recorded, worked_example

from ekyc.chip.active_auth import recover_message, verify_active_authentication
from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.chip_auth import ChipAuthChallenge, authenticate_chip
from ekyc.chip.ciphers import AES128, DES3
from ekyc.chip.domain_parameters import STANDARD_GROUPS
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.lds.dg15 import parse_dg15
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.program import run_program
from ekyc.chip.protocol_infos import offered_chip_authentication
from ekyc.chip.secure_messaging import SecureChannel, SecureMessaging, SessionKeys
from ekyc.errors import TrustError
from ekyc.values import Redacted

pytestmark = pytest.mark.shared_data

PASSPORTS = ("AT", "DE")
_CHIP_AUTH = "chipauth/chip_auth_test.go::"


def _session(recorded, suite=AES128):
    """Keys and counter in force when the recording begins."""
    encryption, mac, counter = recorded.values[1:4]
    keys = SessionKeys(suite=suite, encryption=encryption, mac=mac)
    return SecureChannel(SecureMessaging(keys, counter=int.from_bytes(counter, "big")))


def _offer(recorded):
    info, *_ = offered_chip_authentication(parse_dg14(recorded["dg14bytes"]))
    return info


@pytest.mark.parametrize("country", PASSPORTS)
def test_a_recorded_passport_proves_its_key(shared_data, country):
    recorded = Recorded(shared_data, f"{_CHIP_AUTH}TestChipAuth{country}")
    card = RecordedCard(recorded.exchanges)
    program = authenticate_chip(
        _offer(recorded), _session(recorded), random=QueuedRandom(recorded["TermPri"])
    )
    result, channel = run_program(program, card)
    assert card.finished
    assert result.protocol == "CA-ECDH-AES-128"
    assert not result.weak
    keys = channel.messaging.keys
    assert [keys.encryption, keys.mac] == recorded.values[-3:-1]
    assert channel.messaging.counter == int.from_bytes(recorded.values[-1], "big")


@pytest.mark.parametrize("country", PASSPORTS)
def test_one_round_trip_needs_only_dg14_and_our_key(shared_data, country):
    """All that is sent after DG14 is known beforehand, the first command under the new keys included."""
    recorded = Recorded(shared_data, f"{_CHIP_AUTH}TestChipAuth{country}")
    private = int.from_bytes(recorded["TermPri"], "big")
    challenge = ChipAuthChallenge(_offer(recorded), Redacted(private))
    assert challenge.public == recorded["TermPubKey"]
    assert challenge.first_command.encode() == recorded.exchanges[2][0]
    result, _ = challenge.verify(ResponseApdu.parse(recorded["SmRapdu"]))
    assert result.public_key == _offer(recorded).key.encoded
    foreign = ChipAuthChallenge(_offer(recorded), Redacted(private + 1))
    with pytest.raises(TrustError) as error:
        foreign.verify(ResponseApdu.parse(recorded["SmRapdu"]))
    assert error.value.code == "chip.ca_invalid"


def test_the_key_of_one_passport_does_not_answer_for_another(shared_data):
    austria, germany = (Recorded(shared_data, f"{_CHIP_AUTH}TestChipAuth{c}") for c in PASSPORTS)
    private = int.from_bytes(austria["TermPri"], "big")
    challenge = ChipAuthChallenge(_offer(germany), Redacted(private))
    with pytest.raises(TrustError):
        challenge.verify(ResponseApdu.parse(austria["SmRapdu"]))


def test_the_key_identifier_of_dg14_is_named(shared_data):
    recorded = Recorded(shared_data, f"{_CHIP_AUTH}TestChipAuthDE")
    info = _offer(recorded)
    assert info.key.key_id == 0xC3
    challenge = ChipAuthChallenge(info, Redacted(7))
    assert challenge.agreement_commands[0].data.hex() == "800a04007f000702020302028401c3"


def test_a_key_without_protocol_is_used_with_3des(shared_data):
    recorded = Recorded(shared_data, f"{_CHIP_AUTH}TestResolveCAInfo")
    (info,) = offered_chip_authentication(parse_security_infos(recorded.values[5], subject="test"))
    assert (info.protocol, info.suite, info.inferred) == ("0.4.0.127.0.7.2.2.3.2.1", DES3, True)
    (command,) = ChipAuthChallenge(info, Redacted(7)).agreement_commands
    assert (command.ins, command.p1, command.p2) == (0x22, 0x41, 0xA6)
    assert (
        offered_chip_authentication(parse_security_infos(recorded.values[0], subject="test")) == ()
    )


def test_dg14_without_keys_offers_nothing(shared_data):
    recorded = Recorded(shared_data, f"{_CHIP_AUTH}TestCaAdvertised")
    assert offered_chip_authentication(parse_dg14(recorded.values[0])) == ()
    (nominal,) = offered_chip_authentication(parse_dg14(recorded.values[1]))
    (inferred,) = offered_chip_authentication(parse_dg14(recorded.values[2]))
    assert (nominal.inferred, inferred.inferred) == (False, True)


@pytest.mark.parametrize("kind", ["ecdh", "dh"])
def test_agreement_of_the_bsi_examples(shared_data, kind):
    """Published for version 2; the secret is the same in version 1, whose session keys were computed beside it."""
    example = worked_example(
        shared_data, "chip_authentication", f"bsi-eac2-chip-authentication-{kind}"
    )
    values, group = example["values"], STANDARD_GROUPS[example["protocol"]["parameter_id"]]
    private = int(values["terminal_ephemeral_private"], 16) % group.order
    public = group.multiply(private, group.generator)
    assert group.encode(public).hex() == values["terminal_ephemeral_public"]
    secret = group.shared_secret(private, group.decode(bytes.fromhex(values["chip_static_public"])))
    assert secret.hex() == values["shared_secret_k"]
    keys = SessionKeys.derive(AES128, secret)
    version_1 = example["derived_for_version_1"]
    assert (keys.encryption.hex(), keys.mac.hex()) == (version_1["ks_enc"], version_1["ks_mac"])


def test_a_recorded_active_authentication_under_secure_messaging(shared_data):
    recorded = Recorded(shared_data, "activeauth/active_auth_test.go::TestDoActiveAuth")
    encryption, mac, counter = recorded.values[:3]
    keys = SessionKeys(suite=DES3, encryption=encryption, mac=mac)
    channel = SecureChannel(SecureMessaging(keys, counter=int.from_bytes(counter, "big")))
    nonce = recorded["Nonce"]
    card = RecordedCard(recorded.exchanges)
    response = run_program(channel.send(CommandApdu(0, 0x88, 0, 0, nonce, 256)), card)
    assert card.finished
    assert response.data == recorded["Signature"]
    assert channel.messaging.counter == int.from_bytes(recorded.values[-1], "big")
    result = verify_active_authentication(
        parse_dg15(recorded["dg15bytes"]), nonce=nonce, signature=response.data
    )
    assert result.scheme == "iso9796-2"


def test_appendix_f(shared_data):
    example = worked_example(
        shared_data, "active_authentication", "icao-9303-11-F-active-authentication"
    )
    values = {name: value for name, value in example["values"].items() if isinstance(value, str)}
    nonce = bytes.fromhex(values["rnd_ifd_m2"])
    recovered, digest = recover_message(bytes.fromhex(values["message_representative_f"]), nonce)
    assert (recovered.hex(), digest) == (values["m1_recoverable"], "sha1")
    command = CommandApdu(0, 0x88, 0, 0, nonce, 256)
    assert command.encode().hex() == values["internal_authenticate_command"]

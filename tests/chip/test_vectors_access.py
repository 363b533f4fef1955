"""Worked examples and recorded sessions of BAC and PACE, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from chip_links import QueuedRandom, RecordedCard
from chip_vectors import Recorded, standard_infos, worked_example, worked_examples

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.bac import establish_bac
from ekyc.chip.chip_auth import ChipAuthMethod, verify_pace_cam
from ekyc.chip.ciphers import AES128, DES3, KeyUse
from ekyc.chip.file_reading import FileReader
from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.pace import establish_pace
from ekyc.chip.pace_mapping import map_generic, map_integrated, pseudo_random
from ekyc.chip.program import run_program
from ekyc.chip.protocol_infos import Mapping, chip_authentication_keys, offered_pace
from ekyc.errors import TrustError
from ekyc.pki import parse_signed_data
from ekyc.values import Redacted

pytestmark = pytest.mark.shared_data

WITH_APDUS = (
    "icao-9303-11-G2-pace-dh-gm",
    "icao-9303-11-H1-pace-ecdh-im",
    "icao-9303-11-H2-pace-dh-im",
    "icao-9303-11-I1-pace-ecdh-cam",
)
BSI = ("bsi-eac2-pace-ecdh-gm", "bsi-eac2-pace-dh-gm")
ICAO_MRZ = MrzKey("T22000129", "640812", "101031")
NOT_PRINTED = b"\x90\x00"
"""Appendix H prints no answer to the map-nonce command; an empty one stands for it."""


@dataclass(frozen=True)
class KnownPassword:
    """Appendix H names the MRZ in MSE:Set AT but derives its key from 123456: no real key does both."""

    password: Redacted[bytes]
    password_reference: int


def _key(example):
    password = example["password"]
    if "document_number" in password:
        return MrzKey(
            password["document_number"], password["date_of_birth"], password["date_of_expiry"]
        )
    return KnownPassword(Redacted(password["ascii"].encode()), 1)


def _info(example):
    protocol = example["protocol"]
    encoded = standard_infos(protocol["oid_value_hex"], protocol["parameter_id"])
    (info,) = offered_pace(parse_security_infos(encoded, subject="test"))
    return info


def _scalar(group, value):
    """As the private key is drawn; Appendix H prints DH keys longer than the order of the group."""
    return (int(value, 16) % group.order).to_bytes((group.order.bit_length() + 7) // 8, "big")


def _random(example, info):
    values = example["values"]
    mapping = (
        bytes.fromhex(values["nonce_t"])
        if info.mapping is Mapping.INTEGRATED
        else _scalar(info.group, values["terminal_mapping_private"])
    )
    return QueuedRandom(mapping, _scalar(info.group, values["terminal_ephemeral_private"]))


@pytest.mark.parametrize("identifier", WITH_APDUS)
def test_pace_of_the_appendices(shared_data, identifier):
    example = worked_example(shared_data, "pace", identifier)
    info, values = _info(example), example["values"]
    exchanges = [
        (bytes.fromhex(step["command"]), bytes.fromhex(step["response"] or "9000"))
        for step in example["apdus"]
    ]
    card = RecordedCard(exchanges)
    named = b"\x84\x01" in exchanges[0][0]
    program = establish_pace(
        info, _key(example), random=_random(example, info), name_parameters=named
    )
    result = run_program(program, card)
    assert card.finished
    keys = result.channel.messaging.keys
    assert (keys.encryption.hex(), keys.mac.hex()) == (values["ks_enc"], values["ks_mac"])
    assert result.channel.messaging.counter == 0


@pytest.mark.parametrize("identifier", WITH_APDUS + BSI)
def test_each_value_on_the_way(shared_data, identifier):
    example = worked_example(shared_data, "pace", identifier)
    info, values = _info(example), example["values"]
    group, suite, nonce = info.group, info.suite, bytes.fromhex(values["nonce_s"])
    if "ascii" in example["password"]:
        password = suite.derive_key(example["password"]["ascii"].encode(), KeyUse.PASSWORD)
        assert password.hex() == values["key_pi"]
    key_pi = bytes.fromhex(values["key_pi"])
    assert suite.decrypt(key_pi, bytes.fromhex(values["encrypted_nonce_z"])) == nonce
    if info.mapping is Mapping.INTEGRATED:
        terminal_nonce = bytes.fromhex(values["nonce_t"])
        number = pseudo_random(suite, nonce, terminal_nonce, group)
        assert number.hex() == values["prf_output_r"]
        assert int.from_bytes(number, "big") % group.field_prime == int(
            values["prf_output_mod_p"], 16
        )
        generator = map_integrated(group, suite, nonce, terminal_nonce)
    else:
        theirs = group.decode(bytes.fromhex(values["chip_mapping_public"]))
        shared = group.multiply(int(values["terminal_mapping_private"], 16), theirs)
        assert group.encode(shared).hex() == values["mapping_shared_secret_h"]
        generator = map_generic(group, nonce, shared)
    assert group.encode(generator).hex() == values["mapped_generator"]
    private = int(values["terminal_ephemeral_private"], 16) % group.order
    assert (
        group.encode(group.multiply(private, generator)).hex()
        == values["terminal_ephemeral_public"]
    )
    theirs = group.decode(bytes.fromhex(values["chip_ephemeral_public"]))
    assert group.shared_secret(private, theirs).hex() == values["shared_secret_k"]


def test_every_published_example_is_replayed(shared_data):
    assert [item["id"] for item in worked_examples(shared_data)["pace"]] == [*WITH_APDUS, *BSI]


def test_appendix_i_proves_the_chip(shared_data):
    example = worked_example(shared_data, "pace", WITH_APDUS[3])
    values = example["values"]
    card = RecordedCard(
        (bytes.fromhex(step["command"]), bytes.fromhex(step["response"]))
        for step in example["apdus"]
    )
    info = _info(example)
    named = "8401" in example["apdus"][0]["command"]
    program = establish_pace(
        info, _key(example), random=_random(example, info), name_parameters=named
    )
    proof = run_program(program, card).cam_proof
    assert proof.authentication_data.hex() == values["chip_authentication_data"]
    content = bytes.fromhex(values["chip_authentication_public_key_info"])
    infos = parse_security_infos(b"\x31" + bytes((len(content),)) + content, subject="test")
    keys = chip_authentication_keys(infos)
    result = verify_pace_cam(proof, info, keys)
    assert result.public_key.hex() == values["chip_static_public"]
    assert result.method is ChipAuthMethod.PACE_CAM
    (key,) = keys
    other = type(key)(
        agreement=key.agreement,
        group=key.group,
        public=key.group.multiply(2, key.public),
        key_id=None,
    )
    with pytest.raises(TrustError):
        verify_pace_cam(proof, info, [other])


# -- examples and real cards recorded in another project's tests


@dataclass(frozen=True)
class MrzHash:
    """SHA-1 of the MRZ information alone: the holders of the recorded passports stay unnamed."""

    password: Redacted[bytes]
    password_reference: int = 1


NEW_ZEALAND = MrzHash(Redacted(bytes.fromhex("90d5559acf679510dafda01c8ed1928ebc507272")))
GERMANY = MrzHash(Redacted(bytes.fromhex("730bfae4eb2e68591c97f4d5f774c2446a7cd7fd")))


def _replay(recorded, key):
    """Open the recorded card; the offer is the preferred one of its EF.CardAccess."""
    encoded = next(value for value in recorded.values if value[:1] == b"\x31")
    info, *_ = offered_pace(parse_security_infos(encoded, subject="test"))
    card = RecordedCard(recorded.exchanges)
    random = QueuedRandom(recorded.values[0], recorded.values[3])
    return card, run_program(establish_pace(info, key, random=random), card)


def test_appendix_g_1(shared_data):
    recorded = Recorded(shared_data, "pace/pace_test.go::TestDoPace_GM_ECDH")
    card, result = _replay(recorded, ICAO_MRZ)
    keys = result.channel.messaging.keys
    assert card.finished
    assert [keys.encryption, keys.mac] == recorded.values[-2:]


def test_a_passport_of_new_zealand_with_3des(shared_data):
    recorded = Recorded(shared_data, "pace/pace_test.go::TestDoPace_GM_ECDH_TDES_CBC_NZ")
    card, result = _replay(recorded, NEW_ZEALAND)
    keys = result.channel.messaging.keys
    assert card.finished
    assert result.info.name == "PACE-ECDH-GM-3DES"
    assert [keys.encryption, keys.mac] == recorded.values[-2:]


def test_a_german_passport_with_chip_authentication_mapping(shared_data):
    """PACE, then EF.CardSecurity read under secure messaging, and the proof held against the key in it."""
    recorded = Recorded(shared_data, "pace/pace_test.go::TestDoPace_CAM_ECDH_DE")
    card, result = _replay(recorded, GERMANY)
    assert result.info.name == "PACE-ECDH-CAM-AES-128"
    reader = FileReader(result.channel, chunk_bytes=256)
    card_security = run_program(reader.read(ElementaryFile.CARD_SECURITY), card)
    assert card.finished
    messaging = result.channel.messaging
    assert [messaging.keys.encryption, messaging.keys.mac] == recorded.values[-3:-1]
    assert messaging.counter == int.from_bytes(recorded.values[-1], "big")
    infos = parse_security_infos(parse_signed_data(card_security).content, subject="test")
    proven = verify_pace_cam(result.cam_proof, result.info, chip_authentication_keys(infos))
    assert proven.method is ChipAuthMethod.PACE_CAM


# -- basic access control (Appendix D)


def test_appendix_d_1_and_d_2_keys():
    seed = MrzKey("L898902C", "690806", "940623").bac_seed.reveal()
    assert seed.hex() == "239ab9cb282daf66231dc5a4df6bfbae"
    assert DES3.derive_key(seed, KeyUse.ENCRYPTION).hex() == "ab94fdecf2674fdfb9b391f85d7f76f2"
    assert DES3.derive_key(seed, KeyUse.MAC).hex() == "7962d9ece03d1acd4c76089dce131543"


def test_appendix_d_3(shared_data):
    recorded = Recorded(shared_data, "bac/bac_test.go::TestDoBAC")
    ours, our_key, encryption, mac, counter = recorded.values
    card = RecordedCard(recorded.exchanges)
    program = establish_bac(
        MrzKey("L898902C", "690806", "940623"), random=QueuedRandom(ours, our_key)
    )
    messaging = run_program(program, card).messaging
    assert card.finished
    assert (messaging.keys.encryption, messaging.keys.mac) == (encryption, mac)
    assert messaging.counter == int.from_bytes(counter, "big")


def test_the_card_access_number_of_appendix_h_is_a_password(shared_data):
    example = worked_example(shared_data, "pace", WITH_APDUS[1])
    key = AES128.derive_key(CanKey("123456").password.reveal(), KeyUse.PASSWORD)
    assert key.hex() == example["values"]["key_pi"]

"""The card's own cryptography against the worked examples of ICAO 9303-11 and the recorded sessions of real cards."""

import json

import pytest

from ekyc.chip.sim.basic_access import BasicAccess
from ekyc.chip.sim.ciphers import Cipher, unpad
from ekyc.chip.sim.commands import StatusError, parse_command
from ekyc.chip.sim.groups import ModpGroup, standard_group
from ekyc.chip.sim.mappings import encode_to_curve, map_generic, map_integrated, pseudo_random
from ekyc.chip.sim.pace import CAN, MRZ, PaceRun, password_key
from ekyc.chip.sim.profile import PaceConfiguration, PaceMapping
from ekyc.chip.sim.secure_channel import SecureChannel
from ekyc.pki.curves import CURVE_BY_OID

CIPHER_OF_NAME = {
    "3des": Cipher.TRIPLE_DES,
    "aes128": Cipher.AES_128,
    "aes192": Cipher.AES_192,
    "aes256": Cipher.AES_256,
}
# Private keys of the chip in Appendix G.1; the first is confirmed below by the public key that the example prints.
G1_MAPPING_KEY = "498FF49756F2DC1587840041839A85982BE7761D14715FB091EFA7BCE9058560"
G1_EPHEMERAL_KEY = "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A"


class Script:
    """Randomness that was written down before, in the order in which the card asks for it."""

    def __init__(self, *parts):
        self.parts = [bytes.fromhex(part) if isinstance(part, str) else part for part in parts]

    def token_bytes(self, count):
        part = self.parts.pop(0)
        assert len(part) == count
        return part


@pytest.fixture(scope="module")
def published(shared_data):
    path = shared_data / "chip/vectors/icao_pace_dh_im_cam.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def recorded(shared_data):
    path = shared_data / "chip/vectors/icao_and_recorded_sessions.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def example(published):
    by_id = {item["id"]: item for item in published["pace"]}
    return by_id.__getitem__


def run_pace(configuration, pairs, *, key, random, static_key=None):
    """Put the recorded GENERAL AUTHENTICATE commands to the card; its answers must be the recorded ones."""
    run = PaceRun(configuration, key=key, random=random, static_key=static_key)
    for command, response in pairs:
        answer = run.step(parse_command(bytes.fromhex(command)).data)
        if response is not None:
            assert answer.hex() == response.removesuffix("9000").lower()
    return run


def general_authenticate(pairs):
    return [pair for pair in pairs if pair[0][2:4] == "86"]


def as_pairs(entry):
    return general_authenticate([(apdu["command"], apdu["response"]) for apdu in entry["apdus"]])


def test_key_derivation_agrees_with_every_published_key(published):
    (entry,) = published["key_derivation"]
    cases = [case for case in entry["cases"] if "key" in case]
    assert len(cases) == 14
    for case in cases:
        secret = bytes.fromhex(case["input"])
        assert (
            CIPHER_OF_NAME[case["cipher"]].derive_key(secret, case["counter"]).hex() == case["key"]
        )


def test_basic_access_replays_appendix_d(recorded):
    example = recorded["bac/bac_test.go::TestDoBAC"]
    (_, challenge), (command, response) = example["apdu_pairs"]
    card = BasicAccess(
        "L898902C<369080619406236", Script(challenge[:16], "0B4F80323EB3191CB04970CB4052790B")
    )
    assert card.challenge().hex().upper() == challenge[:16]
    answer, _ = card.authenticate(parse_command(bytes.fromhex(command)).data)
    assert answer.hex().upper() == response.removesuffix("9000")


def test_triple_des_messaging_replays_appendix_d(recorded):
    encode = dict(recorded["iso7816/secure_messaging_test.go::TestSecureMessageEncode"]["hex"][:5])
    channel = SecureChannel(
        Cipher.TRIPLE_DES,
        key_enc=bytes.fromhex(encode["ksEnc"]),
        key_mac=bytes.fromhex(encode["ksMac"]),
        counter=int(encode["ssc"], 16),
    )
    opened = channel.open(parse_command(bytes.fromhex(encode["expEncCApdu"])))
    assert (opened.header + opened.data).hex() == "00a4020c011e"
    assert opened.le is None
    assert channel.close(b"", 0x9000, odd=False).hex().upper() == "990290008E08FA855A5D4C50A8ED9000"


def test_the_session_of_appendix_d_goes_on_with_reading(recorded):
    """D.4 steps 2 and 3: READ BINARY of the first four and the next eighteen bytes of EF.COM."""
    channel = SecureChannel(
        Cipher.TRIPLE_DES,
        key_enc=bytes.fromhex("979EC13B1CBFE9DCD01AB0FED307EAE5"),
        key_mac=bytes.fromhex("F1CB1F1FB5ADF208806B89DC579DC1F8"),
        counter=0x887022120C06C228,
    )
    command = parse_command(bytes.fromhex("0CB000000D9701048E08ED6705417E96BA5500"))
    opened = channel.open(command)
    assert (opened.header.hex(), opened.le) == ("00b00000", 4)
    answer = channel.close(bytes.fromhex("60145F01"), 0x9000, odd=False)
    assert answer.hex().upper() == "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000"


def test_aes_messaging_opens_every_published_command(published):
    opened = 0
    for entry in published["secure_messaging_aes"]:
        for message in entry.get("messages", ()):
            if message["direction"] != "command":
                continue
            channel = SecureChannel(
                Cipher.AES_128,
                key_enc=bytes.fromhex(entry["ks_enc"]),
                key_mac=bytes.fromhex(entry["ks_mac"]),
                counter=int(message["ssc"], 16) - 1,
            )
            plain = parse_command(bytes.fromhex(message["plain"]))
            got = channel.open(parse_command(bytes.fromhex(message["protected"])))
            assert (got.header, got.data, got.le) == (plain.header, plain.data, plain.le)
            opened += 1
    assert opened > 20


def test_aes_messaging_closes_published_responses_to_the_byte(published):
    closed = 0
    for entry in published["secure_messaging_aes"]:
        for message in entry.get("messages", ()):
            if message["direction"] != "response":
                continue
            channel = SecureChannel(
                Cipher.AES_128,
                key_enc=bytes.fromhex(entry["ks_enc"]),
                key_mac=bytes.fromhex(entry["ks_mac"]),
                counter=int(message["ssc"], 16) - 1,
            )
            plain = bytes.fromhex(message["plain"])
            got = channel.close(plain[:-2], int.from_bytes(plain[-2:], "big"), odd=False)
            assert got.hex() == message["protected"]
            closed += 1
    assert closed > 1


def test_pace_generic_mapping_over_a_curve_replays_appendix_g1(recorded, example):
    pairs = recorded["pace/pace_test.go::TestDoPace_GM_ECDH"]
    key = password_key(Cipher.AES_128, MRZ, mrz_information="T22000129364081251010318", can="")
    run = run_pace(
        PaceConfiguration(),
        general_authenticate(pairs["apdu_pairs"]),
        key=key,
        random=Script("3F00C4D39D153F2B2A214A078D899B22", G1_MAPPING_KEY, G1_EPHEMERAL_KEY),
    )
    key_enc, key_mac = (bytes.fromhex(value) for _, value in pairs["hex"][-2:])
    assert (run.channel._key_enc, run.channel._key_mac) == (key_enc, key_mac)


def test_pace_generic_mapping_over_a_prime_field_replays_appendix_g2(example):
    entry = example("icao-9303-11-G2-pace-dh-gm")
    values = entry["values"]
    key = password_key(
        Cipher.AES_128, MRZ, mrz_information=entry["password"]["mrz_information"], can=""
    )
    run = run_pace(
        PaceConfiguration(parameters=0),
        as_pairs(entry),
        key=key,
        random=Script(
            values["nonce_s"], values["chip_mapping_private"], values["chip_ephemeral_private"]
        ),
    )
    assert run.channel._key_enc.hex() == values["ks_enc"]


def test_pace_integrated_mapping_over_a_curve_replays_appendix_h1(example):
    entry = example("icao-9303-11-H1-pace-ecdh-im")
    values = entry["values"]
    run = run_pace(
        PaceConfiguration(mapping=PaceMapping.INTEGRATED),
        as_pairs(entry),
        key=password_key(Cipher.AES_128, CAN, mrz_information="", can="123456"),
        random=Script(values["nonce_s"], values["chip_ephemeral_private"]),
    )
    assert run.channel._key_mac.hex() == values["ks_mac"]


def test_integrated_mapping_agrees_at_each_step_of_appendix_h1(example):
    values = example("icao-9303-11-H1-pace-ecdh-im")["values"]
    group = standard_group(13)
    s, t = bytes.fromhex(values["nonce_s"]), bytes.fromhex(values["nonce_t"])
    number = pseudo_random(Cipher.AES_128, s, t, group.curve.p)
    assert number == int(values["prf_output_mod_p"], 16)
    mapped = encode_to_curve(group.curve, number)
    assert group.encode(mapped).hex() == values["mapped_generator"]
    assert mapped == map_integrated(group, Cipher.AES_128, s, t)


def test_integrated_mapping_over_a_prime_field_agrees_with_appendix_h2(example):
    values = example("icao-9303-11-H2-pace-dh-im")["values"]
    group = standard_group(0)
    assert isinstance(group, ModpGroup)
    s, t = bytes.fromhex(values["nonce_s"]), bytes.fromhex(values["nonce_t"])
    mapped = map_integrated(group, Cipher.AES_128, s, t)
    assert group.encode(mapped).hex() == values["mapped_generator"]


def test_chip_authentication_mapping_agrees_with_appendix_i1(example):
    """The example prints no ephemeral key of the chip, so the key agreement is entered from the terminal's side."""
    values = example("icao-9303-11-I1-pace-ecdh-cam")["values"]
    group = standard_group(13)
    shared = group.multiply(
        group.decode(bytes.fromhex(values["terminal_mapping_public"])),
        int(values["chip_mapping_private"], 16),
    )
    generator = map_generic(group, bytes.fromhex(values["nonce_s"]), shared)
    assert group.encode(generator).hex() == values["mapped_generator"]

    run = PaceRun(
        PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION),
        key=bytes(16),
        random=Script(),
        static_key=int(values["chip_static_private"], 16),
    )
    run._mapping_key = int(values["chip_mapping_private"], 16)
    run._own_public = bytes.fromhex(values["chip_ephemeral_public"])
    run._other_public = bytes.fromhex(values["terminal_ephemeral_public"])
    run._secret = bytes.fromhex(values["shared_secret_k"])
    answer = run._authenticate(b"\x85", bytes.fromhex(values["token_terminal"]))
    assert answer.hex() == (
        f"8608{values['token_chip']}8a30{values['encrypted_chip_authentication_data']}"
    )


def test_a_wrong_password_is_told_by_the_token_only(example):
    entry = example("icao-9303-11-H1-pace-ecdh-im")
    values = entry["values"]
    run = run_pace(
        PaceConfiguration(mapping=PaceMapping.INTEGRATED),
        [(command, None) for command, _ in as_pairs(entry)[:-1]],
        key=password_key(Cipher.AES_128, CAN, mrz_information="", can="654321"),
        random=Script(values["nonce_s"][::-1], values["chip_ephemeral_private"]),
    )
    with pytest.raises(StatusError, match="6300"):
        run.step(bytes.fromhex(f"7c0a8508{values['token_terminal']}"))


def test_chip_authentication_derives_the_keys_of_version_1(published):
    by_id = {item["id"]: item for item in published["chip_authentication"]}
    entry = by_id["bsi-eac2-chip-authentication-ecdh"]
    values, group = entry["values"], standard_group(entry["protocol"]["parameter_id"])
    shared = group.multiply(
        group.decode(bytes.fromhex(values["terminal_ephemeral_public"])),
        int(values["chip_static_private"], 16),
    )
    channel = SecureChannel.derive(Cipher.AES_128, group.secret(shared))
    expected = entry["derived_for_version_1"]
    assert (channel._key_enc.hex(), channel._key_mac.hex()) == (
        expected["ks_enc"],
        expected["ks_mac"],
    )


@pytest.mark.parametrize("curve", CURVE_BY_OID.values(), ids=lambda curve: curve.name)
def test_the_sum_of_points_agrees_with_multiplication(curve):
    group = type(standard_group(13))(curve)
    two = group.multiply(group.generator, 2)
    assert group.combine(group.generator, group.generator) == two
    assert group.combine(two, group.generator) == group.multiply(group.generator, 3)
    with pytest.raises(StatusError):
        group.combine(two, group.multiply(two, group.order - 1))


@pytest.mark.parametrize("size", range(18))
@pytest.mark.parametrize("cipher", Cipher)
def test_padding_comes_off_again(cipher, size):
    data = bytes(size)
    padded = cipher.pad(data)
    assert len(padded) % cipher.block == 0
    assert len(padded) > size
    assert unpad(padded) == data
    assert unpad(bytes(cipher.block)) is None

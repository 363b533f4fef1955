"""The simulated card by its commands: files and who may read them, access, authentication, quirks."""

import itertools

import pytest

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.bac import establish_bac
from ekyc.chip.files import ElementaryFile
from ekyc.chip.inspect import inspect_chip
from ekyc.chip.program import run_program
from ekyc.chip.reader import read_chip
from ekyc.chip.signed_file import inspect_card_security
from ekyc.chip.sim import (
    VIETNAMESE_QUIRKS,
    AccessProtocol,
    CardQuirks,
    CardSimulator,
    ChipAuthenticationConfiguration,
    ChipProfile,
    Cipher,
    PaceConfiguration,
    PaceMapping,
)
from ekyc.errors import ChipError, InputError
from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom

BAC_ONLY = frozenset({AccessProtocol.BAC})
PACE_ONLY = frozenset({AccessProtocol.PACE})
SELECT_APPLICATION = "00a4040c07a0000002471001"
PORTRAIT = b"\xff\xd8\xff" + bytes(3000)


def send(simulator, command):
    return simulator.transceive(bytes.fromhex(command)).hex()


def read(card, simulator, *, can=False, **options):
    key = CanKey(card.can) if can else MrzKey(*card.mrz_key)
    options = {"nonce": bytes(8)} | options
    return run_program(read_chip(key, random=SystemRandom(), **options), simulator)


class Terminal:
    """A channel after BAC, for single commands."""

    def __init__(self, card, *, quirks=None):
        self.simulator = CardSimulator(card, access=BAC_ONLY, quirks=quirks)
        assert send(self.simulator, SELECT_APPLICATION) == "9000"
        self.channel = run_program(
            establish_bac(MrzKey(*card.mrz_key), random=SystemRandom()), self.simulator
        )

    def send(self, *header, data=b"", le=None) -> ResponseApdu:
        program = self.channel.send(CommandApdu(*header, data, le))
        return run_program(program, self.simulator)

    def select(self, identifier):
        return self.send(0, 0xA4, 2, 0x0C, data=bytes.fromhex(identifier))


@pytest.fixture
def terminal(card):
    return Terminal(card)


class TestBeforeAuthentication:
    @pytest.fixture
    def simulator(self, card):
        return CardSimulator(card)

    def test_the_application_is_selected_by_its_whole_name_only(self, simulator):
        assert send(simulator, "00a4040c06a00000024710") == "6a82"
        assert send(simulator, "00a4040c07a0000002471002") == "6a82"
        assert send(simulator, SELECT_APPLICATION) == "9000"

    @pytest.mark.parametrize("identifier", ["011e", "011d", "0101", "0102", "010d", "010e", "010f"])
    def test_no_file_of_the_application_is_given_out(self, simulator, identifier):
        send(simulator, SELECT_APPLICATION)
        assert send(simulator, f"00a4020c02{identifier}") == "6982"
        assert send(simulator, "00b0000000") == "6986"
        assert (
            send(simulator, f"00b0{0x80 | bytes.fromhex(identifier)[1] & 0x1F:02x}0000") == "6982"
        )

    def test_card_access_is_free_and_card_security_is_not(self, issuer, citizen):
        profile = ChipProfile(pace=(PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION),))
        simulator = CardSimulator(issuer.issue_card(citizen, PORTRAIT, profile=profile))
        assert send(simulator, "00a4020c02011c") == "9000"
        assert send(simulator, "00b0000006") == "31143012060a9000"
        assert send(simulator, "00a4020c02011d") == "6982"

    def test_a_chip_without_pace_has_no_card_access(self, card):
        simulator = CardSimulator(card, access=BAC_ONLY)
        assert send(simulator, "00a4020c02011c") == "6a82"
        assert send(simulator, "0022c1a40f800a04007f00070202040202830101") == "6a80"

    def test_a_chip_without_bac_gives_no_challenge(self, card):
        simulator = CardSimulator(card, access=PACE_ONLY)
        send(simulator, SELECT_APPLICATION)
        assert send(simulator, "0084000008") == "6d00"

    def test_authentication_needs_its_challenge_and_each_serves_once(self, simulator):
        guess = "0082000028" + "00" * 40 + "28"
        assert send(simulator, guess) == "6985"
        send(simulator, SELECT_APPLICATION)
        assert send(simulator, guess) == "6985"
        assert send(simulator, "0084000008").endswith("9000")
        assert send(simulator, guess) == "6300"
        assert send(simulator, guess) == "6985"

    def test_challenges_differ(self, simulator):
        send(simulator, SELECT_APPLICATION)
        assert send(simulator, "0084000008") != send(simulator, "0084000008")

    @pytest.mark.parametrize(
        "command", ["0022 41a4 0c 800a04007f00070202030202", "0088 0000 08 0102030405060708 00"]
    )
    def test_nothing_is_proven_to_strangers(self, simulator, command):
        send(simulator, SELECT_APPLICATION)
        assert send(simulator, command) == "6982"

    @pytest.mark.parametrize(
        ("command", "status"),
        [
            ("", "6700"),
            ("00", "6700"),
            ("00a404", "6700"),
            ("00a4040c07a000", "6700"),
            ("00a4040c02011c0000", "6700"),
            ("00d60000010f", "6d00"),
            ("80a4040c", "6e00"),
            ("00a4050c", "6a86"),
            ("00220101", "6a86"),
            ("0022c1a403800a04", "6a80"),
            ("0cb000000d9701048e08000000000000000000", "6882"),
            ("008600000200ff00", "6982"),
        ],
    )
    def test_nonsense_is_answered_with_a_status(self, simulator, command, status):
        assert send(simulator, command) == status

    def test_a_second_card_on_the_reader_knows_nothing_of_the_first(self, card, terminal):
        assert terminal.select("011e").sw == 0x9000
        terminal.simulator.reset()
        assert send(terminal.simulator, SELECT_APPLICATION) == "9000"
        assert send(terminal.simulator, "00a4020c02011e") == "6982"


class TestReading:
    def test_a_file_by_its_identifier_and_by_its_short_one(self, card, terminal):
        com = card.files.get(ElementaryFile.COM)
        assert terminal.select("011e").sw == 0x9000
        assert terminal.send(0, 0xB0, 0, 0, le=len(com)).data == com
        assert terminal.send(0, 0xB0, 0, 3, le=4).data == com[3:7]
        assert terminal.send(0, 0xB0, 0x9E, 2, le=5).data == com[2:7]

    def test_the_end_of_a_file(self, card, terminal):
        com = card.files.get(ElementaryFile.COM)
        terminal.select("011e")
        response = terminal.send(0, 0xB0, 0, len(com) - 2, le=10)
        assert (response.data, response.sw) == (com[-2:], 0x6282)
        assert terminal.send(0, 0xB0, 0, len(com), le=1).sw == 0x6B00

    def test_a_protected_response_stays_short(self, card, terminal):
        terminal.select("010d")
        response = terminal.send(0, 0xB0, 0, 0, le=256)
        assert len(response.data) == 223
        assert response.sw == 0x9000

    def test_odd_reading_reaches_beyond_32_kilobytes(self, issuer, citizen):
        card = issuer.issue_card(citizen, b"\xff\xd8\xff" + bytes(40000))
        dg2 = card.files.get(ElementaryFile.DG2)
        terminal = Terminal(card)
        terminal.select("0102")
        response = terminal.send(0, 0xB1, 0, 0, data=bytes.fromhex("540300 9c40"), le=20)
        assert response.data == b"\x53\x12" + dg2[40000:40018]
        assert (
            terminal.send(0, 0xB1, 0, 2, data=b"\x54\x01\x00", le=8).data == b"\x53\x06" + dg2[:6]
        )
        assert read(card, CardSimulator(card, access=BAC_ONLY)).files.get(ElementaryFile.DG2) == dg2

    def test_fingerprints_are_locked_and_details_absent(self, terminal):
        assert terminal.select("0103").sw == 0x6982
        assert terminal.select("010b").sw == 0x6A82
        assert terminal.select("010c").sw == 0x6A82
        assert terminal.select("0104").sw == 0x6A82

    def test_extended_length_where_the_chip_has_it(self, issuer, citizen):
        card = issuer.issue_card(citizen, PORTRAIT)
        simulator = CardSimulator(card, access=BAC_ONLY, quirks=CardQuirks(extended_length=True))
        counted = []
        reading = run_program(
            read_chip(MrzKey(*card.mrz_key), random=SystemRandom(), chunk_bytes=4000),
            simulator,
            observe=lambda command, _: counted.append(command),
        )
        assert reading.files.get(ElementaryFile.DG2) == card.files.get(ElementaryFile.DG2)
        assert len(counted) < 40

    def test_a_chip_without_extended_length_keeps_its_session(self, issuer, citizen):
        card = issuer.issue_card(citizen, PORTRAIT)
        reading = read(card, CardSimulator(card, access=BAC_ONLY), chunk_bytes=4000)
        assert reading.files.get(ElementaryFile.DG2) == card.files.get(ElementaryFile.DG2)


class TestSession:
    def test_a_plain_command_ends_it(self, terminal):
        assert terminal.select("011e").sw == 0x9000
        assert send(terminal.simulator, "00b0000004") == "6986"
        assert send(terminal.simulator, "00a4020c02011e") == "6982"
        assert send(terminal.simulator, "0cb000000d9701048e080000000000000000") == "6882"

    @pytest.mark.parametrize(
        ("objects", "status"),
        [
            ("970104", "6987"),
            ("9701048e080000000000000000", "6988"),
            ("8e0800000000000000009701 04", "6988"),
            ("9701049701048e080000000000000000", "6988"),
            ("8e0400000000", "6988"),
            ("97", "6988"),
        ],
    )
    def test_wrong_protection_ends_it(self, terminal, objects, status):
        data = bytes.fromhex(objects)
        command = bytes((0x0C, 0xB0, 0, 0, len(data))) + data + b"\x00"
        assert terminal.simulator.transceive(command).hex() == status
        assert send(terminal.simulator, "0cb000000d9701048e080000000000000000") == "6882"

    def test_a_repeated_command_ends_it(self, terminal, card):
        seen = []
        link = terminal.simulator
        original = link.transceive
        link.transceive = lambda command: seen.append(command) or original(command)
        assert terminal.select("011e").sw == 0x9000
        assert original(seen[-1]).hex() == "6988"


class TestAuthentication:
    @pytest.mark.parametrize("mapping", PaceMapping)
    @pytest.mark.parametrize("cipher", Cipher)
    def test_pace_chip_authentication_and_active_authentication(
        self, issuer, citizen, mapping, cipher
    ):
        if (mapping, cipher) == (PaceMapping.CHIP_AUTHENTICATION, Cipher.TRIPLE_DES):
            pytest.skip("the standard has no chip authentication mapping with triple DES")
        profile = ChipProfile(
            pace=(PaceConfiguration(mapping=mapping, cipher=cipher),),
            chip_authentication=ChipAuthenticationConfiguration(cipher=cipher, key_id=7),
        )
        card = issuer.issue_card(citizen, PORTRAIT, profile=profile)
        reading = read(card, CardSimulator(card, access=PACE_ONLY), can=True)
        assert reading.access.protocol.value == "PACE"
        assert mapping.value in reading.access.name
        assert reading.chip_authentication
        assert reading.active_authentication_signature
        held = dict(card.files.items()) | dict(card.access_files.items())
        assert dict(reading.files.items()) == held

    @pytest.mark.parametrize("parameters", [0, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18])
    def test_pace_over_every_standardised_group(self, issuer, citizen, parameters):
        profile = ChipProfile(pace=(PaceConfiguration(parameters=parameters),))
        card = issuer.issue_card(citizen, PORTRAIT, profile=profile)
        simulator = CardSimulator(card, access=PACE_ONLY)
        reading = read(card, simulator, files=[ElementaryFile.COM])
        assert reading.files.get(ElementaryFile.COM) == card.files.get(ElementaryFile.COM)

    @pytest.mark.parametrize("can", [False, True], ids=["MRZ", "CAN"])
    def test_a_wrong_password_opens_nothing(self, card, can):
        key = CanKey("999999") if can else MrzKey("999999999", *card.mrz_key[1:])
        for access in (PACE_ONLY, frozenset(AccessProtocol)):
            program = read_chip(key, random=SystemRandom())
            with pytest.raises(ChipError) as caught:
                run_program(program, CardSimulator(card, access=access))
            assert caught.value.code in {"chip.pace_refused", "chip.bac_refused", "chip.status"}

    def test_a_key_identifier_that_the_chip_lacks_is_refused(self, issuer, citizen):
        profile = ChipProfile(chip_authentication=ChipAuthenticationConfiguration(key_id=7))
        terminal = Terminal(issuer.issue_card(citizen, PORTRAIT, profile=profile))
        oid = bytes.fromhex("800a04007f00070202030202")
        assert terminal.send(0, 0x22, 0x41, 0xA4, data=oid + b"\x84\x01\x08").sw == 0x6A88
        assert terminal.send(0, 0x22, 0x41, 0xA4, data=oid + b"\x84\x01\x07").sw == 0x9000

    def test_chip_authentication_comes_in_its_order(self, terminal):
        key = bytes.fromhex("7c04800204ff")
        assert terminal.send(0, 0x86, 0, 0, data=key, le=256).sw == 0x6985
        oid = bytes.fromhex("800a04007f00070202030202")
        assert terminal.send(0, 0x22, 0x41, 0xA4, data=oid).sw == 0x9000
        assert terminal.send(0, 0x86, 0, 0, data=key, le=256).sw == 0x6A80

    def test_a_chip_without_key_agreement_says_so(self, issuer, citizen):
        card = issuer.issue_card(
            citizen, PORTRAIT, profile=ChipProfile(pace=(), chip_authentication=None)
        )
        reading = read(card, CardSimulator(card))
        assert reading.access.name == "BAC"
        assert reading.chip_authentication is None
        assert reading.active_authentication_signature

    def test_one_static_key_serves_one_curve(self, issuer, citizen):
        profile = ChipProfile(
            pace=(PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION, parameters=12),)
        )
        with pytest.raises(InputError) as caught:
            issuer.issue_card(citizen, PORTRAIT, profile=profile)
        assert caught.value.code == "chip.sim_profile"


class TestTheVietnameseCard:
    @pytest.fixture
    def simulator(self, card):
        return CardSimulator(card, quirks=VIETNAMESE_QUIRKS)

    def test_the_master_file_is_refused_and_card_access_is_there(self, simulator):
        assert send(simulator, "00a4000c023f00") == "6d00"
        assert send(simulator, "00a4020c02011c") == "9000"

    def test_the_key_is_the_last_nine_digits(self, card, citizen):
        number, birth, expiry = card.mrz_key
        assert number == citizen.personal_number[-9:]
        assert card.mrz_information.startswith(number)
        assert len(card.mrz_information) == 24
        assert (birth, expiry) == ("850419", "450419")

    def test_pace_takes_the_card_access_number(self, card, simulator):
        assert read(card, simulator, can=True).access.name == "PACE-ECDH-GM-AES-128"

    def test_with_the_zone_pace_is_refused_and_bac_serves(self, card, simulator):
        reading = read(card, simulator)
        assert reading.access.name == "BAC"
        assert reading.access.pace_error == "chip.pace_unavailable"

    def test_listed_fingerprints_stay_unread_and_the_rest_verifies(
        self, issuer, citizen, trust, clock
    ):
        card = issuer.issue_card(citizen, PORTRAIT, profile=ChipProfile(fingerprints=True))
        reading = read(card, CardSimulator(card, quirks=VIETNAMESE_QUIRKS), can=True)
        assert ElementaryFile.DG3 not in reading.files.names
        report = inspect_chip(reading.files, trust=trust, at=clock.now())
        assert report.check("chip.signature").outcome is Outcome.PASSED
        assert report.check("chip.chain").outcome is Outcome.PASSED


def test_card_security_is_signed_by_the_issuer(issuer, citizen, trust, clock):
    profile = ChipProfile(pace=(PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION),))
    card = issuer.issue_card(citizen, PORTRAIT, profile=profile)
    data = card.access_files.get(ElementaryFile.CARD_SECURITY)
    report = inspect_card_security(data, trust=trust, at=clock.now())
    assert report.outcome is Outcome.PASSED
    assert len(report.security_infos.infos) == 2


def test_every_single_octet_is_answered(card):
    simulator = CardSimulator(card)
    for first, second in itertools.product((0x00, 0x0C, 0x10, 0x8C, 0xFF), range(256)):
        response = simulator.transceive(bytes((first, second, 0, 0)))
        assert len(response) >= 2

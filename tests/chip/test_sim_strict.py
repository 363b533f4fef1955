"""What the simulated card refuses although the terminal knows the keys: each rule of the card, broken alone."""

import pytest

from ekyc.chip.files import ElementaryFile
from ekyc.chip.sim import CardQuirks, CardSimulator, PaceConfiguration, PaceMapping
from ekyc.chip.sim.basic_access import BasicAccess
from ekyc.chip.sim.chip_authentication import ChipAuthentication
from ekyc.chip.sim.ciphers import Cipher
from ekyc.chip.sim.commands import StatusError, parse_command
from ekyc.chip.sim.file_system import Directory, SecurityState, read_file
from ekyc.chip.sim.groups import standard_group
from ekyc.chip.sim.pace import PaceRun
from ekyc.chip.sim.profile import ChipAuthenticationConfiguration
from ekyc.chip.sim.secure_channel import SecureChannel
from ekyc.pki import der
from ekyc.ports import SystemRandom

ZONE = "L898902C<369080619406236"
KEY = bytes(range(16))
HEADER = bytes.fromhex("0cb00000")


def refuses(status):
    return pytest.raises(StatusError, match=f"^{status}$")


def protected(objects, *, after=b""):
    """A command whose checksum is right over the given objects."""
    cipher = Cipher.AES_128
    message = (1).to_bytes(16, "big") + cipher.pad(cipher.pad(HEADER) + objects + after)
    data = objects + der.encode(0x8E, cipher.checksum(KEY, message)) + after
    return parse_command(HEADER + bytes((len(data),)) + data + b"\x00")


class TestProtection:
    @pytest.fixture
    def channel(self):
        return SecureChannel(Cipher.AES_128, key_enc=KEY, key_mac=KEY)

    def test_a_right_command_is_opened(self, channel):
        assert channel.open(protected(bytes.fromhex("970104"))).le == 4

    def test_the_padding_indicator_counts(self, channel):
        cipher = Cipher.AES_128
        iv = cipher.encrypt(KEY, bytes(16), (1).to_bytes(16, "big"))
        cryptogram = cipher.encrypt(KEY, iv, cipher.pad(b"data"))
        with refuses("6988"):
            channel.open(protected(der.encode(0x87, b"\x02", cryptogram)))

    def test_an_object_stands_once(self, channel):
        with refuses("6988"):
            channel.open(protected(bytes.fromhex("970104970104")))

    def test_nothing_follows_the_checksum(self, channel):
        with refuses("6988"):
            channel.open(protected(b"", after=bytes.fromhex("970104")))

    @pytest.mark.parametrize("cryptogram", [b"", bytes(15), bytes(16)])
    def test_a_cryptogram_has_whole_padded_blocks(self, channel, cryptogram):
        with refuses("6988"):
            channel.open(protected(der.encode(0x87, b"\x01", cryptogram)))


class TestBasicAccess:
    def token(self, card, *, challenge=None, wrong_checksum=False):
        right = card.challenge()
        cipher, zero = Cipher.TRIPLE_DES, bytes(8)
        plain = bytes(8) + (challenge or right) + bytes(16)
        encrypted = cipher.encrypt(card._key_enc, zero, plain)
        checksum = cipher.token(card._key_mac, encrypted)
        return encrypted + (bytes(8) if wrong_checksum else checksum)

    def test_the_right_token_is_taken(self):
        card = BasicAccess(ZONE, SystemRandom())
        answer, _ = card.authenticate(self.token(card))
        assert len(answer) == 40

    @pytest.mark.parametrize("wrong", [{"challenge": b"\x01" * 8}, {"wrong_checksum": True}])
    def test_an_old_challenge_or_a_wrong_checksum_is_not(self, wrong):
        card = BasicAccess(ZONE, SystemRandom())
        with refuses("6300"):
            card.authenticate(self.token(card, **wrong))

    def test_a_token_of_another_length_is_not(self):
        card = BasicAccess(ZONE, SystemRandom())
        with refuses("6700"):
            card.authenticate(self.token(card) + b"\x00")


class TestPace:
    def run(self, **options):
        run = PaceRun(PaceConfiguration(**options), key=KEY, random=SystemRandom())
        run.step(bytes.fromhex("7c00"))
        return run

    def test_a_step_serves_once(self):
        run = self.run()
        with refuses("6A80"):
            run.step(bytes.fromhex("7c00"))
        with refuses("6985"):
            run.step(bytes.fromhex("7c00"))

    def test_the_cards_own_key_is_no_terminals_key(self):
        run, group = self.run(), standard_group(13)
        generator = group.encode(group.generator)
        run.step(der.encode(0x7C, der.encode(0x81, generator)))
        run._random = Repeating()
        mine = group.encode(group.multiply(run._generator, 1))
        with refuses("6300"):
            run.step(der.encode(0x7C, der.encode(0x83, mine)))

    def test_a_nonce_of_the_terminal_fills_a_key(self):
        run = self.run(mapping=PaceMapping.INTEGRATED)
        with refuses("6A80"):
            run.step(der.encode(0x7C, der.encode(0x81, bytes(15))))

    @pytest.mark.parametrize("public", [b"\x00", b"\x01", b"\xff" * 128])
    def test_a_number_outside_the_group_is_refused(self, public):
        run = self.run(parameters=0)
        with refuses("6A80"):
            run.step(der.encode(0x7C, der.encode(0x81, public)))

    @pytest.mark.parametrize("public", [b"\x04" + bytes(64), b"\x02" + bytes(32), b"\x00", b""])
    def test_a_point_off_the_curve_is_refused(self, public):
        with refuses("6A80"):
            self.run().step(der.encode(0x7C, der.encode(0x81, public)))

    def test_parameters_that_the_card_does_not_offer(self, card):
        command = bytes.fromhex("0022c1a412800a04007f0007020204020283010184010c")
        assert CardSimulator(card).transceive(command).hex() == "6a88"


class Repeating:
    """Always the private key 1."""

    def token_bytes(self, count):
        return (1).to_bytes(count, "big")


class TestChipAuthentication:
    OBJECTS = {0x80: b"oid"}  # noqa: RUF012  # a constant of the tests

    @pytest.fixture
    def chip(self):
        return ChipAuthentication(ChipAuthenticationConfiguration(), key=5)

    @pytest.fixture
    def public(self):
        group = standard_group(13)
        return group.encode(group.generator)

    def test_the_algorithm_is_that_of_the_chip(self, chip):
        with refuses("6A80"):
            chip.select(self.OBJECTS, b"another")

    def test_a_selection_serves_once(self, chip, public):
        chip.select(self.OBJECTS, b"oid")
        assert chip.authenticate({0x80: public})
        with refuses("6985"):
            chip.authenticate({0x80: public})

    def test_agreement_in_one_step_is_for_triple_des(self, chip, public):
        with refuses("6985"):
            chip.agree_key({0x91: public})


def test_irises_are_locked_even_after_authentication(card):
    files = card.files.with_file(ElementaryFile.DG4, b"\x76\x00")
    with refuses("6982"):
        read_file(files, Directory.LDS, 0x0104, SecurityState(authenticated=True, pace=True))


def test_extended_length_is_refused_by_a_chip_that_lacks_it(card):
    command = bytes.fromhex("00a4020c000002011c")
    assert CardSimulator(card).transceive(command).hex() == "6700"
    extended = CardSimulator(card, quirks=CardQuirks(extended_length=True))
    assert extended.transceive(command).hex() == "9000"


def test_basic_access_belongs_to_the_application(card):
    assert CardSimulator(card).transceive(bytes.fromhex("0084000008")).hex() == "6985"

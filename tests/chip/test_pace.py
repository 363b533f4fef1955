"""PACE against a chip of our own making that can lie at every step."""

import pytest
from chip_links import Stranger
from hypothesis import given, settings
from hypothesis import strategies as st

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.apdu import CommandApdu
from ekyc.chip.ciphers import KeyUse
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.pace import establish_pace
from ekyc.chip.pace_mapping import map_generic, map_integrated
from ekyc.chip.program import run_program
from ekyc.chip.protocol_infos import Mapping, encode_oid, offered_pace
from ekyc.chip.secure_messaging import SessionKeys
from ekyc.errors import ChipError, EkycError
from ekyc.pki import der
from ekyc.ports import SystemRandom

PASSWORD = CanKey("123456")
OK = b"\x90\x00"


def pace_info(oid, parameter, version=2):
    info = der.encode(6, encode_oid(oid)) + der.encode(2, bytes((version,)))
    info += der.encode(2, bytes((parameter,)))
    return der.encode(0x30, info)


def offers(*entries):
    encoded = der.encode(0x31, *entries)
    return offered_pace(parse_security_infos(encoded, subject="test"))


def offer(kind, cipher, parameter):
    (info,) = offers(pace_info(f"0.4.0.127.0.7.2.2.4.{kind}.{cipher}", parameter))
    return info


class Chip:
    """The chip's side of PACE. Named steps may be replaced by what an attacker would say."""

    def __init__(self, info, *, password=PASSWORD, lies=None):
        self.info, self.group, self.suite = info, info.group, info.suite
        self.key = self.suite.derive_key(password.password.reveal(), KeyUse.PASSWORD)
        self.nonce = SystemRandom().token_bytes(16 if self.suite.key_bytes == 16 else 32)
        self.lies = lies or {}
        self.named_parameters = None

    def __call__(self, command):
        parsed = CommandApdu.parse(command)
        if parsed.ins == 0x22:
            self.named_parameters = b"\x84\x01" in parsed.data
            return self.lies.get("choose", OK)
        data = parsed.data
        objects = {
            e.tag: der.content_of(data, e) for e in der.children(data, der.single(data, 0x7C))
        }
        step, tag, content = self._step(objects)
        lie = self.lies.get(step)
        if callable(lie):
            lie = lie(objects)
        if lie is not None:
            return lie
        return der.encode(0x7C, der.encode(tag, content)) + OK

    def _step(self, objects):
        if 0x81 in objects:
            return "map", 0x82, self._map(objects[0x81])
        if 0x83 in objects:
            return "agree", 0x84, self._agree(objects[0x83])
        if 0x85 in objects:
            return "token", 0x86, self._token(self.terminal_public)
        return "nonce", 0x80, self.suite.encrypt(self.key, self.nonce)

    def _map(self, received):
        if self.info.mapping is Mapping.INTEGRATED:
            self.generator = map_integrated(self.group, self.suite, self.nonce, received)
            return b""
        private = self.group.private_key(SystemRandom())
        shared = self.group.multiply(private, self.group.decode(received))
        self.generator = map_generic(self.group, self.nonce, shared)
        return self.group.encode(self.group.multiply(private, self.group.generator))

    def _agree(self, received):
        self.terminal_public = received
        private = self.group.private_key(SystemRandom())
        secret = self.group.shared_secret(private, self.group.decode(received))
        self.keys = SessionKeys.derive(self.suite, secret)
        self.public = self.group.encode(self.group.multiply(private, self.generator))
        return self.public

    def _token(self, public):
        content = der.encode(6, encode_oid(self.info.protocol)) + der.encode(
            self.group.public_key_tag, public
        )
        return self.suite.token(self.keys.mac, der.encode(0x7F49, content))


def open_chip(chip, key=PASSWORD, **options):
    program = establish_pace(chip.info, key, random=SystemRandom(), **options)
    return run_program(program, Stranger(chip))


@pytest.mark.parametrize("cipher", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("kind", "parameter"),
    [(1, 0), (1, 1), (1, 2), (3, 0), (3, 1), (3, 2)]
    + [(2, number) for number in range(8, 19)]
    + [(4, number) for number in range(8, 19) if number != 10],
)
def test_every_standard_combination(kind, cipher, parameter):
    chip = Chip(offer(kind, cipher, parameter))
    assert open_chip(chip).channel.messaging.keys == chip.keys


def test_another_password_leads_to_another_token():
    chip = Chip(offer(2, 2, 13))
    with pytest.raises(ChipError) as error:
        open_chip(chip, MrzKey("L898902C", "690806", "940623"))
    assert error.value.code == "chip.pace_failed"


def test_parameters_are_named_unless_told_otherwise():
    chip = Chip(offer(2, 2, 13))
    open_chip(chip)
    assert chip.named_parameters
    open_chip(chip, name_parameters=False)
    assert not chip.named_parameters


def _wrapped(tag, content):
    return der.encode(0x7C, der.encode(tag, content)) + OK


INFINITY, OFF_CURVE = b"\x00", b"\x04" + bytes(63) + b"\x05"


@pytest.mark.parametrize(
    ("lies", "code"),
    [
        ({"choose": b"\x6a\x88"}, "chip.pace_unavailable"),
        ({"nonce": b"\x6a\x88"}, "chip.pace_refused"),
        ({"token": b"\x63\x00"}, "chip.pace_refused"),
        ({"nonce": OK}, "chip.pace_failed"),
        ({"nonce": _wrapped(0x80, bytes(15))}, "chip.pace_failed"),
        ({"nonce": _wrapped(0x80, bytes(48))}, "chip.pace_failed"),
        ({"nonce": b"\x7c\x82\xff\xff\x80" + OK}, "chip.pace_failed"),
        ({"map": lambda objects: _wrapped(0x82, objects[0x81])}, "chip.pace_failed"),
        ({"map": _wrapped(0x82, INFINITY)}, "chip.key_agreement"),
        ({"map": _wrapped(0x82, OFF_CURVE)}, "chip.key_agreement"),
        ({"map": _wrapped(0x80, bytes(16))}, "chip.pace_failed"),
        ({"agree": lambda objects: _wrapped(0x84, objects[0x83])}, "chip.pace_failed"),
        ({"agree": _wrapped(0x84, OFF_CURVE)}, "chip.key_agreement"),
        ({"token": _wrapped(0x86, bytes(8))}, "chip.pace_failed"),
        ({"token": lambda objects: _wrapped(0x86, objects[0x85])}, "chip.pace_failed"),
        ({"token": OK}, "chip.pace_failed"),
    ],
)
def test_a_lying_chip_is_found_out(lies, code):
    with pytest.raises(ChipError) as error:
        open_chip(Chip(offer(2, 2, 13), lies=lies))
    assert error.value.code == code


@pytest.mark.parametrize(
    "lies",
    [
        {"map": lambda objects: _wrapped(0x82, objects[0x81])},
        {
            "agree": lambda objects: _wrapped(0x84, objects[0x83]),
            "token": lambda objects: _wrapped(0x86, objects[0x85]),
        },
    ],
    ids=["mapping", "agreement"],
)
def test_a_mirror_is_no_chip(lies):
    """Who sends our public key back could send our token back as well, knowing nothing."""
    with pytest.raises(ChipError, match="our own public key"):
        open_chip(Chip(offer(2, 2, 13), lies=lies))


@pytest.mark.parametrize("number", [0, 1, -1])
def test_small_subgroups_of_dh_are_refused(number):
    info = offer(1, 2, 0)
    weak = (number % info.group.p).to_bytes(128, "big")
    with pytest.raises(ChipError) as error:
        open_chip(Chip(info, lies={"agree": _wrapped(0x84, weak)}))
    assert error.value.code == "chip.key_agreement"


@given(noise=st.binary(max_size=80), step=st.sampled_from(["nonce", "map", "agree", "token"]))
@settings(max_examples=60)
def test_noise_never_opens_a_chip(noise, step):
    with pytest.raises(ChipError):
        open_chip(Chip(offer(2, 2, 12), lies={step: noise + OK}))


def test_chip_authentication_mapping_without_its_proof_fails():
    (info,) = offers(pace_info("0.4.0.127.0.7.2.2.4.6.2", 13))
    with pytest.raises(ChipError) as error:
        open_chip(Chip(info))
    assert error.value.code == "chip.pace_failed"


# -- offers


def test_the_preferred_offer_comes_first():
    names = [
        info.name
        for info in offers(
            pace_info("0.4.0.127.0.7.2.2.4.4.4", 13),
            pace_info("0.4.0.127.0.7.2.2.4.2.1", 13),
            pace_info("0.4.0.127.0.7.2.2.4.2.4", 13),
            pace_info("0.4.0.127.0.7.2.2.4.6.2", 13),
        )
    ]
    assert names == [
        "PACE-ECDH-CAM-AES-128",
        "PACE-ECDH-GM-AES-256",
        "PACE-ECDH-GM-3DES",
        "PACE-ECDH-IM-AES-256",
    ]


@pytest.mark.parametrize(
    "entry",
    [
        pace_info("0.4.0.127.0.7.2.2.4.2.2", 13, version=1),
        pace_info("0.4.0.127.0.7.2.2.4.2.2", 3),
        pace_info("0.4.0.127.0.7.2.2.4.2.2", 0),
        pace_info("0.4.0.127.0.7.2.2.4.1.2", 13),
        pace_info("0.4.0.127.0.7.2.2.4.5.2", 13),
        pace_info("0.4.0.127.0.7.2.2.4.2.9", 13),
        pace_info("0.4.0.127.0.7.2.2.4.6.1", 13),
        pace_info("0.4.0.127.0.7.2.2.4.2", 13),
        der.encode(
            0x30, der.encode(6, encode_oid("0.4.0.127.0.7.2.2.4.2.2")), der.encode(2, b"\2")
        ),
        der.encode(
            0x30, der.encode(6, encode_oid("0.4.0.127.0.7.2.2.4.2.2")), der.encode(4, b"\2")
        ),
    ],
)
def test_an_offer_that_is_not_understood_hides_no_other(entry):
    good = pace_info("0.4.0.127.0.7.2.2.4.2.2", 13)
    assert [info.name for info in offers(entry, good)] == ["PACE-ECDH-GM-AES-128"]


@given(encoded=st.binary(max_size=60))
def test_offers_of_any_bytes(encoded):
    try:
        infos = parse_security_infos(der.encode(0x31, encoded), subject="test")
    except EkycError:
        return
    assert isinstance(offered_pace(infos), tuple)

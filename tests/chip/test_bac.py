import pytest
from chip_links import QueuedRandom, Stranger
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.bac import establish_bac
from ekyc.chip.ciphers import DES3, KeyUse
from ekyc.chip.program import run_program
from ekyc.errors import ChipError, InputError

KEY = MrzKey("L898902C", "690806", "940623")
CHALLENGE = bytes.fromhex("4608f91988702212")
RND_IFD, K_IFD = bytes.fromhex("781723860c06c226"), bytes(range(16))
ANSWER = bytes.fromhex(
    "46b9342a41396cd7386bf5803104d7cedc122b9132139baf2eedc94ee178534f2f2d235d074d7449"
)


def _run(answer):
    program = establish_bac(KEY, random=QueuedRandom(RND_IFD, K_IFD))
    return run_program(program, Stranger(answer))


def _card(final):
    return lambda command: (CHALLENGE + b"\x90\x00") if command[1] == 0x84 else final


def _sealed(content):
    seed = KEY.bac_seed.reveal()
    cryptogram = DES3.encrypt(DES3.derive_key(seed, KeyUse.ENCRYPTION), content)
    return cryptogram + DES3.mac(DES3.derive_key(seed, KeyUse.MAC), DES3.pad(cryptogram))


def test_the_answer_of_appendix_d_opens_the_chip():
    channel = _run(_card(ANSWER + b"\x90\x00"))
    assert channel.messaging.counter.to_bytes(8, "big").hex() == "887022120c06c226"


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER[:-1],
        ANSWER + b"\x00",
        ANSWER[:-1] + bytes((ANSWER[-1] ^ 1,)),
        bytes((ANSWER[0] ^ 1,)) + ANSWER[1:],
        b"",
        _sealed(RND_IFD + CHALLENGE + bytes(16)),
        _sealed(CHALLENGE + bytes(8) + bytes(16)),
        _sealed(bytes(8) + RND_IFD + bytes(16)),
    ],
    ids=[
        "too short",
        "too long",
        "checksum altered",
        "cryptogram altered",
        "empty",
        "challenges swapped",
        "another terminal's challenge",
        "another chip's challenge",
    ],
)
def test_an_answer_that_does_not_hold_is_refused(answer):
    with pytest.raises(ChipError) as error:
        _run(_card(answer + b"\x90\x00"))
    assert error.value.code == "chip.bac_failed"


def test_a_chip_that_says_no():
    with pytest.raises(ChipError) as error:
        _run(_card(b"\x63\x00"))
    assert error.value.code == "chip.bac_refused"


@pytest.mark.parametrize(
    "challenge", [b"\x6d\x00", b"\x90\x00", bytes(7) + b"\x90\x00", bytes(9) + b"\x90\x00"]
)
def test_a_chip_without_a_proper_challenge(challenge):
    with pytest.raises(ChipError) as error:
        _run(lambda command: challenge)
    assert error.value.code.startswith("chip.status")


@given(noise=st.binary(max_size=64))
def test_noise_never_opens_a_chip(noise):
    with pytest.raises(ChipError):
        _run(_card(noise + b"\x90\x00"))


# -- keys


def test_the_vietnamese_card_prints_the_last_nine_digits():
    assert MrzKey.of_vietnamese_card("048185012345", "850419", "450419") == MrzKey(
        "185012345", "850419", "450419"
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: MrzKey("", "690806", "940623"),
        lambda: MrzKey("L898902c", "690806", "940623"),
        lambda: MrzKey("L898902C", "1969-08-06", "940623"),
        lambda: MrzKey("L898902C", "690806", "9406"),
        lambda: MrzKey.of_vietnamese_card("185012345", "850419", "450419"),
        lambda: CanKey("12345"),
        lambda: CanKey("12345a"),
    ],
)
def test_malformed_keys_are_refused(make):
    with pytest.raises(InputError) as error:
        make()
    assert error.value.code == "chip.access_key"


def test_keys_show_nothing_of_their_holder():
    shown = repr(KEY) + repr(CanKey("123456")) + repr(KEY.seed)
    assert not any(secret in shown for secret in ("L898902C", "690806", "940623", "123456"))

import pytest
from chip_links import Stranger
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.apdu import CommandApdu, ResponseApdu
from ekyc.chip.ciphers import AES128, AES192, AES256, DES3, KeyUse, unpad
from ekyc.chip.program import run_program
from ekyc.chip.secure_messaging import SecureChannel, SecureMessaging, SessionKeys
from ekyc.errors import ChipError, EkycError
from ekyc.pki import der

SUITES = (DES3, AES128, AES192, AES256)
SECRET = b"a secret that both sides know"
READ = CommandApdu(0, 0xB0, 0, 0, le=223)

suites = st.sampled_from(SUITES)
payloads = st.binary(max_size=600)


class CardSide:
    """The other side, written against the clauses and not against the module under test."""

    def __init__(self, suite, counter=0):
        self.suite = suite
        self.encryption = suite.derive_key(SECRET, KeyUse.ENCRYPTION)
        self.mac = suite.derive_key(SECRET, KeyUse.MAC)
        self.counter = counter

    def _counted(self):
        return self.counter.to_bytes(self.suite.block_bytes, "big")

    def _iv(self):
        return self.suite.encrypt(self.encryption, self._counted()) if self.suite.is_aes else None

    def open(self, command):
        self.counter += 1
        objects = {
            e.tag: der.content_of(command.data, e)
            for e in der.elements(command.data, 0, len(command.data))
        }
        covered = command.data[: command.data.rindex(b"\x8e\x08")]
        padded = self.suite.pad(command.header) + (self.suite.pad(covered) if covered else b"")
        assert self.suite.mac(self.mac, self._counted() + padded) == objects[0x8E]
        sealed = objects.get(0x85) or objects.get(0x87, b"\x01")[1:]
        return unpad(self.suite.decrypt(self.encryption, sealed, iv=self._iv())) if sealed else b""

    def answer(self, data, sw=0x9000, *, tag=0x87):
        self.counter += 1
        status = sw.to_bytes(2, "big")
        body = b""
        if data:
            sealed = self.suite.encrypt(self.encryption, self.suite.pad(data), iv=self._iv())
            body = der.encode(tag, (b"\x01" if tag == 0x87 else b"") + sealed)
        body += der.encode(0x99, status)
        checksum = self.suite.mac(self.mac, self._counted() + self.suite.pad(body))
        return ResponseApdu(body + der.encode(0x8E, checksum), sw)


def both_sides(suite=AES128, counter=0):
    keys = SessionKeys.derive(suite, SECRET)
    return SecureMessaging(keys, counter=counter), CardSide(suite, counter)


@given(suite=suites, data=payloads, reply=payloads, ins=st.sampled_from([0xB0, 0xB1, 0x22, 0x88]))
def test_what_one_side_seals_the_other_opens(suite, data, reply, ins):
    terminal, card = both_sides(suite)
    assert card.open(terminal.protect(CommandApdu(0, ins, 1, 2, data, 256))) == data
    response = card.answer(reply, 0x9000, tag=0x85 if ins & 1 else 0x87)
    assert terminal.unprotect(response) == ResponseApdu(reply, 0x9000)
    assert terminal.counter == card.counter == 2


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_the_counter_runs_over(suite):
    last = (1 << 8 * suite.block_bytes) - 1
    terminal = SecureMessaging(SessionKeys.derive(suite, SECRET), counter=last)
    terminal.protect(READ)
    assert terminal.counter == 0


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_every_altered_bit_of_a_response_is_noticed(suite):
    for position in range(8 * len(both_sides(suite)[1].answer(b"data").encode())):
        terminal, card = both_sides(suite)
        card.open(terminal.protect(READ))
        octets = bytearray(card.answer(b"data").encode())
        octets[position // 8] ^= 1 << position % 8
        with pytest.raises(ChipError) as error:
            terminal.unprotect(ResponseApdu.parse(bytes(octets)))
        assert error.value.code.startswith("chip.sm.")


def test_a_response_cut_anywhere_is_refused():
    whole = both_sides()[1].answer(b"data").encode()
    for length in range(2, len(whole)):
        terminal, card = both_sides()
        card.open(terminal.protect(READ))
        with pytest.raises(ChipError):
            terminal.unprotect(ResponseApdu.parse(card.answer(b"data").encode()[:length]))


def _without(response, tag):
    data = response.data
    kept = [der.encoding_of(data, e) for e in der.elements(data, 0, len(data)) if e.tag != tag]
    return ResponseApdu(b"".join(kept), response.sw)


def _added(response):
    return ResponseApdu(der.encode(0x81, b"unsealed") + response.data, response.sw)


def _again(card):
    """Counted for another message."""
    card.counter += 2
    return card.answer(b"data")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda card: ResponseApdu(b"", 0x9000), "chip.sm.plain_response"),
        (lambda card: ResponseApdu(b"", 0x6988), "chip.sm.plain_response"),
        (lambda card: ResponseApdu(b"\x60\x14\x5f\x01", 0x9000), "chip.sm.plain_response"),
        (lambda card: ResponseApdu(b"\x87\x14\x5f\x01", 0x9000), "chip.sm.malformed"),
        (lambda card: ResponseApdu(b"\x61\x02\x5f\x00", 0x9000), "chip.sm.plain_response"),
        (lambda card: _without(card.answer(b"data"), 0x99), "chip.sm.status_missing"),
        (lambda card: _without(card.answer(b"data"), 0x8E), "chip.sm.checksum_missing"),
        (lambda card: _without(card.answer(b"data"), 0x87), "chip.sm.checksum_wrong"),
        (lambda card: ResponseApdu(card.answer(b"data").data, 0x6282), "chip.sm.status_differs"),
        (_again, "chip.sm.checksum_wrong"),
        (lambda card: _added(card.answer(b"data")), "chip.sm.malformed"),
    ],
    ids=[
        "success in clear",
        "error in clear",
        "data in clear",
        "a truncated object",
        "another structure in clear",
        "no status object",
        "no checksum",
        "cryptogram taken out",
        "status word changed",
        "an old response again",
        "an object slipped in",
    ],
)
def test_a_downgrade_is_refused(make, code):
    terminal, card = both_sides()
    card.open(terminal.protect(READ))
    with pytest.raises(ChipError) as error:
        terminal.unprotect(make(card))
    assert error.value.code == code


def test_an_unknown_padding_indicator_is_refused():
    terminal, card = both_sides()
    card.open(terminal.protect(READ))
    card.counter += 1
    sealed = card.suite.encrypt(card.encryption, card.suite.pad(b"data"), iv=card._iv())
    body = der.encode(0x87, b"\x02", sealed) + der.encode(0x99, b"\x90\x00")
    checksum = card.suite.mac(card.mac, card._counted() + card.suite.pad(body))
    with pytest.raises(ChipError) as error:
        terminal.unprotect(ResponseApdu(body + der.encode(0x8E, checksum), 0x9000))
    assert error.value.code == "chip.sm.padding"


@given(data=st.binary(max_size=300), sw=st.integers(0, 0xFFFF))
def test_whatever_comes_is_refused_with_a_type(data, sw):
    terminal, _ = both_sides()
    with pytest.raises(EkycError) as error:
        terminal.unprotect(ResponseApdu(data, sw))
    assert error.value.code.startswith("chip.sm.")


# -- the channel


def _card_without_extended_length(card):
    """Refuses before its secure messaging runs; its counter stands still."""

    def answer(command):
        parsed = CommandApdu.parse(command)
        if parsed.needs_extended_length:
            return b"\x67\x00"
        card.open(parsed)
        return card.answer(b"four").encode()

    return Stranger(answer)


def test_a_refused_extended_length_keeps_the_counter():
    terminal, card = both_sides()
    channel, link = SecureChannel(terminal), _card_without_extended_length(card)
    refused = run_program(channel.send(CommandApdu(0, 0xB0, 0, 0, le=4096)), link)
    assert (refused.sw, terminal.counter) == (0x6700, 0)
    assert run_program(channel.send(READ), link).data == b"four"
    assert terminal.counter == card.counter == 2


def test_no_other_answer_in_clear_is_excused():
    for sw, extended in ((0x6700, False), (0x9000, True), (0x6D00, True)):
        terminal, _ = both_sides()
        link = Stranger(lambda command, sw=sw: sw.to_bytes(2, "big"))
        with pytest.raises(ChipError) as error:
            run_program(
                SecureChannel(terminal).send(
                    CommandApdu(0, 0xB0, 0, 0, le=4096 if extended else 4)
                ),
                link,
            )
        assert error.value.code == "chip.sm.plain_response"


def test_data_beside_a_refusal_in_clear_are_not_believed():
    terminal, _ = both_sides()
    with pytest.raises(ChipError):
        run_program(
            SecureChannel(terminal).send(CommandApdu(0, 0xB0, 0, 0, le=4096)),
            Stranger(lambda command: b"\x61\x02\x5f\x00\x67\x00"),
        )


# -- ciphers


@given(data=payloads, suite=suites)
def test_padding_comes_off_again(data, suite):
    padded = suite.pad(data)
    assert unpad(padded) == data
    assert len(padded) % suite.block_bytes == 0


@pytest.mark.parametrize("padded", [b"", bytes(16), b"\x01" * 16, b"\x81" + bytes(15)])
def test_wrong_padding_is_refused(padded):
    with pytest.raises(ChipError) as error:
        unpad(padded)
    assert error.value.code == "chip.sm.padding"


def test_a_cryptogram_is_made_of_whole_blocks():
    with pytest.raises(ChipError) as error:
        AES128.decrypt(bytes(16), bytes(17))
    assert error.value.code == "chip.sm.cryptogram"


def test_3des_keys_have_odd_parity():
    key = DES3.derive_key(SECRET, KeyUse.MAC)
    assert all(octet.bit_count() % 2 for octet in key)


def test_keys_do_not_show():
    keys = SessionKeys.derive(AES128, SECRET)
    assert keys.encryption.hex() not in repr(keys)
    assert "b'" not in repr(keys)

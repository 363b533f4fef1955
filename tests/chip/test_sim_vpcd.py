"""The virtual reader's protocol: messages in pieces, control codes, bounds."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.sim.vpcd import ATR, VpcdSession
from ekyc.cli.chip_simulate import serve_card


class Echo:
    """Answers a command with itself and counts resets."""

    def __init__(self):
        self.resets = 0

    def reset(self):
        self.resets += 1

    def transceive(self, command):
        return command + b"\x90\x00"


def message(content):
    return len(content).to_bytes(2, "big") + content


@pytest.fixture
def card():
    return Echo()


def test_the_answer_to_reset(card):
    assert VpcdSession(card).receive(message(b"\x04")) == message(ATR)
    assert card.resets == 0


@pytest.mark.parametrize("control", [b"\x00", b"\x01", b"\x02"])
def test_power_and_reset_forget_the_session_without_an_answer(card, control):
    assert VpcdSession(card).receive(message(control)) == b""
    assert card.resets == 1


@pytest.mark.parametrize("content", [b"", b"\x03", b"\xff"])
def test_what_nobody_knows_gets_no_answer(card, content):
    session = VpcdSession(card)
    assert session.receive(message(content)) == b""
    assert session.receive(message(b"\x00\xa4")) == message(b"\x00\xa4\x90\x00")


@given(st.lists(st.binary(min_size=2, max_size=300), max_size=6), st.data())
def test_commands_arrive_whole_however_they_are_cut(commands, data):
    stream = b"".join(map(message, commands))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    session, answers = VpcdSession(Echo()), b""
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        answers += session.receive(stream[start:stop])
    assert answers == b"".join(message(command + b"\x90\x00") for command in commands)


def test_the_driver_answers_until_the_reader_hangs_up(card):
    reader, link = socket.socketpair()
    with reader, link:
        reader.sendall(message(b"\x01") + message(b"\x04") + message(b"\x00\xa4"))
        reader.shutdown(socket.SHUT_WR)
        serve_card(card, link)
        link.shutdown(socket.SHUT_WR)
        assert reader.recv(100) == message(ATR) + message(b"\x00\xa4\x90\x00")
    assert card.resets == 1

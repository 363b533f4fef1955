"""Frames: what is written is read, and nothing else is."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ekyc.chip.files import ElementaryFile
from ekyc.chip.reader import AccessProtocol
from ekyc.chip.relay import MAX_FRAME_BYTES, RelayMode, encode_frame, parse_any, parse_frame
from ekyc.chip.relay.frames import (
    Abort,
    Commands,
    Failed,
    FileFrame,
    Finished,
    HandoverFrame,
    Hello,
    Ready,
    Responses,
)
from ekyc.errors import EkycError, InputError, LimitError
from ekyc.values import Redacted

TOKEN = "0123456789abcdef"
link_bytes = st.integers(64, 70_000)
sequences = st.integers(1, 1_000_000)
apdus = st.lists(st.binary(max_size=300), min_size=1, max_size=128).map(tuple)
codes = st.from_regex(r"[a-z][a-z0-9_.]{0,63}", fullmatch=True)
frames = st.one_of(
    st.builds(
        Hello,
        token=st.from_regex(r"[A-Za-z0-9_-]{16,128}", fullmatch=True).map(Redacted),
        max_command_bytes=link_bytes,
        max_response_bytes=link_bytes,
        extended_length=st.booleans(),
        protocol=st.just("ekyc-chip-relay-1"),
    ),
    st.builds(Ready, mode=st.sampled_from(RelayMode)),
    st.builds(FileFrame, name=st.sampled_from(ElementaryFile), content=st.binary(max_size=400)),
    st.builds(
        HandoverFrame,
        access=st.sampled_from(AccessProtocol),
        suite=st.sampled_from(["3DES", "AES-128", "AES-192", "AES-256"]),
        encryption=st.binary(max_size=32),
        mac=st.binary(max_size=32),
        counter=st.binary(min_size=1, max_size=16),
    ),
    st.builds(Commands, sequence=sequences, commands=apdus),
    st.builds(Responses, sequence=sequences, responses=apdus),
    st.builds(Abort, code=codes),
    st.builds(Finished, transcript=st.from_regex(r"[0-9a-f]{64}", fullmatch=True)),
    st.builds(Failed, code=codes),
)
RESPONSES = {"type": "responses", "sequence": 1, "responses": ["kAA="]}
NO_OCTETS = {"content", "encryption", "mac"}
"""Members that may be empty."""
HELLO = {
    "type": "hello",
    "protocol": "ekyc-chip-relay-1",
    "token": TOKEN,
    "max_command_bytes": 261,
    "max_response_bytes": 258,
    "extended_length": False,
}


def code_of(text):
    with pytest.raises(InputError) as error:
        parse_any(text)
    return error.value.code


@given(frame=frames)
def test_what_is_written_is_read(frame):
    text = encode_frame(frame)
    assert parse_any(text) == frame
    assert encode_frame(parse_any(text)) == text


@given(frame=frames, data=st.data())
def test_a_member_more_or_less_is_refused(frame, data):
    content = json.loads(encode_frame(frame))
    name = data.draw(st.sampled_from(sorted(content)))
    fewer = {key: value for key, value in content.items() if key != name}
    assert code_of(json.dumps(fewer)) == "chip.relay_frame_malformed"
    assert code_of(json.dumps(content | {"more": 1})) == "chip.relay_frame_malformed"


@given(frame=frames, data=st.data())
def test_a_member_of_another_type_is_refused(frame, data):
    content = json.loads(encode_frame(frame))
    name = data.draw(st.sampled_from(sorted(content)))
    other = data.draw(
        st.sampled_from([None, [], {}, 1.5, -1, 10**400, "", "é", [1], ["="], [None], {"a": 1}])
    )
    assume(other != "" or name not in NO_OCTETS)
    assert code_of(json.dumps(content | {name: other})) == "chip.relay_frame_malformed"


@given(text=st.text(max_size=200))
def test_noise_is_no_frame(text):
    assert code_of(text) == "chip.relay_frame_malformed"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"type":"responses","sequence":1,"sequence":1,"responses":["kAA="]}',
        '{"type":"responses","sequence":1.0,"responses":["kAA="]}',
        '{"type":"responses","sequence":NaN,"responses":["kAA="]}',
        '{"type":"responses","sequence":true,"responses":["kAA="]}',
        '{"type":"responses","sequence":0,"responses":["kAA="]}',
        '{"type":"responses","sequence":1,"responses":[]}',
        '{"type":"responses","sequence":1,"responses":["kAB="]}',
        '{"type":"responses","sequence":1,"responses":["kAA"]}',
        '{"type":"responses","sequence":1,"responses":["k A A ="]}',
        '{"type":"responses","sequence":1,"responses":["-_8="]}',
        '{"type":"responses","sequence":' + "9" * 5000 + ',"responses":["kAA="]}',
        '{"type":["responses"],"sequence":1,"responses":["kAA="]}',
        '"responses"',
        "5",
        "null",
    ],
)
def test_near_misses_are_refused(text):
    assert code_of(text) == "chip.relay_frame_malformed"


def test_bounds_of_a_frame():
    assert code_of(" " * (MAX_FRAME_BYTES + 1)) == "chip.relay_frame_too_large"
    assert isinstance(parse_any(json.dumps(RESPONSES).ljust(MAX_FRAME_BYTES)), Responses)
    many = RESPONSES | {"responses": ["kAA="] * 129}
    assert code_of(json.dumps(many)) == "chip.relay_frame_malformed"
    with pytest.raises(LimitError):
        parse_any(" " * (MAX_FRAME_BYTES + 1))


def test_the_largest_file_fits():
    frame = FileFrame(name=ElementaryFile.DG2, content=bytes(128 * 1024))
    assert parse_any(encode_frame(frame)) == frame


def test_another_version_is_told_apart_from_noise():
    assert code_of(json.dumps(HELLO | {"protocol": "ekyc-chip-relay-2"})) == "chip.relay_version"


def test_another_kind_is_told_apart_from_noise():
    assert parse_frame(json.dumps(HELLO), Hello).max_command_bytes == 261
    with pytest.raises(EkycError) as error:
        parse_frame(json.dumps(RESPONSES), Hello)
    assert error.value.code == "chip.relay_unexpected_frame"


def test_no_secret_shows():
    hello = parse_frame(json.dumps(HELLO), Hello)
    keys = HandoverFrame(
        access=AccessProtocol.BAC,
        suite="3DES",
        encryption=b"secret",
        mac=b"secret",
        counter=b"secret",
    )
    file = FileFrame(name=ElementaryFile.DG1, content=b"secret")
    assert TOKEN not in repr(hello)
    assert "secret" not in repr((keys, file))

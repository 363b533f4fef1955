"""``ekyc chip relay``: what it refuses before any connection. The way itself is in tests/system."""

import json

import pytest
from typer.testing import CliRunner

from ekyc.cli.__main__ import app
from ekyc.cli.chip_relay import socket_address
from ekyc.errors import InputError

ORDER = {
    "id": "0" * 32,
    "token": "t" * 43,
    "relay_path": "/v1/chip-sessions/0/relay",
    "mode": "full",
}
HERE = "http://127.0.0.1:1"


def run(*arguments, order=ORDER):
    command = ["chip", "relay", *arguments, "--session", "-", "--simulated", "--json"]
    done = CliRunner().invoke(app, command, input=json.dumps(order))
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://ekyc.example.vn", "wss://ekyc.example.vn/v1/x"),
        ("https://ekyc.example.vn:8443/ekyc/", "wss://ekyc.example.vn:8443/ekyc/v1/x"),
        ("http://localhost:8765", "ws://localhost:8765/v1/x"),
        ("http://[::1]:8765/", "ws://[::1]:8765/v1/x"),
    ],
)
def test_the_address_of_the_socket(url, address):
    assert socket_address(url, "/v1/x") == address


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://ekyc.example.vn", "chip.relay_insecure"),
        ("http://localhost.example.vn", "chip.relay_insecure"),
        ("ftp://localhost", "chip.relay_url"),
        ("https://", "chip.relay_url"),
        ("https://host/?token=1", "chip.relay_url"),
        ("ekyc.example.vn", "chip.relay_url"),
    ],
)
def test_an_address_that_is_not_spoken_to(url, code):
    with pytest.raises(InputError) as error:
        socket_address(url, "/v1/x")
    assert error.value.code == code


@pytest.mark.parametrize("order", [[], {}, {"id": "x"}, 5])
def test_what_is_no_session(validate_against, order):
    code, written = run(HERE, order=order)
    assert (code, written["reasons"]) == (1, ["chip.relay_session"])
    validate_against("ekyc.chip-relay.1", written)


@pytest.mark.parametrize(
    ("arguments", "order", "code"),
    [
        (("--can", "123456"), ORDER, "chip.relay_mode"),
        ((), ORDER | {"mode": "hybrid"}, "chip.relay_mode"),
        (("--can", "123456", "--mrz", "1,850419,450419"), ORDER, "chip.access_key"),
        (("--can", "12"), ORDER | {"mode": "hybrid"}, "chip.access_key"),
        (("--reader", "x"), ORDER, "input.option_missing"),
    ],
)
def test_options_that_do_not_fit(arguments, order, code):
    assert run(HERE, *arguments, order=order)[1]["reasons"] == [code]


def test_the_anchor_is_written_before_the_session_is_read(tmp_path):
    anchor = tmp_path / "anchor.pem"
    run(HERE, "--anchor", str(anchor), order=[])
    assert anchor.read_bytes().startswith(b"-----BEGIN CERTIFICATE")

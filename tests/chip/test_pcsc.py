"""The PC/SC driver against an in-memory PC/SC service; tests/system runs it against the real one."""

import sys

import pytest
from in_memory_pcsc import Scard

from ekyc.chip.pcsc import PcscContext, list_readers
from ekyc.errors import InputError, UpstreamError


class Silent:
    """A card that knows no file."""

    def reset(self):
        pass

    def transceive(self, command):
        return b"\x6a\x82"


def service(*names, **results):
    return Scard({name: Silent() for name in names or ("Contact 00", "Contactless 01")}, **results)


def test_a_command_goes_to_the_named_reader_and_the_card_is_reset_afterwards():
    scard = service()
    with PcscContext(scard) as context, context.connect("contactless") as card:
        assert card.transceive(b"\x00\xa4\x04\x00") == b"\x6a\x82"
    names = [call[0] for call in scard.calls]
    assert names == ["establish", "list", "connect", "transmit", "disconnect", "release"]
    assert scard.calls[2] == ("connect", "Contactless 01", Scard.SCARD_SHARE_EXCLUSIVE)
    assert scard.calls[3] == ("transmit", "t1", b"\x00\xa4\x04\x00")
    assert scard.calls[4] == ("disconnect", Scard.SCARD_RESET_CARD)


def test_the_protocol_is_the_one_that_was_agreed():
    scard = service(protocol=Scard.SCARD_PROTOCOL_T0)
    with PcscContext(scard) as context, context.connect("Contact 00") as card:
        card.transceive(b"\x00\xa4\x04\x00")
    assert ("transmit", "t0", b"\x00\xa4\x04\x00") in scard.calls


@pytest.mark.parametrize("wanted", ["contact", "other", ""])
def test_a_name_must_mean_one_reader(wanted):
    with PcscContext(service()) as context, pytest.raises(InputError) as caught:
        context.connect(wanted)
    assert caught.value.code == "chip.reader_unknown"


def test_a_whole_name_is_meant_even_where_another_contains_it():
    with PcscContext(service("Reader 0", "Reader 01")) as context:
        assert context.find_reader("Reader 0") == "Reader 0"


def test_no_reader_is_no_error():
    scard = service(list=Scard.SCARD_E_NO_READERS_AVAILABLE)
    with PcscContext(scard) as context:
        assert context.readers() == ()


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (Scard.SCARD_E_NO_SMARTCARD, "chip.card_absent"),
        (Scard.SCARD_W_REMOVED_CARD, "chip.card_absent"),
        (Scard.SCARD_E_SHARING_VIOLATION, "chip.card_busy"),
        (99, "chip.card_lost"),
    ],
)
def test_a_card_that_cannot_be_had(result, code):
    with PcscContext(service(connect=result)) as context, pytest.raises(UpstreamError) as caught:
        context.connect("contactless")
    assert caught.value.code == code
    assert caught.value.retryable


def test_a_card_that_leaves_the_field():
    scard = service(transmit=99)
    with (
        PcscContext(scard) as context,
        pytest.raises(UpstreamError) as caught,
        context.connect("contactless") as card,
    ):
        card.transceive(bytes(5))
    assert caught.value.code == "chip.card_lost"
    assert scard.calls[-1][0] == "release"


@pytest.mark.parametrize("failing", ["establish", "list"])
def test_a_service_that_does_not_run(failing):
    with pytest.raises(UpstreamError) as caught:
        PcscContext(service(**{failing: 99})).readers()
    assert caught.value.code == "chip.pcsc_unavailable"


def test_without_pyscard_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(InputError, match=r"ekyc-vn\[pcsc\]") as caught:
        list_readers()
    assert caught.value.code == "chip.pcsc_missing"

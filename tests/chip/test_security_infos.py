"""SecurityInfos with damage: one bad entry never loses the group, and is named by its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip import inspect_chip
from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.lds.security_infos import SecurityInfos, parse_security_infos
from ekyc.chip.protocol_infos import (
    chip_authentication_keys,
    encode_oid,
    offered_chip_authentication,
)
from ekyc.chip.sim.files import build_security_object
from ekyc.errors import ChipError
from ekyc.outcomes import Outcome
from ekyc.pki import der


def oid(dotted):
    return der.encode(6, encode_oid(dotted))


ACTIVE = der.encode(0x30, oid("2.23.136.1.1.5"), b"\x02\x01\x01", oid("0.4.0.127.0.7.1.1.4.1.3"))
BROKEN = {
    "no object identifier first": der.encode(0x30, b"\x02\x01\x01", b"\x02\x01\x01"),
    "an unfinished object identifier": der.encode(0x30, b"\x06\x02\x81\x81", b"\x02\x01\x01"),
    "nothing required": der.encode(0x30, oid("1.2.3")),
    "too many parts": der.encode(0x30, oid("1.2.3"), b"\x05\x00" * 3),
    "empty": b"\x30\x00",
    "no sequence": b"\x04\x02ab",
    "an inner length that lies": b"\x30\x05" + oid("1.2.3") + b"\x02",
    "a digest that is none": der.encode(
        0x30, oid("2.23.136.1.1.5"), b"\x02\x01\x01", b"\x02\x01\x01"
    ),
}


@pytest.fixture(scope="module")
def entries(card):
    """The entries of the sample card's DG14, each as its bytes."""
    data = card.files.get(ElementaryFile.DG14)
    infos = der.content_of(data, der.single(data, 0x6E))
    return [
        der.encoding_of(infos, item) for item in der.children(infos, der.single(infos, der.SET))
    ]


def parse(*parts) -> SecurityInfos:
    return parse_security_infos(der.encode(der.SET, *parts), subject="test")


@pytest.mark.parametrize("place", [0, 1, 99])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_one_bad_entry_costs_only_itself(entries, broken, place):
    whole = parse(*entries)
    damaged = parse(*entries[:place], broken, *entries[place:])
    assert damaged.infos == whole.infos
    assert damaged.unreadable == (min(place, len(entries)) + 1,)
    assert chip_authentication_keys(damaged) == chip_authentication_keys(whole)
    assert offered_chip_authentication(damaged) == offered_chip_authentication(whole)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_length_that_swallows_the_rest_costs_only_its_own_entry(entries, place):
    lying = bytearray(ACTIVE)
    lying[1] = 0x7F
    damaged = parse(*entries[:place], bytes(lying), *entries[place:])
    assert damaged.infos == parse(*entries).infos
    assert damaged.unreadable == (place + 1,)


def test_the_digest_of_active_authentication_survives_a_bad_neighbour():
    assert parse(BROKEN["empty"], ACTIVE).active_authentication_digest == "sha256"
    assert parse(BROKEN["a digest that is none"], ACTIVE).active_authentication_digest == "sha256"


def test_nothing_readable_is_an_error_and_an_empty_set_is_none():
    assert parse().infos == ()
    with pytest.raises(ChipError) as caught:
        parse(BROKEN["empty"], BROKEN["no sequence"])
    assert caught.value.code == "chip.security_infos_malformed"


def test_too_many_entries_are_refused():
    assert len(parse(*[ACTIVE] * 64).infos) == 64
    with pytest.raises(ChipError):
        parse(*[ACTIVE] * 65)


def test_the_inspection_names_the_bad_entry(card, issuer, trust, clock, entries):
    """A group that the issuer signed so: read as far as it goes, with a remark."""
    group = der.encode(0x6E, der.encode(der.SET, BROKEN["empty"], *entries))
    files = card.files.with_file(ElementaryFile.DG14, group)
    listed = build_security_object(files.data_groups)
    files = files.with_file(ElementaryFile.SOD, issuer.sign_security_object(listed))
    report = inspect_chip(files, trust=trust, at=clock.now())
    structure = report.check("chip.structure")
    assert structure.outcome is Outcome.PASSED
    assert "EF.DG14/1" in structure.subjects
    assert report.check("chip.chip_authentication").reasons == ("chip.ca_not_submitted",)


@given(st.lists(st.binary(max_size=40) | st.sampled_from([ACTIVE, *BROKEN.values()]), max_size=8))
def test_any_set_of_entries_gives_a_value_or_a_typed_error(parts):
    group = der.encode(0x6E, der.encode(der.SET, *parts))
    try:
        infos = parse_dg14(group)
    except ChipError as error:
        assert error.code.startswith("chip.")
    else:
        assert len(infos.infos) + len(infos.unreadable) <= 64
        assert infos.active_authentication_digest in (None, "sha256")


def _overlapping(size):
    """Every small element hides the header of an entry that claims all the rest."""
    head = oid("1.2")
    unit = 6 + len(head)
    count = size // unit
    parts = []
    for place in range(count):
        rest = (count - place - 1) * unit + len(head)
        hidden = b"\x30\x82" + rest.to_bytes(2, "big") + head
        parts.append(der.encode(4, hidden))
    return b"".join(parts)


def test_entries_within_entries_cost_no_more_than_their_bytes(monkeypatch):
    """60 kB once took six seconds: each of many tries read all that followed."""
    read, reads = der.read_element, []

    def counting(data, at, end):
        reads.append(at)
        return read(data, at, end)

    group = der.encode(0x6E, der.encode(der.SET, _overlapping(60_000)))
    monkeypatch.setattr(der, "read_element", counting)
    with pytest.raises(ChipError):
        parse_dg14(group)
    assert len(reads) < 60_000

"""Every file of the sets of DSS and signxml in XML and CMS: what we say of it, and that it fits what its name says."""

from collections import Counter

import pytest

from ekyc.benchmarks.validation_formats import EXPLAINED, detached, rows
from ekyc.signing.der import octet_string, sequence, tlv

UNEXPECTED = {
    "validation_Signature-C-DE_CRY-3.p7m",
    "validation_Signature-C-DE_CRY-4.p7m",
}
"""Their timestamps cannot be parsed at all."""
pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def judged(shared_data):
    return rows(shared_data / "sign")


def test_no_file_is_left_out(judged, shared_data):
    found = Counter(row.folder for row in judged)
    assert found == {
        name: len(list((shared_data / "sign" / name).iterdir()))
        for name in ("dss_xades", "signxml_xades", "dss_cades")
    }
    assert found.total() == 376


def test_without_an_anchor_nothing_passes(judged):
    assert {row.outcome for row in judged} == {"INDETERMINATE", "FAILED"}


def test_nothing_altered_is_intact_and_nothing_genuine_is_broken(judged):
    assert [row for row in judged if not row.fits] == []


def test_what_is_explained_needs_it(judged):
    altered = {row.name for row in judged if row.expected != "UNSPECIFIED"}
    assert {row.name for row in judged if row.integrity == "INTACT"} & altered == set(EXPLAINED)


def test_every_verdict_has_a_reason_of_its_own(judged):
    assert all(row.reason for row in judged)
    unexpected = {row.name for row in judged if row.reason == "signature.unexpected"}
    assert unexpected == UNEXPECTED


def test_how_much_is_understood(judged):
    """Fewer would mean that a rule got stricter than it was meant to be."""
    intact = Counter(row.folder for row in judged if row.integrity == "INTACT")
    assert intact == {"dss_xades": 8, "signxml_xades": 5, "dss_cades": 51}


def test_content_in_segments_is_taken_out_whole():
    data = bytes.fromhex("06092a864886f70d010701")
    segments = b"\x24\x80" + octet_string(b"ab") + octet_string(b"c") + b"\0\0"
    rest = tlv(0x31)
    body = sequence(b"\x02\x01\x01", rest, sequence(data, tlv(0xA0, segments)), rest)
    bare, content = detached(sequence(bytes.fromhex("06092a864886f70d010702"), tlv(0xA0, body)))
    assert content == b"abc"
    assert b"abc" not in bare

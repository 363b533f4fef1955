"""PDFs that want to cost much: each ends in a report that says why, and nothing of them passes."""

import bad_pdfs
import pytest
from signing_pilot import Pilot, make_pdf

from ekyc.outcomes import Outcome
from ekyc.signing import Level, inspect_pdf, sign_pdf, validate_file

UNREADABLE, LIMIT, NONE = "signature.unreadable", "signature.limit", "signature.none"


def reasons(data):
    report = validate_file(data, anchors=())
    assert report.outcome is Outcome.INDETERMINATE
    return {code for check in report.checks for code in check.reasons}


@pytest.mark.parametrize("name", bad_pdfs.ABSURD_RANGES)
def test_absurd_byte_ranges(name):
    assert reasons(bad_pdfs.signed_like(bad_pdfs.ABSURD_RANGES[name])) == {UNREADABLE}


@pytest.mark.parametrize("name", bad_pdfs.ABSURD_RANGES)
def test_absurd_byte_ranges_over_a_signature_of_ours(name, signed):
    """The contents can be read here, so the ranges themselves are judged."""
    start = signed.index(b"/ByteRange [")
    end = signed.index(b"]", start)
    changed = signed[: start + 12] + bad_pdfs.ABSURD_RANGES[name] + signed[end:]
    report = validate_file(changed, anchors=())
    assert report.outcome is not Outcome.PASSED
    assert all(entry.integrity != "INTACT" for entry in report.signatures)


@pytest.mark.parametrize("name", bad_pdfs.CYCLIC)
def test_cycles(name):
    assert reasons(bad_pdfs.CYCLIC[name]) <= {UNREADABLE, LIMIT, NONE}


@pytest.fixture(scope="module")
def bombs():
    return bad_pdfs.bombs()


@pytest.mark.parametrize("name", bad_pdfs.BOMBS)
def test_bombs(name, bombs):
    assert reasons(bombs[name]) <= {UNREADABLE, LIMIT, "signature.unexpected"}


def test_every_bomb_is_tried(bombs):
    assert set(bombs) == set(bad_pdfs.BOMBS)


def test_ten_thousand_signatures():
    assert reasons(bad_pdfs.many_signatures(10_000)) == {LIMIT}


def test_ten_thousand_revisions():
    assert reasons(bad_pdfs.many_revisions(10_000)) == {UNREADABLE}


def test_a_file_over_the_bound_is_not_opened():
    assert reasons(b"%PDF-1.7\n" + bytes(64 << 20)) == {LIMIT}


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def signed(pilot):
    party = pilot.party("officer", "Nguyễn Văn Cán Bộ")
    return sign_pdf(make_pdf(), party, level=Level.B_LTA)


def test_cut_at_every_64th(signed, pilot):
    for part in range(64):
        cut = signed[: len(signed) * part // 64]
        report = inspect_pdf(cut, anchors=pilot.anchors, clock=pilot.clock)
        assert report.outcome is not Outcome.PASSED, part


def test_cut_at_the_end_of_a_revision_it_is_the_older_file(signed, pilot):
    """What was signed before stands by itself, and the report says so of that alone."""
    end = signed.index(b"%%EOF", signed.index(b"/ETSI.CAdES.detached")) + 6
    report = inspect_pdf(signed[:end], anchors=pilot.anchors, clock=pilot.clock)
    assert [entry.field_name for entry in report.signatures] == ["Signature1"]
    assert report.document_timestamps == ()

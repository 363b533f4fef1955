"""Signed files and attacks that nobody here made: EU DSS with its documented verdicts, ISA and USF attacks."""

import csv
import re
from datetime import timedelta

import pytest
from asn1crypto import cms
from pyhanko_certvalidator.policy_decl import NO_REVOCATION

from ekyc.outcomes import Outcome
from ekyc.signing import Indication, Integrity, ValidationReport, inspect_pdf
from ekyc.signing.validation import trust

pytestmark = pytest.mark.shared_data

_HOLE = re.compile(rb"/Contents\s*<([0-9A-Fa-f\s]+)>")


def own_authorities(data):
    """Every certificate that the file itself carries, signers' included: as trusting as a validator can be."""
    found = set()
    for hole in _HOLE.finditer(data):
        try:
            content = cms.ContentInfo.load(bytes.fromhex(hole[1].decode()))["content"]
            choices = [choice for choice in content["certificates"] if choice.name == "certificate"]
            found |= {
                c.chosen.dump() for c in choices if c.chosen.ca or c.chosen.self_signed != "no"
            }
        except (ValueError, TypeError, KeyError):
            continue
    return sorted(found)


def trusting(data):
    """Judge with the file's own authorities, now and as of when it says it was signed."""
    anchors = own_authorities(data)
    report = inspect_pdf(data, anchors=anchors)
    times = [s.claimed_time for s in report.signatures if s.claimed_time]
    reports = [report]
    if times:
        at = max(times) + timedelta(minutes=10)
        reports.append(inspect_pdf(data, anchors=anchors, at=at))
    return reports


@pytest.fixture(scope="module", autouse=True)
def revocation_is_not_asked():
    """The files carry little revocation data; without this nearly all would stop there, and show nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trust, "_REVOCATION", NO_REVOCATION)
        yield


@pytest.fixture(scope="module")
def dss(shared_data):
    folder = shared_data / "sign/dss_pades"
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["file"]: row["expected_for_us"] for row in csv.DictReader(file)}
    return {
        name: (verdict, trusting((folder / name).read_bytes()))
        for name, verdict in expected.items()
    }


def test_all_files_of_dss_give_reports(dss):
    assert len(dss) == 52
    assert all(isinstance(r, ValidationReport) for _, reports in dss.values() for r in reports)


def test_what_dss_calls_altered_malformed_or_unsigned_never_passes(dss):
    passed = {
        name
        for name, (verdict, reports) in dss.items()
        if verdict in {"ALTERED", "MALFORMED", "UNSIGNED"}
        and any(report.outcome is Outcome.PASSED for report in reports)
    }
    assert passed == set()


def test_what_dss_calls_intact_is_never_failed(dss):
    failed = {
        name
        for name, (verdict, reports) in dss.items()
        if verdict.startswith("INTACT")
        and any(report.outcome is Outcome.FAILED for report in reports)
    }
    assert failed == set()


def test_most_of_what_dss_calls_intact_is_intact_for_us_and_some_passes(dss):
    """So that the tests above are not kept by a validator that passes nothing."""
    intact = {n: reports for n, (verdict, reports) in dss.items() if verdict.startswith("INTACT")}
    seen = {
        name
        for name, (report, *_) in intact.items()
        if any(s.integrity is Integrity.INTACT for s in report.signatures)
    }
    passed = {
        name
        for name, reports in intact.items()
        for report in reports
        if any(s.indication is Indication.TOTAL_PASSED for s in report.signatures)
    }
    assert len(seen) >= len(intact) - 3
    assert len(passed) >= 6


@pytest.mark.parametrize("family", ["isa", "usf"])
def test_no_attack_on_incremental_saving_or_on_the_signature_passes(shared_data, family):
    files = sorted((shared_data / "sign/pdf_insecurity_isa_usf").rglob(f"{family}_*.pdf"))
    assert len(files) == {"isa": 9, "usf": 7}[family]
    for file in files:
        for report in trusting(file.read_bytes()):
            assert report.outcome is not Outcome.PASSED, file.name
            assert all(s.indication is not Indication.TOTAL_PASSED for s in report.signatures)


def test_the_attack_that_pyhanko_accepts_is_failed(shared_data):
    (file,) = (shared_data / "sign/pdf_insecurity_isa_usf").rglob("isa_B.pdf")
    report, *_ = trusting(file.read_bytes())
    assert report.outcome is Outcome.FAILED
    assert "signature.tail" in {code for check in report.checks for code in check.reasons}

"""Signatures of other makers, in XML and CMS: nothing raises, nothing passes without an anchor, nobody is accused falsely."""

import io

import pytest

from ekyc.signing import inspect_cades, inspect_xml

pytestmark = pytest.mark.shared_data


def outcome(report):
    return report.problems[0].reasons[0] if report.problems else str(report.signatures[0].integrity)


@pytest.mark.parametrize(("folder", "understood"), [("dss_xades", 5), ("signxml_xades", 1)])
def test_xml_signatures_of_others(shared_data, folder, understood):
    """These files are genuine: the worst that may be said of one is that its form is not understood here."""
    files = sorted((shared_data / "sign" / folder).glob("*.xml"))
    found = {file.name: inspect_xml(file.read_bytes(), anchors=()) for file in files}
    assert {str(report.outcome) for report in found.values()} == {"INDETERMINATE"}
    assert sum(outcome(report) == "INTACT" for report in found.values()) >= understood


def test_detached_signatures_of_others(shared_data):
    files = sorted((shared_data / "sign" / "dss_cades").iterdir())
    assert files
    for file in files:
        report = inspect_cades(file.read_bytes(), io.BytesIO(b"another content"), anchors=())
        assert str(report.outcome) in {"INDETERMINATE", "FAILED"}, file.name

"""openssl beside our verdicts on the CMS files of others."""

import shutil
import subprocess

import pytest

from ekyc.benchmarks.validation_formats import EXPLAINED, rows

pytestmark = [pytest.mark.shared_data, pytest.mark.system]


@pytest.fixture(scope="module")
def judged(shared_data):
    return rows(shared_data / "sign")


def test_openssl_says_the_same_of_each_cms(judged, shared_data):
    """Where it is judged at all, and the content is there. openssl judges the file as it is, before anything is taken out."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is absent")
    command = [openssl, "cms", "-verify", "-noverify", "-binary", "-inform", "DER"]
    compared = 0
    for row in judged:
        content_absent = row.remark is not None and row.name not in EXPLAINED
        if row.folder != "dss_cades" or row.integrity not in {"INTACT", "BROKEN"} or content_absent:
            continue
        path = shared_data / "sign/dss_cades" / row.name
        ended = subprocess.run(  # a fixed command
            [*command, "-in", str(path), "-out", "/dev/null"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert (ended.returncode == 0) == (row.integrity == "INTACT"), row.name
        compared += 1
    assert compared >= 50


_XMLSEC = [
    "--verify",
    "--insecure",
    "--enabled-key-data",
    "x509",
    "--id-attr:Id",
    "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
    "--id-attr:Id",
    "http://www.w3.org/2000/09/xmldsig#:KeyInfo",
]


def test_xmlsec1_verifies_each_xml_that_is_called_intact(judged, shared_data):
    xmlsec1 = shutil.which("xmlsec1")
    if xmlsec1 is None:
        pytest.skip("xmlsec1 is absent")
    intact = [row for row in judged if row.folder != "dss_cades" and row.integrity == "INTACT"]
    assert len(intact) == 13
    for row in intact:
        path = shared_data / "sign" / row.folder / row.name
        ended = subprocess.run(  # a fixed command
            [xmlsec1, *_XMLSEC, str(path)], capture_output=True, check=False
        )
        assert ended.returncode == 0, row.name

"""Every path of NIST PKITS, by both ways on which the validator comes to a certificate, and what found our thirty errors."""

import asyncio
from datetime import UTC, datetime

import pytest

from ekyc.benchmarks.validation_pkits import DIFFERENT, FOLDER, rows
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.trust import TrustSettings
from ekyc.signing.validation.trust_certificate import Vouchers, judge_certificate

AT = datetime(2026, 11, 22, tzinfo=UTC)
SECTIONS = {
    "4.1": 6,
    "4.2": 8,
    "4.3": 11,
    "4.4": 21,
    "4.5": 8,
    "4.6": 17,
    "4.7": 5,
    "4.8": 20,
    "4.9": 8,
    "4.10": 14,
    "4.11": 11,
    "4.12": 10,
    "4.13": 38,
    "4.14": 35,
    "4.15": 10,
    "4.16": 2,
}
"""How many tests each section of the suite has."""


@pytest.fixture(scope="module")
def judged(shared_data):
    return rows(shared_data / FOLDER)


@pytest.mark.shared_data
class TestPkits:
    def test_no_test_is_left_out(self, judged):
        numbers = {row.number for row in judged}
        assert {
            section: sum(number.rsplit(".", 1)[0] == section for number in numbers)
            for section in SECTIONS
        } == SECTIONS
        assert len(judged) == 258

    def test_nothing_is_wrongly_accepted(self, judged):
        assert [row for row in judged if row.wrongly_accepted] == []

    def test_what_is_valid_passes_but_for_dsa(self, judged):
        different = [row for row in judged if not row.agrees]
        assert {row.number for row in different} == DIFFERENT
        assert {row.certificate for row in different} == {"CRYPTO_CONSTRAINTS_FAILURE"}

    @pytest.mark.parametrize("number", ["4.4.2", "4.4.3", "4.5.2", "4.14.15"])
    def test_what_is_revoked_is_said_to_be(self, judged, number):
        """And not merely undecided."""
        (row,) = [row for row in judged if row.number == number]
        assert row.certificate == "REVOKED_NO_POE"
        assert row.cms in {"REVOKED_NO_POE", "REVOKED_CA_NO_POE"}

    def test_each_rejection_has_a_name(self, judged):
        assert all(row.certificate != "GENERIC" for row in judged)
        assert {row.number for row in judged if row.cms == "GENERIC"} <= DIFFERENT

    @pytest.mark.parametrize(
        ("cert", "crl", "found"),
        [
            ("ValidCertificatePathTest1EE", "GoodCACRL", "TOTAL-PASSED"),
            ("InvalidRevokedEETest3EE", "GoodCACRL", "REVOKED_NO_POE"),
            ("ValidCertificatePathTest1EE", "TrustAnchorRootCRL", "TRY_LATER"),
        ],
    )
    def test_status_counts_of_a_certificate_that_points_nowhere(
        self, shared_data, cert, crl, found
    ):
        """None of the suite's certificates has a URI of a list; pyHanko's laxer rule passes all three."""
        folder = shared_data / FOLDER

        def read(kind, name):
            return (folder / kind / name).read_bytes()

        settings = TrustSettings(
            anchors=[read("certs", "TrustAnchorRootCertificate.crt")],
            crls=[read("crls", "TrustAnchorRootCRL.crl"), read("crls", f"{crl}.crl")],
            at=AT,
            historical=False,
        )
        vouchers = Vouchers(
            certificate_der=read("certs", f"{cert}.crt"),
            material=ValidationMaterial(certificates=(read("certs", "GoodCACert.crt"),)),
            tokens=(),
            imprint=lambda _: b"",
        )
        finding = asyncio.run(judge_certificate(vouchers, settings))
        assert (finding.sub_indication or str(finding.indication)) == found

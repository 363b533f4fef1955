"""What ``ekyc trust import`` was given is believed without being named again, until something else is named."""

from datetime import date

import pytest

from ekyc.chip.sim import CitizenData, SimulatedIssuer


@pytest.fixture
def issuer():
    return SimulatedIssuer.create()


@pytest.fixture
def chip(issuer, tmp_path):
    citizen = CitizenData(
        personal_number="048185012345",
        full_name="NGUYỄN THỊ MẪU",
        birth_date=date(1985, 4, 19),
        sex="F",
        issue_date=date(2023, 8, 21),
        expiry_date=date(2045, 4, 19),
    )
    issuer.issue_card(citizen, b"\xff\xd8\xff\xd9").files.write_to(tmp_path / "chip")
    return tmp_path / "chip"


def chain_of(result):
    return next(check for check in result["checks"] if check["id"] == "chip.chain")["outcome"]


def test_imported_anchors_are_believed_until_others_are_named(cli_json, issuer, chip, tmp_path):
    csca = tmp_path / "csca.pem"
    csca.write_bytes(issuer.csca_certificate_pem)
    assert chain_of(cli_json("chip", "inspect", chip)[1]) == "INDETERMINATE"
    assert cli_json("trust", "import", csca)[0] == 0
    assert chain_of(cli_json("chip", "inspect", chip)[1]) == "PASSED"
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(SimulatedIssuer.create().csca_certificate_pem)
    assert chain_of(cli_json("chip", "inspect", chip, "--trust", stranger)[1]) == "INDETERMINATE"

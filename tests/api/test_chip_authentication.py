"""Chip authentication over HTTP alone: DG14 up, commands down, the response with the case, once."""

import base64

import pytest

from ekyc.chip import ChipAuthRequest, ElementaryFile
from ekyc.chip.apdu import CommandApdu
from ekyc.chip.sim import SimulatedIssuer
from ekyc.flows import load_case
from ekyc.flows.chip_stage import judge_chip
from ekyc.outcomes import check_as_json
from ekyc.pki import TrustStore
from ekyc.samples import SampleCitizen, answer_chip_authentication
from ekyc.samples.case import citizen_data
from ekyc.testing import FixedClock

CASE = b"""
schema = "ekyc.case/1"
profile = "passport-identity"
[chip]
folder = "chip"
[chip.chip_authentication]
response = "chip/ca-response.bin"
"""


@pytest.fixture(scope="module")
def issuer():
    return SimulatedIssuer.create(clock=FixedClock())


@pytest.fixture
def verifier(issuer, storage):
    """The chip's stage alone; the other rooms need models."""
    trust = TrustStore.from_certificates([issuer.csca_certificate_der], source="test")

    class ChipOnly:
        def verify_folder(self, folder, *, challenge_id, live=None, owner=None, receipt=None):
            found = judge_chip(
                load_case(folder),
                trust=trust,
                storage=storage,
                challenge_id=challenge_id,
                now=FixedClock().now(),
            )
            return {"checks": [check_as_json(check) for check in found.checks]}

        def require_ready(self):
            pass

    return ChipOnly()


def test_a_phone_proves_its_chip_over_http_and_once(ask, issuer):
    card = issuer.issue_card(citizen_data(SampleCitizen.default()), b"\xff\xd8\xff no picture")
    dg14 = base64.b64encode(card.files.get(ElementaryFile.DG14)).decode()

    async def talk(client):
        wish = {"purpose": "chip-authentication", "dg14": dg14}
        challenge = (await client.post("/v1/challenges", json=wish)).json()
        given = challenge["chip_authentication"]
        request = ChipAuthRequest(
            protocol=given["protocol"],
            agreement_commands=tuple(
                CommandApdu.parse(bytes.fromhex(command))
                for command in given["agreement_commands_hex"]
            ),
            first_command=CommandApdu.parse(bytes.fromhex(given["first_command_hex"])),
        )
        response = answer_chip_authentication(card, request)
        parts = [
            ("case", (None, CASE)),
            ("challenge_id", (None, challenge["id"].encode())),
            ("file", ("chip/ca-response.bin", response)),
            *(("file", (f"chip/{name}", data)) for name, data in card.files.items()),
        ]
        return [(await client.post("/v1/verifications", files=parts)).json() for _ in range(2)]

    first, second = (
        {check["id"]: (check["outcome"], check["reasons"]) for check in answer["checks"]}
        for answer in ask(talk)
    )
    assert first["chip.chip_authentication"] == first["chip.genuine"] == ("PASSED", [])
    assert first["chip.active_authentication"] == ("NOT_PERFORMED", ["chip.aa_not_submitted"])
    assert second["chip.chip_authentication"] == ("FAILED", ["freshness.already_used"])
    assert second["chip.genuine"] == ("FAILED", ["freshness.already_used"])

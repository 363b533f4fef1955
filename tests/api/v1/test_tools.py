"""Single tools: answered at once, stored nowhere."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import httpx
import pytest

from ekyc.api import create_app
from ekyc.api.v1 import ResourceFront
from ekyc.chip.sim import SimulatedIssuer
from ekyc.pki import TrustStore
from ekyc.ports import SystemClock
from ekyc.samples import SampleCitizen
from ekyc.samples.case import citizen_data
from ekyc.storage import ServiceKey
from ekyc.testing import FixedClock


@pytest.fixture(scope="module")
def issuer():
    return SimulatedIssuer.create(clock=FixedClock())


@pytest.fixture(scope="module")
def files(issuer):
    card = issuer.issue_card(citizen_data(SampleCitizen.default()), b"\xff\xd8")
    # its portrait is no picture, which leaves chip.structure open and proves nothing less
    return {name.value: data for name, data in card.files.items()}


def ask(app, files, *, caller="portal"):
    encoded = {name: base64.b64encode(data).decode() for name, data in files.items()}

    async def conversation():
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            headers = {"X-Caller": caller}
            wanted = {"files": encoded}
            return await client.post("/v1/tools/chip-inspections", json=wanted, headers=headers)

    return asyncio.run(conversation())


@pytest.fixture
def trusting(verifier, storage, tmp_path, issuer):
    trust = TrustStore.from_certificates([issuer.csca_certificate_der], source="test")
    front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))))
    return create_app(
        verifier,
        storage,
        scratch_parent=tmp_path,
        trust=trust,
        resources=front,
        clock=SystemClock(),
    )


def found(response):
    assert response.status_code == 200, response.text
    return {check["code"]: check["outcome"] for check in response.json()["checks"]}


def test_genuine_files_pass_where_their_state_is_trusted(trusting, files):
    response = ask(trusting, files)

    outcomes = found(response)
    assert {outcomes[f"chip.{name}"] for name in ("signature", "hashes", "chain")} == {"PASSED"}
    assert response.json()["files"]["EF.DG1"] == hashlib.sha256(files["EF.DG1"]).hexdigest()


def test_no_anchor_is_not_decided(app, files):
    assert ask(app(), files).json()["outcome"] == "INDETERMINATE"


def test_an_altered_file_fails(trusting, files):
    altered = bytearray(files["EF.DG13"])
    altered[-1] ^= 1
    response = ask(trusting, files | {"EF.DG13": bytes(altered)})

    assert response.json()["outcome"] == "FAILED"
    assert found(response)["chip.hashes"] == "FAILED"


def test_nothing_of_the_person_is_answered(trusting, files):
    citizen = SampleCitizen.default()
    text = ask(trusting, files).text

    assert citizen.full_name not in text
    assert citizen.personal_number not in text


@pytest.mark.parametrize(
    ("files", "status"),
    [({}, 422), ({"EF.DG99": b"x"}, 422), ({"EF.DG1": bytes(2000)}, 413), ({"EF.SOD": b"x"}, 200)],
)
def test_what_is_no_chip_file_is_refused_or_fails(app, files, status):
    response = ask(app(), files)

    assert response.status_code == status, response.text
    if status == 200:
        assert response.json()["outcome"] == "FAILED"


def test_a_body_beyond_a_chips_is_refused_and_a_chips_is_not(app):
    assert ask(app(), {"EF.DG2": bytes(120_000)}).status_code == 200
    assert ask(app(), {"EF.DG2": bytes(900_000)}).status_code == 413


@pytest.mark.parametrize("caller", ["citizen", "auditor"])
def test_who_may_not_use_tools_does_not(app, files, caller):
    assert ask(app(), files, caller=caller).status_code == 403

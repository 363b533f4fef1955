"""The README's lines, the commands and the service on one whole sample case, by the schemas that are published."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
import zipfile

import httpx
import pytest
from typer.testing import CliRunner

from ekyc.storage import ACTIVE_AUTHENTICATION, Storage

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def demo_folder(models, tmp_path_factory):
    """``ekyc-demo`` as the demonstration leaves it: the case, the operator's anchor, a challenge not yet spent."""
    from ekyc.chip.sim import SimulatedIssuer
    from ekyc.face import FaceDetector
    from ekyc.imaging.decode import read_image
    from ekyc.samples import FacePicture, SampleCitizen, make_case

    folder = tmp_path_factory.mktemp("readme") / "ekyc-demo"
    image = read_image(models.store.asset_path("portrait-astronaut"))
    (face, *_) = FaceDetector(models.model("yunet-2023mar")).detect(image)
    picture = FacePicture(image=image, face=face.box)
    issuer = SimulatedIssuer.create()
    (folder / "trust").mkdir(parents=True)
    (folder / "trust" / "csca.pem").write_bytes(issuer.csca_certificate_pem)
    with Storage.open(folder / "state.sqlite3") as storage:
        challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=3600)
    (folder / "challenge").write_text(challenge.id, encoding="ascii")
    make_case(
        folder / "case",
        citizen=SampleCitizen.default(),
        portrait=picture,
        selfie=picture,
        issuer=issuer,
        nonce=challenge.nonce,
    )
    return folder


def run(*arguments):
    from ekyc.cli.__main__ import app

    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    return done.exit_code, json.loads(done.stdout)


def python_blocks(text):
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("readme", ["README.md", "README.vi.md"])
def test_the_readme_runs(demo_folder, repository_root, readme):
    text = (repository_root / readme).read_text(encoding="utf-8")
    blocks = [block for block in python_blocks(text) if "Verifier" in block]
    assert blocks or readme != "README.md"

    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            cwd=demo_folder.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("review")
        assert "chip.signature PASSED" in done.stdout


def test_verify_by_the_service_and_by_the_command_say_the_same(demo_folder, validate_against):
    from ekyc.api import create_app
    from ekyc.api.wiring import FlowVerifier
    from ekyc.flows import Verifier
    from ekyc.pki import TrustStore

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in (demo_folder / "case").rglob("*"):
            archive.write(path, path.relative_to(demo_folder))
    parts = [
        ("challenge_id", (None, (demo_folder / "challenge").read_bytes())),
        ("archive", ("case.zip", packed.getvalue())),
    ]

    async def converse(app):
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            ready = await client.get("/readyz")
            first = await client.post("/v1/verifications", files=parts)
            return ready.json(), first.json()

    trust = TrustStore.load([demo_folder / "trust" / "csca.pem"])
    with (
        Storage.open(demo_folder / "state.sqlite3") as storage,
        Verifier.open(trust=trust, storage=storage) as verifier,
    ):
        ready, first = asyncio.run(converse(create_app(FlowVerifier(verifier), storage)))
        recorded = storage.results.recent()

    assert ready["ready"] is True
    validate_against("ekyc.verify.1", first)
    outcomes = {check["id"]: check["outcome"] for check in first["checks"]}
    assert outcomes["chip.active_authentication"] == "PASSED"
    assert {stored.case_digest for stored in recorded} == {first["case_digest"]}

    _, written = run(
        "verify",
        demo_folder / "case",
        "--trust",
        demo_folder / "trust" / "csca.pem",
        "--state",
        demo_folder / "other.sqlite3",
    )
    validate_against("ekyc.verify.1", written)
    assert written["case_digest"] == first["case_digest"]
    by_command = {check["id"]: check["outcome"] for check in written["checks"]}
    unasked = {"chip.active_authentication": "NOT_PERFORMED", "chip.genuine": "NOT_PERFORMED"}
    assert by_command == outcomes | unasked
    assert_anonymous(json.dumps([first, written], ensure_ascii=False), demo_folder)


def assert_anonymous(text, folder):
    """Neither the results nor the databases hold the citizen's name or number."""
    from ekyc.mrz import strip_diacritics
    from ekyc.samples import SampleCitizen

    citizen = SampleCitizen.default()
    stored = b"".join(path.read_bytes() for path in folder.glob("*.sqlite3*"))
    for canary in (citizen.full_name, citizen.personal_number):
        for form in (canary, canary.upper(), strip_diacritics(canary).upper()):
            assert form not in text
            assert form.encode() not in stored


def test_what_ocr_writes_is_described(demo_folder, validate_against):
    case = demo_folder / "case"

    _, card = run("ocr", "card", case / "card" / "front.jpg", case / "card" / "back.jpg")
    validate_against("ekyc.ocr-card.1", card)

    papers = sorted((case / "documents").iterdir())
    original = next(path for path in papers if path.name.startswith("original"))
    copy = next(path for path in papers if path.name.startswith("copy"))
    _, read = run("ocr", "read", original)
    validate_against("ekyc.ocr-read.1", read)
    _, comparison = run("ocr", "compare", original, copy)
    validate_against("ekyc.ocr-compare.1", comparison)

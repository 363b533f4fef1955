"""A whole case between processes: a portal with nothing but the published client and the OpenAPI document, an officer at
a login of their own, a sample citizen's telephone, the signing process, and ``ekyc serve`` with the real models.

The service is the command as it ships (``tests/support/story_serve.py`` says the three things that the drawn face needs).
What comes out is judged by programs of others: ``pdfsig``, and a verifier of QR codes that was written from the document.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from credential_judge import judge
from identity_provider import SECRET, make_certificate

from ekyc.flows import SignerPseudonyms
from ekyc.ports import SystemRandom
from ekyc.samples import SampleCitizen
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.sam.configuration import load_configuration
from ekyc.storage import ServiceKey, Storage

pytestmark = [
    pytest.mark.system,
    pytest.mark.models,
    pytest.mark.enable_socket,
    pytest.mark.timeout(1500),
]
SUPPORT = Path(__file__).resolve().parents[1] / "support"
ISSUER = "https://ketqua.example.gov.vn"
PATIENCE_S = 600.0
SCOPES = (
    *("procedures:read", "sessions:read", "sessions:write", "media:read", "media:write"),
    *("checks:read", "decisions:read", "tools:use", "credentials:read", "credentials:write"),
    *("signatures:read", "signatures:write", "webhooks:read", "webhooks:write"),
)
ACCESS = """
schema = "ekyc.access/1"
issuer = "{url}"
logins = ["staff.toml"]
"""
LOGIN = """
schema = "ekyc.login/1"
id = "staff"
name = "Cán bộ"
tenant = "tinh-mau"
issuer = "https://localhost:{provider}"
client_id = "ekyc"
client_secret_variable = "EKYC_STAFF_SECRET"
port = {provider}
ca_file = "cert.pem"
networks = ["127.0.0.0/8", "::1/128"]

[[roles]]
role = "officer"
claim = "groups"
value = "ekyc-officers"
"""
CSC = """
schema = "ekyc.csc/1"
name = "Ký số thử nghiệm"
base_url = "{url}"
login_url = "http://127.0.0.1:9/sign"
portal_secret_sha256 = "{digest}"

[signing]
sam = "sam/sam.sock"
issuer = "portal"
issuer_keys = "sam/portal"
enrolment_procedure = "identity-present"
relying_party = "localhost"
origins = ["https://localhost"]
"""
TRUST = """
operator = "https://tincay.example.gov.vn"
number = 1
days = 30

[[issuers]]
id = "{issuer}"
name_vi = "Cơ quan mẫu"
name_en = "Sample authority"

[[issuers.keys]]
file = "results.pem"
uses = ["result"]
from = {begin}
until = {end}

[[issuers.keys]]
file = "status.pem"
uses = ["status"]
from = {begin}
until = {end}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shown(text):
    """The program of the section "A whole case"."""
    section = re.search(r"^## A whole case$(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    return re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[1]


class Town:
    """What an operator sets up, by the commands of the documentation."""

    def __init__(self, folder, repository_root):
        self.folder = folder
        self.port, self.provider_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "EKYC_HOME": str(folder),
            "EKYC_KEY_PASSPHRASE": "khóa",
            "EKYC_ISSUER_PASSPHRASE": "khóa cổng",
            "EKYC_AUTHORITY_PASSPHRASE": "khóa",
            "EKYC_ROOT_PASSPHRASE": "khóa gốc",
            "EKYC_STAFF_SECRET": SECRET,
        }
        self.processes = {}
        docs = repository_root / "docs"
        shutil.copy(docs / "openapi.json", folder / "openapi.json")
        self.write("whole_case.py", shown((docs / "api.md").read_text("utf-8")))

    def ekyc(self, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "ekyc.cli", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr[-2000:]}"
        return done.stdout

    def start(self, name, *command):
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def write(self, name, text):
        (self.folder / name).write_text(text, "utf-8")

    def set_up(self):
        """Authorities, keys, a signing process with the citizen's key, a client with its API key, a provider of logins."""
        self.ekyc("authority", "ceremony", "ca")
        self.ekyc("sam", "new", "sam")
        sam = (self.folder / "sam" / "sam.toml").read_text("utf-8")
        sam = sam.replace('"state.sqlite3"', '"../ekyc.sqlite3"')
        sam = sam.replace('"service.key"', '"../service.key"')
        self.write("sam/sam.toml", sam)
        key = ServiceKey.load(self.folder / "service.key", SystemRandom())
        number = SampleCitizen.default().personal_number
        holder, _ = SignerPseudonyms(key).holders_of("VNM", number)
        self.ekyc(
            *("sam", "credential", "sam/sam.toml", "--authority", "ca"),
            *("--holder", holder, "--name", "Người Mẫu"),
        )
        for label in ("operator", "results", "status"):
            self.ekyc("credential", "new-key", "keyring", label)
        today = datetime.now(UTC).date()
        begin, end = today - timedelta(days=1), today + timedelta(days=60)
        self.write("keyring/trust.toml", TRUST.format(issuer=ISSUER, begin=begin, end=end))
        self.ekyc(
            *("credential", "trust-list", "keyring/trust.toml", "--keys", "keyring"),
            *("--key", "operator", "--out", "trust.jwt"),
        )
        self.ekyc("admin", "tenant", "create", "tinh-mau", "--name", "Tỉnh Mẫu")
        scopes = [part for scope in SCOPES for part in ("--scope", scope)]
        self.ekyc(
            *("admin", "client", "create", "portal", "--tenant", "tinh-mau"),
            *("--name", "Cổng", *scopes),
        )
        made = self.ekyc(
            *("admin", "api-key", "create", "--client", "portal"),
            *("--tenant", "tinh-mau", *scopes, "--json"),
        )
        self.write("api-key", json.loads(made)["secret"])
        make_certificate(self.folder)
        self.write("access.toml", ACCESS.format(url=self.url))
        self.write("staff.toml", LOGIN.format(provider=self.provider_port))
        self.write("csc.toml", CSC.format(url=self.url, digest="0" * 64))

    def open(self):
        """The signing process, the provider and the service; the telephone has made its issuer."""
        self.start("sam", "-m", "ekyc.cli", "sam", "serve", "sam/sam.toml")
        callback = f"{self.url}/login/staff/callback"
        self.start(
            "provider", SUPPORT / "identity_provider.py", self.provider_port, self.folder, callback
        )
        self.until((self.folder / "csca.pem").exists, "portal")
        self.until((self.folder / "sam" / "sam.sock").exists, "sam")
        self.until(self.provider_answers, "provider")
        self.start(
            *("service", SUPPORT / "story_serve.py", self.folder, "--port", self.port),
            *("--trust", "csca.pem", "--access", "access.toml", "--csc", "csc.toml"),
            *("--webhook-loopback", "--result-issuer", ISSUER),
            *("--status-keys", "keyring", "--status-key", "status"),
            *("--result-keys", "keyring", "--result-key", "results", "--authority", "ca"),
            *("--trust-list", "trust.jwt", "--operator-key", "keyring/operator.pem"),
            "--demonstration",
        )

    def provider_answers(self):
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        try:
            httpx.get(f"https://localhost:{self.provider_port}/jwks", verify=context)
        except httpx.TransportError:
            return False
        return True

    def until(self, there, name):
        until = time.monotonic() + PATIENCE_S
        while not there():
            assert self.processes[name].poll() is None, self.log(name)
            assert time.monotonic() < until, self.log(name)
            time.sleep(0.1)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text("utf-8")[-4000:]

    def close(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            process.wait(60)


@pytest.fixture(scope="module")
def town(tmp_path_factory, models, repository_root):
    """The town after a whole case."""
    del models  # skips where they are not installed
    made = Town(tmp_path_factory.mktemp("town"), repository_root)
    try:
        made.set_up()
        made.start("portal", SUPPORT / "portal_program.py", made.url, made.folder)
        made.open()
        portal = made.processes["portal"]
        made.until(lambda: portal.poll() is not None or _died(made), "service")
        assert portal.poll() == 0, made.log("portal") + made.log("service")
        yield made
    finally:
        made.close()


def _died(made):
    return any(process.poll() is not None for process in made.processes.values())


@pytest.fixture(scope="module")
def seen(town):
    return json.loads((town.folder / "portal.json").read_text("utf-8"))


def test_the_portal_knew_the_client_alone(seen):
    allowed = {"ekyc", "ekyc.errors", "ekyc.outcomes", "ekyc.policy"}
    others = {name for name in seen["modules"] if not name.startswith("ekyc.client")}
    assert others <= allowed


def test_every_answer_was_one_that_the_document_describes(seen):
    assert sum(seen["held"].values()) > 20
    assert any(
        where.startswith("POST /v1/sessions/{session_id}/submissions 20") for where in seen["held"]
    )
    assert seen["held"]["POST /v1/credentials 409"] == 2
    registrations = "/v1/factor-enrolments/authenticators/{challenge_id}/registrations"
    assert seen["held"][f"POST {registrations} 201"] == 1


def test_the_signing_process_was_no_pilots_and_asked_for_the_factor(town):
    """The verification alone signs nothing there; what was enrolled is on record, and nothing of it."""
    settings = load_configuration(town.folder / "sam" / "sam.toml")
    assert settings.methods == {ActivationMethod.WEBAUTHN, ActivationMethod.TOTP}
    with Storage.open(town.folder / "ekyc.sqlite3") as storage:
        told = [json.loads(entry.event) for entry in storage.evidence.entries()]
    (enrolled,) = [one["facts"] for one in told if one["kind"] == "factor.enrolled"]
    assert enrolled["method"] == "webauthn"
    kinds = [one["kind"] for one in told]
    assert kinds.index("factor.enrolled") < kinds.index("activation.released")
    assert kinds.count("activation.released") == 1


def test_sample_material_is_never_final_and_says_so(seen):
    assert (seen["sample"], seen["final"]) == (True, False)


def test_the_code_is_genuine_before_a_verifier_of_others(town, repository_root):
    folder = town.folder
    words = (repository_root / "signing/credentials/data/dictionary-1.txt").read_bytes()
    said = judge(
        (folder / "code").read_text(),
        (folder / "trust-list").read_text(),
        (folder / "keyring" / "operator.pem").read_bytes(),
        words.replace(b"\n", b""),
        [(folder / "status-list").read_bytes()],
        int((folder / "judged-at").read_text()),
    )
    assert said == "accept"


@pytest.mark.parametrize(("name", "signatures"), [("result.pdf", 1), ("signed.pdf", 2)])
def test_pdfsig_finds_the_signatures_valid(town, name, signatures):
    if shutil.which("pdfsig") is None:
        pytest.skip("pdfsig is not installed (run scripts/install-judges)")
    done = subprocess.run(
        ["pdfsig", "-nocert", name], cwd=town.folder, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("Signature Validation: Signature is Valid.") >= signatures, done.stdout


def test_nobody_is_named_in_the_logs(town):
    citizen = SampleCitizen.default()
    for name in ("service", "sam"):
        logged = town.log(name)
        for word in (
            citizen.personal_number,
            citizen.full_name,
            (town.folder / "api-key").read_text(),
        ):
            assert word not in logged

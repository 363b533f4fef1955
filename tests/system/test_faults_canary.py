"""A known number, name and portrait, planted in every input of ``ekyc serve``: none of them comes out where it should not.

Every operation of the OpenAPI document gets them in path, query, headers and bodies of right and wrong form; a whole sample
case of a person of that number and name is verified over HTTP, by session and by capture token. Then everything that the
process wrote is searched: its log in both formats, its figures, its problem documents, the files of its databases with their
logs, what is kept, and what lies in its temporary folder.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.parse
from collections import Counter

import canaries
import httpx
import planted
import pytest
from canaries import NAME, NUMBER, PLAIN_NAME, PORTRAIT
from fault_house import free_port

from ekyc.chip.sim import SimulatedIssuer
from ekyc.face import FaceDetector
from ekyc.imaging.decode import read_image
from ekyc.samples.case import build_case
from ekyc.samples.citizen import SampleCitizen
from ekyc.samples.faces import FacePicture

pytestmark = [
    pytest.mark.system,
    pytest.mark.models,
    pytest.mark.enable_socket,
    pytest.mark.timeout(1800),
]

OLD_NUMBER = "201987654"


@pytest.fixture(scope="module")
def case(models):
    """A whole sample case of the planted person, and the root of its issuer."""
    shown = read_image(models.store.asset_path("portrait-astronaut"))
    [found] = FaceDetector(models.model("yunet-2023mar")).detect(shown)
    face = FacePicture(image=shown, face=found.box)
    citizen = dataclasses.replace(
        SampleCitizen.default(),
        personal_number=NUMBER,
        full_name=NAME.upper(),
        old_number=OLD_NUMBER,
    )
    issuer = SimulatedIssuer.create()
    made = build_case(
        citizen=citizen, portrait=face, selfie=face, issuer=issuer, nonce=bytes(range(8))
    )
    return made.files, issuer.csca_certificate_pem


class Service:
    """``ekyc serve`` over a folder of its own."""

    def __init__(self, home, csca, *, style):
        self.home, port, metrics = home, free_port(), free_port()
        (home / "csca.pem").write_bytes(csca)
        (home / "tmp").mkdir()
        command = [
            *(sys.executable, "-m", "ekyc.cli", "serve", "--port", str(port)),
            *("--metrics-port", str(metrics), "--log-format", style),
            *("--trust", str(home / "csca.pem")),
        ]
        environment = {**os.environ, "EKYC_HOME": str(home), "TMPDIR": str(home / "tmp")}
        with (home / "log").open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stderr=log, stdout=log)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        self.figures = f"http://127.0.0.1:{metrics}/metrics"
        self.problems, self.answers = [], Counter()
        deadline = time.monotonic() + 120
        while not self._is_ready():
            assert self.process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def _is_ready(self):
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def send(self, method, path, *, headers=None, **options):
        given = {"Idempotency-Key": secrets.token_hex(8)} | (headers or {})
        while True:
            answer = self.http.request(method, path, headers=given, **options)
            if answer.status_code != 429 or answer.json()["code"] != "rate.exceeded":
                break
            time.sleep(float(answer.headers["retry-after"]))
        self.answers[answer.status_code] += 1
        assert answer.status_code != 500, (method, path, answer.text)
        if "problem+json" in answer.headers.get("content-type", ""):
            self.problems.append(answer.text.encode() + str(answer.headers).encode())
        return answer

    def end(self):
        """What it showed at its last moment, and what it left behind, by name."""
        figures = httpx.get(self.figures).content
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0
        self.http.close()
        left = {
            file.relative_to(self.home).as_posix(): file.read_bytes()
            for file in sorted(self.home.rglob("*"))
            if file.is_file()
        }
        return {"figures": figures, "problems": b"\n".join(self.problems), **left}


def whole_cases(service, files):
    """The planted person's case: at once, by a session, by a telephone. How often it was read to its end."""
    parts = [("case", (None, files["case.toml"]))]
    parts += [("file", (name, data)) for name, data in files.items() if name != "case.toml"]
    known = service.send("POST", "/v1/verifications", files=parts)
    assert known.status_code == 200, known.text
    profile = known.json()["decision"]["profile"]
    for by_token in (False, True):
        made = service.send("POST", "/v1/sessions", json={"procedure": profile})
        name, headers = made.json()["id"], {"Prefer": "wait=30"}
        place = f"/v1/sessions/{name}"
        if by_token:
            token = service.send("POST", f"{place}/capture-tokens").json()["token"]
            place = f"/v1/captures/{name}"
            headers["Authorization"] = f"Bearer {token}"
        told = service.send("POST", f"{place}/submissions", files=parts, headers=headers)
        assert told.status_code in {200, 202}, told.text
        deadline = time.monotonic() + 120
        while service.send("GET", f"/v1/sessions/{name}").json()["state"] == "processing":
            assert time.monotonic() < deadline
            time.sleep(0.5)
    return known.text


def liveness(service):
    """A test for a live person, ordered for the number."""
    order = {"case": "case-1", "subject": NUMBER, "challenge_id": "ab" * 16}
    return service.send("POST", "/v1/liveness-sessions", json=order)


def forms(secret):
    """As it is and as it could have been written."""
    yield from planted.forms(secret)
    yield urllib.parse.quote(secret).encode()
    yield urllib.parse.quote(secret).lower().encode()
    yield repr(secret)[2:-1].encode()


def words():
    """What is searched for, by name."""
    for name, text in (
        ("number", NUMBER),
        ("old number", OLD_NUMBER),
        ("name", NAME),
        ("name in capitals", NAME.upper()),
        ("plain name", PLAIN_NAME),
        ("name of the zone", "CANARY<THI<MAU"),
    ):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            yield name, text.encode(encoding)
    yield "portrait", PORTRAIT[4:]


def found_in(data, more):
    """Names of whatever is in it, in any form, also in what decompresses."""
    parts = (data, *planted.inflated(data))
    return {
        name
        for name, secret in (*words(), *more)
        if any(form in part for form in forms(secret) for part in parts)
    }


@pytest.mark.parametrize(("style", "word"), [("json", NUMBER), ("text", NAME)])
def test_nothing_planted_comes_out(tmp_path, case, style, word):
    files, csca = case
    chip = [(name, data[200:232]) for name, data in files.items() if len(data) > 400]
    assert len(chip) > 8
    service = Service(tmp_path, csca, style=style)
    try:
        document = service.http.get("/openapi.json").json()
        answer = whole_cases(service, files)
        assert liveness(service).status_code == 201
        sent = 0
        for plan in (canaries.example_requests, canaries.requests_of):
            for method, path, options in plan(document, (word,)):
                service.send(method, path, **options)
                sent += 1
    finally:
        left = service.end()

    sys.stdout.write(
        f"{style}: {sent} requests {dict(service.answers)}, {len(service.problems)} problems, "
        f"{sum(map(len, left.values())) >> 10} KiB in {len(left)} outputs searched\n"
    )
    assert len(service.problems) > 500
    assert "outcome" in answer
    hits = {name: found_in(data, chip) for name, data in left.items()}
    assert {name: what for name, what in hits.items() if what} == {}
    assert not [name for name in left if name.startswith("tmp/ekyc-uploads-")]


def test_the_search_would_find_it(case):
    files, _ = case
    for name, secret in words():
        for form in forms(secret):
            assert name in found_in(b"..." + form + b"...", [])
    assert "number" in found_in(b"".join(files.values()), [])
    assert "portrait" in found_in(PORTRAIT, [])

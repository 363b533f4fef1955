"""Bombs at every operation that takes a body, against ``ekyc serve`` with the real models: time and memory are bounded.

The operations are those of the service's own OpenAPI document, so that a new one is tried too.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import bombs
import httpx
import pytest
from fault_house import free_port

pytestmark = [
    pytest.mark.system,
    pytest.mark.models,
    pytest.mark.enable_socket,
    pytest.mark.timeout(1800),
]

MOST_MIB = 1500
"""Above what the service has after its start."""
LONGEST_S = 60.0
CASES = {
    "card": 'schema = "ekyc.case/1"\nprofile = "identity"\n[card]\nfront = "a.bin"\nback = "a.bin"\n',
    "papers": 'schema = "ekyc.case/1"\nprofile = "identity"\n[documents]\noriginal = ["a.bin"]\n'
    'copy = ["a.bin"]\n',
    "face": 'schema = "ekyc.case/1"\nprofile = "identity"\n[face]\nframes = ["a.bin"]\n',
}


@pytest.fixture(scope="module")
def service(tmp_path_factory, models):
    home, port = tmp_path_factory.mktemp("home"), free_port()
    command = [sys.executable, "-m", "ekyc.cli", "serve", "--port", str(port)]
    environment = {**os.environ, "EKYC_HOME": str(home), "TMPDIR": str(home)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
            yield Service(process, http, home)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


class Service:
    """The process under attack, and what was answered."""

    def __init__(self, process, http, home):
        self.process, self.http, self.home = process, http, home
        deadline = time.monotonic() + 120
        while not self._is_ready():
            assert time.monotonic() < deadline, (home / "log").read_text()[-3000:]
            time.sleep(0.2)
        self.document = http.get("/openapi.json").json()
        self.at_start_mib = self.memory_mib("VmRSS")
        self.answers, self.slowest = Counter(), (0.0, "")

    def _is_ready(self):
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def memory_mib(self, name):
        with open(f"/proc/{self.process.pid}/status") as lines:  # noqa: PTH123 - a pseudo-file
            return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024

    def send(self, bomb, method, path, **options):
        headers = {"Idempotency-Key": secrets.token_hex(8)} | options.pop("headers", {})
        while True:
            began = time.monotonic()
            answer = self.http.request(method, path, headers=headers, **options)
            took = time.monotonic() - began
            if answer.status_code != 429:
                break
            time.sleep(float(answer.headers.get("retry-after", "1")))
        self.slowest = max(self.slowest, (took, f"{bomb} {path}"))
        self.answers[answer.status_code] += 1
        assert answer.status_code < 500, (bomb, method, path, answer.text[:500])
        assert took < LONGEST_S, (bomb, path, took)
        return answer

    def operations(self, kind):
        """Method, path with ids of nothing, and schema, of those that take this kind of body."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                content = operation.get("requestBody", {}).get("content", {})
                if kind in content:
                    yield method, path, content[kind].get("schema", {})


@pytest.fixture(autouse=True)
def bounded(service):
    """Memory stays bounded, others are answered meanwhile, and no upload stays behind."""
    stop, waits = threading.Event(), []

    def look():
        while not stop.wait(0.2):
            began = time.monotonic()
            assert service.http.get("/livez").status_code == 200
            waits.append(time.monotonic() - began)

    looking = threading.Thread(target=look)
    looking.start()
    yield
    stop.set()
    looking.join()
    assert service.process.poll() is None
    assert max(waits, default=0.0) < 10
    assert service.memory_mib("VmHWM") - service.at_start_mib < MOST_MIB
    [uploads] = service.home.glob("ekyc-uploads-*")
    assert [one.name for one in uploads.iterdir()] == ["lock"]
    peak = service.memory_mib("VmHWM") - service.at_start_mib
    sys.stdout.write(
        f"{sum(service.answers.values())} bombs so far {dict(service.answers)}, slowest {service.slowest}, "
        f"peak +{peak:.0f} MiB, /livez at most {max(waits, default=0.0):.2f} s\n"
    )


def filled(path):
    return "/".join("0" * 32 if part.startswith("{") else part for part in path.split("/"))


def test_json(service):
    for method, path, _ in service.operations("application/json"):
        for name, text in bombs.texts().items():
            headers = {"Content-Type": "application/json", "If-Match": '"1"'}
            answer = service.send(name, method, filled(path), content=text, headers=headers)
            assert answer.status_code >= 400


def test_a_body_without_an_end(service):
    """No length is told, and it goes on."""
    for kind in ("application/json", "application/octet-stream"):
        for method, path, _ in service.operations(kind):
            sent = (b"[" * 65_536 for _ in range(4096))
            try:
                answer = service.send(
                    "endless", method, filled(path), content=sent, headers={"Content-Type": kind}
                )
            except httpx.TransportError:  # hung up on, while it still spoke
                continue
            assert answer.status_code in {401, 403, 404, 408, 413, 415, 422}


def test_files_of_tools(service):
    tried = 0
    for method, path, schema in service.operations("multipart/form-data"):
        if "case" in schema["properties"]:
            continue
        parts = [
            name
            for name, about in schema["properties"].items()
            if "binary" in str(about) or "contentMediaType" in str(about)
        ]
        assert parts, path
        for name, data in bombs.files().items():
            given = [(part, (name, data)) for part in parts]
            service.send(name, method, filled(path), files=given)
            tried += 1
    assert tried


@pytest.mark.parametrize("case", CASES)
def test_files_of_cases(service, case):
    for name, data in bombs.files().items():
        given = [("case", (None, CASES[case])), ("file", ("a.bin", data))]
        for path, headers in case_places(service):
            submitted(service, name, path, files=given, headers=headers)


def test_archives(service):
    for name, data in bombs.archives().items():
        for path, headers in case_places(service):
            answer = submitted(
                service, name, path, files=[("archive", (name, data))], headers=headers
            )
            assert answer.status_code in {413, 422}


def case_places(service):
    """The three operations that take a case, with a fresh session for those that want one."""
    yield "/v1/verifications", {}
    made = service.send("-", "POST", "/v1/sessions", json={"procedure": "identity"}).json()["id"]
    yield f"/v1/sessions/{made}/submissions", {"Prefer": "wait=30"}
    made = service.send("-", "POST", "/v1/sessions", json={"procedure": "identity"}).json()["id"]
    token = service.send("-", "POST", f"/v1/sessions/{made}/capture-tokens").json()["token"]
    headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=30"}
    yield f"/v1/captures/{made}/submissions", headers


def submitted(service, name, path, **options):
    answer = service.send(name, "POST", path, **options)
    if path.startswith("/v1/sessions/") and answer.status_code < 300:
        place = path.removesuffix("/submissions")
        deadline = time.monotonic() + LONGEST_S
        while service.http.get(place).json()["state"] == "processing":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert service.http.get(place).json()["outcome"] != "approved"
    return answer

"""The signing interface between processes: the service in one, pyHanko's own client in another, and outside judges."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from csc_desk import Speaker

from ekyc.signing import Integrity, inspect_pdf

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(600)]
SUPPORT = Path(__file__).resolve().parents[1] / "support"
PATIENCE_S = 180.0


class Service:
    """The service in a process of its own."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        self.log = folder / "log"
        with self.log.open("w") as log:
            command = [sys.executable, str(SUPPORT / "csc_server.py"), str(port), str(folder)]
            self.process = subprocess.Popen(command, stderr=log)

    def wait(self):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/livez").is_success:
                    return
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        pytest.fail("the service does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    made = Service(tmp_path_factory.mktemp("csc"))
    try:
        made.wait()
        yield made
    finally:
        made.stop()


@pytest.fixture
def token(service):
    with httpx.Client(base_url=service.url) as client:
        return Speaker(client).service_token()


def run_pyhanko(service, token, credential, count, folder):
    command = [sys.executable, SUPPORT / "pyhanko_csc.py", service.url, token, credential]
    command += [count, folder]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr + service.log.read_text()
    return sorted(folder.glob("*.pdf"))


@pytest.mark.parametrize("credential", ["c-ec", "c-rsa"])
@pytest.mark.parametrize("count", [1, 10])
def test_pyhanko_signs_from_another_process(service, token, credential, count, tmp_path):
    files = run_pyhanko(service, token, credential, count, tmp_path)
    assert len(files) == count
    anchors = [(service.folder / "root.der").read_bytes()]
    for file in files:
        report = inspect_pdf(file.read_bytes(), anchors=anchors)
        assert report.signatures[0].integrity is Integrity.INTACT, report


@pytest.mark.parametrize("credential", ["c-ec", "c-rsa"])
def test_an_outside_judge_accepts_the_value(service, token, credential, tmp_path):
    if shutil.which("pdfsig") is None:
        pytest.skip("pdfsig is not installed (run scripts/install-judges)")
    (file,) = run_pyhanko(service, token, credential, 1, tmp_path)
    done = subprocess.run(
        ["pdfsig", "-nocert", str(file)], capture_output=True, text=True, check=False
    )
    assert "Signature is Valid." in done.stdout, done.stdout


def test_the_log_names_nobody(service, token):
    log = service.log.read_text()
    assert "Nguyễn" not in log
    assert token not in log
    assert "secret-" not in log
    assert "ticket" not in log

"""The first hour of docs/api.md, line by line, against ``ekyc serve`` with the real models."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

pytestmark = [pytest.mark.system, pytest.mark.models, pytest.mark.enable_socket]

EXPECTED = re.compile(r"(?P<command>.+?)\s+# → (?P<text>.+)\Z")


@pytest.fixture(scope="module")
def section(repository_root):
    text = (repository_root / "docs" / "api.md").read_text("utf-8")
    return re.search(r"^## The first hour$(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture(scope="module")
def service(tmp_path_factory, models):
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ekyc.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "EKYC_HOME": str(home)})
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not is_ready(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def is_ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def blocks(section, language):
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def as_script(lines):
    """A line with ``# → text`` must print just that."""
    for line in lines:
        match = EXPECTED.match(line)
        if match is None:
            yield line
        else:
            command, text = match["command"], match["text"]
            yield f"out=$({command})"
            yield f'[[ "$out" == \'{text}\' ]] || {{ echo "got: $out" >&2; exit 1; }}'


def test_every_line_of_the_first_hour_does_what_it_says(section, service, tmp_path):
    for program in ("bash", "curl", "jq"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    lines = [line for block in blocks(section, "sh") for line in block.splitlines()]
    assert sum("# → " in line for line in lines) > 12

    script = "\n".join(["set -euo pipefail", *as_script(lines)])
    done = run(["bash", "-x", "-c", script], service, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]

    [program] = blocks(section, "python")
    done = run([sys.executable, "-c", program], service, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == [
        "The case lacks the part that this check looks at.",
        "request.invalid /body/attempts",
    ]


def run(command, service, folder):
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "EKYC": service},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

"""The first hour of docs/api.md, its verification, batches and single tools, line by line, against ``ekyc serve`` with the real models."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.system, pytest.mark.models, pytest.mark.enable_socket]

EXPECTED = re.compile(r"(?P<command>.+?)\s+# → (?P<text>.+)\Z")


@pytest.fixture(scope="module")
def section(repository_root):
    """``section(title)``: its text."""
    text = (repository_root / "docs" / "api.md").read_text("utf-8")
    return lambda title: re.search(rf"^## {title}$(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]


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


@pytest.mark.parametrize(
    ("title", "least", "printed"),
    [
        (
            "The first hour",
            13,
            [
                "The case lacks the part that this check looks at.",
                "request.invalid /body/attempts",
                "canceled",
            ],
        ),
        ("A verification", 4, []),
        ("Batches", 2, ["1 canceled"]),
        ("Single tools", 11, ["PASSED ['card.read', 'card.mrz', 'card.qr']", "<!doctype html>"]),
    ],
)
def test_every_line_does_what_it_says(section, service, tmp_path, title, least, printed):
    for program in ("bash", "curl", "jq"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    text = section(title)
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    assert sum("# → " in line for line in lines) >= least

    script = "\n".join(["set -euo pipefail", *as_script(lines)])
    done = run(["bash", "-x", "-c", script], service, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]

    made = tmp_path / "sample" / "case"
    told = []
    for program in blocks(text, "python"):
        done = run([sys.executable, "-c", program], service, made if made.is_dir() else tmp_path)
        assert done.returncode == 0, done.stderr[-3000:]
        told += done.stdout.splitlines()
    assert told == printed


def run(command, service, folder):
    return subprocess.run(
        command,
        cwd=folder,
        env={
            **os.environ,
            "EKYC": service,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

"""A page of a PDF as two viewers that nobody here wrote show it: poppler, and Chromium with its own PDF viewer."""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from itertools import count

import pytest
from websockets.sync.client import connect

_NUMBERS = count(1)
_WAIT_S = 45
_WIDTH, _HEIGHT = 1240, 1754


def poppler_picture(pdf, target):
    """The first page at 150 dpi, as PNG."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not installed (run scripts/install-judges)")
    command = ["pdftoppm", "-r", "150", "-png", "-singlefile", "-l", "1", pdf]
    subprocess.run([*command, target.with_suffix("")], check=True, timeout=60)
    return target


def chromium_picture(pdf, target, *, shows):
    """The first page in Chromium's viewer, as PNG; ``shows`` says of a picture whether the viewer has finished."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed (run scripts/install-judges)")
    address = f"file://{pdf}#toolbar=0&navpanes=0&view=Fit"
    with _browser(program, target.parent / "profile") as call:
        page = call("Target.createTarget", url=address)["targetId"]
        session = call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            taken = call("Page.captureScreenshot", session=session, format="png")
            target.write_bytes(base64.b64decode(taken["data"]))
            if shows(target):
                return target
            time.sleep(0.5)
    pytest.fail(f"Chromium did not show the page within {_WAIT_S} s; see {target}")


@contextmanager
def _browser(program, profile):
    """A browser of its own, and a function that sends it commands (Chrome DevTools protocol)."""
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    options += [f"--user-data-dir={profile}", f"--window-size={_WIDTH},{_HEIGHT}"]
    process = subprocess.Popen(
        [program, *options, "--remote-debugging-port=0", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_endpoint(profile), max_size=64 << 20, open_timeout=20) as link:
            yield lambda name, **parameters: _called(link, name, parameters)
    finally:
        process.terminate()
        process.wait(20)


def _endpoint(profile):
    until = time.monotonic() + _WAIT_S
    written = profile / "DevToolsActivePort"
    while not (written.exists() and written.read_text().count("\n")):
        if time.monotonic() > until:
            pytest.fail("Chromium did not start")
        time.sleep(0.1)
    port = written.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version", timeout=20) as answer:
        return json.load(answer)["webSocketDebuggerUrl"]


def _called(link, name, parameters):
    message = {"id": next(_NUMBERS), "method": name}
    session = parameters.pop("session", None)
    if session is not None:
        message["sessionId"] = session
    link.send(json.dumps(message | {"params": parameters}))
    while True:
        answer = json.loads(link.recv(timeout=30))
        if answer.get("id") == message["id"]:
            assert "error" not in answer, answer
            return answer["result"]

"""A private SoftHSM token and python-pkcs11, which is no part of the lock, for the tests that need them."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
TOKEN, PIN = "ekyc-test", "1234"


def install_python_pkcs11(place: Path) -> None:
    """Make the module ``pkcs11`` importable; skips with the reason where it cannot be had."""
    try:
        importlib.import_module("pkcs11")
    except ImportError:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--target", str(place), "python-pkcs11>=0.9,<0.10"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            pytest.skip(f"python-pkcs11 cannot be installed: {last}")
        sys.path.append(str(place))


def make_token(place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh token in ``place``; the path of SoftHSM's library."""
    module = next((path for path in MODULES if Path(path).exists()), None)
    if shutil.which("softhsm2-util") is None or module is None:
        pytest.skip("SoftHSM is not installed (run scripts/install-judges)")
    (place / "tokens").mkdir(parents=True)
    settings = place / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {place / 'tokens'}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    command = ["softhsm2-util", "--init-token", "--free", "--label", TOKEN]
    subprocess.run([*command, "--pin", PIN, "--so-pin", "5678"], check=True, capture_output=True)
    return module

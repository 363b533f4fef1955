"""deploy/: systemd itself reads the units, and the examples are what the software takes."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from ekyc.api.access.configuration import load_access_settings
from ekyc.cli import config
from ekyc.outcomes import Outcome

pytestmark = pytest.mark.system

UNITS = ("ekyc", "ekyc-worker", "ekyc-sam")


@pytest.fixture
def analyze():
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")

    def run(*arguments):
        return subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
        )

    return run


@pytest.fixture(params=UNITS)
def unit(request, repository_root, tmp_path):
    """A unit whose program is one that is there; systemd-analyze looks for it."""
    text = (repository_root / "deploy" / "systemd" / f"{request.param}.service").read_text()
    assert text.count("ExecStart=/opt/ekyc/bin/ekyc ") == 1
    path = tmp_path / f"{request.param}.service"
    path.write_text(text.replace("/opt/ekyc/bin/ekyc", shutil.which("true")))
    return path


def test_systemd_understands_every_line(analyze, unit):
    done = analyze("verify", "--man=no", unit)
    about_it = [line for line in done.stderr.splitlines() if unit.name in line or "lvalue" in line]
    assert (done.returncode, about_it) == (0, [])


def test_a_line_that_systemd_does_not_know_would_be_found(analyze, unit):
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSytem="))
    assert "ProtectSytem" in analyze("verify", "--man=no", unit).stderr


def test_little_is_exposed(analyze, unit):
    done = analyze("security", "--offline=true", "--no-pager", unit)
    if "exposure" not in done.stdout:
        pytest.skip("this systemd-analyze does not judge files")
    level = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])
    assert level <= 2.5


def test_the_example_of_settings_is_taken(repository_root, tmp_path):
    environment = config.read_environment(repository_root / "deploy" / "ekyc.env")
    own = {
        "EKYC_ACCESS": str(repository_root / "deploy" / "access.toml"),
        "EKYC_HOME": str(tmp_path),
    }
    assert own.keys() <= environment.keys()
    found = list(config.examine({**environment, **own}))
    assert [one for one in found if one.check.outcome is not Outcome.PASSED] == []


def test_the_example_of_access_is_taken(repository_root):
    settings = load_access_settings(repository_root / "deploy" / "access.toml", {})
    assert settings.proxy.tls
    assert settings.proxy.trusted == ("unix",)


def test_the_image_sets_variables_that_there_are_and_runs_as_nobody_special(repository_root):
    text = (repository_root / "deploy" / "Containerfile").read_text()
    named = set(re.findall(r"\b(EKYC_[A-Z_]+)=", text))
    assert named <= {*config._FILES, *config._PLAIN}
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    for folder in re.findall(
        r"^!(\S+)$",
        (repository_root / "deploy" / "Containerfile.dockerignore").read_text(),
        re.MULTILINE,
    ):
        assert (repository_root / folder).exists()


@pytest.mark.parametrize("name", ["ekyc", "ekyc-worker"])
def test_nobody_but_the_signing_process_sees_its_keys(repository_root, name):
    folder = repository_root / "deploy" / "systemd"
    assert (
        "InaccessiblePaths=-/var/lib/ekyc-sam -/etc/ekyc-sam\n"
        in (folder / f"{name}.service").read_text()
    )
    signing = (folder / "ekyc-sam.service").read_text()
    assert "StateDirectory=ekyc-sam\n" in signing
    assert "InaccessiblePaths" not in signing

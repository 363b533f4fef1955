from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ekyc.benchmarks import SUITES, Recorder, RunOptions, Suite, run_suite
from ekyc.benchmarks.runner import commit, machine
from ekyc.cli.bench import bench_app
from ekyc.errors import InputError

KEYS = {"schema", "suite", "commit", "seed", "models", "machine", "metrics", "peers", "raw"}


class Counting(Suite):
    """A suite whose answer is a function of the test."""

    __slots__ = ("body",)

    def run(self, recorder, options):
        self.body(recorder)


@pytest.fixture
def counting():
    def make(body, **changes):
        suite = Counting(name="counting", question="how many?", function="none:none", **changes)
        object.__setattr__(suite, "body", body)
        return suite

    return make


def fill(recorder):
    recorder.rate("accepted", 3, 4)
    recorder.samples("time", [1.0, 2.0, 3.0], unit="ms")
    recorder.samples("time", [2.0, 2.0], unit="ms", peer="other")
    recorder.exact("worst", 0.5, n=7, unit="relative")
    recorder.observe(step="one", value=1)


def test_a_result_carries_what_the_contract_names(counting, tmp_path):
    out = tmp_path / "result.json"
    returned = run_suite(counting(fill), RunOptions(seed=5), out)
    result = json.loads(out.read_text())
    assert result == returned
    assert result.keys() >= KEYS
    assert result["schema"] == "ekyc.bench/1"
    assert result["seed"] == 5
    assert result["complete"] is True
    for metric in (*result["metrics"].values(), *result["peers"]["other"].values()):
        assert metric.keys() == {"value", "n", "low", "high", "unit"}
        assert metric["low"] <= metric["value"] <= metric["high"]
    assert result["metrics"]["accepted"]["value"] == 0.75
    assert result["raw"] == [{"step": "one", "value": 1}]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_keeps_what_was_measured(counting, tmp_path, error):
    def body(recorder):
        recorder.exact("worst", 0.5, n=7, unit="relative")
        raise error

    out = tmp_path / "result.json"
    with pytest.raises(error):
        run_suite(counting(body), RunOptions(), out)
    result = json.loads(out.read_text())
    assert result["complete"] is False
    assert "worst" in result["metrics"]
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_suite_that_needs_data_says_so_before_it_runs(counting, tmp_path):
    suite = counting(fill, data="a folder of faces")
    for data in (None, tmp_path / "absent"):
        with pytest.raises(InputError, match="a folder of faces") as caught:
            run_suite(suite, RunOptions(data=data), tmp_path / "result.json")
        assert caught.value.code == "bench.no_data"
    assert run_suite(suite, RunOptions(data=tmp_path), tmp_path / "result.json")


def test_a_result_needs_a_folder(counting, tmp_path):
    with pytest.raises(InputError):
        run_suite(counting(fill), RunOptions(), tmp_path / "absent" / "result.json")


def test_the_commit_is_that_of_the_checkout(repository_root):
    if not (repository_root / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    head = subprocess.run(
        ["git", "-C", repository_root, "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert commit().removesuffix("-dirty") == head


def test_an_installed_package_inside_another_checkout_names_its_version(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("no git")
    import ekyc

    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    package = tmp_path / "site" / "ekyc"
    shutil.copytree(
        Path(ekyc.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    code = "from ekyc.benchmarks.runner import commit; print(commit())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "site",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert found == f"ekyc-vn {ekyc.__version__}"


def test_the_machine_is_described_without_its_name():
    facts = machine()
    assert facts["cores"] >= 1
    assert not {"host", "hostname", "node"} & facts.keys()


def test_rates_are_fractions():
    recorder = Recorder(seed=1)
    recorder.rate("r", 1, 4)
    assert recorder.metrics["r"].value == 0.25
    assert recorder.metrics["r"].unit == "fraction"


def test_every_suite_names_a_function_that_exists():
    import importlib

    for suite in SUITES.values():
        module, function = suite.function.split(":")
        assert callable(getattr(importlib.import_module(f"ekyc.benchmarks.{module}"), function))


def test_the_command_lists_the_suites():
    result = CliRunner().invoke(bench_app, ["list", "--json"])
    assert result.exit_code == 0
    assert [suite["name"] for suite in json.loads(result.stdout)["suites"]] == list(SUITES)


def test_an_unknown_suite_is_one_json_error(tmp_path):
    out = tmp_path / "result.json"
    result = CliRunner().invoke(bench_app, ["run", "no-such", "--out", str(out), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "bench.unknown"
    assert not out.exists()


@pytest.mark.models
def test_the_inference_suite_runs_and_finds_no_difference(models, tmp_path):
    out = tmp_path / "result.json"
    result = CliRunner().invoke(
        bench_app, ["run", "inference", "--quick", "--out", str(out), "--json"]
    )
    assert result.exit_code == 0, result.stderr
    facts = json.loads(out.read_text())
    assert json.loads(result.stdout) == facts
    assert facts["quick"] is True
    assert facts["models"].keys() == {
        name.removeprefix("difference.")
        for name in facts["metrics"]
        if name.startswith("difference.")
    }
    for name, metric in facts["metrics"].items():
        if name.startswith("difference."):
            assert metric["value"] <= 1e-5


def test_a_result_says_which_targets_are_met(counting, tmp_path):
    def body(recorder):
        fill(recorder)
        recorder.must("accepted", at_least=0.7)
        recorder.must("worst", at_most=0.4)
        recorder.must("time", at_most=2.0)
        recorder.must("never measured", at_most=1.0)

    result = run_suite(counting(body), RunOptions(), tmp_path / "result.json")
    assert result["targets"] == {
        "accepted": {"bound": 0.7, "sense": "at_least", "met": True},
        "worst": {"bound": 0.4, "sense": "at_most", "met": False},
        "time": {"bound": 2.0, "sense": "at_most", "met": True},
    }

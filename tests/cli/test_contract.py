"""The contract that others build on: exit codes, one JSON object on stdout, everything else on stderr."""

import json
import subprocess
import sys

import pytest

COMMANDS = (
    (),
    ("verify",),
    ("validate",),
    ("demo",),
    ("serve",),
    ("worker",),
    *(
        ("webhook", name)
        for name in ("create", "list", "rotate", "disable", "enable", "delete", "test", "replay")
    ),
    *(("webhook", name) for name in ("deliveries", "delivery", "replay-missed")),
    ("doctor",),
    ("case", "new"),
    ("case", "profiles"),
    ("challenge", "new"),
    ("verify-result",),
    *(
        ("credential", name)
        for name in ("new-key", "trust-list", "issue", "revoke", "suspend", "reinstate")
    ),
    ("credential", "status-list"),
    ("credential", "verifier-page"),
    *(
        ("audit", name)
        for name in ("checkpoint", "public-key", "export", "prove", "verify", "compare")
    ),
    ("authority", "new"),
    ("authority", "ceremony"),
    ("authority", "renew-root-crl"),
    ("chip", "inspect"),
    ("ocr", "read"),
    ("ocr", "card"),
    ("ocr", "compare"),
    ("face", "compare"),
    ("liveness", "check"),
    ("liveness", "sessions", "public-key"),
    ("liveness", "sessions", "forget"),
    ("models", "install"),
    ("models", "list"),
    ("models", "verify"),
    ("bench", "list"),
    ("bench", "run"),
    ("bench", "generate"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_teaches(cli, command):
    code, out, _ = cli(*command, "--help")
    assert code == 0
    assert "Usage" in out


def test_the_installed_command_is_quick_to_help():
    """It must not load an engine, image library or web framework only to show a page of text."""
    script = (
        "import sys; sys.argv = ['ekyc', '--help']\n"
        "from ekyc.cli.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'onnxruntime', 'cv2', 'fastapi', 'pyhanko', 'sqlalchemy', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("verify",),
        ("verify", "case", "--no-such-option"),
        ("demo", "--attack", "no-such-attack"),
        ("case", "profiles", "--language", "xx"),
        ("face", "compare", "one.jpg"),
    ],
)
def test_wrong_usage_is_two(cli, arguments):
    assert cli(*arguments)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (("verify", "nowhere"), "ekyc.verify/1"),
        (("validate", "nowhere.pdf"), "ekyc.validate/1"),
        (("chip", "inspect", "nowhere"), "ekyc.chip-inspect/1"),
        (("ocr", "read", "nowhere.jpg"), "ekyc.ocr-read/1"),
        (("ocr", "compare", "nowhere.jpg", "nowhere.jpg"), "ekyc.ocr-compare/1"),
        (("face", "compare", "nowhere.jpg", "nowhere.jpg"), "ekyc.face-compare/1"),
        (("liveness", "check", "nowhere.jpg"), "ekyc.liveness-check/1"),
    ],
)
def test_an_error_is_one_and_still_one_json_object(cli_json, arguments, schema):
    code, result = cli_json(*arguments)
    assert code == 1
    assert (result["schema"], result["outcome"]) == (schema, "ERROR")
    assert result["error"]["code"]


def test_a_defect_of_ours_is_one_json_object_without_its_text():
    script = (
        "import sys; sys.argv = ['ekyc', 'doctor', '--json']\n"
        "from ekyc.cli import __main__ as entry\n"
        "def broken(): raise ValueError('079185001234')\n"
        "entry.app = broken\n"
        "entry.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert (result["schema"], result["reasons"]) == ("ekyc.doctor/1", ["internal"])
    assert b"079185001234" not in done.stdout + done.stderr
    assert b"ValueError" in done.stderr


def test_a_challenge_has_an_id_a_nonce_and_an_end(cli_json):
    code, result = cli_json("challenge", "new", "--ttl", "60")
    assert code == 0
    assert len(bytes.fromhex(result["nonce_hex"])) == 8
    assert {"id", "expires_at"} <= set(result)


def test_a_new_case_is_written_once(cli, tmp_path):
    assert cli("case", "new", tmp_path / "c")[0] == 0
    assert cli("case", "new", tmp_path / "c")[0] == 1


@pytest.mark.models
class TestVerify:
    @pytest.fixture
    def demonstrated(self, cli_json, tmp_path):
        code, result = cli_json("demo", "--out", tmp_path / "demo")
        assert code == 0
        return tmp_path / "demo", result

    def test_demo_then_validate_then_verify_again(self, demonstrated, cli_json, cli, tmp_path):
        folder, result = demonstrated
        assert (result["schema"], result["outcome"]) == ("ekyc.demo/1", "PASSED")
        assert {"id", "outcome", "reasons", "duration_ms"} <= set(result["checks"][0])
        assert {path.name for path in folder.iterdir()} >= {
            "report.json",
            "report.html",
            "decision.json",
            "result.pdf",
        }
        assert json.loads((folder / "decision.json").read_text())["verdict"] == "accept"

        code, validated = cli_json(
            "validate", folder / "result.pdf", "--trust", folder / "trust/root.pem"
        )
        assert code == 0
        assert [s["indication"] for s in validated["signatures"]] == ["TOTAL-PASSED"]

        code, _ = cli_json("validate", folder / "result.pdf")
        assert code == 10  # nobody vouches for the root

        code, again = cli_json(
            "verify", folder / "case", "--trust", folder / "trust/csca.pem", "--out", tmp_path / "o"
        )
        assert code == 10  # without a challenge freshness is not proven
        assert again["decision"]["verdict"] == "review"
        assert again["passive_authentication"]["chain"]["verdict"] == "CHAINED"
        assert not (tmp_path / "o/result.pdf").exists()

        code, out, err = cli("verify", folder / "case", "--language", "vi")
        assert code == 10
        assert "CHUYỂN CÁN BỘ XEM XÉT" in out
        assert "intake" in err

    def test_an_unknown_profile_is_an_error(self, cli_json, demonstrated):
        folder, _ = demonstrated
        code, result = cli_json("verify", folder / "case", "--profile", "nope")
        assert (code, result["error"]["code"]) == (1, "profile.unknown")

    def test_a_rejection_is_eleven(self, cli_json, tmp_path):
        code, result = cli_json("demo", "--attack", "cloned-chip", "--out", tmp_path / "demo")
        assert code == 11
        assert result["outcome"] == "FAILED"
        assert "chip.aa_invalid" in result["reasons"]

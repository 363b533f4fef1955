"""``ekyc chip read`` against a PC/SC service in memory: files, verdicts, exit codes, and what goes wrong."""

import json
import sys
from copy import copy
from types import ModuleType

import pytest
import typer
from in_memory_pcsc import Scard
from typer.testing import CliRunner

from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.sim import VIETNAMESE_QUIRKS, CardSimulator
from ekyc.chip.sim.commands import StatusError
from ekyc.chip.sim.hostile import with_lying_file
from ekyc.cli.challenge import challenge_app
from ekyc.cli.chip_read import parse_mrz_option, register
from ekyc.cli.chip_simulate import register as register_simulate
from ekyc.errors import InputError

NAME = "Contactless 01"


@pytest.fixture
def readers(monkeypatch):
    """A reader with a card that a test may swap, and an empty one."""
    cards = {NAME: None, "Contact 00": None}
    service = Scard(cards)
    monkeypatch.setitem(sys.modules, "smartcard", ModuleType("smartcard"))
    monkeypatch.setitem(sys.modules, "smartcard.scard", service)
    return service.readers


@pytest.fixture
def run(tmp_path, issuer, monkeypatch):
    csca = tmp_path / "csca.pem"
    csca.write_bytes(issuer.csca_certificate_pem)
    monkeypatch.setenv("EKYC_HOME", str(tmp_path / "home"))
    app, chip_app = typer.Typer(), typer.Typer()
    register(chip_app)
    register_simulate(chip_app)
    app.add_typer(chip_app, name="chip")
    app.add_typer(challenge_app, name="challenge")

    def invoke(*options, trusted=True, text=None):
        arguments = [*options, "--json"]
        if options[:2] == ("chip", "read") and trusted:
            arguments += ["--trust", str(csca)]
        result = CliRunner().invoke(app, arguments, input=text)
        return result.exit_code, json.loads(result.stdout)

    return invoke


@pytest.fixture
def read(run, tmp_path):
    """``read("--can", …)``; files go to ``tmp_path / "out"``."""

    def invoke(*options, **keywords):
        where = ("--reader", "contactless", "--out", str(tmp_path / "out"))
        return run("chip", "read", *where, *options, **keywords)

    return invoke


@pytest.fixture
def inserted(readers, card):
    readers[NAME] = CardSimulator(card, quirks=VIETNAMESE_QUIRKS)
    return card


def test_a_card_is_read_with_its_access_number(read, inserted, tmp_path, validate_against):
    code, result = read("--can", inserted.can)
    assert code == 0
    validate_against("ekyc.chip-read.1", result)
    assert result["outcome"] == "PASSED"
    assert result["access"]["protocol"] == "PACE"
    assert result["chip_authentication"]["protocol"] == "CA-ECDH-AES-128"
    outcomes = {check["id"]: check["outcome"] for check in result["checks"]}
    assert outcomes["chip.chip_authentication"] == "PASSED"
    written = ChipFiles.from_folder(tmp_path / "out")
    assert written.get(ElementaryFile.DG2) == inserted.files.get(ElementaryFile.DG2)
    assert not (tmp_path / "out/aa-signature.bin").exists()


def test_a_challenge_is_spent_and_its_answer_judged(run, read, inserted, tmp_path):
    _, challenge = run("challenge", "new")
    zone = ",".join(inserted.mrz_key)
    code, result = read("--mrz", zone, "--challenge", challenge["id"])
    assert code == 0
    assert result["access"]["protocol"] == "BAC"
    outcomes = {check["id"]: check["outcome"] for check in result["checks"]}
    assert outcomes["chip.active_authentication"] == "PASSED"
    assert (tmp_path / "out/aa-signature.bin").stat().st_size == 64

    code, result = read("--mrz", zone, "--challenge", challenge["id"])
    assert code == 1
    assert result["error"]["code"] == "freshness.already_used"


def test_a_challenge_is_not_spent_where_there_is_no_card(run, read, readers, card):
    _, challenge = run("challenge", "new")
    options = ("--can", card.can, "--challenge", challenge["id"])
    _, result = read(*options)
    assert result["error"]["code"] == "chip.card_absent"
    readers[NAME] = CardSimulator(card)
    assert read(*options)[0] == 0


def test_an_unknown_challenge_reads_nothing(read, inserted, tmp_path):
    _, result = read("--can", inserted.can, "--challenge", "no-such")
    assert result["error"]["code"] == "freshness.unknown"
    assert not (tmp_path / "out").exists()


def test_a_nonce_from_elsewhere_is_signed_and_not_judged(read, inserted, tmp_path):
    code, result = read("--can", inserted.can, "--nonce", "0102030405060708")
    assert code == 0
    outcomes = {check["id"]: check["outcome"] for check in result["checks"]}
    assert outcomes["chip.active_authentication"] == "NOT_PERFORMED"
    assert (tmp_path / "out/aa-signature.bin").exists()


def test_personal_data_stay_out_of_the_result(read, inserted, citizen):
    _, result = read("--can", inserted.can)
    text = json.dumps(result, ensure_ascii=False)
    assert citizen.full_name not in text
    assert citizen.personal_number not in text


def test_without_an_anchor_the_question_stays_open(read, inserted):
    code, result = read("--can", inserted.can, trusted=False)
    assert code == 10
    assert "chip.no_anchor" in result["reasons"]


def test_an_altered_chip_is_refuted(read, readers, card):
    readers[NAME] = CardSimulator(card.with_changed_name())
    code, result = read("--can", card.can)
    assert code == 11
    assert "chip.hash_mismatch" in result["reasons"]


def test_a_clone_does_not_pass(read, readers, card):
    readers[NAME] = CardSimulator(card.clone_with_own_key())
    code, result = read("--can", card.can)
    assert code == 11
    assert result["outcome"] == "FAILED"
    assert "chip.ca_invalid" in result["reasons"]
    assert result["chip_authentication_error"] == "chip.ca_invalid"
    assert set(result["submitted"]) >= {str(name) for name in card.files.names}


def test_a_chip_that_will_not_prove_itself_leaves_the_question_open(read, readers, card):
    class Refusing(CardSimulator):
        def _manage_security_environment(self, command):
            if command.p1 == 0x41:
                raise StatusError(0x6A80)
            return super()._manage_security_environment(command)

    readers[NAME] = Refusing(card)
    code, result = read("--can", card.can)
    assert code == 10
    assert "chip.ca_refused" in result["reasons"]


@pytest.mark.parametrize(
    ("kept_back", "code"),
    [((ElementaryFile.DG14, ElementaryFile.DG15), 10), ((ElementaryFile.DG15,), 0)],
)
def test_a_chip_that_keeps_its_keys_back_does_not_pass_for_it(read, readers, card, kept_back, code):
    clone = copy(card)
    clone.files = card.files.without(*kept_back)
    readers[NAME] = CardSimulator(clone)
    assert read("--can", card.can)[0] == code


def test_a_file_that_claims_four_gigabytes_costs_only_itself(read, readers, card):
    readers[NAME] = CardSimulator(with_lying_file(card, ElementaryFile.DG13))
    code, result = read("--can", card.can)
    assert code == 0
    assert result["unread"] == {"EF.DG13": "chip.file_too_large"}


def test_keys_may_come_from_stdin(read, inserted):
    assert read("--can", "-", text=f"{inserted.can}\n")[0] == 0
    assert read("--mrz", "-", text=",".join(inserted.mrz_key) + "\n")[0] == 0


def test_readers_are_listed(run, readers, validate_against):
    code, result = run("chip", "read", "--list", trusted=False)
    assert code == 0
    assert result["readers"] == list(readers)
    validate_against("ekyc.chip-read.1", result)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "chip.access_key"),
        (("--can", "123456", "--mrz", "185012345,850419,450419"), "chip.access_key"),
        (("--can", "12"), "chip.access_key"),
        (("--mrz", "nonsense"), "mrz.length"),
        (("--can", "123456", "--nonce", "xy"), "chip.aa_nonce"),
        (("--can", "123456", "--nonce", "00", "--challenge", "1"), "chip.aa_nonce"),
        (("--can", "123456"), "chip.card_absent"),
    ],
)
def test_what_cannot_be_read_says_why(read, readers, validate_against, options, code):
    exit_code, result = read(*options)
    assert exit_code == 1
    assert result["error"]["code"] == code
    validate_against("ekyc.chip-read.1", result)


@pytest.mark.parametrize("missing", ["--reader", "--out"])
def test_a_missing_option_is_named_before_anything_is_done(run, readers, tmp_path, missing):
    options = {"--reader": "contactless", "--out": str(tmp_path / "out"), "--can": "123456"}
    del options[missing]
    _, result = run("chip", "read", *(part for pair in options.items() for part in pair))
    assert result["error"]["subject"] == missing


def test_an_unknown_reader_is_no_guess(run, readers, tmp_path):
    _, result = run(
        "chip", "read", "--reader", "x", "--out", str(tmp_path / "out"), "--can", "123456"
    )
    assert result["error"]["code"] == "chip.reader_unknown"


def test_without_pyscard_the_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "smartcard", None)
    code, result = run("chip", "read", "--list")
    assert code == 1
    assert result["error"]["code"] == "chip.pcsc_missing"


def test_a_whole_zone_is_an_access_key(card):
    zone = card.files.get(ElementaryFile.DG1)[5:].decode()
    key = parse_mrz_option(zone)
    assert (key.document_number, key.birth, key.expiry) == card.mrz_key
    assert parse_mrz_option(f"{zone[:30]}\n{zone[30:60]}\n{zone[60:]}\n") == key


@pytest.mark.parametrize("text", ["", ",,", "1,2", "a,b,c,d", "048185012345,850419"])
def test_no_access_key(text):
    with pytest.raises(InputError):
        parse_mrz_option(text)

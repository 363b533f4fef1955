"""``ekyc sam end-factors``: somebody has lost what they signed with."""

from __future__ import annotations

import contextlib
import json

import pytest

from ekyc.ports import SystemRandom
from ekyc.storage import FactorKind, ServiceKey, Storage

ME, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def folder(tmp_path, cli, monkeypatch):
    """A signing process's; two factors of mine stand, another was offered to me, and one is somebody else's."""
    monkeypatch.setenv("EKYC_KEY_PASSPHRASE", "khóa")
    monkeypatch.setenv("EKYC_ISSUER_PASSPHRASE", "khóa cổng")
    made = tmp_path / "sam"
    code, _, said = cli("sam", "new", made)
    assert code == 0, said
    with opened(made) as (_, factors):
        for holder, decision in ((ME, "d-a"), (ME, "d-b"), (OTHER, "d-c")):
            enrol(factors, holder, decision)
        enrol(factors, ME, "d-offered", offered=True)
    return made


@contextlib.contextmanager
def opened(folder):
    with Storage.open(folder / "state.sqlite3") as storage:
        yield storage, storage.factors(ServiceKey.load(folder / "service.key", SystemRandom()))


def enrol(factors, holder, decision, *, offered=False):
    beside = frozenset(one.id for one in factors.of_holder(holder))
    return factors.enrol(
        holder=holder,
        kind=FactorKind.WEBAUTHN,
        decision=decision,
        body=b"key",
        counter=0,
        beside=beside,
        offered=offered,
    )


def end(cli, folder, holder, *options):
    return cli("sam", "end-factors", folder / "sam.toml", "--holder", holder, *options)


def test_all_of_this_person_end_and_nobody_elses(folder, cli):
    code, said, _ = end(cli, folder, ME, "--json")
    assert (code, json.loads(said)["ended"]) == (0, 2)
    code, said, _ = end(cli, folder, ME)
    assert (code, said.strip()) == (0, "ended: 0")
    with opened(folder) as (storage, factors):
        assert factors.of_holder(ME) == ()
        assert len(factors.of_holder(OTHER)) == 1
        told = [json.loads(entry.event)["kind"] for entry in storage.evidence.entries()]
        assert told.count("factor.ended") == 2
        assert enrol(factors, ME, "d-new").confirmed_at is not None


@pytest.mark.parametrize("holder", ["AB" * 32, "ab" * 31, "001090123456"])
def test_what_is_no_pseudonym_is_not_taken_for_somebody_without_factors(folder, cli, holder):
    code, out, said = end(cli, folder, holder)
    assert code != 0
    assert said
    assert holder not in out + said


def test_the_help_says_what_it_does_and_what_to_make_sure_of(cli):
    code, said, _ = cli("sam", "end-factors", "--help")
    words = " ".join(said.replace("│", " ").split())
    assert code == 0
    for part in ("for good", "Make sure first that it is this person", "64 hexadecimal digits"):
        assert part in words

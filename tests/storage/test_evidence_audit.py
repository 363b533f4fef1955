"""Whatever is done to a log, the audit of its export says that it was, and where."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tracemalloc
from datetime import timedelta

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import EkycError, InputError, TrustError, UpstreamError
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict
from ekyc.storage import Storage
from ekyc.storage.evidence.audit import compare_exports, inspect_export
from ekyc.storage.evidence.checkpoints import KeptCheckpoint
from ekyc.storage.evidence.export import write_export
from ekyc.storage.evidence.notes import CheckpointKey, read_checkpoint
from ekyc.storage.evidence.proofs import inspect_proof, prove_inclusion
from ekyc.testing import FixedClock


class Ed25519:
    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.public_key_der = self.key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        self.public = CheckpointKey(self.public_key_der)

    def sign(self, message):
        return self.key.sign(message)


class Ecdsa(Ed25519):
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.public_key_der = self.key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        self.public = CheckpointKey(self.public_key_der)

    def sign(self, message):
        r, s = utils.decode_dss_signature(self.key.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)


SIGNER = Ed25519()


def record(storage, count):
    for _ in range(count):
        storage.results.record(
            case_digest="ab" * 32,
            profile="demo",
            verdict=Verdict.ACCEPT,
            reasons=(),
            report_digest="cd" * 32,
        )


def export(storage, size=None):
    out = io.BytesIO()
    write_export(storage.evidence, storage.checkpoints, out, size=size)
    return out.getvalue()


def grown(path, *, steps=((9, True), (11, True)), clock=None):
    """An export of a new log: so many entries each, then a checkpoint or none."""
    with Storage.open(path, clock=clock or FixedClock()) as storage:
        for count, checkpoint in steps:
            record(storage, count)
            if checkpoint:
                storage.checkpoints.make(signer=SIGNER)
        return export(storage)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """21 entries, checkpoints at 10 and 21."""
    return grown(tmp_path_factory.mktemp("log") / "state.sqlite3")


def audit(data, **changes):
    return inspect_export(io.BytesIO(data), **({"keys": (SIGNER.public,)} | changes))


def lines(data):
    return data.split(b"\n")[:-1]


def joined(parts):
    return b"\n".join(parts) + b"\n"


def at(parts, number):
    """Where the line of an entry is."""
    return next(i for i, line in enumerate(parts) if line.startswith(b"entry %d " % number))


def rehashed(parts, start, chain_too=True):
    """What somebody writes who knows the format: leaf and chain hashes made anew from an entry on."""
    out, before = [], bytes(32)
    for line in parts:
        if line.startswith(b"entry "):
            _, number, chain, leaf, event = line.split(b" ", 4)
            if int(number) >= start:
                leaf = hashlib.sha256(b"\x00" + event).hexdigest().encode()
                chain = hashlib.sha256(before + event).hexdigest().encode() if chain_too else chain
                out.append(b" ".join([b"entry", number, chain, leaf, event]))
            else:
                out.append(line)
            before = bytes.fromhex(chain.decode())
        else:
            out.append(line)
    return out


def codes(report):
    return [(found.code, found.number) for found in report.findings]


def test_a_sound_log_passes_and_says_what_was_read(sound):
    report = audit(sound)
    assert report.outcome is Outcome.PASSED
    assert report.findings == ()
    assert (report.entries, report.checkpoints, report.signed_entries) == (21, 2, 21)
    assert report.last_checkpoint.size == 21
    assert report.last_checkpoint.root == report.root


def test_without_the_key_nothing_passes(sound):
    report = audit(sound, keys=())
    assert report.outcome is Outcome.INDETERMINATE
    assert {code for check in report.checks for code in check.reasons} >= {"audit.no_key"}


def test_what_nobody_signed_yet_is_not_decided(tmp_path):
    report = audit(grown(tmp_path / "s", steps=((5, True), (2, False))))
    assert report.outcome is Outcome.INDETERMINATE
    assert (report.entries, report.signed_entries) == (8, 6)
    report = audit(grown(tmp_path / "t", steps=((5, False),)))
    assert report.outcome is Outcome.INDETERMINATE


def test_one_row_changed_is_found_where_it_is(sound):
    parts = lines(sound)
    where = at(parts, 13)
    parts[where] = parts[where].replace(b'"accept"', b'"reject"')
    report = audit(joined(parts))
    assert report.outcome is Outcome.FAILED
    assert codes(report) == [("audit.entry_changed", 13), ("audit.checkpoint_mismatch", 10)]
    changed, mismatch = report.findings
    assert changed.which == "leaf"
    assert changed.computed == hashlib.sha256(b"\x00" + parts[where].split(b" ", 4)[4]).digest()
    assert (mismatch.which, mismatch.last) == ("root", 20)


def test_one_row_changed_with_its_own_hashes_breaks_the_next(sound):
    parts = lines(sound)
    where = at(parts, 13)
    parts[where] = parts[where].replace(b'"accept"', b'"reject"')
    made = rehashed(parts, 13)
    made = [*made[: where + 1], *parts[where + 1 :]]
    report = audit(joined(made))
    assert codes(report) == [("audit.chain_broken", 14), ("audit.checkpoint_mismatch", 10)]
    assert report.findings[0].which == "chain"


def test_one_row_changed_with_its_leaf_alone_breaks_its_own_chain(sound):
    parts = lines(sound)
    where = at(parts, 13)
    parts[where] = parts[where].replace(b'"accept"', b'"reject"')
    made = rehashed(parts, 13, chain_too=False)
    assert codes(audit(joined(made)))[0] == ("audit.chain_broken", 13)


def test_a_log_written_anew_from_a_row_on_meets_its_checkpoint(sound):
    parts = lines(sound)
    where = at(parts, 13)
    parts[where] = parts[where].replace(b'"accept"', b'"reject"')
    report = audit(joined(rehashed(parts, 13)))
    assert codes(report)[0] == ("audit.checkpoint_mismatch", 10)
    assert (report.findings[0].last, report.findings[0].which) == (20, "root")
    assert report.signed_entries == 10


def test_a_row_removed_is_named(sound):
    parts = lines(sound)
    del parts[at(parts, 13)]
    report = audit(joined(parts))
    assert codes(report)[0] == ("audit.entry_missing", 13)
    assert report.findings[0].last == 13
    assert report.outcome is Outcome.FAILED


def test_a_row_removed_and_the_rest_renumbered_is_named(sound):
    parts = lines(sound)
    del parts[at(parts, 13)]
    parts = [
        re.sub(rb"^entry (\d+)", lambda m: b"entry %d" % (int(m[1]) - (int(m[1]) > 13)), line)
        for line in parts
    ]
    report = audit(joined(rehashed(parts, 13)))
    assert codes(report)[0] == ("audit.entry_renumbered", 13)
    assert report.outcome is Outcome.FAILED


def test_rows_exchanged_are_named(sound):
    parts = lines(sound)
    a, b = at(parts, 13), at(parts, 16)
    parts[a], parts[b] = parts[b], parts[a]
    report = audit(joined(parts))
    assert ("audit.entry_missing", 13) in codes(report)
    assert ("audit.entry_misplaced", 13) in codes(report)
    assert report.outcome is Outcome.FAILED


def test_a_row_inserted_is_named(sound):
    parts = lines(sound)
    where = at(parts, 13)
    parts.insert(where, parts[where])
    report = audit(joined(parts))
    assert codes(report)[0] == ("audit.entry_misplaced", 13)
    event = parts[where].split(b" ", 4)[4]
    assert b"accept" in event
    made = lines(sound)
    made.insert(where, b" ".join([b"entry 13", b"0" * 64, b"0" * 64, event]))
    assert audit(joined(made)).outcome is Outcome.FAILED


def test_a_tail_cut_off_is_seen_by_whoever_kept_a_checkpoint(sound, tmp_path):
    """Cut with all the care there is: last line made anew, no checkpoint behind the cut."""
    path = tmp_path / "s"
    grown(path)
    with Storage.open(path, clock=FixedClock()) as storage:
        published = read_checkpoint(storage.checkpoints.latest().note)
        cut = export(storage, size=10)
    alone = audit(cut)
    assert alone.outcome is Outcome.PASSED
    report = audit(cut, published=(published,))
    assert report.outcome is Outcome.FAILED
    assert codes(report) == [("audit.truncated", 10)]
    assert report.findings[0].last == 20


def test_a_file_cut_off_by_accident_is_seen(sound):
    for end in (len(sound) - 1, len(sound) // 2, sound.index(b"\nend ") + 1):
        assert audit(sound[:end]).outcome is Outcome.FAILED


def forged(sound, number, change):
    """The export with the note of the checkpoint at a size changed."""
    parts = lines(sound)
    where = next(i for i, line in enumerate(parts) if line.startswith(b"checkpoint %d " % number))
    word, size, note, token = parts[where].split(b" ")
    note = base64.b64encode(change(base64.b64decode(note).decode()).encode())
    parts[where] = b" ".join([word, size, note, token])
    return joined(parts)


def test_a_checkpoint_forged_is_named(sound):
    other = Ed25519()

    def signed_by_another(note):
        text, _, line = note.partition("\n\n")
        key_id = SIGNER.public.id_for(text.split("\n")[0])
        value = base64.b64encode(key_id + other.sign(f"{text}\n".encode())).decode()
        return f"{text}\n\n— {line.split(' ')[1]} {value}\n"

    report = audit(forged(sound, 10, signed_by_another))
    assert codes(report) == [("audit.checkpoint_forged", 10)]
    assert report.outcome is Outcome.FAILED
    stranger = audit(sound, keys=(other.public,))
    assert codes(stranger) == [
        ("audit.checkpoint_unknown_key", 10),
        ("audit.checkpoint_unknown_key", 21),
    ]
    for change, code in (
        (lambda note: note.replace("\n10\n", "\n11\n"), "audit.checkpoint_malformed"),
        (lambda note: note.replace("T08:00", "T09:00"), "audit.checkpoint_forged"),
        (lambda note: note.replace("\n\n", "\n"), "audit.checkpoint_malformed"),
        (lambda note: note[: note.index("—")], "audit.checkpoint_malformed"),
    ):
        report = audit(forged(sound, 10, change))
        assert codes(report) == [(code, 10)]


def test_a_checkpoint_of_another_log_is_none_here(sound, tmp_path):
    path = tmp_path / "other"
    grown(path)
    with Storage.open(path, clock=FixedClock()) as storage:
        other = storage.checkpoints.latest()
    report = audit(forged(sound, 21, lambda _: other.note))
    assert ("audit.other_log", 21) in codes(report)
    assert report.outcome is Outcome.FAILED


def test_the_origin_is_that_of_the_first_entry(sound):
    parts = lines(sound)
    parts[1] = b"origin ekyc-evidence-log/" + b"0" * 32
    assert ("audit.other_log", 0) in codes(audit(joined(parts)))


def test_events_of_no_known_kind_are_refused_even_where_every_hash_holds(sound):
    parts = lines(sound)
    where = at(parts, 20)
    event = rfc8785.dumps({"at": "2026-01-15T08:00:00.000000Z", "number": 20, "name": "An"})
    parts[where] = b" ".join([b"entry 20", b"0" * 64, b"0" * 64, event])
    assert ("audit.event_unknown", 20) in codes(audit(joined(rehashed(parts, 20))))


def test_lines_behind_the_end_and_lines_of_no_form_are_named(sound):
    parts = lines(sound)
    report = audit(joined([*parts, parts[2]]))
    assert codes(report)[0] == ("audit.behind_the_end", 0)
    for line in (b"", b"entry", b"entry 00 a b {}", b"\x00", b"note hello"):
        made = [*parts[:5], line, *parts[5:]]
        assert codes(audit(joined(made)))[0] == ("audit.line_unread", 6)
    made = [*parts[:-1], parts[-1].replace(b"end 21", b"end 22")]
    assert codes(audit(joined(made))) == [("audit.end_wrong", 22)]


@given(st.binary(max_size=300))
def test_bytes_that_are_no_export_are_typed(data):
    with pytest.raises(InputError):
        audit(data)


@given(st.data())
def test_no_damage_passes(sound, data):
    where = data.draw(st.integers(0, len(sound) - 1))
    new = data.draw(st.binary(min_size=0, max_size=4))
    damaged = sound[:where] + new + sound[where + data.draw(st.integers(0, 5)) :]
    if damaged == sound:
        return
    try:
        report = audit(damaged)
    except EkycError:
        return
    assert report.outcome is not Outcome.PASSED
    assert report.findings or damaged.count(b"\ncheckpoint ") < 2


def test_findings_are_bounded_and_counted(tmp_path):
    parts = lines(grown(tmp_path / "s", steps=((150, True),)))
    parts = [line.replace(b'"accept"', b'"review"') for line in parts]
    report = audit(joined(parts))
    assert len(report.findings) == 100
    assert report.found == 151


def test_memory_does_not_grow_with_the_log(sound):
    """As many entries again and again: peak memory of the audit stays where it was."""
    parts = lines(sound)
    entry = parts[at(parts, 20)]

    class Long(io.RawIOBase):
        def __init__(self, count):
            self.left, self.head = count, [line + b"\n" for line in parts[:2]]

        def readline(self, size: int | None = -1, /) -> bytes:
            if self.head:
                return self.head.pop(0)
            self.left -= 1
            return entry + b"\n" if self.left >= 0 else b""

    def peak(count):
        tracemalloc.start()
        inspect_export(Long(count), keys=(SIGNER.public,))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(200)
    assert peak(4000) < peak(400) + 20_000


class TestComparing:
    def test_a_log_that_grew_agrees_with_its_past(self, tmp_path):
        old = grown(tmp_path / "s", steps=((4, True),))
        new = grown(tmp_path / "s", steps=((3, True),))
        found = compare_exports(io.BytesIO(old), io.BytesIO(new))
        assert found.check.outcome is Outcome.PASSED
        assert (found.old_entries, found.new_entries) == (5, 8)

    def test_a_fork_is_named_though_each_branch_is_sound(self, tmp_path):
        path, copy = tmp_path / "a", tmp_path / "b"
        grown(path, steps=((4, False),))
        copy.write_bytes(path.read_bytes())
        left, right = grown(path, steps=((3, True),)), grown(copy, steps=((3, True),))
        assert audit(left).outcome is audit(right).outcome is Outcome.PASSED
        found = compare_exports(io.BytesIO(left), io.BytesIO(right))
        assert found.check.reasons == ("audit.fork",)
        assert (found.finding.number, found.finding.which) == (5, "leaf")

    def test_a_log_that_shrank_and_another_log(self, tmp_path):
        old = grown(tmp_path / "s")
        with Storage.open(tmp_path / "s", clock=FixedClock()) as storage:
            short = export(storage, size=7)
        found = compare_exports(io.BytesIO(old), io.BytesIO(short))
        assert (found.check.reasons, found.finding.number) == (("audit.shorter",), 7)
        other = grown(tmp_path / "t")
        assert compare_exports(io.BytesIO(old), io.BytesIO(other)).check.reasons == (
            "audit.other_log",
        )


class TestCheckpoints:
    @pytest.mark.parametrize("make", [Ed25519, Ecdsa])
    def test_both_kinds_of_key(self, storage, make):
        signer = make()
        record(storage, 3)
        kept = storage.checkpoints.make(signer=signer)
        checkpoint = read_checkpoint(kept.note)
        assert checkpoint.require_signed((signer.public,)) is signer.public
        with pytest.raises(TrustError) as caught:
            checkpoint.require_signed((make().public,))
        assert caught.value.code == "audit.checkpoint_unknown_key"
        assert audit(export(storage), keys=(signer.public,)).outcome is Outcome.PASSED

    def test_the_example_of_the_specification_has_our_key_id(self):
        """C2SP signed-note §Ed25519: the key id, computed here from its words."""
        raw = SIGNER.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        wanted = hashlib.sha256(b"example.com/log\n\x01" + raw).digest()[:4]
        assert SIGNER.public.id_for("example.com/log") == wanted

    def test_one_a_size_however_often_it_is_asked_for(self, storage):
        record(storage, 3)
        first = storage.checkpoints.make(signer=SIGNER)
        assert storage.checkpoints.make(signer=Ed25519()) == first
        record(storage, 1)
        second = storage.checkpoints.make(signer=SIGNER)
        assert storage.checkpoints.following(4, 99) == second
        assert storage.checkpoints.following(5, 99) is None
        assert storage.checkpoints.latest() == second
        assert storage.checkpoints.at(4) == first

    def test_an_empty_log_has_none(self, storage):
        with pytest.raises(InputError):
            storage.checkpoints.make(signer=SIGNER)
        with pytest.raises(InputError) as caught:
            storage.checkpoints.latest()
        assert caught.value.code == "audit.no_checkpoint"

    def test_a_timestamp_is_over_the_note(self, storage):
        asked = []
        record(storage, 1)

        def stamp(digest):
            asked.append(digest)
            return b"token of " + digest

        kept = storage.checkpoints.make(signer=SIGNER, ask_for_time=stamp)
        assert asked == [hashlib.sha256(kept.note.encode()).digest()]

        def judge(digest, token):
            if token != b"token of " + digest:
                raise UpstreamError("not over it")

        data = export(storage)
        report = audit(data, judge_timestamp=judge)
        assert report.outcome is Outcome.PASSED
        assert report.checks[-1].outcome is Outcome.PASSED
        other = base64.b64encode(b"token of something else")
        changed = re.sub(rb"(checkpoint \d+ \S+) \S+", rb"\1 " + other, data)
        report = audit(changed, judge_timestamp=judge)
        assert codes(report) == [("audit.timestamp_wrong", 2)]

    def test_no_answer_of_the_authority_loses_nothing(self, storage):
        def silent(_digest):
            raise UpstreamError("no answer")

        record(storage, 3)
        with pytest.raises(UpstreamError):
            storage.checkpoints.make(signer=SIGNER, ask_for_time=silent)
        assert storage.evidence.size() == 4
        storage.checkpoints.make(signer=SIGNER)
        assert audit(export(storage)).outcome is Outcome.PASSED

    def test_a_log_that_contradicts_its_last_checkpoint_is_not_signed_again(self, tmp_path):
        """As after an older backup was put back, beside which a checkpoint survived."""
        path, clock = tmp_path / "a", FixedClock()
        grown(path, steps=((3, False),), clock=clock)
        older = path.read_bytes()
        clock.advance(timedelta(hours=1))
        grown(path, steps=((2, True),), clock=clock)
        with Storage.open(path, clock=clock) as storage:
            kept = storage.checkpoints.latest()
        (tmp_path / "b").write_bytes(older)
        with Storage.open(tmp_path / "b", clock=clock) as storage:
            record(storage, 5)
            keep(storage, kept)
            with pytest.raises(TrustError) as caught:
                storage.checkpoints.make(signer=SIGNER)
            assert caught.value.code == "audit.fork"

    @given(st.text(max_size=200))
    def test_text_that_is_no_checkpoint_is_typed(self, text):
        with pytest.raises(InputError):
            read_checkpoint(text)


def keep(storage, kept: KeptCheckpoint):
    with storage._engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO evidence_checkpoints (size, note) VALUES (?, ?)", (kept.size, kept.note)
        )


@pytest.mark.parametrize(
    "change",
    [
        {"event": '"\ud800"'},  # a half of a character, which JSON may escape
        {"hashes": [" " * 64]},
        {"hashes": ["00 " * 21 + "0"]},
        {"hashes": ["\uff10" * 64]},
        {"number": 1e400},
        {"number": True},
        {"event": "[" * 9999},
    ],
)
def test_a_proof_of_another_form_is_refused_as_one(tmp_path, change):
    with Storage.open(tmp_path / "state.sqlite3", clock=FixedClock()) as storage:
        record(storage, 3)
        storage.checkpoints.make(signer=SIGNER)
        proof = prove_inclusion(storage.evidence, storage.checkpoints, 1)
    assert inspect_proof(json.dumps(proof).encode()).check.outcome is Outcome.INDETERMINATE
    with pytest.raises(InputError) as caught:
        inspect_proof(json.dumps(proof | change).encode(), keys=(SIGNER.public,))
    assert caught.value.code == "audit.not_a_proof"

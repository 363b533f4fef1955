"""Who signs: decisions bound to people, credentials, second factors."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ekyc.errors import EkycError
from ekyc.policy import Verdict
from ekyc.storage import FactorError, FactorKind, Person, ServiceKey, StorageError
from ekyc.storage.signing.factors import FAILURES_UNTIL_END, FAILURES_UNTIL_LOCK, LOCK

ME, OTHER, SESSION, LATER = ("ab" * 32, "cd" * 32, "01" * 32, "02" * 32)
KEY = ServiceKey(bytes(range(32)))


def code_of(call, *arguments, **named):
    with pytest.raises(EkycError) as caught:
        call(*arguments, **named)
    return caught.value.code


def decide(storage, verdict=Verdict.ACCEPT, person=None):
    return storage.results.record(
        case_digest="0" * 64,
        profile="demo",
        verdict=verdict,
        reasons=(),
        report_digest="1" * 64,
        person=person,
    ).id


class TestPersons:
    def test_a_decision_is_bound_to_its_person(self, storage):
        decided = decide(storage)
        storage.persons.bind(decided, holder=ME, session=SESSION)
        bound = storage.persons.of_result(decided)
        assert (bound.holder, bound.session, bound.verdict) == (ME, SESSION, Verdict.ACCEPT)
        assert bound == storage.persons.latest(holder=ME, session=SESSION)

    def test_a_decision_is_recorded_with_its_person(self, storage):
        decided = decide(storage, person=Person(holder=ME, session=SESSION))
        bound = storage.persons.latest(holder=ME, session=SESSION)
        assert (bound.result_id, bound.decided_at) == (
            decided,
            storage.results.get(decided).created_at,
        )
        again = code_of(storage.persons.bind, decided, holder=OTHER, session=SESSION)
        assert again == "persons.bound_already"

    def test_both_or_neither(self, storage):
        with storage._engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE persons")
        with pytest.raises(StorageError):
            decide(storage, person=Person(holder=ME, session=SESSION))
        assert storage.results.recent() == ()

    @pytest.mark.parametrize("verdict", [Verdict.REVIEW, Verdict.REJECT])
    def test_only_accept_is_recorded_with_a_person(self, storage, verdict):
        person = Person(holder=ME, session=SESSION)
        assert code_of(decide, storage, verdict, person) == "persons.not_accepted"
        assert storage.results.recent() == ()

    @pytest.mark.parametrize("values", [{"holder": "me"}, {"session": ME.upper()}])
    def test_a_person_is_two_pseudonyms(self, values):
        assert code_of(Person, **{"holder": ME, "session": SESSION, **values}) == "input.invalid"
        assert ME not in repr(Person(holder=ME, session=SESSION))

    def test_the_latest_decision_counts(self, storage, clock):
        for verdict in (Verdict.ACCEPT, Verdict.REVIEW):
            storage.persons.bind(decide(storage, verdict), holder=ME, session=SESSION)
            clock.advance(timedelta(seconds=1))
        assert storage.persons.latest(holder=ME, session=SESSION).verdict is Verdict.REVIEW

    @pytest.mark.parametrize(("holder", "session"), [(OTHER, SESSION), (ME, LATER)])
    def test_of_another_person_or_session_there_is_none(self, storage, holder, session):
        storage.persons.bind(decide(storage), holder=ME, session=SESSION)
        assert storage.persons.latest(holder=holder, session=session) is None

    def test_nobody_takes_over_a_decision(self, storage):
        decided = decide(storage)
        storage.persons.bind(decided, holder=ME, session=SESSION)
        again = code_of(storage.persons.bind, decided, holder=OTHER, session=SESSION)
        assert again == "persons.bound_already"
        assert storage.persons.of_result(decided).holder == ME

    def test_what_is_not_there(self, storage):
        assert storage.persons.of_result("f" * 32) is None
        unknown = code_of(storage.persons.bind, "f" * 32, holder=ME, session=SESSION)
        assert unknown == "persons.unknown_result"
        assert code_of(storage.persons.bind, "f", holder="me", session=SESSION) == "input.invalid"


class TestCredentials:
    def add(self, storage, name="c-1", holder=ME):
        storage.credentials(KEY).add(
            name,
            holder=holder,
            key_label="citizen-1",
            methods=("verification+totp",),
            certificates=(b"Nguyen Thi Mau", b"issuer"),
        )

    def test_come_back_as_they_went_in(self, storage):
        self.add(storage)
        found = storage.credentials(KEY).find("c-1")
        assert found.certificates == (b"Nguyen Thi Mau", b"issuer")
        assert (found.holder, found.key_label, found.methods) == (
            ME,
            "citizen-1",
            ("verification+totp",),
        )
        assert "Mau" not in repr(found)

    def test_are_listed_for_their_holder_alone(self, storage, clock):
        for number in (2, 1):
            self.add(storage, f"c-{number}")
            clock.advance(timedelta(seconds=1))
        self.add(storage, "x-1", OTHER)
        listed = storage.credentials(KEY).of_holder(ME)
        assert [one.id for one in listed] == ["c-2", "c-1"]

    def test_a_name_is_given_once(self, storage):
        self.add(storage)
        assert code_of(self.add, storage, holder=OTHER) == "credentials.exists"
        assert storage.credentials(KEY).find("c-1").holder == ME

    def test_are_switched_off_for_good(self, storage, clock):
        self.add(storage)
        store = storage.credentials(KEY)
        store.disable("c-1")
        first = store.find("c-1").disabled_at
        clock.advance(timedelta(days=1))
        store.disable("c-1")
        assert store.find("c-1").disabled_at == first is not None
        assert code_of(store.disable, "c-9") == "credentials.unknown"

    def test_the_file_shows_no_name(self, storage, sqlite_file):
        self.add(storage)
        storage.close()
        assert b"Nguyen" not in sqlite_file.read_bytes()
        assert sqlite3.connect(sqlite_file).execute("SELECT count(*) FROM credentials").fetchone()

    def test_another_key_opens_nothing(self, storage):
        self.add(storage)
        other = storage.credentials(ServiceKey(bytes(32)))
        with pytest.raises(StorageError):
            other.find("c-1")


class TestFactors:
    @pytest.fixture
    def store(self, storage):
        return storage.factors(KEY)

    def enrol(self, store, decision="d-1", *, beside=None, offered=False, kind=FactorKind.TOTP):
        if beside is None:
            beside = frozenset(one.id for one in store.of_holder(ME))
        return store.enrol(
            holder=ME,
            kind=kind,
            decision=decision,
            body=b"secret",
            counter=0,
            beside=beside,
            offered=offered,
        )

    def test_come_back_as_they_went_in(self, store):
        enrolled = self.enrol(store)
        assert store.of_holder(ME) == (enrolled,)
        assert store.of_holder(OTHER) == ()
        assert "secret" not in repr(enrolled)

    def test_of_two_that_are_confirmed_at_once_one_stands(self, store):
        offered = [self.enrol(store, decision=f"d{n}", offered=True) for n in range(4)]

        def confirm(factor):
            try:
                store.attempt(factor.id, lambda _: 1, confirms=True)
            except FactorError as error:
                return error.code
            return factor.id

        with ThreadPoolExecutor(4) as pool:
            told = list(pool.map(confirm, offered))
        (mine,) = store.of_holder(offered[0].holder)
        assert sorted(told) == sorted([mine.id, *["factor.unknown"] * 3])
        assert [one.id for one in offered if store.find(one.id)] == [mine.id]

    def test_of_authenticators_that_are_recorded_at_once_for_whoever_has_none_one_stands(
        self, store
    ):
        def record(number):
            of = FactorKind.WEBAUTHN
            try:
                return self.enrol(store, f"d{number}", kind=of, beside=frozenset()).id
            except FactorError as error:
                return error.code

        with ThreadPoolExecutor(4) as pool:
            told = list(pool.map(record, range(4)))
        (mine,) = store.of_holder(ME)
        assert sorted(told) == sorted([mine.id, *["factor.standing"] * 3])

    def test_what_was_offered_ends_when_anything_is_confirmed(self, store):
        kept = self.enrol(store, "d-1", offered=True)
        first = self.enrol(store, "d-2", kind=FactorKind.WEBAUTHN)
        assert code_of(store.attempt, kept.id, lambda _: 1, confirms=True) == "factor.unknown"
        codes = self.enrol(store, "d-3", offered=True)
        store.attempt(codes.id, lambda _: 1, confirms=True)
        assert {one.id for one in store.of_holder(ME)} == {first.id, codes.id}
        beside = frozenset({first.id})
        refused = code_of(self.enrol, store, "d-4", kind=FactorKind.WEBAUTHN, beside=beside)
        assert refused == "factor.standing"
        assert code_of(self.enrol, store, "d-4", beside=beside, offered=True) == "factor.standing"

    def test_the_log_hears_of_what_counts_and_of_its_end_once(self, store, storage):
        offered = self.enrol(store, "d-1", offered=True)
        key = self.enrol(store, "d-2", kind=FactorKind.WEBAUTHN)
        old = self.enrol(store, "d-3", offered=True)
        store.attempt(old.id, lambda _: 1, confirms=True)
        new = self.enrol(store, "d-4", offered=True)
        assert code_of(store.attempt, new.id, lambda _: None, confirms=True) == "factor.wrong_code"
        store.attempt(new.id, lambda _: 1, confirms=True)
        beside = frozenset({key.id, new.id})
        assert code_of(self.enrol, store, "d-1", beside=beside) == "factor.decision_used"
        store.end(key.id)
        store.end(key.id)
        store.end(offered.id)
        told = [json.loads(entry.event) for entry in storage.evidence.entries()][1:]
        assert [(one["kind"], one["facts"]["factor"]) for one in told] == [
            ("factor.enrolled", key.id),
            ("factor.enrolled", old.id),
            ("factor.ended", old.id),
            ("factor.enrolled", new.id),
            ("factor.ended", key.id),
        ]
        assert told[0]["facts"]["method"] == "webauthn"
        (subject,) = {one["facts"]["subject"] for one in told if "subject" in one["facts"]}
        assert subject not in ME
        assert "secret" not in json.dumps(told)

    def test_the_log_hears_that_factors_of_the_erased_ended(self, store, storage):
        ended = self.enrol(store, "d-1")
        store.end(ended.id)
        standing = self.enrol(store, "d-2")
        self.enrol(store, "d-3", offered=True)
        assert storage.traces.unlink_holder("t", ME) == 3
        told = [json.loads(entry.event) for entry in storage.evidence.entries()][-2:]
        assert [one["kind"] for one in told] == ["factor.ended", "subject.erased"]
        assert told[0]["facts"] == {"factor": standing.id}

    def test_a_decision_is_spent_by_what_it_enrolled_even_if_that_has_ended(self, store):
        factor = self.enrol(store, decision="d1")
        store.end(factor.id)
        assert store.has_enrolled("d1")
        assert not store.has_enrolled("d2")

    def test_one_decision_enrols_one_factor(self, store):
        self.enrol(store, offered=True)
        assert code_of(self.enrol, store, offered=True) == "factor.decision_used"

    def test_an_unconfirmed_one_is_not_there_until_it_is_confirmed(self, store):
        factor = self.enrol(store, offered=True)
        assert store.of_holder(ME) == ()
        assert code_of(store.attempt, factor.id, lambda _: 1) == "factor.unknown"
        store.attempt(factor.id, lambda _: 1, confirms=True)
        assert [one.counter for one in store.of_holder(ME)] == [1]
        assert code_of(store.attempt, factor.id, lambda _: 2, confirms=True) == "factor.unknown"

    def test_five_wrong_codes_lock_for_a_quarter_of_an_hour(self, store, clock):
        factor = self.enrol(store)
        for _ in range(FAILURES_UNTIL_LOCK):
            assert code_of(store.attempt, factor.id, lambda _: None) == "factor.wrong_code"
        assert code_of(store.attempt, factor.id, lambda _: 1) == "factor.locked"
        clock.advance(LOCK)
        store.attempt(factor.id, lambda _: 1)

    def test_a_hundred_wrong_codes_end_it(self, store, clock):
        factor = self.enrol(store)
        for _ in range(FAILURES_UNTIL_END):
            assert code_of(store.attempt, factor.id, lambda _: None) == "factor.wrong_code"
            clock.advance(LOCK)
        clock.advance(timedelta(days=365))
        assert code_of(store.attempt, factor.id, lambda _: 1) == "factor.blocked"

    def test_a_right_code_forgives_the_wrong_ones(self, store):
        factor = self.enrol(store)
        for _ in range(3):
            for _ in range(FAILURES_UNTIL_LOCK - 1):
                assert code_of(store.attempt, factor.id, lambda _: None) == "factor.wrong_code"
            store.attempt(factor.id, lambda held: held.counter + 1)

    def test_the_judges_own_word_counts_as_wrong_too(self, store):
        factor = self.enrol(store)

        def replayed(_):
            raise FactorError("used", code="factor.replayed")

        for _ in range(FAILURES_UNTIL_LOCK):
            assert code_of(store.attempt, factor.id, replayed) == "factor.replayed"
        assert code_of(store.attempt, factor.id, lambda _: 1) == "factor.locked"

    def test_of_racing_attempts_with_one_code_one_is_right(self, store):
        factor = self.enrol(store)

        def judge(held):
            return None if held.counter >= 7 else 7

        def work(_):
            try:
                store.attempt(factor.id, judge)
            except FactorError as error:
                return error.code
            return "right"

        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(work, range(4)))
        assert said.count("right") == 1

    def test_a_counter_never_goes_back(self, store):
        factor = self.enrol(store)
        store.advance(factor.id, 9)
        store.advance(factor.id, 3)
        assert store.find(factor.id).counter == 9

    def test_an_ended_one_is_gone_and_its_secret_erased(self, store, storage):
        factor = self.enrol(store)
        store.end(factor.id)
        store.end(factor.id)
        assert store.find(factor.id) is None
        assert store.of_holder(ME) == ()
        assert code_of(store.attempt, factor.id, lambda _: 1) == "factor.unknown"
        with storage._engine.begin() as peek:
            body = peek.exec_driver_sql("SELECT body FROM factors").scalar_one()
        assert bytes(body) == b""

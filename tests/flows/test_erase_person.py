"""One person, planted in every room of the service, and erased: searched for from outside, in every copy and form."""

from __future__ import annotations

import io
import json
import tarfile

import planted
import pytest
from planted_house import (
    KEY,
    NAME,
    NUMBER,
    OTHER,
    PLAIN,
    PORTRAIT,
    TENANT,
    House,
    raw,
)
from sqlalchemy import create_engine, text

from ekyc.dossiers import (
    SessionState,
    event_from_json,
)
from ekyc.outcomes import Outcome
from ekyc.ports import SystemRandom
from ekyc.storage import (
    FileBlobStore,
    IdempotencyError,
    RetentionPolicy,
    Storage,
    restore_backup,
)
from ekyc.storage.evidence.audit import compare_exports, inspect_export
from ekyc.storage.sealed.subjects import SubjectSealer
from ekyc.storage.service_key import Sealer


@pytest.fixture
def house(tmp_path):
    folder = tmp_path / "house"
    folder.mkdir()
    made = House(folder)
    made.plant(OTHER, "Trần Văn Mẫu", b"another face" * 99)
    made.plant(NUMBER, NAME, PORTRAIT)
    yield made
    made.storage.close()


def test_nothing_of_an_erased_person_is_left_in_any_room(house, tmp_path, monkeypatch):
    names = raw(house.names_of(NUMBER))
    before = planted.everything(house.folder)
    assert all(name in before for name in names), "what is searched for was there"
    key = house.checkpoint()
    told = house.export()

    login = house.names_of(NUMBER)[3]
    done = house.eraser.erase_number(TENANT, NUMBER, logins=[login])

    assert (done.sessions, done.blobs, done.liveness_sessions) == (1, 2, 1)
    assert done.log_emptied
    house.vault.backup(tmp_path / "b.tar", keys_file=tmp_path / "b.keys")
    house.checkpoint()
    copies = [
        planted.everything(house.folder),
        (tmp_path / "b.tar").read_bytes(),
        (tmp_path / "b.keys").read_bytes(),
        house.export(),
    ]
    for copy in copies:
        assert planted.hits(copy, (*PLAIN, *names)) == []
    # the log says more than before, and nothing else than before
    after = house.export()
    for export in (told, after):
        assert inspect_export(io.BytesIO(export), keys=[key]).outcome is Outcome.PASSED
    same = compare_exports(io.BytesIO(told), io.BytesIO(after))
    assert same.check.outcome is Outcome.PASSED
    assert b"subject.erased" in after
    # what is sealed under the service's key and still opens, says nothing of them either
    opened = _open_all(house, monkeypatch)
    assert len(opened) >= 4
    assert planted.hits(b"\n".join(opened), (*PLAIN, *names)) == []


def _open_all(house, monkeypatch):
    """Whatever the service's own readers open of what is left: the contents of all sealed rows."""
    opened = []
    for kind in (Sealer, SubjectSealer):
        real = kind.open

        def spy(self, *arguments, real=real):
            found = real(self, *arguments)
            opened.append(found)
            return found

        monkeypatch.setattr(kind, "open", spy)
    with house.storage.dossiers(KEY).writing(TENANT) as unit:
        unit.keys.forget_naming(["nobody"])
    house.storage.grants(KEY).end_naming(["nobody"])
    house.storage.access(KEY).sessions.end_naming(TENANT, ["nobody"])
    store = house.storage.credentials(KEY)
    with house.storage._engine.begin() as connection:
        ids = connection.execute(text("SELECT id FROM credentials")).scalars().all()
        lives = connection.execute(text("SELECT id FROM liveness_sessions")).scalars().all()
    assert [store.find(one).id for one in ids] == ["key-001"]
    for one in lives:
        session = house.storage.liveness(KEY).load(one)
        opened += [chunk.body for chunk in house.storage.liveness(KEY).chunks(session)]
    return opened


def test_another_person_keeps_everything(house):
    names = raw(house.names_of(OTHER))
    login = house.names_of(NUMBER)[3]
    house.eraser.erase_number(TENANT, NUMBER, logins=[login])
    left = planted.everything(house.folder)
    assert all(name in left for name in names)
    assert len(house.storage.credentials(KEY).of_holder(house.names_of(OTHER)[0])) == 1
    with house.storage.dossiers(KEY).writing(TENANT) as unit:
        kept = unit.keys.claim(b"001".zfill(32), b"fingerprint")
        assert json.loads(kept)["number"] == OTHER
        with pytest.raises(IdempotencyError) as caught:  # never carried out twice
            unit.keys.claim(b"079".zfill(32), b"fingerprint")
        assert caught.value.code == "idempotency.in_flight"
        (other,) = unit.artefacts.of("001".zfill(32))
        assert unit.sessions.get("001".zfill(32)).state == "approved"
        assert unit.sessions.get("079".zfill(32)).state == SessionState.REDACTED
        last = unit.logs.of("079".zfill(32))[-1]
        assert type(event_from_json(last.kind, last.body)).__name__ == "Redacted"
    assert house.vault.artefacts.read(TENANT, other.artefact_id) == b"another face" * 99


def test_twice_is_once(house):
    login = house.names_of(NUMBER)[3]
    house.eraser.erase_number(TENANT, NUMBER, logins=[login])
    size = house.storage.evidence.size()
    again = house.eraser.erase_number(TENANT, NUMBER, logins=[login])
    assert (again.vault, again.sessions, again.blobs, again.liveness_sessions) == (None, 0, 0, 0)
    assert house.storage.evidence.size() == size


@pytest.mark.system
def test_the_same_on_postgresql(postgresql, tmp_path):
    """Rows only: what its files keep is the subject of ``tests/system/test_postgresql_erasure.py``."""
    engine = create_engine(postgresql)
    house = House(tmp_path, postgresql)
    house.plant(NUMBER, NAME, PORTRAIT)
    names = [one.hex() if isinstance(one, bytes) else one for one in house.names_of(NUMBER)]

    def found():
        with engine.begin() as connection:
            query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            tables = connection.exec_driver_sql(query).scalars().all()
            rows = [
                str(row)
                for table in tables
                for row in connection.exec_driver_sql(f"SELECT t::text FROM {table} t").all()
            ]
        return {name for name in (*names, NUMBER, NAME) for row in rows if name in row}

    assert found() == {*names, NUMBER}  # the number as the portal's reference of a dossier
    house.eraser.erase_number(TENANT, NUMBER, logins=[names[3]])
    assert found() == set()
    house.storage.close()
    engine.dispose()


class Cut(BaseException):
    """The process died here."""


class Counted:
    """A transaction that begins only as long as some are left."""

    def __init__(self, inner, left):
        self.inner, self.left = inner, left

    def __enter__(self):
        if next(self.left, None) is None:
            raise Cut
        return self.inner.__enter__()

    def __exit__(self, *error):
        return self.inner.__exit__(*error)


def test_an_erasure_that_is_cut_off_anywhere_is_finished_by_the_next(tmp_path):
    """Cut off after every transaction in turn, and called again with the number alone."""
    ends = 0
    while True:
        folder = tmp_path / str(ends)
        folder.mkdir()
        house = House(folder)
        house.plant(NUMBER, NAME, PORTRAIT)
        login = house.names_of(NUMBER)[3]
        engine, begin = house.storage._engine, house.storage._engine.begin
        left = iter(range(ends))
        engine.begin = lambda begin=begin, left=left: Counted(begin(), left)
        try:
            house.eraser.erase_number(TENANT, NUMBER, logins=[login])
            cut = False
        except Cut:
            cut = True
        engine.begin = begin
        house.eraser.erase_number(TENANT, NUMBER, logins=[login])
        house.vault.apply_retention(
            RetentionPolicy.default()
        )  # blobs whose key went before the cut
        left_over = planted.everything(folder)
        assert planted.hits(left_over, (*PLAIN, *raw(house.names_of(NUMBER)))) == [], ends
        assert list(folder.glob("blobs/??/*")) == [], ends
        house.storage.close()
        if not cut:
            break
        ends += 1
    assert ends > 8


def test_an_old_backup_with_todays_keys_brings_back_no_room_of_an_erased_person(house, tmp_path):
    old, today = tmp_path / "old.tar", tmp_path / "today.keys"
    house.vault.backup(old, keys_file=tmp_path / "old.keys")
    house.eraser.erase_number(TENANT, NUMBER, logins=[house.names_of(NUMBER)[3]])
    house.vault.backup(tmp_path / "today.tar", keys_file=today)
    holder, result, _, _ = raw(house.names_of(NUMBER))
    there = tmp_path / "there"
    done = restore_backup(
        old,
        keys_file=today,
        database=there / "state.sqlite3",
        keys=house.keys,
        blobs=FileBlobStore(there / "blobs", SystemRandom()),
        clock=house.clock,
    )
    assert done.erased_since == 2  # of the vault, and of the session
    with tarfile.open(old) as tar:
        state = tar.extractfile("state.sqlite3").read()
    assert planted.hits(state, (holder,)) == []
    restored = planted.everything(there)
    assert planted.hits(restored, (holder, result)) == []
    with Storage.open(there / "state.sqlite3", clock=house.clock) as storage:
        other = house.names_of(OTHER)
        assert len(storage.credentials(KEY).of_holder(other[0])) == 1
        assert storage.persons.latest(holder=other[0], session="ef" * 32) is not None
    assert other[1].encode() in restored

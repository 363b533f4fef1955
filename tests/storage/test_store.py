"""Opening: files, permissions, migrations, and every way in which a database can be bad."""

from __future__ import annotations

import sqlite3
import stat
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import event, inspect, text

from ekyc.errors import BusyError, EkycError, InputError
from ekyc.policy import Verdict
from ekyc.ports import SystemClock, SystemRandom
from ekyc.storage import ACTIVE_AUTHENTICATION, Storage, StorageError, default_home
from ekyc.storage.engine import make_engine, parse_target
from ekyc.storage.migrate import current_revision, migrate, newest_revision
from ekyc.storage.tables import metadata
from ekyc.values import Sha256Hex


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_files_are_for_the_owner_only(tmp_path):
    path = tmp_path / "deep" / "home" / "state.sqlite3"
    with Storage.open(path) as storage:
        storage.nonces.issue(ACTIVE_AUTHENTICATION)
        files = {file.name: mode(file) for file in path.parent.iterdir()}

    assert set(files) == {"state.sqlite3", "state.sqlite3-wal", "state.sqlite3-shm"}
    assert set(files.values()) == {0o600}
    assert mode(path.parent) == 0o700


@pytest.mark.usefixtures("sqlite_file")
def test_the_database_is_durable(storage):
    with storage._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_home_comes_from_the_environment_or_the_user(tmp_path):
    assert default_home({"EKYC_HOME": str(tmp_path)}) == tmp_path
    assert default_home({"EKYC_HOME": "~/x"}) == Path("~/x").expanduser()
    assert default_home({"EKYC_HOME": " "}).name == "ekyc"
    assert default_home({}).is_absolute()


def test_migrations_give_the_tables_that_the_code_uses(storage):
    with storage._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "ekyc_schema"})
        assert compare_metadata(context, metadata) == []


def test_migrations_go_down_and_up_again(database):
    engine = make_engine(parse_target(database))
    with engine.begin() as connection:
        migrate(connection, newest_revision())
        assert {"nonces", "results"} <= set(inspect(connection).get_table_names())
    with engine.begin() as connection:
        migrate(connection, "base")
        assert inspect(connection).get_table_names() == ["ekyc_schema"]
        assert current_revision(connection) is None
    with engine.begin() as connection:
        migrate(connection, newest_revision())
        assert current_revision(connection) == newest_revision()
    engine.dispose()


def test_an_interrupted_migration_leaves_nothing_behind(database):
    engine = make_engine(parse_target(database))
    with engine.connect() as connection, connection.begin() as transaction:
        migrate(connection, newest_revision())
        assert current_revision(connection) == newest_revision()
        transaction.rollback()
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused_untouched(database):
    with Storage.open(database) as storage, storage._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ekyc_schema SET version_num = '9999'")

    with pytest.raises(StorageError) as caught:
        Storage.open(database)
    assert caught.value.code == "storage.newer_schema"


def test_a_database_of_another_program_is_refused_untouched(tmp_path):
    path = tmp_path / "theirs.sqlite3"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE contacts (name TEXT)")
    raw.close()

    with pytest.raises(StorageError) as caught:
        Storage.open(path)
    assert caught.value.code == "storage.foreign"
    with sqlite3.connect(path) as raw:
        assert [row[0] for row in raw.execute("SELECT name FROM sqlite_master")] == ["contacts"]
    raw.close()


def test_a_file_that_is_no_database_is_called_corrupted(tmp_path):
    path = tmp_path / "state.sqlite3"
    path.write_bytes(b"certainly not a database" * 100)

    with pytest.raises(StorageError) as caught:
        Storage.open(path)
    assert caught.value.code == "storage.corrupted"
    assert "state.sqlite3" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.fixture(scope="module")
def sound_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "state.sqlite3"
    with Storage.open(path) as storage:
        for _ in range(50):
            storage.nonces.issue(ACTIVE_AUTHENTICATION)
            storage.results.record(
                case_digest=Sha256Hex("ab" * 32),
                profile="demo",
                verdict=Verdict.REVIEW,
                reasons=("freshness.expired",),
                report_digest=Sha256Hex("cd" * 32),
            )
    return path


@example(start=0.0625, junk=b"\x80", kept=1.0)  # text that is no UTF-8
@given(
    start=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=600),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damage_anywhere_is_a_typed_error_or_harmless(
    sound_file, tmp_path_factory, start, junk, kept
):
    damaged = bytearray(sound_file.read_bytes())
    at = int(start * len(damaged))
    damaged[at : at + len(junk)] = junk
    del damaged[int(kept * len(damaged)) :]
    path = tmp_path_factory.mktemp("damaged") / "state.sqlite3"
    path.write_bytes(damaged)

    try:
        with Storage.open(path) as storage:
            challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)
            storage.nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION)
            for result in storage.results.recent():
                storage.results.get(result.id)
    except EkycError:
        pass


@pytest.mark.usefixtures("sqlite_file")
def test_a_full_disk_is_typed_and_issues_nothing(storage):
    # SQLite answers SQLITE_FULL when a file may grow no further, as it does for ENOSPC.
    @event.listens_for(storage._engine, "checkout")
    def _no_growth(connection, *_):
        connection.execute("PRAGMA max_page_count = 1")

    def issue_many():
        for _ in range(200):
            storage.nonces.issue(ACTIVE_AUTHENTICATION, count=64)

    with pytest.raises(StorageError) as caught:
        issue_many()
    assert caught.value.code == "storage.full"


def test_a_database_held_by_another_process_is_busy(tmp_path):
    path = tmp_path / "state.sqlite3"
    Storage.open(path).close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    engine = make_engine(parse_target(path), busy_timeout_s=0.0)
    storage = Storage(engine, clock=SystemClock(), random=SystemRandom(), subject=path.name)

    with pytest.raises(BusyError) as caught:
        storage.nonces.redeem("0" * 32, ACTIVE_AUTHENTICATION)
    assert caught.value.code == "storage.locked"
    assert caught.value.retryable
    storage.ping()  # readers do not wait for the writer
    holder.close()
    storage.close()


def test_a_folder_that_cannot_be_made_is_typed(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StorageError) as caught:
        Storage.open(tmp_path / "file" / "state.sqlite3")
    assert caught.value.code == "storage.read_only"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("sqlite://", "storage.url_invalid"),
        ("sqlite:///:memory:", "storage.url_invalid"),
        ("sqlite:///file:x?mode=memory&uri=true", "storage.url_invalid"),
        ("no scheme://", "storage.url_invalid"),
        ("nosuchdatabase://host/name", "storage.driver_missing"),
        ("oracle+nosuch://host/name", "storage.driver_missing"),
    ],
)
def test_an_unusable_url_is_refused_without_showing_it(target, code):
    with pytest.raises(InputError) as caught:
        Storage.open(target)
    assert caught.value.code == code


def test_messages_never_show_credentials():
    with pytest.raises(InputError) as caught:
        Storage.open("nosuchdatabase://officer:hunter2@host/name")
    assert "hunter2" not in str(caught.value)


def test_a_failing_database_does_not_show_what_was_to_be_stored(storage):
    """The driver's error is the cause of ours, and whoever logs a traceback logs it too."""
    with storage._engine.begin() as connection:
        connection.execute(text("ALTER TABLE nonces RENAME COLUMN purpose TO kind"))
    secret = b"secret-of-a-session".ljust(32, b"-")
    storage.nonces._random = SimpleNamespace(token_bytes=lambda count: secret[:count])
    with pytest.raises(StorageError) as caught:
        storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=60, count=32)
    shown = "".join(traceback.format_exception(caught.value))
    assert (
        "secret-of-a-session" not in shown
    )  # the value, where the driver takes bytes as they are (PostgreSQL)
    assert b"secret-of-a-sess".hex() not in shown  # the id, with every driver

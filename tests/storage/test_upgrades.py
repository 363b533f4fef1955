"""Every step of the schema, up and down with rows in all tables, on both engines: what was stored is still there."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Boolean, Float, Integer, LargeBinary, MetaData, insert, inspect, select

from ekyc.storage import Storage
from ekyc.storage.engine import make_engine, parse_target
from ekyc.storage.migrate import _scripts, current_revision, migrate, newest_revision

REVISIONS = [script.revision for script in _scripts().walk_revisions()][::-1]
VERSION_TABLE = "ekyc_schema"


@pytest.fixture
def connect(database):
    engine = make_engine(parse_target(database))
    yield engine.begin
    engine.dispose()


def reflected(connection):
    tables = MetaData()
    tables.reflect(connection)
    return [table for table in tables.sorted_tables if table.name != VERSION_TABLE]


def fill(connection):
    """A row in every table, of what its columns and their checks allow."""
    for table in reflected(connection):
        allowed = allowed_words(connection, table.name)
        row = {column.name: value(column, allowed) for column in table.columns}
        connection.execute(insert(table).values(row))


def allowed_words(connection, table):
    """Column → its first allowed word, from checks such as ``state IN ('waiting', …)``."""
    checks = inspect(connection).get_check_constraints(table)
    found = (re.search(r"(\w+)\W[^']*'([^']*)'", check["sqltext"]) for check in checks)
    return {match[1]: match[2] for match in found if match}


def value(column, allowed):
    kind = column.type
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, LargeBinary):
        return b"\x00bytes\xff"
    if isinstance(kind, Integer):
        return 1
    if isinstance(kind, Float):
        return 1.0
    if column.name in allowed:
        return allowed[column.name]
    return "Mẫu"[: getattr(kind, "length", None) or 3]


def contents(connection):
    def plain(cell):
        return bytes(cell) if isinstance(cell, (bytes, memoryview)) else cell

    return {
        table.name: [
            {name: plain(cell) for name, cell in row.items()}
            for row in connection.execute(select(table)).mappings()
        ]
        for table in reflected(connection)
    }


def still_there(before, after):
    """Tables and columns may be added; what was stored stays as it was."""
    for table, rows in before.items():
        assert len(after[table]) == len(rows) == 1, table
        kept = {name: after[table][0].get(name, "column is gone") for name in rows[0]}
        assert kept == rows[0], table


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_an_older_version_stored_is_kept_up_to_the_newest_and_back(
    connect, database, revision
):
    with connect() as connection:
        migrate(connection, revision)
        fill(connection)
        before = contents(connection)
    Storage.open(database).close()  # as a newer version does by itself
    with connect() as connection:
        assert current_revision(connection) == newest_revision()
        still_there(before, contents(connection))
        migrate(connection, revision)
        assert current_revision(connection) == revision
        assert contents(connection) == before


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_full_database_goes_down_to_each_version(connect, revision):
    with connect() as connection:
        migrate(connection, newest_revision())
        fill(connection)
        newest = contents(connection)
    with connect() as connection:
        migrate(connection, revision)
        left = contents(connection)
        still_there(left, newest)
    with connect() as connection:
        migrate(connection, newest_revision())
        still_there(left, contents(connection))


def test_the_steps_are_one_line():
    assert [script.down_revision for script in _scripts().walk_revisions()][::-1] == [
        None,
        *REVISIONS[:-1],
    ]
    assert len(_scripts().get_heads()) == 1

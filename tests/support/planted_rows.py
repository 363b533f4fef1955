"""Rows of any table, for what takes more to make than a test needs of it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert

from ekyc.storage.tables import Instant, metadata


def plant(storage, name, **values):
    """Write a row: the values that its table has a column for, and the least of the others."""
    table = metadata.tables[name]
    row = {one.name: values.get(one.name) or filler(one) for one in table.columns}
    with storage._engine.begin() as connection:
        connection.execute(insert(table).values(row))


def filler(column):
    if column.nullable:
        return None
    if isinstance(column.type, Instant):
        return datetime(2026, 1, 15, tzinfo=UTC)
    return {str: "x", int: 1, bool: True, bytes: b"x"}[column.type.python_type]

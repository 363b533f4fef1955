"""Tables of new SQLite files from the first one of the process: thousands of tests begin with an empty database.

The first file is migrated as any other; files that hold something, and PostgreSQL, always are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ekyc.storage import migrate

if TYPE_CHECKING:
    import pytest
    from sqlalchemy import Connection


def install(patch: pytest.MonkeyPatch) -> None:
    upgrade, statements = migrate.upgrade, []

    def upgrade_or_copy(connection: Connection, *, subject: str) -> None:
        driver: Any = connection.connection.driver_connection
        if connection.dialect.name != "sqlite" or _holds_something(driver):
            upgrade(connection, subject=subject)
        elif statements:
            for statement in statements:
                driver.execute(statement)
        else:
            upgrade(connection, subject=subject)
            statements.extend(
                statement
                for statement in driver.iterdump()
                if statement not in {"BEGIN TRANSACTION;", "COMMIT;"}
            )

    patch.setattr(migrate, "upgrade", upgrade_or_copy)


def _holds_something(driver: Any) -> bool:
    return driver.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,)

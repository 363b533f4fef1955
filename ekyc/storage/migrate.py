"""Migrations, run from code: no ``alembic.ini``, no ``env.py``, the same from a checkout and from a wheel.

Two processes that start at once are serialised by the database itself: the caller's transaction holds SQLite's
write lock, or a PostgreSQL advisory lock, before the current revision is read. The second process then finds
nothing to do.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from ekyc.storage.errors import StorageError

if TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep
    from sqlalchemy import Connection

_VERSION_TABLE = "ekyc_schema"
_ADVISORY_LOCK = 0x656B7963
"""``"ekyc"`` in ASCII: the key of the PostgreSQL advisory lock that migrations take."""


def newest_revision() -> str:
    """The revision that this version of the software works with."""
    head = _scripts().get_current_head()
    assert head is not None, "the first migration ships with the package"
    return head


def current_revision(connection: Connection) -> str | None:
    """The revision that the database is at; ``None`` before the first migration."""
    context = MigrationContext.configure(connection, opts={"version_table": _VERSION_TABLE})
    return context.get_current_revision()


def upgrade(connection: Connection, *, subject: str) -> None:
    """Bring the database to the newest revision inside the caller's transaction.

    Raises:
        StorageError: the database was made by a newer version (``storage.newer_schema``) or holds tables of
            another program (``storage.foreign``). Nothing is changed then.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    current = current_revision(connection)
    if current == newest_revision():
        return
    _refuse_strangers(connection, current, subject)
    migrate(connection, newest_revision())


def migrate(connection: Connection, target: str) -> None:
    """Go up or down to ``target`` (a revision, or ``"base"``) inside the caller's transaction."""
    scripts = _scripts()
    context = EnvironmentContext(Config(), scripts)

    def steps(revision: tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        current = revision[0] if revision else None
        if target == "base" or (current and _is_below(scripts, target, current)):
            return scripts._downgrade_revs(target, current)  # noqa: SLF001 - what alembic.command.downgrade calls
        return scripts._upgrade_revs(target, current or "base")  # noqa: SLF001 - what alembic.command.upgrade calls

    with context:
        context.configure(connection=connection, fn=steps, version_table=_VERSION_TABLE)
        context.run_migrations()


def _is_below(scripts: ScriptDirectory, target: str, current: str) -> bool:
    return target != current and target in {
        script.revision for script in scripts.iterate_revisions(current, "base")
    }


def _refuse_strangers(connection: Connection, current: str | None, subject: str) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if current is not None and current not in known:
        raise StorageError(
            f"the database is at schema {current}, newer than this version of the software",
            code="storage.newer_schema",
            subject=subject,
        )
    # A PostgreSQL schema may be shared; a file of ours never is.
    if connection.dialect.name == "sqlite" and current is None:
        strangers = set(inspect(connection).get_table_names()) - {_VERSION_TABLE}
        if strangers:
            raise StorageError(
                "the file is a database of another program", code="storage.foreign", subject=subject
            )


@cache
def _scripts() -> ScriptDirectory:
    """Read once: Alembic compiles every migration to know their order."""
    return ScriptDirectory(str(resources.files("ekyc.storage.migrations")))

"""Whether a database answers, looked at without making, opening or migrating it as the service does."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from ekyc.errors import UpstreamError

_TIMEOUT_S: Final = 5
_VERSION: Final = "SELECT version_num FROM ekyc_schema"


def database_seen(state: str) -> str:
    """What is there, without user and password of an address.

    Raises:
        UpstreamError: ``config.database``: it does not answer, or is no database of ours.
    """
    if "://" not in state:
        return _file_seen(Path(state))
    import psycopg

    parts = urlsplit(re.sub(r"\+\w+", "", state, count=1))
    where = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    try:
        with psycopg.connect(parts.geturl(), connect_timeout=_TIMEOUT_S) as connection:
            rows = connection.execute("SELECT to_regclass('ekyc_schema')").fetchone()
            if rows is None or rows[0] is None:
                return f"{where} is empty; made at the first start"
            version = connection.execute(_VERSION).fetchone()
    except psycopg.Error as exc:
        raise _unreachable(where) from exc
    return f"{where} has schema {version[0] if version else '?'}"


def _file_seen(path: Path) -> str:
    if not path.exists():
        return f"{path} is not there; made at the first start"
    try:
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_TIMEOUT_S)) as connection:
            version = connection.execute(_VERSION).fetchone()
    except sqlite3.Error as exc:
        raise _unreachable(str(path)) from exc
    return f"{path} has schema {version[0] if version else '?'}"


def _unreachable(where: str) -> UpstreamError:
    return UpstreamError(
        f"{where} does not answer, or is no database of ours", code="config.database"
    )

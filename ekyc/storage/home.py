"""Where state lives on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

DATABASE_NAME = "ekyc.sqlite3"
"""File name of the default database inside the state folder."""


def default_home(environ: Mapping[str, str] | None = None) -> Path:
    """The state folder: ``EKYC_HOME``, else the user's data folder for ``ekyc``. It is not created here."""
    chosen = (os.environ if environ is None else environ).get("EKYC_HOME", "").strip()
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("ekyc", appauthor=False))

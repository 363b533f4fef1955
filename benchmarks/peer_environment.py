"""Where other engines live: an environment of their own, made by ``make bench-peers``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import platformdirs

PYTHON_VARIABLE: Final = "EKYC_PEERS_PYTHON"


def peers_python() -> Path:
    """Its interpreter: the one that ``EKYC_PEERS_PYTHON`` names, or that of the user's cache folder."""
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        return Path(named)
    return platformdirs.user_cache_path("ekyc") / "peers-venv" / "bin" / "python"

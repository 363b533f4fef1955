"""Ids that we draw: 16 random bytes in hexadecimal. Whatever has another form is no such id, and no database is asked for it:
PostgreSQL takes no NUL, and no engine a lone surrogate.
"""

from __future__ import annotations

import re
from typing import Final

_ID: Final = re.compile(r"[0-9a-f]{32}\Z")


def is_drawn_id(name: str) -> bool:
    """Whether ``name`` has the form of an id of ours."""
    return _ID.match(name) is not None

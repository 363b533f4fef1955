"""What time alone brings about in sessions, brought about when it is due and not when somebody next looks.

A session whose time is over expires. A verification whose process died gives its attempt back.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ekyc.api.v1.cases import load_session
from ekyc.dossiers import TransitionError
from ekyc.dossiers.sessions import MOVED_BY_TIME, due_at
from ekyc.storage import Jurisdiction
from ekyc.storage.sealed.errors import ProtectedError

if TYPE_CHECKING:
    from ekyc.storage import DossierDesk

_LOG: Final = logging.getLogger("ekyc.worker")
_EVERYTHING: Final = Jurisdiction()
_AT_ONCE: Final = 500


def sweep_sessions(desk: DossierDesk) -> int:
    """Write down what is due, at most 500 sessions; how many were looked at. Twice is once.

    Raises:
        StorageError, BusyError: the database failed. Call again.
    """
    due = desk.due_sessions(sorted(state.value for state in MOVED_BY_TIME), _AT_ONCE)
    for tenant, session_id in due:
        try:
            with desk.writing(tenant) as unit:
                loaded = load_session(unit, _EVERYTHING, session_id, lock=True)
                unit.sessions.expect(session_id, due_at(loaded.view))
        except (TransitionError, ProtectedError) as error:
            _LOG.error("a session was not swept: %s", error.code)
    return len(due)

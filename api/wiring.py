"""The service over the real rooms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ekyc.errors import InputError
from ekyc.flows import (
    LiveSessions,
    LiveUse,
    Verifier,
    load_case,
    result_as_json,
    with_live_session,
)


class FlowVerifier:
    """A :class:`~ekyc.api.ports.CaseVerifier` over :class:`~ekyc.flows.Verifier`."""

    def __init__(self, verifier: Verifier, live_sessions: LiveSessions | None = None) -> None:
        self._verifier = verifier
        self._live_sessions = live_sessions

    def verify_folder(
        self, folder: Path, *, challenge_id: str | None, live: LiveUse | None = None
    ) -> Mapping[str, Any]:
        case = load_case(folder)
        if live is not None:
            if self._live_sessions is None:
                raise InputError(
                    "this service has no liveness sessions", code="liveness.not_offered"
                )
            case = with_live_session(case, self._live_sessions, live, challenge_id=challenge_id)
        result = self._verifier.verify(case, challenge_id=challenge_id)
        return result_as_json(result)

    def require_ready(self) -> None:
        """An open verifier holds every model it needs; opening it would have raised otherwise."""

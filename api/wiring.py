"""The service over the real rooms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ekyc.errors import InputError
from ekyc.flows import (
    LivePart,
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
        part = None if live is None else self._live_part(live, challenge_id)
        result = self._verifier.verify(case, challenge_id=challenge_id, live=part)
        told = result_as_json(result)
        if result.signer is not None:  # for the portal, which asks for signatures by these names
            told["signer"] = {"holder": result.signer.holder, "session": result.signer.session}
        return told

    def _live_part(self, live: LiveUse, challenge_id: str | None) -> LivePart:
        if self._live_sessions is None:
            raise InputError("this service has no liveness sessions", code="liveness.not_offered")
        return partial(
            with_live_session, sessions=self._live_sessions, use=live, challenge_id=challenge_id
        )

    def require_ready(self) -> None:
        """An open verifier holds every model it needs; opening it would have raised otherwise."""

"""The service over the real rooms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ekyc.errors import InputError
from ekyc.flows import (
    LivePart,
    LiveSessions,
    LiveUse,
    Verifier,
    load_case,
    person_of,
    report_digest,
    result_as_json,
    with_live_session,
)
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Receipt

if TYPE_CHECKING:
    from ekyc.flows.stages import Progress
    from ekyc.storage import ServiceKey


class FlowVerifier:
    """A :class:`~ekyc.api.ports.CaseVerifier` over :class:`~ekyc.flows.Verifier`."""

    def __init__(
        self,
        verifier: Verifier,
        live_sessions: LiveSessions | None = None,
        *,
        key: ServiceKey | None = None,
        stages: Callable[[], Progress] | None = None,
    ) -> None:
        self._verifier = verifier
        self._live_sessions = live_sessions
        self._key = key
        self._stages = stages

    def verify_folder(
        self,
        folder: Path,
        *,
        challenge_id: str | None,
        live: LiveUse | None = None,
        owner: Owner = NOBODY_IN_PARTICULAR,
        receipt: Receipt | None = None,
    ) -> Mapping[str, Any]:
        case = load_case(folder)
        part = None if live is None else self._live_part(live, challenge_id, receipt)
        progress = None if self._stages is None else self._stages()
        result = self._verifier.verify(
            case,
            challenge_id=challenge_id,
            live=part,
            owner=owner,
            receipt=receipt,
            progress=progress,
        )
        told = result_as_json(result)
        told["report_sha256"] = report_digest(result)
        if self._key is not None:  # by which a later result of the same person is found
            told["person"] = person_of(result, self._key)
        if result.signer is not None:  # for the portal, which asks for signatures by these names
            told["signer"] = {"holder": result.signer.holder, "session": result.signer.session}
        return told

    def _live_part(
        self, live: LiveUse, challenge_id: str | None, receipt: Receipt | None
    ) -> LivePart:
        if self._live_sessions is None:
            raise InputError("this service has no liveness sessions", code="liveness.not_offered")
        return partial(
            with_live_session,
            sessions=self._live_sessions,
            use=live,
            challenge_id=challenge_id,
            receipt=receipt,
        )

    def require_ready(self) -> None:
        """An open verifier holds every model it needs; opening it would have raised otherwise."""

"""A telephone that takes the pictures, in a group of a client of its own.

::

    token = ekyc.capture_token(session.id).token
    with Client(url, key=token) as telephone:
        state = telephone.captures.submit(session.id, Path("case"), wait_s=20)
        for advice in state.advice:
            print(advice.vi)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ekyc.client.calls import Operation, get, upload
from ekyc.client.tools import Do, DoAsync
from ekyc.client.values import Reason

_ROOT: Final = "/v1/captures"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureState:
    """What a telephone hears: never a check, score or decision."""

    session_id: str
    state: str
    attempts_left: int
    advice: tuple[Reason, ...]
    """What to do better."""
    expires_at: str
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> CaptureState:
        """From its JSON."""
        return cls(
            session_id=body["session_id"],
            state=body["state"],
            attempts_left=body["attempts"]["left"],
            advice=tuple(map(Reason.of, body["advice"])),
            expires_at=body["expires_at"],
            raw=body,
        )


class Captures:
    """The telephone's side of one session; ``key`` of its client is the capture token and nothing else."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def state(self, session_id: str) -> CaptureState:
        """How far the session is, and what to do better."""
        return self._do(get(f"{_ROOT}/{session_id}", CaptureState.of))

    def submit(
        self, session_id: str, case: Path, *, wait_s: int = 0, idempotency_key: str | None = None
    ) -> CaptureState:
        """Submit a case folder; with ``wait_s``, at most 30, wait that long for what comes of it."""
        return self._do(_submitted(session_id, case, wait_s, idempotency_key))


class AsyncCaptures:
    """As :class:`Captures`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def state(self, session_id: str) -> CaptureState:
        """As :meth:`Captures.state`."""
        return await self._do(get(f"{_ROOT}/{session_id}", CaptureState.of))

    async def submit(
        self, session_id: str, case: Path, *, wait_s: int = 0, idempotency_key: str | None = None
    ) -> CaptureState:
        """As :meth:`Captures.submit`."""
        return await self._do(_submitted(session_id, case, wait_s, idempotency_key))


def _submitted(
    session_id: str, case: Path, wait_s: int, key: str | None
) -> Operation[CaptureState]:
    call = upload(f"{_ROOT}/{session_id}/submissions", case, wait_s=wait_s, key=key)
    return Operation(call=call, read=CaptureState.of)

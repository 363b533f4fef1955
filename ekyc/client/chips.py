"""Readings of chips that a device beside the card relays, in a group of a client.

::

    reading = ekyc.chips.open(can="…")
    ...  # the device takes reading.relay_path and reading.token, docs/chip.md
    if ekyc.chips.reading(reading).state == "finished":
        record = ekyc.chips.evidence(reading)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.client.calls import Operation, delete, post
from ekyc.client.exchange import Call
from ekyc.client.tools import Do, DoAsync

_ROOT: Final = "/v1/chip-sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSession:
    """A reading to be relayed: ``token`` and ``relay_path`` are for the device, the rest stays with the portal."""

    id: str
    mode: str
    token: str = field(repr=False)
    result_token: str = field(repr=False)
    relay_path: str
    subprotocol: str
    expires_at: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> ChipSession:
        """From its JSON."""
        return cls(**{name: body[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipReading:
    """How far a reading is."""

    state: str
    """``waiting``, ``relaying``, ``finished`` or ``failed``."""
    outcome: str
    reasons: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False)
    """The whole answer, with its checks."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> ChipReading:
        """From its JSON."""
        reasons = tuple(body["reasons"])
        return cls(state=body["state"], outcome=body["outcome"], reasons=reasons, raw=body)


class Chips:
    """Readings of chips that a device relays."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def open(
        self,
        *,
        mode: str = "full",
        mrz: Mapping[str, str] | None = None,
        can: str | None = None,
        idempotency_key: str | None = None,
    ) -> ChipSession:
        """A reading to be relayed: ``full``, with ``mrz`` or ``can`` that opens the chip, or ``hybrid``."""
        return self._do(_opened(mode, mrz, can, idempotency_key))

    def reading(self, session: ChipSession) -> ChipReading:
        """How far it is, and once it is finished its checks. No personal data."""
        return self._do(_reading(session))

    def evidence(self, session: ChipSession) -> Mapping[str, Any]:
        """The record, **with personal data and keys in clear**: keep it encrypted."""
        return self._do(_evidence(session))

    def forget(self, session: ChipSession) -> None:
        """Let go of result and record, at once."""
        return self._do(delete(_place(session), headers=_ours(session)))


class AsyncChips:
    """As :class:`Chips`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def open(
        self,
        *,
        mode: str = "full",
        mrz: Mapping[str, str] | None = None,
        can: str | None = None,
        idempotency_key: str | None = None,
    ) -> ChipSession:
        """As :meth:`Chips.open`."""
        return await self._do(_opened(mode, mrz, can, idempotency_key))

    async def reading(self, session: ChipSession) -> ChipReading:
        """As :meth:`Chips.reading`."""
        return await self._do(_reading(session))

    async def evidence(self, session: ChipSession) -> Mapping[str, Any]:
        """As :meth:`Chips.evidence`."""
        return await self._do(_evidence(session))

    async def forget(self, session: ChipSession) -> None:
        """As :meth:`Chips.forget`."""
        return await self._do(delete(_place(session), headers=_ours(session)))


def _opened(
    mode: str, mrz: Mapping[str, str] | None, can: str | None, key: str | None
) -> Operation[ChipSession]:
    body = {"mode": mode, "mrz": None if mrz is None else dict(mrz), "can": can}
    return post(_ROOT, ChipSession.of, key=key, body=body)


def _reading(session: ChipSession) -> Operation[ChipReading]:
    call = Call(method="GET", path=_place(session), headers=_ours(session))
    return Operation(call=call, read=ChipReading.of)


def _evidence(session: ChipSession) -> Operation[Mapping[str, Any]]:
    call = Call(method="GET", path=f"{_place(session)}/evidence", headers=_ours(session))
    return Operation(call=call, read=dict)


def _place(session: ChipSession) -> str:
    return f"{_ROOT}/{session.id}"


def _ours(session: ChipSession) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.result_token}"}

"""Restrictions of processing and legal holds, in a group of a client.

::

    hold = ekyc.protections.hold("12/2026/QĐ-CQĐT", number="…")
    ...
    hold = other_supervisors.protections.confirm(hold)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.client.calls import Operation, get, page_of, post
from ekyc.client.oversight import all_of, all_of_async
from ekyc.client.tools import Do, DoAsync
from ekyc.client.values import Page, Reason

_ROOT: Final = "/v1/protections"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A restriction or a legal hold; whom it is about is said by its sessions and dossiers alone."""

    id: str
    version: int
    kind: str
    """``restriction`` or ``legal-hold``."""
    state: str
    """``proposed``, ``in_force``, ``lift_proposed``, ``lifted`` or ``declined``."""
    order: str | None
    request: str | None
    """Data subject's request that it follows from."""
    sessions: tuple[str, ...]
    dossiers: tuple[str, ...]
    reasons: tuple[Reason, ...]
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def etag(self) -> str:
        """For ``If-Match``."""
        return f'"{self.version}"'

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Protection:
        """From its JSON."""
        names = ("id", "version", "kind", "state", "order", "request")
        return cls(
            **{name: body[name] for name in names},
            sessions=tuple(body["sessions"]),
            dossiers=tuple(body["dossiers"]),
            reasons=tuple(map(Reason.of, body["reasons"])),
            raw=body,
        )


class Protections:
    """What keeps data as they are, for supervisors. A hold and its end take two of them."""

    def __init__(self, do: Do) -> None:
        self._do = do

    def hold(self, order: str, *, idempotency_key: str | None = None, **members: Any) -> Protection:
        """Propose a legal hold; ``members`` are ``number``, ``citizen``, ``sessions``, ``dossiers``, ``office``."""
        return self._do(_hold(order, members, idempotency_key))

    def get(self, protection_id: str) -> Protection:
        """One restriction or hold."""
        return self._do(get(f"{_ROOT}/{protection_id}", Protection.of))

    def all(self, **filters: str) -> Iterator[Protection]:
        """All that are visible, the newest first; filters are ``state``, ``kind``."""
        return all_of(self._do, lambda cursor: _page(cursor, filters))

    def confirm(self, seen: Protection, *, idempotency_key: str | None = None) -> Protection:
        """Confirm what somebody else proposed, as it was seen."""
        return self._do(_step(seen, "confirm", None, idempotency_key))

    def decline(self, seen: Protection, *, idempotency_key: str | None = None) -> Protection:
        """Do not confirm what was proposed, as it was seen."""
        return self._do(_step(seen, "decline", None, idempotency_key))

    def lift(
        self, seen: Protection, *, reasons: tuple[str, ...], idempotency_key: str | None = None
    ) -> Protection:
        """End a restriction, or propose the end of a hold, as it was seen."""
        return self._do(_step(seen, "lift", {"reasons": list(reasons)}, idempotency_key))


class AsyncProtections:
    """As :class:`Protections`, awaited."""

    def __init__(self, do: DoAsync) -> None:
        self._do = do

    async def hold(
        self, order: str, *, idempotency_key: str | None = None, **members: Any
    ) -> Protection:
        """As :meth:`Protections.hold`."""
        return await self._do(_hold(order, members, idempotency_key))

    async def get(self, protection_id: str) -> Protection:
        """As :meth:`Protections.get`."""
        return await self._do(get(f"{_ROOT}/{protection_id}", Protection.of))

    def all(self, **filters: str) -> AsyncIterator[Protection]:
        """As :meth:`Protections.all`."""
        return all_of_async(self._do, lambda cursor: _page(cursor, filters))

    async def confirm(self, seen: Protection, *, idempotency_key: str | None = None) -> Protection:
        """As :meth:`Protections.confirm`."""
        return await self._do(_step(seen, "confirm", None, idempotency_key))

    async def decline(self, seen: Protection, *, idempotency_key: str | None = None) -> Protection:
        """As :meth:`Protections.decline`."""
        return await self._do(_step(seen, "decline", None, idempotency_key))

    async def lift(
        self, seen: Protection, *, reasons: tuple[str, ...], idempotency_key: str | None = None
    ) -> Protection:
        """As :meth:`Protections.lift`."""
        return await self._do(_step(seen, "lift", {"reasons": list(reasons)}, idempotency_key))


def _hold(order: str, members: Mapping[str, Any], key: str | None) -> Operation[Protection]:
    return post(_ROOT, Protection.of, key=key, body={"order": order, **members})


def _page(cursor: str | None, filters: Mapping[str, str]) -> Operation[Page[Protection]]:
    return get(_ROOT, page_of(Protection.of), limit=200, cursor=cursor, **filters)


def _step(
    seen: Protection, name: str, body: Mapping[str, Any] | None, key: str | None
) -> Operation[Protection]:
    headers = {"If-Match": seen.etag}
    return post(f"{_ROOT}/{seen.id}/{name}", Protection.of, key=key, body=body, headers=headers)

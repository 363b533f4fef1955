"""The service's operations as calls, for both clients."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from ekyc.client.exchange import Call, Reply
from ekyc.client.values import CaptureToken, Check, Decision, Dossier, Page, Procedure, Session
from ekyc.errors import InputError, UpstreamError

_T = TypeVar("_T")
_CASE_FILE: Final = "case.toml"
_MOST_BYTES: Final = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[_T]):
    """A call, and what its answer means."""

    call: Call
    read: Callable[[Any], _T]

    def result(self, reply: Reply) -> _T:
        """The answer as a value.

        Raises:
            UpstreamError: ``http.foreign``: what answered is not this service.
        """
        try:
            return self.read(reply.json())
        except (KeyError, TypeError) as exc:
            raise UpstreamError("not an answer of this service", code="http.foreign") from exc


def get(path: str, read: Callable[[Any], _T], **query: object) -> Operation[_T]:
    """A look at something."""
    asked = {name: str(value) for name, value in query.items() if value is not None}
    return Operation(call=Call(method="GET", path=path, query=asked), read=read)


def post(
    path: str,
    read: Callable[[Any], _T],
    *,
    key: str | None,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Operation[_T]:
    """Something to be done once."""
    given = {"Idempotency-Key": key or secrets.token_urlsafe(24), **(headers or {})}
    return Operation(call=Call(method="POST", path=path, headers=given, body=body), read=read)


def submission(
    session_id: str, case: Path, *, challenge_id: str | None, wait_s: int, key: str | None
) -> Operation[Session]:
    """A case folder as an upload.

    Raises:
        InputError: ``case.unreadable``: there is no ``case.toml``, or the folder is larger than a case may be.
    """
    headers = {"Idempotency-Key": key or secrets.token_urlsafe(24)}
    if wait_s > 0:
        headers["Prefer"] = f"wait={wait_s}"
    parts = list(_parts(case))
    if challenge_id is not None:
        parts.append(("challenge_id", None, challenge_id.encode()))
    path = f"/v1/sessions/{session_id}/submissions"
    call = Call(method="POST", path=path, headers=headers, parts=tuple(parts))
    return Operation(call=call, read=Session.of)


def edit(dossier: Dossier, changes: Mapping[str, Any]) -> Operation[Dossier]:
    """A change of what was seen."""
    headers = {"If-Match": dossier.etag}
    path = f"/v1/dossiers/{dossier.id}"
    return Operation(
        call=Call(method="PATCH", path=path, headers=headers, body=dict(changes)), read=Dossier.of
    )


def decision(
    session: Session, outcome: str, reasons: tuple[str, ...], *, key: str | None
) -> Operation[Session]:
    """An officer's decision on what was seen."""
    return post(
        f"/v1/sessions/{session.id}/decisions",
        Session.of,
        key=key,
        body={"outcome": outcome, "reasons": list(reasons)},
        headers={"If-Match": session.etag},
    )


def page_of(read: Callable[[Any], _T]) -> Callable[[Any], Page[_T]]:
    """A page of things."""
    return lambda body: Page(items=tuple(map(read, body["data"])), next=body["next"])


def items_of(read: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    """All things of a list."""
    return lambda body: tuple(map(read, body["data"]))


read_procedures = items_of(Procedure.of)
read_checks = items_of(Check.of)
read_decisions = items_of(Decision.of)
read_token = CaptureToken.of


def _parts(case: Path) -> list[tuple[str, str | None, bytes]]:
    description = case / _CASE_FILE
    files = sorted(path for path in case.rglob("*") if path.is_file() and path != description)
    if not description.is_file():
        raise InputError("there is no case.toml", code="case.unreadable", subject=case.name)
    if sum(path.stat().st_size for path in (description, *files)) > _MOST_BYTES:
        raise InputError("larger than a case may be", code="case.unreadable", subject=case.name)
    named = [("file", path.relative_to(case).as_posix(), path.read_bytes()) for path in files]
    return [("case", None, description.read_bytes()), *named]

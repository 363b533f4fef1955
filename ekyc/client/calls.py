"""The service's operations as calls, for both clients."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from ekyc.client.exchange import Call, Reply
from ekyc.client.values import (
    Artefact,
    CaptureToken,
    Check,
    Comparison,
    Decision,
    Dossier,
    Page,
    Procedure,
    Reason,
    Session,
    TimelineEntry,
)
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


def delete(path: str, *, headers: Mapping[str, str] | None = None) -> Operation[None]:
    """Something to be removed. Sent again after a lost answer it may be told that there is none: 404."""
    call = Call(method="DELETE", path=path, headers=headers or {})
    return Operation(call=call, read=lambda _: None)


def patch(path: str, read: Callable[[Any], _T], changes: Mapping[str, Any]) -> Operation[_T]:
    """A change; not sent again without an answer."""
    return Operation(call=Call(method="PATCH", path=path, body=dict(changes)), read=read)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestedFile(Operation[bytes]):
    """An operation that answers a file, held against its digest."""

    def result(self, reply: Reply) -> bytes:
        """The file.

        Raises:
            UpstreamError: ``http.foreign``: not what its ``Content-Digest`` says.
        """
        digest = base64.b64encode(hashlib.sha256(reply.content).digest()).decode()
        if reply.headers.get("content-digest") != f"sha-256=:{digest}:":
            raise UpstreamError("not what its digest says", code="http.foreign")
        return reply.content


def digested_file(path: str, headers: Mapping[str, str] | None = None) -> Operation[bytes]:
    """A file that is answered with its digest."""
    return DigestedFile(call=Call(method="GET", path=path, headers=headers or {}), read=bytes)


def submission(
    session_id: str,
    case: Path,
    *,
    challenge_id: str | None,
    liveness: bytes | None,
    wait_s: int,
    key: str | None,
) -> Operation[Session]:
    """A case folder as an upload.

    Raises:
        InputError: ``case.unreadable``: there is no ``case.toml``, or the folder is larger than a case may be.
    """
    further = [] if challenge_id is None else [("challenge_id", None, challenge_id.encode())]
    if liveness is not None:
        further.append(("liveness", None, liveness))
    path = f"/v1/sessions/{session_id}/submissions"
    return Operation(call=upload(path, case, *further, wait_s=wait_s, key=key), read=Session.of)


def upload(
    path: str, case: Path, *further: tuple[str, str | None, bytes], wait_s: int, key: str | None
) -> Call:
    """A case folder and further parts, waited for at most ``wait_s``.

    Raises:
        InputError: as :func:`case_parts`.
    """
    headers = {"Idempotency-Key": key or secrets.token_urlsafe(24)}
    if wait_s > 0:
        headers["Prefer"] = f"wait={wait_s}"
    return Call(method="POST", path=path, headers=headers, parts=(*case_parts(case), *further))


def link(session_id: str, kind: str, target: str, *, key: str | None) -> Operation[Session]:
    """Something else that is part of a session."""
    path = f"/v1/sessions/{session_id}/links"
    return post(path, Session.of, key=key, body={"kind": kind, "id": target})


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


def comparison(
    session_id: str, kind: str, first: Sequence[str], second: Sequence[str], *, key: str | None
) -> Operation[Comparison]:
    """Two parts of what was submitted, held against each other."""
    body = {"kind": kind, "first": list(first), "second": list(second)}
    return post(f"/v1/sessions/{session_id}/comparisons", Comparison.of, key=key, body=body)


read_comparisons = items_of(Comparison.of)
read_artefacts = items_of(Artefact.of)
read_procedures = items_of(Procedure.of)
read_checks = items_of(Check.of)
read_decisions = items_of(Decision.of)
read_timeline = items_of(TimelineEntry.of)
read_token = CaptureToken.of


def read_reasons(body: Mapping[str, Any]) -> Mapping[str, Reason]:
    """All reasons, by their codes."""
    return {
        one["code"]: Reason(
            code=one["code"], vi=one["vi"], en=one["en"], retryable=one["retryable"]
        )
        for one in body["reasons"]
    }


def case_parts(case: Path) -> list[tuple[str, str | None, bytes]]:
    """A case folder as parts of a multipart body.

    Raises:
        InputError: ``case.unreadable``: there is no ``case.toml``, or the folder is larger than a case may be.
    """
    description = case / _CASE_FILE
    files = sorted(path for path in case.rglob("*") if path.is_file() and path != description)
    if not description.is_file():
        raise InputError("there is no case.toml", code="case.unreadable", subject=case.name)
    if sum(path.stat().st_size for path in (description, *files)) > _MOST_BYTES:
        raise InputError("larger than a case may be", code="case.unreadable", subject=case.name)
    named = [("file", path.relative_to(case).as_posix(), path.read_bytes()) for path in files]
    return [("case", None, description.read_bytes()), *named]

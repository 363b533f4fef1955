"""Data subjects' requests, the evidence log and reports, as calls for both clients."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.client.calls import Operation, digested_file, get, page_of, post
from ekyc.client.values import Page, Reason

_REQUESTS: Final = "/v1/data-subject-requests"
_AUDIT: Final = "/v1/audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRequest:
    """A data subject's request, without what was said in it."""

    id: str
    version: int
    kind: str
    """``access``, ``correct``, ``delete``, ``withdraw``, ``restrict`` or ``object``."""
    state: str
    """``received``, ``acknowledged``, ``granted``, ``fulfilled``, ``refused`` or ``canceled``."""
    acknowledge_by: str
    answer_by: str
    alerts: tuple[str, ...]
    reasons: tuple[Reason, ...]
    export_until: str | None
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def etag(self) -> str:
        """For ``If-Match``."""
        return f'"{self.version}"'

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> SubjectRequest:
        """From its JSON."""
        names = ("id", "version", "kind", "state", "acknowledge_by", "answer_by", "export_until")
        return cls(
            **{name: body[name] for name in names},
            alerts=tuple(body["alerts"]),
            reasons=tuple(map(Reason.of, body["reasons"])),
            raw=body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was said in a request."""

    text: str = field(repr=False)
    number: str | None = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Statement:
        """From its JSON."""
        return cls(text=body["text"], number=body["number"])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An entry of the evidence log; ``event`` is ``None`` where it is another tenant's."""

    number: int
    leaf_sha256: str
    event: str | None
    """The text that was hashed."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> AuditEntry:
        """From its JSON."""
        return cls(number=body["number"], leaf_sha256=body["leaf_sha256"], event=body["event"])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheckpoint:
    """A signed checkpoint; ``note`` is what ``ekyc audit verify --checkpoint`` takes."""

    size: int
    note: str
    timestamp: bytes | None = field(repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> AuditCheckpoint:
        """From its JSON."""
        token = body["timestamp"]
        return cls(
            size=body["size"],
            note=body["note"],
            timestamp=None if token is None else base64.b64decode(token),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAccess:
    """Somebody was given something of a person to see; ``actor`` and ``subject`` are pseudonyms."""

    entry: int
    at: str
    actor: str
    file: str
    what: str
    artefact: str | None
    subject: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> DataAccess:
        """From its JSON."""
        return cls(**{name: body[name] for name in cls.__slots__})


def file_request(
    kind: str, members: Mapping[str, Any], key: str | None
) -> Operation[SubjectRequest]:
    """Claim a right."""
    return post(_REQUESTS, SubjectRequest.of, key=key, body={"kind": kind, **members})


def request(request_id: str) -> Operation[SubjectRequest]:
    """One request."""
    return get(f"{_REQUESTS}/{request_id}", SubjectRequest.of)


def statement(request_id: str) -> Operation[Statement]:
    """What was said."""
    return get(f"{_REQUESTS}/{request_id}/statement", Statement.of)


def requests(cursor: str | None, filters: Mapping[str, str]) -> Operation[Page[SubjectRequest]]:
    """A page of requests."""
    return get(_REQUESTS, page_of(SubjectRequest.of), limit=200, cursor=cursor, **filters)


def step(
    request_id: str, name: str, body: Mapping[str, Any] | None, key: str | None
) -> Operation[SubjectRequest]:
    """Something that is done about a request."""
    return post(f"{_REQUESTS}/{request_id}/{name}", SubjectRequest.of, key=key, body=body)


def decision(
    seen: SubjectRequest, name: str, body: Mapping[str, Any], key: str | None
) -> Operation[SubjectRequest]:
    """A decision on what was seen."""
    return post(
        f"{_REQUESTS}/{seen.id}/{name}",
        SubjectRequest.of,
        key=key,
        body=body,
        headers={"If-Match": seen.etag},
    )


def export(request_id: str) -> Operation[bytes]:
    """What an access request was answered with."""
    return digested_file(f"{_REQUESTS}/{request_id}/export")


def export_token(request_id: str) -> Operation[str]:
    """What opens one's own export once."""
    return post(
        f"{_REQUESTS}/{request_id}/export-tokens", lambda body: str(body["token"]), key=None
    )


def own_export(request_id: str, token: str) -> Operation[bytes]:
    """What one's own access request was answered with."""
    return digested_file(f"{_REQUESTS}/{request_id}/own-export", {"Export-Token": token})


def entries(cursor: str | None, filters: Mapping[str, str]) -> Operation[Page[AuditEntry]]:
    """A page of entries."""
    return get(f"{_AUDIT}/entries", page_of(AuditEntry.of), limit=200, cursor=cursor, **filters)


def accesses(cursor: str | None, filters: Mapping[str, str]) -> Operation[Page[DataAccess]]:
    """A page of accesses."""
    return get(f"{_AUDIT}/accesses", page_of(DataAccess.of), limit=200, cursor=cursor, **filters)


def checkpoints(cursor: str | None) -> Operation[Page[AuditCheckpoint]]:
    """A page of checkpoints."""
    read = page_of(AuditCheckpoint.of)
    return get(f"{_AUDIT}/checkpoints", read, limit=200, cursor=cursor)


def latest_checkpoint() -> Operation[AuditCheckpoint]:
    """The latest."""
    return get(f"{_AUDIT}/checkpoints/latest", AuditCheckpoint.of)


def inclusion(entry: int) -> Operation[Mapping[str, Any]]:
    """A proof for one entry."""
    return get(f"{_AUDIT}/proofs/inclusion", dict, entry=entry)


def consistency(size: int) -> Operation[Mapping[str, Any]]:
    """A proof from one checkpoint to the latest."""
    return get(f"{_AUDIT}/proofs/consistency", dict, size=size)


def times_report(days: int) -> Operation[Mapping[str, Any]]:
    """How offices keep their time."""
    return get("/v1/reports/sla", dict, days=days)

"""What is kept about a person, as one ZIP for that person: records in JSON, and every file that is still there.

What is said to be theirs and not shown to be is left out, and counted (:mod:`ekyc.flows.proven_sessions`).

The archive is made piece by piece and sealed as it is made: nothing of it lies anywhere in clear. Of other people it says
pseudonyms alone (who acted). What is derived and not kept (embeddings, scores beyond the checks) is not in it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ekyc.flows.proven_sessions import proven_attempts
from ekyc.storage import Jurisdiction, PageOf

if TYPE_CHECKING:
    from datetime import datetime

    from ekyc.storage import DossierUnit, LoggedAction, ServiceKey, Storage, Vault

SCHEMA: Final = "ekyc.person-export/1"
MAX_EXPORT_BYTES: Final = 512 * 1024 * 1024
_MOST_DOSSIERS: Final = 1000
_FIRST: Final = (1980, 1, 1, 0, 0, 0)
"""The time that a ZIP cannot be without; ours say nothing."""

Pieces = Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonScope:
    """Whose data: what an erasure of the same person would find. An export gives of it what is shown to be theirs."""

    tenant: str
    sessions: tuple[str, ...]
    logins: tuple[str, ...]
    number: str | None
    names: tuple[str, ...] = ()
    """Pseudonyms of the number."""

    def __repr__(self) -> str:
        return "PersonScope(…)"


def export_pieces(
    storage: Storage, vault: Vault, key: ServiceKey, scope: PersonScope, *, at: datetime
) -> Iterator[bytes]:
    """The archive in pieces, one member in memory at a time, files in their own pieces.

    Raises:
        StorageError, BusyError: the database or the blobs failed.
    """
    return zip_pieces(_members(storage, vault, key, scope, at))


def zip_pieces(members: Iterable[tuple[str, Pieces]]) -> Iterator[bytes]:
    """A ZIP of these members, given out as it is written."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in members:
            info = zipfile.ZipInfo(name, date_time=_FIRST)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece)
                    yield sink.take()
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Takes what a writer writes, and gives it on; it cannot be sought in."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._held.append(piece)
        return len(piece)

    def take(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


def _members(
    storage: Storage, vault: Vault, key: ServiceKey, scope: PersonScope, at: datetime
) -> Iterator[tuple[str, Pieces]]:
    desk = storage.dossiers(key)
    with desk.looking(scope.tenant) as unit:
        dossiers = _dossiers_of(unit, scope.logins)
        proven = proven_attempts(unit, scope.sessions, names=scope.names, logins=scope.logins)
    yield _json("README.json", _about(scope, dossiers, proven, at))
    for dossier in dossiers:
        with desk.looking(scope.tenant) as unit:
            yield _json(f"dossiers/{dossier}.json", {"log": _log(unit.logs.of(dossier))})
    for session, attempts in sorted(proven.items()):
        with desk.looking(scope.tenant) as unit:
            record, files = _session(unit, session, attempts)
        yield _json(f"sessions/{session}/record.json", record)
        for artefact, kind in files:
            if vault.artefacts.get(scope.tenant, artefact).removed_at is None:
                name = f"sessions/{session}/files/{kind}-{artefact}"
                yield name, vault.artefacts.stream(scope.tenant, artefact, despite_restriction=True)
    yield from _person(vault, scope)
    consents = storage.access(key).consents
    given = [one for login in scope.logins for one in consents.of(scope.tenant, login)]
    yield _json("consents.json", [_consent(one) for one in given])


def _person(vault: Vault, scope: PersonScope) -> Iterator[tuple[str, Pieces]]:
    """What the vault has by the person's number."""
    if scope.number is None:
        return
    yield _json("person/number.json", {"number": scope.number})
    known = vault.subjects.find(scope.tenant, scope.number)
    for one in () if known is None else vault.artefacts.of_subject(scope.tenant, known.id):
        if one.removed_at is None:
            name = f"person/files/{one.kind}-{one.id}"
            yield name, vault.artefacts.stream(scope.tenant, one.id, despite_restriction=True)


def _about(
    scope: PersonScope, dossiers: tuple[str, ...], proven: Iterable[str], at: datetime
) -> dict[str, Any]:
    proven = sorted(proven)
    return {
        "schema": SCHEMA,
        "made_at": at.isoformat(),
        "vi": "Dữ liệu cá nhân đang được lưu giữ về người yêu cầu. Mã hồ sơ và mã người xử lý là bí danh.",
        "en": "Personal data kept about whoever asked. Whoever acted is named by a pseudonym.",
        "dossiers": list(dossiers),
        "sessions": list(proven),
        "unproven_claims": len(scope.sessions) - len(proven),
    }


def _dossiers_of(unit: DossierUnit, logins: tuple[str, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for login in logins:
        after = None
        while len(found) < _MOST_DOSSIERS:
            page = PageOf(limit=200, after=after, within=Jurisdiction(subject=login))
            rows = unit.dossiers.page(page)
            found.extend(row.id for row in rows)
            if len(rows) < page.limit:
                break
            after = (rows[-1].created_at, rows[-1].id)
    return tuple(found)


def _session(
    unit: DossierUnit, session_id: str, attempts: frozenset[int]
) -> tuple[dict[str, Any], tuple[tuple[str, str], ...]]:
    """What is kept of these attempts of a session, and of no other."""
    lines = [
        line for line in unit.logs.of(session_id) if line.body.get("attempt") in {None, *attempts}
    ]
    concluded = sorted({line.body["attempt"] for line in lines if line.kind == "Concluded"})
    checks = {str(one): unit.findings.get(session_id, one) for one in concluded}
    files = tuple(
        (one.artefact_id, one.kind)
        for one in unit.artefacts.of(session_id)
        if one.attempt in attempts
    )
    told = {name for name, _ in files}
    comparisons = [
        dict(one.body)
        for one in unit.comparisons.of(session_id)
        if told.issuperset((*one.body["first"], *one.body["second"]))
    ]
    return {"log": _log(lines), "checks": checks, "comparisons": comparisons}, files


def _log(lines: Iterable[LoggedAction]) -> list[dict[str, Any]]:
    return [
        {
            "sequence": line.sequence,
            "at": line.at.isoformat(),
            "actor": dict(line.actor),
            "kind": line.kind,
            "body": dict(line.body),
        }
        for line in lines
    ]


def _consent(consent: Any) -> dict[str, Any]:
    return {
        "id": consent.id,
        "agent": consent.client,
        "text_sha256": consent.text_digest,
        "purposes": sorted(consent.purposes),
        "channel": consent.channel,
        "given_at": consent.given_at.isoformat(),
        "expires_at": consent.expires_at.isoformat(),
        "withdrawn_at": None if consent.withdrawn_at is None else consent.withdrawn_at.isoformat(),
    }


def _json(name: str, content: Any) -> tuple[str, Pieces]:
    return name, (json.dumps(content, ensure_ascii=False, indent=1).encode(),)

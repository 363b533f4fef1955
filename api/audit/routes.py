"""Operations on the evidence log, for auditors. docs/audit.md says what each answer proves.

The log is one chain for all tenants: an auditor reads the entries of its tenant, or of its offices there and all beneath
them, and of all others their leaf hashes, which say nothing and by which every root can be computed.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from ekyc.api.access import Principal
from ekyc.api.audit.schemas import (
    AccessList,
    AccessListing,
    CheckpointList,
    CheckpointListing,
    CheckpointModel,
    ConsistencyWanted,
    EntryList,
    EntryListing,
    InclusionWanted,
    ProofModel,
)
from ekyc.api.v1.documents import refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.errors import InputError
from ekyc.storage.evidence.places import EntriesOf, ShownEntry
from ekyc.storage.evidence.proofs import prove_consistency, prove_inclusion

if TYPE_CHECKING:
    from ekyc.api.audit.schemas import Asked
    from ekyc.storage import Storage
    from ekyc.storage.evidence.checkpoints import KeptCheckpoint

_T = TypeVar("_T")
_Auditor = Annotated[Principal, allowed("audit:read")]
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOGIN: Final = re.compile(r"[0-9a-f]{64}\Z")
_VIEWED: Final = "media.viewed"
router = APIRouter(prefix="/v1/audit", tags=["Nhật ký bằng chứng / Evidence log"])


@router.get(
    "/entries",
    operation_id="list_audit_entries",
    summary="Các mục của nhật ký / Entries of the log",
    response_model=EntryList,
    responses=refusals("cursor.invalid"),
)
async def list_entries(
    request: Request, caller: _Auditor, listing: Annotated[EntryListing, Query()]
) -> Response:
    """Theo thứ tự ghi. Mục của đơn vị hoặc cơ quan khác chỉ có mã băm lá, đủ để tính gốc cây Merkle. `event` là văn bản đã
    được băm.

    In their order. Of another tenant's entry, or another office's, there is the leaf hash alone, by which roots are
    computed. `event` is the text that was hashed.
    """
    wanted = EntriesOf(
        tenant=caller.tenant,
        offices=caller.offices,
        after=_behind(request, caller, listing),
        limit=listing.limit,
        kind=listing.kind,
    )
    found = await _from(request, lambda storage: storage.evidence_reader.page(wanted))
    data = [
        {
            "number": one.number,
            "leaf_sha256": one.leaf.hex(),
            "event": None if one.event is None else one.event.decode(),
        }
        for one in found
    ]
    last = found[-1].number if len(found) == listing.limit else None
    return _page(request, caller, listing, data, last)


@router.get(
    "/checkpoints",
    operation_id="list_audit_checkpoints",
    summary="Các điểm kiểm đã ký / Signed checkpoints",
    response_model=CheckpointList,
    responses=refusals("cursor.invalid"),
)
async def list_checkpoints(
    request: Request, caller: _Auditor, listing: Annotated[CheckpointListing, Query()]
) -> Response:
    """Mới nhất trước. Hãy lưu lại ở nơi khác: chỉ điểm kiểm đã được giữ mới chứng minh được việc viết lại.

    The latest first. Keep them somewhere else: only a checkpoint that was kept shows that the log was written anew.
    """
    below = _number(request, caller, listing)
    found = await _from(request, lambda one: one.checkpoints.before(below, listing.limit))
    last = found[-1].size if len(found) == listing.limit else None
    return _page(request, caller, listing, list(map(_checkpoint, found)), last)


@router.get(
    "/checkpoints/latest",
    operation_id="get_latest_audit_checkpoint",
    summary="Điểm kiểm mới nhất / The latest checkpoint",
    response_model=CheckpointModel,
    responses=refusals("audit.no_checkpoint"),
    dependencies=[allowed("audit:read")],
)
async def get_latest_checkpoint(request: Request) -> Response:
    """Kiểm bằng khóa công khai đã nhận từ trước, không phải từ dịch vụ này.

    To be checked with the public key that you were given before, and not by this service.
    """
    return JSONResponse(_checkpoint(await _from(request, lambda one: one.checkpoints.latest())))


@router.get(
    "/proofs/inclusion",
    operation_id="prove_audit_inclusion",
    summary="Chứng minh một mục có trong nhật ký / Prove that an entry is in the log",
    response_model=ProofModel,
    responses=refusals("audit.no_such_entry", "audit.no_checkpoint"),
)
async def prove_entry(
    request: Request, caller: _Auditor, wanted: Annotated[InclusionWanted, Query()]
) -> Response:
    """Tệp cho `ekyc audit verify`, với điểm kiểm đầu tiên bao phủ mục này. Mục của đơn vị hoặc cơ quan khác coi như
    không có.

    A file for `ekyc audit verify`, with the first checkpoint that covers the entry. An entry of another tenant or office is
    not there; the proof holds hashes of others, and nothing else of them.
    """

    def prove(storage: Storage) -> dict[str, Any]:
        may_read = storage.evidence_reader.may_read
        if not may_read(caller.tenant, wanted.entry, offices=caller.offices):
            raise InputError("the log has no such entry", code="audit.no_such_entry")
        return prove_inclusion(storage.evidence, storage.checkpoints, wanted.entry)

    return JSONResponse(await _from(request, prove))


@router.get(
    "/proofs/consistency",
    operation_id="prove_audit_consistency",
    summary="Chứng minh nhật ký chỉ được nối thêm / Prove that the log was only continued",
    response_model=ProofModel,
    responses=refusals("audit.no_checkpoint"),
    dependencies=[allowed("audit:read")],
)
async def prove_continuation(
    request: Request, wanted: Annotated[ConsistencyWanted, Query()]
) -> Response:
    """Từ điểm kiểm có kích thước này đến điểm kiểm mới nhất.

    From the checkpoint of this size to the latest.
    """
    return JSONResponse(
        await _from(
            request, lambda one: prove_consistency(one.evidence, one.checkpoints, wanted.size)
        )
    )


@router.get(
    "/accesses",
    operation_id="list_audit_accesses",
    summary="Ai đã xem dữ liệu của ai / Who was given whose data to see",
    response_model=AccessList,
    responses=refusals("cursor.invalid"),
)
async def list_accesses(
    request: Request, caller: _Auditor, listing: Annotated[AccessListing, Query()]
) -> Response:
    """Dùng khi có sự cố: mọi lần xem tệp, nội dung yêu cầu và bản trích xuất, theo thời gian, tài khoản hoặc hồ sơ. Tên là
    bí danh; mã phiên dẫn tới hồ sơ.

    For an incident: every time that a file, a statement or an export was given out, by time, account or file. Names are
    pseudonyms; the id of the session leads to the file.
    """
    after = _behind(request, caller, listing)

    def look(storage: Storage) -> tuple[ShownEntry, ...]:
        actor = None
        if listing.account is not None:
            kind = "citizen" if _LOGIN.match(listing.account) else "client"
            actor = storage.evidence.pseudonym(kind, listing.account)
            if actor is None:
                return ()
        return storage.evidence_reader.page(
            EntriesOf(
                tenant=caller.tenant,
                offices=caller.offices,
                after=after,
                limit=listing.limit,
                kind=_VIEWED,
                actor=actor,
                file=listing.file,
                since=listing.since,
                until=listing.until,
            )
        )

    found = await _from(request, look)
    data = [_access(one) for one in found]
    last = found[-1].number if len(found) == listing.limit else None
    return _page(request, caller, listing, data, last)


async def _from(request: Request, work: Callable[[Storage], _T]) -> _T:
    storage: Storage = request.app.state.service.storage
    return await anyio.to_thread.run_sync(lambda: work(storage))


def _scope(request: Request, caller: Principal, listing: Asked) -> str:
    return "\0".join((caller.tenant, request.url.path, urlencode(_filters(listing))))


def _filters(listing: Asked) -> dict[str, str]:
    members = listing.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    return {name: str(members[name]) for name in sorted(members)}


def _number(request: Request, caller: Principal, listing: Asked) -> int | None:
    """The number behind which a page begins.

    Raises:
        InputError: ``cursor.invalid``.
    """
    place = front_of(request).cursors.place(listing.cursor, _scope(request, caller, listing))
    return None if place is None else int(place[1])


def _behind(request: Request, caller: Principal, listing: Asked) -> int:
    """The same for what is numbered from 0."""
    number = _number(request, caller, listing)
    return -1 if number is None else number


def _page(
    request: Request,
    caller: Principal,
    listing: Asked,
    data: list[dict[str, Any]],
    last: int | None,
) -> Response:
    onward, headers = None, {}
    if last is not None:
        scope = _scope(request, caller, listing)
        onward = front_of(request).cursors.after(_START, str(last), scope)
        query = urlencode({**_filters(listing), "limit": listing.limit, "cursor": onward})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return JSONResponse({"data": data, "next": onward}, headers=headers)


def _checkpoint(kept: KeptCheckpoint) -> dict[str, Any]:
    timestamp = None if kept.timestamp is None else base64.b64encode(kept.timestamp).decode()
    return {"size": kept.size, "note": kept.note, "timestamp": timestamp}


def _access(entry: ShownEntry) -> dict[str, Any]:
    event = json.loads(entry.event or b"{}")
    facts = event["facts"]
    return {
        "entry": entry.number,
        "at": event["at"],
        "actor": facts["actor"],
        "file": facts["file"],
        "what": facts["what"],
        "artefact": facts.get("artefact"),
        "subject": facts["subject"],
    }

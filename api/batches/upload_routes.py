"""What is handed in: cases one by one, and batches."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio
import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response

from ekyc.api.access import Principal
from ekyc.api.batches.intake import BatchLine, case_folders, read_lines, seal
from ekyc.api.batches.limits import BATCH_BODY_BYTES, BATCHES, CASES, BatchLimits
from ekyc.api.batches.schemas import BatchCaseModel, BatchModel
from ekyc.api.batches.views import batch_as_json, is_within
from ekyc.api.forms import Office
from ekyc.api.serving import CASE_BODY, service_of
from ekyc.api.uploads import manifest_of, receive_case
from ekyc.api.v1 import views
from ekyc.api.v1.cases import UnknownFileError, actor_of, office_for
from ekyc.api.v1.documents import (
    CONTENT_DIGEST,
    IDEMPOTENCY_KEY,
    OFFICE_REFUSALS,
    described,
    links_to,
    refusals,
)
from ekyc.api.v1.front import ResourceFront, allowed, client_of, front_of
from ekyc.api.v1.keeping import content_of
from ekyc.api.v1.once import Answer, Claim
from ekyc.api.v1.wire import DigestedBody
from ekyc.errors import InputError, LimitError
from ekyc.storage import BatchCase, BatchRow, BatchState

if TYPE_CHECKING:
    from ekyc.storage import DossierUnit, Vault

_ZIP: Final = "application/zip"
_NDJSON: Final = "application/x-ndjson"
_LASTS: Final = timedelta(days=1)
_BOUNDS: Final = BatchLimits()
_FILE: Final = "body"
_Items = tuple[tuple[str, BatchCase], ...]
OfficeWanted = Annotated[Office, Query(description="Cơ quan. / The office that it belongs to.")]
_Writer = Annotated[Principal, allowed("batches:write")]
_UPLOAD: Final = (
    *("batch.not_offered", "batch.quota", "digest.malformed", "digest.mismatch"),
    "request.upload_time",
)
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            _NDJSON: {
                "schema": {
                    "type": "string",
                    "description": "Mỗi dòng một đối tượng reference, case_id. / On each line an object with reference "
                    "and case_id, of `POST /v1/cases`.",
                },
                "example": '{"reference":"HS-0001","case_id":"0123456789abcdef0123456789abcdef"}\n',
            },
            _ZIP: {
                "schema": {
                    "type": "string",
                    "contentMediaType": _ZIP,
                    "description": "Mỗi thư mục một hồ sơ, tên thư mục là reference. / A folder for each case, named by its "
                    "reference.",
                }
            },
        },
    }
}
router = APIRouter(prefix="/v1", tags=["Lô hồ sơ / Batches"])


@router.post(
    CASES.removeprefix("/v1"),
    operation_id="upload_case",
    summary="Tải một hồ sơ lên cho lô / Upload a case for a batch",
    status_code=201,
    response_model=BatchCaseModel,
    responses=refusals(
        *_UPLOAD,
        *OFFICE_REFUSALS,
        "case.file_missing",
        "case.invalid",
        "request.not_multipart",
        once=True,
    ),
    openapi_extra={**described(IDEMPOTENCY_KEY, CONTENT_DIGEST), **CASE_BODY},
)
async def upload_case(request: Request, caller: _Writer, office: OfficeWanted = None) -> Response:
    """Nhận một hồ sơ như `POST /v1/verifications` và giữ kín cho đến khi một lô dùng nó, nhiều nhất một ngày. Không kèm thử
    thách hay phiên người thật: lô không có người đang chờ.

    Takes a case as `POST /v1/verifications` does and keeps it sealed until a batch takes it, a day at most. Without challenge
    and liveness session: nobody is waiting at the other end of a batch.
    """
    front, service = front_of(request), service_of(request)
    vault = _vault_of(front)
    belongs_to = office_for(caller, office)
    with front.once.working(request, client_of(caller)) as pending:
        async with _arriving(request) as (folder, body):
            content_type = request.headers.get("content-type", "")
            submission = await receive_case(body.stream(), content_type, folder, service.limits)
            if submission.challenge_id is not None or submission.live is not None:
                raise InputError(
                    "a batch has no challenge and no liveness session", code="request.part"
                )
            await manifest_of(request, submission)
            digest = await anyio.to_thread.run_sync(content_of, submission)
            claim = pending.claim(digest + f"\n{belongs_to}".encode())
            replayed = await _kept(request, caller, claim, belongs_to, new=1)
            if replayed is not None:
                return replayed
            sealing = partial(
                seal, front.desk, vault, caller.tenant, submission.folder,
                office=belongs_to, now=front.desk.clock.now(),
            )  # fmt: skip
            case = await anyio.to_thread.run_sync(sealing)

        def work(unit: DossierUnit) -> Answer:
            service.case_quota.require_room(unit, 1, case.size)
            unit.batches.add_case(case)
            body = {
                "id": case.id,
                "size": case.size,
                "created_at": views.time_as_json(case.created_at),
                "expires_at": views.time_as_json(case.created_at + _LASTS),
            }
            return Answer(status=201, body=body)

        return await _carried_out(front, caller, claim, work)


@router.post(
    BATCHES.removeprefix("/v1"),
    operation_id="create_batch",
    summary="Nộp một lô / Hand in a batch",
    status_code=202,
    response_model=BatchModel,
    responses=refusals(
        *_UPLOAD,
        *OFFICE_REFUSALS,
        *("batch.empty", "batch.line", "batch.twice", "batch.too_many"),
        *("batch.reference", "batch.case_missing", "batch.case_unknown"),
        *("request.archive", "request.too_many_parts", "request.media_type"),
        once=True,
    ),
    openapi_extra={
        **described(
            IDEMPOTENCY_KEY,
            CONTENT_DIGEST,
            links=links_to("batch_id", "get_batch", "list_batch_items", "cancel_batch"),
            status=202,
        ),
        **_BODY,
    },
)
async def create_batch(request: Request, caller: _Writer, office: OfficeWanted = None) -> Response:
    """Danh sách hồ sơ đã tải lên (NDJSON), hoặc một tệp zip gồm các thư mục hồ sơ. Được kiểm tra dần; mỗi mục có kết quả
    riêng, và không mục nào tự nó thành quyết định.

    A list of uploaded cases (NDJSON), or a zip archive of case folders. Verified bit by bit; every item has a result of its
    own, and none is a decision by itself.
    """
    front = front_of(request)
    _vault_of(front)
    belongs_to = office_for(caller, office)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in {_ZIP, _NDJSON}:
        raise InputError("send application/zip or application/x-ndjson", code="request.media_type")
    with front.once.working(request, client_of(caller)) as pending:
        async with _arriving(request) as (folder, body):
            file = folder / _FILE
            digest = await _stored(body, file)
            claim = pending.claim(digest + f"\n{belongs_to}".encode())
            replayed = await _kept(request, caller, claim, belongs_to, new=media == _ZIP)
            if replayed is not None:
                return replayed
            if media == _NDJSON:
                lines = await anyio.to_thread.run_sync(_lines_of, file)
                return await _carried_out(
                    front, caller, claim, partial(_listed, front, caller, lines, belongs_to)
                )
            taking = partial(_sealed, request, caller.tenant, folder, belongs_to)
            items = await anyio.to_thread.run_sync(taking)

        def work(unit: DossierUnit) -> Answer:
            size = sum(case.size for _, case in items)
            service_of(request).case_quota.require_room(unit, len(items), size)
            return _recorded(front, caller, items, belongs_to, unit)

        return await _carried_out(front, caller, claim, work)


def _listed(
    front: ResourceFront,
    caller: Principal,
    lines: tuple[BatchLine, ...],
    office: str | None,
    unit: DossierUnit,
) -> Answer:
    """A batch of cases that were uploaded one by one."""
    items: list[tuple[str, BatchCase]] = []
    for number, line in enumerate(lines, 1):
        case = unit.batches.take_case(line.case_id)
        if case is None or not is_within(caller, case.office):
            raise UnknownFileError(
                "no such case, or another batch took it",
                code="batch.case_unknown",
                subject=str(number),
            )
        items.append((line.reference, case))
    return _recorded(front, caller, tuple(items), office, unit)


def _recorded(
    front: ResourceFront,
    caller: Principal,
    items: _Items,
    office: str | None,
    unit: DossierUnit,
) -> Answer:
    batch = BatchRow(
        id=front.desk.new_id(),
        state=BatchState.RUNNING,
        office=office,
        actor=asdict(actor_of(caller)),
        items=len(items),
        created_at=unit.now,
    )
    unit.batches.add(
        batch, tuple((front.desk.new_id(), reference, case) for reference, case in items)
    )
    location = {"Location": f"{BATCHES}/{batch.id}"}
    return Answer(status=202, body=batch_as_json(unit, batch), headers=location)


def _lines_of(file: Path) -> tuple[BatchLine, ...]:
    most = _BOUNDS.items * _BOUNDS.line_bytes
    if file.stat().st_size > most:
        raise LimitError("the list is too long", code="request.too_large")
    return read_lines(file.read_bytes(), _BOUNDS)


def _sealed(request: Request, tenant: str, folder: Path, office: str | None) -> _Items:
    """The cases of an archive, each sealed by itself."""
    desk, vault = front_of(request).desk, _vault_of(front_of(request))
    unpacked = folder / "cases"
    unpacked.mkdir(mode=0o700)
    folders = case_folders(folder / _FILE, unpacked, service_of(request).limits, _BOUNDS)
    now = desk.clock.now()
    return tuple(
        (one.name, seal(desk, vault, tenant, one, office=office, now=now)) for one in folders
    )


@asynccontextmanager
async def _arriving(request: Request) -> AsyncIterator[tuple[Path, DigestedBody]]:
    """A private folder and the body, which must have arrived in time.

    Raises:
        LimitError: ``request.upload_time``.
    """
    service = service_of(request)
    with service.scratch.folder() as folder:
        try:
            with anyio.fail_after(service.limits.upload_s):
                yield folder, DigestedBody(request)
        except TimeoutError as exc:
            raise LimitError("the upload took too long", code="request.upload_time") from exc


async def _stored(body: DigestedBody, file: Path) -> bytes:
    """Write a body into a file; its SHA-256."""
    total, size = hashlib.sha256(), 0
    with file.open("xb") as out:
        async for chunk in body.stream():
            size += len(chunk)
            if size > BATCH_BODY_BYTES:
                raise LimitError("larger than a batch may be", code="request.too_large")
            total.update(chunk)
            await anyio.to_thread.run_sync(out.write, chunk)
    return total.digest()


async def _kept(
    request: Request, caller: Principal, claim: Claim, office: str | None, *, new: int
) -> Response | None:
    """The answer that is kept for this request, or that it may be carried out, before anything is sealed anew.

    Raises:
        RegisterError: ``office.unknown``, ``office.ended``.
        QuotaError: ``batch.quota``: there is no room for ``new`` cases, however small.
    """

    def look(unit: DossierUnit) -> Answer | None:
        kept = claim.kept(unit)
        if kept is not None:
            return kept
        if office is not None:
            unit.require_office(office)
        if new:
            service_of(request).case_quota.require_room(unit, new, 1)
        return None

    kept = await front_of(request).writing(caller.tenant, look)
    return None if kept is None else kept.response(replayed=True)


async def _carried_out(
    front: ResourceFront, caller: Principal, claim: Claim, work: Callable[[DossierUnit], Answer]
) -> Response:
    answer, replayed = await front.writing(caller.tenant, lambda unit: claim.carry_out(unit, work))
    return answer.response(replayed=replayed)


def _vault_of(front: ResourceFront) -> Vault:
    if front.vault is None:
        raise UnknownFileError("this service keeps no files", code="batch.not_offered")
    return front.vault

"""``GET /v1/reports/sla``: which offices keep their time. Counts alone, computed from the logs when it is asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from ekyc.api.access import Principal
from ekyc.api.reports.schemas import ReportWanted, TimesReport
from ekyc.api.v1.cases import jurisdiction_of
from ekyc.api.v1.documents import refusals
from ekyc.api.v1.front import allowed, front_of
from ekyc.api.v1.views import time_as_json
from ekyc.dossiers import Alert, DossierState
from ekyc.dossiers.clocks import PROCESSING, clocks_by_id
from ekyc.flows.clock_book import TimedDossier
from ekyc.flows.dossier_clocks import MOST_DOSSIERS, all_dossiers

if TYPE_CHECKING:
    from ekyc.api.v1.front import ResourceFront

router = APIRouter(prefix="/v1/reports", tags=["Báo cáo / Reports"])
_Seen = Counter[str]


@dataclass(slots=True)
class _Office:
    dossiers: int = 0
    open: int = 0
    decided: int = 0
    late: int = 0
    alerts: Counter[Alert] = field(default_factory=Counter)

    def count(self, one: TimedDossier) -> None:
        limit = clocks_by_id()[PROCESSING].limit
        self.dossiers += 1
        self.open += one.row.state == DossierState.OPEN.value
        if one.is_decided and not one.processing.running:
            self.decided += 1
            self.late += limit is not None and one.processing.elapsed > limit
        for given in one.alerts:
            self.alerts[given.alert] += 1

    def as_json(self, office: str | None) -> dict[str, Any]:
        return {
            "office": office,
            "dossiers": self.dossiers,
            "open": self.open,
            "decided": self.decided,
            "decided_in_time": self.decided - self.late,
            "decided_late": self.late,
            "alerts": {alert.value: self.alerts[alert] for alert in Alert},
        }


@router.get(
    "/sla",
    operation_id="get_sla_report",
    summary="Tiến độ xử lý theo cơ quan / How offices keep their time",
    response_model=TimesReport,
    responses=refusals(),
)
async def get_sla_report(
    request: Request,
    caller: Annotated[Principal, allowed("reports:read")],
    wanted: Annotated[ReportWanted, Query()],
) -> Response:
    """Chỉ có số lượng, tính từ nhật ký tại thời điểm gọi, theo giờ hành chính và ngày lễ.

    Counts alone, read from the logs at the moment of the call, in working time.
    """
    front = front_of(request)
    now, offices, seen = front.desk.clock.now(), defaultdict[str | None, _Office](_Office), _Seen()
    pages = _both(front, caller, now, wanted.days)
    while await anyio.to_thread.run_sync(_count, pages, offices, seen, limiter=front.reports):
        pass  # a page at a time: others come in between
    named = sorted(offices.items(), key=lambda pair: (pair[0] is None, pair[0] or ""))
    return JSONResponse(
        {
            "made_at": time_as_json(now),
            "days": wanted.days,
            "complete": max(seen.values(), default=0) < MOST_DOSSIERS,
            "data": [office.as_json(name) for name, office in named],
        }
    )


def _count(
    pages: Iterator[list[TimedDossier]], offices: defaultdict[str | None, _Office], seen: _Seen
) -> bool:
    """Count the next page; whether there was one."""
    page = next(pages, None)
    for one in page or ():
        offices[one.row.office].count(one)
        seen[one.row.state] += 1
    return page is not None


def _both(
    front: ResourceFront, caller: Principal, now: datetime, days: int
) -> Iterator[list[TimedDossier]]:
    """All that is open, and what was closed of the last days."""
    for state in DossierState:
        yield from all_dossiers(
            front.desk,
            caller.tenant,
            front.clocks,
            now,
            within=jurisdiction_of(caller),
            equal=(("state", state.value),),
            since=None if state is DossierState.OPEN else now - timedelta(days=days),
        )

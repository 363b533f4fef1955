"""Bodies of reports."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from ekyc.api.forms import InputModel, OutputModel


class ReportWanted(InputModel):
    """Of which time."""

    days: int = Field(
        default=30,
        ge=1,
        le=366,
        description="Hồ sơ mở trong bao nhiêu ngày qua; hồ sơ còn mở luôn được tính. / Dossiers opened in so many days; "
        "open ones always count.",
    )


class AlertCounts(OutputModel):
    """Open dossiers with each alert."""

    not_received: int = 0
    due_soon: int = 0
    overdue: int = 0
    stuck_in_review: int = 0
    returned_too_often: int = 0


class OfficeTimes(OutputModel):
    """One office; `null` is what belongs to none."""

    office: str | None
    dossiers: int
    open: int
    decided: int
    decided_in_time: int
    decided_late: int
    alerts: AlertCounts


class TimesReport(OutputModel):
    """How offices keep their time."""

    made_at: datetime
    days: int
    complete: bool = Field(
        description="`false`: nhiều hồ sơ hơn mức một báo cáo xem hết. / `false`: there are more dossiers than one report "
        "goes through."
    )
    data: list[OfficeTimes]

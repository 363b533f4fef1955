"""How many uploaded cases of a tenant may lie open, and how large they may be together.

Open is what waits for a batch, and what waits in one. Room is looked for before a body is sealed, and again in the
transaction that records it: of requests that are under way at once on PostgreSQL each may still find the same room, so that
what lies there can pass the bound by as much as they bring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ekyc.errors import BusyError

if TYPE_CHECKING:
    from ekyc.api.limits import ServiceLimits
    from ekyc.storage import DossierUnit


class QuotaError(BusyError):
    """A tenant has too much lying open.

    Code: ``batch.quota``.
    """

    default_code: ClassVar[str] = "batch.quota"
    wait_s = 60.0


class CaseQuota:
    """The bounds on open cases of each tenant.

    Args:
        limits: ``open_cases`` and ``open_case_bytes``.
    """

    def __init__(self, limits: ServiceLimits) -> None:
        self._cases = limits.open_cases
        self._bytes = limits.open_case_bytes
        self.turned_away = 0
        """How often there was no room."""

    def require_room(self, unit: DossierUnit, cases: int, size: int) -> None:
        """Return if so many more cases, so large together, may lie open in the unit's tenant.

        Raises:
            QuotaError: they may not.
        """
        now = unit.batches.open_cases()
        if now.cases + cases > self._cases or now.size + size > self._bytes:
            self.turned_away += 1
            raise QuotaError("too many uploaded cases lie open")

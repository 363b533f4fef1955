"""Lists: a page, where it goes on, and the ``Link`` to there (RFC 8288)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ekyc.api.access import Principal
from ekyc.api.v1.cases import jurisdiction_of
from ekyc.api.v1.front import front_of
from ekyc.api.v1.schemas import NAME
from ekyc.dossiers import DossierState, SessionState
from ekyc.storage import PageOf

if TYPE_CHECKING:
    from datetime import datetime

    from ekyc.storage import DossierUnit


class Listing(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(
        default=None,
        max_length=200,
        description="`next` của trang trước. / `next` of the page before.",
    )

    def filters(self) -> dict[str, str]:
        """Columns and the values that they must have."""
        members = self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
        return {name: str(value) for name, value in members.items()}


class DossierListing(Listing):
    """Which dossiers."""

    state: DossierState | None = None
    procedure: str | None = Field(default=None, pattern=NAME)


class SessionListing(Listing):
    """Which sessions."""

    state: SessionState | None = None
    procedure: str | None = Field(default=None, pattern=NAME)
    dossier_id: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")


class Placed(Protocol):
    """A row that has its place in a list."""

    @property
    def id(self) -> str: ...

    @property
    def created_at(self) -> datetime: ...


async def page_response(
    request: Request,
    caller: Principal,
    listing: Listing,
    look: Callable[[DossierUnit, PageOf], list[tuple[Any, dict[str, Any]]]],
) -> Response:
    """Answer a page.

    Args:
        request: as it came.
        caller: who may see what of it.
        listing: which page.
        look: rows of a page, each with its body.

    Raises:
        InputError: ``cursor.invalid``.
    """
    front = front_of(request)
    filters = listing.filters()
    scope = "\0".join((caller.tenant, request.url.path, urlencode(sorted(filters.items()))))
    page = PageOf(
        limit=listing.limit,
        after=front.cursors.place(listing.cursor, scope),
        within=jurisdiction_of(caller),
        equal=tuple(sorted(filters.items())),
    )
    found = await front.looking(caller.tenant, lambda unit: look(unit, page))
    onward, headers = None, {}
    if len(found) == listing.limit:
        last: Placed = found[-1][0]
        onward = front.cursors.after(last.created_at, last.id, scope)
        query = urlencode({**filters, "limit": listing.limit, "cursor": onward})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return JSONResponse({"data": [body for _, body in found], "next": onward}, headers=headers)

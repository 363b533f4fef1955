"""Lists: a page, where it goes on, and the ``Link`` to there (RFC 8288)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from ekyc.api.access import Principal
from ekyc.api.forms import InputModel
from ekyc.api.schemas import ID_PATTERN
from ekyc.api.v1.cases import jurisdiction_of
from ekyc.api.v1.front import front_of
from ekyc.api.v1.schemas import NAME
from ekyc.dossiers import Alert, DossierState, SessionState
from ekyc.storage import PageOf

if TYPE_CHECKING:
    from datetime import datetime

    from ekyc.storage import DossierUnit


class Listing(InputModel):
    """Which page of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(
        default=None,
        max_length=200,
        description="`next` của trang trước. / `next` of the page before.",
    )

    computed: ClassVar[frozenset[str]] = frozenset()
    """Filters that are no columns: whoever looks applies them."""

    def filters(self) -> dict[str, str]:
        """Columns and the values that they must have."""
        members = self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
        return {name: str(value) for name, value in members.items()}


class DossierListing(Listing):
    """Which dossiers."""

    computed: ClassVar[frozenset[str]] = frozenset({"alert"})
    alert: Alert | None = Field(
        default=None,
        description="Chỉ hồ sơ đang có cảnh báo này; một trang có thể ngắn hơn `limit`. / Those with this alert; a page may "
        "be shorter than `limit`.",
    )

    state: DossierState | None = None
    procedure: str | None = Field(default=None, pattern=NAME)


class SessionListing(Listing):
    """Which sessions."""

    state: SessionState | None = None
    procedure: str | None = Field(default=None, pattern=NAME)
    dossier_id: str | None = Field(default=None, pattern=ID_PATTERN)


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
    look: Callable[[DossierUnit, PageOf], Sequence[tuple[Placed, dict[str, Any] | None]]],
) -> Response:
    """Answer a page.

    Args:
        request: as it came.
        caller: who may see what of it.
        listing: which page.
        look: rows of a page, each with its body, or without where it is none of those that were asked for after all.

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
        equal=tuple(one for one in sorted(filters.items()) if one[0] not in listing.computed),
    )
    found = await front.looking(caller.tenant, lambda unit: look(unit, page))
    onward, headers = None, {}
    if len(found) == listing.limit:
        last = found[-1][0]
        onward = front.cursors.after(last.created_at, last.id, scope)
        query = urlencode({**filters, "limit": listing.limit, "cursor": onward})
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return JSONResponse(
        {"data": [body for _, body in found if body is not None], "next": onward}, headers=headers
    )

"""Which readings of chips and liveness sessions may be named as part of a verification session: those of its own.

They are ordered and fetched by tokens of their own (:mod:`ekyc.api.chip_relay_sessions`, :mod:`ekyc.api.liveness_routes`);
whoever ordered one is kept beside it. A reading of a chip is known to the process that relays it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread

from ekyc.api.serving import service_of
from ekyc.dossiers import LinkKind
from ekyc.errors import InputError

if TYPE_CHECKING:
    from fastapi import Request

    from ekyc.api.access import Principal
    from ekyc.api.v1.cases import LoadedSession
    from ekyc.values import Owner


class UnknownLinkError(InputError):
    """There is no such reading or liveness session, or not for this session.

    Code: ``session.link_unknown``.
    """

    default_code = "session.link_unknown"


async def owner_of_target(request: Request, kind: LinkKind, target: str) -> Owner | None:
    """Whose a reading or liveness session is; ``None`` if there is none."""
    service = service_of(request)
    try:
        if kind is LinkKind.CHIP_SESSION:
            return service.chip_relays.sessions.owner_of(target)
        if service.liveness is None:
            return None
        return await anyio.to_thread.run_sync(service.liveness.sessions.owner_of, target)
    except InputError:
        return None


def require_linkable(caller: Principal, target: Owner | None, loaded: LoadedSession) -> None:
    """Return if what is to be linked was ordered by the caller's like, for this session's office and citizen.

    Raises:
        UnknownLinkError: it was not, or there is none.
    """
    row = loaded.row
    if (
        target is None
        or target.tenant != caller.tenant
        or target.office not in {None, row.office}
        or target.subject not in {None, row.subject}
        or (caller.own_subject is not None and target.subject != caller.own_subject)
    ):
        raise UnknownLinkError("no such session that could be linked")

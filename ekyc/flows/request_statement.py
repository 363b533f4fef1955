"""What data subjects said in their requests, and how it is forgotten with the person.

A number in a request of another login is a claim, unless the request was granted on that number: such a request loses the
number and keeps the rest, as a session does (:mod:`ekyc.flows.proven_sessions`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from ekyc.dossiers.subject_requests import Identification, replay_request
from ekyc.flows.logged_actions import request_action
from ekyc.storage import PageOf, SubjectError

if TYPE_CHECKING:
    from ekyc.storage import DossierDesk, DossierUnit, Vault
    from ekyc.storage.dossiers.subject_requests import SubjectRequestRow

_PAGE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was said in a request. Its ``repr`` says nothing."""

    text: str
    number: str | None

    def __repr__(self) -> str:
        return "Statement(…)"

    def encoded(self) -> bytes:
        """As it is sealed."""
        return json.dumps({"text": self.text, "number": self.number}, ensure_ascii=False).encode()

    @classmethod
    def decoded(cls, data: bytes) -> Statement:
        """As it was sealed."""
        return cls(**json.loads(data))


def requests_of(
    desk: DossierDesk, tenant: str, state: str | None = None
) -> Iterator[SubjectRequestRow]:
    """Requests of a tenant, in a state if one is given, a page in memory at a time.

    Raises:
        StorageError, BusyError: the database cannot be read.
    """
    equal = () if state is None else (("state", state),)
    after = None
    while True:
        with desk.looking(tenant) as unit:
            rows = unit.requests.page(PageOf(limit=_PAGE, after=after, equal=equal))
        yield from rows
        if len(rows) < _PAGE:
            return
        after = (rows[-1].created_at, rows[-1].id)


def forget_requests(
    desk: DossierDesk,
    vault: Vault,
    tenant: str,
    *,
    number: str | None,
    logins: Sequence[str],
    but: str | None = None,
) -> int:
    """Erase statements and exports of the requests that somebody made, or that give their number; how many.

    Args:
        desk: where requests are kept.
        vault: people and sealed files.
        tenant: who keeps them.
        number: of whom; every statement of the tenant is opened to find it.
        logins: pseudonyms of the same person.
        but: id of a request that is left for now.

    Raises:
        StorageError, BusyError: the database or the blobs failed. Call again.
    """
    forgotten = 0
    for row in requests_of(desk, tenant):
        if row.id == but:
            continue
        with desk.looking(tenant) as unit:
            whose = _whose(unit, vault, row, number=number, logins=logins)
        if whose is _Whose.CLAIMED:
            with desk.writing(tenant) as unit:
                _take_number_out(unit, vault, row)
        elif whose is _Whose.THEIRS:
            vault.erase_subject(tenant, row.person)
            with desk.writing(tenant) as unit:
                unit.requests.empty(row.id)
            forgotten += 1
    return forgotten


class _Whose(Enum):
    THEIRS = auto()
    """Or of somebody who was being forgotten."""
    CLAIMED = auto()
    ANOTHERS = auto()


def _whose(
    unit: DossierUnit,
    vault: Vault,
    row: SubjectRequestRow,
    *,
    number: str | None,
    logins: Sequence[str],
) -> _Whose:
    try:
        data = unit.requests.statement(row.id, vault.subjects)
    except SubjectError as error:
        if error.code != "subject.erased":
            raise
        return _Whose.THEIRS
    if data is None:
        return _Whose.ANOTHERS
    if row.subject in logins:
        return _Whose.THEIRS
    if number is None or Statement.decoded(data).number != number:
        return _Whose.ANOTHERS
    if row.subject is None:
        return _Whose.THEIRS
    granted = replay_request(map(request_action, unit.logs.of(row.id))).granted
    shown = granted is not None and granted.identification is not Identification.LOGIN
    return _Whose.THEIRS if shown else _Whose.CLAIMED


def _take_number_out(unit: DossierUnit, vault: Vault, row: SubjectRequestRow) -> None:
    if unit.requests.get(row.id, lock=True) is None:
        return
    said = unit.requests.statement(row.id, vault.subjects)
    if said is not None:
        kept = replace(Statement.decoded(said), number=None)
        unit.requests.restate(row, kept.encoded(), vault.subjects)

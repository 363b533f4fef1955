"""Results that were issued, and whether they still stand.

A result is made inside the transaction that records it and takes its place in a status list, and leaves it only after
the commit: none exists that cannot be taken back. Its place is drawn at random among the free ones, so that neither the
order nor the number of issues shows in it; a list that is three quarters full is closed and another opened.

Pseudonyms, digests, places and times; no field of a result is kept here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from ekyc.errors import InputError
from ekyc.storage.engine import reading
from ekyc.storage.errors import storage_errors
from ekyc.storage.results.register import (
    DEFAULT_SIZE,
    IssuedResult,
    IssuedResults,
    ListState,
    Place,
    RegisterTools,
    ResultStatus,
    find_issued,
)
from ekyc.storage.tables import issued_results, status_lists
from ekyc.values import NOBODY_IN_PARTICULAR

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ekyc.ports import Clock, Random
    from ekyc.storage.evidence.log import EvidenceLog


class IssuedResultStore:
    """The register of issued results. Safe across threads and processes. ``size``: places of lists opened from now on."""

    def __init__(
        self,
        engine: Engine,
        *,
        log: EvidenceLog,
        clock: Clock,
        random: Random,
        subject: str,
        size: int = DEFAULT_SIZE,
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._subject = subject
        self._tools = RegisterTools(log=log, clock=clock, random=random, subject=subject, size=size)

    def issue(
        self,
        make: Callable[[bytes, Place, datetime], str],
        *,
        series: str,
        schema: str,
        subject: str,
        life: timedelta,
        replaces: str | None = None,
    ) -> str:
        """Draw an id and a place, have the result made, and record all three before it leaves.

        Args:
            make: signs the result of this id, place and time of issue, and returns it. Nothing is recorded if it
                raises.
            series: address below which status lists are numbered, such as ``https://ketqua.example.gov.vn/tt``.
            schema: which kind of result.
            subject: pseudonym of the person, base64url.
            life: how long it is good for.
            replaces: id of a result that it takes the place of; that one is superseded in the same transaction.

        Raises:
            InputError: a name is not of its form, or ``issued_result.unknown``, ``issued_result.final``: the one to replace.
            StorageError, BusyError: it could not be recorded; then it was not issued.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            return IssuedResults(connection, self._tools, NOBODY_IN_PARTICULAR).issue(
                make, series=series, schema=schema, subject=subject, life=life, replaces=replaces
            )

    def get(self, result_id: str) -> IssuedResult | None:
        """What is known of a result; ``None``: it was not issued here."""
        with storage_errors(self._subject), self._reading.begin() as connection:
            return find_issued(connection, result_id)

    def set_status(self, result_id: str, status: ResultStatus) -> IssuedResult:
        """Revoke, suspend or reinstate a result. What it is already, it stays.

        Raises:
            InputError: ``issued_result.unknown``; ``issued_result.final``: revoked or superseded results do not come back.
        """
        with storage_errors(self._subject), self._engine.begin() as connection:
            return IssuedResults(connection, self._tools, NOBODY_IN_PARTICULAR).change(
                result_id, status
            )

    def lists(self, series: str) -> tuple[str, ...]:
        """Addresses of the status lists of a series, oldest first."""
        query = (
            select(status_lists.c.uri)
            .where(status_lists.c.series == series)
            .order_by(status_lists.c.opened_at, status_lists.c.uri)
        )
        with storage_errors(self._subject), self._reading.begin() as connection:
            return tuple(connection.execute(query).scalars())

    def list_state(self, uri: str) -> ListState:
        """What a status list is made of, now.

        Raises:
            InputError: ``issued_result.list_unknown``.
        """
        with storage_errors(self._subject), self._reading.begin() as connection:
            head = connection.execute(
                select(status_lists).where(status_lists.c.uri == uri)
            ).one_or_none()
            if head is None:
                raise InputError("there is no such status list", code="issued_result.list_unknown")
            rows = connection.execute(
                select(issued_results.c.place, issued_results.c.status)
                .where(issued_results.c.list == uri, issued_results.c.status != 0)
                .order_by(issued_results.c.place)
            )
            # Read inside the transaction: a list that claims a later time than its content would outrank a truer one.
            return ListState(
                uri=uri,
                size=head.size,
                bits=head.bits,
                at=self._clock.now(),
                statuses=tuple((row.place, row.status) for row in rows),
            )

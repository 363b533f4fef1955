"""What others check results with, as it is published: status lists, the trust list, the verifier page.

All of it is signed, or carries what is; nothing of it is about a person. So it may be cached by anybody.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from ekyc.errors import BusyError, EkycError, InputError
from ekyc.signing.credentials import TrustAnchor, read_trust_list
from ekyc.signing.credentials.issuer import sign_status_list
from ekyc.signing.credentials.page import render_verifier_page

if TYPE_CHECKING:
    from pathlib import Path

    from ekyc.ports import Clock
    from ekyc.signing.credentials import CredentialKey, CredentialSigner
    from ekyc.storage import IssuedResultStore

REFRESH: Final = timedelta(minutes=1)
"""How long a revocation may stay unseen here; caches may add as much."""
SIGNED_ANEW: Final = timedelta(hours=1)
"""A list in which nothing changed is signed again after this, long before it is stale."""
_MAX_TRUST_BYTES: Final = 4 << 20
_MAX_BUILT_IN: Final = 4
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}\Z")


class ListForm(Enum):
    """Forms of a status list, by media type (draft-ietf-oauth-status-list §8)."""

    CWT = "application/statuslist+cwt"
    JWT = "application/statuslist+jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A body with what tells it from its next version."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes) -> Published:
        return cls(body=body, etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    published: Published
    statuses: tuple[tuple[int, int], ...]
    signed_at: datetime
    looked_at: datetime


class Publication:
    """Keeps signed bodies for a while. Safe to use from many threads.

    Args:
        results: register of what was issued.
        series: address below which the status lists are numbered, as results name it.
        signer: key for status lists; without one there are none here.
        trust_list: file of the signed trust list; without one there are neither list nor page here.
        operator_key: whose list it must be.
        clock: source of time.
    """

    def __init__(
        self,
        *,
        results: IssuedResultStore,
        series: str,
        signer: CredentialSigner | None,
        trust_list: Path | None,
        operator_key: CredentialKey | None,
        clock: Clock,
    ) -> None:
        self._results = results
        self._series = series
        self._signer = signer
        self._trust_list = trust_list
        self._operator_key = operator_key
        self._clock = clock
        self._lists: dict[tuple[int, ListForm], _Signed] = {}
        self._lock = threading.Lock()

    def status_list(self, number: int, form: ListForm) -> Published:
        """A status list as of now, or of a minute ago.

        Raises:
            InputError: ``issued_result.list_unknown``; ``credential.not_published``: none are published here.
        """
        if self._signer is None:
            raise _not_published()
        with self._lock:
            now = self._clock.now()
            held = self._lists.get((number, form))
            if held is not None and now - held.looked_at < REFRESH:
                return held.published
            uri = f"{self._series}/{number}"
            statuses = self._results.list_state(uri).statuses
            if held is None or held.statuses != statuses or now - held.signed_at >= SIGNED_ANEW:
                body = sign_status_list(
                    self._results, uri, signer=self._signer, as_jwt=form is ListForm.JWT
                )
                published, signed_at = Published.of(body), now
            else:
                published, signed_at = held.published, held.signed_at
            self._lists[number, form] = _Signed(
                published=published, statuses=statuses, signed_at=signed_at, looked_at=now
            )
            return published

    def status_lists(self, uri: str) -> tuple[bytes, ...]:
        """The list that results name by ``uri``, as of now; none where it is not published here."""
        series, _, number = uri.rpartition("/")
        if self._signer is None or series != self._series or not _NUMBER.match(number):
            return ()
        try:
            return (self.status_list(int(number), ListForm.CWT).body,)
        except InputError:
            return ()

    def trust_list(self) -> Published:
        """The trust list as its operator signed it.

        Raises:
            InputError: ``credential.not_published``.
            BusyError: ``credential.trust_list_unusable``: the file is not such a list now.
        """
        return Published.of(self.anchor().listed.message.text.encode())

    def page(self) -> Published:
        """The verifier page with this trust list and the latest status lists built in.

        Raises:
            InputError, BusyError: as :meth:`trust_list`.
        """
        anchor, lists = self.anchor(), []
        if self._signer is not None:
            count = len(self._results.lists(self._series))
            latest = range(max(1, count - _MAX_BUILT_IN + 1), count + 1)
            lists = [self.status_list(number, ListForm.CWT).body for number in latest]
        return Published.of(render_verifier_page(anchor, status_lists=lists).encode())

    def anchor(self) -> TrustAnchor:
        """The trust list as it is now, and whose it must be.

        Raises:
            InputError, BusyError: as :meth:`trust_list`.
        """
        if self._trust_list is None:
            raise _not_published()
        try:
            with self._trust_list.open("rb") as file:
                text = file.read(_MAX_TRUST_BYTES + 1).decode("ascii", "replace")
            listed = read_trust_list(text)
            if self._operator_key is not None:
                listed.verify(self._operator_key)
        except (OSError, EkycError) as exc:
            raise BusyError(
                "the trust list cannot be used", code="credential.trust_list_unusable"
            ) from exc
        return TrustAnchor(listed=listed, operator_key=self._operator_key)


def _not_published() -> InputError:
    return InputError("this service does not publish it", code="credential.not_published")

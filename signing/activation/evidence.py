"""Evidence from the records: which decision was made on a person in a session."""

from __future__ import annotations

from ekyc.signing.activation.remote import Caller
from ekyc.signing.activation.sad import Evidence
from ekyc.storage import PersonStore


class StoredEvidence:
    """Reads evidence where the verifying side wrote it (:class:`~ekyc.signing.activation.remote.EvidenceSource`)."""

    def __init__(self, persons: PersonStore) -> None:
        self._persons = persons

    def latest(self, caller: Caller) -> Evidence | None:
        """The latest decision on this person in this session."""
        bound = self._persons.latest(holder=caller.holder, session=caller.session)
        if bound is None:
            return None
        return Evidence(
            result_id=bound.result_id,
            report_digest=bound.report_digest,
            verdict=bound.verdict,
            holder=bound.holder,
            session=bound.session,
            at=bound.decided_at,
        )

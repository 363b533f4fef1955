"""A service that exists in memory only. **Insecure by construction**, and it says so wherever it is heard."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from ekyc.chip.authority.port import AuthorityAnswer, AuthorityQuestion, AuthorityVerdict
from ekyc.errors import EkycError
from ekyc.ports import Clock, SystemClock
from ekyc.values import Sha256Hex


class FakeAuthority:
    """Says what it was told to. Whatever it has a say in is marked a sample.

    Args:
        verdict: its answer to every question.
        error: raised instead, if given.
        clock: source of the time of answers.
    """

    name: Final = "FAKE authority (in memory; asks nobody)"
    sample = True

    def __init__(
        self,
        verdict: AuthorityVerdict = AuthorityVerdict.GENUINE,
        *,
        error: EkycError | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._verdict = verdict
        self._error = error
        self._clock = clock or SystemClock()
        self.questions: list[AuthorityQuestion] = []
        """What it was asked, in order."""

    def ask(self, question: AuthorityQuestion) -> AuthorityAnswer:
        """The answer that was set, whatever the question."""
        self.questions.append(question)
        if self._error is not None:
            raise self._error
        signed = json.dumps({"fake": True, "verdict": self._verdict.value}).encode()
        return AuthorityAnswer(
            verdict=self._verdict,
            request_id=f"fake-{len(self.questions)}",
            answered_at=self._clock.now(),
            signed=signed,
            signed_digest=Sha256Hex(hashlib.sha256(signed).hexdigest()),
            key_fingerprint=None,
        )

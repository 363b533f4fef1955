"""The service over the real rooms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ekyc.flows import Verifier, load_case, result_as_json


class FlowVerifier:
    """A :class:`~ekyc.api.ports.CaseVerifier` over :class:`~ekyc.flows.Verifier`."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def verify_folder(self, folder: Path, *, challenge_id: str | None) -> Mapping[str, Any]:
        result = self._verifier.verify(load_case(folder), challenge_id=challenge_id)
        return result_as_json(result)

    def require_ready(self) -> None:
        """An open verifier holds every model it needs; opening it would have raised otherwise."""

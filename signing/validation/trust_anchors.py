"""The anchors of the path builder, which bound how long it looks for a path.

pyhanko-certvalidator walks every order of certificates that name each other as issuers, before it verifies a signature: eight of
them in a file took 13 s, and each further one a multiple. Nobody's chain needs that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyhanko_certvalidator.authority import TrustAnchor
from pyhanko_certvalidator.errors import PathBuildingError
from pyhanko_certvalidator.registry import SimpleTrustManager

MAX_STEPS: Final = 400
"""Certificates whose issuers are looked for, of one signature with its timestamps. A chain has three or four."""


class BoundedAnchors(SimpleTrustManager):
    """Trust anchors that are asked for issuers a bounded number of times."""

    def __init__(self, roots: Iterable[Any]) -> None:
        """``roots``: asn1crypto certificates."""
        super().__init__()  # type: ignore[no-untyped-call]  # pyhanko-certvalidator 0.33 gives no types here
        self._steps = 0
        for root in roots:
            self._register_root(root)

    def start(self) -> None:
        """Another signature is looked at."""
        self._steps = 0

    def find_potential_issuers(self, cert: Any) -> Iterator[TrustAnchor]:
        """
        Raises:
            PathBuildingError: too many steps; the judgement is that no chain was found.
        """
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise PathBuildingError("too many certificates name each other as issuers")
        return super().find_potential_issuers(cert)

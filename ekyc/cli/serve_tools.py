"""``ekyc serve``: single tools beside the other operations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ekyc.api.publication import Publication
    from ekyc.flows import Verifier
    from ekyc.flows.tools import RoomTools
    from ekyc.pki import TrustStore

SignatureAnchorsOption = Annotated[
    Path | None,
    typer.Option(
        "--signature-anchors",
        metavar="LIST",
        envvar="EKYC_SIGNATURE_ANCHORS",
        help="List of anchors with their kinds (docs/validation.md) by which /v1/tools/signature-validations judges. Without "
        "one, no signature passes there.",
    ),
]


def open_tools(
    verifier: Verifier, trust: TrustStore, *, listed: Path | None, results: Publication | None
) -> RoomTools:
    """The tools over the verifier's models.

    Args:
        verifier: an open one.
        trust: anchors of chips.
        listed: list of anchors of signatures.
        results: whose results are believed.

    Raises:
        InputError, LimitError: the list, or a file of it, cannot be used.
    """
    from ekyc.cli.validate import load_anchor_list
    from ekyc.flows.tools import RoomTools

    anchors = () if listed is None else load_anchor_list(listed)
    return RoomTools(verifier.rooms, chip_trust=trust, anchors=anchors, results=results)

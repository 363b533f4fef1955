"""``ekyc serve``: in whose name results are issued, who signs their pages, and who signs documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.state import open_authority, open_result_issuer

if TYPE_CHECKING:
    from ekyc.api.credentials import CredentialFront
    from ekyc.api.signatures import SignatureFront
    from ekyc.cli.serve_csc import OpenedSigning
    from ekyc.storage import DossierDesk, Storage, Vault

ServedAuthorityOption = Annotated[
    Path | None,
    typer.Option(
        "--authority",
        metavar="DIR",
        help="Folder of `ekyc authority ceremony` or `ekyc authority new`: signs the pages of issued results. The "
        "passphrase comes from EKYC_KEY_PASSPHRASE or is asked for.",
    ),
]
DemonstrationOption = Annotated[
    bool,
    typer.Option(
        "--demonstration",
        help="INSECURE: issue results for sample people too, marked as samples, and let them sign with sample keys. Never "
        "where real people are verified.",
    ),
]
DEMONSTRATION = (
    "trình diễn: dữ liệu mẫu cũng được cấp kết quả có dấu MẪU. / "
    "demonstration: sample material is issued marked results"
)
"""Said at the start."""


def credential_front(
    storage: Storage,
    service_key: Path | None,
    *,
    issuer: str | None,
    keys: Path | None,
    label: str | None,
    authority: Path | None,
    samples: bool,
) -> CredentialFront:
    """Who issues results here; nobody where no key for them is named.

    Raises:
        EkycError: options that belong together do not come together, or a key cannot be used.
    """
    from ekyc.api.credentials import CredentialFront

    named = keys is not None or label is not None
    return CredentialFront(
        issuer=open_result_issuer(issuer, keys, label, storage, service_key) if named else None,
        authority=open_authority(authority, storage),
        samples=samples,
    )


def signature_front(
    opened: OpenedSigning | None,
    desk: DossierDesk,
    vault: Vault,
    *,
    samples: bool,
) -> SignatureFront:
    """What carries requests for signatures on; nothing without a signing side (``--csc``)."""
    from ekyc.api.signatures import SignatureFront

    if opened is None:
        return SignatureFront()
    from ekyc.flows.signature_request import SignatureFlow

    flow = SignatureFlow(
        desk,
        vault,
        signing=opened.signing,
        services=opened.services,
        level=opened.level,
    )
    return SignatureFront(
        flow=flow,
        enrolment=opened.enrolment,
        enrolment_procedure=opened.enrolment_procedure,
        samples=samples,
    )

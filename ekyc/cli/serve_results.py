"""``ekyc serve``: status lists, trust list and verifier page beside the other operations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.state import passphrase
from ekyc.errors import InputError

if TYPE_CHECKING:
    from ekyc.api.publication import Publication
    from ekyc.storage import Storage

ServedTrustListOption = Annotated[
    Path | None,
    typer.Option(
        "--trust-list",
        metavar="FILE",
        help="Signed trust list of `ekyc credential trust-list`, served at /v1/trust-list and in the page at /verify. "
        "Read anew for each answer: replace the file, and the new one is served.",
    ),
]
ServedOperatorKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--operator-key", metavar="FILE", help="Public key (PEM) that signs --trust-list."
    ),
]
ServedIssuerOption = Annotated[
    str | None,
    typer.Option(
        "--result-issuer",
        metavar="URL",
        envvar="EKYC_RESULT_ISSUER",
        help="Address that names the issuer of results: its status lists URL/tt/N are served at /v1/status-lists/N, for a "
        "proxy to map. With --status-keys and --status-key.",
    ),
]
StatusKeysOption = Annotated[
    Path | None,
    typer.Option("--status-keys", metavar="DIR", help="Folder of encrypted keys."),
]
StatusKeyOption = Annotated[
    str | None,
    typer.Option("--status-key", metavar="LABEL", help="Name of the key for status lists."),
]


def opened_publication(
    storage: Storage,
    *,
    issuer: str | None,
    keys: Path | None,
    label: str | None,
    trust_list: Path | None,
    operator_key: Path | None,
) -> Publication | None:
    """What is published; ``None`` where nothing is named.

    Raises:
        EkycError: options that belong together do not come together, or a key cannot be used.
    """
    signing, trusting = (issuer, keys, label), (trust_list, operator_key)
    if not any(signing + trusting):
        return None
    if any(signing) and not all(signing):
        raise InputError(
            "--result-issuer, --status-keys and --status-key go together", code="input.invalid"
        )
    if any(trusting) and not all(trusting):
        raise InputError("--trust-list and --operator-key go together", code="input.invalid")
    from ekyc.api.publication import Publication
    from ekyc.cli.given_files import read_given
    from ekyc.ports import SystemClock
    from ekyc.signing.credentials import CredentialKey, EcSigner
    from ekyc.signing.keys.software import EmbeddedKeys

    signer = None
    if keys is not None and label is not None:
        signer = EcSigner(EmbeddedKeys.unlock(keys, passphrase()).open(label))
    key = None
    if operator_key is not None:
        key = CredentialKey.from_pem(read_given(operator_key, 1 << 16))
    publication = Publication(
        results=storage.issued_results,
        series=f"{issuer}/tt",
        signer=signer,
        trust_list=trust_list,
        operator_key=key,
        clock=SystemClock(),
    )
    if trust_list is not None:
        publication.trust_list()  # a wrong file is told at the start
    return publication

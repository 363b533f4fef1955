"""Options and openers that several commands share: the state database, the trust anchors, the signing keys."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.errors import InputError

if TYPE_CHECKING:
    from ekyc.chip.authority import Authority
    from ekyc.liveness.active import Attestor
    from ekyc.pki import TrustStore
    from ekyc.ports import BlobStore, KeyProvider
    from ekyc.signing.credentials.issuer import ResultIssuer
    from ekyc.signing.pdf.result_signer import ResultSigner
    from ekyc.storage import ServiceKey, Storage

PASSPHRASE_VARIABLE: Final = "EKYC_KEY_PASSPHRASE"  # noqa: S105  # the name of a variable

StateOption = Annotated[
    str | None,
    typer.Option(
        "--state",
        envvar="EKYC_STATE",
        metavar="FILE|URL",
        help="State database (challenges, results). Default: ekyc.sqlite3 in the EKYC_HOME folder.",
    ),
]

TrustOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--trust",
        metavar="FILE|DIR",
        help="Trust anchors: folder of `ekyc trust import`, certificate (PEM, DER), CSCA master list (.ml), "
        "revocation list or PKD LDIF. May be given several times, and replaces the default: the folder that "
        "`ekyc trust import` fills in EKYC_HOME.",
    ),
]

NationalServiceOption = Annotated[
    Path | None,
    typer.Option(
        "--national-service",
        metavar="FILE",
        envvar="EKYC_NATIONAL_SERVICE",
        help="Description (TOML) of a national verification service that is asked about each document; "
        "see docs/chip.md.",
    ),
]


AttestationOption = Annotated[
    Path | None,
    typer.Option(
        "--attestation",
        metavar="FILE",
        envvar="EKYC_ATTESTATION",
        help="Description (TOML) of your apps for Play Integrity and App Attest; see docs/liveness.md. Without it "
        "results say `liveness.client_unattested`.",
    ),
]


ServiceKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--service-key",
        metavar="FILE",
        envvar="EKYC_SERVICE_KEY",
        help="Key of the service: running sessions, API keys and logins rest on it; made on first use. Processes "
        "that share a database share it. Default: service.key in the EKYC_HOME folder.",
    ),
]


KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="DIR|FILE",
        envvar="EKYC_KEYS",
        help="Folder of the tenants' key-encryption keys, or description (.toml) of a PKCS#11 token that holds them; see "
        "docs/operations.md. Default: keys in the EKYC_HOME folder.",
    ),
]

BlobsOption = Annotated[
    Path | None,
    typer.Option(
        "--blobs",
        metavar="DIR|FILE",
        envvar="EKYC_BLOBS",
        help="Folder of sealed artefacts, or description (.toml) of a bucket that speaks S3; see docs/operations.md. "
        "Default: blobs in the EKYC_HOME folder.",
    ),
]


def open_national_service(file: Path | None) -> Authority | None:
    """The service that a file describes; ``None`` when no file is given."""
    if file is None:
        return None
    from ekyc.chip.authority import ConfiguredAuthority, load_authority_configuration
    from ekyc.flows.authority_link import HttpsAuthorityLink
    from ekyc.ports import SystemClock, SystemRandom

    configuration = load_authority_configuration(file, environment=os.environ)
    link = HttpsAuthorityLink(configuration.endpoint)
    return ConfiguredAuthority(configuration, link, random=SystemRandom(), clock=SystemClock())


def open_attestor(file: Path | None) -> Attestor | None:
    """The verifiers of statements about clients that a file describes; ``None`` when no file is given."""
    if file is None:
        return None
    from ekyc.liveness.active.attestors import load_attestor
    from ekyc.ports import SystemClock

    return load_attestor(file, SystemClock())


def open_storage(state: str | None) -> Storage:
    """The state database, created on first use."""
    from ekyc.storage import DATABASE_NAME, Storage, default_home

    return Storage.open(state or default_home() / DATABASE_NAME)


def open_service_key(file: Path | None) -> ServiceKey:
    """The key beside the database, made on first use."""
    from ekyc.ports import SystemRandom
    from ekyc.storage import KEY_NAME, ServiceKey, default_home

    return ServiceKey.load(file or default_home() / KEY_NAME, SystemRandom())


def open_keys(folder: Path | None) -> KeyProvider:
    """The token that a ``.toml`` file describes, else the folder of key-encryption keys, which is made with the first."""
    from ekyc.ports import SystemRandom
    from ekyc.storage import KEYS_NAME, FileKeyProvider, default_home

    if folder is not None and folder.suffix == ".toml":
        from ekyc.signing.keys.token_keks import open_token_keks

        return open_token_keks(folder, environment=os.environ, random=SystemRandom())
    return FileKeyProvider(folder or default_home() / KEYS_NAME, SystemRandom())


def open_blobs(folder: Path | None) -> BlobStore:
    """The bucket that a ``.toml`` file describes, else the folder of blobs, which is made with the first one."""
    from ekyc.ports import SystemClock, SystemRandom
    from ekyc.storage import BLOBS_NAME, FileBlobStore, default_home, open_s3_blobs

    if folder is not None and folder.suffix == ".toml":
        return open_s3_blobs(folder, clock=SystemClock(), random=SystemRandom())
    return FileBlobStore(folder or default_home() / BLOBS_NAME, SystemRandom())


def load_trust(files: Sequence[Path] | None) -> TrustStore:
    """The anchors of the given files, else those of the folder that ``ekyc trust import`` fills.

    An empty store when neither is there.
    """
    from ekyc.pki import TrustStore
    from ekyc.pki.trust_database import FOLDER_NAME
    from ekyc.storage import default_home

    if files:
        return TrustStore.load(tuple(files))
    imported = default_home() / FOLDER_NAME
    return TrustStore.load((imported,) if imported.is_dir() else ())


def passphrase() -> str:
    """Passphrase of the signing keys, from the environment or asked for on a terminal."""
    return ask_secret(PASSPHRASE_VARIABLE, "Passphrase of the signing keys")


def ask_secret(variable: str, what: str) -> str:
    """A secret from the environment, or asked for on a terminal."""
    given = os.environ.get(variable)
    if given:
        return given
    if not os.isatty(0):
        raise InputError(
            f"set {variable}, or run on a terminal to be asked",
            code="authority.passphrase_missing",
        )
    asked: str = typer.prompt(what, hide_input=True, err=True)
    return asked


ResultIssuerOption = Annotated[
    str | None,
    typer.Option(
        "--result-issuer",
        metavar="URL",
        envvar="EKYC_RESULT_ISSUER",
        help="Address that names the issuer of results: a signed result then carries a QR code that anyone verifies "
        "offline (docs/credentials.md). With --result-keys and --result-key.",
    ),
]
ResultKeysOption = Annotated[
    Path | None,
    typer.Option(
        "--result-keys",
        metavar="DIR",
        help="Folder of encrypted keys of `ekyc credential new-key`.",
    ),
]
ResultKeyOption = Annotated[
    str | None, typer.Option("--result-key", metavar="LABEL", help="Name of the key for results.")
]


def open_result_issuer(
    issuer: str | None,
    keys: Path | None,
    label: str | None,
    storage: Storage,
    service_key: Path | None,
) -> ResultIssuer | None:
    """Who issues results as QR codes; ``None`` where no address is given."""
    if issuer is None and keys is None and label is None:
        return None
    if issuer is None or keys is None or label is None:
        raise InputError(
            "--result-issuer, --result-keys and --result-key go together", code="input.invalid"
        )
    from ekyc.signing.credentials import EcSigner
    from ekyc.signing.credentials.issuer import ResultIssuer
    from ekyc.signing.keys.software import EmbeddedKeys

    return ResultIssuer(
        id=issuer,
        series=f"{issuer}/tt",
        signer=EcSigner(EmbeddedKeys.unlock(keys, passphrase()).open(label)),
        register=storage.issued_results,
        service_key=open_service_key(service_key),
    )


def open_authority(folder: Path | None, storage: Storage) -> ResultSigner | None:
    """The embedded signing authority in ``folder``; ``None`` when no folder is given."""
    if folder is None:
        return None
    from ekyc.signing.pdf.result_signer import open_result_signer

    return open_result_signer(folder, passphrase(), register=storage.certificates)

"""Options that the signing commands share, and what they open: keys, time, status, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.cli.given_files import read_given
from ekyc.cli.state import passphrase
from ekyc.errors import InputError, UpstreamError
from ekyc.files import PUBLIC, create_file

if TYPE_CHECKING:
    from ekyc.signing import EmbeddedAuthority, Party
    from ekyc.signing.authority.http_exchange import HttpExchange
    from ekyc.signing.validation.material import ValidationMaterial

MAX_FILE_BYTES: Final = 64 << 20
_MAX_LIST_BYTES: Final = 16 << 20

AuthorityOption = Annotated[
    Path,
    typer.Option(
        "--authority",
        metavar="DIR",
        help="Folder of `ekyc authority new`: key, time and status. Its passphrase comes from EKYC_KEY_PASSPHRASE "
        "or is asked for.",
    ),
]
TsaOption = Annotated[
    str | None,
    typer.Option(
        "--tsa", metavar="URL", help="Time-stamping authority (RFC 3161) to ask instead of DIR's."
    ),
]
TsaPolicyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tsa-policy",
        metavar="OID",
        help="Policy of timestamps that is good enough; may be given again. Default: any.",
    ),
]
StatusHostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--status-host",
        metavar="URL",
        help="Host (http://host) that may be asked for the status of the signer's chain (OCSP, revocation lists), where "
        "a certificate names it; may be given again. No other host is called.",
    ),
]
TrustOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--trust",
        metavar="FILE",
        help="Certificates and revocation lists to put into the file, e.g. of the authority of --tsa.",
    ),
]


def open_services(
    authority: Path,
    *,
    tsa: str | None = None,
    policies: list[str] | None = None,
    hosts: list[str] | None = None,
    trust: list[Path] | None = None,
) -> Party:
    """Who signs, who stamps, who vouches.

    Raises:
        EkycError: the folder, an address or a file is not what it should be.
    """
    from ekyc.signing import EmbeddedAuthority, Party
    from ekyc.signing.authority.http_exchange import ExchangeLimits, HttpExchange
    from ekyc.signing.authority.timestamp_client import HttpTimestampAuthority

    stamp = None
    if tsa is not None:
        exchange = HttpExchange([tsa])
        stamp = HttpTimestampAuthority(tsa, exchange=exchange, policies=policies or ()).stamp
    own = EmbeddedAuthority.open(authority, passphrase())
    lists = HttpExchange(hosts or (), limits=ExchangeLimits(answer_bytes=_MAX_LIST_BYTES))
    return Party(
        signer=own.signer,
        ask_for_time=stamp or own.stamp,
        vouch=_vouching(own, lists if hosts else None, _read_material(trust or [])),
        clock=own.clock,
        random=own.random,
    )


def _vouching(
    own: EmbeddedAuthority, lists: HttpExchange | None, given: ValidationMaterial
) -> Callable[[], ValidationMaterial]:
    from ekyc.signing.authority.status_client import StatusClient

    client = StatusClient(lists, clock=own.clock, random=own.random) if lists else None

    def vouch() -> ValidationMaterial:
        material = own.material() + given
        if client is None:
            return material
        return material + client.material((own.signer.certificate_der, *material.certificates))

    return vouch


def _read_material(files: list[Path]) -> ValidationMaterial:
    from ekyc.signing import read_trust_material
    from ekyc.signing.validation.material import ValidationMaterial

    found = ValidationMaterial()
    for file in files:
        read = read_trust_material(read_file(file, _MAX_LIST_BYTES))
        found += ValidationMaterial(certificates=read.certificates, crls=read.crls)
    return found


def read_file(file: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """A whole file, of a bounded size.

    Raises:
        InputError: ``input.file_unreadable``.
        LimitError: ``input.limit``: it is larger.
    """
    return read_given(file, most)


def write_file(target: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all.

    Raises:
        InputError: ``input.file_exists``: there is one of this name.
        UpstreamError: ``signing.file.unwritable``.
    """
    try:
        create_file(target, data, mode=PUBLIC)
    except FileExistsError as exc:
        raise InputError("is there already", code="input.file_exists", subject=target.name) from exc
    except OSError as exc:
        raise UpstreamError(
            "cannot be written", code="signing.file.unwritable", subject=target.name
        ) from exc

"""Options that the signing commands share, and what they open: keys, time, status, files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ekyc.cli.state import passphrase
from ekyc.errors import InputError, LimitError, UpstreamError

if TYPE_CHECKING:
    from ekyc.signing import EmbeddedAuthority, Party
    from ekyc.signing.http_exchange import HttpExchange
    from ekyc.signing.material import ValidationMaterial

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
    from ekyc.signing.http_exchange import ExchangeLimits, HttpExchange
    from ekyc.signing.timestamp_client import HttpTimestampAuthority

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
    from ekyc.signing.status_client import StatusClient

    client = StatusClient(lists, clock=own.clock, random=own.random) if lists else None

    def vouch() -> ValidationMaterial:
        material = own.material() + given
        if client is None:
            return material
        return material + client.material((own.signer.certificate_der, *material.certificates))

    return vouch


def _read_material(files: list[Path]) -> ValidationMaterial:
    from ekyc.signing import read_trust_material
    from ekyc.signing.material import ValidationMaterial

    found = ValidationMaterial()
    for file in files:
        read = read_trust_material(read_file(file, _MAX_LIST_BYTES))
        found += ValidationMaterial(certificates=read.certificates, crls=read.crls)
    return found


def read_file(file: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """A whole file, of a bounded size.

    Raises:
        InputError: ``input.file_unreadable``.
        LimitError: it is larger.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as exc:
        raise InputError("cannot be read", code="input.file_unreadable", subject=file.name) from exc
    if len(data) > most:
        raise LimitError(f"more than {most >> 20} MiB", subject=file.name)
    return data


def write_file(target: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all.

    Raises:
        InputError: ``input.file_exists``: there is one of this name.
        UpstreamError: ``signing.file.unwritable``.
    """
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".ekyc-")
    except OSError as exc:
        raise _unwritable(target) from exc
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        _put(name, target)
    except FileExistsError as exc:
        raise InputError("is there already", code="input.file_exists", subject=target.name) from exc
    except OSError as exc:
        raise _unwritable(target) from exc
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _put(name: str, target: Path) -> None:
    """Give a written file its name, unless a file has it."""
    try:
        os.link(name, target)  # fails where a file is; a rename would write over it
    except FileExistsError:
        raise
    except OSError:  # file systems without links
        if target.exists():
            raise FileExistsError(target.name) from None
        Path(name).rename(target)


def _unwritable(target: Path) -> UpstreamError:
    return UpstreamError("cannot be written", code="signing.file.unwritable", subject=target.name)

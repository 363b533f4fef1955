"""``ekyc serve --access``: who may call. Without a description and without clients, everybody on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from ekyc.errors import InputError

if TYPE_CHECKING:
    from ekyc.api import ServerAddress
    from ekyc.api.access.configuration import AccessSettings
    from ekyc.api.access.front import AccessFront
    from ekyc.storage import ServiceKey, Storage

AccessOption = Annotated[
    Path | None,
    typer.Option(
        "--access",
        metavar="FILE",
        envvar="EKYC_ACCESS",
        help="Description (TOML) of who may call: our address, the proxy, identity providers; see docs/security.md. "
        "With it, or as soon as `ekyc admin client create` made a client, every caller must show who it is.",
    ),
]
DEVELOPMENT = (
    "phát triển: không có ứng dụng nào được cấu hình nên ai tới được địa chỉ này cũng có mọi quyền. / "
    "development: no clients are set up, so whoever reaches this address may do everything; "
    "see ekyc admin client create"
)
"""Said at the start."""


def load_access(file: Path | None) -> AccessSettings | None:
    """What a description says; ``None`` without one.

    Raises:
        InputError: ``access.config``.
    """
    if file is None:
        return None
    from ekyc.api.access.configuration import load_access_settings

    return load_access_settings(file)


def open_access(
    settings: AccessSettings | None, storage: Storage, key: ServiceKey, address: ServerAddress
) -> AccessFront | None:
    """Access as described, or as the clients in the database make it; ``None`` in development.

    Raises:
        InputError: ``serve.public_address``: other machines reach the address and nobody would be asked who they are.
    """
    from ekyc.api.access.configuration import AccessSettings
    from ekyc.api.access.front import open_access_front

    if settings is None and storage.access(key).register.count_clients():
        settings = AccessSettings(issuer=f"http://127.0.0.1:{address.port}")
    if settings is not None:
        return open_access_front(settings, storage, key)
    if not address.is_private:
        raise InputError(
            "other machines can reach this address and nobody would be asked who they are; make clients "
            "(ekyc admin client create), or describe access with --access",
            code="serve.public_address",
            subject=address.host,
        )
    return None


def host_names(address: ServerAddress, access: AccessFront | None) -> frozenset[str] | None:
    """Names that requests may call the service by: those of the address, and our own behind a proxy."""
    names = address.hosts
    own = None if access is None else urlsplit(access.settings.issuer).hostname
    return names if names is None or own is None else names | {own}

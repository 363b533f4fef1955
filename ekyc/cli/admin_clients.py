"""``ekyc admin client|api-key|token-key``: applications, their keys, and ours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekyc.cli.admin_access import (
    IdArgument,
    NameOption,
    Shown,
    TenantOption,
    client_json,
    ending,
    key_json,
    run,
)
from ekyc.cli.output import JsonFlag
from ekyc.cli.state import ServiceKeyOption, StateOption
from ekyc.errors import InputError

if TYPE_CHECKING:
    from ekyc.storage import AccessStores

client_app = typer.Typer(
    help="Ứng dụng gọi dịch vụ. / Applications that call.", no_args_is_help=True
)
key_app = typer.Typer(
    help="Khóa API; bí mật chỉ hiện một lần. / API keys; a secret is shown once.",
    no_args_is_help=True,
)
token_key_app = typer.Typer(
    help="Khóa ký access token. / Keys that access tokens are signed with.", no_args_is_help=True
)

NetworkOption = Annotated[
    list[str] | None,
    typer.Option(
        "--network",
        metavar="CIDR",
        help="Chỉ dùng được từ đây; có thể lặp lại. / Good only from there; repeatable.",
    ),
]
ScopeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="Quyền, xem docs/security.md; có thể lặp lại. / What it may do; repeatable.",
    ),
]


@client_app.command("create")
def client_create(
    client_id: IdArgument,
    tenant: TenantOption,
    name: NameOption,
    scope: ScopeOption = None,
    office: Annotated[
        list[str] | None,
        typer.Option(
            "--office",
            metavar="ID",
            help="Phạm vi, gồm cả cấp dưới; mặc định là toàn cơ quan. / Its jurisdiction; the whole agency by default.",
        ),
    ] = None,
    network: NetworkOption = None,
    jwks: Annotated[
        Path | None,
        typer.Option(
            "--jwks",
            metavar="FILE",
            help="Khóa công khai (JWK set) cho private_key_jwt. / Its public keys for private_key_jwt.",
        ),
    ] = None,
    certificate: Annotated[
        str | None,
        typer.Option(
            "--certificate",
            metavar="SHA256",
            help="SHA-256 của chứng thư TLS mà ứng dụng phải xuất trình. / Of the TLS certificate that it must show.",
        ),
    ] = None,
    agent: Annotated[
        bool,
        typer.Option(
            "--agent",
            help="Đại lý: làm thay công dân đã đồng ý. / An agent: acts for citizens who consented.",
        ),
    ] = False,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Thêm một ứng dụng. / Add an application. It needs --jwks, or an API key afterwards."""

    def add(access: AccessStores) -> Shown:
        from ekyc.storage import NewClient

        wanted = NewClient(
            id=client_id,
            name=name,
            scopes=_scopes(scope),
            offices=frozenset(office) if office else None,
            networks=tuple(network or ()),
            jwks=_jwks(jwks),
            certificate=certificate,
            is_agent=agent,
        )
        return {"clients": [client_json(access.register.add_client(tenant, wanted))]}

    run(add, (state, service_key), json_output=json_output)


@client_app.command("list")
def client_list(
    tenant: TenantOption,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Liệt kê ứng dụng. / List applications."""
    run(
        lambda access: {"clients": [client_json(one) for one in access.register.clients(tenant)]},
        (state, service_key),
        json_output=json_output,
    )


@client_app.command("revoke")
def client_revoke(
    client_id: IdArgument,
    tenant: TenantOption,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Chấm dứt ứng dụng cùng mọi khóa và token của nó. / End an application with all its keys and tokens, at once."""
    run(
        ending(lambda access: access.register.end_client(tenant, client_id)),
        (state, service_key),
        json_output=json_output,
    )


@key_app.command("create")
def key_create(
    client: Annotated[
        str, typer.Option("--client", metavar="ID", help="Cho ứng dụng nào. / Whose it is.")
    ],
    tenant: TenantOption,
    scope: ScopeOption = None,
    network: NetworkOption = None,
    days: Annotated[
        int, typer.Option("--days", min=1, max=730, help="Thời hạn. / Until it expires.")
    ] = 90,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Tạo khóa API. Bí mật hiện đúng một lần, hệ thống không lưu. / Make a key. Its secret is shown once and not kept."""

    def make(access: AccessStores) -> Shown:
        made, secret = access.keys.issue(
            tenant,
            client,
            scopes=_scopes(scope) if scope else None,
            networks=network or (),
            life=timedelta(days=days),
        )
        return {"keys": [key_json(made)], "secret": secret.reveal()}

    run(make, (state, service_key), json_output=json_output)


@key_app.command("rotate")
def key_rotate(
    key_id: IdArgument,
    tenant: TenantOption,
    overlap_days: Annotated[
        int,
        typer.Option(
            "--overlap-days",
            min=0,
            max=30,
            help="Khóa cũ còn dùng được bao lâu. / How long the old key goes on.",
        ),
    ] = 7,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Thay khóa; hai khóa cùng dùng được trong thời gian chuyển. / Exchange a key; both work during the overlap."""

    def rotate(access: AccessStores) -> Shown:
        made, secret = access.keys.rotate(tenant, key_id, overlap=timedelta(days=overlap_days))
        return {"keys": [key_json(made)], "secret": secret.reveal()}

    run(rotate, (state, service_key), json_output=json_output)


@key_app.command("list")
def key_list(
    tenant: TenantOption,
    client: Annotated[
        str | None,
        typer.Option("--client", metavar="ID", help="Của một ứng dụng. / Of one client."),
    ] = None,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Liệt kê khóa, không có bí mật. / List keys, without their secrets."""
    run(
        lambda access: {"keys": [key_json(one) for one in access.keys.keys(tenant, client)]},
        (state, service_key),
        json_output=json_output,
    )


@key_app.command("revoke")
def key_revoke(
    key_id: IdArgument,
    tenant: TenantOption,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Hủy khóa ngay. / End a key, at once."""
    run(
        ending(lambda access: access.keys.revoke(tenant, key_id)),
        (state, service_key),
        json_output=json_output,
    )


@token_key_app.command("rotate")
def token_key_rotate(
    state: StateOption = None, service_key: ServiceKeyOption = None, json_output: JsonFlag = False
) -> None:
    """Tạo khóa ký token mới, ký sau 10 phút. / Make a new signing key, which signs from ten minutes on."""
    run(
        lambda access: {"token_key": access.signing_keys.rotate().id},
        (state, service_key),
        json_output=json_output,
    )


def _scopes(given: Iterable[str] | None) -> frozenset[str]:
    """Scopes that the table of permissions lets machines have.

    Raises:
        InputError: ``register.scope``.
    """
    from ekyc.api.access.permissions import grantable_scopes

    wanted = frozenset(given or ())
    unknown = wanted - grantable_scopes()
    if unknown or not wanted:
        raise InputError(
            f"scopes of machines are {', '.join(sorted(grantable_scopes()))}",
            code="register.scope",
            subject=", ".join(sorted(unknown)) or "--scope",
        )
    return wanted


def _jwks(path: Path | None) -> str | None:
    from ekyc.api.access.assertions import ALGORITHMS
    from ekyc.api.access.jwts import MAX_JWKS_BYTES, read_keys
    from ekyc.chip.files import read_bounded

    if path is None:
        return None
    text = read_bounded(path, MAX_JWKS_BYTES).decode("utf-8", "replace")
    read_keys(text, ALGORITHMS)
    return text

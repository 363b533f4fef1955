"""``ekyc admin``: who may call the service, and what is done to data at rest."""

from __future__ import annotations

from typing import Annotated

import typer

from ekyc.cli.admin_access import (
    IdArgument,
    NameOption,
    TenantOption,
    ending,
    office_json,
    run,
    tenant_json,
)
from ekyc.cli.admin_clients import client_app, key_app, token_key_app
from ekyc.cli.admin_holds import hold_app
from ekyc.cli.output import JsonFlag
from ekyc.cli.state import ServiceKeyOption, StateOption

admin_app = typer.Typer(
    help="Quản trị: ai được gọi dịch vụ, dữ liệu lưu trữ. / Administration: who may call, data at rest.",
    no_args_is_help=True,
)
tenant_app = typer.Typer(
    help="Cơ quan, không dùng chung gì với nhau. / Agencies, which share nothing.",
    no_args_is_help=True,
)
office_app = typer.Typer(help="Đơn vị, theo cây. / Offices, as a tree.", no_args_is_help=True)
for _app, _name in (
    (tenant_app, "tenant"),
    (office_app, "office"),
    (client_app, "client"),
    (key_app, "api-key"),
    (token_key_app, "token-key"),
    (hold_app, "hold"),
):
    admin_app.add_typer(_app, name=_name)


@tenant_app.command("create")
def tenant_create(
    tenant_id: IdArgument,
    name: NameOption,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Thêm một cơ quan. / Add an agency."""
    run(
        lambda access: {"tenants": [tenant_json(access.register.add_tenant(tenant_id, name))]},
        (state, service_key),
        json_output=json_output,
    )


@tenant_app.command("list")
def tenant_list(
    state: StateOption = None, service_key: ServiceKeyOption = None, json_output: JsonFlag = False
) -> None:
    """Liệt kê cơ quan. / List agencies."""
    run(
        lambda access: {"tenants": [tenant_json(one) for one in access.register.tenants()]},
        (state, service_key),
        json_output=json_output,
    )


@tenant_app.command("revoke")
def tenant_revoke(
    tenant_id: IdArgument,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Chấm dứt một cơ quan cùng mọi khóa, token, phiên của nó. / End an agency with all its keys, tokens and logins."""
    run(
        ending(lambda access: access.register.end_tenant(tenant_id)),
        (state, service_key),
        json_output=json_output,
    )


@office_app.command("create")
def office_create(
    office_id: IdArgument,
    tenant: TenantOption,
    name: NameOption,
    parent: Annotated[
        str | None,
        typer.Option("--parent", metavar="ID", help="Đơn vị cấp trên. / The office above it."),
    ] = None,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Thêm một đơn vị. / Add an office; jurisdiction over one holds all beneath it."""
    run(
        lambda access: {
            "offices": [
                office_json(access.register.add_office(tenant, office_id, name, parent=parent))
            ]
        },
        (state, service_key),
        json_output=json_output,
    )


@office_app.command("list")
def office_list(
    tenant: TenantOption,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Liệt kê đơn vị theo cây. / List offices in the order of the tree."""
    run(
        lambda access: {"offices": [office_json(one) for one in access.register.offices(tenant)]},
        (state, service_key),
        json_output=json_output,
    )


@office_app.command("revoke")
def office_revoke(
    office_id: IdArgument,
    tenant: TenantOption,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Chấm dứt một đơn vị; hồ sơ cũ vẫn thuộc cấp trên. / End an office; what it holds stays with the office above."""
    run(
        ending(lambda access: access.register.end_office(tenant, office_id)),
        (state, service_key),
        json_output=json_output,
    )

"""What the commands of ``ekyc admin`` about access share: options, how they run, how they show what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from ekyc.cli.output import console, fail, result_object, say, write_json
from ekyc.cli.state import open_service_key, open_storage
from ekyc.errors import EkycError

if TYPE_CHECKING:
    from ekyc.storage import AccessStores, ApiKey, Client, Office, Tenant

COMMAND: Final = "admin-access"
Shown = Mapping[str, Any]

TenantOption = Annotated[
    str, typer.Option("--tenant", metavar="ID", help="Mã cơ quan. / The agency.")
]
NameOption = Annotated[str, typer.Option("--name", help="Tên cho người đọc. / A name for people.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Mã. / Its id.")]


def run(
    work: Callable[[AccessStores], Shown],
    place: tuple[str | None, Path | None],
    *,
    json_output: bool,
) -> None:
    """Do ``work`` on the state database and service key of ``place``, and show what it gives."""
    try:
        with open_storage(place[0]) as storage:
            shown = work(storage.access(open_service_key(place[1])))
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    if json_output:
        write_json(result_object(COMMAND, "PASSED", (), **shown))
        return
    for name, value in shown.items():
        if isinstance(value, list):
            console().print(_table(value))
        elif name == "secret":
            say(console(json_output=True), "Chỉ hiện một lần. / Shown once:")
            say(console(), value)
        else:
            say(console(), str(value))


def ending(work: Callable[[AccessStores], None]) -> Callable[[AccessStores], Shown]:
    """Work after which there is nothing to show."""

    def ended(access: AccessStores) -> Shown:
        work(access)
        return {}

    return ended


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name.replace("_", " "))
    for row in rows:
        cells = (" ".join(one) if isinstance(one, list) else one for one in row.values())
        table.add_row(*("" if one is None else escape(str(one)) for one in cells))
    return table


def tenant_json(one: Tenant) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "ended_at": _time(one.ended_at)}


def office_json(one: Office) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "path": one.path, "ended_at": _time(one.ended_at)}


def client_json(one: Client) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "scopes": sorted(one.scopes),
        "offices": None if one.offices is None else sorted(one.offices),
        "networks": list(one.networks),
        "has_keys": one.jwks is not None,
        "certificate": one.certificate,
        "is_agent": one.is_agent,
        "ended_at": _time(one.ended_at),
    }


def key_json(one: ApiKey) -> dict[str, Any]:
    return {
        "id": one.id,
        "client": one.client,
        "scopes": sorted(one.scopes),
        "networks": list(one.networks),
        "expires_at": _time(one.expires_at),
        "used_on": None if one.used_on is None else one.used_on.date().isoformat(),
        "ended_at": _time(one.ended_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

"""``ekyc admin hold``: an authority's orders that data be kept, by the flow that ``/v1/protections`` goes through.

Two people place a hold and two end it: whoever has this machine says who they are, and the logs say that it was said here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from ekyc.cli.admin_data import account_logins, lines_of
from ekyc.cli.admin_keys import TenantOption, tell, vault_of
from ekyc.cli.output import JsonFlag, console, fail, result_object, write_json
from ekyc.cli.state import (
    BlobsOption,
    KeysOption,
    ServiceKeyOption,
    StateOption,
    open_service_key,
    open_storage,
)
from ekyc.errors import EkycError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ekyc.dossiers import Actor
    from ekyc.flows.protect_person import LoadedProtection, PersonProtector, Protected
    from ekyc.storage import DossierUnit, ServiceKey

COMMAND: Final = "admin-hold"
ROLE: Final = "operator"
_PAGE: Final = 200

hold_app = typer.Typer(
    help="Lệnh giữ dữ liệu: không xóa, không hủy theo thời hạn. / Legal holds: nothing is erased, nothing removed by "
    "retention. One person proposes (place, lift), another confirms; an officer may do either step over HTTP.",
    no_args_is_help=True,
)

ByOption = Annotated[
    str,
    typer.Option(
        "--by",
        metavar="WHO",
        help="Ai làm việc này: mã nhân viên, không phải tên. / Who does this: an id of staff, no name. Whoever confirms must be "
        "another than who proposed.",
    ),
]
HoldArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Mã lệnh. / Its id, as place and list tell it.")
]
Place = tuple[str | None, Path | None, Path | None, Path | None]
"""State, keys, blobs and service key, as options name them."""


@hold_app.command("place")
def place(
    tenant: TenantOption,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="NUMBER",
            help="Số văn bản, ví dụ 12/2026/QĐ-CQĐT. / Number of the authority's order; no name in it.",
        ),
    ],
    by: ByOption,
    number_file: Annotated[
        Path | None,
        typer.Option(
            "--number",
            metavar="FILE",
            help="A file with the number of one identity document; not as an argument, which shells and logs keep. It is not kept.",
        ),
    ] = None,
    accounts_file: Annotated[
        Path | None,
        typer.Option(
            "--accounts",
            metavar="FILE",
            help="Accounts of the person, one a line: the provider's address, a space, and its name of the person (`sub`).",
        ),
    ] = None,
    sessions: Annotated[
        list[str] | None,
        typer.Option("--session", metavar="ID", help="A verification session; may be given again."),
    ] = None,
    dossiers: Annotated[
        list[str] | None,
        typer.Option("--dossier", metavar="ID", help="A dossier; may be given again."),
    ] = None,
    batches: Annotated[
        list[str] | None,
        typer.Option("--batch", metavar="ID", help="A batch; may be given again."),
    ] = None,
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Propose a hold on a person, sessions, dossiers or batches. It has no effect until somebody else confirms it.

    Example: ekyc admin hold place --tenant hanoi --order 12/2026/QĐ-CQĐT --number number.txt --by NV-017
    """
    from ekyc.dossiers.protections import HoldProposed

    def propose(protector: PersonProtector, key: ServiceKey) -> LoadedProtection:
        whom = _whom(tenant, key, number_file, accounts_file, (sessions, dossiers, batches))
        names = protector.names_of(tenant, whom)
        with protector.writing(tenant) as unit:
            _require_there(unit, whom)
            return protector.place(
                unit, names, actor=_actor(by), office=None, event=HoldProposed(order=order)
            )

    try:
        _require_order(order, [*(sessions or ()), *(dossiers or ()), *(batches or ())])
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    _told(propose, (state, keys, blobs, service_key), json_output)


@hold_app.command("confirm")
def confirm(
    hold_id: HoldArgument,
    tenant: TenantOption,
    by: ByOption,
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Confirm what another proposed: the hold is in force, or ends. Whom it is on is found anew."""
    from ekyc.dossiers.protections import ProtectionConfirmed

    work = _moving(tenant, hold_id, by, ProtectionConfirmed())
    _told(work, (state, keys, blobs, service_key), json_output)


@hold_app.command("lift")
def lift(
    hold_id: HoldArgument,
    tenant: TenantOption,
    by: ByOption,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="CODE",
            help="rights.order_over, rights.dispute_over or rights.person_lifts.",
        ),
    ] = "rights.order_over",
    state: StateOption = None,
    keys: KeysOption = None,
    blobs: BlobsOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Propose the end of a hold, which stays until somebody else confirms; a restriction of processing ends at once."""
    from ekyc.dossiers.protections import LIFTS, LiftAsked

    try:
        if reason not in LIFTS:
            raise InputError("not a reason for this", code="reason.unknown", subject="reason")
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    work = _moving(tenant, hold_id, by, LiftAsked(reasons=(reason,)))
    _told(work, (state, keys, blobs, service_key), json_output)


@hold_app.command("list")
def list_holds(
    tenant: TenantOption,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """List a tenant's holds and restrictions, the newest first, with whether they protect now."""
    from ekyc.flows.protect_person import protections_of

    try:
        with open_storage(state) as storage:
            desk = storage.dossiers(open_service_key(service_key))
            with desk.looking(tenant) as unit:
                listed = [_as_json(one) for one in protections_of(unit)]
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    if json_output:
        write_json(result_object(COMMAND, "PASSED", (), protections=listed))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True, min_width=32)  # to be copied, however narrow the terminal
    for column in ("kind", "state", "order", "begun_at"):
        table.add_column(column.replace("_", " "))
    for one in listed:
        table.add_row(
            *(str(one[name] or "") for name in ("id", "kind", "state", "order", "begun_at"))
        )
    console().print(table)


def _moving(tenant: str, hold_id: str, by: str, event: Any) -> Callable[..., LoadedProtection]:
    from ekyc.flows.protect_person import load_protection
    from ekyc.storage import Jurisdiction

    def move(protector: PersonProtector, _: ServiceKey) -> LoadedProtection:
        with protector.writing(tenant) as unit:
            loaded = load_protection(unit, hold_id, within=Jurisdiction(), lock=True)
            return protector.move(unit, loaded, _actor(by), event)

    return move


def _told(work: Callable[..., LoadedProtection], place: Place, json_output: bool) -> None:
    from ekyc.flows.protect_person import PersonProtector

    state, keys, blobs, service_key = place
    try:
        with open_storage(state) as storage:
            key = open_service_key(service_key)
            done = work(PersonProtector(storage, vault_of(storage, keys, blobs), key), key)
    except EkycError as error:
        fail(error, json_output=json_output, command=COMMAND)
    text = f"{done.row.id}: {done.view.state.value}"
    if done.view.state.value in {"proposed", "lift_proposed"}:
        text += "; waits for another to confirm"
    tell(COMMAND, json_output, text, protection=_as_json(done))


def _whom(
    tenant: str,
    key: ServiceKey,
    number_file: Path | None,
    accounts_file: Path | None,
    named: tuple[list[str] | None, list[str] | None, list[str] | None],
) -> Protected:
    from ekyc.flows.protect_person import Protected

    numbers = () if number_file is None else lines_of(number_file)
    if len(numbers) > 1:
        raise InputError("a hold is on one person", code="subject.which")
    sessions, dossiers, batches = (tuple(one or ()) for one in named)
    return Protected(
        number=numbers[0] if numbers else None,
        logins=() if accounts_file is None else account_logins(accounts_file, tenant, key),
        sessions=sessions,
        dossiers=dossiers,
        batches=batches,
    )


def _require_order(order: str, ids: list[str]) -> None:
    """Return if an order and names have their forms, as over HTTP.

    Raises:
        InputError: ``request.invalid``.
    """
    from pydantic import ValidationError

    from ekyc.api.rights.protection_schemas import HoldNew

    try:
        HoldNew(order=order)
        for one in ids:
            HoldNew(order=order, sessions=[one])
    except ValidationError as exc:
        where = str(exc.errors()[0]["loc"][0])
        raise InputError("not of its form", code="request.invalid", subject=where) from exc


def _require_there(unit: DossierUnit, whom: Protected) -> None:
    """Return if what is named is this tenant's.

    Raises:
        InputError: ``session.unknown``, ``dossier.unknown``, ``batch.unknown``.
    """
    for kind, known, names in (
        ("session", unit.sessions.get, whom.sessions),
        ("dossier", unit.dossiers.get, whom.dossiers),
        ("batch", unit.batches.get, whom.batches),
    ):
        if any(known(one) is None for one in names):
            raise InputError(f"no such {kind}", code=f"{kind}.unknown")


def _actor(by: str) -> Actor:
    """Whoever is said to act.

    Raises:
        InputError: ``request.invalid``: not an id.
    """
    from ekyc.dossiers import Actor
    from ekyc.dossiers.actions import ActorKind

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", by) or re.search(r"[0-9]{9}", by):
        raise InputError("an id of staff", code="request.invalid", subject="by")
    return Actor(kind=ActorKind.OFFICER, id=by, role=ROLE)


def _as_json(one: LoadedProtection) -> dict[str, Any]:
    view = one.view
    return {
        "id": one.row.id,
        "kind": view.kind.value,
        "state": view.state.value,
        "order": view.order,
        "begun_by": view.begun_by.id,
        "begun_at": view.begun_at.isoformat(),
        "confirmed_by": None if view.confirmed_by is None else view.confirmed_by.id,
        "lift_by": None if view.lift_by is None else view.lift_by.id,
        "protects": view.protects,
    }

"""``ekyc webhook``: endpoints that are told of events, and how that went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ekyc.cli.output import JsonFlag, console, fail, result_object, say, write_json
from ekyc.cli.state import ServiceKeyOption, StateOption, open_service_key, open_storage
from ekyc.cli.worker import WebhookLoopbackOption, WebhookPortOption, open_webhook_link
from ekyc.errors import EkycError
from ekyc.values import DEFAULT_TENANT

if TYPE_CHECKING:
    from ekyc.storage import (
        Delivery,
        DeliveryAttempt,
        SigningSecret,
        WebhookEndpoint,
        WebhookStores,
    )

_COMMAND: Final = "webhook"
_ID_HELP: Final = "Id of the endpoint."

webhook_app = typer.Typer(
    help="Endpoints that are told of events (Standard Webhooks 1.0.0); docs/webhooks.md.",
    no_args_is_help=True,
)
TenantOption = Annotated[
    str, typer.Option("--tenant", metavar="NAME", help="Whose endpoints and deliveries.")
]
EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help=_ID_HELP)]
DeliveryArgument = Annotated[str, typer.Argument(metavar="DELIVERY", help="Id of the delivery.")]
EventOption = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="TYPE", help="Event type; several may be given. Default: all."),
]


@webhook_app.command()
def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="https address of the receiver.")],
    events: EventOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    ports: WebhookPortOption = None,
    loopback: WebhookLoopbackOption = False,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Make an endpoint and show its keys: whsec_… is shown this once, whpk_… at any time."""

    def work(hooks: WebhookStores) -> dict[str, Any]:
        open_webhook_link(ports, None, loopback=loopback).require(url)
        endpoint, secrets = hooks.endpoints.create(tenant, url=url, kinds=events or ())
        return {"endpoints": [endpoint_as_json(endpoint)], "keys": keys_as_json(secrets)}

    _run(work, state, service_key, json_output=json_output)


@webhook_app.command(name="list")
def list_endpoints(
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """List the endpoints."""
    _run(
        lambda hooks: {"endpoints": [*map(endpoint_as_json, hooks.endpoints.all_of(tenant))]},
        state,
        service_key,
        json_output=json_output,
    )


@webhook_app.command()
def rotate(
    endpoint: EndpointArgument,
    overlap_h: Annotated[
        float,
        typer.Option(
            "--overlap", metavar="HOURS", min=0, max=720, help="For how long old keys sign too."
        ),
    ] = 24.0,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Give an endpoint new keys; --overlap 0 ends the old ones at once."""
    overlap = timedelta(hours=overlap_h)
    _run(
        lambda hooks: {
            "keys": keys_as_json(hooks.endpoints.rotate(tenant, endpoint, overlap=overlap))
        },
        state,
        service_key,
        json_output=json_output,
    )


@webhook_app.command()
def disable(
    endpoint: EndpointArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Send an endpoint nothing any more; what waits for it is stopped."""
    _run(
        lambda hooks: {"endpoints": [endpoint_as_json(hooks.endpoints.disable(tenant, endpoint))]},
        state,
        service_key,
        json_output=json_output,
    )


@webhook_app.command()
def enable(
    endpoint: EndpointArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Send an endpoint what happens from now on; `replay-missed` sends what was stopped."""
    _run(
        lambda hooks: {"endpoints": [endpoint_as_json(hooks.endpoints.enable(tenant, endpoint))]},
        state,
        service_key,
        json_output=json_output,
    )


@webhook_app.command()
def delete(
    endpoint: EndpointArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Erase an endpoint, its keys and the record of its deliveries."""

    def work(hooks: WebhookStores) -> dict[str, Any]:
        hooks.endpoints.delete(tenant, endpoint)
        return {"endpoints": []}

    _run(work, state, service_key, json_output=json_output)


@webhook_app.command(name="test")
def send_test(
    endpoint: EndpointArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Have a worker send an endpoint an event that means nothing."""

    def work(hooks: WebhookStores) -> dict[str, Any]:
        sent = hooks.endpoints.send_test(tenant, endpoint)
        return {"deliveries": [delivery_as_json(*hooks.deliveries.get(tenant, sent))]}

    _run(work, state, service_key, json_output=json_output)


@webhook_app.command()
def deliveries(
    endpoint: Annotated[str | None, typer.Option(metavar="ENDPOINT", help=_ID_HELP)] = None,
    in_state: Annotated[
        str | None,
        typer.Option("--in", metavar="STATE", help="waiting, delivered, failed or stopped."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """List deliveries, the newest first."""
    from ekyc.storage import DeliveriesOf, DeliveryState

    try:
        chosen = None if in_state is None else DeliveryState(in_state)
    except ValueError as exc:
        raise typer.BadParameter("waiting, delivered, failed or stopped") from exc
    wanted = DeliveriesOf(endpoint_id=endpoint, state=chosen, limit=limit)
    _run(
        lambda hooks: {
            "deliveries": [delivery_as_json(one) for one in hooks.deliveries.page(tenant, wanted)]
        },
        state,
        service_key,
        json_output=json_output,
    )


@webhook_app.command()
def delivery(
    delivery_id: DeliveryArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Show a delivery and what came of each attempt."""
    _run(
        lambda hooks: {
            "deliveries": [delivery_as_json(*hooks.deliveries.get(tenant, delivery_id))]
        },
        state,
        service_key,
        json_output=json_output,
    )


@webhook_app.command()
def replay(
    delivery_id: DeliveryArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Send an event once more to the same endpoint, under the same id."""

    def work(hooks: WebhookStores) -> dict[str, Any]:
        sent = hooks.deliveries.replay(tenant, delivery_id)
        return {"deliveries": [delivery_as_json(*hooks.deliveries.get(tenant, sent))]}

    _run(work, state, service_key, json_output=json_output)


@webhook_app.command(name="replay-missed")
def replay_missed(
    endpoint: EndpointArgument,
    days: Annotated[int, typer.Option(min=1, max=30, help="How far back.")] = 7,
    tenant: TenantOption = DEFAULT_TENANT,
    state: StateOption = None,
    service_key: ServiceKeyOption = None,
    json_output: JsonFlag = False,
) -> None:
    """Send an endpoint again what failed or was stopped."""
    from ekyc.ports import SystemClock

    since = SystemClock().now() - timedelta(days=days)

    def work(hooks: WebhookStores) -> dict[str, Any]:
        total = 0
        while count := hooks.deliveries.replay_missed(tenant, endpoint, since=since):
            total += count
        return {"replayed": total}

    _run(work, state, service_key, json_output=json_output)


def endpoint_as_json(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint, without its keys."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.kinds),
        "state": endpoint.state.value,
        "disabled_by": endpoint.disabled_by.value if endpoint.disabled_by else None,
        "created_at": endpoint.created_at.isoformat(),
        "failing_since": _time(endpoint.failing_since),
        "paused_until": _time(endpoint.paused_until),
    }


def keys_as_json(secrets: Sequence[SigningSecret]) -> list[dict[str, Any]]:
    """Keys as their receiver is given them."""
    from ekyc.flows.webhook_signatures import shown_key

    return [
        {
            "form": one.form.value,
            "key": shown_key(one),
            "created_at": one.created_at.isoformat(),
            "expires_at": _time(one.expires_at),
        }
        for one in secrets
    ]


def delivery_as_json(
    delivery: Delivery, attempts: Sequence[DeliveryAttempt] | None = None
) -> dict[str, Any]:
    """A delivery, and its attempts if they were asked for."""
    told: dict[str, Any] = {
        "id": delivery.id,
        "endpoint": delivery.endpoint_id,
        "event": delivery.event_id,
        "type": delivery.event_kind,
        "state": delivery.state.value,
        "attempts_made": delivery.attempts,
        "created_at": delivery.created_at.isoformat(),
        "due_at": _time(delivery.due_at),
        "finished_at": _time(delivery.finished_at),
        "replay_of": delivery.replay_of,
    }
    if attempts is not None:
        told["attempts"] = [
            {
                "number": one.number,
                "at": one.at.isoformat(),
                "cause": one.cause,
                "status": one.status,
                "duration_ms": one.duration_ms,
            }
            for one in attempts
        ]
    return told


def _time(at: Any) -> str | None:
    return None if at is None else str(at.isoformat())


def _run(
    work: Callable[[WebhookStores], dict[str, Any]],
    state: str | None,
    service_key: Any,
    *,
    json_output: bool,
) -> None:
    """Do it and show what came of it."""
    try:
        key = open_service_key(service_key)
        with open_storage(state) as storage:
            facts = work(storage.webhooks(key))
    except EkycError as error:
        fail(error, json_output=json_output, command=_COMMAND)
    if json_output:
        write_json(result_object(_COMMAND, "PASSED", (), **facts))
        return
    out = console()
    for line in _lines(facts):
        say(out, line)


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [
        f"{one['id']}  {one['state']}  {one['url']}  {' '.join(one['events']) or 'all events'}"
        for one in facts.get("endpoints", ())
    ]
    lines += [f"{one['form']:4} {one['key']}" for one in facts.get("keys", ())]
    for one in facts.get("deliveries", ()):
        lines.append(f"{one['id']}  {one['state']}  {one['type']}  {one['event']}")
        lines += [
            f"  {each['number']}  {each['at']}  {each['cause']}  {each['status'] or ''}"
            for each in one.get("attempts", ())
        ]
    if "replayed" in facts:
        lines.append(f"{facts['replayed']} deliveries set off again")
    return lines

"""``ekyc serve``: what it needs to be ready, and what it tells of it to Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ekyc.api.metrics import ServiceMetrics
    from ekyc.api.readiness import Ask
    from ekyc.dossiers import WorkingCalendar
    from ekyc.ports import KeyProvider
    from ekyc.storage import ServiceKey, Storage

_PROBE: Final = b"readiness"


def needed_parts(service_key: Path | None, provider: KeyProvider) -> Mapping[str, Ask]:
    """Key of the service, key provider, and the models that are there now, by the name that /readyz gives them."""
    from ekyc.api.readiness import HashedModels
    from ekyc.inference import ModelStore
    from ekyc.storage import KEY_NAME, default_home
    from ekyc.storage.service_key import read_key_file
    from ekyc.values import DEFAULT_TENANT

    key_file = service_key or default_home() / KEY_NAME
    store = ModelStore()
    there = tuple(
        entry.id for entry in store.registry.select(None) if store.installed(entry.id) is not None
    )
    return {
        "service_key": lambda: read_key_file(key_file),
        "keys": lambda: require_keys(provider, DEFAULT_TENANT),
        "models": HashedModels(store, there).require,
    }


def require_keys(provider: KeyProvider, tenant: str) -> None:
    """Return if a key of a tenant can be wrapped and unwrapped again, or there is none yet.

    Raises:
        StorageError, InputError, UpstreamError: it cannot.
    """
    from ekyc.storage import StorageError

    if not provider.versions(tenant):
        return
    probe = bytes(range(32))
    wrapped = provider.wrap(tenant, probe, context=_PROBE)
    if provider.unwrap(tenant, wrapped, context=_PROBE) != probe:
        raise StorageError("the key provider gives another key back", code="storage.unsealable")


def expose_storage(
    metrics: ServiceMetrics, storage: Storage, key: ServiceKey, needed: Mapping[str, Ask]
) -> None:
    """Add readiness, the deliveries of webhooks that wait, and the items of batches."""
    from ekyc.api.metrics import Asked, expose_readiness

    queue = storage.webhooks(key).queue
    expose_readiness(metrics, {"database": storage.ping, **needed})
    metrics.add(
        Asked(
            "ekyc_webhook_deliveries_waiting",
            "Deliveries of webhooks that were not taken yet, over all processes.",
            (),
            lambda: {(): float(queue.count_waiting())},
        )
    )
    batches = storage.batches
    metrics.add(
        Asked(
            "ekyc_batch_items",
            "Items of batches by state, of all tenants.",
            ("state",),
            lambda: {(state.value,): float(count) for state, count in batches.counts().items()},
        )
    )
    metrics.add(
        Asked(
            "ekyc_batch_oldest_waiting_seconds",
            "For how long the oldest item that waits has waited.",
            (),
            lambda: {(): batches.oldest_waits().total_seconds()},
        )
    )


def expose_calendar(metrics: ServiceMetrics, calendar: WorkingCalendar) -> None:
    """Add for how long yet the holidays of offices are known."""
    from ekyc.api.metrics import Asked
    from ekyc.ports import SystemClock

    clock = SystemClock()
    metrics.add(
        Asked(
            "ekyc_calendar_left_seconds",
            "For how long yet the calendar of offices has its years; negative when they are over.",
            (),
            lambda: {(): calendar.time_left(clock.now()).total_seconds()},
        )
    )

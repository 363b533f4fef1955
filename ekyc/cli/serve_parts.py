"""``ekyc serve``: what it needs to be ready, and what it tells of it to Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ekyc.api.metrics import ServiceMetrics
    from ekyc.api.readiness import Ask
    from ekyc.ports import KeyProvider
    from ekyc.storage import ServiceKey, Storage


def needed_parts(service_key: Path | None, provider: KeyProvider) -> Mapping[str, Ask]:
    """Key of the service, key provider, and the models that are there now, by the name that /readyz gives them."""
    from ekyc.api.access.principal import DEFAULT_TENANT
    from ekyc.api.readiness import HashedModels
    from ekyc.inference import ModelStore
    from ekyc.storage import KEY_NAME, default_home
    from ekyc.storage.service_key import read_key_file

    key_file = service_key or default_home() / KEY_NAME
    store = ModelStore()
    there = tuple(
        entry.id for entry in store.registry.select(None) if store.installed(entry.id) is not None
    )
    return {
        "service_key": lambda: read_key_file(key_file),
        "keys": lambda: provider.versions(DEFAULT_TENANT),
        "models": HashedModels(store, there).require,
    }


def expose_storage(
    metrics: ServiceMetrics, storage: Storage, key: ServiceKey, needed: Mapping[str, Ask]
) -> None:
    """Add readiness and the deliveries of webhooks that wait."""
    from ekyc.api.metrics import Gauge, expose_readiness

    queue = storage.webhooks(key).queue
    expose_readiness(metrics, {"database": storage.ping, **needed})
    metrics.add(
        Gauge(
            "ekyc_webhook_deliveries_waiting",
            "Deliveries of webhooks that were not taken yet, over all processes.",
            (),
            lambda: {(): float(queue.count_waiting())},
        )
    )

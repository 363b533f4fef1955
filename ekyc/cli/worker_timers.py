"""What a worker does again and again. A new sweep is one line here; it must be able to run twice, even at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ekyc.cli.calendars import warn_of_end
from ekyc.errors import InputError

if TYPE_CHECKING:
    from ekyc.dossiers import WorkingCalendar
    from ekyc.storage import RetentionPolicy, ServiceKey, Storage, Vault
    from ekyc.workflow import Timer


def worker_timers(
    storage: Storage,
    key: ServiceKey,
    vault: Vault,
    policy: RetentionPolicy,
    calendar: WorkingCalendar,
) -> tuple[Timer, ...]:
    """Every timer of this installation."""
    from ekyc.api.batches.work import sweep_batches
    from ekyc.api.v1.sweeps import sweep_sessions
    from ekyc.flows.answer_request import RequestAnswerer
    from ekyc.flows.dossier_clocks import ClockSweep
    from ekyc.workflow import Timer

    desk = storage.dossiers(key)
    answerer = RequestAnswerer(storage, vault, key)
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    return (
        Timer(name="sessions", every=minute, sweep=lambda _: sweep_sessions(desk)),
        Timer(name="clocks", every=5 * minute, sweep=ClockSweep(desk, calendar).run),
        Timer(name="requests", every=5 * minute, sweep=lambda _: answerer.sweep()),
        Timer(
            name="batches",
            every=5 * minute,
            sweep=lambda now: sweep_batches(storage.batches, vault, now),
        ),
        Timer(name="challenges", every=hour, sweep=lambda _: storage.nonces.purge()),
        Timer(name="retention", every=hour, sweep=lambda _: vault.apply_retention(policy)),
        Timer(name="checkpoint", every=24 * hour, sweep=lambda _: _checkpoint(storage, key)),
        Timer(name="calendar", every=24 * hour, sweep=lambda now: warn_of_end(calendar, now)),
    )


def _checkpoint(storage: Storage, key: ServiceKey) -> None:
    """Sign what the evidence log is now, with the key that follows from the service key; nothing to sign is no failure."""
    from ekyc.storage.evidence.notes import ServiceCheckpointSigner

    try:
        storage.checkpoints.make(signer=ServiceCheckpointSigner(key))
    except InputError as error:
        if error.code != "audit.empty":
            raise

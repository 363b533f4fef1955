"""``kill -9`` of API, worker, issuer and PostgreSQL, at every step and at any moment, under load.

Nothing that was answered is lost, and nothing is done twice; see fault_campaign.py for what that means. ``EKYC_KILLS`` says
how often each part is killed; ``scripts/fault-campaign`` runs it with 200 and prints the table of docs/operations.md.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys

import postgres_server
import pytest
from fault_campaign import Campaign, Findings
from webhook_places import Receiver, make_authority

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("EKYC_KILLS", "12"))


@pytest.fixture(params=["sqlite", "postgresql"])
def campaign(request, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "house"
    for each in (folder, tmp_path / "receiver"):
        each.mkdir()
    authority = make_authority(folder)
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(
            contextlib.closing(Receiver(tmp_path / "receiver", authority))
        )
        server, database = None, folder / "state.sqlite3"
        if request.param == "postgresql":
            server = stack.enter_context(postgres_server.cluster())
            database = server.url
        made = Campaign(folder, database, server=server, receiver=receiver, port=port)
        yield stack.enter_context(contextlib.closing(made))


def test_nothing_is_lost_and_nothing_done_twice(campaign):
    campaign.run(KILLS)
    campaign.settle()
    figures = Findings(campaign).check()

    killed = {kind: sum(one.killed.values()) for kind, one in campaign.processes.items()}
    assert min(killed.values()) >= KILLS
    parts = [f"{kind} {count}" for kind, count in killed.items()]
    parts += [f"{kind} {count}" for kind, count in campaign.database_kills.items()]
    told = [f"{name} {count}" for name, count in figures.items()]
    sys.stdout.write(f"killed: {', '.join(parts)}; {'; '.join(told)}\n")

"""The process that ``ekyc bench run service`` measures: the service on a Unix socket, told what to do by lines of JSON.

Started by :mod:`ekyc.benchmarks.service_process`; for measuring alone. Its verifier may be one that does nothing, which
never accepts anybody, and its one client may ask as often as it likes.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ekyc.api import ServerAddress, ServiceLimits, create_app, serve
from ekyc.api.access.configuration import AccessSettings
from ekyc.api.access.front import open_access_front
from ekyc.api.access.permissions import permissions
from ekyc.api.ports import CaseVerifier
from ekyc.api.v1 import ResourceFront, ResourceLimits
from ekyc.api.v1.rates import RateLimit
from ekyc.api.wiring import FlowVerifier
from ekyc.cli.serve_traces import opened_tracing
from ekyc.flows import LiveUse, Verifier
from ekyc.flows.tools import ToolFile, ToolFinding
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore
from ekyc.ports import SystemRandom
from ekyc.storage import NewClient, ServiceKey, Storage
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Receipt

if TYPE_CHECKING:
    from ekyc.api.tools import Tools

_TENANT: Final = "bench"
_AS_OFTEN_AS_IT_LIKES: Final = RateLimit(requests=1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class _DoesNothing:
    """A pipeline without work. What it answers accepts nobody."""

    def verify_folder(
        self,
        folder: Path,
        *,
        challenge_id: str | None,
        live: LiveUse | None = None,
        owner: Owner = NOBODY_IN_PARTICULAR,
        receipt: Receipt | None = None,
    ) -> Mapping[str, Any]:
        del folder, challenge_id, live, owner, receipt
        return {
            "decision": {"verdict": "review", "profile": "identity", "blocking": []},
            "reasons": [],
            "checks": [],
            "verification_id": "",
            "case_digest": "0" * 64,
            "sample": True,
        }

    def require_ready(self) -> None:
        """Nothing is needed."""


class _ReadsNothing:
    """Tools of which the suite asks one."""

    def read_document(self, pages: Sequence[ToolFile]) -> ToolFinding:
        del pages
        return ToolFinding(outcome=Outcome.NOT_PERFORMED, checks=())


def main() -> None:
    """Serve until SIGTERM. The first line of output holds the key of the client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--real", action="store_true", help="the installed models")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--traces", metavar="URL")
    parser.add_argument("--state", metavar="URL", help="instead of SQLite in the folder")
    given = parser.parse_args()
    folder: Path = given.folder
    key = ServiceKey.load(folder / "service.key", SystemRandom())
    with ExitStack() as stack:
        storage = stack.enter_context(Storage.open(given.state or folder / "state.sqlite3"))
        verifier: CaseVerifier = _DoesNothing()
        if given.real:
            opened = stack.enter_context(Verifier.open(trust=TrustStore(), storage=storage))
            verifier = FlowVerifier(opened)
        tracing = stack.enter_context(opened_tracing(given.traces, None, storage))
        access = open_access_front(AccessSettings(issuer="https://bench.invalid"), storage, key)
        _say({"key": _new_client(storage, key)})
        app = create_app(
            verifier,
            storage,
            limits=ServiceLimits(workers=given.workers),
            access=access,
            tools=cast("Tools", _ReadsNothing()),
            tracing=tracing,
            resources=ResourceFront(
                storage.dossiers(key), limits=ResourceLimits(rate=_AS_OFTEN_AS_IT_LIKES)
            ),
        )
        threading.Thread(
            target=_obey, args=(verifier, given.workers), name="orders", daemon=True
        ).start()
        serve(app, ServerAddress(socket_path=folder / "socket"))


def _new_client(storage: Storage, key: ServiceKey) -> str:
    stores = storage.access(key)
    name = f"bench-{SystemRandom().token_bytes(4).hex()}"
    if all(one.id != _TENANT for one in stores.register.tenants()):
        stores.register.add_tenant(_TENANT, "Benchmark")
    scopes = frozenset(scope for scope, row in permissions().items() if row.machines)
    stores.register.add_client(_TENANT, NewClient(id=name, name=name, jwks=None, scopes=scopes))
    return stores.keys.issue(_TENANT, name)[1].reveal()


def _obey(verifier: CaseVerifier, workers: int) -> None:
    """The bare pipeline, on as many threads as the service has for it: ``{"folder": …, "cases": …}``."""
    for line in sys.stdin:
        order = json.loads(line)
        folder = Path(order["folder"])
        began, cpu = time.perf_counter(), time.process_time()

        def verify(_number: int, folder: Path = folder) -> None:
            verifier.verify_folder(folder, challenge_id=None)

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(verify, range(order["cases"])))
        _say({"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu})


def _say(told: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

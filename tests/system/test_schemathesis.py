"""Schemathesis against the whole interface: every operation of the OpenAPI document, all its checks, and its links.

The application runs in this process. ``EKYC_SCHEMATHESIS_EXAMPLES`` sets how many requests an operation gets.
"""

from __future__ import annotations

import itertools
import os
import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.python import asgi
from sqlalchemy import create_engine

from ekyc.api import ServiceLimits, create_app
from ekyc.api.access import DEVELOPMENT, AccessError
from ekyc.api.v1 import ResourceFront, ResourceLimits
from ekyc.api.v1.rates import RateLimit
from ekyc.errors import InputError
from ekyc.storage import ServiceKey, Storage

pytestmark = pytest.mark.system

EXAMPLES = int(os.environ.get("EKYC_SCHEMATHESIS_EXAMPLES", "10"))
JUDGED_BY_CONTENT = {
    "create_challenge": "EF.DG14 is a file of a chip",
    "create_verification": "a case is a folder of files",
    "create_chip_session": "mode and key go together",
    "create_submission": "a case is a folder of files",
    "create_capture_submission": "a case is a folder of files",
    "create_decision": "reasons are those of the registry",
    "create_session": "the procedure of a dossier is its own",
    "edit_dossier": "If-Match names the newest version",
    "finish_liveness_session": "a statement is base64",
    "list_dossiers": "a cursor is signed",
    "list_sessions": "a cursor is signed",
}
"""Operations that may refuse what their schema allows, and why no schema could say it."""
CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            "negative_data_rejection": {
                "expected-statuses": [
                    "400",
                    "401",
                    "403",
                    "404",
                    "405",
                    "409",
                    "412",
                    "413",
                    "415",
                    "422",
                    "428",
                ]
            }
        },
        "operations": [
            {
                "include-operation-id": list(JUDGED_BY_CONTENT),
                "checks": {
                    "positive_data_acceptance": {
                        "expected-statuses": ["2xx", "400", "404", "409", "412", "415", "422"]
                    }
                },
            }
        ],
    }
)
KEYS = itertools.count()
AUTHORISED = {"Authorization": "Bearer a-key-for-tests"}
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    stateful_step_count=8,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


class AgreeableVerifier:
    """Accepts, asks again and rejects in turn."""

    VERDICTS = (("accept", []), ("review", ["policy.check_absent"]), ("reject", []))

    def __init__(self):
        self.count = 0

    def verify_folder(self, folder, *, challenge_id, live=None):
        text = (folder / "case.toml").read_text("utf-8", errors="replace")
        profile = text.partition('profile = "')[2].partition('"')[0]
        if not profile:
            raise InputError("no profile", code="case.invalid")
        verdict, reasons = self.VERDICTS[self.count % 3]
        self.count += 1
        return {
            "schema": "ekyc.verify/1",
            "outcome": "INDETERMINATE",
            "reasons": reasons,
            "checks": [],
            "decision": {"verdict": verdict, "profile": profile, "blocking": []},
            "verification_id": f"v{self.count}",
            "case_digest": "0" * 64,
            "sample": False,
        }

    def require_ready(self):
        pass


class OneKeyGate:
    """An in-memory Gate that knows one key, which may do everything. **Insecure**, for tests."""

    def identify(self, request):
        given = request.headers.get("authorization")
        if given is None:
            raise AccessError("a key is needed", code="access.missing")
        if given != AUTHORISED["Authorization"]:
            raise AccessError("not a key", code="access.invalid")
        return DEVELOPMENT


@pytest.fixture(params=["sqlite", "postgresql"])
def interface(request, tmp_path):
    target = tmp_path / "state.sqlite3"
    if request.param == "postgresql":
        target = request.getfixturevalue("postgresql")
        emptied = create_engine(target)
        with emptied.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA IF EXISTS public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        emptied.dispose()
    with Storage.open(target) as storage:
        limits = ResourceLimits(
            rate=RateLimit(requests=10**6), heartbeat_s=0.02, stream_s=0.02, wait_s=1.0
        )
        front = ResourceFront(storage.dossiers(ServiceKey(bytes(32))), limits=limits)
        app = create_app(
            AgreeableVerifier(),
            storage,
            limits=ServiceLimits(waiting=100),
            scratch_parent=tmp_path,
            gate=OneKeyGate(),
            resources=front,
        )
        with asgi.get_client(app) as client:
            yield schemathesis.openapi.from_asgi("/openapi.json", app, config=CONFIG), client


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_every_operation_keeps_its_promises(interface, subtests, mode):
    schema, client = interface
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and not can_be_negated(operation):
            continue
        with subtests.test(operation.label):
            hold(operation, client, mode)


def with_a_key_of_its_own(case):
    """A generated key comes again with other bodies, which is refused for good reason: tests/api/v1 see to that."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = f"key-{next(KEYS)}"


def can_be_negated(operation):
    """Whether there is anything in a request that may be wrong."""
    return bool(
        operation.definition.raw.get("parameters") or "requestBody" in operation.definition.raw
    )


def hold(operation, client, mode):
    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case):
        with_a_key_of_its_own(case)
        case.call_and_validate(session=client, headers=AUTHORISED)

    holds()


def test_its_links_lead_somewhere(interface):
    schema, client = interface
    machine = schema.as_state_machine()

    class Workflow(machine):
        def call(self, case, **options):
            with_a_key_of_its_own(case)
            return super().call(case, session=client, headers=AUTHORISED, **options)

    Workflow.run(settings=BOUNDED)

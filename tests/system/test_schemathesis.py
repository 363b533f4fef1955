"""Schemathesis against the whole interface: every operation of the OpenAPI document, all its checks, and its links.

The application runs in this process. ``EKYC_SCHEMATHESIS_EXAMPLES`` sets how many requests an operation gets.
"""

from __future__ import annotations

import itertools
import json
import os
import re

import pytest
import schemathesis
from described_service import described, described_app
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.python import asgi
from told_tools import PickyTools

from ekyc.api import ServiceLimits
from ekyc.api.access import DEVELOPMENT, AccessError
from ekyc.api.v1 import ResourceLimits
from ekyc.api.v1.rates import RateLimit
from ekyc.errors import InputError
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey, Storage

pytestmark = pytest.mark.system

EXAMPLES = int(os.environ.get("EKYC_SCHEMATHESIS_EXAMPLES", "10"))
DOCUMENT = described()
NEVER_WRONG = {"finish_login": "whatever comes back is heard, and refused as no login"}
"""Operations that take any request to their address."""
JUDGED_BY_CONTENT = {
    "create_challenge": "EF.DG14 is a file of a chip",
    "create_verification": "a case is a folder of files",
    "create_comparison": "artefacts are those of the session",
    "create_chip_session": "mode and key go together",
    "create_submission": "a case is a folder of files",
    "create_capture_submission": "a case is a folder of files",
    "create_decision": "reasons are those of the registry",
    "create_session": "the procedure of a dossier is its own",
    "finish_liveness_session": "a statement is base64",
    **dict.fromkeys(
        (
            *("read_card", "read_document", "compare_copy", "compare_faces"),
            *("inspect_liveness", "validate_signatures", "verify_result"),
        ),
        "a file is a picture, or what else is asked for",
    ),
    **dict.fromkeys(
        (
            told["operationId"]
            for methods in DOCUMENT["paths"].values()
            for told in methods.values()
            if any(one["name"] == "cursor" for one in told.get("parameters", ()))
        ),
        "a cursor is signed",
    ),
    **dict.fromkeys(
        ("create_webhook_endpoint", "edit_webhook_endpoint"), "an address is looked at"
    ),
    "record_consent": "an agent is registered",
    "oauth2_token": "a client shows a proof",
    **dict.fromkeys(
        (
            *("extend_data_subject_request", "refuse_data_subject_request"),
            *("grant_data_subject_request", "get_data_subject_statement"),
            "lift_protection",
        ),
        "reasons are those of the registry, and what is erased is gone",
    ),
    "create_legal_hold": "the number of an order holds no nine digits in a row, and somebody or something is named",
    "create_data_subject_request": "an objection is tied to a login, and this caller has none",
    "upload_case": "a case is a folder of files",
    "create_batch": "a batch is an archive of cases, or a list of uploaded ones",
    "cancel_batch": "a batch that is over is not called off",
}
"""Operations that may refuse what their schema allows, and why no schema could say it."""
OF_A_VERSION = [
    told["operationId"]
    for methods in DOCUMENT["paths"].values()
    for told in methods.values()
    if any(one["name"] == "If-Match" for one in told.get("parameters", ()))
]
"""Operations whose If-Match may name a version that is no longer the newest."""
AGREED = ["2xx", "401", "404", "409"]
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
                "include-operation-id": operations,
                "checks": {"positive_data_acceptance": {"expected-statuses": [*AGREED, *statuses]}},
            }
            for operations, statuses in (
                ([one for one in OF_A_VERSION if one not in JUDGED_BY_CONTENT], ["412"]),
                (list(JUDGED_BY_CONTENT), ["400", "412", "415", "422"]),
            )
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


@schemathesis.serializer("application/x-ndjson", "application/zip")
def as_bytes(_, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class AgreeableVerifier:
    """Accepts, asks again and rejects in turn."""

    VERDICTS = (("accept", []), ("review", ["policy.check_absent"]), ("reject", []))

    def __init__(self):
        self.count = 0

    def verify_folder(self, folder, *, challenge_id, live=None, owner=None):
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
            "report_sha256": "1" * 64,
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

    look_again = identify


@pytest.fixture(params=["sqlite", "postgresql"])
def interface(request, tmp_path):
    target = tmp_path / "state.sqlite3"
    if request.param == "postgresql":
        target = request.getfixturevalue("postgresql")
    with Storage.open(target) as storage:
        bounds = ResourceLimits(
            rate=RateLimit(requests=10**6), heartbeat_s=0.02, stream_s=0.02, wait_s=1.0
        )
        keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
        app = described_app(
            AgreeableVerifier(),
            storage,
            ServiceKey(bytes(32)),
            vault=storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom())),
            bounds=bounds,
            limits=ServiceLimits(waiting=100),
            scratch_parent=tmp_path,
            tools=PickyTools(),
        )
        app.state.gate = OneKeyGate()
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
    told = operation.definition.raw
    if told["operationId"] in NEVER_WRONG:
        return False
    return bool(told.get("parameters") or "requestBody" in told)


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

"""A national verification service over TLS and loopback, asked through the file that an operator writes."""

import json
import socket

import pytest
from authority_service import (
    TlsService,
    compact_jws,
    http_answer,
    new_key,
    public_pem,
    server_context,
    service_toml,
)

from ekyc.chip import inspect_chip
from ekyc.chip.authority import (
    ConfiguredAuthority,
    inspect_authority,
    load_authority_configuration,
)
from ekyc.chip.sim import SimulatedIssuer
from ekyc.flows.authority_link import HttpsAuthorityLink
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore
from ekyc.ports import SystemClock, SystemRandom
from ekyc.samples import SampleCitizen
from ekyc.samples.case import citizen_data

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(120)]


@pytest.mark.parametrize(("word", "outcome"), [(True, Outcome.PASSED), (False, Outcome.FAILED)])
def test_a_service_on_loopback_is_asked_and_believed(tmp_path, word, outcome):
    key = new_key("ES")
    (tmp_path / "service.pem").write_bytes(public_pem(key))
    context = server_context(tmp_path)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    text = service_toml(url=f"https://127.0.0.1:{port}/check", ca_file="tls.pem")
    (tmp_path / "service.toml").write_text(text)

    def answer(head, body):
        assert f"Host: 127.0.0.1:{port}".encode() in head
        content = json.dumps({"id": json.loads(body)["id"], "genuine": word}).encode()
        return http_answer(compact_jws(key, "ES256", content).encode())

    issuer = SimulatedIssuer.create()
    card = issuer.issue_card(citizen_data(SampleCitizen.default()), b"\xff\xd8\xff no picture")
    trust = TrustStore.from_certificates([issuer.csca_certificate_der], source="test")
    report = inspect_chip(card.files, trust=trust, at=SystemClock().now())
    configuration = load_authority_configuration(tmp_path / "service.toml", environment={})
    authority = ConfiguredAuthority(
        configuration,
        HttpsAuthorityLink(configuration.endpoint),
        random=SystemRandom(),
        clock=SystemClock(),
    )
    with TlsService(answer=answer, listening=listening, context=context):
        assert inspect_authority(authority, card.files, report).outcome is outcome
    gone = inspect_authority(authority, card.files, report)
    assert (gone.outcome, gone.reasons) == (Outcome.INDETERMINATE, ("authority.unreachable",))

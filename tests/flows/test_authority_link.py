"""The link to a national verification service, over real TLS through a Unix socket: its bounds, and what it refuses."""

import json
import socket
import threading

import pytest
from authority_service import (
    TlsService,
    certificate_pem,
    compact_jws,
    http_answer,
    new_key,
    private_pem,
    public_pem,
    server_context,
    service_toml,
)

from ekyc.chip import inspect_chip
from ekyc.chip.authority import (
    ConfiguredAuthority,
    FakeAuthority,
    ServiceEndpoint,
    inspect_authority,
    load_authority_configuration,
)
from ekyc.chip.sim import SimulatedIssuer
from ekyc.errors import EkycError, InputError, UpstreamError
from ekyc.flows import Case
from ekyc.flows.authority_link import HttpsAuthorityLink
from ekyc.flows.chip_stage import judge_chip
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore
from ekyc.ports import SystemClock, SystemRandom
from ekyc.samples import SampleCitizen
from ekyc.samples.case import citizen_data

PORTRAIT = b"\xff\xd8\xff\xe0 no real picture \xff\xd9"
BODY = b'{"ask": "\xe1\xba\xa1"}'


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    return folder, server_context(folder)


@pytest.fixture
def serve(tls, tmp_path):
    """``with serve(answer) as (service, link):``; the link's bounds may be changed."""
    folder, context = tls
    path = tmp_path / "s"

    class Running:
        def __init__(self, answer, **endpoint):
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listening.bind(str(path))
            listening.listen()
            self.service = TlsService(answer=answer, listening=listening, context=context)
            usual = {
                "host": "authority.example",
                "port": 443,
                "target": "/check?a=b",
                "timeout_s": 10.0,
                "answer_bytes": 4096,
                "headers": {"X-Key": "secret"},
                "socket": path,
                "ca_file": folder / "tls.pem",
            }
            self.link = HttpsAuthorityLink(ServiceEndpoint(**(usual | endpoint)))

        def __enter__(self):
            self.service.__enter__()
            return self.service, self.link

        def __exit__(self, *exception):
            self.service.__exit__(*exception)
            path.unlink()

    return Running


def refusal(link):
    with pytest.raises(EkycError) as error:
        link.post(BODY, content_type="application/json")
    assert isinstance(error.value, UpstreamError)
    assert "secret" not in str(error.value)
    return error.value.code


def test_a_request_and_its_answer_go_through_whole(serve):
    seen = []

    def answer(head, body):
        seen.append(body)
        return http_answer(b"\x00signed", headers=("X-Signature: abc", "X-Two: 1", "x-two: 2"))

    with serve(answer) as (service, link):
        got = link.post(BODY, content_type="application/json")
        assert link.post(BODY, content_type="application/json").body == got.body
    assert (got.status, got.body) == (200, b"\x00signed")
    assert got.headers["x-signature"] == "abc"
    assert "x-two" not in got.headers
    assert seen == [BODY, BODY]
    head = service.requests[0].decode()
    assert head.startswith("POST /check?a=b HTTP/1.1\r\n")
    assert "\r\nHost: authority.example\r\n" in head
    assert "\r\nX-Key: secret" in head
    assert "secret" not in repr(got)


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect", "401 No", "500 Oh"])
def test_a_redirect_is_an_answer_and_is_not_followed(serve, status):
    def answer(head, body):
        return http_answer(b"", status=status, headers=("Location: https://elsewhere.example/",))

    with serve(answer) as (service, link):
        assert link.post(BODY, content_type="text/plain").status == int(status[:3])
    assert len(service.requests) == 1


@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_is_bounded(serve, announced):
    def answer(head, body):
        if announced:
            return http_answer(bytes(4097))
        return b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1_000_000)

    with serve(answer) as (_, link):
        assert refusal(link) == "authority.answer_too_large"
    with serve(lambda head, body: http_answer(bytes(4096))) as (_, link):
        assert len(link.post(BODY, content_type="text/plain").body) == 4096


def test_silence_ends_when_the_time_is_up(serve):
    release = threading.Event()

    def answer(head, body):
        release.wait(30)
        return b""

    with serve(answer, timeout_s=0.2) as (_, link):
        assert refusal(link) == "authority.timeout"
        release.set()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_drip_does_not_hold_the_caller(serve, start):
    """Each octet comes within a socket's time limit; the whole never ends."""
    gone = threading.Event()

    def answer(head, body):
        yield start
        while not gone.wait(0.05):
            yield b"x"

    with serve(answer, timeout_s=0.6) as (_, link):
        assert refusal(link) == "authority.timeout"
        gone.set()


@pytest.mark.parametrize(
    "answer",
    [b"", b"no http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"],
)
def test_what_is_no_http_is_no_answer(serve, answer):
    with serve(lambda head, body: answer) as (_, link):
        assert refusal(link) == "authority.unreachable"


def test_an_answer_that_was_packed_unasked_is_refused(serve):
    packed = http_answer(b"\x1f\x8b", headers=("Content-Encoding: gzip",))
    with serve(lambda head, body: packed) as (_, link):
        assert refusal(link) == "authority.answer_malformed"


def test_nobody_there(tls, tmp_path):
    folder, _ = tls
    link = HttpsAuthorityLink(
        ServiceEndpoint(
            host="authority.example",
            port=443,
            target="/",
            timeout_s=5,
            answer_bytes=256,
            socket=tmp_path / "nobody",
            ca_file=folder / "tls.pem",
        )
    )
    assert refusal(link) == "authority.unreachable"


def test_a_server_under_another_name_or_authority_gets_no_request(serve):
    with serve(lambda head, body: http_answer(b""), host="other.example") as (service, link):
        assert refusal(link) == "authority.unreachable"
    assert service.requests == []
    with serve(lambda head, body: http_answer(b""), ca_file=None) as (service, link):
        assert refusal(link) == "authority.unreachable"
    assert service.requests == []


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
def test_headers_of_the_link_itself_are_its_own(name):
    with pytest.raises(InputError) as error:
        HttpsAuthorityLink(
            ServiceEndpoint(
                host="h", port=1, target="/", timeout_s=1, answer_bytes=256, headers={name: "x"}
            )
        )
    assert error.value.code == "authority.config"


def test_files_for_tls_that_are_none_are_refused(tmp_path):
    bad = tmp_path / "bad.pem"
    bad.write_bytes(b"nothing")
    for files in ({"ca_file": bad}, {"client_certificate": bad}, {"ca_file": tmp_path / "absent"}):
        with pytest.raises(InputError) as error:
            HttpsAuthorityLink(
                ServiceEndpoint(
                    host="h", port=1, target="/", timeout_s=1, answer_bytes=256, **files
                )
            )
        assert error.value.code == "authority.config"


# -- the whole way


@pytest.fixture(scope="module")
def card_and_trust():
    issuer = SimulatedIssuer.create()
    card = issuer.issue_card(citizen_data(SampleCitizen.default()), PORTRAIT)
    return card, TrustStore.from_certificates([issuer.csca_certificate_der], source="test")


def test_from_the_file_to_the_check(serve, tls, tmp_path, card_and_trust):
    folder, _ = tls
    key = new_key("ES")
    (tmp_path / "service.pem").write_bytes(public_pem(key))
    text = service_toml(
        url="https://authority.example/check", socket="s", ca_file=folder / "tls.pem"
    )
    (tmp_path / "service.toml").write_text(text)
    configuration = load_authority_configuration(tmp_path / "service.toml", environment={})
    authority = ConfiguredAuthority(
        configuration,
        HttpsAuthorityLink(configuration.endpoint),
        random=SystemRandom(),
        clock=SystemClock(),
    )
    card, trust = card_and_trust

    def answer(head, body):
        content = {"id": json.loads(body)["id"], "genuine": True}
        return http_answer(compact_jws(key, "ES256", json.dumps(content).encode()).encode())

    with serve(answer):
        found = judge_chip(
            Case(profile_id="identity", chip=card.files),
            trust=trust,
            storage=None,
            authority=authority,
            challenge_id=None,
            now=SystemClock().now(),
        )
    (check,) = [check for check in found.checks if check.id == "chip.authority"]
    assert (check.outcome, check.reasons) == (Outcome.PASSED, ())
    assert found.value.authority.answer.key_fingerprint == configuration.keys[0].fingerprint

    report = inspect_chip(card.files, trust=trust, at=SystemClock().now())
    away = inspect_authority(authority, card.files, report)
    assert (away.outcome, away.reasons) == (Outcome.INDETERMINATE, ("authority.unreachable",))


def test_a_client_certificate_is_shown(serve, tls, tmp_path):
    key = new_key("ES")
    (tmp_path / "client.pem").write_bytes(certificate_pem(key, at=SystemClock().now()))
    (tmp_path / "client.key").write_bytes(private_pem(key))
    files = {
        "client_certificate": tmp_path / "client.pem",
        "client_key": tmp_path / "client.key",
    }
    with serve(lambda head, body: http_answer(b"ok"), **files) as (service, link):
        import ssl

        service.context.load_verify_locations(tmp_path / "client.pem")
        service.context.verify_mode = ssl.CERT_REQUIRED
        try:
            assert link.post(BODY, content_type="text/plain").body == b"ok"
        finally:
            service.context.verify_mode = ssl.CERT_NONE


@pytest.mark.models
def test_a_fake_makes_the_whole_decision_a_sample(models, card_and_trust, validate_against):
    from ekyc.flows import Verifier, result_as_json

    card, trust = card_and_trust
    case = Case(profile_id="identity", chip=card.files)
    with Verifier(engine=models, trust=trust, authority=FakeAuthority()) as verifier:
        written = result_as_json(verifier.verify(case))
    validate_against("ekyc.verify.1", written)
    assert written["sample"] is True
    assert written["authority"]["sample"] is True
    assert "FAKE" in written["authority"]["name"]
    (check,) = [check for check in written["checks"] if check["id"] == "chip.authority"]
    assert (check["outcome"], check["reasons"]) == ("PASSED", ["authority.fake"])

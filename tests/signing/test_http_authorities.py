"""Authorities across HTTP: down, slow, lying, replaying, and only where the operator said."""

import threading
from datetime import timedelta

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags, ocsp
from scripted_http import ScriptedHttp, answering, dripping, reply, saying, silent
from signing_pilot import EC, Pilot, make_pdf

from ekyc.errors import InputError, TrustError, UpstreamError
from ekyc.ports import SystemRandom
from ekyc.signing import (
    Level,
    TimestampFailedError,
    augment_pdf,
    inspect_pdf,
    sign_pdf,
)
from ekyc.signing.authority.certificates import (
    CertificateProfile,
    Issuer,
    StatusPointers,
    issue_leaf,
    sample_name,
)
from ekyc.signing.authority.http_exchange import ExchangeLimits, HttpExchange
from ekyc.signing.authority.status_client import StatusClient
from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.authority.timestamp_client import HttpTimestampAuthority
from ekyc.signing.authority.tsa import POLICY_OID, TimestampAuthority
from ekyc.signing.keys.software import SoftwareKey
from ekyc.testing import FixedClock

URL = "http://tsa.example/stamp"
REPLY = "application/timestamp-reply"
OCSP = "application/ocsp-response"
DIGEST = bytes(range(32))


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    pointers = StatusPointers(
        crl_url="http://status.example/ca.crl", ocsp_url="http://status.example/ocsp"
    )
    made = Pilot(tmp_path_factory.mktemp("pilot"), pointers=pointers)
    yield made
    made.close()


@pytest.fixture
def serve(tmp_path):
    """A scripted authority and an exchange that may call it; waits between attempts are only written down."""
    opened = []

    def start(*script, origins=(URL, "http://status.example"), **limits):
        server = ScriptedHttp(tmp_path, *script)
        server.pauses = []
        bounds = ExchangeLimits(**{"time_s": 5.0, **limits})
        server.exchange = HttpExchange(
            origins, limits=bounds, pause=server.pauses.append, dial=server.dial
        )
        opened.append(server)
        return server

    yield start
    for server in opened:
        server.exchange.close()
        server.close()


@pytest.fixture
def released():
    """Set when the test is over, so that a slow authority ends with it."""
    event = threading.Event()
    yield event
    event.set()


def code_of(call, error=UpstreamError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


def stamping(pilot, **how):
    return answering(pilot.authorities.timestamp_authority.answer, media_type=REPLY, **how)


def token_of(server, *, clock=None, policies=()):
    authority = HttpTimestampAuthority(URL, exchange=server.exchange, policies=policies)
    return request_token(DIGEST, ask=authority.stamp, random=SystemRandom(), clock=clock)


class TestConnections:
    def test_one_connection_carries_many_requests(self, serve, pilot):
        server = serve(stamping(pilot))
        for _ in range(5):
            token_of(server)
        assert (server.connections, len(server.requests)) == (1, 5)

    def test_a_connection_that_the_authority_closed_is_no_failed_attempt(self, serve, pilot):
        def closes_behind(link, request):
            stamping(pilot)(link, request)
            return False  # although it said that the connection stays

        server = serve(closes_behind, attempts=1)
        for _ in range(3):
            token_of(server)
        assert server.pauses == []

    def test_what_is_said_unasked_is_never_an_answer(self, serve, pilot):
        def talkative(link, request):
            body = pilot.authorities.timestamp_authority.answer(request[2])
            honest, keep = reply(body, media_type=REPLY)
            link.sendall(honest + b"HTTP/1.1 404 Unasked\r\nContent-Length: 0\r\n\r\n")
            return keep

        server = serve(talkative)
        for _ in range(3):
            assert token_of(server)

    def test_what_says_close_is_closed(self, serve, pilot):
        server = serve(stamping(pilot, more="Connection: close\r\n"))
        token_of(server)
        token_of(server)
        assert server.connections == 2


class TestBounds:
    def test_down_is_tried_thrice_with_growing_pauses(self, tmp_path):
        pauses = []

        def refuse(*_):
            raise ConnectionRefusedError

        exchange = HttpExchange([URL], pause=pauses.append, dial=refuse)
        authority = HttpTimestampAuthority(URL, exchange=exchange)
        assert code_of(lambda: authority.stamp(b"x")) == "signing.fetch.unreachable"
        assert pauses == [0.2, 0.4]

    def test_an_error_of_the_moment_is_tried_again(self, serve, pilot):
        busy = saying(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", keep=True)
        server = serve(busy, busy, stamping(pilot))
        assert token_of(server)
        assert server.pauses == [0.2, 0.4]

    @pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 204])
    def test_a_refusal_is_not(self, serve, status):
        head = f"HTTP/1.1 {status} No\r\nLocation: http://169.254.169.254/\r\n"
        server = serve(saying(f"{head}Content-Length: 0\r\n\r\n".encode()))
        assert code_of(lambda: token_of(server)) == "signing.fetch.status"
        assert (len(server.requests), server.pauses) == (1, [])

    def test_silence_ends_at_the_time_limit(self, serve, released):
        server = serve(silent(released), time_s=0.2, attempts=2)
        assert code_of(lambda: token_of(server)) == "signing.fetch.timeout"
        assert len(server.requests) == 2

    @pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
    def test_an_octet_now_and_then_does_not_renew_the_limit(self, serve, released, head):
        server = serve(dripping(head + b"H" * 1000, released), time_s=0.3, attempts=1)
        assert code_of(lambda: token_of(server)) == "signing.fetch.timeout"

    def test_a_body_without_end_is_cut(self, serve):
        flood = b"HTTP/1.1 200 OK\r\nContent-Type: " + REPLY.encode() + b"\r\n\r\n" + bytes(200_000)
        server = serve(saying(flood), answer_bytes=100_000)
        assert code_of(lambda: token_of(server)) == "signing.fetch.too_large"

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (b"", "unreachable"),
            (b"SSH-2.0-x\r\n", "unreachable"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "unreachable"),
            (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "unreachable"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "media_type"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
                "malformed",
            ),
        ],
    )
    def test_what_is_no_answer_is_a_typed_error(self, serve, answer, code):
        assert code_of(lambda: token_of(serve(saying(answer)))) == f"signing.fetch.{code}"


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "http://tsa.example:81/stamp",
            "https://tsa.example/stamp",
            "http://tsa.example.evil.example/",
            "http://127.0.0.1/",
            "http://[::1]/",
        ],
    )
    def test_another_origin_is_refused(self, url):
        exchange = HttpExchange([URL])
        assert not exchange.allows(url)
        assert code_of(lambda: exchange.get(url), InputError) == "signing.fetch.host"
        call = lambda: HttpTimestampAuthority(url, exchange=exchange)  # noqa: E731  # one line
        assert code_of(call, InputError) == "signing.fetch.host"

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://tsa.example/",
            "file:///etc/passwd",
            "tsa.example",
            "http://",
            "http://u:p@tsa.example/",
            "http://tsa.example\r\nX: y/",
            "http://tsa.example/a b",
            "http://tsa.example:99999/",
            "http://tsá.example/",
        ],
    )
    def test_what_is_no_address_is_refused(self, url):
        exchange = HttpExchange([URL])
        assert code_of(lambda: exchange.get(url), InputError) == "signing.fetch.address"


class TestLies:
    def test_a_replayed_answer_has_another_nonce(self, serve, pilot):
        first = []

        def replay(body):
            first.append(pilot.authorities.timestamp_authority.answer(body))
            return first[0]

        server = serve(answering(replay, media_type=REPLY))
        token_of(server)
        assert code_of(lambda: token_of(server)) == "signing.timestamp.mismatch"

    def test_an_answer_about_another_digest(self, serve, pilot):
        def other(body):
            return pilot.authorities.timestamp_authority.answer(body.replace(DIGEST, bytes(32)))

        server = serve(answering(other, media_type=REPLY))
        assert code_of(lambda: token_of(server)) == "signing.timestamp.mismatch"

    def test_a_token_without_its_certificate(self, serve, pilot):
        def bare(body):
            assert body.endswith(b"\x01\x01\xff")
            asked_without = b"\x30" + bytes((body[1] - 3,)) + body[2:-3]
            return pilot.authorities.timestamp_authority.answer(asked_without)

        server = serve(answering(bare, media_type=REPLY))
        assert code_of(lambda: token_of(server)) == "signing.timestamp.certificate"

    def test_a_signer_whose_certificate_is_for_documents(self, serve, pilot):
        party = pilot.party("seal", "Sở Tư pháp")
        wrong = TimestampAuthority(
            key=party.signer.key,
            certificate_der=party.signer.certificate_der,
            clock=pilot.clock,
            random=SystemRandom(),
        )
        server = serve(answering(wrong.answer, media_type=REPLY))
        assert code_of(lambda: token_of(server)) == "signing.timestamp.certificate"

    def test_a_token_that_another_key_signed(self, serve, pilot):
        key = SoftwareKey.generate(EC)
        impostor = TimestampAuthority(
            key=key,
            certificate_der=timestamp_certificate(pilot),
            clock=pilot.clock,
            random=SystemRandom(),
        )
        server = serve(answering(impostor.answer, media_type=REPLY))
        assert code_of(lambda: token_of(server)) == "signing.timestamp.signature"

    @pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)])
    def test_a_time_far_from_ours(self, serve, pilot, by):
        server = serve(stamping(pilot))
        clock = FixedClock(pilot.clock.now() + by)
        assert code_of(lambda: token_of(server, clock=clock)) == "signing.timestamp.time"

    def test_another_policy_than_the_operator_accepts(self, serve, pilot):
        server = serve(stamping(pilot))
        assert token_of(server, policies={POLICY_OID})
        assert code_of(lambda: token_of(server, policies={"1.2.3"})) == "signing.timestamp.policy"

    def test_a_refusal(self, serve):
        refusal = bytes.fromhex("30053003020102")
        server = serve(answering(lambda _: refusal, media_type=REPLY))
        assert code_of(lambda: token_of(server)) == "signing.timestamp.refused"

    @pytest.mark.parametrize("answer", [b"", b"\x30", b"\x30\x80", b"\x00" * 100, b"\x30\x00"])
    def test_no_response_at_all(self, serve, answer):
        server = serve(answering(lambda _: answer, media_type=REPLY))
        assert code_of(lambda: token_of(server)) == "signing.timestamp.mismatch"

    def test_a_response_cut_anywhere_is_a_typed_error(self, pilot):
        for cut in range(0, 1000, 7):

            def ask(body, cut=cut):
                answer = pilot.authorities.timestamp_authority.answer(body)
                return answer[:cut]

            code = code_of(lambda ask=ask: request_token(DIGEST, ask=ask, random=SystemRandom()))
            assert code.startswith("signing.timestamp."), cut

    def test_any_octet_changed_is_noticed_or_harmless(self, pilot):
        """Whatever is accepted carries our digest, our nonce and a signature that fits: only unsigned octets may differ."""
        accepted = 0
        for place in range(0, 900, 5):

            def ask(body, place=place):
                answer = bytearray(pilot.authorities.timestamp_authority.answer(body))
                answer[place] ^= 0x55
                return bytes(answer)

            try:
                token = request_token(DIGEST, ask=ask, random=SystemRandom())
            except UpstreamError:
                continue
            accepted += 1
            assert DIGEST in token
        assert accepted < 90


def timestamp_certificate(pilot):
    answer = request_token(
        DIGEST, ask=pilot.authorities.timestamp_authority.answer, random=SystemRandom()
    )
    token = cms.ContentInfo.load(answer)["content"]
    return token["certificates"][0].chosen.dump()


class TestWhatIsLeft:
    @pytest.mark.parametrize("level", [Level.B_T, Level.B_LTA])
    def test_a_failed_timestamp_leaves_a_signature_that_goes_on_later(self, serve, pilot, level):
        down = saying(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", keep=True)
        server = serve(down, attempts=1)
        tsa = HttpTimestampAuthority(URL, exchange=server.exchange)
        party = pilot.party("citizen", "Nguyễn Thị Mẫu")
        party = pilot.as_party(party.signer, ask_for_time=tsa.stamp)
        with pytest.raises(TimestampFailedError) as caught:
            sign_pdf(make_pdf(), party, level=level)
        assert caught.value.__cause__.code == "signing.fetch.status"
        kept = caught.value.signed
        material = pilot.ca.material()
        report = inspect_pdf(kept, anchors=pilot.anchors, crls=material.crls, clock=pilot.clock)
        assert report.outcome == "PASSED"

        server.script[:] = [stamping(pilot)]
        finished = augment_pdf(kept, party)
        report = inspect_pdf(finished, anchors=pilot.anchors, clock=pilot.clock)
        assert report.outcome == "PASSED"
        assert report.document_timestamps
        assert report.signatures[0].timestamp.indication == "TOTAL-PASSED"


class TestStatus:
    @pytest.fixture
    def chain(self, pilot):
        certificate = pilot.certify()
        return certificate, (
            certificate.public_bytes(Encoding.DER),
            *pilot.ca.chain_der,
        )

    def client(self, pilot, server):
        return StatusClient(server.exchange, clock=pilot.clock, random=SystemRandom())

    def test_ocsp_is_asked_where_it_may_be(self, serve, pilot, chain):
        server = serve(answering(pilot.ca.responder.answer, media_type=OCSP))
        client = self.client(pilot, server)
        material = client.material(chain[1])
        assert (len(material.ocsps), material.crls) == (1, ())
        assert client.material(chain[1]) == material
        assert len(server.requests) == 1, "it was kept"

    def test_a_signature_with_it_needs_no_list(self, serve, pilot):
        server = serve(answering(pilot.ca.responder.answer, media_type=OCSP))
        client = self.client(pilot, server)
        identity = pilot.party("citizen", "Nguyễn Thị Mẫu").signer

        def vouch():
            fetched = client.material((identity.certificate_der, *identity.issuers_der))
            return pilot.ca.material() + fetched

        party = pilot.as_party(identity, vouch=vouch)
        signed = sign_pdf(make_pdf(), party, level=Level.B_LTA)
        report = inspect_pdf(signed, anchors=pilot.anchors, clock=pilot.clock)
        assert report.outcome == "PASSED"

    def test_a_revoked_certificate_signs_nothing(self, serve, pilot):
        server = serve(answering(pilot.ca.responder.answer, media_type=OCSP))
        identity = pilot.party("citizen", "Nguyễn Thị Mẫu").signer
        pilot.ca.revoke(identity.certificate_der, ReasonFlags.key_compromise)
        fetched = self.client(pilot, server).material(
            (identity.certificate_der, *identity.issuers_der)
        )
        party = pilot.as_party(identity, vouch=lambda: fetched)
        code = code_of(lambda: sign_pdf(make_pdf(), party), TrustError)
        assert code == "signing.certificate.revoked"

    def test_an_address_in_a_certificate_is_not_called_unless_the_operator_named_it(
        self, serve, pilot, chain
    ):
        server = serve(answering(pilot.ca.responder.answer, media_type=OCSP), origins=[URL])
        material = self.client(pilot, server).material(chain[1])
        assert (material.ocsps, material.crls, server.requests) == ((), (), [])

    def test_a_replayed_answer_has_another_nonce(self, serve, pilot, chain):
        kept = []

        def replay(body):
            kept.append(pilot.ca.responder.answer(body))
            return kept[0]

        server = serve(answering(replay, media_type=OCSP))
        self.client(pilot, server).material(chain[1])
        code = code_of(lambda: self.client(pilot, server).material(chain[1]))
        assert code == "signing.status.mismatch"

    def test_an_answer_about_another_certificate(self, serve, pilot, chain):
        other = pilot.certify()
        asked = []

        def confused(body):
            builder = ocsp.OCSPRequestBuilder().add_certificate(other, pilot.issuing, SHA256())
            nonce = ocsp.load_der_ocsp_request(body).extensions[0].value
            asked.append(body)
            request = builder.add_extension(nonce, critical=False).build()
            return pilot.ca.responder.answer(request.public_bytes(Encoding.DER))

        server = serve(answering(confused, media_type=OCSP))
        code = code_of(lambda: self.client(pilot, server).material(chain[1]))
        assert code == "signing.status.mismatch"

    @pytest.mark.parametrize("answer", [b"", b"\x30\x03\x0a\x01\x06", b"\x30\x03\x0a\x01\x03"])
    def test_no_word_is_a_typed_error(self, serve, pilot, chain, answer):
        server = serve(answering(lambda _: answer, media_type=OCSP))
        code = code_of(lambda: self.client(pilot, server).material(chain[1]))
        assert code in {"signing.status.refused", "signing.status.mismatch"}

    def test_an_authority_that_does_not_know_the_certificate(self, serve, pilot):
        """A forged one under the same issuer's name: nobody has issued it."""
        key = SoftwareKey.generate(EC)
        forged = issue_leaf(
            Issuer(certificate=pilot.issuing, key=pilot.keys.open("issuing")),
            key.public_key_der,
            profile=CertificateProfile.CITIZEN,
            subject=sample_name("Không Ai"),
            serial=12345,
            at=pilot.clock.now(),
            pointers=StatusPointers(ocsp_url="http://status.example/ocsp"),
        )
        server = serve(answering(pilot.ca.responder.answer, media_type=OCSP))
        chain = (forged.public_bytes(Encoding.DER), *pilot.ca.chain_der)
        code = code_of(lambda: self.client(pilot, server).material(chain))
        assert code == "signing.status.unknown"

    def test_an_answer_whose_signature_is_changed(self, serve, pilot, chain):
        def changed(body):
            answer = bytearray(pilot.ca.responder.answer(body))
            response = ocsp.load_der_ocsp_response(bytes(answer))
            answer[answer.index(response.signature) + len(response.signature) - 1] ^= 1
            return bytes(answer)

        server = serve(answering(changed, media_type=OCSP))
        code = code_of(lambda: self.client(pilot, server).material(chain[1]))
        assert code == "signing.status.mismatch"


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """Certificates that name a list alone."""
    pointers = StatusPointers(crl_url="http://status.example/ca.crl")
    made = Pilot(tmp_path_factory.mktemp("lists"), pointers=pointers)
    yield made
    made.close()


class TestLists:
    def fetched(self, lists, server, *, later=timedelta(0)):
        clock = FixedClock(lists.clock.now() + later)
        client = StatusClient(server.exchange, clock=clock, random=SystemRandom())
        chain = (lists.certify().public_bytes(Encoding.DER), *lists.ca.chain_der)
        return client.material(chain)

    def serving(self, answer):
        return answering(lambda _: answer, media_type="application/pkix-crl")

    def test_a_list_is_fetched(self, serve, lists):
        server = serve(self.serving(lists.ca.crl_der()))
        assert self.fetched(lists, server).crls == (lists.ca.crl_der(),)
        assert [request[:2] for request in server.requests] == [("GET", "/ca.crl")]

    def test_a_list_that_is_not_current(self, serve, lists):
        server = serve(self.serving(lists.ca.crl_der()))
        for later in (timedelta(days=60), timedelta(days=-1)):
            code = code_of(lambda later=later: self.fetched(lists, server, later=later))
            assert code == "signing.status.stale"

    def test_a_list_of_another_authority(self, serve, lists, pilot):
        server = serve(self.serving(pilot.ca.crl_der()))
        assert code_of(lambda: self.fetched(lists, server)) == "signing.status.mismatch"

    @pytest.mark.parametrize("answer", [b"", b"\x30\x80", b"-----BEGIN X509 CRL-----"])
    def test_what_is_no_list(self, serve, lists, answer):
        server = serve(self.serving(answer))
        assert code_of(lambda: self.fetched(lists, server)) == "signing.status.mismatch"

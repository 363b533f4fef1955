"""Providers over real TLS through a Unix socket: honest, slow, lying, replaying, down. Nothing unverified is used."""

import hashlib
import json
import socket
import threading
from datetime import timedelta

import pytest
from authority_service import TlsService, http_answer, server_context
from provider_servers import CLIENT, PERSON, SP, MySignLike, SmartCaLike, say
from signing_pilot import EC, RSA, Pilot, make_pdf

from ekyc.chip.authority import ServiceEndpoint
from ekyc.errors import EkycError, LimitError
from ekyc.flows.provider_link import HttpsProviderLink
from ekyc.ports import SystemRandom
from ekyc.signing import Indication, Level, SigningIdentity, inspect_pdf, sign_pdf
from ekyc.signing.activation.sad import ShownDocument
from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.certificates import CertificateProfile
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.keys.software import SoftwareKey
from ekyc.signing.providers import (
    CscAccount,
    CscProvider,
    NationalGateway,
    SpAccount,
    SpProvider,
    identity_of,
)

KEYS = {EC: SoftwareKey.generate(EC), RSA: SoftwareKey.generate(RSA)}


@pytest.fixture
def pilot(tmp_path):
    made = Pilot(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    return folder, server_context(folder)


def identity(pilot, person=PERSON, key=None, **options):
    key = key or KEYS[EC]
    der = pilot.ca.certify(
        key.public_key_der,
        profile=CertificateProfile.CITIZEN,
        subject=SubjectName(common_name="Nguyễn Thị Mẫu", identifier=f"PNOVN-{person}"),
        credential="c-1",
    )
    return SigningIdentity(key=key, certificate_der=der, issuers_der=pilot.ca.chain_der)


@pytest.fixture
def place(tls, tmp_path):
    """``link = place(server)``: the server runs until the test ends; ``None`` for one that is down."""
    folder, context = tls
    path, running = tmp_path / "p", []

    def start(server, *, target="/ras", **bounds):
        if server is not None:
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listening.bind(str(path))
            listening.listen()
            service = TlsService(answer=server, listening=listening, context=context)
            running.append(service.__enter__())
        usual = {"timeout_s": 20.0, "answer_bytes": 65536}
        return HttpsProviderLink(
            ServiceEndpoint(
                host="authority.example",
                port=443,
                target=target,
                socket=path,
                ca_file=folder / "tls.pem",
                **(usual | bounds),
            )
        )

    yield start
    for service in running:
        service.__exit__(None, None, None)


def csc(pilot, link, **changed):
    fields = {**CLIENT, "person": PERSON, "profile_id": "adss:ras:profile:001", **changed}
    return CscProvider(CscAccount(**fields), link=link, clock=pilot.clock)


def sp(pilot, link, waited=None, **changed):
    def wait(seconds):
        if waited is not None:
            waited.append(seconds)
        pilot.clock.advance(timedelta(seconds=seconds))

    return SpProvider(
        SpAccount(**SP, person=PERSON, **changed),
        link=link,
        clock=pilot.clock,
        random=SystemRandom(),
        wait=wait,
    )


KINDS = {"csc": (MySignLike, csc, "/ras"), "sp": (SmartCaLike, sp, "/sca/sp769")}


@pytest.fixture(params=sorted(KINDS))
def provided(request, pilot, place):
    """Server and adapter of each shape."""
    server_class, adapter, target = KINDS[request.param]

    def start(who=None):
        server = server_class(who or identity(pilot))
        return server, adapter(pilot, place(server, target=target))

    return start


def documents(*words):
    return [
        ShownDocument(
            title=f"Đơn {word}",
            shown_digest=hashlib.sha256(word.encode()).hexdigest(),
            to_be_signed=hashlib.sha256(word.encode()).digest(),
        )
        for word in words
    ]


def code_of(call, *arguments):
    with pytest.raises(EkycError) as caught:
        call(*arguments)
    return caught.value.code.removeprefix("signing.provider.")


@pytest.mark.parametrize("algorithm", [EC, RSA])
def test_a_batch_is_signed_and_every_value_verifies(provided, pilot, algorithm):
    _, provider = provided(identity(pilot, key=KEYS[algorithm]))
    (certificate,) = provider.certificates()
    wanted = documents("một", "hai", "ba")
    values = provider.sign(certificate, wanted)
    for document, value in zip(wanted, values, strict=True):
        verify_value(certificate.public_key_der, document.to_be_signed, value)


def test_a_pdf_is_signed_with_a_key_over_there(provided, pilot):
    _, provider = provided()
    (certificate,) = provider.certificates()
    party = pilot.as_party(identity_of(provider, certificate, title="Đơn"))
    report = inspect_pdf(
        sign_pdf(make_pdf(), party, level=Level.B_T), anchors=pilot.anchors, clock=pilot.clock
    )
    assert report.signatures[0].indication is Indication.TOTAL_PASSED, report


def earlier(values):
    """A signature of this very key, over something else."""
    return [KEYS[EC].sign_digest(hashlib.sha256(b"earlier").digest()) for _ in values]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (earlier, "lied"),
        (lambda values: values[::-1], "lied"),
        (lambda values: [bytes(70) for _ in values], "lied"),
        (lambda values: [values[0], values[0]], "lied"),
        (lambda values: [value[:-1] for value in values], "lied"),
        (lambda values: values[:1], "count"),
    ],
    ids=["replayed", "swapped", "zeros", "twice", "cut", "fewer"],
)
def test_a_lying_provider_is_told(provided, change, code):
    server, provider = provided()
    (certificate,) = provider.certificates()
    server.changes.append(change)
    assert code_of(provider.sign, certificate, documents("một", "hai")) == code


def test_a_value_of_another_key_is_told(provided, pilot):
    server, provider = provided()
    (certificate,) = provider.certificates()
    other = SoftwareKey.generate(EC)
    server.changes.append(
        lambda values: [other.sign_digest(hashlib.sha256(b"m").digest()) for _ in values]
    )
    assert code_of(provider.sign, certificate, documents("m")) == "lied"


def test_a_certificate_of_another_person_is_refused(provided, pilot):
    server, provider = provided()
    server.shown = identity(pilot, "079185009999").certificate_der
    assert code_of(provider.certificates) == "other_person"
    server.shown = identity(pilot, PERSON + "0").certificate_der
    assert code_of(provider.certificates) == "other_person"


def test_a_certificate_that_is_none_or_is_over_is_refused(provided, pilot):
    server, provider = provided()
    whole = server.shown
    for shown in (b"none", whole[:-1], bytes(20_000)):
        server.shown = shown
        assert code_of(provider.certificates) == "certificate"
    server.shown = whole
    pilot.clock.advance(timedelta(days=4000))
    assert code_of(provider.certificates) == "certificate"


def test_a_provider_that_is_down(pilot, place):
    link = place(None)
    assert code_of(csc(pilot, link).certificates) == "unreachable"
    assert code_of(sp(pilot, link).certificates) == "unreachable"


def test_a_provider_that_does_not_answer_in_time(pilot, place):
    over = threading.Event()

    def slow(_head, _body):
        over.wait(20)
        return say({})

    link = place(slow, timeout_s=0.3)
    try:
        assert code_of(csc(pilot, link).certificates) == "timeout"
    finally:
        over.set()


@pytest.mark.parametrize(
    "answer",
    [
        http_answer(b""),
        http_answer(b"{"),
        http_answer(b"[]"),
        http_answer(b"[" * 50_000),
        http_answer(b'"x"'),
        say({"credentialIDs": "cred-1", "data": 1, "access_token": 7}),
        say({"access_token": "t", "expires_in": "soon"}),
        say({"access_token": "t", "credentialIDs": [1], "data": {"user_certificates": [1]}}),
    ],
)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_provider_that_answers_nonsense(pilot, place, kind, answer):
    _, adapter, target = KINDS[kind]
    provider = adapter(pilot, place(lambda *_: answer, target=target))
    assert code_of(provider.certificates) in {"malformed", "refused"}


def test_an_answer_without_end_is_cut(pilot, place):
    link = place(lambda *_: http_answer(b" " * 70_000))
    assert code_of(csc(pilot, link).certificates) == "too_large"


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_bounds(provided, count):
    _, provider = provided()
    (certificate,) = provider.certificates()
    with pytest.raises(LimitError):
        provider.sign(certificate, documents(*map(str, range(count))))


class TestCsc:
    def test_logs_in_once_and_again_when_the_token_is_over(self, pilot, place):
        server = MySignLike(identity(pilot))
        provider = csc(pilot, place(server))
        provider.certificates()
        provider.certificates()
        logins = [path for path, _ in server.asked].count("/ras/v1/login")
        assert logins == 1
        server.tokens.clear()
        (certificate,) = provider.certificates()
        pilot.clock.advance(timedelta(hours=1))
        provider.sign(certificate, documents("một"))
        assert [path for path, _ in server.asked].count("/ras/v1/login") == 3

    def test_a_login_that_is_refused(self, pilot, place):
        server = MySignLike(identity(pilot))
        provider = csc(pilot, place(server), client_secret="wrong")
        assert code_of(provider.certificates) == "unauthorised"
        assert len(server.asked) == 1

    def test_a_token_that_is_never_good(self, pilot, place):
        server = MySignLike(identity(pilot))
        server.overrides["/ras/csc/v1/credentials/list"] = say({}, "401 Unauthorized")
        assert code_of(csc(pilot, place(server)).certificates) == "unauthorised"

    def test_a_person_who_declines(self, pilot, place):
        server = MySignLike(identity(pilot))
        provider = csc(pilot, place(server))
        (certificate,) = provider.certificates()
        server.authorises = False
        assert code_of(provider.sign, certificate, documents("một")) == "declined"

    def test_the_phone_is_told_the_titles(self, pilot, place):
        server = MySignLike(identity(pilot))
        provider = csc(pilot, place(server))
        (certificate,) = provider.certificates()
        provider.sign(certificate, documents("một"))
        told = dict(server.asked)["/ras/csc/v1/credentials/authorize"]
        assert told["documents"] == [{"document_id": "1", "document_name": "Đơn một"}]


class TestSp:
    def test_asks_until_the_person_has_confirmed(self, pilot, place):
        server, waited = SmartCaLike(identity(pilot)), []
        server.patience = 4
        provider = sp(pilot, place(server, target="/sca/sp769"), waited)
        (certificate,) = provider.certificates()
        provider.sign(certificate, documents("một"))
        assert waited == [3.0, 3.0, 3.0]

    def test_a_person_who_never_confirms(self, pilot, place):
        server = SmartCaLike(identity(pilot))
        server.patience = 10**9
        provider = sp(pilot, place(server, target="/sca/sp769"))
        (certificate,) = provider.certificates()
        assert code_of(provider.sign, certificate, documents("một")) == "unconfirmed"
        assert len(server.asked) <= 103

    def test_a_person_who_declines(self, pilot, place):
        server = SmartCaLike(identity(pilot))
        server.message = "user_rejected"
        provider = sp(pilot, place(server, target="/sca/sp769"))
        (certificate,) = provider.certificates()
        assert code_of(provider.sign, certificate, documents("một")) == "declined"

    def test_a_wrong_password(self, pilot, place):
        server = SmartCaLike(identity(pilot))
        link = place(server, target="/sca/sp769")
        provider = SpProvider(
            SpAccount(sp_id=SP["sp_id"], sp_password="wrong", person=PERSON),
            link=link,
            clock=pilot.clock,
            random=SystemRandom(),
            wait=lambda _: None,
        )
        assert code_of(provider.certificates) == "unauthorised"

    def test_a_notice_is_believed_as_far_as_it_verifies(self, pilot, place):
        server = SmartCaLike(identity(pilot))
        provider = sp(pilot, place(server, target="/sca/sp769"))
        (certificate,) = provider.certificates()
        wanted = documents("một", "hai")
        pending = provider.order(certificate, wanted)
        notice = server.notice()
        values = provider.receive(certificate, pending, notice)
        for document, value in zip(wanted, values, strict=True):
            verify_value(certificate.public_key_der, document.to_be_signed, value)
        again = provider.receive(certificate, pending, notice)
        assert again == values  # the same notice twice
        later = provider.order(certificate, wanted)
        assert code_of(provider.receive, certificate, later, notice) == "malformed"
        said = json.loads(notice)
        said["signed_files"].reverse()
        assert provider.receive(certificate, pending, json.dumps(said).encode()) == values
        forged = json.loads(notice)
        for file, other in zip(forged["signed_files"], said["signed_files"], strict=True):
            file["signature_value"] = other["signature_value"]
        assert (
            code_of(provider.receive, certificate, pending, json.dumps(forged).encode()) == "lied"
        )
        said["signed_files"].append(said["signed_files"][0])
        assert (
            code_of(provider.receive, certificate, pending, json.dumps(said).encode())
            == "malformed"
        )

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"[" * 50_000, b" " * 300_000, b"{}"])
    def test_a_notice_that_is_none(self, pilot, place, body):
        server = SmartCaLike(identity(pilot))
        provider = sp(pilot, place(server, target="/sca/sp769"))
        (certificate,) = provider.certificates()
        pending = provider.order(certificate, documents("một"))
        assert code_of(provider.receive, certificate, pending, body) == "malformed"

    @pytest.mark.parametrize("code", ["../../login", "a/b", "a?b", "é", "a" * 129, "-"])
    def test_a_number_that_would_lead_elsewhere(self, pilot, place, code):
        server = SmartCaLike(identity(pilot))
        honest = server.ok
        server.ok = lambda data, message="OK": honest(
            data | ({"tran_code": code} if "tran_code" in data else {}), message
        )
        provider = sp(pilot, place(server, target="/sca/sp769"))
        (certificate,) = provider.certificates()
        assert code_of(provider.order, certificate, documents("một")) == "malformed"


def test_the_national_gateway_says_what_is_missing():
    gateway = NationalGateway()
    for call in (gateway.certificates, lambda: gateway.sign(None, ())):
        with pytest.raises(EkycError) as caught:
            call()
        assert caught.value.code == "signing.provider.not_connected"
        assert not caught.value.retryable
        for missing in ("message format", "contract", "certificate"):
            assert missing in str(caught.value)


def test_nothing_secret_shows(pilot, place):
    account = SpAccount(**SP, person=PERSON)
    shown = repr(account) + repr(CscAccount(**CLIENT, person=PERSON))
    for secret in (*SP.values(), *CLIENT.values(), PERSON):
        assert secret not in shown

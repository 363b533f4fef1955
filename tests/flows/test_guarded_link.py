"""The guarded link against resolvers and hosts that lie. No network: connections are pairs of sockets."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ekyc.errors import InputError
from ekyc.flows.guarded_link import GuardedLink, LinkBounds, LinkError, LinkRefusedError

HOST = "portal.example.vn"
URL = f"https://{HOST}/hooks?x=1"
PUBLIC = "1.1.1.1"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture(scope="module")
def host_files(tmp_path_factory):
    """A certificate for HOST that stands for itself, and its key."""
    folder = tmp_path_factory.mktemp("host")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


class Host:
    """The other end of every connection: takes one request, gives a scripted answer."""

    def __init__(self, files, *, answer=OK, tls=True, close=True):
        self.files, self.answer, self.tls, self.close = files, answer, tls, close
        self.dialled, self.requests, self.names, self.threads = [], [], [], []
        self.refuses = set()
        self.kept = []

    def dial(self, address, port, timeout_s):
        self.dialled.append((address, port))
        assert timeout_s > 0
        if address in self.refuses:
            raise ConnectionRefusedError
        ours, theirs = socket.socketpair()
        ours.settimeout(timeout_s)
        thread = threading.Thread(target=self.serve, args=(theirs,), daemon=True)
        thread.start()
        self.threads.append(thread)
        return ours

    def serve(self, raw):
        with (
            raw,
            contextlib.suppress(OSError),
            self.handshake(raw) if self.tls else raw as link,
        ):
            self.answer_one(link)

    def handshake(self, raw):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.files / "cert.pem", self.files / "key.pem")
        context.sni_callback = lambda _sock, name, _context: self.names.append(name)
        return context.wrap_socket(raw, server_side=True)

    @staticmethod
    def is_whole(received):
        head, end, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        return bool(end) and len(body) >= (int(length[1]) if length else 0)

    def answer_one(self, link):
        received = b""
        while not self.is_whole(received):
            received += link.recv(65536)
        self.requests.append(received)
        link.sendall(self.answer)
        if not self.close:
            link.recv(1)  # until the other side has had enough


def link_to(host, *, found=(PUBLIC,), **bounds):
    bounds = {"ca_file": host.files / "cert.pem", "timeout_s": 10.0} | bounds
    return GuardedLink(LinkBounds(**bounds), resolve=lambda *_: list(found), dial=host.dial)


def test_the_pinned_address_is_called_by_the_name(host_files):
    host = Host(host_files)
    answer = link_to(host).send("POST", URL, b"{}", headers={"Content-Type": "application/json"})

    assert answer.status == 204
    assert host.dialled == [(PUBLIC, 443)]
    assert host.names == [HOST]
    [request] = host.requests
    head = request.decode().split("\r\n")
    assert head[0] == "POST /hooks?x=1 HTTP/1.1"
    assert f"Host: {HOST}" in head
    assert "Connection: close" in head


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["fe80::1%2"],
        ["64:ff9b::a00:1"],
        [PUBLIC, "10.0.0.1"],  # one private address among public ones
        ["10.0.0.1", PUBLIC],
        ["nonsense"],
    ],
)
def test_a_name_that_leads_inside_is_never_dialled(host_files, found):
    host = Host(host_files)
    with pytest.raises(LinkRefusedError) as caught:
        link_to(host, found=found).send("POST", URL, b"{}", headers={})

    assert caught.value.code == "link.address"
    assert host.dialled == []
    assert HOST not in str(caught.value)


def test_a_name_that_is_pointed_elsewhere_leads_nowhere(host_files):
    """DNS rebinding: the resolver is asked once for each exchange, and its answer is what is dialled."""
    host = Host(host_files)
    answers = iter([[PUBLIC], ["127.0.0.1"], ["8.8.8.8"]])
    link = GuardedLink(
        LinkBounds(ca_file=host_files / "cert.pem"),
        resolve=lambda *_: next(answers),
        dial=host.dial,
    )
    link.send("POST", URL, b"1", headers={})
    with pytest.raises(LinkRefusedError):
        link.send("POST", URL, b"2", headers={})
    link.send("POST", URL, b"3", headers={})

    assert host.dialled == [(PUBLIC, 443), ("8.8.8.8", 443)]
    assert next(answers, None) is None


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://portal.example.vn/", "link.url"),
        ("http://127.0.0.1/", "link.url"),
        ("https://127.0.0.1/", "link.address"),
        ("https://[::1]/", "link.address"),
        ("https://[::ffff:127.0.0.1]/", "link.address"),
        ("https://10.1.2.3/", "link.address"),
        ("https://169.254.169.254/latest/meta-data/", "link.address"),
        ("https://portal.example.vn:22/", "link.url"),
        ("https://portal.example.vn@127.0.0.1/", "link.url"),
        ("https://0x7f.1/", "link.url"),
        ("https://localhost/", "link.url"),
        ("https://intranet/", "link.url"),
    ],
)
def test_what_may_not_be_called_is_refused_before_a_name_is_resolved(url, code):
    def resolve(*_):
        raise AssertionError

    link = GuardedLink(LinkBounds(), resolve=resolve)
    for use in (link.require, link.get):
        with pytest.raises(LinkRefusedError) as caught:
            use(url)
        assert caught.value.code == code
        assert url not in str(caught.value)


def test_all_addresses_are_tried_in_turn(host_files):
    host = Host(host_files)
    host.refuses = {"1.1.1.1", "2606:4700::1111"}
    link_to(host, found=["1.1.1.1", "2606:4700::1111", "8.8.8.8"]).send(
        "POST", URL, b"", headers={}
    )
    assert [address for address, _ in host.dialled] == ["1.1.1.1", "2606:4700::1111", "8.8.8.8"]

    host.refuses.add("8.8.8.8")
    with pytest.raises(LinkError) as caught:
        link_to(host, found=["8.8.8.8"]).get(URL)
    assert caught.value.code == "link.unreachable"


def test_a_certificate_for_another_name_is_no_certificate(host_files):
    host = Host(host_files)
    with pytest.raises(LinkError) as caught:
        link_to(host).get("https://other.example.vn/")
    assert caught.value.code == "link.tls"
    assert host.requests == []


def test_a_certificate_that_nobody_vouches_for_is_no_certificate(host_files):
    host = Host(host_files)
    with pytest.raises(LinkError) as caught:
        link_to(host, ca_file=None).get(URL)
    assert caught.value.code == "link.tls"
    assert host.requests == []


def test_a_redirect_is_an_answer_and_not_followed(host_files):
    host = Host(host_files, answer=b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\n\r\n")
    assert link_to(host).get(URL).status == 302
    assert len(host.dialled) == 1


def test_proxies_of_the_environment_are_not_asked(host_files, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    host = Host(host_files)
    link_to(host).get(URL)
    assert host.dialled == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11, "link.too_large"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"a\r\n0123456789\r\n" * 9, "link.too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "link.malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "link.malformed"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n", "link.malformed"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", "link.malformed"),
        (b"SSH-2.0-OpenSSH_9\r\n", "link.malformed"),
        (b"", "link.malformed"),
    ],
)  # fmt: skip
def test_an_answer_beyond_the_bounds_is_none(host_files, answer, code):
    with pytest.raises(LinkError) as caught:
        link_to(Host(host_files, answer=answer), answer_bytes=10).get(URL)
    assert caught.value.code == code


def test_a_body_that_nobody_wants_is_not_read(host_files):
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nRetry-After: 7\r\n\r\nx"
    host = Host(host_files, answer=endless, close=False)
    answer = link_to(host, answer_bytes=0).send("POST", URL, b"{}", headers={})
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (200, b"", "7")


@pytest.mark.parametrize(
    ("answer", "tls"),
    [
        (b"", True),  # takes the request and says nothing
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3, True),
    ],
)
def test_a_host_that_is_slow_is_left(host_files, answer, tls):
    host = Host(host_files, answer=answer, tls=tls, close=False)
    with pytest.raises(LinkError) as caught:
        link_to(host, timeout_s=0.3).get(URL)
    assert caught.value.code == "link.timeout"


def test_a_host_that_never_shakes_hands_is_left(host_files):
    ours, theirs = socket.socketpair()
    link = GuardedLink(LinkBounds(timeout_s=0.2), resolve=lambda *_: [PUBLIC], dial=lambda *_: ours)
    with theirs, pytest.raises(LinkError) as caught:
        link.get(URL)
    assert caught.value.code == "link.timeout"


def test_a_resolver_that_never_answers_is_left():
    release = threading.Event()

    def resolve(*_):
        release.wait(60)
        return [PUBLIC]

    link = GuardedLink(LinkBounds(timeout_s=0.2), resolve=resolve)
    with pytest.raises(LinkError) as caught:
        link.get(URL)
    release.set()
    assert caught.value.code == "link.timeout"


@pytest.mark.parametrize("found", [OSError("no"), UnicodeError("label too long"), []])
def test_a_name_without_an_address_is_unresolved(found):
    def resolve(*_):
        if isinstance(found, Exception):
            raise found
        return found

    with pytest.raises(LinkError) as caught:
        GuardedLink(LinkBounds(), resolve=resolve).get(URL)
    assert caught.value.code == "link.unresolved"


def test_this_machine_is_called_only_where_the_operator_says_so(host_files):
    host = Host(host_files, tls=False)
    for url in ("http://localhost:8080/", "http://127.0.0.1:8080/", "http://[::1]:8080/"):
        assert link_to(host, found=["127.0.0.1"], loopback=True).get(url).status == 204
    for url in ("http://portal.example.vn/", "http://10.0.0.1/", "http://[::ffff:127.0.0.1]/"):
        with pytest.raises(LinkRefusedError):
            link_to(host, found=["127.0.0.1"], loopback=True).get(url)
    with pytest.raises(LinkRefusedError):  # a name of this machine that leads elsewhere
        link_to(host, found=["10.0.0.1"], loopback=True).get("http://localhost/")
    with pytest.raises(LinkRefusedError):  # another's name that leads to this machine
        link_to(host, found=["127.0.0.1"], loopback=True).get(URL)


def test_a_network_that_the_operator_named_is_called(host_files):
    host = Host(host_files)
    assert link_to(host, found=["10.1.2.3"], networks=("10.1.0.0/16",)).get(URL).status == 204
    for found in ("10.2.0.1", "::ffff:10.1.2.3", "127.0.0.1"):
        with pytest.raises(LinkRefusedError):
            link_to(host, found=[found], networks=("10.1.0.0/16",)).get(URL)


def test_headers_of_the_link_are_its_own(host_files):
    host = Host(host_files)
    for name in ("Host", "host", "Content-Length", "Transfer-Encoding", "Connection"):
        with pytest.raises(LinkRefusedError):
            link_to(host).get(URL, headers={name: "x"})
    with pytest.raises(LinkError):
        link_to(host).get(URL, headers={"X-One": "a\r\nX-Two: b"})
    assert host.requests == []


def test_roots_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(InputError) as caught:
        GuardedLink(LinkBounds(ca_file=tmp_path / "none.pem"))
    assert caught.value.code == "link.config"

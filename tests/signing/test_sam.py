"""The signing process: what it answers, over a real socket, to those who ask well and to those who do not."""

import json
import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sam_desk import ME, PASSPHRASE, A, B, C, SamDesk, code_of, document, short_folder
from signing_pilot import EC, RSA, make_pdf

from ekyc.errors import EkycError, InputError, UpstreamError
from ekyc.signing import Level, inspect_pdf, sign_pdf
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.sam import SamClient, SamServer, ServerLimits
from ekyc.signing.sam.messages import (
    MAX_FRAME_BYTES,
    SignRequest,
    read_answer,
    read_body,
    read_request,
    write_error,
    write_frame,
    write_request,
)
from ekyc.signing.signatory import public_key_der_of
from ekyc.storage import ActivationUsedError, FactorError

MINE = frozenset({os.getuid()})


@pytest.fixture
def desk(tmp_path):
    made = SamDesk(tmp_path)
    yield made
    made.close()


class TestSigning:
    def test_a_batch_comes_back_in_the_order_that_was_asked(self, desk):
        with desk.serving() as client:
            values = desk.sign(client, desk.authorise(A, B, C), C, A, B)
            key = public_key_der_of(client.describe(desk.mine).certificate_der)
        for digest, value in zip((C, A, B), values, strict=True):
            verify_value(key, digest, value)

    @pytest.mark.parametrize("algorithm", [EC, RSA])
    def test_a_pdf_signs_through_it_unchanged(self, tmp_path, algorithm):
        desk = SamDesk(tmp_path, algorithm=algorithm)
        with desk.serving() as client:
            identity = client.identity(desk.mine, authorise=desk.authorise)
            party = desk.pilot.as_party(identity)
            signed = sign_pdf(make_pdf(), party, level=Level.B_LTA)
        report = inspect_pdf(signed, anchors=desk.pilot.anchors, clock=desk.clock)
        assert report.outcome == "PASSED"
        desk.close()

    def test_a_refusal_keeps_its_kind_and_code(self, desk):
        sad = desk.authorise(A)
        with desk.serving() as client:
            desk.sign(client, sad, A)
            with pytest.raises(ActivationUsedError) as caught:
                desk.sign(client, sad, A)
        assert caught.value.code == "activation.already_used"

    def test_a_credential_is_described_without_its_key(self, desk):
        with desk.serving(desk.module(methods=frozenset({ActivationMethod.WEBAUTHN}))) as client:
            described = client.describe(desk.mine)
            assert code_of(client.describe, "c-9") == "activation.credential_unknown"
        assert described.certificate_der == desk.directory.find(desk.mine).certificate_der
        assert described.issuers_der == desk.pilot.ca.chain_der
        assert described.methods == (ActivationMethod.WEBAUTHN,)
        assert described.protection == "software"

    def test_its_policy_is_its_own(self, desk):
        """The record allows verification alone; this process does not."""
        strict = desk.module(methods=frozenset({ActivationMethod.WEBAUTHN}))
        with desk.serving(strict) as client:
            refused = code_of(desk.sign, client, desk.authorise(A), A)
        assert refused == "activation.method"

    def test_a_credential_that_is_switched_off(self, desk):
        sad = desk.authorise(A)
        with desk.serving() as client:
            desk.records.disable(desk.mine)
            assert code_of(desk.sign, client, sad, A) == "signing.credential.disabled"
            assert code_of(client.describe, desk.mine) == "signing.credential.disabled"

    def test_a_key_of_another_store(self, desk, tmp_path):
        from signing_pilot import CHEAP

        desk.keys = EmbeddedKeys.create(tmp_path / "other", PASSPHRASE, cost=CHEAP)
        with desk.serving() as client:
            assert code_of(desk.sign, client, desk.authorise(A), A) == "signing.key.missing"

    def test_many_callers_at_once(self, desk):
        sads = [desk.authorise(A) for _ in range(24)]
        with desk.serving() as client, ThreadPoolExecutor(8) as pool:
            values = list(pool.map(lambda sad: desk.sign(client, sad, A), sads))
        assert len({value for (value,) in values}) == 24

    def test_an_error_in_the_process_is_an_answer(self, desk):
        class Broken:
            def find(self, _):
                raise ZeroDivisionError

        module = desk.module()
        module._credentials = Broken()
        with desk.serving(module) as client:
            assert code_of(client.describe, desk.mine) == "signing.sam.failed"
            client.ping()


class TestSocket:
    def test_is_closed_to_others_and_gone_afterwards(self, desk):
        with desk.serving() as client:
            mode = client._path.stat().st_mode
            assert stat.S_IMODE(mode) == 0o600
            path = client._path
        assert not path.exists()

    def test_another_user_is_turned_away(self, desk):
        with short_folder() as folder, listening(desk, folder, users=frozenset()) as path:
            assert code_of(ping, path) == "signing.sam.lost"

    def test_a_process_of_another_user_is_not_asked(self, desk):
        with desk.serving() as client:
            refused = code_of(ping, client._path, user=os.getuid() + 1)
        assert refused == "signing.sam.unreachable"

    def test_one_process_at_a_time(self, desk):
        with desk.serving() as client:
            again = code_of(SamServer, desk.module().answer, client._path, users=MINE)
            client.ping()
        assert again == "signing.sam.socket_in_use"

    def test_a_socket_left_by_a_killed_process_is_replaced(self, desk):
        with short_folder() as folder:
            left = socket.socket(socket.AF_UNIX)
            left.bind(str(folder / "sam.sock"))
            left.close()
            with listening(desk, folder) as path:
                ping(path)

    def test_a_folder_that_others_may_write(self, desk):
        with short_folder() as folder:
            folder.chmod(0o777)
            path = folder / "sam.sock"
            refused = code_of(SamServer, desk.module().answer, path, users=MINE)
        assert refused == "signing.sam.socket_path"

    def test_a_path_too_long_for_a_socket(self, desk, tmp_path):
        path = tmp_path / ("x" * 120)
        assert (
            code_of(SamServer, desk.module().answer, path, users=MINE) == "signing.sam.socket_path"
        )

    def test_nobody_there(self, tmp_path):
        assert code_of(ping, tmp_path / "none") == "signing.sam.unreachable"

    def test_a_restart_is_not_noticed(self, desk):
        with short_folder() as folder, SamClient(folder / "sam.sock") as client:
            for _ in range(3):
                with listening(desk, folder):
                    desk.sign(client, desk.authorise(A), A)

    def test_what_has_begun_is_answered_before_it_stops(self, desk):
        begun, go_on = Event(), Event()

        def slow(message):
            begun.set()
            go_on.wait()
            return {"version": 1, **message}

        with short_folder() as folder:
            server = SamServer(slow, folder / "sam.sock", users=MINE)
            serving = Thread(target=server.serve)
            serving.start()
            with ThreadPoolExecutor(1) as pool, SamClient(folder / "sam.sock") as client:
                asked = pool.submit(client.ping)
                begun.wait()
                server.stop()
                go_on.set()
                assert asked.result() is None
            serving.join()

    def test_too_many_connections(self, desk):
        limits = ServerLimits(connections=1)
        with desk.serving(limits=limits) as client:
            client.ping()
            assert code_of(ping, client._path) == "signing.sam.busy"
            client.ping()


def ping(path, **options):
    with SamClient(path, **options) as client:
        client.ping()


@contextmanager
def listening(desk, folder, *, users=MINE, **options):
    path = folder / "sam.sock"
    server = SamServer(desk.module().answer, path, users=users, **options)
    thread = Thread(target=server.serve)
    thread.start()
    try:
        yield path
    finally:
        server.stop()
        thread.join()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    made = SamDesk(tmp_path_factory.mktemp("desk"))
    with made.serving(limits=ServerLimits(frame_s=0.2, idle_s=5)) as client:
        yield made, client
    made.close()


def talk(path, data, *, half=True):
    """What the process says to these bytes, until it hangs up."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        raw.settimeout(5)
        raw.sendall(data)
        if half:
            raw.shutdown(socket.SHUT_WR)
        said = b""
        with suppress(ConnectionResetError):  # it hung up on bytes that it did not want to read
            while part := raw.recv(1 << 16):
                said += part
        return said


def refusal_in(said):
    return read_body(said[4:])["error"]["code"]


class TestHostilePeers:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"\xff\xff\xff\xff", "signing.sam.too_long"),
            ((MAX_FRAME_BYTES + 1).to_bytes(4), "signing.sam.too_long"),
            (b"\0\0\0\0", "signing.sam.malformed"),
            (b"\0\0\0\x02[]", "signing.sam.malformed"),
            (b"\0\0\0\x01\xff", "signing.sam.malformed"),
            (write_frame({"op": "keys"}), "signing.sam.malformed"),
            (write_frame({"op": "ping", "more": 1}), "signing.sam.malformed"),
            (write_frame({}), "signing.sam.malformed"),
        ],
        ids=["4 GB", "one too many", "empty", "a list", "no JSON", "unknown", "more", "nothing"],
    )
    def test_get_an_error(self, shared, data, code):
        assert refusal_in(talk(shared[1]._path, data)) == code

    def test_deep_nesting(self, shared):
        body = b'{"op":' + b"[" * 100_000
        assert (
            refusal_in(talk(shared[1]._path, len(body).to_bytes(4) + body))
            == "signing.sam.malformed"
        )

    def test_a_frame_cut_at_every_byte_gets_no_answer(self, shared):
        frame = write_frame({"op": "ping"})
        for end in range(len(frame)):
            assert talk(shared[1]._path, frame[:end]) == b""

    def test_one_who_stops_in_the_middle_is_let_go(self, shared):
        assert talk(shared[1]._path, write_frame({"op": "ping"})[:-1], half=False) == b""
        shared[1].ping()

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(data=st.binary(max_size=300))
    def test_junk(self, shared, data):
        talk(shared[1]._path, data)
        shared[1].ping()

    def test_more_hashes_than_a_sad_covers(self, shared):
        desk, client = shared
        refused = code_of(desk.sign, client, desk.authorise(A), *([A] * 101))
        assert refused == "signing.sam.too_many"


class TestHostileProcess:
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (b"", "signing.sam.lost"),
            (b"\xff\xff\xff\xff", "signing.sam.malformed"),
            (b"\0\0\0\x02[]", "signing.sam.malformed"),
            (b"\0\0\0\x09{", "signing.sam.lost"),
            (write_frame({}), "signing.sam.malformed"),
            (write_frame({"values": []}), "signing.sam.malformed"),
            (write_frame({"values": ["?"]}), "signing.sam.malformed"),
            (write_frame({"values": [3]}), "signing.sam.malformed"),
            (write_frame({"error": {}}), "signing.sam.malformed"),
            (
                write_frame({"error": {"kind": "SystemExit", "code": "x", "message": ""}}),
                "signing.sam.malformed",
            ),
        ],
    )
    def test_an_answer_of_another_form(self, answer, code):
        with impostor(answer) as client:
            assert (
                code_of(client.sign, "sad", credential_id="c-1", hashes=(A,), algorithm=EC) == code
            )

    def test_a_signature_over_something_else(self, desk):
        with desk.serving() as client:
            identity = client.identity(desk.mine, authorise=desk.authorise)
            (value,) = desk.sign(client, desk.authorise(B), B)

        def lie(*_, **__):
            return (value,)

        client.sign = lie
        assert code_of(identity.key.sign_digest, A) == "signing.sam.lied"

    def test_silence_ends(self):
        with impostor(None) as client:
            client._answer_s = 0.1
            assert code_of(client.ping) == "signing.sam.lost"


@contextmanager
def impostor(answer):
    """Somebody who reads one request and answers with these bytes, or not at all."""
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()
        done = Event()

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                if answer is not None:
                    connection.sendall(answer)
                else:
                    done.wait()

        thread = Thread(target=serve)
        thread.start()
        try:
            with SamClient(folder / "s") as client:
                yield client
        finally:
            done.set()
            thread.join()


class TestMessages:
    @given(
        sad=st.text(max_size=50),
        credential=st.text(max_size=20),
        hashes=st.lists(st.binary(max_size=40), max_size=5),
        algorithm=st.sampled_from([EC, RSA]),
    )
    def test_a_request_comes_back(self, sad, credential, hashes, algorithm):
        request = SignRequest(
            sad=sad, credential=credential, hashes=tuple(hashes), algorithm=algorithm
        )
        message = json.loads(json.dumps(write_request(request)))
        assert read_request(message) == request

    @given(value=st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists))
    def test_no_value_is_taken_for_a_request(self, value):
        for name in ("op", "sad", "credential", "hashes", "algorithm"):
            message = {
                "op": "sign",
                "sad": "",
                "credential": "",
                "hashes": [],
                "algorithm": "ecdsa-p256-sha256",
                name: value,
            }
            try:
                request = read_request(message)
            except InputError:
                continue
            assert write_request(request) == message

    def test_an_error_of_another_kind_comes_as_its_nearest_ancestor(self):
        class PrivateError(UpstreamError):
            pass

        for error, kind in ((PrivateError("x"), UpstreamError), (FactorError("y"), FactorError)):
            with pytest.raises(EkycError) as caught:
                read_answer(write_error(error))
            assert type(caught.value) is kind

    def test_a_title_of_any_script_arrives(self, desk):
        sad = desk.issuer.issue(
            desk.directory.find(desk.mine),
            [document(A, "Giấy chứng nhận đăng ký kết hôn – số 07/2026")],
            evidence=desk.verified(holder=ME),
            session=desk.verified().session,
        )
        with desk.serving() as client:
            assert len(desk.sign(client, sad, A)) == 1

"""Webhooks as receivers see them: signatures by an independent verifier, the schedule, and workers over a real queue."""

from __future__ import annotations

import logging
import threading
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError
from webhook_receiver import verify

from ekyc.errors import BusyError
from ekyc.flows.guarded_link import GuardedAnswer, LinkError, LinkRefusedError
from ekyc.flows.webhook_schedule import DELAYS, MOST_WAIT, Answer, after_failure, is_success
from ekyc.flows.webhook_signatures import shown_key, signature_headers
from ekyc.flows.webhook_worker import DeliveryWorker, WebhookSender, WorkerSettings, working
from ekyc.ports import SystemRandom
from ekyc.storage import (
    EVENT_KINDS,
    DeliveriesOf,
    DeliveryState,
    DisabledBy,
    ServiceKey,
    SignatureForm,
    SigningSecret,
    Storage,
)
from ekyc.storage.webhooks.outbox import CredentialRevoked, Outbox
from ekyc.testing import FixedClock

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
URL = "https://portal.example.vn/hooks"
KEY = ServiceKey(bytes(range(32)))
AN_ID = "0123456789abcdef" * 2
RANDOM = SystemRandom()


def secret(form, body=None):
    return SigningSecret(form=form, body=body or RANDOM.token_bytes(32), created_at=NOW)


# --- signatures ---


def test_the_worked_example_of_the_libraries_comes_out():
    """The example that the reference implementations of Standard Webhooks test themselves with."""
    key = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
        [secret(SignatureForm.V1, key)],
    )
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.binary(max_size=300), number=st.integers(0, 2**64))
def test_every_message_is_verified_by_the_text_of_the_specification(body, number):
    secrets = [secret(form) for form in SignatureForm]
    headers = signature_headers(f"evt_{number}", NOW, body, secrets)
    keys = [shown_key(one) for one in secrets]

    assert verify(keys, headers, body, NOW.timestamp()) == {"v1", "v1a"}
    assert verify(keys, headers, body + b" ", NOW.timestamp()) == set()
    assert verify(keys, headers | {"webhook-id": "evt_x"}, body, NOW.timestamp()) == set()
    other = {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}
    assert verify(keys, headers | other, body, NOW.timestamp()) == set()
    assert verify(keys, headers, body, NOW.timestamp() + 301) == set()
    strangers = [shown_key(secret(form)) for form in SignatureForm]
    assert verify(strangers, headers, body, NOW.timestamp()) == set()


def test_the_reference_library_verifies_what_an_hmac_key_signed():
    """``standardwebhooks`` looks at the system's clock, so this message is of now."""
    at, body = datetime.now(UTC), b'{"type":"credential.revoked"}'
    secrets = [secret(form) for form in SignatureForm]
    headers = signature_headers("evt_1", at, body, secrets)
    (key,) = (shown_key(one) for one in secrets if one.form is SignatureForm.V1)

    assert Webhook(key).verify(body, headers) == {"type": "credential.revoked"}
    for changed, sent in ((headers, body + b" "), (headers | {"webhook-id": "evt_2"}, body)):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(sent, changed)


def test_while_keys_change_old_and_new_ones_verify():
    old, new = ([secret(form) for form in SignatureForm] for _ in range(2))
    headers = signature_headers("evt_1", NOW, b"{}", [*new, *old])
    assert headers["webhook-signature"].count(" ") == 3
    for pair in (old, new):
        keys = [shown_key(one) for one in pair]
        assert verify(keys, headers, b"{}", NOW.timestamp()) == {"v1", "v1a"}


@pytest.fixture(scope="module")
def documented(repository_root):
    """The verifier that docs/webhooks.md gives to receivers."""
    page = (repository_root / "docs" / "webhooks.md").read_text("utf-8")
    written = {}
    exec(page.partition("```python\n")[2].partition("```")[0], written)
    return written["is_genuine"]


@given(body=st.binary(max_size=60))
@example(body=b"{}")
def test_the_documented_verifier_tells_genuine_messages_from_others(documented, body):
    old, new = ([secret(form) for form in SignatureForm] for _ in range(2))
    headers = signature_headers("evt_1", NOW, body, [*new, *old])
    now = NOW.timestamp()
    for one in (*old, *new):
        key = shown_key(one)
        assert documented(key, headers, body, now)
        assert not documented(key, headers, body + b"x", now)
        assert not documented(key, headers | {"webhook-id": "evt_2"}, body, now)
        assert not documented(key, headers, body, now + 301)
        assert not documented(key, headers | {"webhook-timestamp": "soon"}, body, now)
        for signature in ("", "v1,", "v1a,", "v1", "v2,eA==", "v1a,!"):
            assert not documented(key, headers | {"webhook-signature": signature}, body, now)
        assert not documented(shown_key(secret(one.form)), headers, body, now)


def test_every_event_type_is_documented(repository_root):
    page = (repository_root / "docs" / "webhooks.md").read_text("utf-8")
    assert [kind for kind in EVENT_KINDS if f"`{kind}`" not in page] == []


def test_keys_as_text_say_what_they_are():
    symmetric, asymmetric = secret(SignatureForm.V1), secret(SignatureForm.V1A)
    assert b64decode(shown_key(symmetric).removeprefix("whsec_")) == symmetric.body
    public = b64decode(shown_key(asymmetric).removeprefix("whpk_"))
    private = Ed25519PrivateKey.from_private_bytes(asymmetric.body)
    assert public == private.public_key().public_bytes_raw()


# --- the schedule ---


def test_the_schedule_is_the_published_one():
    hours = [delay.total_seconds() for delay in DELAYS]
    assert hours == [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


@given(number=st.integers(1, 9), status=st.one_of(st.none(), st.sampled_from([301, 400, 404, 500])))
def test_every_wait_is_the_schedules_or_up_to_a_tenth_longer(number, status):
    answer = None if status is None else Answer(status=status)
    failure = after_failure(answer, number=number, now=NOW, random=RANDOM)
    assert DELAYS[number] <= failure.retry_at - NOW <= DELAYS[number] * 1.1
    assert failure.pause_until is None
    assert not failure.gone


def test_waits_differ():
    waits = {after_failure(None, number=3, now=NOW, random=RANDOM).retry_at for _ in range(50)}
    assert len(waits) > 40


def test_after_the_last_attempt_a_delivery_is_given_up():
    assert after_failure(None, number=10, now=NOW, random=RANDOM).retry_at is None
    assert after_failure(None, number=25, now=NOW, random=RANDOM).retry_at is None


def test_gone_is_gone():
    failure = after_failure(Answer(status=410), number=1, now=NOW, random=RANDOM)
    assert (failure.retry_at, failure.gone) == (None, True)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_endpoint_under_load_is_left_alone_whole(status):
    failure = after_failure(Answer(status=status), number=1, now=NOW, random=RANDOM)
    assert timedelta(seconds=5) <= failure.pause_until - NOW <= timedelta(seconds=5.5)
    later = after_failure(Answer(status=status), number=8, now=NOW, random=RANDOM)
    assert later.pause_until - NOW == timedelta(minutes=5)
    asked = Answer(status=status, retry_after="3600")
    failure = after_failure(asked, number=1, now=NOW, random=RANDOM)
    assert failure.pause_until - NOW == failure.retry_at - NOW == timedelta(hours=1)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("999999999", MOST_WAIT),
        (format_datetime(NOW + timedelta(hours=2), usegmt=True), timedelta(hours=2)),
        (format_datetime(NOW + timedelta(days=900), usegmt=True), MOST_WAIT),
        (format_datetime(NOW - timedelta(hours=2), usegmt=True), timedelta(0)),
        ("0", timedelta(0)),
        ("-5", timedelta(0)),
        ("1e9", timedelta(0)),
        ("9" * 30, timedelta(0)),
        ("٣٠", timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MOST_WAIT),
        ("Mon, 01 Jan 0001 00:00:00 +2359", timedelta(0)),
        ("soon", timedelta(0)),
        ("", timedelta(0)),
    ],
)
def test_retry_after_lengthens_and_never_shortens(value, wait):
    answer = Answer(status=500, retry_after=value)
    failure = after_failure(answer, number=1, now=NOW, random=RANDOM)
    got = failure.retry_at - NOW
    assert max(wait, DELAYS[1]) <= got <= max(wait, DELAYS[1] * 1.1)


@given(st.text(max_size=40))
def test_any_retry_after_is_bounded(value):
    failure = after_failure(Answer(status=503, retry_after=value), number=1, now=NOW, random=RANDOM)
    assert failure.retry_at - NOW <= MOST_WAIT
    assert failure.pause_until - NOW <= MOST_WAIT


@given(st.integers(100, 599))
def test_only_two_hundreds_are_success(status):
    assert is_success(status) is (status // 100 == 2)


# --- the worker ---


class Receiver:
    """The other side of a link: what it was sent, and what it answers."""

    def __init__(self, *answers):
        self.answers = list(answers) or [204]
        self.sent = []
        self.here = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def send(self, method, url, body, *, headers):
        self.sent.append((method, url, body, headers))
        self.here.set()
        assert self.go_on.wait(30)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, told = answer if isinstance(answer, tuple) else (answer, {})
        return GuardedAnswer(status=status, headers=told, body=b"")


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def storage(tmp_path, clock):
    with Storage.open(tmp_path / "state.sqlite3", clock=clock) as opened:
        yield opened


@pytest.fixture
def hooks(storage):
    return storage.webhooks(KEY)


def put(storage, clock, count=1):
    with storage._engine.begin() as connection:
        outbox = Outbox(connection, now=clock.now(), random=RANDOM)
        return [outbox.put(CredentialRevoked(id=AN_ID)) for _ in range(count)]


def sender_of(hooks, receiver, clock, **further):
    return WebhookSender(hooks.queue, receiver, clock=clock, random=RANDOM, **further)


def worked(hooks, receiver, clock):
    """One step of a worker, its deliveries carried out."""
    worker = DeliveryWorker(hooks.queue, sender_of(hooks, receiver, clock))
    with ThreadPoolExecutor(4) as pool:
        worker.step(pool, threading.Event())


def the_delivery(hooks):
    [found] = hooks.deliveries.page("default", DeliveriesOf())
    return hooks.deliveries.get("default", found.id)


def test_an_event_arrives_signed_and_thin(storage, hooks, clock):
    _, secrets = hooks.endpoints.create("default", url=URL)
    [event_id] = put(storage, clock)
    receiver = Receiver()
    worked(hooks, receiver, clock)

    [(method, url, body, headers)] = receiver.sent
    assert (method, url) == ("POST", URL)
    assert headers["webhook-id"] == event_id
    keys = [shown_key(one) for one in secrets]
    assert verify(keys, headers, body, clock.now().timestamp()) == {"v1", "v1a"}
    assert body == (
        b'{"type":"credential.revoked","timestamp":"2026-01-15T08:00:00.000000Z",'
        b'"data":{"id":"' + AN_ID.encode() + b'"}}'
    )
    delivery, attempts = the_delivery(hooks)
    assert delivery.state is DeliveryState.DELIVERED
    assert [(one.cause, one.status) for one in attempts] == [("delivered", 204)]


@pytest.mark.parametrize(
    ("answer", "cause", "status"),
    [
        (500, "status", 500),
        (404, "status", 404),
        (302, "redirect", 302),
        (101, "status", 101),
        (LinkError("late", code="link.timeout"), "timeout", None),
        (LinkError("no", code="link.unreachable"), "unreachable", None),
        (LinkError("no", code="link.tls"), "tls", None),
        (LinkRefusedError("inside", code="link.address"), "address", None),
    ],
)
def test_a_failure_is_tried_again_with_the_same_id_and_a_new_time(
    storage, hooks, clock, answer, cause, status
):
    hooks.endpoints.create("default", url=URL)
    [event_id] = put(storage, clock)
    receiver = Receiver(answer, 200)
    worked(hooks, receiver, clock)
    worked(hooks, receiver, clock)
    assert len(receiver.sent) == 1
    clock.advance(timedelta(seconds=6))
    worked(hooks, receiver, clock)

    first, second = (sent[3] for sent in receiver.sent)
    assert first["webhook-id"] == second["webhook-id"] == event_id
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 6
    assert receiver.sent[0][2] == receiver.sent[1][2]
    _, attempts = the_delivery(hooks)
    assert [(one.cause, one.status) for one in attempts] == [(cause, status), ("delivered", 200)]


def test_ten_attempts_in_about_three_days_and_no_more(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    receiver, began = Receiver(500), clock.now()
    for _ in range(2000):
        worked(hooks, receiver, clock)
        delivery, attempts = the_delivery(hooks)
        if delivery.state is not DeliveryState.WAITING:
            break
        clock.advance(max(delivery.due_at - clock.now(), timedelta(seconds=1)))

    delivery, attempts = the_delivery(hooks)
    assert delivery.state is DeliveryState.FAILED
    assert [one.number for one in attempts] == list(range(1, 11))
    total = sum(DELAYS, timedelta(0))
    assert total <= clock.now() - began <= total * 1.1 + timedelta(seconds=10)


def test_gone_disables_and_retry_after_pauses(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    put(storage, clock, 2)
    receiver = Receiver((503, {"retry-after": "90"}), 410)
    worker = DeliveryWorker(
        hooks.queue, sender_of(hooks, receiver, clock), WorkerSettings(per_endpoint=1)
    )
    with ThreadPoolExecutor(1) as pool:
        worker.step(pool, threading.Event())
    worked(hooks, receiver, clock)
    assert len(receiver.sent) == 1
    clock.advance(timedelta(seconds=90))
    worked(hooks, receiver, clock)

    now = hooks.endpoints.get("default", endpoint.id)
    assert now.disabled_by is DisabledBy.GONE
    sent = len(receiver.sent)
    clock.advance(timedelta(days=1))
    put(storage, clock)
    worked(hooks, receiver, clock)
    assert len(receiver.sent) == sent


def test_what_was_claimed_and_not_begun_is_given_back_at_the_end(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    hooks.queue.spread()
    [claim] = hooks.queue.claim(1, per_endpoint=1, lease=timedelta(seconds=60))
    receiver, stopped = Receiver(), threading.Event()
    stopped.set()
    DeliveryWorker(hooks.queue, sender_of(hooks, receiver, clock))._carry_out(claim, stopped)

    assert receiver.sent == []
    assert hooks.queue.has_work(timedelta(seconds=60))


class Flaky:
    """A queue whose database fails the first times that something is recorded."""

    def __init__(self, queue, failures):
        self.queue, self.failures = queue, failures

    def __getattr__(self, name):
        return getattr(self.queue, name)

    def succeeded(self, claim, attempt):
        if self.failures:
            self.failures -= 1
            raise BusyError("held", code="storage.locked")
        return self.queue.succeeded(claim, attempt)


def test_what_arrived_is_written_down_when_the_database_is_back(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    receiver, pauses = Receiver(), []
    sender = WebhookSender(
        Flaky(hooks.queue, 3), receiver, clock=clock, random=RANDOM, pause=pauses.append
    )
    hooks.queue.spread()
    [claim] = hooks.queue.claim(1, per_endpoint=1, lease=timedelta(seconds=60))
    sender.attempt(claim)

    assert len(pauses) == 3
    assert len(receiver.sent) == 1
    assert the_delivery(hooks)[0].state is DeliveryState.DELIVERED


def test_what_could_not_be_written_down_is_sent_again_under_the_same_id(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    [event_id] = put(storage, clock)
    receiver = Receiver()
    hooks.queue.spread()
    [claim] = hooks.queue.claim(1, per_endpoint=1, lease=timedelta(seconds=60))
    sender = WebhookSender(
        Flaky(hooks.queue, 9), receiver, clock=clock, random=RANDOM, pause=lambda _: None
    )
    with pytest.raises(BusyError):
        sender.attempt(claim)
    clock.advance(timedelta(seconds=60))
    worked(hooks, receiver, clock)

    assert [sent[3]["webhook-id"] for sent in receiver.sent] == [event_id] * 2
    delivery, attempts = the_delivery(hooks)
    assert delivery.state is DeliveryState.DELIVERED
    assert [one.number for one in attempts] == [1]


def test_a_worker_that_is_stopped_ends_what_it_began_and_begins_nothing(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock, 3)
    receiver = Receiver()
    receiver.go_on.clear()
    worker = DeliveryWorker(
        hooks.queue, sender_of(hooks, receiver, clock), WorkerSettings(at_once=1, poll_s=0.01)
    )
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    assert receiver.here.wait(30)
    stop.set()
    receiver.go_on.set()
    thread.join(30)

    assert not thread.is_alive()
    assert len(receiver.sent) == 1
    states = [one.state for one in hooks.deliveries.page("default", DeliveriesOf())]
    assert sorted(states) == [DeliveryState.DELIVERED, DeliveryState.WAITING, DeliveryState.WAITING]
    assert hooks.queue.has_work(timedelta(seconds=60))


def test_a_worker_outlives_a_database_that_fails_and_a_defect(storage, hooks, clock, caplog):
    class Failing(Flaky):
        def has_work(self, lease):
            if self.failures:
                self.failures -= 1
                raise BusyError("held", code="storage.locked") if self.failures else KeyError("079")
            return self.queue.has_work(lease)

    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    receiver = Receiver()
    worker = DeliveryWorker(
        Failing(hooks.queue, 3), sender_of(hooks, receiver, clock), WorkerSettings(poll_s=0.001)
    )
    with caplog.at_level(logging.WARNING, "ekyc.webhooks"), working(worker):
        assert receiver.here.wait(30)

    assert len(receiver.sent) == 1
    assert "storage.locked" in caplog.text
    assert "KeyError" in caplog.text
    assert "079" not in caplog.text


def test_two_workers_at_one_database_send_each_event_once(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    ids = put(storage, clock, 60)
    receiver = Receiver()
    settings = WorkerSettings(poll_s=0.001, per_endpoint=16)
    workers = [
        DeliveryWorker(hooks.queue, sender_of(hooks, receiver, clock), settings) for _ in range(2)
    ]
    everything = DeliveriesOf(state=DeliveryState.DELIVERED, limit=200)
    with working(workers[0]), working(workers[1]):
        while len(hooks.deliveries.page("default", everything)) < len(ids):
            assert receiver.here.wait(30)

    assert sorted(sent[3]["webhook-id"] for sent in receiver.sent) == sorted(ids)


def test_addresses_keys_and_bodies_are_in_no_log(storage, hooks, clock, caplog):
    _, secrets = hooks.endpoints.create("default", url=f"{URL}/token-of-the-receiver")
    put(storage, clock)
    with caplog.at_level(logging.DEBUG):
        worked(hooks, Receiver(410), clock)

    assert "disabled: gone" in caplog.text
    for planted in ("token-of-the-receiver", AN_ID, *(shown_key(one) for one in secrets)):
        assert planted not in caplog.text

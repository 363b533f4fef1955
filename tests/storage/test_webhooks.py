"""Endpoints, the queue of deliveries and their record: sealed, isolated by tenant, each delivery concluded once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from ekyc.errors import LimitError
from ekyc.ports import SystemRandom
from ekyc.storage import (
    DeliveriesOf,
    DeliveryAttempt,
    DeliveryFailure,
    DeliveryState,
    DisabledBy,
    EndpointState,
    ServiceKey,
    SignatureForm,
    StorageError,
    WebhookError,
)
from ekyc.storage.access.tables import offices as table_of_offices
from ekyc.storage.webhooks.endpoints import MOST_ENDPOINTS
from ekyc.storage.webhooks.outbox import CredentialRevoked, Outbox, VerificationDecided
from ekyc.storage.webhooks.outbox_tables import outbox_events, webhook_endpoints, webhook_secrets

KEY = ServiceKey(bytes(range(32)))
URL = "https://portal.example.vn/hooks/token-in-the-path"
LEASE = timedelta(seconds=60)
AN_ID = "0123456789abcdef" * 2


@pytest.fixture
def hooks(storage):
    return storage.webhooks(KEY)


def put(storage, clock, *, tenant="default", event=None):
    with storage._engine.begin() as connection:
        return Outbox(connection, now=clock.now(), random=SystemRandom(), tenant=tenant).put(
            event or CredentialRevoked(id=AN_ID)
        )


def attempt_of(claim, clock, cause="delivered", status=200):
    return DeliveryAttempt(
        number=claim.number, at=clock.now(), cause=cause, status=status, duration_ms=7
    )


def claimed(hooks, most=10, per_endpoint=10):
    hooks.queue.spread()
    return hooks.queue.claim(most, per_endpoint=per_endpoint, lease=LEASE)


# --- endpoints ---


def test_an_endpoint_has_a_key_of_each_form_and_both_lie_sealed(storage, hooks):
    endpoint, secrets = hooks.endpoints.create("default", url=URL)

    assert {one.form for one in secrets} == set(SignatureForm)
    assert hooks.endpoints.get("default", endpoint.id) == endpoint
    assert endpoint.url == URL
    assert URL not in repr(endpoint)
    assert all(repr(one.body) not in repr(one) for one in secrets)
    with storage._engine.connect() as connection:
        stored = [bytes(row.body) for row in connection.execute(select(webhook_secrets))]
        urls = [bytes(row.url) for row in connection.execute(select(webhook_endpoints))]
    assert all(one.body not in blob for one in secrets for blob in stored)
    assert b"token" not in urls[0]


def test_a_sealed_value_opens_nowhere_else(storage, hooks):
    first, _ = hooks.endpoints.create("default", url=URL)
    second, _ = hooks.endpoints.create("default", url="https://other.example.vn/")
    with storage._engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE webhook_endpoints SET url = (SELECT url FROM webhook_endpoints WHERE id = :a) WHERE id = :b"
            ),
            {"a": first.id, "b": second.id},
        )
    with pytest.raises(StorageError) as caught:
        hooks.endpoints.get("default", second.id)
    assert caught.value.code == "storage.unsealable"


@pytest.mark.parametrize(
    "use",
    [
        lambda hooks, one: hooks.endpoints.get("other", one),
        lambda hooks, one: hooks.endpoints.secrets_of("other", one),
        lambda hooks, one: hooks.endpoints.rotate("other", one, overlap=timedelta(0)),
        lambda hooks, one: hooks.endpoints.change("other", one, url="https://evil.example/"),
        lambda hooks, one: hooks.endpoints.disable("other", one),
        lambda hooks, one: hooks.endpoints.enable("other", one),
        lambda hooks, one: hooks.endpoints.delete("other", one),
        lambda hooks, one: hooks.endpoints.send_test("other", one),
    ],
)
def test_an_endpoint_of_another_tenant_is_not_there(hooks, use):
    endpoint, secrets = hooks.endpoints.create("default", url=URL)

    with pytest.raises(WebhookError) as caught:
        use(hooks, endpoint.id)

    assert caught.value.code == "webhook.unknown"
    assert hooks.endpoints.get("default", endpoint.id) == endpoint
    assert len(hooks.endpoints.secrets_of("default", endpoint.id)) == len(secrets)
    assert hooks.endpoints.all_of("other") == ()


def test_keys_overlap_while_they_are_changed(hooks, clock):
    endpoint, old = hooks.endpoints.create("default", url=URL)
    clock.advance(timedelta(seconds=1))

    new = hooks.endpoints.rotate("default", endpoint.id, overlap=timedelta(hours=24))

    bodies = [one.body for one in hooks.endpoints.secrets_of("default", endpoint.id)]
    assert set(bodies) == {one.body for one in old + new}
    assert set(bodies[:2]) == {one.body for one in new}
    clock.advance(timedelta(hours=24))
    left = hooks.endpoints.secrets_of("default", endpoint.id)
    assert {one.body for one in left} == {one.body for one in new}


def test_a_compromised_key_ends_at_once(hooks, clock):
    endpoint, old = hooks.endpoints.create("default", url=URL)
    hooks.endpoints.rotate("default", endpoint.id, overlap=timedelta(hours=24))
    hooks.endpoints.rotate("default", endpoint.id, overlap=timedelta(0))

    assert not {one.body for one in old} & {
        one.body for one in hooks.endpoints.secrets_of("default", endpoint.id)
    }
    for wrong in (timedelta(seconds=-1), timedelta(days=31)):
        with pytest.raises(WebhookError) as caught:
            hooks.endpoints.rotate("default", endpoint.id, overlap=wrong)
        assert caught.value.code == "webhook.overlap"


def test_endpoints_are_bounded_and_event_types_known(hooks):
    with pytest.raises(WebhookError) as caught:
        hooks.endpoints.create("default", url=URL, kinds=("no.such_type",))
    assert caught.value.code == "webhook.kinds"
    for _ in range(MOST_ENDPOINTS):
        hooks.endpoints.create("default", url=URL)
    with pytest.raises(WebhookError) as caught:
        hooks.endpoints.create("default", url=URL)
    assert caught.value.code == "webhook.too_many"


# --- spreading ---


def test_an_event_goes_to_each_endpoint_that_wants_it_once(storage, hooks, clock):
    everything, _ = hooks.endpoints.create("default", url=URL)
    decisions, _ = hooks.endpoints.create("default", url=URL, kinds=["verification.decided"])
    asleep, _ = hooks.endpoints.create("default", url=URL)
    hooks.endpoints.disable("default", asleep.id)
    foreign, _ = hooks.endpoints.create("other", url=URL)
    decided = VerificationDecided(id=AN_ID, profile="demo", verdict="review")
    told = put(storage, clock, event=decided)
    revoked = put(storage, clock)

    claims = claimed(hooks)
    assert {(one.endpoint.id, one.event_id) for one in claims} == {
        (everything.id, told),
        (everything.id, revoked),
        (decisions.id, told),
    }
    assert hooks.queue.spread() == 0
    assert claimed(hooks) == ()
    assert hooks.deliveries.page("other", DeliveriesOf(endpoint_id=foreign.id)) == ()


def test_an_endpoint_is_not_told_of_what_was_before_it(storage, hooks, clock):
    put(storage, clock)
    clock.advance(timedelta(seconds=1))
    hooks.endpoints.create("default", url=URL)

    assert claimed(hooks) == ()
    assert not hooks.queue.has_work(LEASE)


def test_more_events_than_are_spread_at_once_are_all_spread(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    ids = {put(storage, clock) for _ in range(230)}

    while hooks.queue.spread():
        pass
    claims = hooks.queue.claim(1000, per_endpoint=1000, lease=LEASE)
    assert {one.event_id for one in claims} == ids


# --- claiming ---


def test_a_claim_is_a_lease(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    event_id = put(storage, clock)

    [first] = claimed(hooks)
    assert (first.event_id, first.number) == (event_id, 1)
    assert not hooks.queue.has_work(LEASE)
    assert claimed(hooks) == ()
    clock.advance(LEASE)
    assert hooks.queue.has_work(LEASE)
    [second] = claimed(hooks)
    assert (second.delivery_id, second.number) == (first.delivery_id, 1)
    assert second.body == first.body


def test_a_clock_that_is_set_back_keeps_no_lease_for_ever(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    clock.advance(timedelta(days=300))
    assert len(claimed(hooks)) == 1
    clock.advance(timedelta(days=-1))

    assert hooks.queue.has_work(LEASE) is False  # not due: it was made in what is the future now
    clock.advance(timedelta(days=1, seconds=-30))
    assert claimed(hooks) == ()


def test_one_endpoint_takes_its_share_only(storage, hooks, clock):
    slow, _ = hooks.endpoints.create("default", url=URL)
    for _ in range(20):
        put(storage, clock)
    clock.advance(timedelta(seconds=1))
    quick, _ = hooks.endpoints.create("default", url=URL)
    put(storage, clock)

    claims = claimed(hooks, most=8, per_endpoint=4)
    assert [one.endpoint.id for one in claims].count(slow.id) == 4
    assert [one.endpoint.id for one in claims].count(quick.id) == 1
    assert claimed(hooks, most=8, per_endpoint=4) == ()


def test_the_keys_of_a_claim_are_those_that_sign_now(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    clock.advance(timedelta(seconds=1))
    put(storage, clock)
    new = hooks.endpoints.rotate("default", endpoint.id, overlap=timedelta(0))

    [claim] = claimed(hooks)
    assert {one.body for one in claim.secrets} == {one.body for one in new}
    assert "secrets" not in repr(claim)
    assert "body" not in repr(claim)


def test_workers_that_die_use_up_nothing(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    for _ in range(60):
        assert [one.number for one in claimed(hooks)] == [1]
        clock.advance(LEASE)

    [claim] = claimed(hooks)
    hooks.queue.succeeded(claim, attempt_of(claim, clock))
    delivery, attempts = hooks.deliveries.get("default", claim.delivery_id)
    assert (delivery.attempts, len(attempts)) == (1, 1)


def test_a_late_failure_is_nobodys(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    [late] = claimed(hooks)
    clock.advance(LEASE)
    [now] = claimed(hooks)
    given_up = DeliveryFailure(retry_at=None)

    assert hooks.queue.failed(late, attempt_of(late, clock, "timeout", None), given_up) is None
    delivery, attempts = hooks.deliveries.get("default", late.delivery_id)
    assert (delivery.state, attempts) == (DeliveryState.WAITING, ())
    assert claimed(hooks) == ()  # the other worker has it still
    assert hooks.queue.succeeded(now, attempt_of(now, clock))


def test_a_late_success_after_anothers_failure_is_one_attempt_more(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    [slow] = claimed(hooks)
    clock.advance(LEASE)
    [quick] = claimed(hooks)
    again = DeliveryFailure(retry_at=clock.now() + timedelta(seconds=5))
    hooks.queue.failed(quick, attempt_of(quick, clock, "status", 500), again)

    assert hooks.queue.succeeded(slow, attempt_of(slow, clock))
    delivery, attempts = hooks.deliveries.get("default", slow.delivery_id)
    assert delivery.state is DeliveryState.DELIVERED
    assert [(one.number, one.cause) for one in attempts] == [(1, "status"), (2, "delivered")]


# --- concluding ---


def test_a_delivery_is_concluded_once(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    [first] = claimed(hooks)
    clock.advance(LEASE)
    [second] = claimed(hooks)

    assert hooks.queue.succeeded(first, attempt_of(first, clock))  # late, and true all the same
    assert not hooks.queue.succeeded(second, attempt_of(second, clock))
    late = DeliveryFailure(retry_at=clock.now())
    assert hooks.queue.failed(second, attempt_of(second, clock, "status", 500), late) is None

    delivery, attempts = hooks.deliveries.get("default", second.delivery_id)
    assert delivery.state is DeliveryState.DELIVERED
    assert [(one.number, one.cause, one.status) for one in attempts] == [(1, "delivered", 200)]
    assert hooks.endpoints.get("default", endpoint.id).failing_since is None
    clock.advance(timedelta(days=2))
    assert claimed(hooks) == ()


def test_a_failure_is_tried_again_when_it_is_due(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    [claim] = claimed(hooks)
    began = clock.now()
    hooks.queue.failed(
        claim,
        attempt_of(claim, clock, "status", 500),
        DeliveryFailure(retry_at=clock.now() + timedelta(seconds=5)),
    )

    assert claimed(hooks) == ()
    assert hooks.endpoints.get("default", endpoint.id).failing_since == began
    clock.advance(timedelta(seconds=5))
    [again] = claimed(hooks)
    hooks.queue.succeeded(again, attempt_of(again, clock))
    delivery, attempts = hooks.deliveries.get("default", claim.delivery_id)
    assert [one.number for one in attempts] == [1, 2]
    assert delivery.finished_at == clock.now()
    assert hooks.endpoints.get("default", endpoint.id).failing_since is None


def test_a_paused_endpoint_is_left_alone_whole(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    for _ in range(3):
        put(storage, clock)
    [claim] = claimed(hooks, most=1)
    until = clock.now() + timedelta(minutes=5)
    failure = DeliveryFailure(retry_at=until, pause_until=until)
    hooks.queue.failed(claim, attempt_of(claim, clock, "status", 429), failure)

    assert claimed(hooks) == ()
    assert not hooks.queue.has_work(LEASE)
    clock.advance(timedelta(minutes=5))
    assert len(claimed(hooks)) == 3


def told_of_disabling(storage):
    query = select(outbox_events.c.body).where(outbox_events.c.kind == "webhook_endpoint.disabled")
    with storage._engine.connect() as connection:
        return connection.execute(query).scalars().all()


def test_an_endpoint_that_is_gone_is_disabled_and_others_are_told(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    other, _ = hooks.endpoints.create("default", url=URL, kinds=["webhook_endpoint.disabled"])
    put(storage, clock)
    put(storage, clock)
    claim, in_flight = claimed(hooks)
    gone = DeliveryFailure(retry_at=None, gone=True)

    assert (
        hooks.queue.failed(claim, attempt_of(claim, clock, "status", 410), gone) is DisabledBy.GONE
    )
    now = hooks.endpoints.get("default", endpoint.id)
    assert (now.state, now.disabled_by) == (EndpointState.DISABLED, DisabledBy.GONE)
    states = {one.state for one in hooks.deliveries.page("default", DeliveriesOf())}
    assert states == {DeliveryState.FAILED, DeliveryState.STOPPED}
    [told] = told_of_disabling(storage)
    assert endpoint.id in told
    assert [one.endpoint.id for one in claimed(hooks)] == [other.id]
    # What was on its way when the endpoint was disabled arrived nevertheless.
    assert hooks.queue.succeeded(in_flight, attempt_of(in_flight, clock))


def test_an_endpoint_that_fails_for_days_is_disabled(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    disabled, began = None, clock.now()
    for _ in range(200):
        put(storage, clock)
        for claim in claimed(hooks, per_endpoint=1):
            disabled = hooks.queue.failed(
                claim, attempt_of(claim, clock, "timeout", None), DeliveryFailure(retry_at=None)
            )
        if disabled:
            break
        clock.advance(timedelta(hours=1))

    assert clock.now() - began == timedelta(days=5)
    assert disabled is DisabledBy.FAILING
    assert len(told_of_disabling(storage)) == 1
    hooks.endpoints.enable("default", endpoint.id)
    assert hooks.endpoints.get("default", endpoint.id).failing_since is None


def test_a_released_delivery_counts_as_not_tried(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    [claim] = claimed(hooks)
    hooks.queue.release(claim)
    [again] = claimed(hooks)
    assert again.number == 1


# --- the record ---


def test_pages_follow_each_other(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    for _ in range(5):
        put(storage, clock)
        hooks.queue.spread()
        clock.advance(timedelta(seconds=1))

    first = hooks.deliveries.page("default", DeliveriesOf(limit=2))
    rest = hooks.deliveries.page(
        "default", DeliveriesOf(limit=10, after=(first[-1].created_at, first[-1].id))
    )
    times = [one.created_at for one in first + rest]
    assert len(times) == 5
    assert times == sorted(times, reverse=True)
    assert hooks.deliveries.page("other", DeliveriesOf()) == ()
    with pytest.raises(LimitError):
        hooks.deliveries.page("default", DeliveriesOf(limit=201))


def test_a_replay_is_the_same_event_on_a_new_delivery(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    event_id = put(storage, clock)
    [claim] = claimed(hooks)
    hooks.queue.succeeded(claim, attempt_of(claim, clock))

    replayed = hooks.deliveries.replay("default", claim.delivery_id)
    [again] = claimed(hooks)
    assert (again.delivery_id, again.event_id, again.body) == (replayed, event_id, claim.body)
    assert hooks.deliveries.get("default", replayed)[0].replay_of == claim.delivery_id
    with pytest.raises(WebhookError):
        hooks.deliveries.replay("other", claim.delivery_id)
    hooks.endpoints.disable("default", endpoint.id)
    with pytest.raises(WebhookError) as caught:
        hooks.deliveries.replay("default", claim.delivery_id)
    assert caught.value.code == "webhook.disabled"


def test_what_was_missed_is_replayed_once(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    ids = {put(storage, clock) for _ in range(3)}
    hooks.queue.spread()
    since = clock.now()
    hooks.endpoints.disable("default", endpoint.id)
    hooks.endpoints.enable("default", endpoint.id)

    assert hooks.deliveries.replay_missed("default", endpoint.id, since=since) == 3
    assert hooks.deliveries.replay_missed("default", endpoint.id, since=since) == 0
    assert {one.event_id for one in claimed(hooks)} == ids
    with pytest.raises(WebhookError):
        hooks.deliveries.replay_missed("other", endpoint.id, since=since)


def test_a_test_goes_to_one_endpoint_alone(hooks):
    endpoint, _ = hooks.endpoints.create("default", url=URL, kinds=["credential.revoked"])
    hooks.endpoints.create("default", url=URL)
    delivery_id = hooks.endpoints.send_test("default", endpoint.id)

    [claim] = claimed(hooks)
    assert claim.delivery_id == delivery_id
    assert b"webhook_endpoint.tested" in claim.body
    hooks.endpoints.disable("default", endpoint.id)
    with pytest.raises(WebhookError):
        hooks.endpoints.send_test("default", endpoint.id)


def test_deleting_an_endpoint_leaves_nothing_of_it(storage, hooks, clock):
    endpoint, _ = hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    [claim] = claimed(hooks)
    hooks.endpoints.delete("default", endpoint.id)

    assert not hooks.queue.succeeded(claim, attempt_of(claim, clock))
    with storage._engine.connect() as connection:
        for table in ("endpoints", "secrets", "deliveries", "attempts"):
            assert connection.execute(text(f"SELECT count(*) FROM webhook_{table}")).scalar() == 0


def test_what_is_long_over_is_purged_and_nothing_else(storage, hooks, clock):
    hooks.endpoints.create("default", url=URL)
    put(storage, clock)
    [claim] = claimed(hooks)
    hooks.queue.succeeded(claim, attempt_of(claim, clock))
    waiting = put(storage, clock)
    hooks.queue.spread()
    clock.advance(timedelta(days=31))
    fresh = put(storage, clock)

    assert hooks.queue.purge() == 2
    assert hooks.queue.purge() == 0
    with storage._engine.connect() as connection:
        left = set(connection.execute(select(outbox_events.c.id)).scalars())
    assert left == {waiting, fresh}


# --- offices ---


@pytest.fixture
def offices(storage):
    """``tinh`` with ``quan`` beneath it, and ``khac`` beside it."""
    register = storage.access(KEY).register
    register.add_tenant("default", "Tỉnh")
    for office, parent in (("tinh", None), ("quan", "tinh"), ("khac", None)):
        register.add_office("default", office, office, parent=parent)
    return register


def happened(storage, clock, *of):
    """An event of each office; its id by office."""
    with storage._engine.begin() as connection:
        box = Outbox(connection, now=clock.now(), random=SystemRandom())
        return {one: box.put(CredentialRevoked(id=AN_ID), office=one) for one in of}


def move(storage, office, parent, path):
    """As an operator who reorganises the agency does; there is no command for it yet."""
    with storage._engine.begin() as connection:
        connection.execute(
            update(table_of_offices)
            .where(table_of_offices.c.id == office)
            .values(parent=parent, path=path)
        )


def test_an_endpoint_is_told_of_what_lies_beneath_its_office_by_then(
    storage, hooks, clock, offices
):
    hooks.endpoints.create("default", url=URL, offices=frozenset({"tinh"}))
    offices.add_office("default", "phuong", "Phường", parent="quan")
    offices.add_office("default", "tinh-2", "Tỉnh khác")
    ids = happened(storage, clock, "tinh", "quan", "phuong", "khac", "tinh-2", "nowhere", None)
    told = {one.event_id for one in claimed(hooks)}
    assert told == {ids["tinh"], ids["quan"], ids["phuong"]}


def test_an_endpoint_is_told_nothing_of_an_office_that_went_elsewhere(
    storage, hooks, clock, offices
):
    hooks.endpoints.create("default", url=URL, offices=frozenset({"tinh"}))
    move(storage, "quan", "khac", "/khac/quan/")
    ids = happened(storage, clock, "tinh", "quan")
    assert {one.event_id for one in claimed(hooks)} == {ids["tinh"]}


def test_what_waits_for_an_office_that_went_elsewhere_is_stopped(storage, hooks, clock, offices):
    endpoint, _ = hooks.endpoints.create("default", url=URL, offices=frozenset({"tinh"}))
    ids = happened(storage, clock, "tinh", "quan")
    hooks.queue.spread()
    move(storage, "quan", "khac", "/khac/quan/")
    assert {one.event_id for one in claimed(hooks)} == {ids["tinh"]}
    found = hooks.deliveries.page("default", DeliveriesOf(endpoint_id=endpoint.id))
    states = {one.event_id: one.state for one in found}
    assert states == {ids["tinh"]: DeliveryState.WAITING, ids["quan"]: DeliveryState.STOPPED}
    again = next(one for one in found if one.event_id == ids["quan"])
    hooks.deliveries.replay("default", again.id)
    assert claimed(hooks) == ()


@pytest.mark.parametrize("of", [None, frozenset({"tinh"})], ids=["whole", "office"])
def test_the_endpoints_of_a_tenant_that_was_ended_are_told_nothing_more(
    storage, hooks, clock, offices, of
):
    endpoint, _ = hooks.endpoints.create("default", url=URL, offices=of)
    happened(storage, clock, "tinh")
    hooks.queue.spread()
    offices.end_tenant("default")
    happened(storage, clock, "tinh")
    assert claimed(hooks) == ()
    found = hooks.deliveries.page("default", DeliveriesOf(endpoint_id=endpoint.id))
    assert [one.state for one in found] == [DeliveryState.STOPPED] * 2


def test_an_endpoint_of_an_office_can_be_tested(hooks, offices):
    endpoint, _ = hooks.endpoints.create("default", url=URL, offices=frozenset({"tinh"}))
    hooks.endpoints.send_test("default", endpoint.id)
    assert [one.endpoint.id for one in claimed(hooks)] == [endpoint.id]

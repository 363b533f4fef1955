"""Figures: what Prometheus reads, with labels of ours only, on this machine only."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ekyc.api import ServiceLimits
from ekyc.api.metrics import (
    CountingVerifier,
    ServiceMetrics,
    expose_readiness,
)
from ekyc.errors import InputError, ModelError
from ekyc.policy import Verdict

NUMBER = "079185001234"


def samples(text):
    """Samples by name and labels in order, as the library that Prometheus gives to readers finds them."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in found
            found[key] = sample.value
    return found


def test_series_are_bounded():
    metrics = ServiceMetrics()
    for number in range(6000):
        metrics.answered("GET", f"/{number}", 200, 1.0)
    metrics.answered("GET", "/0", 200, 1.0)
    found = samples(metrics.render())
    assert sum(key.startswith("ekyc_requests_total") for key in found) == 5000
    assert sum(key.startswith("ekyc_request_seconds_count") for key in found) == 5000
    assert found['ekyc_requests_total{method="GET",route="/0",status="200"}'] == 2


def test_durations_fall_into_buckets():
    metrics = ServiceMetrics()
    for seconds in (0.001, 0.2, 0.25, 99.0):
        metrics.answered("GET", "/a", 200, seconds)
    found = samples(metrics.render())
    below = {
        bound: found[f'ekyc_request_seconds_bucket{{le="{bound}",route="/a"}}']
        for bound in ("0.005", "0.25", "60.0", "+Inf")
    }
    assert below == {"0.005": 1, "0.25": 3, "60.0": 3, "+Inf": 4}
    assert not any("_created" in key for key in found)


def test_requests_are_counted_by_template_and_nothing_of_a_caller_is_a_label(ask):
    metrics = ServiceMetrics()

    async def talk(client):
        await client.get(f"/v1/chip-sessions/{NUMBER}")
        await client.get(f"/{NUMBER}?{NUMBER}={NUMBER}", headers={"x-request-id": NUMBER})
        await client.request(NUMBER, "/livez")
        for _ in range(3):
            await client.get("/livez")

    ask(talk, metrics=metrics)
    text = metrics.render()
    found = samples(text)

    assert NUMBER.encode() not in text
    assert found['ekyc_requests_total{method="GET",route="/livez",status="200"}'] == 3
    assert found['ekyc_requests_total{method="OTHER",route="/livez",status="405"}'] == 1
    assert found['ekyc_requests_total{method="GET",route="-",status="404"}'] == 1
    by_template = 'method="GET",route="/v1/chip-sessions/{session_id}"'
    assert any(by_template in key for key in found)
    assert found['ekyc_request_seconds_count{route="/livez"}'] == 4
    assert found['ekyc_admission_taken{queue="verifications"}'] == 0


def test_what_is_turned_away_is_counted(ask, verifier):
    metrics = ServiceMetrics()
    full = ServiceLimits(workers=1, waiting=0)

    async def talk(client):
        admission = client._transport.app.state.service.admission
        admission._taken = 1
        return await client.post("/v1/verifications", files=[("case", (None, b"x"))])

    assert ask(talk, metrics=metrics, limits=full).status_code == 503
    found = samples(metrics.render())
    assert found['ekyc_admission_turned_away_total{queue="tools"}'] == 0
    assert found['ekyc_admission_turned_away_total{queue="verifications"}'] == 1
    assert found['ekyc_admission_taken{queue="verifications"}'] == 1


class Told:
    def __init__(self, result):
        self.result = result

    def verify_folder(self, folder, *, challenge_id, live=None, owner=None, receipt=None):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def require_ready(self):
        raise ModelError("absent", code="model.altered")


@pytest.mark.parametrize(
    ("result", "label"),
    [
        *(({"decision": {"verdict": verdict.value}}, verdict.value) for verdict in Verdict),
        ({"decision": {"verdict": NUMBER}}, "failed"),
        ({}, "failed"),
        (InputError("x", code="case.malformed"), "failed"),
    ],
)
def test_decisions_are_counted_by_verdict(tmp_path, result, label):
    metrics = ServiceMetrics()
    counting = CountingVerifier(Told(result), metrics)
    if isinstance(result, Exception):
        with pytest.raises(InputError):
            counting.verify_folder(tmp_path, challenge_id=None)
    else:
        assert counting.verify_folder(tmp_path, challenge_id=None) is result
    found = samples(metrics.render())
    assert found[f'ekyc_verifications_total{{verdict="{label}"}}'] == 1
    assert found["ekyc_verification_seconds_count"] == 1


def test_readiness_is_a_figure():
    metrics = ServiceMetrics()
    expose_readiness(metrics, {"models": Told({}).require_ready, "database": lambda: None})
    found = samples(metrics.render())
    assert (found['ekyc_ready{part="models"}'], found['ekyc_ready{part="database"}']) == (0, 1)


def test_figures_are_not_at_the_public_address(ask):
    assert ask(lambda client: client.get("/metrics"), metrics=ServiceMetrics()).status_code == 404

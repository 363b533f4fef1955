"""Figures: what Prometheus reads, with labels of ours only, on this machine only."""

from __future__ import annotations

import re

import pytest

from ekyc.api import ServiceLimits
from ekyc.api.metrics import (
    Counter,
    CountingVerifier,
    Gauge,
    Histogram,
    ServiceMetrics,
    expose_readiness,
)
from ekyc.errors import InputError, ModelError
from ekyc.policy import Verdict

NUMBER = "079185001234"
SAMPLE = re.compile(
    r"(?P<name>[a-z_]+)(\{[a-z_]+=\"(?:[^\"\\\n]|\\[\\n\"])*\"(,[a-z_]+=\"(?:[^\"\\\n]|\\[\\n\"])*\")*\})? "
    r"(?P<value>-?[0-9.e+-]+)"
)


def samples(text):
    """Samples by line without value, by a grammar of the text format that is not ours."""
    found, typed = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in typed
            typed[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            base = re.sub(r"_(bucket|sum|count)\Z", "", match["name"])
            assert match["name"] in typed or typed[base] == "histogram"
            key = line.rpartition(" ")[0]
            assert key not in found
            found[key] = float(match["value"])
    return found


def test_the_text_format():
    counter = Counter("a_total", "About.", ("x", "y"))
    counter.add("1", 'q"\\\n')
    counter.add("1", 'q"\\\n', amount=2)
    histogram = Histogram("h_seconds", "About.", ("r",))
    for seconds in (0.001, 0.2, 0.25, 99.0):
        histogram.observe(seconds, "/a")

    assert list(counter.lines()) == ['a_total{x="1",y="q\\"\\\\\\n"} 3']
    lines = list(histogram.lines())
    assert 'h_seconds_bucket{r="/a",le="0.005"} 1' in lines
    assert 'h_seconds_bucket{r="/a",le="0.25"} 3' in lines
    assert 'h_seconds_bucket{r="/a",le="60.0"} 3' in lines
    assert lines[-3:] == [
        'h_seconds_bucket{r="/a",le="+Inf"} 4',
        'h_seconds_sum{r="/a"} 99.451',
        'h_seconds_count{r="/a"} 4',
    ]
    assert list(Gauge("g", "About.", (), lambda: {(): 0.5}).lines()) == ["g 0.5"]


def test_series_are_bounded():
    counter, histogram = Counter("a_total", "About.", ("x",)), Histogram("h", "About.", ("x",))
    for number in range(6000):
        counter.add(str(number))
        histogram.observe(1.0, str(number))
    counter.add("0")
    assert len(list(counter.lines())) == 5000
    assert 'a_total{x="0"} 2' in list(counter.lines())
    assert sum("_count" in line for line in histogram.lines()) == 5000


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

    assert NUMBER not in text
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
    assert found['ekyc_admission_turned_away_total{queue="verifications"}'] == 1
    assert found['ekyc_admission_taken{queue="verifications"}'] == 1


class Told:
    def __init__(self, result):
        self.result = result

    def verify_folder(self, folder, *, challenge_id, live=None):
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

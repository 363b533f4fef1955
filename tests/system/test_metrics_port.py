"""The port of the figures."""

from __future__ import annotations

import http.client
import socket

import pytest

from ekyc.api.metrics import ServiceMetrics
from ekyc.api.metrics_server import serving_metrics
from ekyc.errors import InputError

pytestmark = [pytest.mark.system, pytest.mark.enable_socket]

NUMBER = "079185001234"


def fetch(port, path="/metrics", host="127.0.0.1"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_figures_have_a_port_of_their_own_on_this_machine():
    metrics = ServiceMetrics()
    with serving_metrics(metrics.render, 0) as port:
        status, text = fetch(port)
        assert (status, b"ekyc_build_info" in text) == (200, True)
        assert fetch(port, "/")[0] == 404
        assert fetch(port, host="evil.example")[0] == 421
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with pytest.raises(InputError) as caught, serving_metrics(metrics.render, port):
            pass
    assert caught.value.code == "serve.metrics_port"
    with serving_metrics(metrics.render, None) as none:
        assert none is None


def test_a_figure_that_fails_ends_nothing_and_says_nothing(caplog):
    def fail():
        raise ValueError(NUMBER)

    with serving_metrics(fail, 0) as port:
        assert fetch(port) == (500, b"")
        assert fetch(port) == (500, b"")
    assert NUMBER not in caplog.text
    assert '"error": "ValueError"' in caplog.text

"""Requests for signatures, killed for real at every step: none is lost, and no key signs twice.

``EKYC_SIGNATURE_KILLS`` says how often; each point in turn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from signature_deaths import POINTS

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(3600)]
SUPPORT = Path(__file__).resolve().parents[1] / "support"
ROUNDS = int(os.environ.get("EKYC_SIGNATURE_KILLS", str(len(POINTS))))
ASKED_AGAIN = set(POINTS[: POINTS.index("after releasing")])


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_no_death_signs_twice_or_leaves_a_request_hanging(
    request, engine, tmp_path, record_property
):
    command = [sys.executable, str(SUPPORT / "signature_deaths.py"), str(tmp_path), str(ROUNDS)]
    if engine == "postgresql":
        command.append(request.getfixturevalue("postgresql"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3000)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert len(told) == ROUNDS
    for one in told:
        assert one["ended"] == -9, one
        assert one["released"] == 1, one
        assert one["again"] is (one["point"] in ASKED_AGAIN), one
        assert (one["state"], one["signatures"], one["failure"]) == ("signed", 1, None), one
    record_property("ends", dict(Counter(f"{one['point']}: {one['state']}" for one in told)))

"""The signing interface in this process, without a socket."""

import pytest
from asgi_client import running
from csc_desk import CscDesk, Speaker


class NoVerifier:
    """The service verifies nobody here."""

    def verify_folder(self, folder, *, challenge_id, live=None, owner=None, receipt=None):
        raise AssertionError("nobody asked for this")

    def require_ready(self):
        """Always."""


@pytest.fixture
def desk(tmp_path):
    made = CscDesk(tmp_path)
    made.verify()
    yield made
    made.close()


@pytest.fixture
def app(desk, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return desk.app(NoVerifier(), scratch)


@pytest.fixture
def http(app):
    with running(app) as client:
        yield client


@pytest.fixture
def speaker(http):
    return Speaker(http)


@pytest.fixture
def token(speaker):
    return speaker.service_token()

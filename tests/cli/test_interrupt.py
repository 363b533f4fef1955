"""Ctrl-C ends any command with 130, wherever it strikes."""

import os
import signal

import pytest

from ekyc.cli import __main__ as program


@pytest.fixture
def usual_handler():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def swallowing(error):
    def command():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise error from None

    return command


@pytest.mark.usefixtures("usual_handler")
@pytest.mark.parametrize("error", [ImportError("half imported"), SystemExit(1)])
def test_an_interrupt_that_a_library_turned_into_an_error_is_one(monkeypatch, error):
    monkeypatch.setattr(program, "app", swallowing(error))
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == 130


@pytest.mark.usefixtures("usual_handler")
@pytest.mark.parametrize("code", [0, 10, 11])
def test_a_command_that_ended_its_work_keeps_its_verdict(monkeypatch, code):
    monkeypatch.setattr(program, "app", swallowing(SystemExit(code)))
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == code

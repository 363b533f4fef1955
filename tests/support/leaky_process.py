"""Any command of ``ekyc`` in which personal data are planted wherever a process can fail: ``python leaky_process.py COMMAND …``.

The plants go off in the midst of the command, once its log is set up, and say so in the file that ``LEAKY_DONE`` names.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import warnings
from pathlib import Path

from canaries import NAME, NUMBER, PLAIN_NAME

import ekyc.cli.serve
import ekyc.cli.worker
from ekyc.cli.__main__ import main
from ekyc.signing.sam import SamCredentials

PLANTED = f"{NAME} {PLAIN_NAME} {NUMBER}"


class Leak(Exception):  # noqa: N818  # named for what it does
    """Its text holds personal data."""


class Leaking:
    """Fails when it is thrown away."""

    def __del__(self):
        raise Leak(PLANTED)


def leak(*_arguments, **_options):
    """Fail in every way that a process has."""
    for name in ("ekyc.sam", "a.library"):
        log = logging.getLogger(name)
        log.warning("of %s", PLANTED)
        try:
            fail()
        except Leak:
            log.exception("failed")
    logging.getLogger("a.library").error(PLANTED)
    warnings.warn(PLANTED, stacklevel=1)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    Leaking()
    gc.collect()
    Path(os.environ["LEAKY_DONE"]).write_text("done")
    fail()


def fail():
    raise Leak(PLANTED)


SamCredentials.find = leak
ekyc.cli.worker.open_webhook_link = leak
ekyc.cli.serve.load_access = leak

if __name__ == "__main__":
    main()

"""Workers and producers that die where they are told to. One process imports everything and forks the rest.

    python webhook_nursery.py DATABASE KEY_FILE CA_FILE

Lines on stdin: ``work POINT COUNT`` forks a worker that kills itself (SIGKILL) when it comes to that point for the
COUNT-th time, or ends when everything is delivered; ``decide POINT COUNT`` forks a producer that records decisions and
prints the id of each that was committed. After each child a line ``exit STATUS``.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

import ekyc.storage.results.records as results_module
from ekyc.flows.guarded_link import GuardedLink, LinkBounds
from ekyc.flows.webhook_worker import DeliveryWorker, WebhookSender, WorkerSettings
from ekyc.policy import Verdict
from ekyc.ports import SystemClock, SystemRandom
from ekyc.storage import DeliveriesOf, DeliveryState, ServiceKey, Storage
from ekyc.storage.evidence.log import EvidenceLog
from ekyc.storage.webhooks.outbox import Outbox

LEASE = timedelta(seconds=1)
DECISIONS = 50


class Death:
    """Comes at one point."""

    def __init__(self, point, count):
        self.point, self.left = point, count
        self.lock = threading.Lock()

    def at(self, point):
        if point != self.point:
            return
        with self.lock:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name, step):
        @functools.wraps(step)
        def watched(*arguments, **named):
            self.at(f"before-{name}")
            result = step(*arguments, **named)
            self.at(f"after-{name}")
            return result

        return watched


def work(database, key, ca_file, death):
    with Storage.open(database) as storage:
        hooks = storage.webhooks(key)
        link = GuardedLink(LinkBounds(loopback=True, ca_file=ca_file, answer_bytes=0))
        link.send = death.around("send", link.send)
        for name in ("spread", "claim", "succeeded"):
            setattr(hooks.queue, name, death.around(name, getattr(hooks.queue, name)))
        sender = WebhookSender(hooks.queue, link, clock=SystemClock(), random=SystemRandom())
        settings = WorkerSettings(lease=LEASE, poll_s=0.02)
        worker, stop = DeliveryWorker(hooks.queue, sender, settings), threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        waiting = DeliveriesOf(state=DeliveryState.WAITING, limit=1)
        while hooks.queue.has_work(LEASE) or hooks.deliveries.page("default", waiting):
            stop.wait(0.02)
        stop.set()
        thread.join()


def decide(database, death):
    Outbox.put = death.around("outbox", Outbox.put)
    EvidenceLog.append = death.around("evidence", EvidenceLog.append)
    results_module.ResultStore.record = death.around("commit", results_module.ResultStore.record)
    with Storage.open(database) as storage:
        for _ in range(DECISIONS):
            stored = storage.results.record(
                case_digest="ab" * 32,
                profile="demo",
                verdict=Verdict.REVIEW,
                reasons=(),
                report_digest="cd" * 32,
            )
            os.write(1, f"decided {stored.id}\n".encode())


def main():
    database, key_file, ca_file = sys.argv[1:4]
    key = ServiceKey.load(Path(key_file), SystemRandom())
    for line in sys.stdin:
        kind, point, count = line.split()
        death = Death(point, int(count))
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if kind == "work":
                    work(database, key, Path(ca_file), death)
                else:
                    decide(database, death)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        os.write(1, f"exit {os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()

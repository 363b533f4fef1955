"""Signing processes that can be killed for real: one parent that has everything imported, and forks them.

Commands on stdin, one a line: ``serve SOCKET SECONDS POINT`` starts one, whose clock is so much later, and prints its
process number; ``wait`` prints how it ended. A process kills itself with SIGKILL at its POINT.
"""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from ekyc.signing.activation.module import ActivationModule
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.keys.port import KeyProtection
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.sam import SamCredentials, SamServer, SignatureActivationModule
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.storage import ServiceKey, Storage
from ekyc.testing import FixedClock

POINTS = (
    "before burning",
    "after burning",
    "in the middle of signing",
    "after signing",
    "after releasing",
    "before answering",
)


def say(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class DeadlyActivations:
    def __init__(self, store, point):
        self.store, self.point = store, point

    def burn(self, *arguments, **named):
        if self.point == "before burning":
            die()
        self.store.burn(*arguments, **named)
        if self.point == "after burning":
            die()

    def release(self, jti, **left):
        if self.point == "after signing":
            die()
        self.store.release(jti, **left)
        if self.point == "after releasing":
            die()

    def recall(self, jti, **asked):
        return self.store.recall(jti, **asked)


class DeadlyKeys:
    def __init__(self, keys, point):
        self.keys, self.point = keys, point

    def open(self, label):
        key = self.keys.open(label)
        return DeadlyKey(key) if self.point == "in the middle of signing" else key


class DeadlyKey:
    def __init__(self, key):
        self.key, self.left = key, 1
        self.algorithm, self.public_key_der = key.algorithm, key.public_key_der

    def sign_digest(self, digest):
        if not self.left:
            die()
        self.left -= 1
        return self.key.sign_digest(digest)


def serve(folder, path, point, seconds):
    clock = FixedClock()
    clock.advance(timedelta(seconds=seconds))
    keys = DeadlyKeys(EmbeddedKeys.unlock(folder / "people", "khoá của người dân"), point)
    with Storage.open(folder / "state.sqlite3", clock=clock) as storage:
        records = storage.credentials(ServiceKey(bytes(range(32))))
        credentials = SamCredentials(records, keys, methods=frozenset(ActivationMethod))
        activation = ActivationModule(
            public_key_of={"portal": (folder / "issuer.der").read_bytes()}.get,
            credential_of=credentials.find,
            certificate_of=credentials.certificate,
            activations=DeadlyActivations(storage.activations, point),
            results=storage.results,
            persons=storage.persons,
            material=ValidationMaterial,
            clock=clock,
        )
        module = SignatureActivationModule(
            activation=activation, credentials=credentials, protection=KeyProtection.SOFTWARE
        )

        def answer(message):
            said = module.answer(message)
            if point == "before answering" and "values" in said:
                die()
            return said

        server = SamServer(answer, path, users=frozenset({os.getuid()}))
        server.stop_on(signal.SIGTERM)
        say(os.getpid())
        server.serve()


def main():
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "serve":
            path, seconds, point = rest.split(" ", 2)
            if os.fork() == 0:
                serve(folder, Path(path), point, float(seconds))
                os._exit(0)
        else:
            _, status = os.wait()
            say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()

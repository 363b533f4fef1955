"""Chromium without a window, driven over a pipe by the DevTools protocol: one process for many pages, no socket."""

import json
import os
import subprocess


class Chromium:
    """A browser. ``open`` loads a page and gives back what an expression says there; a promise is waited for."""

    def __init__(self, program, profile):
        theirs_in, self._write = os.pipe()
        self._read, theirs_out = os.pipe()
        self._buffer, self._number, self.messages = b"", 0, []

        pipes = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            [
                *("bash", "-c", pipes, program, "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-quic", "--disable-background-networking", "--no-first-run"),
                *("--remote-debugging-pipe", f"--user-data-dir={profile}"),
            ],
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def open(self, address, expression):
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable", session=session)
        self._ask("Page.navigate", session=session, url=address)
        while not self._says(session, "document.readyState === 'complete'"):
            pass
        found = self._says(session, expression)
        self._ask("Target.closeTarget", targetId=target)
        return found

    def close(self):
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait()

    def _says(self, session, expression):
        options = {"awaitPromise": True, "returnByValue": True}
        done = self._ask("Runtime.evaluate", session=session, expression=expression, **options)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def _ask(self, method, session=None, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.messages.append(answer)

    def _next(self):
        while b"\0" not in self._buffer:
            part = os.read(self._read, 1 << 16)
            assert part, "the browser has gone"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

"""The signing interface in a process of its own: ``python csc_server.py PORT FOLDER``.

Whoever asks for a signature was verified a moment ago: the portal of these tests verifies everybody. **Insecure.**
"""

import sys
from pathlib import Path

from csc_desk import CscDesk
from relay_server import NoVerifier

from ekyc.api import ServerAddress, create_app, serve
from ekyc.ports import SystemClock


def main():
    port, folder = sys.argv[1:]
    desk = CscDesk(Path(folder), clock=SystemClock(), base_url=f"http://127.0.0.1:{port}")
    latest = desk.decisions.latest

    def just_now(caller):
        desk.verify(caller.holder, caller.session)
        return latest(caller)

    desk.decisions.latest = just_now
    (Path(folder) / "root.der").write_bytes(desk.pilot.anchors[0])
    address = ServerAddress(port=int(port))
    serve(create_app(NoVerifier(), desk.storage, hosts=address.hosts, csc=desk.front), address)
    desk.close()


if __name__ == "__main__":
    main()

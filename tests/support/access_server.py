"""A service that knows its callers, in a process of its own: ``python access_server.py PORT FOLDER``.

FOLDER holds ``access.toml``. Providers are reached by the guarded link, as in ``ekyc serve``.
"""

import sys
from pathlib import Path

from access_desk import NoVerifier

from ekyc.api import ServerAddress, create_app, serve
from ekyc.api.access.configuration import load_access_settings
from ekyc.api.access.front import open_access_front
from ekyc.ports import SystemRandom
from ekyc.storage import ServiceKey, Storage


def main():
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    settings = load_access_settings(folder / "access.toml")
    key = ServiceKey.load(folder / "service.key", SystemRandom())
    with Storage.open(folder / "state.sqlite3") as storage:
        front = open_access_front(settings, storage, key)
        serve(create_app(NoVerifier(), storage, access=front), ServerAddress(port=port))


if __name__ == "__main__":
    main()

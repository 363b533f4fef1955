"""The real service in a process of its own, without models: ``python relay_server.py PORT STATE ANCHOR``.

Only chip sessions can be served; a case would need a verifier.
"""

import sys
from pathlib import Path

from ekyc.api import ServerAddress, create_app, serve
from ekyc.errors import ModelError
from ekyc.pki import TrustStore
from ekyc.storage import Storage


class NoVerifier:
    """Says that it has no models."""

    def verify_folder(self, folder, *, challenge_id, live=None, owner=None):
        raise ModelError("absent", code="model.missing")

    def require_ready(self):
        raise ModelError("absent", code="model.missing")


def main():
    port, state, anchor = sys.argv[1:]
    address = ServerAddress(port=int(port))
    with Storage.open(Path(state)) as storage:
        trust = TrustStore.load([Path(anchor)])
        serve(create_app(NoVerifier(), storage, hosts=address.hosts, trust=trust), address)


if __name__ == "__main__":
    main()

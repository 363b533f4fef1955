"""The OpenAPI document of a service with resources, without opening anything that it would work with."""

import tempfile
from pathlib import Path

from ekyc.api import create_app
from ekyc.api.access.configuration import AccessSettings
from ekyc.api.access.front import open_access_front
from ekyc.api.v1 import ResourceFront
from ekyc.flows.guarded_link import GuardedLink, LinkBounds
from ekyc.storage import ServiceKey, Storage


class _NoVerifier:
    def verify_folder(self, folder, *, challenge_id, live=None):
        raise NotImplementedError

    def require_ready(self):
        raise NotImplementedError


def described():
    """The document as JSON."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Storage.open(Path(folder) / "state.sqlite3") as storage,
    ):
        key = ServiceKey(bytes(32))
        front = ResourceFront(storage.dossiers(key))
        settings = AccessSettings(issuer="https://ekyc.example.vn")
        access = open_access_front(settings, storage, key)
        link = GuardedLink(LinkBounds())
        service = create_app(_NoVerifier(), storage, resources=front, access=access, webhooks=link)
        return service.openapi()

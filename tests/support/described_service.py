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
    def verify_folder(self, folder, *, challenge_id, live=None, owner=None, receipt=None):
        raise AssertionError("the document is made without verifying")

    def require_ready(self):
        raise AssertionError("the document is made without verifying")


def described_app(verifier, storage, key, *, vault=None, bounds=None, **options):
    """A service that offers everything, with a gate that knows nobody yet."""
    front = ResourceFront(storage.dossiers(key), vault=vault, limits=bounds)
    settings = AccessSettings(issuer="https://ekyc.example.vn")
    access = open_access_front(settings, storage, key)
    link = GuardedLink(LinkBounds())
    return create_app(verifier, storage, resources=front, access=access, webhooks=link, **options)


def described():
    """The document as JSON."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Storage.open(Path(folder) / "state.sqlite3") as storage,
    ):
        return described_app(_NoVerifier(), storage, ServiceKey(bytes(32))).openapi()

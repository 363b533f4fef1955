"""The resources of ``/v1``: procedures, dossiers, verification sessions, checks, decisions; and what HTTP asks of them.

One front holds what the operations work with::

    front = ResourceFront(desk=storage.dossiers(key))
    app = create_app(verifier, storage, resources=front)
"""

from ekyc.api.v1.carrying import carrying
from ekyc.api.v1.front import ResourceFront, ResourceLimits
from ekyc.api.v1.processing import Workshop
from ekyc.api.v1.routers import resource_routers, takes_a_case
from ekyc.api.v1.wire import ResponseExtras

__all__ = [
    "ResourceFront",
    "ResourceLimits",
    "ResponseExtras",
    "Workshop",
    "carrying",
    "resource_routers",
    "takes_a_case",
]

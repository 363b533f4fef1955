"""The HTTP service: verification for portals, over REST.

The only room that imports the web framework. It holds no rule of verification: it turns a request into a case
folder, hands it to :class:`~ekyc.flows.Verifier`, and turns results and errors into answers::

    app = create_app(FlowVerifier(verifier), storage)

``FlowVerifier`` stands in :mod:`ekyc.api.wiring`, apart, because it loads all the rooms below.
"""

from ekyc.api.app import create_app
from ekyc.api.limits import ServiceLimits
from ekyc.api.liveness_front import LivenessFront, LivenessLimits
from ekyc.api.ports import CaseVerifier
from ekyc.api.server import ServerAddress, serve

__all__ = [
    "CaseVerifier",
    "LivenessFront",
    "LivenessLimits",
    "ServerAddress",
    "ServiceLimits",
    "create_app",
    "serve",
]

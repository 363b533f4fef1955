"""The signing interface over HTTP: paths ``/csc/v1``, ``/csc/v2``, ``/csc/oauth2`` and, for the portal, ``/csc/consent``.

Mounted only where a signing service is configured. All logic is in :mod:`ekyc.signing.csc`.
"""

from ekyc.api.csc.front import CscFront, CscLimits, csc_body_bytes, open_csc_front
from ekyc.api.csc.routers import csc_routers

__all__ = ["CscFront", "CscLimits", "csc_body_bytes", "csc_routers", "open_csc_front"]

"""A reading over the network: the phone or reader passes commands, the server does everything else.

:class:`RelaySession` is the server's side, :class:`RelayClient` the client's. Both take and give frames; sockets are
for others (``ekyc.api``, ``ekyc chip relay``). The frames are described in :mod:`ekyc.chip.relay.frames`.
"""

from ekyc.chip.relay.client import CardWork, RelayClient, require_mode
from ekyc.chip.relay.frames import (
    PROTOCOL,
    Failed,
    Hello,
    Ready,
    RelayMode,
    encode_frame,
    parse_any,
    parse_frame,
)
from ekyc.chip.relay.limits import MAX_FRAME_BYTES, RelayLimits
from ekyc.chip.relay.session import RelayPlan, RelaySession, RelayState

__all__ = [
    "MAX_FRAME_BYTES",
    "PROTOCOL",
    "CardWork",
    "Failed",
    "Hello",
    "Ready",
    "RelayClient",
    "RelayLimits",
    "RelayMode",
    "RelayPlan",
    "RelaySession",
    "RelayState",
    "encode_frame",
    "parse_any",
    "parse_frame",
    "require_mode",
]

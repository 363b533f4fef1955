"""``/v1/tools``: single questions, answered at once.

Nothing is stored, so nothing is done twice and no ``Idempotency-Key`` is asked for: a lost answer is asked for again. Who may
ask is who has the scope ``tools:use``. What answers is a :class:`Tools`; a service without one has only the inspection of chip
files.
"""

from ekyc.api.tools.ports import Tools
from ekyc.api.tools.routers import tool_body_bytes, tool_routers

__all__ = ["Tools", "tool_body_bytes", "tool_routers"]

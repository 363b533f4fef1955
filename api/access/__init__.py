"""Who may call what: principals, permissions, and the one dependency that routes use.

Without a gate (``app.state.gate``) the service is in development: it listens on this machine only and everybody is
:data:`DEVELOPMENT`.
"""

from ekyc.api.access.errors import AccessError, AttemptsExceededError
from ekyc.api.access.permissions import Permission, grantable_scopes, permissions, scopes_of
from ekyc.api.access.principal import Actor, Principal, PrincipalKind, Role
from ekyc.api.access.require import (
    DEVELOPMENT,
    Gate,
    is_declared,
    open_to_all,
    principal_of,
    refuse_undeclared,
    require,
    standing,
)

__all__ = [
    "DEVELOPMENT",
    "AccessError",
    "Actor",
    "AttemptsExceededError",
    "Gate",
    "Permission",
    "Principal",
    "PrincipalKind",
    "Role",
    "grantable_scopes",
    "is_declared",
    "open_to_all",
    "permissions",
    "principal_of",
    "refuse_undeclared",
    "require",
    "scopes_of",
    "standing",
]

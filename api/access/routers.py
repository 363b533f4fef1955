"""The routers of access; consents are recorded as resources are, and mounted beside them."""

from ekyc.api.access.login_routes import router as _logins
from ekyc.api.access.token_routes import router as _tokens

access_routers = (_tokens, _logins)

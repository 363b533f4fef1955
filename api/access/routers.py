"""All routers of access."""

from ekyc.api.access.consent_routes import router as _consents
from ekyc.api.access.login_routes import router as _logins
from ekyc.api.access.token_routes import router as _tokens

access_routers = (_tokens, _logins, _consents)

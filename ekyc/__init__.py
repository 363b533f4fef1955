"""Online identity and document verification for Vietnam.

Importing this package is cheap: it loads no inference engine, image library or web framework.
The rooms are imported by name::

    from ekyc.flows import Verifier, load_case   # the whole chain
    from ekyc.chip import inspect_chip           # ICAO 9303 chip data
    from ekyc.signing import inspect_pdf         # signatures
"""

from ekyc.errors import (
    ChipError,
    EkycError,
    InputError,
    ModelError,
    TrustError,
    UpstreamError,
)
from ekyc.outcomes import Check, Outcome, Reason
from ekyc.policy import Decision, ProcedureProfile, Verdict

__version__ = "0.1.0"

__all__ = [
    "Check",
    "ChipError",
    "Decision",
    "EkycError",
    "InputError",
    "ModelError",
    "Outcome",
    "ProcedureProfile",
    "Reason",
    "TrustError",
    "UpstreamError",
    "Verdict",
    "__version__",
]

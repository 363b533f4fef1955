"""A simulated issuer and its cards, for demonstrations, tests and load generation.

**Insecure by construction**: private keys lie in memory, every certificate says SAMPLE. The files are real in form:
the verifier cannot tell them from an issuer's except by its anchors.
"""

from ekyc.chip.sim.active_authentication import ActiveAuthenticationKind
from ekyc.chip.sim.card import SimulatedCard
from ekyc.chip.sim.ciphers import Cipher
from ekyc.chip.sim.citizen import CitizenData
from ekyc.chip.sim.issuer import SimulatedIssuer
from ekyc.chip.sim.profile import (
    VIETNAMESE_QUIRKS,
    AccessProtocol,
    CardQuirks,
    ChipAuthenticationConfiguration,
    ChipProfile,
    PaceConfiguration,
    PaceMapping,
)
from ekyc.chip.sim.simulator import CardSimulator

__all__ = [
    "VIETNAMESE_QUIRKS",
    "AccessProtocol",
    "ActiveAuthenticationKind",
    "CardQuirks",
    "CardSimulator",
    "ChipAuthenticationConfiguration",
    "ChipProfile",
    "Cipher",
    "CitizenData",
    "PaceConfiguration",
    "PaceMapping",
    "SimulatedCard",
    "SimulatedIssuer",
]

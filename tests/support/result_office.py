"""An office that verifies, signs result PDFs and issues the QR codes on them. All invented."""

from credential_desk import ISSUER, Registry
from signing_pilot import Pilot

from ekyc.flows.result import VerificationResult
from ekyc.outcomes import Check, Outcome
from ekyc.policy import decide, load_profile
from ekyc.ports import SystemRandom
from ekyc.signing.credentials.issuer import ResultIssuer, sign_status_list
from ekyc.signing.pdf.result_signer import OneShotSigner
from ekyc.storage import ServiceKey


class Office:
    """An authority that signs PDFs, a registry that issues results, and one state for both."""

    def __init__(self, folder, *, registry=None, clock=None):
        self.pilot = Pilot(folder, clock=clock)
        self.clock, self.storage = self.pilot.clock, self.pilot.storage
        self.registry = registry or Registry()
        self.issuer = ResultIssuer(
            id=ISSUER,
            series=f"{ISSUER}/tt",
            signer=self.registry.signer,
            register=self.storage.issued_results,
            service_key=ServiceKey(SystemRandom().token_bytes(32)),
        )
        self.authority = OneShotSigner(
            self.pilot.authorities, self.pilot.keys, clock=self.pilot.clock
        )

    def statuses(self):
        return sign_status_list(
            self.storage.issued_results, f"{ISSUER}/tt/1", signer=self.registry.status_signer
        )

    def inspect(self, text, *lists, at=None):
        return self.registry.inspect(text, *lists, at=at or self.clock.now())


def accepted(clock, profile_id="identity", *, sample=False):
    profile = load_profile(profile_id)
    checks = tuple(Check(id=name, outcome=Outcome.PASSED) for name in profile.required)
    return VerificationResult(
        id="0193b7a2-6f41-7c3e-9d11-6a2f0c7e8b55",
        created_at=clock.now(),
        case_digest="0" * 64,
        profile=profile,
        decision=decide(profile, checks),
        checks=checks,
        models=(),
        sample=sample,
    )

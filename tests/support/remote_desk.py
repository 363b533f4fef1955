"""Remote signing whole: verification on record, second factors, the authorising side, and a signing process."""

import contextlib
from datetime import timedelta

from pyotp.totp import TOTP
from sam_desk import ME, SERVICE_KEY, SESSION, SamDesk
from soft_authenticator import SoftAuthenticator

from ekyc.signing.activation.enrolment import Enrolment
from ekyc.signing.activation.evidence import StoredEvidence
from ekyc.signing.activation.factors import RelyingParty, SecondFactorDesk
from ekyc.signing.activation.remote import Caller, OneTimeCode
from ekyc.signing.activation.remote_service import SigningService
from ekyc.signing.activation.sad import ActivationMethod

I_AM = Caller(holder=ME, session=SESSION)
PARTY = RelyingParty(id="portal.example", origins=("https://portal.example",))


class RemoteDesk(SamDesk):
    """The signing process knows factors, and asks for one."""

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        self.factor_store = self.storage.factors(SERVICE_KEY)
        self.factors = SecondFactorDesk(self.factor_store, clock=self.clock, party=PARTY)
        self.secrets = {}
        self.evidence = StoredEvidence(self.storage.persons)
        self.enrolment = Enrolment(
            self.factor_store,
            nonces=self.storage.nonces,
            evidence=self.evidence,
            clock=self.clock,
            party=PARTY,
            service_name="Cổng mẫu",
        )

    def enrol_authenticator(self, caller=I_AM, authenticator=None):
        authenticator = authenticator or SoftAuthenticator()
        self.verified(holder=caller.holder, session=caller.session)
        offer = self.enrolment.offer_authenticator(caller, self.own_code(caller))
        response = authenticator.register(offer.options_json)
        self.enrolment.register_authenticator(caller, offer.challenge_id, response)
        self.clock.advance(timedelta(seconds=1))
        return authenticator

    def enrol_codes(self, caller=I_AM):
        """A generator of codes, one time step after its first."""
        self.verified(holder=caller.holder, session=caller.session)
        offer = self.enrolment.offer_codes(caller, self.own_code(caller))
        self.enrolment.confirm_codes(caller, offer.factor, self.code(offer.secret))
        self.secrets[caller.holder] = offer.secret
        self.clock.advance(timedelta(seconds=31))
        return offer.secret

    def own_code(self, caller):
        """Of the generator that stands already, if one does."""
        secret = self.secrets.get(caller.holder)
        return None if secret is None else self.code(secret)

    def code(self, secret, steps=0):
        return OneTimeCode(code=TOTP(secret).at(self.clock.now(), counter_offset=steps))

    def service(self, signs):
        return SigningService(
            issuer=self.issuer,
            module=signs,
            credentials=self.directory,
            evidence=self.evidence,
            material=self.pilot.ca.material,
            clock=self.clock,
            factors=self.factors,
        )

    def strict_module(self):
        both = frozenset({ActivationMethod.WEBAUTHN, ActivationMethod.TOTP})
        return self.module(factors=self.factors, methods=both)

    @contextlib.contextmanager
    def remote(self):
        with self.serving(self.strict_module()) as client:
            yield self.service(client)

"""A service outside a pilot, and people who enrol second factors in it."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from csc_desk import ME, SESSION
from pyotp.totp import TOTP
from signing_bench import KEY, SECOND_FACTORS, Bench

from ekyc.api.signatures import SignatureFront
from ekyc.signing.activation.enrolment import Enrolment
from ekyc.signing.activation.factors import RelyingParty, SecondFactorDesk

ENROL = "/v1/factor-enrolments"
PROCEDURE = "passport-identity"
PARTY = RelyingParty(id="portal.example", origins=("https://portal.example",))


class Town(Bench):
    """Outside a pilot: a real store of factors, and every key wants one."""

    def __init__(self, folder, storage, clock):
        super().__init__(folder, storage, clock)
        self.store = storage.factors(KEY)
        self.csc.factors = SecondFactorDesk(self.store, clock=clock, party=PARTY)
        self.csc.methods = dict.fromkeys(self.csc.methods, SECOND_FACTORS)
        self.mortal.signing = self.csc.open_signing()
        self.enrolment = Enrolment(
            self.store,
            nonces=storage.nonces,
            evidence=self.csc.decisions,
            clock=clock,
            party=PARTY,
            service_name="Cổng mẫu",
        )
        self.options["signatures"] = SignatureFront(
            flow=self.flow, enrolment=self.enrolment, enrolment_procedure=PROCEDURE
        )

    def code(self, uri):
        (secret,) = parse_qs(urlsplit(uri).query)["secret"]
        return TOTP(secret).at(self.clock.now())

    def later(self):
        self.clock.advance(timedelta(seconds=31))


async def decided(desk, town, *, procedure=PROCEDURE, holder=ME, session=SESSION):
    """A session in which the person was verified a moment ago."""
    town.clock.advance(timedelta(seconds=1))
    place = await desk.session(procedure=procedure)
    told = town.verifier.result["decision"]
    usual, told["profile"] = told["profile"], procedure
    answer = await desk.submit(place, case=f'schema = "ekyc.case/1"\nprofile = "{procedure}"\n')
    told["profile"] = usual
    assert answer.json()["final"] is True, answer.text
    town.csc.verify(holder, session)
    return place.rpartition("/")[2]


async def opened(desk, session):
    """The headers of the device that a session lets enrol."""
    answer = await desk.post(ENROL, json={"session_id": session})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['enrolment_token']}"}


async def offered(desk, headers, **members):
    return await desk.post(f"{ENROL}/codes", json=members, headers=headers)


async def confirmed(desk, headers, factor, code):
    path = f"{ENROL}/codes/{factor}/confirmations"
    return await desk.post(path, json={"code": code}, headers=headers)


async def enrolled(desk, town, **members):
    """A generator that stands: its address."""
    headers = await opened(desk, await decided(desk, town))
    offer = await offered(desk, headers, **members)
    assert offer.status_code == 201, offer.text
    made = offer.json()
    done = await confirmed(desk, headers, made["factor"], town.code(made["uri"]))
    assert done.status_code == 201, done.text
    assert [one["id"] for one in done.json()["data"]] == [made["factor"]]
    return made["uri"], headers


def refusal(answer):
    return answer.status_code, answer.json().get("code")

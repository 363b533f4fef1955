"""A person authorises: verified, and with something they have. Through the port, down to the signing process."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from remote_desk import I_AM, RemoteDesk
from sam_desk import ANOTHER, ME, SOMEBODY_ELSE, A, B, code_of, document
from signing_pilot import EC
from soft_authenticator import PRESENT, SoftAuthenticator

from ekyc.errors import EkycError
from ekyc.policy import Verdict
from ekyc.signing.activation.jws import sign_compact, verify_compact
from ekyc.signing.activation.remote import (
    Authorisation,
    Caller,
    CredentialStatus,
    OneTimeCode,
    RemoteSigning,
)
from ekyc.signing.activation.sad import ActivationMethod, Assertion, FactorProof
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.signatory import public_key_der_of

TOTP, WEBAUTHN = ActivationMethod.TOTP, ActivationMethod.WEBAUTHN
NOT_ME = Caller(holder=SOMEBODY_ELSE, session=I_AM.session)
LATER = Caller(holder=ME, session=ANOTHER)


class Interrupted:
    """A part, before whose first use something else happens."""

    def __init__(self, part, first):
        self._part, self._first = part, first

    def __getattr__(self, name):
        first, self._first = self._first, None
        if first is not None:
            first()
        return getattr(self._part, name)


@pytest.fixture
def desk(tmp_path):
    made = RemoteDesk(tmp_path)
    yield made
    made.close()


def propose(desk, service, *hashes, method=WEBAUTHN, caller=I_AM, fresh=True):
    if fresh:
        desk.verified(holder=caller.holder, session=caller.session)
    return service.propose(caller, desk.mine, [document(one) for one in hashes], method=method)


def sign(desk, service, granted, *hashes, caller=I_AM):
    return service.sign(caller, desk.mine, sad=granted.sad, hashes=hashes, algorithm=EC)


class TestAuthenticator:
    def test_signs_what_was_shown(self, desk):
        authenticator = desk.enrol_authenticator()
        with desk.remote() as service:
            proposal = propose(desk, service, A, B)
            assert proposal.credential_ids == (authenticator.credential_id,)
            assert proposal.relying_party == "portal.example"
            assert [one.title for one in proposal.documents] == ["Trích lục khai sinh"] * 2
            granted = service.authorise(
                I_AM, proposal.token, authenticator.answer(proposal.challenge)
            )
            values = sign(desk, service, granted, B, A)
        key = public_key_der_of(desk.directory.find(desk.mine).certificate_der)
        for digest, value in zip((B, A), values, strict=True):
            verify_value(key, digest, value)

    @pytest.mark.parametrize("key", ["EdDSA", "RS256"])
    def test_of_other_algorithms_signs_too(self, desk, key):
        authenticator = desk.enrol_authenticator(authenticator=SoftAuthenticator(key=key))
        with desk.remote() as service:
            proposal = propose(desk, service, A)
            answer = authenticator.answer(proposal.challenge)
            granted = service.authorise(I_AM, proposal.token, answer)
            assert len(sign(desk, service, granted, A)) == 1

    def test_its_counter_moves_with_the_signature(self, desk):
        authenticator = desk.enrol_authenticator()
        with desk.remote() as service:
            for _ in range(2):
                proposal = propose(desk, service, A)
                answer = authenticator.answer(proposal.challenge)
                sign(desk, service, service.authorise(I_AM, proposal.token, answer), A)
                desk.clock.advance(timedelta(seconds=1))
            authenticator.count = 0  # a copy that has fallen behind
            proposal = propose(desk, service, A)
            copied = authenticator.answer(proposal.challenge)
            refused = code_of(service.authorise, I_AM, proposal.token, copied)
        assert refused == "factor.assertion"

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda mine, challenge: mine.answer(challenge[::-1]),
            lambda mine, challenge: mine.answer(challenge, signature=b"0" * 70),
            lambda mine, challenge: mine.answer(challenge, client_data=b"[" * 4000),
            lambda mine, challenge: mine.answer(challenge, client_data=b"x" * 5000),
            lambda mine, challenge: mine.answer(challenge, authenticator_data=b""),
        ],
        ids=["another challenge", "no signature", "nested", "long", "empty"],
    )
    def test_an_answer_that_does_not_hold(self, desk, spoil):
        authenticator = desk.enrol_authenticator()
        service = desk.service(desk.strict_module())
        proposal = propose(desk, service, A)
        answer = spoil(authenticator, proposal.challenge)
        assert code_of(service.authorise, I_AM, proposal.token, answer) == "factor.assertion"

    @pytest.mark.parametrize("what", ["origin", "party", "unverified", "framed", "another key"])
    def test_an_authenticator_that_lies(self, desk, what):
        authenticator = desk.enrol_authenticator()
        if what == "origin":
            authenticator.origin = "https://portal.example.evil"
        elif what == "party":
            authenticator.party = "evil.example"
        elif what == "unverified":
            authenticator.flags = PRESENT
        elif what == "framed":
            authenticator.framed = True
        else:
            authenticator.key = SoftAuthenticator().key
        service = desk.service(desk.strict_module())
        proposal = propose(desk, service, A)
        answer = authenticator.answer(proposal.challenge)
        assert code_of(service.authorise, I_AM, proposal.token, answer) == "factor.assertion"

    def test_of_another_person(self, desk):
        desk.enrol_authenticator()
        theirs = desk.enrol_authenticator(NOT_ME)
        service = desk.service(desk.strict_module())
        proposal = propose(desk, service, A)
        answer = theirs.answer(proposal.challenge)
        assert code_of(service.authorise, I_AM, proposal.token, answer) == "factor.unknown"

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None
    )
    @given(data=st.data())
    def test_no_changed_byte_activates(self, data, whole):
        _, service, proposal, answer = whole
        part = data.draw(st.sampled_from(["authenticator_data", "client_data", "signature"]))
        old = getattr(answer.assertion, part)
        place = data.draw(st.integers(0, len(old) - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        new = old[:place] + bytes([old[place] ^ bit]) + old[place + 1 :]
        spoilt = replace(answer, assertion=replace(answer.assertion, **{part: new}))
        assert code_of(service.authorise, I_AM, proposal.token, spoilt) == "factor.assertion"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    desk = RemoteDesk(tmp_path_factory.mktemp("desk"))
    authenticator = desk.enrol_authenticator()
    service = desk.service(desk.strict_module())
    proposal = propose(desk, service, A)
    yield desk, service, proposal, authenticator.answer(proposal.challenge)
    desk.close()


class TestSigningSideChecksByItself:
    """An authorising side that errs, or was taken over: the signing process believes no second factor unseen."""

    def forged(self, desk, change):
        """A SAD that is right in all but what ``change`` does to its claims; signed by the trusted key."""
        authenticator = desk.enrol_authenticator()
        service = desk.service(desk.strict_module())
        proposal = propose(desk, service, A)
        granted = service.authorise(I_AM, proposal.token, authenticator.answer(proposal.challenge))
        keys = {"portal": desk.issuer_key.public_key_der}
        _, claims = verify_compact(granted.sad, public_key_of=keys.get, typ="sad+jwt")
        change(claims)
        return sign_compact(claims, key=desk.issuer_key, kid="portal", typ="sad+jwt")

    def refusal(self, desk, sad, digest):
        with desk.serving(desk.strict_module()) as client:
            return code_of(desk.sign, client, sad, digest)

    def test_swapped_hash(self, desk):
        def swap(claims):
            import base64

            other = base64.b64encode(B).decode()
            claims["hashes"] = [other]
            claims["documents"][0]["hash"] = other

        assert self.refusal(desk, self.forged(desk, swap), B) == "factor.assertion"

    def test_swapped_title(self, desk):
        def retitle(claims):
            claims["documents"][0]["title"] = "Giấy vay nợ"

        assert self.refusal(desk, self.forged(desk, retitle), A) == "factor.assertion"

    def test_more_time(self, desk):
        def prolong(claims):
            claims["iat"] += 5
            claims["exp"] += 5

        assert self.refusal(desk, self.forged(desk, prolong), A) == "factor.assertion"

    def test_another_jti(self, desk):
        sad = self.forged(desk, lambda claims: claims.update(jti="0" * 32))
        assert self.refusal(desk, sad, A) == "factor.assertion"

    def test_the_weaker_method(self, desk):
        def weaken(claims):
            claims["method"] = "verification"
            del claims["factor"]

        assert self.refusal(desk, self.forged(desk, weaken), A) == "activation.method"

    def test_a_code_from_somebody_without_a_generator(self, desk):
        def pretend(claims):
            claims["method"] = "verification+totp"
            del claims["factor"]["assertion"]

        assert self.refusal(desk, self.forged(desk, pretend), A) == "factor.unknown"

    def test_a_factor_that_is_not_there(self, desk):
        sad = self.forged(desk, lambda claims: claims["factor"].update(id="0" * 32))
        assert self.refusal(desk, sad, A) == "factor.unknown"

    @pytest.mark.parametrize(
        "change",
        [
            lambda claims: claims.pop("factor"),
            lambda claims: claims["factor"].pop("assertion"),
            lambda claims: claims["factor"].update(more=1),
            lambda claims: claims["factor"]["assertion"].update(signature="?"),
            lambda claims: claims.update(method="verification"),
            lambda claims: claims.update(factor=[]),
        ],
    )
    def test_a_proof_of_another_form(self, desk, change):
        assert self.refusal(desk, self.forged(desk, change), A) == "activation.malformed"

    def test_a_lie_about_the_person(self, desk):
        """The record says on whom and in which session the decision was made."""
        evidence = desk.verified(holder=SOMEBODY_ELSE)
        sad = desk.authorise(A, evidence=replace(evidence, holder=ME))
        with desk.serving() as client:
            assert code_of(desk.sign, client, sad, A) == "activation.other_user"

    def test_a_lie_about_the_session(self, desk):
        evidence = desk.verified(session=ANOTHER)
        sad = desk.authorise(A, evidence=replace(evidence, session=I_AM.session))
        with desk.serving() as client:
            assert code_of(desk.sign, client, sad, A) == "activation.other_session"


class TestCodes:
    def test_a_code_authorises_once(self, desk):
        secret = desk.enrol_codes()
        with desk.remote() as service:
            proposal = propose(desk, service, A, method=TOTP)
            granted = service.authorise(I_AM, proposal.token, desk.code(secret))
            assert len(sign(desk, service, granted, A)) == 1
            again = propose(desk, service, A, method=TOTP)
            refused = code_of(service.authorise, I_AM, again.token, desk.code(secret))
        assert refused == "factor.replayed"

    def test_an_earlier_code_is_not_good_after_a_later_one(self, desk):
        secret = desk.enrol_codes()
        service = desk.service(desk.strict_module())
        token = propose(desk, service, A, method=TOTP).token
        service.authorise(I_AM, token, desk.code(secret, 1))
        for steps in (1, 0, -1):
            refused = code_of(service.authorise, I_AM, token, desk.code(secret, steps))
            assert refused == "factor.replayed"

    @pytest.mark.parametrize("steps", [-2, 2])
    def test_two_steps_off_is_wrong(self, desk, steps):
        secret = desk.enrol_codes()
        service = desk.service(desk.strict_module())
        token = propose(desk, service, A, method=TOTP).token
        refused = code_of(service.authorise, I_AM, token, desk.code(secret, steps))
        assert refused == "factor.wrong_code"

    @pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\ud800"])
    def test_what_is_no_code_counts_as_wrong(self, desk, code):
        secret = desk.enrol_codes()
        service = desk.service(desk.strict_module())
        token = propose(desk, service, A, method=TOTP).token
        for _ in range(5):
            refused = code_of(service.authorise, I_AM, token, OneTimeCode(code=code))
            assert refused == "factor.wrong_code"
        assert code_of(service.authorise, I_AM, token, desk.code(secret)) == "factor.locked"

    def test_it_is_not_shown(self, desk):
        assert "123456" not in repr(OneTimeCode(code="123456"))


class TestEnrolment:
    def test_without_a_decision_there_is_none(self, desk):
        for offer in (desk.enrolment.offer_codes, desk.enrolment.offer_authenticator):
            assert code_of(offer, I_AM) == "activation.evidence_missing"
            desk.verified(session=ANOTHER)
            assert code_of(offer, I_AM) == "activation.evidence_missing"

    def test_after_a_review_there_is_none(self, desk):
        desk.verified(verdict=Verdict.REVIEW)
        assert code_of(desk.enrolment.offer_codes, I_AM) == "activation.not_accepted"

    def test_long_after_there_is_none(self, desk):
        desk.verified()
        desk.clock.advance(timedelta(minutes=11))
        assert code_of(desk.enrolment.offer_codes, I_AM) == "activation.evidence_stale"

    def test_one_decision_enrols_once(self, desk):
        desk.verified()
        desk.enrolment.offer_codes(I_AM)
        assert code_of(desk.enrolment.offer_codes, I_AM) == "factor.decision_used"

    def test_codes_count_from_the_first_right_one(self, desk):
        desk.verified()
        offer = desk.enrolment.offer_codes(I_AM)
        assert offer.secret not in repr(offer)
        assert desk.factors.methods(ME) == frozenset()
        wrong = OneTimeCode(code="0")
        assert code_of(desk.enrolment.confirm_codes, I_AM, offer.factor, wrong) == (
            "factor.wrong_code"
        )
        code = desk.code(offer.secret)
        confirm = desk.enrolment.confirm_codes
        assert code_of(confirm, NOT_ME, offer.factor, code) == "activation.evidence_missing"
        desk.verified(holder=SOMEBODY_ELSE)
        assert code_of(confirm, NOT_ME, offer.factor, code) == "factor.unknown"
        desk.enrolment.confirm_codes(I_AM, offer.factor, desk.code(offer.secret))
        assert desk.factors.methods(ME) == {TOTP}

    def test_a_new_generator_ends_the_old_one(self, desk):
        old = desk.enrol_codes()
        new = desk.enrol_codes()
        service = desk.service(desk.strict_module())
        token = propose(desk, service, A, method=TOTP).token
        assert code_of(service.authorise, I_AM, token, desk.code(old)) == "factor.wrong_code"
        service.authorise(I_AM, token, desk.code(new))

    def test_a_decision_that_enrolled_signs_nothing(self, desk):
        """Whoever relays an enrolment would have the key sign at once, with a generator of their own."""
        desk.verified()
        offer = desk.enrolment.offer_codes(I_AM)
        desk.enrolment.confirm_codes(I_AM, offer.factor, desk.code(offer.secret))
        with desk.remote() as service:
            proposal = propose(desk, service, A, method=TOTP, fresh=False)
            replayed = code_of(service.authorise, I_AM, proposal.token, desk.code(offer.secret))
            desk.clock.advance(timedelta(seconds=31))
            granted = service.authorise(I_AM, proposal.token, desk.code(offer.secret))
            assert code_of(sign, desk, service, granted, A) == "activation.evidence_enrolled"
        assert replayed == "factor.replayed"

    def test_nothing_is_replaced_without_a_code_of_what_stands(self, desk):
        secret = desk.enrol_codes()
        desk.verified()
        offer = desk.enrolment.offer_codes
        assert code_of(offer, I_AM) == "factor.standing"
        assert code_of(offer, I_AM, OneTimeCode(code="000000")) == "factor.wrong_code"
        assert code_of(desk.enrolment.offer_authenticator, I_AM) == "factor.standing"
        (mine,) = desk.enrolment.standing(I_AM)
        wrong = OneTimeCode(code="000000")
        assert code_of(desk.enrolment.end, I_AM, mine.id, wrong) == "factor.wrong_code"
        assert code_of(desk.enrolment.end, I_AM, "0" * 32, desk.code(secret)) == "factor.unknown"
        desk.enrolment.end(I_AM, mine.id, desk.code(secret))
        assert desk.factors.methods(ME) == frozenset()

    def test_of_two_that_were_offered_the_first_that_is_confirmed_stands(self, desk):
        offers = []
        for _ in range(2):
            desk.clock.advance(timedelta(seconds=1))
            desk.verified()
            offers.append(desk.enrolment.offer_codes(I_AM))
        early, late = offers
        confirm = desk.enrolment.confirm_codes
        assert code_of(confirm, I_AM, early.factor, desk.code(early.secret)) == "factor.unknown"
        confirm(I_AM, late.factor, desk.code(late.secret))
        assert desk.factor_store.find(early.factor) is None
        assert [one.id for one in desk.enrolment.standing(I_AM)] == [late.factor]

    @pytest.mark.parametrize("offer", ["offer_codes", "offer_authenticator"])
    def test_nothing_is_offered_on_what_was_agreed_to_before_a_factor_stood(self, desk, offer):
        for caller in (I_AM, LATER):
            desk.verified(holder=caller.holder, session=caller.session)
        codes = desk.enrolment.offer_codes(I_AM)
        confirm = partial(desk.enrolment.confirm_codes, I_AM, codes.factor, desk.code(codes.secret))
        if offer == "offer_codes":
            desk.factor_store._random = Interrupted(desk.factor_store._random, confirm)
            assert code_of(desk.enrolment.offer_codes, LATER) == "factor.standing"
        else:
            desk.enrolment._nonces = Interrupted(desk.storage.nonces, confirm)
            made = desk.enrolment.offer_authenticator(LATER)
            response = SoftAuthenticator().register(made.options_json)
            register = desk.enrolment.register_authenticator
            assert code_of(register, LATER, made.challenge_id, response) == "factor.assertion"
        assert [one.id for one in desk.enrolment.standing(I_AM)] == [codes.factor]

    def test_a_registration_is_for_one_person_in_one_session_once(self, desk):
        for caller in (I_AM, NOT_ME, LATER):
            desk.verified(holder=caller.holder, session=caller.session)
        for caller in (NOT_ME, LATER):
            offer = desk.enrolment.offer_authenticator(I_AM)
            response = SoftAuthenticator().register(offer.options_json)
            register = desk.enrolment.register_authenticator
            assert code_of(register, caller, offer.challenge_id, response) == "factor.assertion"
            assert code_of(register, I_AM, offer.challenge_id, response) == (
                "freshness.already_used"
            )

    @pytest.mark.parametrize("junk", ["", "[]", "{}", "null", "[" * 9000, '{"id": 1, "rawId": {}}'])
    def test_junk_registers_nothing(self, desk, junk):
        desk.verified()
        offer = desk.enrolment.offer_authenticator(I_AM)
        register = desk.enrolment.register_authenticator
        assert code_of(register, I_AM, offer.challenge_id, junk) == "factor.assertion"
        assert desk.factors.methods(ME) == frozenset()

    def test_the_options_name_nobody(self, desk):
        desk.verified()
        options = json.loads(desk.enrolment.offer_authenticator(I_AM).options_json)
        assert options["user"]["name"] == "Cổng mẫu"
        assert options["authenticatorSelection"]["userVerification"] == "required"


class TestPort:
    def test_is_kept(self, desk):
        service: RemoteSigning = desk.service(desk.strict_module())
        assert service.credential_ids(I_AM) == (desk.mine,)
        assert service.credential_ids(NOT_ME) == (desk.others,)

    def test_describes_ones_own(self, desk):
        service = desk.service(desk.strict_module())
        info = service.describe(I_AM, desk.mine)
        assert (info.status, info.algorithm) == (CredentialStatus.ENABLED, EC)
        assert info.methods == (ActivationMethod.VERIFICATION,)
        desk.enrol_codes()
        desk.enrol_authenticator()
        assert set(service.describe(I_AM, desk.mine).methods) == set(ActivationMethod)
        assert code_of(service.describe, I_AM, desk.others) == "activation.credential_unknown"

    def test_says_what_a_credential_is_good_for(self, desk):
        from cryptography.x509 import ReasonFlags

        service = desk.service(desk.strict_module())
        desk.records.disable(desk.mine)
        assert service.describe(I_AM, desk.mine).status is CredentialStatus.DISABLED
        own = desk.directory.find(desk.mine).certificate_der
        desk.clock.advance(timedelta(days=-1))
        assert service.describe(I_AM, desk.mine).status is CredentialStatus.NOT_YET_VALID
        desk.clock.advance(timedelta(days=400))
        assert service.describe(I_AM, desk.mine).status is CredentialStatus.EXPIRED
        desk.pilot.ca.revoke(own, ReasonFlags.key_compromise)
        assert service.describe(I_AM, desk.mine).status is CredentialStatus.REVOKED

    def test_nobody_uses_anothers(self, desk):
        service = desk.service(desk.strict_module())
        desk.verified(holder=SOMEBODY_ELSE)
        refused = code_of(propose, desk, service, A, caller=NOT_ME)
        assert refused == "activation.credential_unknown"

    def test_a_method_without_its_factor(self, desk):
        service = desk.service(desk.strict_module())
        assert code_of(propose, desk, service, A, method=TOTP) == "activation.method"

    def test_without_verification_in_this_session(self, desk):
        desk.enrol_authenticator()
        service = desk.service(desk.strict_module())
        refused = code_of(propose, desk, service, A, caller=LATER, fresh=False)
        assert refused == "activation.evidence_missing"

    def test_a_proposal_is_for_its_caller(self, desk):
        authenticator = desk.enrol_authenticator()
        service = desk.service(desk.strict_module())
        proposal = propose(desk, service, A)
        answer = authenticator.answer(proposal.challenge)
        assert code_of(service.authorise, NOT_ME, proposal.token, answer) == "activation.other_user"
        assert code_of(service.authorise, LATER, proposal.token, answer) == (
            "activation.other_session"
        )

    def test_a_proposal_lasts_two_minutes_and_activates_nothing(self, desk):
        authenticator = desk.enrol_authenticator()
        with desk.remote() as service:
            proposal = propose(desk, service, A)
            answer = authenticator.answer(proposal.challenge)
            as_sad = Authorisation(sad=proposal.token, expires_at=proposal.expires_at)
            assert code_of(sign, desk, service, as_sad, A) == "jws.malformed"
            desk.clock.advance(timedelta(seconds=121))
            assert code_of(service.authorise, I_AM, proposal.token, answer) == "activation.expired"

    @pytest.mark.parametrize("answer", [None, OneTimeCode(code="123456")])
    def test_an_answer_of_another_kind(self, desk, answer):
        desk.enrol_authenticator()
        service = desk.service(desk.strict_module())
        token = propose(desk, service, A).token
        assert code_of(service.authorise, I_AM, token, answer) == "activation.malformed"

    @given(token=st.text(max_size=80))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_junk_is_no_proposal(self, whole, token):
        with pytest.raises(EkycError):
            whole[1].authorise(I_AM, token, None)

    def test_a_proof_that_does_not_fit_is_not_sealed(self, desk):
        desk.enrol_authenticator()
        sad = desk.issuer.draft(
            desk.directory.find(desk.mine),
            [document(A)],
            evidence=desk.verified(),
            session=I_AM.session,
            method=WEBAUTHN,
        )
        said = Assertion(authenticator_data=b"", client_data=b"", signature=b"")
        assert code_of(desk.issuer.sign, sad) == "activation.malformed"
        assert (
            code_of(
                desk.issuer.sign, replace(sad, method=TOTP), FactorProof(factor="f", assertion=said)
            )
            == "activation.malformed"
        )

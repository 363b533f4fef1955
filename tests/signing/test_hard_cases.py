"""Cases found by reading the signing code as an attacker would: each once let something through, or lost something."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from activation_desk import EC, A, B, Desk, document
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import example, given
from hypothesis import strategies as st
from signing_pilot import CITIZEN, Pilot, make_pdf

from ekyc.errors import EkycError
from ekyc.ports import SystemRandom
from ekyc.signing import (
    Level,
    TimestampFailedError,
    augment_pdf,
    inspect_pdf,
    prepare_pdf,
    sign_pdf,
)
from ekyc.signing.activation.jws import sign_compact, verify_compact
from ekyc.signing.activation.module import TYPE
from ekyc.signing.authority.ceremony import ROOT_CERTIFICATE, ROOT_CRL, renew_root_crl
from ekyc.signing.authority.certificates import CertificateProfile, issue_leaf
from ekyc.signing.authority.ocsp import OcspResponder
from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.der import (
    context,
    elements,
    inside,
    integer,
    null,
    octet_string,
    oid,
    sequence,
    tlv,
)
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.storage import CertificateStatus

SUPERSEDED = x509.ReasonFlags.superseded
_SHA256_AND_NULL = sequence(oid("2.16.840.1.101.3.4.2.1"), null())
_SHA1, _MD5 = "1.3.14.3.2.26", "1.2.840.113549.2.5"


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.pilot.close()


@pytest.fixture
def pilot(tmp_path):
    made = Pilot(tmp_path)
    yield made
    made.close()


def code_of(call):
    with pytest.raises(EkycError) as caught:
        call()
    return caught.value.code


class TestActivation:
    def test_an_old_decision_is_not_made_fresh_by_the_issuers_word(self, desk):
        old = desk.verified()
        desk.clock.advance(timedelta(days=1))
        lied = replace(old, at=desk.clock.now())
        assert desk.refusal(desk.authorise(A, evidence=lied), A) == "activation.evidence_stale"

    def test_what_was_checked_is_what_is_signed(self, desk):
        """The caller's list is changed while the module works."""
        asked, sad = [A], desk.authorise(A)

        class Swapping:
            release = desk.storage.activations.release

            def burn(self, *args, **options):
                desk.storage.activations.burn(*args, **options)
                asked[0] = B

        desk.module._activations = Swapping()
        (value,) = desk.module.sign(sad, credential_id="c-1", hashes=asked, algorithm=EC)
        verify_value(desk.identity.key.public_key_der, A, value)

    def test_one_that_expired_while_it_waited_for_the_database_is_not_burnt(self, desk):
        sad = desk.authorise(A)
        looked_up = desk.module._credential_of

        def slow(name):
            desk.clock.advance(timedelta(seconds=121))
            return looked_up(name)

        desk.module._credential_of = slow
        assert desk.refusal(sad, A) == "activation.expired"

    def test_a_revoked_credential_signs_no_more(self, desk):
        sad = desk.authorise(A)
        desk.pilot.ca.revoke(desk.identity.certificate_der, SUPERSEDED)
        assert desk.refusal(sad, A) == "signing.certificate.revoked"

    def test_an_expired_credential_signs_no_more(self, desk):
        desk.clock.advance(timedelta(days=366))
        assert desk.refusal(desk.authorise(A), A) == "signing.certificate.expired"

    @pytest.mark.parametrize(
        "change",
        [
            lambda claims: claims.update(jti=5),
            lambda claims: claims["evidence"].update(result=["x"]),
            lambda claims: claims["evidence"].update(holder=None),
            lambda claims: claims["documents"][0].update(title=["x"]),
        ],
    )
    def test_claims_of_another_type_are_refused_by_name(self, desk, change):
        _, claims = verify_compact(
            desk.authorise(A), public_key_of=lambda _: desk.issuer_key.public_key_der, typ=TYPE
        )
        change(claims)
        sad = sign_compact(claims, key=desk.issuer_key, kid="portal", typ=TYPE)
        assert desk.refusal(sad, A) == "activation.malformed"

    def test_a_title_that_cannot_be_written_is_refused_by_name(self, desk):
        shown = document(A, title="Đơn\ud800")
        code = code_of(
            lambda: desk.issuer.issue(
                desk.credential, [shown], evidence=desk.verified(), session=desk.verified().session
            )
        )
        assert code == "activation.malformed"

    def test_a_hundred_documents_with_the_longest_titles_are_signed(self, desk):
        digests = [sha256(bytes((number,))).digest() for number in range(100)]
        shown = [document(digest, title="\U00020000" * 200) for digest in digests]
        evidence = desk.verified()
        sad = desk.issuer.issue(desk.credential, shown, evidence=evidence, session=evidence.session)
        assert len(desk.sign(sad, *digests)) == 100

    def test_titles_and_documents_do_not_show_themselves(self, desk):
        assert "Nguyễn" not in repr(document(A, title="Giấy của Nguyễn Văn A"))
        prepared = prepare_pdf(make_pdf(), desk.identity, desk.pilot.as_party(desk.identity))
        assert len(repr(prepared.hole)) < 200


class TestSignersOwnCheck:
    def test_a_list_counts_whose_issuer_came_with_the_signer(self, pilot):
        party = pilot.party("citizen", "Nguyễn Thị Mẫu")
        pilot.ca.revoke(party.signer.certificate_der, SUPERSEDED)
        lists_alone = ValidationMaterial(crls=pilot.ca.material().crls)
        revoked = pilot.as_party(party.signer, vouch=lambda: lists_alone)
        code = code_of(lambda: sign_pdf(make_pdf(), revoked, level=Level.B_B))
        assert code == "signing.certificate.revoked"


class TestTimestamps:
    """What an authority of time answers is judged before it goes into a file."""

    def ask(self, pilot, change):
        def answer(request):
            return change(pilot.authorities.timestamp_authority.answer(request))

        return code_of(lambda: request_token(bytes(32), ask=answer, random=SystemRandom()))

    def test_the_digest_under_the_name_of_another_algorithm(self, pilot):
        other = oid("2.16.840.1.101.3.4.2.1")[:-1] + b"\x06"  # SHA-512/256, of 32 bytes too
        imprint = sequence(sequence(oid("2.16.840.1.101.3.4.2.1")), octet_string(bytes(32)))
        lied = imprint.replace(oid("2.16.840.1.101.3.4.2.1"), other)
        code = self.ask(pilot, lambda whole: whole.replace(imprint, lied))
        assert code == "signing.timestamp.mismatch"

    def test_a_token_without_a_statement(self, pilot):
        del pilot
        body = sequence(
            integer(3), b"\x31\x00", sequence(oid("1.2.840.113549.1.9.16.1.4")), b"\x31\x00"
        )
        token = sequence(oid("1.2.840.113549.1.7.2"), context(0, body))
        answer = sequence(sequence(integer(0)), token)
        code = code_of(
            lambda: request_token(bytes(32), ask=lambda _: answer, random=SystemRandom())
        )
        assert code == "signing.timestamp.mismatch"

    @pytest.mark.parametrize(
        ("level", "flooded"), [(Level.B_T, 1), (Level.B_LT, 1), (Level.B_LTA, 1), (Level.B_LTA, 2)]
    )
    def test_one_that_does_not_fit_costs_no_signature(self, pilot, level, flooded):
        asked = []

        def stamp(request):
            asked.append(1)
            answer = pilot.authorities.timestamp_authority.answer(request)
            if len(asked) != flooded:
                return answer
            return with_many_certificates(answer)

        with pilot.ca.one_shot(pilot.keys, subject=CITIZEN, credential="c") as identity:
            party = pilot.as_party(identity, ask_for_time=stamp)
            with pytest.raises(TimestampFailedError) as caught:
                sign_pdf(make_pdf(), party, level=level)
        assert caught.value.level is (Level.B_B if flooded == 1 else Level.B_T)
        kept = augment_pdf(caught.value.signed_pdf, pilot.as_party(identity))
        assert inspect_pdf(kept, anchors=pilot.anchors, clock=pilot.clock).outcome == "PASSED"

    @pytest.mark.parametrize(
        "imprint",
        [
            b"\x30\x81\x31" + _SHA256_AND_NULL + octet_string(bytes(32)),
            sequence(
                sequence(oid("2.16.840.1.101.3.4.2.1"), b"\x24\x03\x04\x01A"),
                octet_string(bytes(32)),
            ),
        ],
        ids=["a length in the long form", "parameters of another kind"],
    )
    def test_our_own_authority_repeats_no_ber(self, pilot, imprint):
        answer = pilot.authorities.timestamp_authority.answer(sequence(integer(1), imprint))
        assert imprint not in answer

    def test_a_flood_is_not_read(self, pilot):
        del pilot
        answer = sequence(sequence(integer(0)), octet_string(bytes(1 << 20)))
        code = code_of(
            lambda: request_token(bytes(32), ask=lambda _: answer, random=SystemRandom())
        )
        assert code == "signing.timestamp.mismatch"


def with_many_certificates(answer):
    """The same response, with the certificate in its token twenty times."""
    status, token = elements(inside(answer))
    kind, wrapped = elements(inside(token))
    (body,) = elements(inside(wrapped))
    parts = [
        tlv(0xA0, 20 * inside(part)) if part[:1] == b"\xa0" else part
        for part in elements(inside(body))
    ]
    return sequence(status, sequence(kind, context(0, sequence(*parts))))


class TestAuthority:
    def forged(self, pilot, genuine):
        """Another authority of the same name certifies under a serial number of ours."""
        other = Pilot(pilot.folder / "other")
        made = issue_leaf(
            other.ca._issuer,
            other.keys.one_shot(EC).public_key_der,
            profile=CertificateProfile.CITIZEN,
            subject=genuine.subject,
            serial=genuine.serial_number,
            at=pilot.clock.now(),
        )
        other.close()
        return made.public_bytes(Encoding.DER)

    def test_a_forged_certificate_does_not_revoke_the_genuine_one(self, pilot):
        genuine = pilot.certify()
        forged = self.forged(pilot, genuine)
        code = code_of(lambda: pilot.ca.revoke(forged, SUPERSEDED))
        assert code == "signing.certificate.unknown"
        assert pilot.ca.status(genuine.serial_number).revoked_at is None

    def test_nothing_is_revoked_for_a_reason_that_takes_revocation_back(self, pilot):
        certificate = pilot.certify()
        der = certificate.public_bytes(Encoding.DER)
        code = code_of(lambda: pilot.ca.revoke(der, x509.ReasonFlags.remove_from_crl))
        assert code == "signing.certificate.reason"
        assert pilot.ca.status(certificate.serial_number).revoked_at is None

    def test_the_roots_lists_number_grows_though_the_clock_does_not(self, pilot):
        numbers = []
        for step in (timedelta(0), timedelta(0), -timedelta(days=1)):
            pilot.clock.advance(step)
            renew_root_crl(pilot.folder, root_passphrase="a", clock=pilot.clock)
            crl = x509.load_der_x509_crl((pilot.folder / ROOT_CRL).read_bytes())
            numbers.append(crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
        assert numbers == sorted(set(numbers))

    def test_revocations_of_the_root_cannot_be_taken_back_by_another_file(self, pilot):
        other = Pilot(pilot.folder / "other")
        for name in (ROOT_CRL, ROOT_CERTIFICATE):
            mine = (pilot.folder / name).read_bytes()
            (pilot.folder / name).write_bytes((other.folder / name).read_bytes())
            code = code_of(
                lambda: renew_root_crl(pilot.folder, root_passphrase="a", clock=pilot.clock)
            )
            assert code == "signing.ceremony.altered", name
            (pilot.folder / name).write_bytes(mine)
        for junk in (b"", b"junk"):
            (pilot.folder / ROOT_CRL).write_bytes(junk)
            code = code_of(
                lambda: renew_root_crl(pilot.folder, root_passphrase="a", clock=pilot.clock)
            )
            assert code == "signing.ceremony.altered"
        other.close()

    def test_the_root_revokes_only_what_it_signed(self, pilot):
        other = Pilot(pilot.folder / "other")
        theirs = other.issuing.public_bytes(Encoding.DER)
        code = code_of(
            lambda: renew_root_crl(
                pilot.folder, root_passphrase="a", revoke=[theirs], clock=pilot.clock
            )
        )
        assert code == "signing.certificate.unknown"
        other.close()


class TestOcsp:
    @pytest.mark.parametrize("algorithm", [_MD5, "1.2.3.4"])
    def test_an_algorithm_that_nobody_knows(self, pilot, algorithm):
        assert (
            self.status_of(pilot, request(algorithm)) is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        )

    def test_an_extension_twice(self, pilot):
        nonce = sequence(oid("1.3.6.1.5.5.7.48.1.2"), octet_string(octet_string(b"n")))
        asked = request(_SHA1, context(2, sequence(nonce, nonce)))
        assert self.status_of(pilot, asked) is ocsp.OCSPResponseStatus.MALFORMED_REQUEST

    def test_revoked_for_no_known_reason_is_revoked(self, pilot):
        at = pilot.clock.now()
        known = CertificateStatus(
            serial=5,
            profile="citizen",
            credential="c",
            issued_at=at,
            expires_at=at + timedelta(days=1),
            revoked_at=at,
            revocation_reason=None,
        )
        responder = OcspResponder(
            issuer=pilot.issuing,
            identity=pilot.ca._responder_identity,
            status=lambda _: known,
            clock=pilot.clock,
        )
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            pilot.certify(), pilot.issuing, hashes.SHA1()
        )
        answer = ocsp.load_der_ocsp_response(
            responder.answer(builder.build().public_bytes(Encoding.DER))
        )
        assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED

    def status_of(self, pilot, asked):
        return ocsp.load_der_ocsp_response(pilot.ca.responder.answer(asked)).response_status


def request(algorithm, extensions=b""):
    """An OCSPRequest about somebody, by an algorithm that no builder would take."""
    asked = sequence(
        sequence(oid(algorithm), null()),
        octet_string(bytes(20)),
        octet_string(bytes(20)),
        integer(5),
    )
    return sequence(sequence(sequence(sequence(asked)), extensions))


@example(value=-128)
@example(value=-(1 << 15))
@given(value=st.one_of(st.integers(-70_000, 70_000), st.integers()))
def test_integers_are_written_in_the_shortest_form(value):
    """X.690 §8.3.2: the first nine bits are not all alike."""
    contents = inside(integer(value))
    assert int.from_bytes(contents, signed=True) == value
    first_nine = int.from_bytes(contents[:2]) >> 7
    assert len(contents) == 1 or first_nine not in {0, 0x1FF}

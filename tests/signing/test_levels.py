"""PAdES levels: what each proves, for how long, and what is left when a service fails."""

import hashlib
import re
from datetime import timedelta
from io import BytesIO

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from signing_pilot import CITIZEN, EC, RSA, Pilot, make_pdf

from ekyc.errors import BusyError, InputError, LimitError, TrustError, UpstreamError
from ekyc.signing import (
    Appearance,
    Level,
    ReservedField,
    SigningIdentity,
    TimestampFailedError,
    augment_pdf,
    complete_pdf,
    inspect_pdf,
    prepare_pdf,
    sign_pdf,
)
from ekyc.signing.authority.ceremony import renew_root_crl
from ekyc.signing.authority.certificates import issue_crl
from ekyc.signing.der import element_size
from ekyc.signing.formats.cms import add_timestamp
from ekyc.signing.keys.port import ProviderKey
from ekyc.signing.keys.software import SoftwareKey
from ekyc.signing.pdf.writing import _forbids
from ekyc.signing.validation.material import ValidationMaterial

YEARS = timedelta(days=4 * 365 + 1)
SEAL_BOX = (330.0, 60.0, 530.0, 140.0)


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def officer(pilot):
    return pilot.party("officer", "Nguyễn Văn Cán Bộ")


@pytest.fixture(scope="module")
def seal(pilot):
    return pilot.party("seal", "Sở Tư pháp", algorithm=RSA)


@pytest.fixture(scope="module")
def one_shot(pilot):
    """One document at every level, by one-shot keys that are gone by now."""
    documents = {}
    for level in Level:
        with pilot.ca.one_shot(pilot.keys, subject=CITIZEN, credential="c") as identity:
            documents[level] = sign_pdf(make_pdf(), pilot.as_party(identity), level=level)
    return documents


@pytest.fixture(scope="module")
def sealed(officer, seal):
    """An officer certifies, the agency seals and closes."""
    reserved = ReservedField(name="AgencySeal", box_pt=SEAL_BOX)
    certified = sign_pdf(make_pdf(), officer, certify=True, reserve=reserved)
    shown = Appearance(
        box_pt=(0, 0, 90, 60),
        signer_name="Sở Tư pháp",
        record_id="HS-2026-0001",
        evidence_digest=hashlib.sha256(b"x").hexdigest(),
    )
    return sign_pdf(certified, seal, field_name="AgencySeal", appearance=shown, level=Level.B_LTA)


def inspected(pilot, pdf, **options):
    return inspect_pdf(pdf, anchors=pilot.anchors, clock=pilot.clock, **options)


def found(report):
    entries = (*report.signatures, *report.document_timestamps)
    return {entry.field_name: str(entry.indication) for entry in entries}


def code_of(call, error=InputError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


class later:  # noqa: N801  # reads as a word where it is used
    """The pilot's clock set forward, with the lists that its authorities issue then."""

    def __init__(self, pilot, by):
        self.pilot, self.by = pilot, by

    def __enter__(self):
        self.pilot.clock.advance(self.by)
        renew_root_crl(self.pilot.folder, root_passphrase="a", clock=self.pilot.clock)
        return {"crls": self.pilot.open().ca.material().crls}

    def __exit__(self, *_):
        self.pilot.clock.advance(-self.by)
        renew_root_crl(self.pilot.folder, root_passphrase="a", clock=self.pilot.clock)


class TestLevels:
    @pytest.mark.parametrize("algorithm", [EC, RSA])
    @pytest.mark.parametrize("level", Level)
    def test_each_passes_while_everything_is_fresh(self, pilot, level, algorithm):
        party = pilot.party("citizen", "Nguyễn Thị Mẫu", algorithm=algorithm)
        signed = sign_pdf(make_pdf(), party, level=level)
        report = inspected(pilot, signed, crls=pilot.ca.material().crls)
        assert report.signatures[0].indication == "TOTAL-PASSED"
        assert (report.signatures[0].timestamp is None) == (level is Level.B_B)
        assert len(report.document_timestamps) == (level is Level.B_LTA)

    @pytest.mark.parametrize("level", [Level.B_T, Level.B_LT, Level.B_LTA])
    def test_it_carries_all_that_is_needed(self, pilot, one_shot, level):
        assert inspected(pilot, one_shot[level]).outcome == "PASSED"

    def test_b_b_says_nothing_of_status(self, pilot, one_shot):
        report = inspected(pilot, one_shot[Level.B_B])
        assert report.outcome == "INDETERMINATE"
        assert "/DSS" not in PdfFileReader(BytesIO(one_shot[Level.B_B])).root

    def test_lta_is_one_update_behind_the_signature(self, one_shot):
        assert one_shot[Level.B_LTA].count(b"%%EOF") == one_shot[Level.B_B].count(b"%%EOF") + 1

    def test_a_day_later_the_one_shot_certificate_is_over_and_lta_holds(self, pilot, one_shot):
        with later(pilot, timedelta(days=1)) as lists:
            assert inspected(pilot, one_shot[Level.B_LTA]).outcome == "PASSED"
            assert inspected(pilot, one_shot[Level.B_B], **lists).outcome == "INDETERMINATE"

    def test_four_years_later_lta_holds_and_b_b_does_not(self, pilot, one_shot):
        with later(pilot, YEARS) as lists:
            kept = inspected(pilot, one_shot[Level.B_LTA], **lists)
            assert set(found(kept).values()) == {"TOTAL-PASSED"}
            lost = inspected(pilot, one_shot[Level.B_B], **lists)
            assert lost.outcome == "INDETERMINATE"
            codes = {code for check in lost.checks for code in check.reasons}
            assert "signature.certificate_expired" in codes

    def test_four_years_later_the_status_of_the_timestamp_is_asked_for(self, pilot, one_shot):
        """The lists inside are long over: without a fresh one nothing can be said, and nothing is."""
        with later(pilot, YEARS):
            assert inspected(pilot, one_shot[Level.B_LTA]).outcome == "INDETERMINATE"

    def test_revoked_after_signing_lta_holds_and_revoked_before_it_does_not(self, pilot):
        party = pilot.party("citizen", "Nguyễn Thị Mẫu")
        before = sign_pdf(make_pdf(), party, level=Level.B_LTA)
        with later(pilot, timedelta(days=2)):
            pilot.ca.revoke(party.signer.certificate_der, ReasonFlags.key_compromise)
            pilot.clock.advance(timedelta(minutes=1))
            unaware = pilot.as_party(party.signer, vouch=ValidationMaterial)
            after = augment_pdf(sign_pdf(make_pdf(), unaware), party)
            lists = pilot.ca.material().crls
            assert inspected(pilot, before, crls=lists).signatures[0].indication == "TOTAL-PASSED"
            refused = inspected(pilot, after, crls=lists).signatures[0]
            assert refused.indication != "TOTAL-PASSED"


class TestAugment:
    @pytest.mark.parametrize("level", Level)
    def test_every_level_becomes_lta(self, pilot, officer, one_shot, level):
        kept = augment_pdf(one_shot[level], officer)
        with later(pilot, YEARS) as lists:
            report = inspected(pilot, kept, **lists)
        assert set(found(report).values()) == {"TOTAL-PASSED"}
        assert report.signatures[0].timestamp.indication == "TOTAL-PASSED"
        assert report.document_timestamps

    def test_the_signed_bytes_stay(self, officer, one_shot):
        signed = one_shot[Level.B_T]
        assert augment_pdf(signed, officer).startswith(signed)

    def test_renewed_it_goes_on(self, pilot, officer, one_shot):
        kept = augment_pdf(one_shot[Level.B_LTA], officer)
        names = [entry.field_name for entry in inspected(pilot, kept).document_timestamps]
        assert names == ["DocumentTimestamp1", "DocumentTimestamp2"]

    def test_an_unsigned_file_has_nothing_to_preserve(self, officer):
        assert code_of(lambda: augment_pdf(make_pdf(), officer)) == "signing.pdf.unsigned"

    @pytest.mark.parametrize("junk", [b"", b"%PDF-1.7", b"\x00" * 500])
    def test_junk_is_refused(self, officer, junk):
        assert code_of(lambda: augment_pdf(junk, officer)) == "signing.pdf.unreadable"


def fail(_):
    raise UpstreamError("the time-stamping authority is down")


class TestFailures:
    def test_without_time_a_b_b_is_left_and_can_be_taken_up_again(self, pilot, officer):
        with pilot.ca.one_shot(pilot.keys, subject=CITIZEN, credential="c") as identity:
            party = pilot.as_party(identity, ask_for_time=fail)
            with pytest.raises(TimestampFailedError) as caught:
                sign_pdf(make_pdf(), party, level=Level.B_LTA)
        assert caught.value.code == "signing.timestamp.failed"
        assert caught.value.retryable
        assert caught.value.level is Level.B_B
        kept = augment_pdf(caught.value.signed_pdf, officer)
        with later(pilot, YEARS) as lists:
            assert inspected(pilot, kept, **lists).outcome == "PASSED"

    def test_without_the_second_time_a_b_t_is_left(self, pilot, officer):
        asked = []

        def once(request):
            asked.append(request)
            return officer.stamp(request) if len(asked) == 1 else fail(request)

        party = pilot.as_party(officer.signer, ask_for_time=once)
        with pytest.raises(TimestampFailedError) as caught:
            sign_pdf(make_pdf(), party, level=Level.B_LTA)
        assert caught.value.level is Level.B_T
        assert inspected(pilot, augment_pdf(caught.value.signed_pdf, officer)).outcome == "PASSED"

    @pytest.mark.parametrize("level", [Level.B_LT, Level.B_LTA])
    def test_without_words_on_status_a_b_t_is_left(self, pilot, officer, level):
        asked = []

        def locked():
            asked.append(1)
            if len(asked) > 1:
                raise BusyError("another process holds the database", code="storage.locked")
            return pilot.ca.material()

        party = pilot.as_party(officer.signer, vouch=locked)
        with pytest.raises(TimestampFailedError) as caught:
            sign_pdf(make_pdf(), party, level=level)
        assert caught.value.level is Level.B_T
        assert inspected(pilot, augment_pdf(caught.value.signed_pdf, officer)).outcome == "PASSED"

    def test_an_authority_that_answers_another_question_is_noticed(self, pilot, officer):
        old = []

        def replay(request):
            old.append(officer.stamp(request))
            return old[0]

        party = pilot.as_party(officer.signer, ask_for_time=replay)
        sign_pdf(make_pdf(), party)
        with pytest.raises(TimestampFailedError) as caught:
            sign_pdf(make_pdf(), party)
        assert caught.value.__cause__.code == "signing.timestamp.mismatch"

    def test_a_key_that_fails_leaves_nothing(self, pilot, officer):
        key = ProviderKey(officer.signer.key.public_key_der, ask=fail)
        identity = SigningIdentity(
            key=key,
            certificate_der=officer.signer.certificate_der,
            issuers_der=officer.signer.issuers_der,
        )
        with pytest.raises(UpstreamError):
            sign_pdf(make_pdf(), pilot.as_party(identity))

    def test_a_certificate_of_another_key_is_refused_at_once(self, officer):
        code = code_of(
            lambda: SigningIdentity(
                key=SoftwareKey.generate(EC), certificate_der=officer.signer.certificate_der
            )
        )
        assert code == "signing.key.unfit"


class TestSignersOwnCheck:
    """NĐ 23/2025/NĐ-CP art. 15: whose certificate is not good must not sign."""

    def refused(self, party):
        return code_of(lambda: sign_pdf(make_pdf(), party), TrustError)

    def test_a_revoked_certificate(self, pilot):
        party = pilot.party("citizen", "Nguyễn Thị Mẫu")
        sign_pdf(make_pdf(), party)
        pilot.ca.revoke(party.signer.certificate_der, ReasonFlags.superseded)
        assert self.refused(party) == "signing.certificate.revoked"

    def test_an_expired_one(self, pilot):
        with pilot.ca.one_shot(pilot.keys, subject=CITIZEN, credential="c") as identity:
            pilot.clock.advance(timedelta(minutes=11))
            assert self.refused(pilot.as_party(identity)) == "signing.certificate.expired"

    def test_one_that_is_not_valid_yet(self, pilot):
        party = pilot.party("citizen", "Nguyễn Thị Mẫu")
        pilot.clock.advance(-timedelta(hours=1))
        code = self.refused(party)
        pilot.clock.advance(timedelta(hours=1))
        assert code == "signing.certificate.not_yet_valid"

    def test_a_list_that_somebody_else_signed_says_nothing(self, pilot, tmp_path):
        party = pilot.party("citizen", "Nguyễn Thị Mẫu")
        other = Pilot(tmp_path)
        number = x509.load_der_x509_certificate(party.signer.certificate_der).serial_number
        forged = issue_crl(
            other.ca._issuer,
            at=pilot.clock.now(),
            number=9,
            revoked=[(number, pilot.clock.now(), None)],
        ).public_bytes(Encoding.DER)
        material = pilot.ca.material() + ValidationMaterial(crls=(forged,))
        sign_pdf(make_pdf(), pilot.as_party(party.signer, vouch=lambda: material))
        other.close()


class TestInTwoSteps:
    def test_the_value_may_come_from_elsewhere(self, pilot, officer):
        prepared = prepare_pdf(make_pdf(), officer.signer, officer, level=Level.B_LTA)
        assert prepared.algorithm is EC
        value = officer.signer.key.sign_digest(prepared.to_be_signed)
        signed = complete_pdf(prepared, value, officer, level=Level.B_LTA)
        assert inspected(pilot, signed).outcome == "PASSED"

    def test_a_value_of_another_document_or_key_never_gets_into_a_file(self, officer, seal):
        one = prepare_pdf(make_pdf("một"), officer.signer, officer)
        two = prepare_pdf(make_pdf("hai"), officer.signer, officer)
        for value in (
            officer.signer.key.sign_digest(two.to_be_signed),
            seal.signer.key.sign_digest(one.to_be_signed),
            b"",
        ):
            code = code_of(lambda v=value: complete_pdf(one, v, officer), TrustError)
            assert code == "signing.key.mismatch"

    def test_what_waits_shows_nothing(self, officer):
        assert "Nguyễn" not in repr(prepare_pdf(make_pdf(), officer.signer, officer))

    def test_a_cms_too_large_is_refused(self, officer):
        hole = prepare_pdf(make_pdf(), officer.signer, officer).hole
        assert code_of(lambda: hole.filled(bytes(1 << 16)), LimitError) == "signing.cms.too_large"


def with_annotation(pdf):
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    note = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject(
                [generic.NumberObject(n) for n in (72, 600, 300, 640)]
            ),
            generic.pdf_name("/Contents"): generic.pdf_string("forged"),
        }
    )
    writer.register_annotation(writer.find_page_for_modification(0)[0], writer.add_object(note))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


class TestOfficerAndSeal:
    def test_both_pass(self, pilot, sealed):
        report = inspected(pilot, sealed)
        assert found(report) == {
            "Signature1": "TOTAL-PASSED",
            "AgencySeal": "TOTAL-PASSED",
            "DocumentTimestamp1": "TOTAL-PASSED",
        }
        assert report.signatures[0].modifications == "LATER_SIGNATURES"
        assert report.signatures[1].modifications == "LTA_UPDATES"

    def test_both_pass_four_years_later(self, pilot, sealed):
        with later(pilot, YEARS) as lists:
            assert set(found(inspected(pilot, sealed, **lists)).values()) == {"TOTAL-PASSED"}

    def test_rules_stand_in_the_file(self, sealed):
        officer, seal = PdfFileReader(BytesIO(sealed)).embedded_regular_signatures
        assert officer.docmdp_level.value == 2
        assert (seal.docmdp_level.value, str(seal.fieldmdp.action)) == (1, "FieldMDPAction.ALL")
        reader = PdfFileReader(BytesIO(sealed))
        assert "/DocMDP" in reader.root["/Perms"]

    def test_a_later_annotation_is_refused(self, pilot, sealed):
        report = inspected(pilot, with_annotation(sealed))
        assert report.outcome != "PASSED"
        assert {entry.indication for entry in report.signatures} == {"INDETERMINATE"}
        codes = {code for check in report.checks for code in check.reasons}
        assert "signature.changed_after_signing" in codes

    def test_an_annotation_between_officer_and_seal_is_refused(self, pilot, officer, seal):
        reserved = ReservedField(name="AgencySeal", box_pt=SEAL_BOX)
        certified = sign_pdf(make_pdf(), officer, certify=True, reserve=reserved)
        forged = sign_pdf(with_annotation(certified), seal, field_name="AgencySeal")
        report = inspected(pilot, forged)
        assert report.signatures[0].indication == "INDETERMINATE"

    def test_after_the_seal_nobody_signs(self, sealed, officer):
        assert code_of(lambda: sign_pdf(sealed, officer)) == "signing.pdf.locked"

    def test_after_the_seal_it_can_still_be_preserved(self, pilot, sealed, officer):
        assert inspected(pilot, augment_pdf(sealed, officer)).outcome == "PASSED"

    def test_only_the_first_signature_certifies(self, officer):
        signed = sign_pdf(make_pdf(), officer)
        assert code_of(lambda: sign_pdf(signed, officer, certify=True)) == (
            "signing.pdf.certify_late"
        )


@pytest.mark.parametrize(
    ("action", "fields", "forbidden"),
    [
        ("/All", None, True),
        ("/Include", ["Mine"], True),
        ("/Include", ["Other"], False),
        ("/Exclude", ["Mine"], False),
        ("/Exclude", ["Other"], True),
    ],
)
def test_locks_of_earlier_signatures_are_read(action, fields, forbidden):
    parameters = generic.DictionaryObject({"/Action": generic.pdf_name(action)})
    if fields is not None:
        names = generic.ArrayObject([generic.pdf_string(name) for name in fields])
        parameters[generic.pdf_name("/Fields")] = names
    reference = generic.DictionaryObject(
        {"/TransformMethod": generic.pdf_name("/FieldMDP"), "/TransformParams": parameters}
    )
    assert _forbids(reference, "Mine") is forbidden


def test_a_form_that_some_readers_show_instead_is_refused(officer):
    writer = IncrementalPdfFileWriter(BytesIO(make_pdf()))
    form = generic.DictionaryObject(
        {
            generic.pdf_name("/Fields"): generic.ArrayObject(),
            generic.pdf_name("/XFA"): generic.pdf_string("<xdp/>"),
        }
    )
    writer.root[generic.pdf_name("/AcroForm")] = writer.add_object(form)
    writer.update_root()
    out = BytesIO()
    writer.write(out)
    assert code_of(lambda: sign_pdf(out.getvalue(), officer)) == "signing.pdf.xfa"


class TestTimestampInsideACms:
    def hole(self, pdf):
        before, after = re.search(rb"/ByteRange \[0 (\d+) (\d+)", pdf).groups()
        return bytes.fromhex(pdf[int(before) + 1 : int(after) - 1].decode())

    def test_one_that_has_a_timestamp_is_left_as_it_is(self, one_shot):
        cms = self.hole(one_shot[Level.B_T])
        assert add_timestamp(cms[: element_size(cms)], fail) is None

    @given(junk=st.binary(max_size=200))
    def test_junk_is_no_cms(self, junk):
        with pytest.raises(ValueError):  # noqa: PT011  # whichever of its messages
            add_timestamp(junk, fail)

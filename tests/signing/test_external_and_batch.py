"""Signatures that are made elsewhere, and many with one activation: a changed document is refused, none leaves half-signed."""

import base64
import json
from datetime import timedelta

import pytest
from activation_desk import Desk, document
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_pilot import EC, RSA, make_pdf

from ekyc.errors import EkycError, InputError, LimitError, TrustError, UpstreamError
from ekyc.ports import SystemRandom
from ekyc.signing import Level, augment_pdf, complete_pdf, inspect_pdf, prepare_pdf
from ekyc.signing.activation.batch import (
    MAX_DOCUMENTS,
    BatchDocument,
    BatchIncompleteError,
    complete_batch,
    prepare_batch,
)
from ekyc.signing.pdf.external import external_identity, keep, take_up
from ekyc.testing import FixedClock


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    made = Desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.pilot.close()


@pytest.fixture(scope="module")
def party(desk):
    return desk.pilot.as_party(desk.identity)


@pytest.fixture(scope="module")
def elsewhere(desk):
    return external_identity(desk.identity.certificate_der, desk.identity.issuers_der)


@pytest.fixture(scope="module")
def kept(party, elsewhere):
    """State and PDF, as another process would find them."""
    prepared = prepare_pdf(make_pdf(), elsewhere, party, level=Level.B_LTA)
    return keep(prepared, level=Level.B_LTA), prepared.hole.pdf, prepared.to_be_signed


def code_of(call, error=InputError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


def passes(desk, pdf):
    return inspect_pdf(pdf, anchors=desk.pilot.anchors, clock=desk.clock).outcome == "PASSED"


class TestElsewhere:
    @pytest.mark.parametrize("algorithm", [EC, RSA])
    def test_a_state_is_taken_up_and_completed(self, desk, algorithm):
        owner = desk.pilot.party("citizen", "Nguyễn Thị Mẫu", algorithm=algorithm)
        identity = external_identity(owner.signer.certificate_der, owner.signer.issuers_der)
        prepared = prepare_pdf(make_pdf(), identity, owner, level=Level.B_LTA)
        state, pdf = keep(prepared, level=Level.B_LTA), prepared.hole.pdf
        again, level = take_up(state, pdf, owner)
        assert (again.to_be_signed, again.algorithm) == (prepared.to_be_signed, algorithm)
        value = owner.signer.key.sign_digest(again.to_be_signed)
        assert passes(desk, complete_pdf(again, value, owner, level=level))

    def test_the_key_is_not_here(self, elsewhere):
        assert code_of(lambda: elsewhere.key.sign_digest(bytes(32))) == "signing.key.external"

    def test_a_state_is_small_and_names_nobody(self, kept):
        state, pdf, _ = kept
        assert len(state) < 8192
        assert set(json.loads(state)) == {
            "schema",
            "level",
            "pdf_sha256",
            "hole",
            "to_be_signed",
            "certificate",
            "issuers",
        }
        assert pdf not in state

    @pytest.mark.parametrize("place", [20, 400, -30])
    def test_a_changed_document_is_refused(self, party, kept, place):
        state, pdf, _ = kept
        changed = bytearray(pdf)
        changed[place] ^= 1
        for other in (bytes(changed), pdf + b"\n", pdf[:-1], b"", make_pdf("khác")):
            code = code_of(lambda other=other: take_up(state, other, party))
            assert code == "signing.prepared.changed"

    def test_a_document_that_is_filled_already_is_refused(self, desk, party, kept):
        state, pdf, digest = kept
        prepared, _ = take_up(state, pdf, party)
        value = desk.identity.key.sign_digest(digest)
        filled = complete_pdf(prepared, value, party, level=Level.B_B)
        assert code_of(lambda: take_up(state, filled, party)) == "signing.prepared.changed"

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("to_be_signed", "00" * 32, "changed"),
            ("pdf_sha256", "00" * 32, "changed"),
            ("pdf_sha256", "đ", "changed"),
            ("hole", [0, 10], "changed"),
            ("hole", [10, 5], "unreadable"),
            ("hole", [-5, 5], "unreadable"),
            ("hole", None, "unreadable"),
            ("level", "B-X", "unreadable"),
            ("schema", "ekyc.prepared-pdf/2", "unreadable"),
            ("certificate", "?", "unreadable"),
            ("issuers", ["AA=="] * 100, "unreadable"),
            ("issuers", 5, "unreadable"),
            ("extra", 1, "unreadable"),
        ],
    )
    def test_a_changed_state_is_refused(self, party, kept, name, value, code):
        state, pdf, _ = kept
        changed = json.dumps(json.loads(state) | {name: value}).encode()
        assert code_of(lambda: take_up(changed, pdf, party)) == f"signing.prepared.{code}"

    def test_a_hole_moved_elsewhere_gives_another_digest_and_is_refused(self, party, kept):
        """Whoever could choose what is left out could choose what is signed."""
        state, pdf, _ = kept
        fields = json.loads(state)
        start, end = fields["hole"]
        for hole in ([start + 2, end], [start, end - 2], [start - 1, end], [0, len(pdf)]):
            changed = json.dumps(fields | {"hole": hole}).encode()
            code = code_of(lambda changed=changed: take_up(changed, pdf, party))
            assert code == "signing.prepared.changed"

    def test_another_certificate_in_the_state_is_refused(self, desk, party, kept):
        state, pdf, _ = kept
        other = desk.pilot.party("citizen", "Trần Văn Khác").signer.certificate_der
        text = base64.b64encode(other).decode()
        changed = json.dumps(json.loads(state) | {"certificate": text}).encode()
        assert code_of(lambda: take_up(changed, pdf, party)) == "signing.prepared.changed"

    def test_states_have_a_bound(self, party, kept):
        code = code_of(lambda: take_up(b" " * (1 << 20), kept[1], party), LimitError)
        assert code == "signing.prepared.too_large"

    def test_a_certificate_that_ended_meanwhile_signs_no_more(self, desk, party, kept):
        late = FixedClock(desk.clock.now() + timedelta(days=400))
        other = desk.pilot.as_party(desk.identity, clock=late)
        code = code_of(lambda: take_up(kept[0], kept[1], other), TrustError)
        assert code == "signing.certificate.expired"

    @settings(max_examples=80, deadline=None)
    @given(data=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
    def test_no_state_raises_anything_else(self, party, kept, data):
        with pytest.raises(EkycError):
            take_up(data, kept[1], party)


class TestBatch:
    def documents(self, count):
        return [BatchDocument(pdf=make_pdf(f"Văn bản {n}")) for n in range(count)]

    def test_one_activation_signs_ten(self, desk, party):
        prepared = prepare_batch(self.documents(10), desk.identity, party, level=Level.B_LTA)
        shown = [document(digest, f"Văn bản {n}") for n, digest in enumerate(prepared.to_be_signed)]
        sad = desk.issuer.issue(
            desk.credential, shown, evidence=desk.verified(), session=desk.verified().session
        )
        values = desk.sign(sad, *prepared.to_be_signed, algorithm=prepared.algorithm)
        signed = complete_batch(prepared, values, party)
        assert len(set(signed)) == 10
        assert all(passes(desk, pdf) for pdf in signed)

    def test_values_in_another_order_complete_nothing(self, desk, party):
        prepared = prepare_batch(self.documents(3), desk.identity, party)
        values = [desk.identity.key.sign_digest(digest) for digest in prepared.to_be_signed]
        for wrong in (values[::-1], [*values[:2], b""]):
            code = code_of(lambda w=wrong: complete_batch(prepared, w, party), TrustError)
            assert code == "signing.key.mismatch"
        for wrong in (values[:2], [*values, values[0]], []):
            code = code_of(lambda w=wrong: complete_batch(prepared, w, party))
            assert code == "signing.batch.count"

    def test_a_document_that_cannot_be_signed_stops_all_and_is_named(self, desk, party):
        documents = [*self.documents(2), BatchDocument(pdf=b"%PDF-1.7 no")]
        with pytest.raises(InputError) as caught:
            prepare_batch(documents, desk.identity, party)
        assert (caught.value.code, caught.value.subject) == ("signing.pdf.unreadable", "document 3")

    def test_bounds(self, desk, party):
        code = code_of(lambda: prepare_batch([], desk.identity, party))
        assert code == "signing.batch.empty"
        many = self.documents(1) * (MAX_DOCUMENTS + 1)
        code = code_of(lambda: prepare_batch(many, desk.identity, party), LimitError)
        assert code == "signing.batch.too_large"
        large = [BatchDocument(pdf=bytes(64 << 20))] * 5
        code = code_of(lambda: prepare_batch(large, desk.identity, party), LimitError)
        assert code == "signing.batch.too_large"

    @pytest.mark.parametrize("fails_at", [1, 3, 4])
    def test_an_authority_that_dies_on_the_way_loses_no_signature_and_is_asked_no_more(
        self, desk, party, fails_at
    ):
        asked = []

        def dying(request):
            asked.append(request)
            if len(asked) >= fails_at:
                raise UpstreamError("down")
            return party.ask_for_time(request)

        cut_off = desk.pilot.as_party(desk.identity, ask_for_time=dying, random=SystemRandom())
        prepared = prepare_batch(self.documents(4), desk.identity, cut_off)
        values = [desk.identity.key.sign_digest(digest) for digest in prepared.to_be_signed]
        with pytest.raises(BatchIncompleteError) as caught:
            complete_batch(prepared, values, cut_off)
        assert len(asked) == fails_at
        stamped = [Level.B_T] * (fails_at - 1)
        assert list(caught.value.levels) == stamped + [Level.B_B] * (5 - fails_at)
        assert all(passes(desk, augment_pdf(pdf, party)) for pdf in caught.value.signed)

"""Files and certificates that must not be signed, and files so large that they must not hurt."""

import tracemalloc
from datetime import timedelta

import pytest
from asn1crypto import pem
from signing_pilot import Pilot, make_pdf

from ekyc.errors import EkycError, InputError, LimitError, TrustError, UpstreamError
from ekyc.signing import (
    Level,
    SigningIdentity,
    augment_pdf,
    inspect_pdf,
    prepare_pdf,
    sign_pdf,
)
from ekyc.signing.activation.batch import BatchDocument, prepare_batch
from ekyc.testing import FixedClock

PAGES = 10_000
UNSIGNED = "signing.pdf.unsigned"


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def party(pilot):
    return pilot.party("officer", "Nguyễn Văn Cán Bộ")


def code_of(call, error=EkycError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


def written(objects, *, root=1):
    """A PDF of these objects, numbered from one, with a cross-reference table."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d /Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        root,
        start,
    )
    return bytes(out)


def pages(count, *, catalog=b""):
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(count))
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 300 400]>>"
    tree = b"<</Type /Pages /Count %d /Kids [%s]>>" % (count, kids)
    return written([b"<</Type /Catalog /Pages 2 0 R %s>>" % catalog, tree, *[page] * count])


@pytest.fixture(scope="module")
def thick():
    return pages(PAGES)


class TestManyPages:
    def test_ten_thousand_are_signed_and_validated(self, pilot, party, thick):
        tracemalloc.start()
        signed = sign_pdf(thick, party, level=Level.B_LTA)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 32 << 20
        report = inspect_pdf(signed, anchors=pilot.anchors, clock=pilot.clock)
        assert report.outcome == "PASSED"

    def test_a_tree_that_bites_its_tail_is_refused(self, party):
        looped = written(
            [
                b"<</Type /Catalog /Pages 2 0 R>>",
                b"<</Type /Pages /Count 1 /Kids [2 0 R]>>",
            ]
        )
        assert code_of(lambda: sign_pdf(looped, party)) == "signing.pdf.unreadable"


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("catalog", "code"),
        [
            (b"/AcroForm <</XFA (x) /Fields []>>", "xfa"),
            (b"/AcroForm 5", "unreadable"),
            (b"/AcroForm <</Fields 5>>", "unreadable"),
            (b"/AcroForm <</Fields [99 0 R]>>", "unreadable"),
        ],
    )
    def test_forms(self, party, catalog, code):
        bad = pages(1, catalog=catalog)
        assert code_of(lambda: sign_pdf(bad, party)) == f"signing.pdf.{code}"
        assert code_of(lambda: augment_pdf(bad, party)) in {f"signing.pdf.{code}", UNSIGNED}

    def test_a_hybrid_file(self, party):
        """An older table and a newer stream: readers that know streams see other objects than those that do not."""
        plain = pages(1)
        start = int(plain.rsplit(b"startxref\n", 1)[1].split()[0])
        stream = b"\x01\x00\x00\x00\x00"
        at = len(plain)
        hidden = b"9 0 obj\n<</Type /XRef /Size 10 /W [1 3 1] /Index [9 1] /Length %d>>\nstream\n%s\nendstream\nendobj\n"
        hidden %= (len(stream), stream)
        table = at + len(hidden)
        update = b"xref\n0 0\ntrailer\n<</Size 10 /Root 1 0 R /Prev %d /XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n"
        hybrid = plain + hidden + update % (start, at, table)
        assert code_of(lambda: sign_pdf(hybrid, party)) == "signing.pdf.hybrid"

    def test_one_that_another_has_locked(self, party):
        """DocMDP 1: no changes at all, said by somebody else's software in another spelling."""
        locked = sign_pdf(make_pdf(), party, certify=True)
        for spelling in (b"/P 1", b"/P  1"):
            changed = locked.replace(b"/P 2", spelling)
            assert changed != locked
            assert code_of(lambda c=changed: sign_pdf(c, party)) in {
                "signing.pdf.locked",
                "signing.pdf.unreadable",
            }

    def test_a_file_over_the_bound_is_not_even_opened(self, party):
        large = bytes((64 << 20) + 1)
        tracemalloc.start()
        for call in (
            lambda: sign_pdf(large, party),
            lambda: prepare_pdf(large, party.signer, party),
            lambda: augment_pdf(large, party),
        ):
            assert code_of(call, LimitError) == "signing.pdf.too_large"
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 << 20

    @pytest.mark.parametrize("place", range(0, 500, 23))
    def test_one_damaged_octet_signs_or_says_why(self, party, place):
        damaged = bytearray(pages(2, catalog=b"/AcroForm <</Fields []>>"))
        damaged[place % len(damaged)] ^= 0x11
        try:
            sign_pdf(bytes(damaged), party, level=Level.B_B)
        except InputError as exc:
            assert exc.code.startswith("signing.pdf.")


class TestCertificates:
    @pytest.mark.parametrize("profile", ["timestamper", "ocsp-responder"])
    def test_of_another_purpose(self, pilot, profile):
        wrong = pilot.party(profile, "Máy")
        assert code_of(lambda: sign_pdf(make_pdf(), wrong), TrustError).endswith("wrong_usage")

    def test_of_an_authority(self, pilot):
        key = pilot.keys.open("issuing")
        identity = SigningIdentity(key=key, certificate_der=pilot.ca.chain_der[0])
        authority = pilot.as_party(identity)
        code = code_of(lambda: sign_pdf(make_pdf(), authority), TrustError)
        assert code == "signing.certificate.wrong_usage"

    @pytest.mark.parametrize("profile", ["citizen", "officer", "seal", "result-signer"])
    def test_of_this_purpose_they_sign(self, pilot, profile):
        assert sign_pdf(make_pdf(), pilot.party(profile, "Nguyễn"), level=Level.B_B)

    def test_a_batch_with_an_expired_one_prepares_nothing(self, pilot, party):
        late = FixedClock(pilot.clock.now() + timedelta(days=9000))
        services = pilot.as_party(party.signer, clock=late)
        code = code_of(
            lambda: prepare_batch([BatchDocument(pdf=make_pdf())], party.signer, services),
            TrustError,
        )
        assert code == "signing.certificate.expired"


class FailingKey:
    """A token that loses its session at the n-th signature."""

    def __init__(self, key, fails_at):
        self._key, self._left = key, fails_at
        self.algorithm, self.public_key_der = key.algorithm, key.public_key_der

    def sign_digest(self, digest):
        self._left -= 1
        if self._left <= 0:
            raise UpstreamError("the token lost its session", code="signing.hsm.failed")
        return self._key.sign_digest(digest)


@pytest.mark.parametrize("level", Level)
def test_a_key_that_is_lost_in_the_middle_delivers_nothing(pilot, party, level):
    identity = SigningIdentity(
        key=FailingKey(party.signer.key, 1),
        certificate_der=party.signer.certificate_der,
        issuers_der=party.signer.issuers_der,
    )
    broken = pilot.as_party(identity)
    assert code_of(lambda: sign_pdf(make_pdf(), broken, level=level)) == "signing.hsm.failed"


def test_a_certificate_in_pem_is_not_taken_for_der(party):
    from ekyc.signing.pdf.external import external_identity

    armoured = pem.armor("CERTIFICATE", party.signer.certificate_der)
    assert code_of(lambda: external_identity(armoured)) == "signing.certificate.unreadable"

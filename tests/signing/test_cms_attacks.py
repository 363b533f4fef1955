"""Attacks on detached CMS signatures. The signer's own key made every value here: only the form is wrong."""

import hashlib
import io
from datetime import UTC, datetime

import pytest
from cms_forgery import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    SIGNING_CERTIFICATE_V2,
    TIMESTAMP,
    attribute,
    cms_of,
    signer_info,
    usual,
)
from hypothesis import given
from hypothesis import strategies as st
from signing_pilot import Pilot

from ekyc.errors import LimitError
from ekyc.outcomes import Outcome
from ekyc.signing import Level, inspect_cades
from ekyc.signing.der import context, null, octet_string, oid, sequence, tlv, utc_time
from ekyc.signing.formats.cades import MAX_CMS_BYTES, sign_cades
from ekyc.signing.formats.cms import TST_INFO
from ekyc.signing.validation.cms_rules import (
    MAX_ATTRIBUTES,
    MAX_CERTIFICATES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    require_bounded,
)
from ekyc.signing.validation.inspecting import UnreadableError
from ekyc.signing.validation.trust import MAX_TIMESTAMPS

CONTENT = b"content"
DIGEST = hashlib.sha256(CONTENT).digest()
OTHER = "1.2.3.4.5"
SIGNING_TIME = "1.2.840.113549.1.9.5"
AT = datetime(2026, 1, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def party(pilot):
    return pilot.party("citizen", "Nguyễn Thị Mẫu")


@pytest.fixture(scope="module")
def parts(party):
    return usual(DIGEST, party.signer.certificate_der)


@pytest.fixture
def judge(pilot):
    def judged(data, content=CONTENT):
        lists = pilot.ca.material().crls
        return inspect_cades(
            data, io.BytesIO(content), anchors=pilot.anchors, crls=lists, clock=pilot.clock
        )

    return judged


def reasons(report):
    return report.problems[0].reasons if report.problems else report.signatures[0].checks[0].reasons


def signed_by(party, attributes, **how):
    return cms_of(party, [signer_info(party, attributes)], **how)


def test_what_the_forger_starts_from_passes(judge, party, parts):
    """Else every test below would pass for the wrong reason."""
    assert judge(signed_by(party, list(parts.values()))).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "kind", [CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE_V2, SIGNING_TIME]
)
class TestAttributes:
    def test_twice(self, judge, party, parts, kind):
        again = parts.get(kind, attribute(kind, utc_time(AT)))
        attributes = [*(parts | {kind: again}).values(), again]
        found = judge(signed_by(party, attributes))
        assert reasons(found) == ("signature.cms_attributes",)

    def test_with_two_values(self, judge, party, parts, kind):
        values = {
            CONTENT_TYPE: oid("1.2.840.113549.1.7.1"),
            MESSAGE_DIGEST: octet_string(DIGEST),
        }
        value = values.get(kind, utc_time(AT))
        attributes = {**parts, kind: attribute(kind, value, value)}
        found = judge(signed_by(party, list(attributes.values())))
        assert reasons(found) == ("signature.cms_attributes",)

    def test_with_no_value(self, judge, party, parts, kind):
        attributes = {**parts, kind: attribute(kind)}
        found = judge(signed_by(party, list(attributes.values())))
        assert reasons(found) == ("signature.cms_attributes",)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (CONTENT_TYPE, "signature.cms_attributes"),
        (MESSAGE_DIGEST, "signature.cms_attributes"),
        (SIGNING_CERTIFICATE_V2, "signature.certificate_unbound"),
    ],
)
def test_an_attribute_is_missing(judge, party, parts, kind, reason):
    attributes = [value for name, value in parts.items() if name != kind]
    assert reasons(judge(signed_by(party, attributes))) == (reason,)


def test_no_attributes_at_all(judge, party):
    """The value is over the content then (RFC 5652 §5.4): what looks like attributes could be content, and the reverse."""
    assert reasons(judge(signed_by(party, []))) == ("signature.cms_attributes",)


def test_attributes_passed_off_as_the_content(judge, party, parts):
    """A signature with attributes made into one without: the attributes become the content that is shown."""
    info = signer_info(party, list(parts.values()))
    contents = b"".join(parts.values())
    bare = info.replace(tlv(0xA0, contents), b"")
    found = judge(cms_of(party, [sequence(bare[len(info) - len(bare) :])]), tlv(0x31, contents))
    assert found.outcome is Outcome.INDETERMINATE


def test_a_signed_content_type_that_is_another(judge, party, parts):
    attributes = {**parts, CONTENT_TYPE: attribute(CONTENT_TYPE, oid(TST_INFO))}
    assert judge(signed_by(party, list(attributes.values()))).outcome is not Outcome.PASSED


@pytest.mark.parametrize("content_type", [TST_INFO, SIGNED_DATA, "1.2.840.113549.1.7.3", OTHER])
def test_content_of_another_type(judge, party, parts, content_type):
    found = judge(signed_by(party, list(parts.values()), content_type=content_type))
    assert reasons(found) == ("signature.cms_content",)


def test_content_inside(judge, party, parts):
    carried = context(0, octet_string(CONTENT))
    found = judge(signed_by(party, list(parts.values()), content=carried))
    assert reasons(found) == ("signature.cms_content",)


def test_a_cms_in_a_cms(judge, party, parts):
    inner = signed_by(party, list(parts.values()))
    carried = context(0, octet_string(inner))
    for content_type in (SIGNED_DATA, "1.2.840.113549.1.7.1"):
        found = judge(
            signed_by(party, list(parts.values()), content=carried, content_type=content_type)
        )
        assert reasons(found) == ("signature.cms_content",)


def test_not_signed_data(judge):
    found = judge(sequence(oid("1.2.840.113549.1.7.1"), context(0, octet_string(CONTENT))))
    assert reasons(found) == ("signature.cms_content",)


@pytest.mark.parametrize(
    ("count", "reason"),
    [(0, "signature.cms_signers"), (1_000, "signature.cms_signers"), (10_000, "signature.limit")],
)
def test_another_number_of_signers(judge, party, parts, count, reason):
    info = signer_info(party, list(parts.values()))
    found = judge(cms_of(party, [info] * count))
    assert reasons(found) == (reason,)


@pytest.mark.parametrize("digest", ["1.3.14.3.2.26", "1.2.840.113549.2.5"], ids=["sha1", "md5"])
def test_a_weak_digest(judge, party, parts, digest):
    info = signer_info(party, list(parts.values()), digest_algorithm=sequence(oid(digest)))
    assert reasons(judge(cms_of(party, [info]))) == ("signature.weak_algorithm",)


def test_a_digest_of_no_known_family(judge, party, parts):
    sha3 = sequence(oid("2.16.840.1.101.3.4.2.8"))
    info = signer_info(party, list(parts.values()), digest_algorithm=sha3)
    assert reasons(judge(cms_of(party, [info]))) == ("signature.algorithm_unknown",)


def test_two_algorithms_that_differ(judge, party, parts):
    """Judged by the one it is sound, by the other broken: so it is neither."""
    sha512 = sequence(oid("2.16.840.1.101.3.4.2.3"))
    info = signer_info(party, list(parts.values()), digest_algorithm=sha512)
    assert reasons(judge(cms_of(party, [info]))) == ("signature.cms_algorithms",)


def test_what_may_stand_twice(judge, party, parts):
    """Commitments and timestamps of the content do, in genuine files."""
    other = [attribute(OTHER, null()), attribute(OTHER, null(), null())]
    assert judge(signed_by(party, [*parts.values(), *other])).outcome is Outcome.PASSED


class TestBounds:
    def test_certificates(self, judge, party, parts):
        many = [party.signer.certificate_der] * (MAX_CERTIFICATES + 1)
        found = judge(signed_by(party, list(parts.values()), certificates=many))
        assert reasons(found) == ("signature.limit",)

    def test_lists(self, judge, pilot, party, parts):
        lists = [pilot.ca.material().crls[0]] * 65
        found = judge(signed_by(party, list(parts.values()), lists=lists))
        assert reasons(found) == ("signature.limit",)

    def test_attributes(self, judge, party, parts):
        more = [attribute(f"1.2.3.{number}", null()) for number in range(MAX_ATTRIBUTES)]
        found = judge(signed_by(party, [*parts.values(), *more]))
        assert reasons(found) == ("signature.limit",)

    def test_unsigned_attributes(self, judge, party, parts):
        more = [attribute(f"1.2.3.{number}", null()) for number in range(MAX_ATTRIBUTES + 1)]
        info = signer_info(party, list(parts.values()), unsigned=more)
        assert reasons(judge(cms_of(party, [info]))) == ("signature.limit",)

    @pytest.mark.parametrize("apart", [True, False])
    def test_timestamps(self, judge, party, parts, apart):
        tokens = [sequence(oid(SIGNED_DATA), context(0, sequence()))] * (MAX_TIMESTAMPS + 1)
        unsigned = (
            [attribute(TIMESTAMP, token) for token in tokens]
            if apart
            else [attribute(TIMESTAMP, *tokens)]
        )
        info = signer_info(party, list(parts.values()), unsigned=unsigned)
        assert reasons(judge(cms_of(party, [info]))) == ("signature.limit",)

    @pytest.mark.parametrize("head", [b"\x30\x80", b"\xa0\x80", b"\x24\x80"])
    def test_depth_without_lengths(self, judge, head):
        for depth in (MAX_DEPTH + 1, 100_000, 1_000_000):
            assert reasons(judge(head * depth + b"\0\0" * depth)) == ("signature.limit",)

    def test_depth_with_lengths(self, judge):
        data = b""
        for _ in range(2 * MAX_DEPTH):
            data = sequence(data)
        assert reasons(judge(data)) == ("signature.limit",)

    def test_elements(self, judge):
        assert reasons(judge(sequence(null() * (MAX_ELEMENTS + 1)))) == ("signature.limit",)

    def test_size(self, judge):
        assert reasons(judge(bytes(MAX_CMS_BYTES + 1))) == ("signature.limit",)


class TestWalk:
    def test_what_is_sound_is_walked(self, party):
        require_bounded(sign_cades(DIGEST, party, level=Level.B_LT))
        require_bounded(b"\x30\x80\x24\x80\x04\x01a\0\0\0\0")
        require_bounded(b"\x3f\x81\x01\x02\x05\x00")

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x30",
            b"\x30\x01",
            b"\x30\x00\x00",
            b"\x30\x02\x04\x01",
            b"\x04\x80\0\0",
            b"\x30\x80",
            b"\x30\x80\0",
            b"\x30\x85\0\0\0\0\0",
            b"\x30\x82\0",
            b"\x30\x03\x30\x02\x05\x00",
            b"\x1f",
            b"\x1f\x81",
            b"\x1f" + b"\x81" * 12,
        ],
    )
    def test_what_is_no_element_is_refused(self, data):
        with pytest.raises(UnreadableError):
            require_bounded(data)

    @given(data=st.binary(max_size=200))
    def test_no_bytes_raise_anything_else(self, data):
        try:
            require_bounded(data)
        except (LimitError, UnreadableError):
            return


def test_another_makers_indefinite_lengths_are_read(judge, party, parts):
    """BER around a signature is what streaming signers write; only the signed attributes must be DER."""
    der = signed_by(party, list(parts.values()))
    body = der[der.index(oid(SIGNED_DATA)) :]
    explicit = body[len(oid(SIGNED_DATA)) :]
    inner = explicit[4:] if explicit[1] == 0x82 else explicit[3:]
    ber = b"\x30\x80" + oid(SIGNED_DATA) + b"\xa0\x80" + inner + b"\0\0\0\0"
    assert judge(ber).outcome is Outcome.PASSED

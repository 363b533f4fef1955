"""CAdES, XAdES and JWS: what each proves, what a change does to it, and what is left when a service fails."""

import base64
import hashlib
import io
import json
from datetime import timedelta

import pytest
from asn1crypto import cms, pem
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ReasonFlags
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from lxml import etree
from signing_pilot import EC, RSA, Pilot

from ekyc import base64url
from ekyc.errors import InputError, LimitError, TrustError, UpstreamError
from ekyc.signing import Level, TimestampFailedError
from ekyc.signing.der import elements, inside, set_of
from ekyc.signing.formats.cades import (
    augment_cades,
    complete_cades,
    digest_stream,
    prepare_cades,
    sign_cades,
)
from ekyc.signing.formats.cms import signed_attributes, signed_data
from ekyc.signing.formats.jades import (
    MAX_JSON_BYTES,
    augment_json,
    complete_json,
    prepare_json,
    sign_json,
)
from ekyc.signing.formats.xades import DS, XADES, augment_xml, complete_xml, prepare_xml, sign_xml
from ekyc.signing.validation.cades import inspect_cades
from ekyc.signing.validation.jades import inspect_jws
from ekyc.signing.validation.xades import inspect_xml
from ekyc.signing.validation.xml_reading import (
    MAX_ATTRIBUTES,
    MAX_NAMESPACES,
    MAX_NODES,
    MAX_XML_BYTES,
)
from ekyc.testing import FixedClock

CONTENT = "Nội dung của một tệp bất kỳ".encode()
XML = '<?xml version="1.0"?><hồSơ xmlns="urn:vd" Mã="1"><tên>Nguyễn Thị Mẫu</tên></hồSơ>'.encode()
JSON = '{"tên": "Nguyễn Thị Mẫu",  "số": [1, 2.0]}'.encode()
LEVELS = (Level.B_B, Level.B_T, Level.B_LT)


class Cades:
    content = CONTENT

    def sign(self, party, **how):
        return sign_cades(hashlib.sha256(CONTENT).digest(), party, **how)

    def inspect(self, signed, **how):
        return inspect_cades(signed, io.BytesIO(CONTENT), **how)

    def halves(self, party):
        prepared = prepare_cades(hashlib.sha256(CONTENT).digest(), party.signer, party)
        return prepared, lambda value: complete_cades(prepared, value, party, level=Level.B_B)

    def says(self, signed):
        (signer,) = cms.ContentInfo.load(signed)["content"]["signer_infos"]
        return signer["signed_attrs"].dump()

    augment = staticmethod(augment_cades)


class Xades:
    content = XML

    def sign(self, party, **how):
        return sign_xml(XML, party, **how)

    def inspect(self, signed, **how):
        return inspect_xml(signed, **how)

    def halves(self, party):
        prepared = prepare_xml(XML, party.signer, party)
        return prepared, lambda value: complete_xml(prepared, value, party, level=Level.B_B)

    def says(self, signed):
        root = etree.fromstring(signed)
        signature = root.find(f"{{{DS}}}Signature")
        properties = signature.find(f".//{{{XADES}}}SignedProperties")
        said = etree.tostring(properties, method="c14n")
        root.remove(signature)
        return said, etree.tostring(root, method="c14n")

    augment = staticmethod(augment_xml)


class Jades:
    content = JSON

    def sign(self, party, **how):
        return sign_json(JSON, party, **how)

    def inspect(self, signed, **how):
        return inspect_jws(signed, **how)

    def halves(self, party):
        prepared = prepare_json(JSON, party.signer, party)
        return prepared, lambda value: complete_json(prepared, value, party, level=Level.B_B)

    def says(self, signed):
        members = json.loads(signed)
        return members["payload"], members["protected"]

    augment = staticmethod(augment_json)


FORMATS = pytest.mark.parametrize(
    "kind", [Cades(), Xades(), Jades()], ids=lambda k: type(k).__name__
)


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def parties(pilot):
    return {
        algorithm: pilot.party("citizen", "Nguyễn Thị Mẫu", algorithm=algorithm)
        for algorithm in (EC, RSA)
    }


@pytest.fixture(scope="module")
def party(parties):
    return parties[EC]


def code_of(call, error=InputError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


def looked_at(pilot, kind, signed, **how):
    options = {"anchors": pilot.anchors, "clock": pilot.clock, **how}
    return kind.inspect(signed, **options)


def indication(report):
    (entry,) = report.signatures
    return str(entry.indication), entry.sub_indication


@FORMATS
class TestEveryFormat:
    @pytest.mark.parametrize("algorithm", [EC, RSA])
    def test_it_passes_at_its_level(self, pilot, parties, kind, algorithm):
        lists = pilot.ca.material().crls
        for level in LEVELS:
            signed = kind.sign(parties[algorithm], level=level)
            found = looked_at(pilot, kind, signed, crls=() if level is Level.B_LT else lists)
            assert found.outcome == "PASSED", level
            (entry,) = found.signatures
            assert (entry.timestamp is None) == (level is Level.B_B)
            assert abs(entry.claimed_time - pilot.clock.now()) < timedelta(seconds=2)
            assert entry.anchor_subject

    def test_what_it_lacks_is_not_invented(self, pilot, party, kind):
        signed = kind.sign(party, level=Level.B_T)
        assert looked_at(pilot, kind, signed).outcome == "INDETERMINATE"
        assert looked_at(pilot, kind, signed, anchors=()).outcome == "INDETERMINATE"

    def test_after_its_end_a_timestamp_still_proves_the_time(self, pilot, party, kind):
        lists = pilot.ca.material().crls
        at = pilot.clock.now() + timedelta(days=500)
        alone = kind.sign(party, level=Level.B_B)
        stamped = kind.sign(party, level=Level.B_LT)
        assert looked_at(pilot, kind, alone, at=at, crls=lists).outcome == "INDETERMINATE"
        found = looked_at(pilot, kind, stamped, at=pilot.clock.now() + timedelta(days=20))
        assert found.outcome == "PASSED"

    def test_revoked_after_the_timestamp_is_no_harm_before_it_is_final(self, pilot, kind):
        gone = pilot.party("citizen", "Trần Văn Cũ")
        early = {level: kind.sign(gone, level=level) for level in (Level.B_B, Level.B_T)}
        pilot.clock.advance(timedelta(minutes=10))
        pilot.ca.revoke(gone.signer.certificate_der, ReasonFlags.key_compromise)
        lists = pilot.ca.material().crls
        blind = pilot.as_party(gone.signer, vouch=lambda: pilot.ca.material().__class__())
        pilot.clock.advance(timedelta(minutes=10))
        late = kind.sign(blind, level=Level.B_T)
        assert indication(looked_at(pilot, kind, early[Level.B_T], crls=lists))[0] == "TOTAL-PASSED"
        assert indication(looked_at(pilot, kind, early[Level.B_B], crls=lists)) == (
            "INDETERMINATE",
            "REVOKED_NO_POE",
        )
        assert indication(looked_at(pilot, kind, late, crls=lists)) == (
            "INDETERMINATE",
            "REVOKED_NO_POE",
        )

    @pytest.mark.parametrize("profile", ["timestamper", "ocsp-responder"])
    def test_a_certificate_of_another_purpose_signs_nothing(self, pilot, kind, profile):
        wrong = pilot.party(profile, "Máy")
        code = code_of(lambda: kind.sign(wrong, level=Level.B_LT), TrustError)
        assert code == "signing.certificate.wrong_usage"

    def test_and_does_not_pass_if_somebody_signed_with_it(self, pilot, kind, monkeypatch):
        monkeypatch.setattr("ekyc.signing.authority.fitness._signs_documents", lambda _: True)
        signed = kind.sign(pilot.party("timestamper", "Máy"), level=Level.B_LT)
        found = looked_at(pilot, kind, signed)
        assert found.outcome == "INDETERMINATE"
        assert found.checks[1].reasons == ("signature.certificate_unsuitable",)

    def test_another_authority_of_the_same_names_does_not_pass(self, pilot, party, kind, tmp_path):
        stranger = Pilot(tmp_path)
        signed = kind.sign(party, level=Level.B_LT)
        assert looked_at(pilot, kind, signed, anchors=stranger.anchors).outcome == "INDETERMINATE"
        stranger.close()

    def test_a_dead_authority_leaves_what_can_be_augmented(self, pilot, party, kind):
        def down(_):
            raise UpstreamError("down")

        cut_off = pilot.as_party(party.signer, ask_for_time=down)
        for level in (Level.B_T, Level.B_LT):
            with pytest.raises(TimestampFailedError) as caught:
                kind.sign(cut_off, level=level)
            assert caught.value.level is Level.B_B
            kept = caught.value.signed
            assert looked_at(pilot, kind, kept, crls=pilot.ca.material().crls).outcome == "PASSED"
            assert looked_at(pilot, kind, kind.augment(kept, party)).outcome == "PASSED"
        with pytest.raises(TimestampFailedError) as caught:
            kind.augment(kept, cut_off)
        assert caught.value.signed == kept

    def test_augmented_once_is_enough(self, party, kind):
        signed = kind.sign(party, level=Level.B_T)
        assert code_of(lambda: kind.augment(signed, party)).endswith(".augmented")

    def test_what_is_no_signature_is_not_augmented(self, party, kind):
        for data in (b"", b"\x30\x03\x02\x01\x01", b"<a/>", b"{}", b"[]", b"null", kind.content):
            assert code_of(lambda data=data: kind.augment(data, party)).startswith("signing.")

    def test_there_is_no_archival_level(self, party, kind):
        code = code_of(lambda: kind.sign(party, level=Level.B_LTA))
        assert code == "signing.level.unsupported"

    @pytest.mark.parametrize(
        ("by", "code"), [(timedelta(days=-2), "not_yet_valid"), (timedelta(days=400), "expired")]
    )
    def test_outside_its_life_a_certificate_signs_nothing(self, pilot, party, kind, by, code):
        other = pilot.as_party(party.signer, clock=FixedClock(pilot.clock.now() + by))
        found = code_of(lambda: kind.sign(other), TrustError)
        assert found == f"signing.certificate.{code}"

    def test_a_value_of_another_content_never_gets_in(self, parties, kind):
        prepared, complete = kind.halves(parties[EC])
        key = parties[EC].signer.key
        wrong = (key.sign_digest(bytes(32)), b"", b"\x30\x00")
        for value in wrong:
            assert code_of(lambda v=value: complete(v), TrustError) == "signing.key.mismatch"
        assert complete(key.sign_digest(prepared.to_be_signed))

    def test_a_changed_octet_never_changes_what_passes(self, pilot, party, kind):
        """What stands outside the signed bytes (a spare certificate, say) may change; what was signed may not."""
        signed = kind.sign(party, level=Level.B_LT)
        passed = 0
        for place in range(3, len(signed), 97):
            changed = bytearray(signed)
            changed[place] ^= 0x04
            if looked_at(pilot, kind, bytes(changed)).outcome == "PASSED":
                passed += 1
                assert kind.says(bytes(changed)) == kind.says(signed)
        assert passed < len(signed) / 97 / 3

    def test_cut_anywhere_it_is_undecided(self, pilot, party, kind):
        signed = kind.sign(party, level=Level.B_B)
        for cut in range(0, len(signed) - 1, 131):
            assert looked_at(pilot, kind, signed[:cut]).outcome == "INDETERMINATE", cut

    @settings(max_examples=60, deadline=None)
    @given(data=st.binary(max_size=300))
    def test_no_bytes_raise(self, pilot, kind, data):
        assert looked_at(pilot, kind, data).outcome == "INDETERMINATE"


def test_content_of_any_size_is_digested_in_blocks_up_to_a_bound():
    assert digest_stream(io.BytesIO(CONTENT)) == hashlib.sha256(CONTENT).digest()
    code = code_of(lambda: digest_stream(io.BytesIO(bytes(11)), most=10), LimitError)
    assert code == "signing.content.too_large"


class TestCades:
    def test_another_content_fails(self, pilot, party):
        signed = Cades().sign(party, level=Level.B_LT)
        found = inspect_cades(
            signed, io.BytesIO(CONTENT + b" "), anchors=pilot.anchors, clock=pilot.clock
        )
        assert found.outcome == "FAILED"
        assert indication(found) == ("TOTAL-FAILED", "HASH_FAILURE")

    def test_pem_is_read_too(self, pilot, party):
        signed = pem.armor("CMS", Cades().sign(party, level=Level.B_LT))
        assert looked_at(pilot, Cades(), signed).outcome == "PASSED"

    def test_a_cms_that_carries_its_content_is_no_detached_one(self, pilot, party):
        """Else the content inside and the file beside it could differ, and a reader show the wrong one."""
        prepared = prepare_cades(hashlib.sha256(CONTENT).digest(), party.signer, party)
        carrying = signed_data(
            prepared.attributes_der,
            party.signer.key.sign_digest(prepared.to_be_signed),
            party.signer.certificate_der,
            algorithm=EC,
            certificates=[party.signer.certificate_der],
            content=CONTENT,
        )
        found = looked_at(pilot, Cades(), carrying)
        assert found.problems[0].reasons == ("signature.cms_content",)

    def test_without_the_signing_certificate_bound_in_it_is_no_cades(self, pilot, party):
        attributes = signed_attributes(
            hashlib.sha256(CONTENT).digest(), party.signer.certificate_der
        )
        plain = set_of(
            [part for part in elements(inside(attributes)) if b"\x10\x02\x2f" not in part]
        )
        value = party.signer.key.sign_digest(hashlib.sha256(plain).digest())
        bare = signed_data(
            plain,
            value,
            party.signer.certificate_der,
            algorithm=EC,
            certificates=[party.signer.certificate_der],
        )
        assert looked_at(pilot, Cades(), bare).problems[0].reasons == (
            "signature.certificate_unbound",
        )


def xml_of(signed):
    return etree.fromstring(signed)


class TestXades:
    @pytest.mark.parametrize(
        ("document", "code"),
        [
            (b"", "unreadable"),
            (b"<a>", "unreadable"),
            (b"<a>&b;</a>", "unreadable"),
            (b"\x00" * 50, "unreadable"),
            (b"<a>" * 300 + b"</a>" * 300, "unreadable"),
            (b"<!DOCTYPE a SYSTEM 'http://x/'><a/>", "doctype"),
            (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "doctype"),
            (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "doctype"),
            (b"<?xml-stylesheet href='x'?><a/>", "beside_root"),
            (b"<a/><?x y?>", "beside_root"),
            (b"<a xml:lang='vi'/>", "inherited"),
            (b"<a>x<!-- -->y</a>", "comment"),
            (b"<a><Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/></a>", "signed"),
        ],
    )
    def test_what_cannot_be_signed_safely_is_refused(self, party, document, code):
        assert code_of(lambda: sign_xml(document, party)) == f"signing.xml.{code}"

    def test_a_thousand_laughs_take_no_room(self, party):
        lines = [f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 20)]
        for body in ("<a>&l19;</a>", "<a b='&l19;'/>"):
            bomb = f"<!DOCTYPE a [<!ENTITY l0 'ha'>{''.join(lines)}]>{body}".encode()
            assert code_of(lambda bomb=bomb: sign_xml(bomb, party)).startswith("signing.xml.")

    def test_the_signing_certificate_counts_in_the_signed_properties_alone(self, pilot, party):
        root = xml_of(sign_xml(b"<a/>", party, level=Level.B_LT))
        pins = root.find(f".//{{{XADES}}}SigningCertificateV2")
        root.find(f".//{{{XADES}}}UnsignedProperties").append(pins)
        assert looked_at(pilot, Xades(), etree.tostring(root)).outcome == "INDETERMINATE"

    def test_bounds(self, party):
        wide = b"<a>" + b"<b/>" * (MAX_NODES + 1) + b"</a>"
        large = b"<a>" + b" " * MAX_XML_BYTES + b"</a>"
        rich = b"<a %s/>" % b" ".join(b"b%d='1'" % n for n in range(MAX_ATTRIBUTES + 1))
        spaces = b" ".join(b"xmlns:b%d='u:%d'" % (n, n) for n in range(MAX_NAMESPACES + 1))
        for document in (wide, large, rich, b"<a %s/>" % spaces):
            code = code_of(lambda document=document: sign_xml(document, party), LimitError)
            assert code == "signing.xml.too_large"

    def test_the_document_stays_what_it_was(self, party):
        document = b"<a b='1'  c=\"2\">&amp;\n\t<d/> <!-- e --> <f>\xc4\x91</f></a>"
        root = xml_of(sign_xml(document, party, level=Level.B_LT))
        root.remove(root[-1])
        assert etree.tostring(root, method="c14n") == etree.tostring(
            etree.fromstring(document), method="c14n"
        )

    def test_a_root_with_an_identifier(self, pilot, party):
        signed = sign_xml(b"<a Id='q'><b/></a>", party, level=Level.B_LT)
        assert looked_at(pilot, Xades(), signed).outcome == "PASSED"

    def test_the_timestamp_is_over_the_canonical_signature_value(self, party):
        """Written out by hand, so that no library's canonical form judges its own."""
        root = xml_of(sign_xml(b"<a xmlns='urn:a' xmlns:b='urn:b'/>", party, level=Level.B_T))
        value = root.findtext(f".//{{{DS}}}SignatureValue")
        canonical = (
            f'<ds:SignatureValue xmlns="urn:a" xmlns:b="urn:b" xmlns:ds="{DS}" xmlns:xades="{XADES}">'
            f"{value}</ds:SignatureValue>"
        )
        token = base64.b64decode(root.findtext(f".//{{{XADES}}}EncapsulatedTimeStamp"))
        said = cms.ContentInfo.load(token)["content"]["encap_content_info"]["content"].parsed
        digest = said["message_imprint"]["hashed_message"].native
        assert digest == hashlib.sha256(canonical.encode()).digest()

    @pytest.mark.parametrize("split", [b">1<!-- -->00<", b">100<!-- --><", b"><!-- -->100<"])
    def test_a_comment_in_a_text_does_not_pass(self, pilot, party, split):
        """The canonical form is signed, without comments; many a reader takes the text to end at one."""
        signed = sign_xml(b"<a><b>100</b></a>", party, level=Level.B_LT)
        found = looked_at(pilot, Xades(), signed.replace(b">100<", split))
        assert found.outcome == "INDETERMINATE"
        assert found.problems[0].reasons == ("signature.xml_comment",)

    def test_a_comment_between_elements_shows_nothing(self, pilot, party):
        signed = sign_xml(b"<a> <b>100</b></a>", party, level=Level.B_LT)
        assert looked_at(pilot, Xades(), signed.replace(b"<b>", b"<!-- --><b>")).outcome == "PASSED"

    @pytest.mark.parametrize("place", [b"<a><c/>", b"<a d='1'>"])
    def test_whatever_is_added_fails(self, pilot, party, place):
        signed = sign_xml(b"<a><b/></a>", party, level=Level.B_LT)
        found = looked_at(pilot, Xades(), signed.replace(b"<a>", place, 1))
        assert indication(found) == ("TOTAL-FAILED", "HASH_FAILURE")

    def test_an_instruction_beside_the_root_is_not_overlooked(self, pilot, party):
        signed = sign_xml(b"<a/>", party, level=Level.B_LT)
        styled = signed.replace(b"<a", b"<?xml-stylesheet href='x'?><a", 1)
        assert looked_at(pilot, Xades(), styled).outcome == "INDETERMINATE"

    def test_wrapped_into_another_document_it_does_not_pass(self, pilot, party):
        """The signed document moved aside, something else shown: signature wrapping."""
        signed = xml_of(sign_xml(b"<a Id='q'><b/></a>", party, level=Level.B_LT))
        nested = _nested(signed)
        signature = signed.find(f"{{{DS}}}Signature")
        moved = etree.Element("evil")
        moved.append(etree.fromstring(etree.tostring(signed)))
        moved[0].remove(moved[0].find(f"{{{DS}}}Signature"))
        moved.append(signature)
        for wrapped in (moved, nested):
            found = looked_at(pilot, Xades(), etree.tostring(wrapped))
            assert found.outcome != "PASSED"

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'URI=""', b'URI="#nowhere"'),
            (b"enveloped-signature", b"enveloped-signaturf"),
            (b"xml-c14n11", b"xml-c14n11#WithComments"),
            (b"ecdsa-sha256", b"ecdsa-sha1"),
            (b"ecdsa-sha256", b"hmac-sha256"),
            (b"xmlenc#sha256", b"xmldsig#sha1"),
            (b"ds:Object", b"ds:Objekt"),
            (b"SigningCertificateV2", b"SigningCertificateV3"),
        ],
    )
    def test_another_form_does_not_pass(self, pilot, party, old, new):
        signed = sign_xml(XML, party, level=Level.B_LT)
        assert old in signed
        assert looked_at(pilot, Xades(), signed.replace(old, new)).outcome == "INDETERMINATE"

    def test_a_second_signature_does_not_pass(self, pilot, party):
        signed = xml_of(sign_xml(b"<a/>", party, level=Level.B_LT))
        signed.append(etree.fromstring(etree.tostring(signed[0])))
        assert looked_at(pilot, Xades(), etree.tostring(signed)).outcome == "INDETERMINATE"


def _nested(signed):
    """The signature below a child of the root."""
    root = etree.fromstring(etree.tostring(signed))
    holder = etree.SubElement(root, "holder")
    holder.append(root.find(f"{{{DS}}}Signature"))
    return root


def rewritten(signed, **changes):
    """A JWS whose protected header says something else."""
    members = json.loads(signed)
    header = json.loads(base64url.decode(members["protected"])) | changes
    header = {name: value for name, value in header.items() if value is not None}
    members["protected"] = base64url.encode(json.dumps(header).encode())
    return json.dumps(members).encode()


class TestJws:
    @pytest.mark.parametrize("algorithm", [EC, RSA])
    def test_joserfc_verifies_it_and_reads_the_document(self, parties, algorithm):
        certificate = x509.load_der_x509_certificate(parties[algorithm].signer.certificate_der)
        spki = certificate.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        key = (ECKey if algorithm is EC else RSAKey).import_key(spki)
        registry = jws.JWSRegistry(algorithms=["ES256", "PS256"], strict_check_header=False)
        registry.max_header_length = 1 << 16
        for level in LEVELS:
            signed = json.loads(sign_json(JSON, parties[algorithm], level=level))
            assert jws.deserialize_json(signed, key, registry=registry).payload == JSON

    @pytest.mark.parametrize(
        "document",
        [b"", b"{", b'{"a":1,"a":2}', b"NaN", b"\xff", b'{"a":Infinity}', b"[" * 100_000],
    )
    def test_what_readers_understand_differently_is_refused(self, party, document):
        assert code_of(lambda: sign_json(document, party)) == "signing.json.unreadable"

    def test_bounds(self, party):
        large = b'"' + b"a" * MAX_JSON_BYTES + b'"'
        assert code_of(lambda: sign_json(large, party), LimitError) == "signing.json.too_large"

    @pytest.mark.parametrize(
        "change",
        [
            {"alg": "none"},
            {"alg": "HS256"},
            {"alg": "PS256"},
            {"crit": ["exp"], "exp": 1},
            {"b64": False, "crit": ["b64"]},
            {"x5c": []},
            {"x5t#S256": None},
            {"x5t#S256": base64url.encode(bytes(32))},
            {"jwk": {"kty": "EC"}},
        ],
        ids=str,
    )
    def test_another_header_does_not_pass(self, pilot, party, change):
        signed = rewritten(sign_json(JSON, party, level=Level.B_LT), **change)
        assert looked_at(pilot, Jades(), signed).outcome == "INDETERMINATE"

    @pytest.mark.parametrize("name", ["alg", "jwk", "kid"])
    def test_nothing_else_stands_in_the_unprotected_header(self, pilot, party, name):
        members = json.loads(sign_json(JSON, party, level=Level.B_LT))
        members["header"][name] = "none"
        signed = json.dumps(members).encode()
        assert looked_at(pilot, Jades(), signed).outcome == "INDETERMINATE"

    def test_a_later_claimed_time_fails(self, pilot, party):
        signed = rewritten(sign_json(JSON, party, level=Level.B_LT), iat=1)
        assert looked_at(pilot, Jades(), signed).outcome == "FAILED"

    def test_another_certificate_of_the_same_chain_does_not_pass(self, pilot, parties):
        other = pilot.party("citizen", "Trần Văn Khác").signer.certificate_der
        signed = rewritten(
            sign_json(JSON, parties[EC], level=Level.B_LT),
            x5c=[base64.b64encode(other).decode()],
            **{"x5t#S256": base64url.encode(hashlib.sha256(other).digest())},
        )
        assert looked_at(pilot, Jades(), signed).outcome == "FAILED"

    @pytest.mark.parametrize("change", ["payload", "signature"])
    def test_other_octets_fail(self, pilot, party, change):
        members = json.loads(sign_json(JSON, party, level=Level.B_LT))
        if change == "payload":
            members["payload"] = base64url.encode(JSON.replace(b"2.0", b"3.0"))
        else:
            members["signature"] = base64url.encode(bytes(63) + b"\x01")
        signed = json.dumps(members).encode()
        assert looked_at(pilot, Jades(), signed).outcome == "FAILED"

    def test_a_name_given_twice_is_not_read(self, pilot, party):
        signed = sign_json(JSON, party, level=Level.B_LT)
        twice = signed.replace(b'{"payload"', b'{"payload":"e30","payload"', 1)
        assert looked_at(pilot, Jades(), twice).outcome == "INDETERMINATE"

"""Attacks on signatures in XML. Each is refused for the reason that it deserves, and falls over if its rule is taken out."""

import base64
import copy
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signing_pilot import Pilot
from xml_forgery import SIGNATURE, bytes_of, ds, ec_signer, sealed, signature_of, xades, xml_of

from ekyc.outcomes import Outcome
from ekyc.signing import Level, inspect_xml
from ekyc.signing.formats.xades import DS, XADES, sign_xml

DOCUMENT = '<hồSơ Id="hs"><tên>Nguyễn Thị Mẫu</tên><phần Id="p">100</phần></hồSơ>'.encode()


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def party(pilot):
    return pilot.party("citizen", "Nguyễn Thị Mẫu")


@pytest.fixture(scope="module")
def signed(party):
    return sign_xml(DOCUMENT, party, level=Level.B_LT)


@pytest.fixture
def judge(pilot):
    def judged(data):
        return inspect_xml(data, anchors=pilot.anchors, clock=pilot.clock)

    return judged


@pytest.fixture
def seal(party):
    return lambda root: sealed(root, ec_signer(party.signer.key))


def reasons(report):
    return report.problems[0].reasons if report.problems else report.signatures[0].checks[0].reasons


def references(root):
    return ds(signature_of(root), "SignedInfo").findall(f"{{{DS}}}Reference")


def add(parent, tag, namespace=DS, **attributes):
    return etree.SubElement(parent, f"{{{namespace}}}{tag}", **attributes)


def test_what_the_forger_starts_from_passes(judge, signed, seal):
    """Else every test below would pass for the wrong reason."""
    assert judge(signed).outcome is Outcome.PASSED
    assert judge(sealed_without_time(signed, seal)).signatures[0].integrity == "INTACT"


def sealed_without_time(signed, seal, change=lambda root: None):
    """The signer signs again, in another form; the timestamp, which is then over another value, goes."""
    root = xml_of(signed)
    unsigned = xades(root, "UnsignedProperties")
    unsigned.getparent().remove(unsigned)
    change(root)
    return seal(root)


# --- wrapping: the signed document moves aside, another takes its place -----------------------------------------


def _parts(signed):
    """Root as signed without its signature, the signature, and a forged root with the same identifier."""
    root = xml_of(signed)
    signature = signature_of(root)
    root.remove(signature)
    forged = copy.deepcopy(root)
    forged[0].text = "Kẻ Mạo Danh"
    return root, signature, forged


def wrapped_1(signed):
    original, signature, forged = _parts(signed)
    forged.append(signature)
    add(signature, "Object").append(original)
    return forged


def wrapped_2(signed):
    original, signature, forged = _parts(signed)
    forged.append(original)
    forged.append(signature)
    return forged


def wrapped_3(signed):
    original, signature, forged = _parts(signed)
    outer = etree.Element("bao")
    original.append(signature)
    outer.extend([forged, original])
    return outer


def wrapped_4(signed):
    original, signature, forged = _parts(signed)
    original.append(signature)
    forged.append(original)
    return forged


def wrapped_5(signed):
    original, signature, forged = _parts(signed)
    outer = etree.Element("bao")
    forged.append(signature)
    outer.extend([forged, original])
    return outer


def wrapped_6(signed):
    original, signature, forged = _parts(signed)
    signature.append(original)
    forged.append(signature)
    return forged


def wrapped_7(signed):
    original, signature, forged = _parts(signed)
    extension = etree.Element("mởRộng")
    extension.append(forged)
    original.insert(0, extension)
    original.append(signature)
    return original


def wrapped_8(signed):
    original, signature, forged = _parts(signed)
    ds(signature, "Object").append(forged)
    original.append(signature)
    return original


def wrapped_9(signed):
    """The properties that were signed go elsewhere in the signature; others stand where readers look."""
    root = xml_of(signed)
    signature = signature_of(root)
    genuine = xades(signature, "SignedProperties")
    forged = copy.deepcopy(genuine)
    xades(forged, "SigningTime").text = "1999-01-01T00:00:00Z"
    genuine.getparent().replace(genuine, forged)
    ds(signature, "KeyInfo").append(genuine)
    return root


WRAPPED = {
    wrapped_1: "signature.format",
    wrapped_2: "signature.digest_mismatch",
    wrapped_3: "signature.xml_several",
    wrapped_4: "signature.xml_several",
    wrapped_5: "signature.xml_several",
    wrapped_6: "signature.xml_unsigned",
    wrapped_7: "signature.digest_mismatch",
    wrapped_8: "signature.xml_unsigned",
    wrapped_9: "signature.xml_properties",
}


@pytest.mark.parametrize(
    ("wrap", "reason"), WRAPPED.items(), ids=lambda v: getattr(v, "__name__", "")
)
@pytest.mark.parametrize("uri", ["", "#hs"])
def test_wrapped(judge, signed, seal, wrap, reason, uri):
    """Shapes 1 to 8 of Somorovsky et al., *On Breaking SAML* (2012), over both ways to refer to the root."""

    def refer(root):
        references(root)[0].set("URI", uri)

    genuine = sealed_without_time(signed, seal, refer)
    assert judge(genuine).signatures[0].integrity == "INTACT"
    found = judge(bytes_of(wrap(genuine)))
    assert found.outcome is not Outcome.PASSED
    assert reasons(found)[0] in {reason, "signature.xml_identifier"}


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name",
    [
        "validation_dss-signed.xml",
        "validation_Signature-X-UK_ASC-2.xml",
        "validation_dss1770_dss1770.xml",
        "validation_xades-ocsp-not-embeds-certs.xml",
    ],
)
@pytest.mark.parametrize("wrap", WRAPPED, ids=lambda wrap: wrap.__name__)
def test_genuine_files_of_others_wrapped(shared_data, name, wrap):
    data = (shared_data / "sign/dss_xades" / name).read_bytes()
    assert inspect_xml(data, anchors=()).signatures[0].integrity == "INTACT"
    try:
        forged = bytes_of(wrap(data))
    except (AttributeError, IndexError):
        pytest.skip("the file has no such part")
    report = inspect_xml(forged, anchors=())
    assert report.problems or report.signatures[0].integrity != "INTACT"


# --- forms that a signer chose, so that something else is signed than what is shown ------------------------------


def refers_to_a_part(root):
    references(root)[0].set("URI", "#p")


def refers_to_a_part_alone(root):
    first = references(root)[0]
    first.set("URI", "#p")
    first.remove(ds(first, "Transforms"))


def refers_outside(root):
    add_reference(root, "https://example.invalid/x")


def refers_to_a_file(root):
    add_reference(root, "file:///etc/hostname")


def refers_to_nothing(root):
    add_reference(root, None)


def refers_by_pointer(root):
    references(root)[0].set("URI", "#xpointer(/)")


def refers_twice(root):
    info = ds(signature_of(root), "SignedInfo")
    info.replace(references(root)[2], copy.deepcopy(references(root)[0]))


def has_a_manifest(root):
    reference = add_reference(root, "#m")
    reference.set("Type", f"{DS}Manifest")
    holder = etree.SubElement(root, "x", Id="m")
    holder.append(etree.Element(f"{{{DS}}}Manifest"))


def leaves_the_document_out(root):
    info = ds(signature_of(root), "SignedInfo")
    info.remove(references(root)[0])


def leaves_the_properties_out(root):
    info = ds(signature_of(root), "SignedInfo")
    info.remove(references(root)[1])


def names_the_properties_otherwise(root):
    del references(root)[1].attrib["Type"]


def calls_the_document_properties(root):
    references(root)[0].set("Type", "http://uri.etsi.org/01903#SignedProperties")


def add_reference(root, uri):
    info = ds(signature_of(root), "SignedInfo")
    reference = copy.deepcopy(references(root)[2])
    reference.attrib.pop("URI")
    if uri is not None:
        reference.set("URI", uri)
    info.replace(references(root)[2], reference)
    return reference


def transformed(algorithm, inside=""):
    def change(root):
        steps = ds(references(root)[0], "Transforms")
        steps.remove(steps[-1])
        step = add(steps, "Transform", Algorithm=algorithm)
        if inside:
            step.append(etree.fromstring(inside))

    change.__name__ = f"transform {algorithm.rsplit('/', 1)[-1]}"
    return change


_XPATH = f'<ds:XPath xmlns:ds="{DS}">%s</ds:XPath>'
XSLT = '<x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform" version="1.0"/>'
TRANSFORMS = [
    transformed("http://www.w3.org/TR/1999/REC-xpath-19991116", _XPATH % "not(self::tên)"),
    transformed(
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        _XPATH % "count(here()/ancestor::* | //phần) > 0",
    ),
    transformed("http://www.w3.org/2002/06/xmldsig-filter2"),
    transformed("http://www.w3.org/TR/1999/REC-xslt-19991116", XSLT),
    transformed(f"{DS}base64"),
    transformed("http://www.w3.org/2006/12/xml-c14n11#WithComments"),
    transformed("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
    transformed("urn:no-such-transform"),
    transformed(
        "http://www.w3.org/2006/12/xml-c14n11",
        '<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="a"/>',
    ),
]


def a_step_in_another_namespace(root):
    steps = ds(references(root)[0], "Transforms")
    algorithm = steps[-1].get("Algorithm")
    steps.remove(steps[-1])
    add(steps, "Transform", "urn:x", Algorithm=algorithm)


def a_second_list_of_steps(root):
    reference = references(root)[0]
    first = ds(reference, "Transforms")
    second = etree.Element(first.tag)
    second.append(first[-1])
    reference.insert(1, second)


def many_canonicalisations(root):
    steps = ds(references(root)[0], "Transforms")
    steps.extend(copy.deepcopy(steps[-1]) for _ in range(1_000))


def canonical_with_comments(root):
    info = ds(signature_of(root), "SignedInfo")
    ds(info, "CanonicalizationMethod").set(
        "Algorithm", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"
    )


def canonical_with_prefixes(root):
    info = ds(signature_of(root), "SignedInfo")
    method = ds(info, "CanonicalizationMethod")
    add(method, "InclusiveNamespaces", "http://www.w3.org/2001/10/xml-exc-c14n#", PrefixList="a")


def cut_off_by_the_method(root):
    info = ds(signature_of(root), "SignedInfo")
    add(ds(info, "SignatureMethod"), "HMACOutputLength").text = "8"


def hmac_with_the_public_key(root):
    method(root, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")


def sha1_signature(root):
    method(root, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1")


def md5_signature(root):
    method(root, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5")


def method(root, algorithm):
    info = ds(signature_of(root), "SignedInfo")
    ds(info, "SignatureMethod").set("Algorithm", algorithm)


def sha1_digest(root):
    digested(root, 0, f"{DS}sha1")


def md5_digest(root):
    digested(root, 1, "http://www.w3.org/2001/04/xmldsig-more#md5")


def digested(root, number, algorithm):
    ds(references(root)[number], "DigestMethod").set("Algorithm", algorithm)


def a_method_of_no_known_name(root):
    method(root, "urn:no-such-method")


def a_digest_of_no_known_name(root):
    digested(root, 0, "urn:no-such-digest")


def identifier_in_capitals(root):
    identifier = xades(root, "SignedProperties").get("Id")
    etree.SubElement(root, "mồi", ID=identifier)


def identifier_in_a_namespace(root):
    identifier = xades(root, "SignedProperties").get("Id")
    etree.SubElement(root, "mồi").set("{urn:x}id", identifier)


def identifier_twice(root):
    identifier = xades(root, "SignedProperties").get("Id")
    etree.SubElement(root, "mồi", Id=identifier)


def properties_of_another_signature(root):
    xades(root, "QualifyingProperties").set("Target", "#another")


def properties_deeper(root):
    qualifying = xades(root, "QualifyingProperties")
    outer = etree.Element(qualifying.tag, Target=qualifying.get("Target"))
    qualifying.getparent().replace(qualifying, outer)
    outer.append(qualifying)


def properties_without_a_name(root):
    del xades(root, "SignedProperties").attrib["Id"]
    references(root)[1].set("URI", "#None")


def another_certificate_first(root):
    pins = xades(root, "SigningCertificateV2")
    digest = pins.find(f".//{{{DS}}}DigestValue")
    digest.text = base64.b64encode(bytes(32)).decode()


def certificate_pinned_twice(root):
    pins = xades(root, "SigningCertificateV2")
    pins.getparent().append(copy.deepcopy(pins))


def certificate_pinned_by_the_unsigned(root):
    pins = xades(root, "SigningCertificateV2")
    unsigned = add(xades(root, "QualifyingProperties"), "UnsignedProperties", XADES)
    add(unsigned, "UnsignedSignatureProperties", XADES).append(pins)


def key_info_lies(root):
    """Another key beside the certificate. The reference to the key is left out, or the lie would be signed."""
    info = ds(signature_of(root), "SignedInfo")
    info.remove(references(root)[2])
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32) + numbers.y.to_bytes(32)
    key = add(ds(signature_of(root), "KeyInfo"), "KeyValue")
    more = "http://www.w3.org/2009/xmldsig11#"
    value = add(key, "ECKeyValue", more)
    add(value, "NamedCurve", more, URI="urn:oid:1.2.840.10045.3.1.7")
    add(value, "PublicKey", more).text = base64.b64encode(point).decode()


def a_text_hidden_in_the_signature(root):
    """Nothing inside a signature is part of the enveloped document; a reader that looks for the name finds it."""
    unsigned = add(xades(root, "QualifyingProperties"), "UnsignedProperties", XADES)
    holder = add(unsigned, "UnsignedSignatureProperties", XADES)
    etree.SubElement(holder, "tên").text = "Kẻ Mạo Danh"


FORMS = {
    refers_to_a_part: "signature.xml_reference",
    refers_to_a_part_alone: "signature.xml_reference",
    refers_outside: "signature.xml_reference",
    refers_to_a_file: "signature.xml_reference",
    refers_to_nothing: "signature.xml_reference",
    refers_by_pointer: "signature.xml_reference",
    refers_twice: "signature.xml_reference",
    has_a_manifest: "signature.xml_reference",
    leaves_the_document_out: "signature.xml_reference",
    leaves_the_properties_out: "signature.xml_properties",
    names_the_properties_otherwise: "signature.xml_reference",
    calls_the_document_properties: "signature.xml_reference",
    **dict.fromkeys(TRANSFORMS, "signature.xml_transform"),
    a_step_in_another_namespace: "signature.xml_transform",
    a_second_list_of_steps: "signature.xml_transform",
    many_canonicalisations: "signature.xml_transform",
    canonical_with_comments: "signature.xml_transform",
    canonical_with_prefixes: "signature.xml_transform",
    cut_off_by_the_method: "signature.xml_transform",
    hmac_with_the_public_key: "signature.weak_algorithm",
    sha1_signature: "signature.weak_algorithm",
    md5_signature: "signature.weak_algorithm",
    sha1_digest: "signature.weak_algorithm",
    md5_digest: "signature.weak_algorithm",
    a_method_of_no_known_name: "signature.algorithm_unknown",
    a_digest_of_no_known_name: "signature.algorithm_unknown",
    identifier_in_capitals: "signature.xml_identifier",
    identifier_in_a_namespace: "signature.xml_identifier",
    identifier_twice: "signature.xml_identifier",
    properties_of_another_signature: "signature.xml_properties",
    properties_deeper: "signature.xml_properties",
    properties_without_a_name: "signature.xml_properties",
    another_certificate_first: "signature.certificate_unbound",
    certificate_pinned_twice: "signature.certificate_unbound",
    certificate_pinned_by_the_unsigned: "signature.certificate_unbound",
    key_info_lies: "signature.xml_unsigned",
    a_text_hidden_in_the_signature: "signature.xml_unsigned",
}


@pytest.mark.parametrize(
    ("change", "reason"), FORMS.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_another_form(judge, signed, seal, change, reason):
    """The signer's own key made each of these signatures: only the form is wrong."""
    found = judge(sealed_without_time(signed, seal, change))
    assert found.outcome is Outcome.INDETERMINATE
    assert reasons(found) == (reason,)


# --- where the signature stands ---------------------------------------------------------------------------------


def test_two_signatures(judge, signed):
    root = xml_of(signed)
    root.append(copy.deepcopy(signature_of(root)))
    assert reasons(judge(bytes_of(root))) == ("signature.xml_several",)


def test_ten_thousand_signatures(judge, signed):
    root = xml_of(signed)
    root.extend(etree.Element(SIGNATURE) for _ in range(10_000))
    assert reasons(judge(bytes_of(root))) == ("signature.xml_several",)


def test_ten_thousand_references(judge, signed):
    """Each would be a copy of the whole document."""
    root = xml_of(signed)
    info = ds(signature_of(root), "SignedInfo")
    for number in range(10_000):
        reference = copy.deepcopy(references(root)[0]) if number < 2 else add(info, "Reference")
        info.append(reference)
    assert reasons(judge(bytes_of(root))) == ("signature.xml_reference",)


def test_a_signature_that_is_the_root(judge, signed):
    assert reasons(judge(bytes_of(signature_of(xml_of(signed))))) == ("signature.xml_several",)


@pytest.mark.parametrize("part", ["SignedInfo", "SignatureValue", "KeyInfo", "Object"])
def test_a_part_twice_or_never(judge, signed, part):
    for again in (True, False):
        root = xml_of(signed)
        signature = signature_of(root)
        element = ds(signature, part)
        if again:
            signature.append(copy.deepcopy(element))
        else:
            signature.remove(element)
        assert reasons(judge(bytes_of(root))) == ("signature.format",)


# --- keys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "reason"), [(1024, "signature.weak_algorithm"), (2048, None)])
def test_short_keys(signed, judge, bits, reason):
    """Path validation looks at the keys of issuers alone; the signer's own is looked at here."""
    key = rsa.generate_private_key(65537, bits)
    der = self_signed(key)

    def change(root):
        method(root, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")
        data = ds(signature_of(root), "KeyInfo/X509Data")
        for element in list(data)[1:]:
            data.remove(element)
        data[0].text = base64.b64encode(der).decode()
        pins = xades(root, "SigningCertificateV2")
        for element in list(pins)[1:]:
            pins.remove(element)
        digest = x509.load_der_x509_certificate(der).fingerprint(SHA256())
        pins.find(f".//{{{DS}}}DigestValue").text = base64.b64encode(digest).decode()

    forged = sealed_without_time(
        signed,
        lambda root: sealed(root, lambda data: key.sign(data, padding.PKCS1v15(), SHA256())),
        change,
    )
    found = judge(forged)
    if reason:
        assert reasons(found) == (reason,)
    else:
        assert found.signatures[0].integrity == "INTACT"
        assert found.outcome is Outcome.INDETERMINATE, "nobody vouches for it"


@pytest.mark.parametrize("curve", [ec.SECP256K1(), ec.BrainpoolP256R1()], ids=lambda c: c.name)
def test_keys_on_other_curves(signed, judge, curve):
    key = ec.generate_private_key(curve)

    def change(root):
        der = self_signed(key)
        ds(signature_of(root), "KeyInfo/X509Data/X509Certificate").text = base64.b64encode(
            der
        ).decode()
        pins = xades(root, "SigningCertificateV2")
        digest = x509.load_der_x509_certificate(der).fingerprint(SHA256())
        pins.find(f".//{{{DS}}}DigestValue").text = base64.b64encode(digest).decode()

    forged = sealed_without_time(
        signed, lambda root: sealed(root, lambda data: key.sign(data, ec.ECDSA(SHA256()))), change
    )
    assert reasons(judge(forged)) == ("signature.algorithm_unknown",)


def self_signed(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "MẪU")])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at)
        .not_valid_after(at + timedelta(days=365))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.DER)


# --- document types and entities --------------------------------------------------------------------------------

LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 12))
DOCTYPES = {
    "empty": "<!DOCTYPE hồSơ>",
    "internal": "<!DOCTYPE hồSơ [<!ENTITY a 'b'>]>",
    "default attribute": "<!DOCTYPE hồSơ [<!ATTLIST hồSơ quyền CDATA 'cao'>]>",
    "external": "<!DOCTYPE hồSơ SYSTEM 'file:///etc/hostname'>",
    "public": "<!DOCTYPE hồSơ PUBLIC 'x' 'http://example.invalid/x.dtd'>",
    "external entity": "<!DOCTYPE hồSơ [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>",
    "parameter entity": "<!DOCTYPE hồSơ [<!ENTITY % a SYSTEM 'http://example.invalid/x'>]>",
    "notation": "<!DOCTYPE hồSơ [<!NOTATION n SYSTEM 'x'>]>",
    "laughs": f"<!DOCTYPE hồSơ [<!ENTITY l0 'ha'>{LAUGHS}]>",
    "identifier": "<!DOCTYPE hồSơ [<!ATTLIST phần Mã ID #IMPLIED>]>",
}


@pytest.mark.parametrize("name", DOCTYPES)
def test_a_document_type(judge, signed, name):
    root = bytes_of(xml_of(signed)).decode()
    found = judge((DOCTYPES[name] + root).encode())
    assert reasons(found) == ("signature.xml_document_type",)


@pytest.mark.parametrize(
    ("entity", "use"),
    [("<!ENTITY a SYSTEM 'file://%s'>", "&a;"), (f"<!ENTITY l0 'ha'>{LAUGHS}", "&l11;")],
    ids=["external", "laughs"],
)
def test_an_entity_in_use(judge, signed, tmp_path, entity, use):
    secret = tmp_path / "secret"
    secret.write_text("bí mật", encoding="utf-8")
    entity = entity % secret if "%s" in entity else entity
    root = etree.tostring(xml_of(signed), encoding="unicode").replace(">100<", f">{use}<")
    found = judge(f"<!DOCTYPE hồSơ [{entity}]>{root}".encode())
    assert found.outcome is Outcome.INDETERMINATE
    assert reasons(found)[0] in {"signature.xml_document_type", "signature.unreadable"}
    assert "bí mật" not in repr(found)


def test_a_comment_in_what_is_signed(judge, signed):
    found = judge(signed.replace("Nguyễn Thị Mẫu<".encode(), "Nguyễn<!-- --> Thị Mẫu<".encode()))
    assert reasons(found) == ("signature.xml_comment",)


def test_text_behind_the_signature(judge, signed):
    """The transform that leaves the signature out leaves out what follows it too; signxml cannot even read it again."""
    root = xml_of(signed)
    signature_of(root).tail = "và 100.000.000 đồng"
    report = judge(bytes_of(root))
    assert report.outcome is not Outcome.PASSED
    assert reasons(report) == ("signature.format",)


def test_an_inclusion_includes_nothing(judge, signed):
    """XInclude is no part of reading; the element stands there as itself, and the digest is another."""
    root = xml_of(signed)
    etree.SubElement(root, "{http://www.w3.org/2001/XInclude}include", href="file:///etc/hostname")
    assert reasons(judge(bytes_of(root))) == ("signature.digest_mismatch",)

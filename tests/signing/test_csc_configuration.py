"""What the operator writes about the signing interface, and the authorising side that comes of it."""

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sam_desk import ME, SERVICE_KEY, SESSION, A, SamDesk
from signing_pilot import CHEAP, EC

from ekyc.errors import InputError
from ekyc.signing.activation.remote import Caller
from ekyc.signing.activation.sad import ActivationMethod, ShownDocument
from ekyc.signing.csc import ClientRegister, CscClient, load_csc_configuration, open_remote_signing
from ekyc.signing.csc.assembly import open_time_services
from ekyc.signing.csc.clients import is_acceptable_address
from ekyc.signing.csc.records import pack, unpack
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.signatory import public_key_der_of
from ekyc.storage import StorageError

DIGEST = hashlib.sha256(b"secret").hexdigest()
WHOLE = f"""
schema = "ekyc.csc/1"
name = "Ký số của Tỉnh"
base_url = "https://sign.example"
login_url = "https://portal.example/sign"
portal_secret_sha256 = "{DIGEST}"

[signing]
sam = "sam.sock"
issuer = "portal"
issuer_keys = "portal"
relying_party = "portal.example"
origins = ["https://portal.example"]

[[client]]
id = "app"
name = "Ứng dụng"
secret_sha256 = "{DIGEST}"
redirect_uris = ["https://app.example/back"]
"""


def load(folder, text):
    (folder / "csc.toml").write_text(text)
    return load_csc_configuration(folder / "csc.toml")


def test_a_description_is_read(tmp_path):
    said = load(tmp_path, WHOLE)
    assert said.settings.issuer == "https://sign.example/csc"
    assert said.clients.authenticate("app", "secret").redirect_uris == ("https://app.example/back",)
    assert said.signing.socket == tmp_path / "sam.sock"
    assert said.signing.party.id == "portal.example"
    assert DIGEST not in repr(said)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ekyc.csc/1", "ekyc.csc/2"),
        ('name = "Ký số của Tỉnh"\n', ""),
        ('name = "Ký số của Tỉnh"\n', "name = 7\n"),
        ("https://sign.example", "http://sign.example"),
        ("https://sign.example", "https://sign.example/"),
        ("https://portal.example/sign", "javascript:alert(1)"),
        (DIGEST, "secret"),
        ('sam = "sam.sock"\n', ""),
        ("[signing]", "[signing]\nextra = 1"),
        ("[signing]", "[other]"),
        ("https://app.example/back", "http://app.example/back"),
        ("https://app.example/back", "https://app.example/back#x"),
        ('["https://app.example/back"]', "[7]"),
        ('["https://app.example/back"]', '"https://app.example/back"'),
        ("[[client]]", "[client]"),
        ('id = "app"', 'id = "a b"'),
        ("schema", "= schema"),
    ],
)
def test_a_description_with_a_mistake_is_refused(tmp_path, old, new):
    with pytest.raises(InputError) as caught:
        load(tmp_path, WHOLE.replace(old, new))
    assert caught.value.code == "csc.config"


TIME = """
[timestamp]
url = "http://tsa.example/tsr"
policies = ["1.2.3"]
trust = ["tsa.pem"]
"""


def test_whoever_gives_the_time_is_read(tmp_path):
    assert load(tmp_path, WHOLE).timestamp is None
    side = load(tmp_path, WHOLE + TIME).timestamp
    assert (side.url, side.policies) == ("http://tsa.example/tsr", ("1.2.3",))
    assert side.trust == (tmp_path / "tsa.pem",)
    for old, new in (("url", "uri"), ('["1.2.3"]', '"1.2.3"'), ("[timestamp]", "[[timestamp]]")):
        with pytest.raises(InputError) as caught:
            load(tmp_path, WHOLE + TIME.replace(old, new))
        assert caught.value.code == "csc.config"


def test_time_is_asked_for_only_where_somebody_is_named(tmp_path, authority):
    with open_time_services(load(tmp_path, WHOLE)) as services:
        assert services is None
    (tmp_path / "tsa.pem").write_bytes(pem(authority.signer.certificate_der))
    with open_time_services(load(tmp_path, WHOLE + TIME)) as services:
        assert services.material().certificates == (authority.signer.certificate_der,)
    for wrong in (TIME.replace("tsa.pem", "none.pem"), TIME.replace("http:", "file:")):
        with (
            pytest.raises(InputError),
            open_time_services(load(tmp_path, WHOLE + wrong)),
        ):
            pass


def pem(der):
    certificate = x509.load_der_x509_certificate(der)
    return certificate.public_bytes(Encoding.PEM)


def test_a_description_that_cannot_be_read(tmp_path):
    for content in (None, b"\xff", b" " * (1 << 20) + b"x = 1"):
        if content is not None:
            (tmp_path / "csc.toml").write_bytes(content)
        with pytest.raises(InputError):
            load_csc_configuration(tmp_path / "csc.toml")


def test_a_description_is_read_to_its_end_or_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        load(tmp_path, f"{WHOLE}\n{'# so' * (1 << 18)}\n[timestamp]\n")
    assert (caught.value.code, caught.value.subject) == ("csc.config", "csc.toml")


def test_two_clients_of_one_name_are_refused():
    client = CscClient(id="app", name="A", secret_digest=DIGEST)
    with pytest.raises(InputError):
        ClientRegister((client, client))


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("https://app.example/back?x=1", True),
        ("http://127.0.0.1:8080/back", True),
        ("http://localhost/back", True),
        ("http://[::1]/back", True),
        ("http://127.0.0.1.evil.example/", False),
        ("https://user@app.example/", False),
        ("https://app.example\\@evil.example/", False),
        ("https://app.example/a b", False),
        ("https://app.example/\u0111", False),
        ("https:///back", False),
        ("https://app.example:99999/", False),
        ("//app.example/", False),
        ("app:back", False),
        ("", False),
        ("https://app.example/" + "a" * 512, False),
    ],
)
def test_where_people_may_be_sent_back_to(address, fits):
    assert is_acceptable_address(address) is fits


def test_a_record_is_read_as_it_was_written():
    document = ShownDocument(title="Đơn", shown_digest="ab" * 32, to_be_signed=A)
    assert unpack(ShownDocument, pack(document)) == document


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"7", b"null", b"{", b'{"title": 1}', b'{"a":1,"b":2,"c":3}']
)
def test_what_is_no_record_is_refused(body):
    with pytest.raises(StorageError):
        unpack(ShownDocument, body)


def test_the_authorising_side_signs_through_the_process_of_keys(tmp_path):
    desk = SamDesk(tmp_path)
    keys = EmbeddedKeys.create(tmp_path / "portal", "của cổng", cost=CHEAP)
    desk.issuer_key = keys.generate("portal", EC)
    with desk.serving() as client:
        said = load(tmp_path, WHOLE.replace("sam.sock", str(client._path)))
        caller = Caller(holder=ME, session=SESSION)
        desk.verified()
        with open_remote_signing(
            said.signing,
            "của cổng",
            storage=desk.storage,
            service_key=SERVICE_KEY,
            clock=desk.clock,
        ) as signing:
            (name,) = signing.credential_ids(caller)
            info = signing.describe(caller, name)
            document = ShownDocument(title="Đơn", shown_digest=A.hex(), to_be_signed=A)
            proposal = signing.propose(
                caller, name, (document,), method=ActivationMethod.VERIFICATION
            )
            sad = signing.authorise(caller, proposal.token, None).sad
            (value,) = signing.sign(caller, name, sad=sad, hashes=(A,), algorithm=info.algorithm)
        verify_value(public_key_der_of(info.certificate_der), A, value)
    desk.close()

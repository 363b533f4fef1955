"""Keys in SoftHSM through PKCS#11, judged by openssl: what a real token would be asked to do."""

import hashlib
import importlib
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asn1crypto import keys, pem
from softhsm import PIN, TOKEN, install_python_pkcs11, make_token

from ekyc.errors import InputError, UpstreamError
from ekyc.signing.keys.algorithms import SignatureAlgorithm, verify_value
from ekyc.signing.keys.pkcs11 import MAX_SESSIONS, TokenKeys
from ekyc.signing.keys.port import KeyProtection

pytestmark = pytest.mark.system

MESSAGE = b"what is signed"
DIGEST = hashlib.sha256(MESSAGE).digest()
EC, RSA = SignatureAlgorithm.ECDSA_P256, SignatureAlgorithm.RSA_PSS_3072
PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    install_python_pkcs11(tmp_path_factory.mktemp("python-pkcs11"))
    with pytest.MonkeyPatch.context() as patch:
        yield make_token(tmp_path_factory.mktemp("softhsm"), patch)


@pytest.fixture(scope="module")
def made(module):
    """Both kinds of key, made in the token."""
    with TokenKeys(module, TOKEN, PIN) as token:
        return {kind: token.generate(f"made-{kind}", kind).public_key_der for kind in (EC, RSA)}


@pytest.fixture
def token(module, made):
    del made
    with TokenKeys(module, TOKEN, PIN) as opened:
        yield opened


def code_of(call, error=InputError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("algorithm", [EC, RSA])
class TestEachAlgorithm:
    def test_openssl_verifies_the_signature(self, token, algorithm, tmp_path):
        key = token.open(f"made-{algorithm}")
        (tmp_path / "message").write_bytes(MESSAGE)
        (tmp_path / "signature").write_bytes(key.sign_digest(DIGEST))
        (tmp_path / "key.pem").write_bytes(pem.armor("PUBLIC KEY", key.public_key_der))
        command = ["openssl", "dgst", "-sha256", *(PSS if algorithm is RSA else ())]
        command += ["-verify", "key.pem", "-signature", "signature", "message"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "Verified OK", done.stderr

    def test_a_key_stays_when_the_session_ends(self, token, made, algorithm):
        assert token.open(f"made-{algorithm}").public_key_der == made[algorithm]

    def test_a_one_shot_key_leaves_nothing_behind(self, token, module, algorithm):
        pkcs11 = importlib.import_module("pkcs11")

        def stored():
            session = pkcs11.lib(module).get_token(token_label=TOKEN).open()
            count = len(list(session.get_objects({pkcs11.Attribute.TOKEN: True})))
            session.close()
            return count

        before = stored()
        with token.one_shot(algorithm) as key:
            verify_value(key.public_key_der, DIGEST, key.sign_digest(DIGEST))
            assert stored() == before
        assert code_of(lambda: key.sign_digest(DIGEST)) == "signing.key.destroyed"
        assert stored() == before
        key.destroy()

    def test_names_are_used_once(self, token, algorithm):
        code = code_of(lambda: token.generate(f"made-{algorithm}", algorithm))
        assert code == "signing.key.exists"


def test_openssl_verifies_the_longest_salt(token, tmp_path):
    key = token.open(f"made-{RSA}")
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "signature").write_bytes(key.sign_long_salt(DIGEST))
    (tmp_path / "key.pem").write_bytes(pem.armor("PUBLIC KEY", key.public_key_der))
    options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:350"]
    command = ["openssl", "dgst", "-sha256", *options]
    command += ["-verify", "key.pem", "-signature", "signature", "message"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Verified OK", done.stderr


def test_it_says_what_it_protects_against(token):
    assert token.protection is KeyProtection.PKCS11
    assert PIN not in repr(token)


def test_the_key_is_looked_up_once_however_often_it_signs(token):
    key = token.open(f"made-{EC}")
    lane = token._lanes[0]

    class Blind:
        """The session without its search."""

        def __getattr__(self, name):
            assert name != "get_objects", "the token was searched again"
            return getattr(lane.session, name)

    key.sign_digest(DIGEST)
    session, lane.session = lane.session, Blind()
    for _ in range(5):
        key.sign_digest(DIGEST)
        assert token.open(f"made-{EC}") is key
    lane.session = session


def test_many_threads_sign_at_once_in_a_bounded_number_of_sessions(token):
    key, start = token.open(f"made-{EC}"), threading.Barrier(16)

    def work(number):
        digest = hashlib.sha256(bytes((number,))).digest()
        start.wait()
        for _ in range(20):
            verify_value(key.public_key_der, digest, key.sign_digest(digest))
        return number

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == list(range(16))
    assert len(token._lanes) <= MAX_SESSIONS


def test_a_session_lost_in_the_middle_is_a_typed_error_and_the_next_call_works(token):
    key = token.open(f"made-{EC}")
    key.sign_digest(DIGEST)
    for lane in token._lanes:
        lane.session.close()
    with pytest.raises(UpstreamError) as caught:
        key.sign_digest(DIGEST)
    assert caught.value.code == "signing.hsm.failed"
    assert caught.value.retryable
    verify_value(key.public_key_der, DIGEST, key.sign_digest(DIGEST))


def test_after_the_token_forgot_the_login_it_is_logged_in_again(token):
    key = token.open(f"made-{EC}")
    token._login.close()  # logs out every session of this process
    assert code_of(lambda: key.sign_digest(DIGEST), UpstreamError) == "signing.hsm.failed"
    verify_value(key.public_key_der, DIGEST, key.sign_digest(DIGEST))


def test_a_one_shot_key_does_not_survive_its_session(token):
    key = token.one_shot(EC)
    key._lane.session.close()
    assert code_of(lambda: key.sign_digest(DIGEST), UpstreamError) == "signing.hsm.failed"
    key.destroy()


def test_once_closed_no_key_of_the_store_signs(module, made):
    del made
    with TokenKeys(module, TOKEN, PIN) as opened:
        key, once = opened.open(f"made-{EC}"), opened.one_shot(EC)
    for closed in (key, once):
        with pytest.raises((InputError, UpstreamError)):
            closed.sign_digest(DIGEST)
    assert code_of(lambda: opened.open(f"made-{EC}")) == "signing.hsm.closed"
    once.destroy()


def test_a_session_that_was_given_up_is_never_touched_again(token):
    """A token may hand its number to another session, whose objects have the same numbers again."""
    once = token.one_shot(EC)
    once._lane.session.close()
    assert code_of(lambda: once.sign_digest(DIGEST), UpstreamError) == "signing.hsm.failed"

    class Reused:
        """What the old handle would now reach."""

        def sign(self, *args, **options):
            pytest.fail("another key signs")

        def destroy(self):
            pytest.fail("another key is destroyed")

    once._private = Reused()
    assert code_of(lambda: once.sign_digest(DIGEST), UpstreamError) == "signing.hsm.failed"
    once.destroy()


def test_a_key_that_the_token_would_give_out_is_refused(token):
    pkcs11 = importlib.import_module("pkcs11")

    session = token._lanes[0].session
    curve = {pkcs11.Attribute.EC_PARAMS: keys.NamedCurve("secp256r1").dump()}
    session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True).generate_keypair(
        store=True,
        label="loose",
        private_template={pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False},
    )
    assert code_of(lambda: token.open("loose")) == "signing.hsm.extractable"


def test_what_is_not_there_is_missing(token, module):
    assert code_of(lambda: token.open("nobody")) == "signing.key.missing"
    assert code_of(lambda: TokenKeys(module, "no such token", PIN)) == "signing.hsm.missing"
    assert code_of(lambda: TokenKeys("/no/library.so", TOKEN, PIN)) == "signing.hsm.missing"


def test_a_wrong_pin_is_refused(module, made):
    del made
    assert code_of(lambda: TokenKeys(module, TOKEN, "9999")) == "signing.hsm.pin"

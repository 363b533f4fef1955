"""Keys behind one port: each store signs what others can verify, keeps its secrets, and says what it is."""

import hashlib
import importlib.util
import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, TrustError, UpstreamError
from ekyc.signing.keys.algorithms import SignatureAlgorithm, algorithm_of, verify_value
from ekyc.signing.keys.keystore import DerivationCost, seal
from ekyc.signing.keys.pkcs11 import TokenKeys
from ekyc.signing.keys.port import KeyProtection, ProviderKey, sign_as
from ekyc.signing.keys.software import EmbeddedKeys, SoftwareKey

CHEAP = DerivationCost(iterations=1, lanes=1, memory_kib=8)
EC, RSA = SignatureAlgorithm.ECDSA_P256, SignatureAlgorithm.RSA_PSS_3072
MESSAGE = b"what is signed"
DIGEST = hashlib.sha256(MESSAGE).digest()


@pytest.fixture(scope="session")
def one_of_each():
    return {algorithm: SoftwareKey.generate(algorithm) for algorithm in (EC, RSA)}


@pytest.fixture
def store(tmp_path):
    return EmbeddedKeys.create(tmp_path, "mật khẩu", cost=CHEAP)


def code_of(call, error=InputError):
    with pytest.raises(error) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("algorithm", [EC, RSA])
class TestSoftwareKey:
    def test_its_signature_is_of_the_standard(self, one_of_each, algorithm):
        """Verified over the message by ``cryptography``, with parameters written out here."""
        key = one_of_each[algorithm]
        public = load_der_public_key(key.public_key_der)
        signature = key.sign_digest(DIGEST)
        if algorithm is EC:
            public.verify(signature, MESSAGE, ec.ECDSA(SHA256()))
        else:
            assert public.key_size == 3072
            public.verify(signature, MESSAGE, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())

    def test_a_signature_over_something_else_is_told(self, one_of_each, algorithm):
        key = one_of_each[algorithm]
        signature = key.sign_digest(DIGEST)
        verify_value(key.public_key_der, DIGEST, signature)
        for digest, value in ((bytes(32), signature), (DIGEST, signature[:-1]), (DIGEST, b"")):
            code = code_of(
                lambda d=digest, v=value: verify_value(key.public_key_der, d, v), TrustError
            )
            assert code == "signing.key.mismatch"

    @pytest.mark.parametrize("digest", [b"", bytes(20), bytes(31), bytes(33), bytes(64)])
    def test_only_a_sha256_is_signed(self, one_of_each, algorithm, digest):
        key = one_of_each[algorithm]
        assert code_of(lambda: key.sign_digest(digest)) == "signing.digest.length"

    def test_once_destroyed_it_signs_no_more(self, algorithm):
        with SoftwareKey.generate(algorithm) as key:
            key.sign_digest(DIGEST)
        key.destroy()
        assert code_of(lambda: key.sign_digest(DIGEST)) == "signing.key.destroyed"
        assert code_of(key.pkcs8_der) == "signing.key.destroyed"

    def test_it_never_shows_itself(self, one_of_each, algorithm):
        assert repr(one_of_each[algorithm]) == f"SoftwareKey({algorithm})"


@pytest.mark.parametrize(
    "key",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: rsa.generate_private_key(65537, 2048),
    ],
)
def test_keys_of_other_kinds_are_refused(key):
    made = key()
    public = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert code_of(lambda: algorithm_of(public)) == "signing.key.unsupported"
    with pytest.raises(TypeError):
        SoftwareKey.load(made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


@given(st.binary(max_size=200))
def test_junk_is_no_public_key(junk):
    assert code_of(lambda: algorithm_of(junk)) == "signing.key.unsupported"


class TestEmbeddedKeys:
    def test_says_that_it_is_no_hsm(self, store, tmp_path):
        store.generate("seal", EC)
        assert store.protection is KeyProtection.SOFTWARE
        assert "not an HSM" in repr(store)
        for file in tmp_path.iterdir():
            assert "not an HSM" in json.loads(file.read_bytes())["note"]

    @pytest.mark.parametrize("algorithm", [EC, RSA])
    def test_a_key_outlives_the_process(self, store, tmp_path, algorithm):
        made = store.generate("officer", algorithm)
        found = EmbeddedKeys.unlock(tmp_path, "mật khẩu").open("officer")
        assert found.algorithm is algorithm
        verify_value(made.public_key_der, DIGEST, found.sign_digest(DIGEST))

    def test_a_key_is_loaded_once(self, store, tmp_path):
        store.generate("officer", EC)
        opened = EmbeddedKeys.unlock(tmp_path, "mật khẩu")
        key = opened.open("officer")
        (tmp_path / "officer.key.json").unlink()
        assert opened.open("officer") is key

    def test_files_are_private_and_hold_no_plain_secret(self, store, tmp_path):
        secret = store.generate("officer", EC).pkcs8_der()
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert secret[40:60] not in file.read_bytes()

    def test_names_are_used_once(self, store):
        store.generate("officer", EC)
        assert code_of(lambda: store.generate("officer", EC)) == "signing.key.exists"

    def test_of_two_that_make_one_name_one_wins(self, store):
        start = threading.Barrier(6)

        def make(_):
            start.wait()
            try:
                return store.generate("officer", EC)
            except InputError as error:
                return error.code

        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(make, range(6)))
        assert results.count("signing.key.exists") == 5

    def test_what_is_not_there_is_missing(self, store):
        assert code_of(lambda: store.open("nobody")) == "signing.key.missing"

    @pytest.mark.parametrize(
        "label", ["", "../x", "A", "a/b", "a b", "a" * 65, ".a", "khoá", "a\n"]
    )
    def test_a_name_cannot_leave_the_folder(self, store, label):
        assert code_of(lambda: store.open(label)) == "signing.key.label"
        assert code_of(lambda: store.generate(label, EC)) == "signing.key.label"

    def test_a_file_renamed_is_not_another_key(self, store, tmp_path):
        store.generate("citizen", EC)
        (tmp_path / "citizen.key.json").rename(tmp_path / "director.key.json")
        assert code_of(lambda: store.open("director")) == "signing.keystore.invalid"

    def test_a_key_of_another_store_is_refused(self, store, tmp_path):
        other = EmbeddedKeys.create(tmp_path / "other", "mật khẩu", cost=CHEAP)
        other.generate("officer", EC)
        (tmp_path / "other" / "officer.key.json").rename(tmp_path / "officer.key.json")
        assert code_of(lambda: store.open("officer")) == "signing.keystore.invalid"

    @given(data=st.data())
    def test_no_changed_member_goes_unnoticed(self, data, tmp_path_factory):
        folder = tmp_path_factory.mktemp("keys")
        EmbeddedKeys.create(folder, "x", cost=CHEAP).generate("officer", EC)
        path = folder / "officer.key.json"
        members = json.loads(path.read_bytes())
        name = data.draw(st.sampled_from(sorted(members)))
        text = members[name]
        members[name] = data.draw(
            st.one_of(st.none(), st.integers(), st.text(max_size=8)).filter(lambda new: new != text)
        )
        path.write_text(json.dumps(members))
        fresh = EmbeddedKeys.unlock(folder, "x")
        assert code_of(lambda: fresh.open("officer")) == "signing.keystore.invalid"

    def test_a_wrong_passphrase_unlocks_nothing(self, store, tmp_path):
        del store
        code = code_of(lambda: EmbeddedKeys.unlock(tmp_path, "sai"))
        assert code == "signing.keystore.wrong_passphrase"

    @pytest.mark.parametrize("contents", [{}, {"master": "!"}, {"master": "YQ=="}])
    def test_a_master_key_of_another_form_is_refused(self, tmp_path, contents):
        (tmp_path / "master.json").write_bytes(seal(contents, "x", cost=CHEAP))
        assert code_of(lambda: EmbeddedKeys.unlock(tmp_path, "x")) == "signing.keystore.invalid"

    def test_a_one_shot_key_is_never_written(self, store, tmp_path):
        before = sorted(tmp_path.iterdir())
        with store.one_shot(EC) as key:
            verify_value(key.public_key_der, DIGEST, key.sign_digest(DIGEST))
        assert sorted(tmp_path.iterdir()) == before


class TestProviderKey:
    @pytest.mark.parametrize("algorithm", [EC, RSA])
    def test_signs_through_the_provider(self, one_of_each, algorithm):
        held = one_of_each[algorithm]
        key = ProviderKey(held.public_key_der, ask=held.sign_digest)
        verify_value(held.public_key_der, DIGEST, key.sign_digest(DIGEST))

    def test_an_answer_for_another_request_is_a_lie(self, one_of_each):
        held = one_of_each[EC]
        replayed = held.sign_digest(bytes(32))
        key = ProviderKey(held.public_key_der, ask=lambda _: replayed)
        assert code_of(lambda: key.sign_digest(DIGEST), UpstreamError) == "signing.provider.lied"

    @given(junk=st.binary(max_size=80))
    def test_junk_is_a_lie(self, one_of_each, junk):
        key = ProviderKey(one_of_each[EC].public_key_der, ask=lambda _: junk)
        assert code_of(lambda: key.sign_digest(DIGEST), UpstreamError) == "signing.provider.lied"


def test_without_the_library_the_extra_is_named():
    if importlib.util.find_spec("pkcs11") is not None:
        pytest.skip("python-pkcs11 is installed")
    with pytest.raises(InputError) as caught:
        TokenKeys("libsofthsm2.so", "token", "1234")
    assert caught.value.code == "signing.hsm.missing"
    assert "ekyc-vn[pkcs11]" in str(caught.value)


class TestLongSalt:
    """RSASSA-PSS with the longest salt, which pyHanko's client of remote signing asks for."""

    LONG = SignatureAlgorithm.RSA_PSS_3072_LONG_SALT

    def test_is_told_from_the_usual_salt(self, one_of_each):
        key = one_of_each[RSA]
        public = key.public_key_der
        long, usual = (sign_as(key, DIGEST, how) for how in (self.LONG, RSA))
        verify_value(public, DIGEST, long, algorithm=self.LONG)
        verify_value(public, DIGEST, usual)
        for value, how in ((long, RSA), (usual, self.LONG)):
            with pytest.raises(TrustError):
                verify_value(public, DIGEST, value, algorithm=how)

    def test_is_as_long_as_the_modulus_lets_it(self, one_of_each):
        """What another library takes for the longest, by its own reckoning."""
        public = load_der_public_key(one_of_each[RSA].public_key_der)
        padded = padding.PSS(
            padding.MGF1(SHA256()), padding.calculate_max_pss_salt_length(public, SHA256())
        )
        value = one_of_each[RSA].sign_long_salt(DIGEST)
        public.verify(value, MESSAGE, padded, SHA256())

    @pytest.mark.parametrize(("key", "how"), [(EC, LONG), (EC, RSA), (RSA, EC)])
    def test_a_key_signs_in_no_way_but_its_own(self, one_of_each, key, how):
        with pytest.raises(InputError) as caught:
            sign_as(one_of_each[key], DIGEST, how)
        assert caught.value.code == "signing.key.unsupported"

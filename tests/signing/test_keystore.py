"""Keys at rest: what goes in comes out, and nothing else opens, changes or overwrites the file."""

import base64
import json
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError, LimitError
from ekyc.signing.keys.keystore import DerivationCost, read_file, seal, unseal, write_new

CHEAP = DerivationCost(iterations=1, lanes=1, memory_kib=8)
CONTENTS = {"root.key": "c2VjcmV0", "note": "bí mật"}
texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)


@given(st.dictionaries(texts, texts, max_size=4), texts.filter(bool))
def test_what_was_sealed_is_unsealed(contents, passphrase):
    assert unseal(seal(contents, passphrase, cost=CHEAP), passphrase) == contents


def test_another_passphrase_is_told_by_a_typed_error():
    with pytest.raises(InputError) as caught:
        unseal(seal(CONTENTS, "đúng", cost=CHEAP), "sai")
    assert caught.value.code == "signing.keystore.wrong_passphrase"


def test_one_passphrase_in_two_unicode_forms_opens_the_same_file():
    sealed = seal(CONTENTS, "mật khẩu", cost=CHEAP)
    assert unseal(sealed, "mật khẩu".encode().decode()) == CONTENTS
    decomposed = "ma\u0323\u0302t kha\u0302\u0309u"
    assert unseal(seal(CONTENTS, decomposed, cost=CHEAP), "mật khẩu") == CONTENTS


@pytest.mark.parametrize("passphrase", ["", None])
def test_an_empty_passphrase_is_refused(passphrase):
    with pytest.raises(InputError) as caught:
        seal(CONTENTS, passphrase or "", cost=CHEAP)
    assert caught.value.code == "signing.keystore.passphrase_empty"


def test_the_same_contents_are_sealed_differently_each_time():
    assert seal(CONTENTS, "x", cost=CHEAP) != seal(CONTENTS, "x", cost=CHEAP)


def test_no_secret_stands_in_the_file():
    sealed = seal(CONTENTS, "x", cost=CHEAP)
    assert b"c2VjcmV0" not in sealed
    assert "not an HSM" in json.loads(sealed)["note"]


def test_default_cost_is_that_of_rfc_9106():
    assert DerivationCost() == DerivationCost(iterations=3, lanes=4, memory_kib=65536)


@given(st.data())
def test_no_changed_byte_of_the_ciphertext_or_header_goes_unnoticed(data):
    header = json.loads(seal(CONTENTS, "x", cost=CHEAP))
    part = data.draw(st.sampled_from(["ciphertext", "note", "nonce", "salt", "iterations"]))
    if part in {"nonce", "salt"}:
        holder = header["cipher"] if part == "nonce" else header["kdf"]
        raw = bytearray(base64.b64decode(holder[part]))
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        holder[part] = base64.b64encode(raw).decode()
    elif part == "ciphertext":
        raw = bytearray(base64.b64decode(header[part]))
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        header[part] = base64.b64encode(raw).decode()
    elif part == "note":
        header["note"] = "this is an HSM"
    else:
        header["kdf"]["iterations"] = 2
    with pytest.raises(InputError) as caught:
        unseal(json.dumps(header).encode(), "x")
    assert caught.value.code == "signing.keystore.wrong_passphrase"


@given(st.binary(max_size=200))
def test_any_other_bytes_are_no_keystore(junk):
    with pytest.raises(InputError) as caught:
        unseal(junk, "x")
    assert caught.value.code == "signing.keystore.invalid"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("format",), "other", "signing.keystore.invalid"),
        (("version",), 2, "signing.keystore.version"),
        (("kdf", "name"), "none", "signing.keystore.invalid"),
        (("kdf", "salt"), "AA==", "signing.keystore.invalid"),
        (("kdf", "salt"), 7, "signing.keystore.invalid"),
        (("kdf", "iterations"), "3", "signing.keystore.invalid"),
        (("kdf", "iterations"), True, "signing.keystore.invalid"),
        (("kdf", "memory_kib"), 1 << 40, "signing.keystore.cost"),
        (("kdf", "lanes"), 0, "signing.keystore.cost"),
        (("cipher", "nonce"), "AA==", "signing.keystore.invalid"),
        (("cipher",), [], "signing.keystore.invalid"),
        (("ciphertext",), "###", "signing.keystore.invalid"),
    ],
)
def test_a_hostile_header_is_refused_before_any_work(path, value, code):
    header = json.loads(seal(CONTENTS, "x", cost=CHEAP))
    holder = header
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    with pytest.raises(InputError) as caught:
        unseal(json.dumps(header).encode(), "x")
    assert caught.value.code == code


def test_deep_nesting_is_no_keystore():
    with pytest.raises(InputError):
        unseal(b"[" * 100_000, "x")


class TestFile:
    def test_only_the_owner_can_read_it(self, tmp_path):
        write_new(tmp_path / "keys.json", b"x")
        assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600

    def test_it_is_never_overwritten(self, tmp_path):
        write_new(tmp_path / "keys.json", b"first")
        with pytest.raises(InputError) as caught:
            write_new(tmp_path / "keys.json", b"second")
        assert caught.value.code == "signing.keystore.exists"
        assert (tmp_path / "keys.json").read_bytes() == b"first"

    def test_of_many_creators_one_wins_and_no_draft_is_left(self, tmp_path):
        outcomes = []

        def create(content):
            try:
                write_new(tmp_path / "keys.json", content)
                outcomes.append(content)
            except InputError as error:
                outcomes.append(error.code)

        threads = [threading.Thread(target=create, args=(b"%d" % n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count("signing.keystore.exists") == 7
        assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(InputError) as caught:
            read_file(tmp_path / "none.json")
        assert (caught.value.code, caught.value.subject) == (
            "signing.keystore.missing",
            "none.json",
        )

    def test_a_huge_file_is_not_read(self, tmp_path):
        with (tmp_path / "huge").open("wb") as file:
            file.truncate(1 << 34)
        with pytest.raises(LimitError):
            read_file(tmp_path / "huge")

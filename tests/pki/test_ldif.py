"""LDIF of the PKD: what is read, and that one bad entry never loses the file."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.pki.anchors import SourceKind
from ekyc.pki.ldif import looks_like_ldif, parse_ldif
from ekyc.pki.trust_files import parse_trust_file


def test_folded_values_comments_and_options():
    text = (
        b"# exported\n#  and folded\n comment\nversion: 1\n\n"
        b"dn: cn=A,o=ml,\n c=VN\nobjectClass: top\npkdMasterListContent:: AA\n EC\n Aw==\n\n\n"
        b"DN:: Y249Qg==\r\nuserCertificate;binary:: BQY=\r\ncn:< file:///etc/passwd\r\n"
    )
    first, second = parse_ldif(text)
    assert (first.name, first.values) == (
        "cn=A,o=ml,c=VN",
        (("pkdmasterlistcontent", b"\x00\x01\x02\x03"),),
    )
    assert (second.name, second.values) == ("cn=B", (("usercertificate", b"\x05\x06"),))
    assert first.line == 6


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"dn: a\nno colon here\n", 2),
        (b"dn: a\nx:: not base64!\n", 2),
        (b" folded from nothing\n", 1),
        (b"dn: a\nchangetype: delete\n", 2),
        (b"dn: a\n" + b"x:: AA==\n" * 65, 66),
    ],
)
def test_a_broken_line_is_named(text, line):
    with pytest.raises(InputError, match=f"line {line}:") as caught:
        list(parse_ldif(text))
    assert caught.value.code == "trust.ldif_malformed"


def test_what_looks_like_ldif():
    assert looks_like_ldif(b"\xef\xbb\xbf# c\n\nversion: 1\n")
    assert looks_like_ldif(b"DN: cn=A\n")
    for other in (b"", b"# only a comment\n", b"\x30\x82\x01\x00", b"hello: world\n"):
        assert not looks_like_ldif(other)


@given(st.binary(max_size=300))
def test_noise_is_entries_or_a_typed_error(noise):
    with suppress(InputError):
        list(parse_ldif(b"dn: a\n" + noise))


@pytest.fixture(scope="module")
def state(make, now):
    csca, lister, signer = make.party("CSCA"), make.party("Lister"), make.party("DS")
    root = make.issue(csca, csca, ca=True)
    listing = make.issue(lister, csca, ca=False, purposes=("2.23.136.1.1.3",))
    return {
        "root": root.encoded,
        "list": make.master_list(lister, listing, root),
        "signer": make.issue(signer, csca, ca=False).encoded,
        "authority": make.issue(signer, csca, ca=True).encoded,
        "crl": make.crl(csca),
    }


@pytest.fixture
def read(make, state):
    """``read((branch, attribute, key or bytes), …)``: what the directory holds."""

    def run(*entries):
        written = make.ldif(
            *(
                (f"cn=X,o={branch},c=VN", attribute, state.get(value, value))
                for branch, attribute, value in entries
            )
        )
        return parse_trust_file(written, name="pkd.ldif").found

    return run


def test_every_kind_of_entry(read):
    found = read(
        ("ml", "pkdMasterListContent", "list"),
        ("ml", "CscaMasterListData", "list"),
        ("csca", "cACertificate;binary", "root"),
        ("dsc", "userCertificate;binary", "signer"),
        ("crl", "certificateRevocationList;binary", "crl"),
    )
    assert found.kind is SourceKind.PKD_LDIF
    assert [listed_by is None for _, listed_by in found.certificates] == [False, False, True]
    assert (len(found.signers), len(found.crls), found.refused) == (1, 1, 0)


def test_only_its_place_in_the_directory_makes_an_authority(read):
    """A certificate in the branch of document signers that says it may issue others would vouch for anybody."""
    assert read(("dsc", "userCertificate;binary", "authority")).certificates == ()
    assert len(read(("csca", "userCertificate;binary", "authority")).certificates) == 1


DEFECTS = {
    "a master list that was changed": ("ml", "pkdMasterListContent", "changed list"),
    "a master list that is none": ("ml", "pkdMasterListContent", b"\x30\x00"),
    "a certificate cut short": ("csca", "cACertificate;binary", b"\x30\x82\x01\x00\x30"),
    "a signer that is noise": ("dsc", "userCertificate;binary", b"noise"),
    "a revocation list that is a certificate": ("crl", "certificateRevocationList", "root"),
}


@pytest.mark.parametrize("entry", DEFECTS.values(), ids=DEFECTS)
def test_one_bad_entry_is_named_and_loses_nothing_else(read, state, entry):
    changed = bytearray(state["list"])
    changed[changed.index(state["root"]) + 40] ^= 1
    branch, attribute, value = entry
    value = bytes(changed) if value == "changed list" else value
    found = read((branch, attribute, value), ("csca", "cACertificate;binary", "root"))
    assert len(found.certificates) == 1
    (refusal,) = found.refusals
    assert found.refused == 1
    assert refusal.place == f"line 3, cn=X,o={branch},c=VN"
    assert refusal.code


def test_what_is_refused_is_counted_but_not_listed_without_end(read):
    found = read(*[("dsc", "userCertificate;binary", b"noise")] * 150)
    assert (found.refused, len(found.refusals)) == (150, 100)

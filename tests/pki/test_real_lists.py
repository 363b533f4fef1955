"""Both genuine master lists in one trust folder, and every genuine document against it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest
from asn1crypto import cms as asn1_cms

from ekyc.errors import InputError, TrustError
from ekyc.pki import (
    ChainFlaw,
    ChainVerdict,
    TrustDatabase,
    TrustStore,
    der,
    inspect_chain,
    parse_certificate,
    parse_signed_data,
    verify_master_list,
)
from ekyc.pki.anchors import Anchor
from ekyc.pki.keys import EcPublicKey, parse_public_key
from ekyc.pki.passive_auth import inspect_signature, inspect_signer_chain
from ekyc.pki.path import verify_issued_by

pytestmark = pytest.mark.shared_data

AT = datetime(2026, 6, 15, tzinfo=UTC)
GERMAN = "chip/masterlists/DE_ML_2026-05-28-08-28-45.ml"
DUTCH = "chip/masterlists/NL_ML_2025-07-29.ml"
ROOTS_BESIDE = {"ID"}

# What a file is expected to give is not listed here but read off it, so that a new one in the folder is held to the same:
# its name says the state; SOURCES.md beside it says which were damaged on purpose; an independent reader says whether
# SHA-1 was used, which counts only where the operator allows it. All others must chain.


@pytest.fixture(scope="module")
def folder(shared_data, tmp_path_factory):
    database = TrustDatabase.create(tmp_path_factory.mktemp("trust") / "trust")
    database.import_files([shared_data / GERMAN, shared_data / DUTCH], at=AT)
    return database.folder


@pytest.fixture(scope="module")
def trust(folder):
    return TrustStore.load([folder])


@pytest.fixture(scope="module")
def documents(shared_data):
    """Every real EF.SOD and EF.CardSecurity, whatever their number: name without suffix → CMS."""
    found = {}
    for path in sorted((shared_data / "chip/sods").glob("*.bin")):
        data = path.read_bytes()
        start = der.read_element(data, 0, len(data) + 2).content if data[0] == 0x77 else 0
        found[path.stem] = data[start:]
    assert len(found) >= 13
    return found


@pytest.fixture(scope="module")
def damaged(shared_data):
    """Names of the files that the collection itself calls damaged."""
    text = (shared_data / "chip/SOURCES.md").read_text(encoding="utf-8")
    names = set(re.findall(r"\w+", re.search(r"Damaged on purpose: ([^.]+)\.", text)[1]))
    assert len(names) >= 3
    return names


@pytest.fixture(scope="module")
def with_roots(shared_data, folder):
    """Both lists, and the single authorities beside them: Indonesia's older ones stand in neither list."""
    return TrustStore.load([folder, *sorted((shared_data / "chip/csca").glob("*.cer"))])


def relies_on_sha1(cms):
    """By ``asn1crypto``: the digest of the content, of the signature, or of the signer's certificate."""
    signed = asn1_cms.ContentInfo.load(cms)["content"]
    (info,) = signed["signer_infos"]
    certificate = signed["certificates"][0].chosen
    names = [info["digest_algorithm"]["algorithm"].native]
    for algorithm in (info["signature_algorithm"], certificate["signature_algorithm"]):
        try:
            names.append(algorithm.hash_algo)
        except ValueError:  # the identifier names only the key
            continue
    return "sha1" in names


def country_of_name(name):
    return re.search(r"_([A-Z]{2})_\d+$", name)[1]


def verdict(cms, trust, *, legacy):
    try:
        signed = parse_signed_data(cms)
    except InputError:
        return ChainVerdict.FAILED
    signature = inspect_signature(signed, trust=trust, legacy=legacy)
    return inspect_signer_chain(signature, trust=trust, at=AT, legacy=legacy).chain.verdict


def test_genuine_documents_chain_and_damaged_ones_are_refused(
    documents, trust, with_roots, damaged
):
    chained = 0
    for name, cms in documents.items():
        modern = verdict(cms, trust, legacy=False)
        lenient = verdict(cms, trust, legacy=True)
        if name in damaged:
            assert (modern, lenient) == (ChainVerdict.FAILED, ChainVerdict.FAILED), name
            continue
        if country_of_name(name) in ROOTS_BESIDE and lenient is ChainVerdict.NO_ANCHOR:
            modern = verdict(cms, with_roots, legacy=False)
            lenient = verdict(cms, with_roots, legacy=True)
        expected = ChainVerdict.NO_ANCHOR if relies_on_sha1(cms) else ChainVerdict.CHAINED
        assert (modern, lenient) == (expected, ChainVerdict.CHAINED), name
        chained += 1
    assert chained >= 10


def test_each_document_chains_to_its_own_state(documents, with_roots, damaged):
    for name in documents.keys() - damaged:
        signature = inspect_signature(
            parse_signed_data(documents[name]), trust=with_roots, legacy=True
        )
        chain = inspect_signer_chain(signature, trust=with_roots, at=AT, legacy=True).chain
        assert chain.anchor.certificate.subject.country == country_of_name(name), name


def test_the_second_time_gives_the_same_verdicts_from_memory(documents, folder):
    fresh = TrustStore.load([folder])
    first = {name: verdict(cms, fresh, legacy=True) for name, cms in documents.items()}
    assert len(fresh.verdicts) >= 9
    assert {name: verdict(cms, fresh, legacy=True) for name, cms in documents.items()} == first


def test_every_key_of_both_lists_is_usable(trust):
    kinds = Counter()
    for anchor in trust.anchors:
        key = parse_public_key(anchor.certificate.public_key)
        kinds["ec" if isinstance(key, EcPublicKey) else "rsa"] += 1
    assert kinds == {"rsa": 458, "ec": 175}
    assert len(trust) == 633


def test_the_number_of_consistent_certificates(trust):
    """626 of 633 verify under an issuer of the lists; research counted 614 of 627 within one list at a time."""
    consistent = sum(
        any(verifies(anchor.certificate, issuer) for issuer in trust.issuers_of(anchor.certificate))
        for anchor in trust.anchors
    )
    assert consistent == 626


def verifies(certificate, issuer):
    try:
        verify_issued_by(certificate, issuer.certificate)
    except (InputError, TrustError):
        return False
    return True


def test_both_signers_of_the_lists_chain_and_are_meant_for_lists(shared_data, trust):
    for name in (GERMAN, DUTCH):
        listed = verify_master_list((shared_data / name).read_bytes())
        purpose = "2.23.136.1.1.3"
        assert listed.signer.purposes == {purpose}
        chain = inspect_chain(
            listed.signer, trust, at=AT, signing_time=listed.signed_at, purpose=purpose
        )
        assert chain.verdict is ChainVerdict.CHAINED
        as_document = inspect_chain(listed.signer, trust, at=AT, signing_time=listed.signed_at)
        assert as_document.flaws == (ChainFlaw.NOT_A_SIGNER,)


def test_no_real_certificate_has_a_critical_extension_that_we_do_not_understand(trust, documents):
    strange = [a.certificate.fingerprint for a in trust.anchors if a.certificate.unknown_critical]
    assert strange == []


def test_anchors_that_both_list_name_both(trust, shared_data):
    both = [anchor for anchor in trust.anchors if len(anchor.provenance) == 2]
    assert len(both) == 349
    assert {tuple(r.listed_by[:2] for r in anchor.provenance) for anchor in both} == {("DE", "NL")}


def test_a_directory_holds_the_same_as_the_lists_in_it(shared_data, tmp_path, make, trust):
    """The PKD publishes master lists inside LDIF."""
    (tmp_path / "pkd.ldif").write_bytes(
        make.ldif(
            *(
                (f"cn=1,o=ml,c={c}", "pkdMasterListContent", (shared_data / n).read_bytes())
                for c, n in (("DE", GERMAN), ("NL", DUTCH))
            )
        )
    )
    assert TrustStore.load([tmp_path / "pkd.ldif"]).version == trust.version


def test_indonesian_link_certificates_lead_up_to_the_old_roots(shared_data):
    """ICAO 9303-12 §7.1: each new key is signed by the one before it."""
    folder = shared_data / "chip/csca"
    certificates = {p.stem: parse_certificate(p.read_bytes()) for p in folder.glob("20*.cer")}
    links = {name: c for name, c in certificates.items() if name.endswith("_LINK")}
    assert len(links) == 2
    for link in links.values():
        assert not link.self_issued or link.authority_key_identifier != link.subject_key_identifier
        issuers = [
            name
            for name, certificate in certificates.items()
            if verifies(link, Anchor(certificate=certificate, source=name))
        ]
        assert issuers


def test_the_cms_reader_agrees_with_an_independent_one(documents, shared_data):
    """``asn1crypto`` on every real SignedData, New Zealand's indefinite lengths among them."""
    indefinite = 0
    material = [*documents.values(), *((shared_data / n).read_bytes() for n in (GERMAN, DUTCH))]
    for cms in material:
        try:
            ours = parse_signed_data(cms)
        except InputError:
            continue
        indefinite += cms[1] == 0x80
        theirs = asn1_cms.ContentInfo.load(cms)["content"]
        (info,) = theirs["signer_infos"]
        (signer,) = ours.signers
        assert ours.content == bytes(theirs["encap_content_info"]["content"])
        assert ours.content_type == theirs["encap_content_info"]["content_type"].dotted
        assert [c.encoded for c in ours.certificates] == [
            choice.chosen.dump() for choice in theirs["certificates"]
        ]
        assert signer.signature == info["signature"].native
        assert signer.signed_attributes[1:] == info["signed_attrs"].dump()[1:]
        assert signer.signature_algorithm == info["signature_algorithm"].dump()
        assert signer.digest == info["digest_algorithm"]["algorithm"].native
        if signer.serial_number is not None:
            assert signer.serial_number == info["sid"].chosen["serial_number"].native
    assert indefinite >= 1

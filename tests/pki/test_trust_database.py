"""The trust folder: what is imported stays with its reason, what is removed stays out, and the index is only a cache."""

import stat
from datetime import timedelta

import pytest

from ekyc.errors import InputError, TrustError
from ekyc.pki import ChainVerdict, SourceKind, TrustDatabase, TrustStore, inspect_chain
from ekyc.pki import trust_database as module


class State:
    def __init__(self, make):
        self.csca, self.lister = make.party("CSCA"), make.party("Lister")
        self.root = make.issue(self.csca, self.csca, ca=True)
        self.listing = make.issue(self.lister, self.csca, ca=False, purposes=("2.23.136.1.1.3",))
        self.signer = make.issue(make.party("DS"), self.csca, ca=False)
        self.others = [make.issue(p, p, ca=True) for p in (make.party("B"), make.party("C"))]

    def files(self, make, folder, now):
        """One file of each kind."""
        contents = {
            "root.cer": self.root.encoded,
            "list.ml": make.master_list(self.lister, self.listing, self.root, *self.others),
            "revoked.crl": make.crl(
                self.csca, (self.signer.serial_number, now - timedelta(days=5), None)
            ),
            "pkd.ldif": make.ldif(
                ("cn=B,o=dsc,c=VN", "userCertificate;binary", self.signer.encoded),
                ("cn=C,o=dsc,c=VN", "userCertificate;binary", b"noise"),
            ),
        }
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        return {name: folder / name for name in contents}


@pytest.fixture(scope="module")
def state(make):
    return State(make)


@pytest.fixture
def given(state, make, now, tmp_path):
    return state.files(make, tmp_path / "given", now)


@pytest.fixture
def database(tmp_path):
    return TrustDatabase.create(tmp_path / "trust")


def load(database):
    return TrustStore.load([database.folder])


def test_every_anchor_keeps_its_reasons(database, given, state, now):
    database.import_files([given["root.cer"]], at=now)
    database.import_files([given["list.ml"]], at=now + timedelta(days=1))
    by_name = {a.certificate.subject.common_name: a for a in load(database).anchors}
    assert len(by_name) == 3
    first, second = by_name["CSCA"].provenance
    assert (first.source, first.kind, first.listed_by, first.added_at) == (
        "root.cer",
        SourceKind.CERTIFICATES,
        None,
        now,
    )
    assert (second.source, second.kind) == ("list.ml", SourceKind.MASTER_LIST)
    assert second.listed_by == f"VN {state.listing.fingerprint}"
    assert second.added_at == now + timedelta(days=1)
    assert {s.sha256 for s in database.sources} == {first.sha256, second.sha256}


def test_the_order_of_files_plays_no_role(database, given, state, now):
    files = [given["revoked.crl"], given["pkd.ldif"], given["list.ml"]]
    crl, ldif, listed = database.import_files(files, at=now)
    assert (crl.crls, ldif.signers, ldif.refused) == (1, 1, 1)
    assert (listed.anchors, listed.new_anchors) == (3, 3)
    trust = load(database)
    assert inspect_chain(state.signer, trust, at=now).verdict is ChainVerdict.FAILED


def test_the_folder_and_its_files_say_the_same(database, given, state, now):
    database.import_files(list(given.values()), at=now)
    from_folder, from_files = load(database), TrustStore.load(given.values())
    assert from_folder.version == from_files.version
    assert {e.fingerprint for e in from_folder.entries} == {
        e.fingerprint for e in from_files.entries
    }
    for anchor in from_folder.anchors:
        assert from_files.find(anchor.certificate)


def test_files_are_held_against_the_anchors_of_a_folder(database, given, state, now):
    database.import_files([given["list.ml"]], at=now)
    with pytest.raises(TrustError):
        TrustStore.load([given["revoked.crl"]])
    trust = TrustStore.load([database.folder, given["revoked.crl"]])
    assert inspect_chain(state.signer, trust, at=now).verdict is ChainVerdict.FAILED


def test_all_or_none(database, given, now):
    with pytest.raises(TrustError) as caught:
        database.import_files([given["pkd.ldif"], given["revoked.crl"]], at=now)
    assert (caught.value.code, caught.value.subject) == ("pki.crl_no_authority", "revoked.crl")
    bad = given["root.cer"].with_name("bad.cer")
    bad.write_bytes(b"noise")
    with pytest.raises(InputError):
        database.import_files([given["root.cer"], bad], at=now)
    assert (database.sources, len(load(database))) == ((), 0)
    assert list((database.folder / "files").iterdir()) == []


def test_the_same_file_twice(database, given, now):
    database.import_files([given["list.ml"]], at=now)
    before = load(database).version
    (again,) = database.import_files([given["list.ml"]], at=now)
    assert (again.already_there, again.new_anchors) == (True, 0)
    assert (len(database.sources), load(database).version) == (1, before)


def test_the_version_tells_of_every_import_and_removal(database, given, state, now):
    versions = [load(database).version]
    for name in ("root.cer", "list.ml", "revoked.crl"):
        database.import_files([given[name]], at=now)
        versions.append(load(database).version)
    database.remove(state.others[0].fingerprint, at=now)
    versions.append(load(database).version)
    assert len(set(versions)) == len(versions)


class TestRemoval:
    def test_a_removed_anchor_stays_out_of_later_lists(self, database, given, state, now, make):
        database.import_files([given["list.ml"]], at=now)
        gone = database.remove(state.root.fingerprint[:8].upper(), at=now)
        assert (gone.what, gone.name, gone.anchors_left) == ("anchor", "VN, CSCA", 2)
        renewed = given["list.ml"].with_name("newer.ml")
        renewed.write_bytes(make.master_list(state.lister, state.listing, state.root))
        (imported,) = database.import_files([renewed], at=now)
        assert (imported.anchors, imported.new_anchors) == (0, 0)
        assert load(database).find(state.root) is None

    def test_but_the_certificate_itself_brings_it_back(self, database, given, state, now):
        database.import_files([given["list.ml"], given["root.cer"]], at=now)
        database.remove(state.root.fingerprint, at=now)
        assert load(database).find(state.root) is None
        database.import_files([given["root.cer"]], at=now)
        assert load(database).find(state.root)
        assert database.removed == ()

    def test_a_file_goes_with_what_only_it_brought(self, database, given, state, now):
        _, listed = database.import_files([given["root.cer"], given["list.ml"]], at=now)
        gone = database.remove(listed.source.sha256[:12], at=now)
        assert (gone.what, gone.name, gone.anchors_left) == ("source", "list.ml", 1)
        assert load(database).find(state.root)
        assert not (database.folder / "files" / listed.source.sha256).exists()

    def test_without_its_authority_a_revocation_list_plays_no_part(
        self, database, given, state, now
    ):
        database.import_files([given["root.cer"], given["revoked.crl"]], at=now)
        assert len(load(database).crls) == 1
        database.remove(state.root.fingerprint, at=now)
        assert load(database).crls == ()
        assert [r.code for _, r in database.index().refusals] == ["pki.crl_no_authority"]

    @pytest.mark.parametrize("fingerprint", ["", "00000000", "zz", "6"])
    def test_nothing_has_this_fingerprint(self, database, given, now, fingerprint):
        database.import_files([given["list.ml"]], at=now)
        with pytest.raises(InputError) as caught:
            database.remove(fingerprint, at=now)
        assert caught.value.code == "trust.not_found"


class TestIndex:
    def test_no_certificate_is_parsed_to_open_it(self, database, given, now, monkeypatch):
        database.import_files(list(given.values()), at=now)
        monkeypatch.setattr(module, "parse_trust_file", None)
        monkeypatch.setattr("ekyc.pki.anchors.parse_certificate", None)
        assert len(load(database)) == 3

    @pytest.mark.parametrize("damage", ["missing", "empty", "changed", "cut", "of another folder"])
    def test_a_wrong_index_is_made_anew(self, database, given, state, now, tmp_path, damage):
        database.import_files([given["root.cer"]], at=now)
        other = TrustDatabase.create(tmp_path / "other")
        other.import_files([given["list.ml"]], at=now)
        index = database.folder / "index"
        good = index.read_bytes()
        if damage == "missing":
            index.unlink()
        else:
            changed = bytearray(good)
            changed[-10] ^= 1
            index.write_bytes(
                {
                    "empty": b"",
                    "changed": bytes(changed),
                    "cut": good[:-1],
                    "of another folder": (other.folder / "index").read_bytes(),
                }[damage]
            )
        assert [a.certificate for a in load(database).anchors] == [state.root]
        assert index.read_bytes() == good

    def test_an_altered_file_is_noticed_when_the_index_is_made(self, database, given, now):
        (imported,) = database.import_files([given["root.cer"]], at=now)
        path = database.folder / "files" / imported.source.sha256
        path.write_bytes(path.read_bytes() + b"\x00")
        (database.folder / "index").unlink()
        with pytest.raises(InputError) as caught:
            load(database)
        assert (caught.value.code, caught.value.subject) == ("trust.folder_damaged", "root.cer")


class TestFolder:
    def test_only_its_owner_reads_it(self, database, given, now):
        database.import_files([given["root.cer"]], at=now)
        assert stat.S_IMODE(database.folder.stat().st_mode) == 0o700

    def test_another_folder_is_no_trust_folder(self, tmp_path, given):
        with pytest.raises(InputError) as caught:
            TrustStore.load([given["root.cer"].parent])
        assert caught.value.code == "trust.not_a_trust_folder"
        with pytest.raises(InputError):
            TrustDatabase.create(given["root.cer"].parent)

    @pytest.mark.parametrize(
        "content", [b"", b"{}", b"[]", b'{"format": 2}', b'{"format": 1, "sources": [{}]}']
    )
    def test_a_damaged_list_of_sources(self, database, content):
        (database.folder / "sources.json").write_bytes(content)
        with pytest.raises(InputError) as caught:
            load(database)
        assert caught.value.code == "trust.folder_damaged"

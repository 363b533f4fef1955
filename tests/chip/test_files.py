import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip import ChipFiles, ElementaryFile
from ekyc.chip.files import MAX_TOTAL_BYTES, file_of_name
from ekyc.errors import InputError, LimitError


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("EF.SOD", "EF.SOD"),
        ("EF.SOD.bin", "EF.SOD"),
        ("SOD", "EF.SOD"),
        ("EF_SOD.bin", "EF.SOD"),
        ("ef_sod.BIN", "EF.SOD"),
        ("ef011D.bin", "EF.SOD"),
        ("ef011E.bin", "EF.COM"),
        ("EF_COM.bin", "EF.COM"),
        ("COM", "EF.COM"),
        ("DG1", "EF.DG1"),
        ("DG01.bin", "EF.DG1"),
        ("EF.DG1", "EF.DG1"),
        ("EF_DG1.BIN", "EF.DG1"),
        ("Datagroup1.bin", "EF.DG1"),
        ("ef0101.bin", "EF.DG1"),
        ("ef010F.bin", "EF.DG15"),
        ("dg16.dat", "EF.DG16"),
        ("EF.CardSecurity", "EF.CardSecurity"),
        ("CardAccess.bin", "EF.CardAccess"),
        ("011C", "EF.CardAccess"),
        ("dg0", None),
        ("dg17", None),
        ("DG1.txt", None),
        ("case.toml", None),
        ("aa-signature.bin", None),
        ("README", None),
        ("", None),
        ("..", None),
    ],
)
def test_names(name, file):
    assert file_of_name(name) == file


@given(st.text(max_size=30))
def test_any_name_is_a_file_or_none(name):
    found = file_of_name(name)
    assert found is None or found in ElementaryFile


def test_folder_takes_known_names_and_leaves_the_rest(tmp_path):
    for name in ("EF_SOD.bin", "DG01.bin", "notes.txt", "aa-signature.bin"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "DG2").mkdir()
    files = ChipFiles.from_folder(tmp_path)
    assert set(files.names) == {"EF.SOD", "EF.DG1"}
    assert files.get(ElementaryFile.DG1) == b"DG01.bin"
    assert dict(files.data_groups) == {1: b"DG01.bin"}


def test_same_file_twice(tmp_path):
    for name in ("DG1", "DG01.bin"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        ChipFiles.from_folder(tmp_path)
    assert caught.value.code == "chip.file_twice"


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_no_folder_or_nothing_in_it(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        ChipFiles.from_folder(tmp_path / name)
    assert caught.value.code in {"chip.folder_missing", "chip.folder_empty"}


@pytest.mark.parametrize(
    ("name", "size"), [("DG1", 1024), ("DG2", 128 * 1024), ("SOD", 32 * 1024), ("COM", 1024)]
)
def test_each_file_is_bounded(tmp_path, name, size):
    ChipFiles.from_mapping({name: bytes(size)})
    with pytest.raises(LimitError) as caught:
        ChipFiles.from_mapping({name: bytes(size + 1)})
    assert (caught.value.code, caught.value.subject) == ("chip.file_too_large", name)
    (tmp_path / name).write_bytes(bytes(size + 1))
    with pytest.raises(LimitError):
        ChipFiles.from_folder(tmp_path)


def test_all_files_together_are_bounded():
    each = 120 * 1024
    count = MAX_TOTAL_BYTES // each + 1
    with pytest.raises(LimitError) as caught:
        ChipFiles.from_mapping({f"DG{n}": bytes(each) for n in range(2, 2 + count)})
    assert caught.value.code == "chip.files_too_large"


def test_unknown_name_in_a_mapping():
    with pytest.raises(InputError) as caught:
        ChipFiles.from_mapping({"DG99": b""})
    assert caught.value.subject == "DG99"


def test_copies_leave_the_original_alone(tmp_path):
    files = ChipFiles.from_mapping({"DG1": b"a", "DG2": b"b"})
    assert files.with_file(ElementaryFile.DG1, b"c").get(ElementaryFile.DG1) == b"c"
    assert files.without(ElementaryFile.DG2).names == ("EF.DG1",)
    assert dict(files.items()) == {"EF.DG1": b"a", "EF.DG2": b"b"}
    files.write_to(tmp_path / "new")
    assert ChipFiles.from_folder(tmp_path / "new") == files


def test_repr_shows_sizes_only():
    assert repr(ChipFiles.from_mapping({"DG1": b"secret"})) == "ChipFiles(EF.DG1: 6 B)"

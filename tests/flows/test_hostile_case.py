"""Case folders made to crash, stall or mislead the one who loads them."""

import pytest

from ekyc.errors import InputError
from ekyc.flows import load_case

HEAD = 'schema = "ekyc.case/1"\nprofile = "identity"\n'


def code_of(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "case.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_case(folder)
    return caught.value.code


def test_a_number_of_thousands_of_digits(tmp_path):
    assert code_of(tmp_path, HEAD + "x = " + "1" * 5000) == "case.invalid"


@pytest.mark.parametrize(
    "part", ["a.", '"a".', "'a' . ", '"\\"".'], ids=["bare", "quoted", "literal", "escaped"]
)
def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed(tmp_path, part):
    (tmp_path / "case.toml").write_text(HEAD + part * (60_000 // len(part)) + "b = 1")
    with pytest.raises(InputError, match="too many parts") as caught:
        load_case(tmp_path)
    assert caught.value.code == "case.invalid"


@pytest.mark.parametrize(
    "before",
    ["x = {a = '''\n#''', ", 'x = {a = """\n#""", ', "x = {a = '''\n\"''', ", 'x = {a = "\'", '],
    ids=["literal", "basic", "quotation mark", "apostrophe"],
)
@pytest.mark.parametrize("part", ["a.", "'a' . ", '"#".'])
def test_no_string_before_a_key_of_thousands_of_parts_hides_it(tmp_path, before, part):
    text = HEAD + before + part * (60_000 // len(part)) + "b = 1}"
    (tmp_path / "case.toml").write_text(text)
    with pytest.raises(InputError, match="too many parts"):
        load_case(tmp_path)


@pytest.mark.parametrize("text", ["a.b" * 16, "…" * 99, "............" * 9, "a. b! " * 99])
def test_points_in_a_remark_are_no_key_parts(tmp_path, text):
    assert code_of(tmp_path, f"# {text}\n{HEAD}[card]\nfront = 'none.jpg'") == "case.file_missing"


def test_points_in_file_names_are_no_key_parts(tmp_path):
    names = [f"face/a.b.c.{i}.jpg" for i in range(40)]
    assert code_of(tmp_path, HEAD + f"[face]\nframes = {names}  # one. two.") == "case.file_missing"


def test_a_name_longer_than_the_file_system_allows(tmp_path):
    text = HEAD + '[card]\nfront = "' + "é" * 200 + '"'
    assert code_of(tmp_path, text) == "case.file_unreadable"


def test_a_folder_name_longer_than_the_file_system_allows(tmp_path):
    with pytest.raises(InputError) as caught:
        load_case(tmp_path / ("a" * 5000))
    assert caught.value.code == "case.missing"
    assert len(caught.value.subject) < 300


def test_links_in_a_circle(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    code = code_of(tmp_path, HEAD + '[card]\nfront = "a/front.jpg"')
    assert code in {"case.file_unreadable", "case.file_missing"}  # by version of Python


def test_a_chip_file_that_leads_outside_is_refused(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"secret")
    chip = tmp_path / "case/chip"
    chip.mkdir(parents=True)
    (chip / "EF.DG2").symlink_to(tmp_path / "elsewhere")
    assert code_of(tmp_path / "case", HEAD + '[chip]\nfolder = "chip"') == "case.path"

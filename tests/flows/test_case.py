"""Loading a case: what is right comes in whole, and everything wrong is named."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import EkycError, InputError, LimitError
from ekyc.flows import Case, CaseFile, CaseLimits, load_case, require_case, write_case_template

HEAD = 'schema = "ekyc.case/1"\nprofile = "identity"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "card").mkdir()
    (tmp_path / "card/front.jpg").write_bytes(b"front")
    (tmp_path / "case.toml").write_text(HEAD + '[card]\nfront = "card/front.jpg"\n')
    return tmp_path


def fault_of(looked_at, folder, **options):
    """What is wrong with a case, or ``None``."""
    try:
        looked_at(folder, **options)
    except EkycError as error:
        return error.code, error.subject, type(error)
    return None


def code_of(folder, **options):
    """Of what is wrong, which is found without reading pictures and papers too."""
    fault = fault_of(load_case, folder, **options)
    assert fault == fault_of(require_case, folder, **options)
    assert issubclass(fault[2], InputError)
    return fault[0]


def test_files_come_in_undecoded_and_named(folder):
    case = load_case(folder)
    assert case.card_front == CaseFile(name="card/front.jpg", data=b"front")
    assert (case.profile_id, case.sample, case.chip, case.face_frames) == (
        "identity",
        False,
        None,
        (),
    )


def test_no_such_folder(tmp_path):
    assert code_of(tmp_path / "nowhere") == "case.missing"


def test_no_case_toml(tmp_path):
    assert code_of(tmp_path) == "case.missing"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema =",
        'schema = "ekyc.case/2"\nprofile = "identity"',
        'schema = "ekyc.case/1"',
        HEAD + "unknown = 1",
        HEAD + '[card]\nfront = "card/front.jpg"\nside = "x"',
        HEAD + '[card]\nfront = ""',
        HEAD + "[card]\nfront = 7",
        HEAD + '[card]\nfront = "../outside.jpg"',
        HEAD + '[card]\nfront = "/etc/passwd"',
        HEAD + '[card]\nfront = "card\\\\front.jpg"',
        HEAD + "[face]\nframes = []",
        HEAD + f"[face]\nframes = {['x.jpg'] * 61}",
        HEAD + '[documents]\noriginal = ["a.jpg"]',
        'schema = "ekyc.case/1"\nprofile = "../demo"',
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_a_wrong_manifest_is_named(folder, text):
    (folder / "case.toml").write_text(text, encoding="utf-8")
    assert code_of(folder) == "case.invalid"


def test_the_message_of_a_wrong_manifest_repeats_no_value(folder):
    (folder / "case.toml").write_text(HEAD + '[card]\nfront = "../079185001234.jpg"')
    with pytest.raises(InputError) as caught:
        load_case(folder)
    assert "079185001234" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.subject == "case.toml: card.front"


@pytest.mark.parametrize("name", ["079185001234", '"Nguyễn Văn An"'])
def test_of_what_is_no_toml_the_message_tells_the_place_alone(folder, name):
    (folder / "case.toml").write_text(f"[{name}]\na = 1\n[{name}]\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_case(folder)
    assert caught.value.message.startswith("not valid TOML (at line 3, column ")
    assert name.strip('"') not in caught.value.message


def test_deeply_nested_toml_is_refused(folder):
    (folder / "case.toml").write_text(HEAD + "x = " + "[" * 20000)
    assert code_of(folder) == "case.invalid"


def test_a_missing_file_is_named(folder):
    (folder / "card/front.jpg").unlink()
    with pytest.raises(InputError) as caught:
        load_case(folder)
    assert (caught.value.code, caught.value.subject) == ("case.file_missing", "card/front.jpg")


def test_a_link_that_leads_outside_is_refused(folder, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_bytes(b"secret")
    (folder / "card/front.jpg").unlink()
    (folder / "card/front.jpg").symlink_to(secret)
    assert code_of(folder) == "case.path"


def test_a_fifo_does_not_hang_the_worker(folder):
    (folder / "card/front.jpg").unlink()
    os.mkfifo(folder / "card/front.jpg")
    assert code_of(folder) == "case.file_missing"


@pytest.mark.parametrize("limits", [CaseLimits(file_bytes=4), CaseLimits(total_bytes=4)])
def test_an_oversized_file_is_refused_before_it_is_read(folder, limits):
    fault = fault_of(load_case, folder, limits=limits)
    assert fault == ("case.too_large", "card/front.jpg", LimitError)
    assert fault == fault_of(require_case, folder, limits=limits)


def test_an_oversized_manifest_is_refused(folder):
    (folder / "case.toml").write_text("#" * 70_000)
    assert code_of(folder) == "case.too_large"


def test_the_template_is_valid_but_for_the_files_it_names(tmp_path):
    write_case_template(tmp_path / "new")
    assert code_of(tmp_path / "new") != "case.invalid"


def test_the_template_never_overwrites(folder):
    before = (folder / "case.toml").read_text()
    with pytest.raises(InputError) as caught:
        write_case_template(folder)
    assert caught.value.code == "case.exists"
    assert (folder / "case.toml").read_text() == before


def test_a_case_shows_no_content():
    case = Case(
        profile_id="identity",
        active_authentication_signature=b"signature",
        card_front=CaseFile(name="front.jpg", data=b"content"),
    )
    assert "content" not in repr(case)
    assert "signature'" not in repr(case)


files = st.lists(st.binary(max_size=8), max_size=3).map(
    lambda contents: tuple(CaseFile(name=f"{i}", data=data) for i, data in enumerate(contents))
)


@given(files, files, files, files)
def test_the_digest_tells_contents_and_roles_apart(a, b, c, d):
    def digest(frames, copies):
        return Case(profile_id="p", face_frames=frames, copy_pages=copies).digest()

    contents = [[f.data for f in part] for part in (a, b, c, d)]
    same = contents[0] == contents[2] and contents[1] == contents[3]
    assert (digest(a, b) == digest(c, d)) is same


@given(st.binary(max_size=400))
def test_any_manifest_gives_a_case_or_a_typed_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("case")
    (folder / "case.toml").write_bytes(data)
    fault = fault_of(load_case, folder)
    assert fault is None or fault[0].startswith("case.")
    assert fault == fault_of(require_case, folder)


WHOLE = {
    "chip/EF.SOD": b"sod",
    "chip/aa.bin": b"aa",
    "chip/ca.bin": b"ca",
    "card/front.jpg": b"front",
    "card/back.jpg": b"back",
    "face/1.jpg": b"face",
    "original.pdf": b"original",
    "copy.pdf": b"copy",
}
ALL_PARTS = f"""{HEAD}
chip = {{ folder = "chip", active_authentication = {{ signature = "chip/aa.bin" }}, chip_authentication = {{ response = "chip/ca.bin" }} }}
card = {{ front = "card/front.jpg", back = "card/back.jpg" }}
face = {{ frames = ["face/1.jpg"] }}
documents = {{ original = ["original.pdf"], copy = ["copy.pdf"] }}
"""


@pytest.mark.parametrize("missing", [None, *WHOLE])
def test_each_file_that_is_named_is_looked_for(tmp_path, missing):
    for name, data in {"case.toml": ALL_PARTS.encode(), **WHOLE}.items():
        if name != missing:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(data)
    fault = fault_of(load_case, tmp_path)
    assert (fault is None) == (missing is None)
    assert fault == fault_of(require_case, tmp_path)

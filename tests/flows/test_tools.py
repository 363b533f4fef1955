"""Single tools over the real rooms: what they say of one citizen's invented papers, and of bad ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import bad_papers
import bad_pdfs
import pytest
from credential_desk import LIST, NOW, Registry
from result_office import Office, accepted

from ekyc.api.tools import schemas
from ekyc.api.v1.views import check_as_resource
from ekyc.chip import ElementaryFile
from ekyc.chip.sim import SimulatedIssuer
from ekyc.errors import InputError
from ekyc.flows import issue_result
from ekyc.flows.tools import PICTURE_BYTES, Presented, RoomTools, ToolFile
from ekyc.liveness import Assurance
from ekyc.outcomes import Outcome, check_as_json
from ekyc.pki import TrustStore
from ekyc.samples import SampleCitizen
from ekyc.signing.validation.anchors import Anchor
from ekyc.testing import FixedClock

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def tools(honest, trust):
    return RoomTools(honest.verifier.rooms, chip_trust=trust)


@pytest.fixture(scope="module")
def card(tools, honest):
    both = files(honest.folder, "card/front.jpg", "card/back.jpg")
    return described(schemas.CardReadingModel, tools.read_card(*both))


def files(folder, *names):
    return tuple(ToolFile(name=Path(name).stem, content=folder / name) for name in names)


def frames(folder, count=5):
    return files(folder, *(f"face/frame-{number}.jpg" for number in range(1, count + 1)))


def chip_files(folder, *wanted):
    return {
        file: ToolFile(name=file.value.lower(), content=folder / "chip" / f"{file.value}.bin")
        for file in wanted
    }


@pytest.fixture
def kept(tmp_path):
    def keep(content, name="file"):
        path = tmp_path / f"{hashlib.sha256(content).hexdigest()}.bin"
        path.write_bytes(content)
        return ToolFile(name=name, content=path)

    return keep


def checks(finding):
    return {check.id: check.outcome.value for check in finding.checks}


def resource(finding, check_id):
    [check] = [check for check in finding.checks if check.id == check_id]
    return as_resource(check, finding)


def as_resource(check, finding):
    return check_as_resource(
        check_as_json(check), required=True, evidence_sha256=None, models=dict(finding.models)
    )


def described(model, finding):
    """Hold an answer to what the OpenAPI document says of it, no member more and none less."""
    body = {"outcome": finding.outcome.value, "files": {}, **finding.facts}
    body["checks"] = [as_resource(check, finding) for check in finding.checks]
    model.model_validate_json(json.dumps(body))
    return finding


def test_a_card_is_read_from_print_zone_and_code(card):
    citizen = SampleCitizen.default()
    values = {field["name"]: field["value"] for field in card.facts["fields"]}

    assert card.outcome is Outcome.PASSED
    assert values["personal_number"] == citizen.personal_number
    assert values["full_name"].upper() == citizen.full_name.upper()
    assert card.facts["mrz"]["optional_1"][:12] == citizen.personal_number
    assert card.facts["qr"]["full_name"].upper() == citizen.full_name
    assert {item["verdict"] for item in card.facts["cross_check"]} <= {"EQUAL", "ABSENT"}
    assert citizen.personal_number not in repr(card)


def test_numbers_that_passed_lie_on_the_side_that_is_told(card):
    read = resource(card, "card.read")
    told = {number["name"]: number for number in read["breakdown"]}

    assert told["glare"]["value"] <= told["glare"]["threshold"]
    assert told["sharpness"]["value"] >= told["sharpness"]["threshold"]
    assert read["direction"] == "at_least"  # sharpness stands first
    assert {model["id"] for model in read["models"]} == {model for model, _ in card.models}
    assert read["models"]


def test_one_side_of_a_card_does_not_pass(tools, honest):
    finding = tools.read_card(*files(honest.folder, "card/front.jpg"), None)

    assert checks(finding)["card.mrz"] == "NOT_PERFORMED"
    assert finding.outcome is not Outcome.PASSED


def test_a_card_photographed_into_the_light_says_what_is_wrong(tools, kept):
    finding = tools.read_card(kept(bad_papers.encoded(blank(), "JPEG")), None)

    assert finding.outcome is Outcome.INDETERMINATE
    assert finding.checks[0].reasons[0] == "card.no_text"


def blank():
    from PIL import Image

    return Image.new("RGB", (1200, 800), "white")


def test_a_paper_is_read_with_kind_and_fields(tools, honest):
    finding = tools.read_document(files(honest.folder, "documents/original-1.jpg"))

    described(schemas.DocumentReadingModel, finding)
    assert finding.outcome is Outcome.PASSED
    assert finding.facts["kind"] != "unknown"
    assert {field["standing"] for field in finding.facts["fields"]}
    assert finding.facts["pages"][0]["lines"]


def test_a_copy_is_compared_for_programs_and_for_people(tools, honest):
    original = files(honest.folder, "documents/original-1.jpg")
    copy = files(honest.folder, "documents/copy-1.jpg")
    finding = tools.compare_copy(original, copy, with_page=True)

    described(schemas.CopyComparisonModel, finding)
    assert finding.outcome is Outcome.PASSED
    assert finding.facts["differences"] == []
    assert finding.page is not None
    assert "<script" not in finding.page
    assert tools.compare_copy(original, original, with_page=False).page is None


def test_another_paper_is_no_copy(tools, honest):
    original = files(honest.folder, "documents/original-1.jpg")
    other = files(honest.folder, "card/back.jpg")
    finding = tools.compare_copy(original, other, with_page=False)
    assert described(schemas.CopyComparisonModel, finding).outcome is not Outcome.PASSED


def test_two_pictures_of_one_face_match_with_a_score_that_explains_itself(tools, honest):
    [portrait] = files(honest.folder, "face/frame-1.jpg")
    finding = tools.compare_faces(portrait, frames(honest.folder, 2))
    told = resource(described(schemas.FaceComparisonModel, finding), "face.match")

    assert finding.outcome is Outcome.PASSED
    assert finding.facts["portrait"] == {"source": "picture", "proven": False}
    assert told["score"] >= told["threshold"] == finding.facts["thresholds"]["accept_at"]
    assert told["direction"] == "at_least"
    assert "sface-2021dec" in {model["id"] for model in told["models"]}


def test_a_chip_that_is_vouched_for_proves_its_portrait(tools, honest):
    chip = chip_files(honest.folder, ElementaryFile.SOD, ElementaryFile.DG2)
    finding = tools.compare_with_chip(chip, frames(honest.folder))

    assert checks(finding) == {"face.match": "PASSED"}
    assert finding.facts["portrait"] == {"source": "chip", "proven": True}


def test_a_chip_of_an_issuer_that_nobody_trusts_proves_nothing(honest):
    stranger = SimulatedIssuer.create()
    trust = TrustStore.from_certificates([stranger.csca_certificate_der], source="test")
    tools = RoomTools(honest.verifier.rooms, chip_trust=trust)
    chip = chip_files(honest.folder, ElementaryFile.SOD, ElementaryFile.DG2)
    finding = tools.compare_with_chip(chip, frames(honest.folder, 1))

    assert finding.outcome is Outcome.INDETERMINATE
    assert finding.checks[0].reasons[-1] == "case.portrait_unproven"
    assert finding.facts["cosine"] > 0.479
    assert not finding.facts["portrait"]["proven"]


def test_a_portrait_that_was_exchanged_fails(tools, honest, kept):
    chip = chip_files(honest.folder, ElementaryFile.SOD, ElementaryFile.DG2)
    altered = bytearray(chip[ElementaryFile.DG2].read())
    altered[-40] ^= 1
    finding = tools.compare_with_chip(
        chip | {ElementaryFile.DG2: kept(bytes(altered))}, frames(honest.folder, 1)
    )

    assert finding.outcome is Outcome.FAILED
    described(schemas.FaceComparisonModel, finding)
    assert checks(finding)["chip.hashes"] == "FAILED"
    assert finding.facts["cosine"] is None


def test_frames_are_examined_and_one_alone_shows_no_life(tools, honest):
    many = tools.inspect_liveness(frames(honest.folder), Assurance.SUBSTANTIAL)
    one = tools.inspect_liveness(frames(honest.folder, 1), Assurance.SUBSTANTIAL)

    described(schemas.LivenessInspectionModel, many)
    assert list(checks(many)) == ["liveness.passive", "liveness.frames"]
    assert resource(many, "liveness.passive")["score"] is not None
    assert list(checks(one)) == ["liveness.passive"]
    assert one.outcome is not Outcome.PASSED


def test_a_frame_given_five_times_is_no_capture(tools, honest):
    finding = tools.inspect_liveness(frames(honest.folder, 1) * 5, Assurance.SUBSTANTIAL)
    assert finding.outcome is not Outcome.PASSED


@pytest.mark.parametrize("name", bad_papers.refused())
def test_bad_papers_are_refused_by_name_and_the_next_is_read(tools, kept, name):
    content, code = bad_papers.refused()[name]
    with pytest.raises(InputError) as caught:
        tools.read_document([kept(content, "pages/0")])
    assert (caught.value.code, caught.value.subject) == (code, "pages/0")


def test_a_picture_beyond_ten_megabytes_is_refused(tools, kept):
    with pytest.raises(InputError) as caught:
        tools.read_card(kept(b"\xff\xd8\xff" + bytes(PICTURE_BYTES), "front"), None)
    assert (caught.value.code, caught.value.subject) == ("image.too_many_bytes", "front")


def test_a_signed_file_is_validated_by_the_anchors_of_the_operator(honest, kept, tmp_path_factory):
    clock = FixedClock()
    office = Office(tmp_path_factory.mktemp("office"))
    pdf = issue_result(accepted(clock, "identity", sample=False), office.authority)
    anchors = tuple(Anchor(certificate=der) for der in office.pilot.anchors)
    believing = RoomTools(
        honest.verifier.rooms, chip_trust=TrustStore(), anchors=anchors, clock=clock
    )
    finding = believing.validate_signatures(kept(pdf), None)
    office.pilot.close()

    described(schemas.SignatureValidationModel, finding)
    assert finding.outcome is Outcome.PASSED
    doubting = RoomTools(honest.verifier.rooms, chip_trust=TrustStore(), clock=clock)
    doubted = doubting.validate_signatures(kept(pdf), None)
    assert doubted.outcome is Outcome.INDETERMINATE
    assert doubted.facts["signatures"][0]["integrity"] == "INTACT"


@pytest.mark.parametrize("name", bad_pdfs.bombs())
def test_pdf_bombs_pass_no_validation(tools, kept, name):
    finding = tools.validate_signatures(kept(bad_pdfs.bombs()[name]), None)
    assert finding.outcome is not Outcome.PASSED


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b'{"signatures":' + b"[" * 100_000,
        b"<a>" * 100_000,
        b"PK\x03\x04",
        b"\x30\x84\xff\xff\xff\xff",
    ],
    ids=["empty", "text", "json", "xml", "zip", "der"],
)
def test_what_is_not_signed_passes_no_validation(tools, kept, content):
    assert tools.validate_signatures(kept(content), None).outcome is not Outcome.PASSED


class BelievedRegistry:
    """An in-memory ResultTrust over one registry."""

    def __init__(self, registry, *, status=0):
        self.registry = registry
        self.status = status
        self.asked = []

    def anchor(self):
        return self.registry.anchor()

    def status_lists(self, uri):
        self.asked.append(uri)
        return (self.registry.statuses(self.status),) if uri == LIST else ()


def of_results(honest, results):
    return RoomTools(
        honest.verifier.rooms, chip_trust=TrustStore(), results=results, clock=FixedClock(NOW)
    )


def test_a_code_is_held_against_the_lists_of_this_service(honest, kept):
    registry = Registry()
    believed = BelievedRegistry(registry)
    code = kept(registry.qr().encode())
    finding = of_results(honest, believed).verify_result(code, ())

    described(schemas.ResultVerificationModel, finding)
    assert finding.outcome is Outcome.PASSED
    assert finding.facts["result"]["schema"] == "birth-extract"
    assert believed.asked == [LIST]

    revoked = of_results(honest, BelievedRegistry(registry, status=1)).verify_result(code, ())
    assert revoked.outcome is Outcome.FAILED


def test_lists_that_the_caller_has_count_as_well(honest, kept):
    registry = Registry()
    believed = BelievedRegistry(registry)
    believed.status_lists = lambda _: ()
    code, listed = kept(registry.qr().encode()), kept(registry.statuses())

    assert of_results(honest, believed).verify_result(code, ()).outcome is Outcome.NOT_PERFORMED
    assert of_results(honest, believed).verify_result(code, (listed,)).outcome is Outcome.PASSED


def test_a_code_of_an_unknown_key_states_nothing(honest, kept):
    registry = Registry()
    code = kept(registry.qr(signer=Registry().signer).encode())
    finding = of_results(honest, BelievedRegistry(registry)).verify_result(code, ())

    described(schemas.ResultVerificationModel, finding)
    assert finding.outcome is Outcome.INDETERMINATE
    assert finding.facts["result"] is None


def test_nonsense_presented_by_a_wallet_is_answered(honest):
    shown = Presented(text="a~b~c", audience="https://cong.mau.vn", nonce="n")
    finding = of_results(honest, BelievedRegistry(Registry())).verify_result(shown, ())
    assert finding.outcome is Outcome.FAILED


def test_without_a_trust_list_no_result_is_judged(tools, kept):
    with pytest.raises(InputError) as caught:
        tools.verify_result(kept(b"EKYC1:x"), ())
    assert caught.value.code == "credential.not_published"

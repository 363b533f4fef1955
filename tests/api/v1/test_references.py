"""The portal's reference of a dossier, and offices, lie in clear: the number of a person is refused there."""

import pytest

NUMBER = "079185001234"


def require_refusal(answer, pointer):
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, "personal_number")
    assert NUMBER not in answer.text


@pytest.mark.parametrize("reference", [NUMBER, f"HS-{NUMBER}", f"{NUMBER}/2026"])
def test_the_number_of_a_person_is_refused(talk, reference):
    async def conversation(desk):
        made = await desk.post("/v1/dossiers", json={"procedure": "identity", "reference": "HS-1"})
        place, etag = f"/v1/dossiers/{made.json()['id']}", made.headers["etag"]
        wanted = {"procedure": "identity", "reference": reference}
        for answer in (
            await desk.post("/v1/dossiers", json=wanted),
            await desk.patch(place, json={"reference": reference}, headers={"If-Match": etag}),
        ):
            require_refusal(answer, "/body/reference")

    talk(conversation)


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/v1/dossiers", {"procedure": "identity"}),
        ("/v1/sessions", {"procedure": "identity"}),
        ("/v1/data-subject-requests", {"kind": "access"}),
        ("/v1/protections", {"order": "12/2026"}),
    ],
)
def test_nor_is_it_an_office(talk, path, members):
    async def conversation(desk):
        answer = await desk.post(path, json=members | {"office": NUMBER}, caller="supervisor")
        require_refusal(answer, "/body/office")

    talk(conversation)


@pytest.mark.parametrize("reference", ["H29.12-261122-0001", "0791850012345", "179185001234"])
def test_other_references_are_kept(talk, reference):
    async def conversation(desk):
        wanted = {"procedure": "identity", "reference": reference}
        made = await desk.post("/v1/dossiers", json=wanted)
        assert made.json()["reference"] == reference

    talk(conversation)

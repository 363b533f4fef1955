"""What was submitted is kept sealed for those who must look, and gone for good when it is redacted."""

from __future__ import annotations

import base64
import hashlib
from pathlib import PurePosixPath

import pytest

from ekyc.api.v1.keeping import kind_of
from ekyc.ports import SystemRandom
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey

KEY = ServiceKey(bytes(32))
CASE_OF_ANOTHER = b'schema = "ekyc.case/1"\nprofile = "another"\n'
SECRET = b"an unmistakable picture of Nguyen Van An"


@pytest.fixture
def vault(storage, tmp_path):
    keys = FileKeyProvider(tmp_path / "keys", SystemRandom())
    return storage.vault(keys, FileBlobStore(tmp_path / "blobs", SystemRandom()))


async def with_picture(desk):
    place = await desk.session(review_only=True)
    parts = [
        ("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n')),
        ("file", ("card/front.jpg", SECRET)),
        ("file", ("Nguyễn Văn An.jpg", b"x")),
    ]
    done = await desk.post(f"{place}/submissions", files=parts, headers={"Prefer": "wait=20"})
    assert done.json()["state"] == "needs_review", done.text
    return place, done.headers["etag"]


def test_an_officer_sees_what_was_submitted(talk, vault):
    async def conversation(desk):
        place, _ = await with_picture(desk)
        listed = await desk.get(f"{place}/artefacts", caller="officer")
        front = next(one for one in listed.json()["data"] if one["kind"] == "card-front")
        return listed, await desk.get(f"{place}/artefacts/{front['id']}", caller="officer")

    listed, content = talk(conversation, vault=vault)
    assert sorted(one["kind"] for one in listed.json()["data"]) == ["card-front", "case", "file"]
    assert "Nguyễn" not in listed.text
    assert content.content == SECRET
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["content-disposition"] == "attachment"
    digest = base64.b64encode(hashlib.sha256(SECRET).digest()).decode()
    assert content.headers["content-digest"] == f"sha-256=:{digest}:"


@pytest.mark.parametrize(
    ("caller", "status"),
    [("stranger", 404), ("foreign", 404), ("hanoi", 404), ("auditor", 403), ("citizen", 403)],
)
def test_nobody_else_does(talk, vault, caller, status):
    async def conversation(desk):
        place, _ = await with_picture(desk)
        one = (await desk.get(f"{place}/artefacts")).json()["data"][0]["id"]
        return [
            await desk.get(f"{place}/artefacts", caller=caller),
            await desk.get(f"{place}/artefacts/{one}", caller=caller),
        ]

    assert [response.status_code for response in talk(conversation, vault=vault)] == [status] * 2


def test_a_file_is_reached_through_its_own_session_only(talk, vault):
    async def conversation(desk):
        place, _ = await with_picture(desk)
        other = await desk.session()
        one = (await desk.get(f"{place}/artefacts")).json()["data"][0]["id"]
        return await desk.get(f"{other}/artefacts/{one}")

    response = talk(conversation, vault=vault)
    assert response.status_code == 404
    assert response.json()["code"] == "artefact.unknown"


def test_redaction_leaves_nothing_to_read(talk, vault, tmp_path):
    async def conversation(desk):
        place, etag = await with_picture(desk)
        early = await desk.post(f"{place}/redact")
        one = (await desk.get(f"{place}/artefacts")).json()["data"][0]["id"]
        await desk.decide(place, "approved", caller="officer", etag=etag)
        done = await desk.post(f"{place}/redact", key="same")
        again = await desk.post(f"{place}/redact", key="same")
        return early, done, again, await desk.get(f"{place}/artefacts/{one}")

    early, done, again, content = talk(conversation, vault=vault)
    assert early.status_code == 409
    assert done.json()["state"] == "redacted"
    assert again.headers["idempotency-replayed"] == "true"
    assert content.status_code == 410
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert SECRET not in file.read_bytes(), file.name


def test_a_refused_redaction_destroys_nothing(talk, vault):
    async def conversation(desk):
        place, etag = await with_picture(desk)
        one = (await desk.get(f"{place}/artefacts")).json()["data"][0]["id"]
        await desk.decide(place, "approved", caller="officer", etag=etag)
        refused = await desk.http.post(f"{place}/redact", headers={"X-Caller": "portal"})
        return refused, await desk.get(f"{place}/artefacts/{one}")

    refused, content = talk(conversation, vault=vault)
    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency.missing")
    assert content.status_code == 200


def test_nobody_destroys_the_evidence_about_themselves(talk, vault):
    async def conversation(desk):
        place = await desk.session(caller="citizen")
        assert (await desk.submit(place, caller="citizen")).json()["final"] is True
        refused = await desk.post(f"{place}/redact", caller="citizen")
        return refused, await desk.get(f"{place}/artefacts", caller="portal")

    refused, listed = talk(conversation, vault=vault)
    assert (refused.status_code, refused.json()["code"]) == (403, "access.denied")
    assert len(listed.json()["data"]) == 2


def test_what_is_not_accepted_is_not_kept(talk, vault, tmp_path):
    """Sealed first, then refused: the session was called off, or the procedure is another one."""

    async def conversation(desk):
        place = await desk.session()
        other = await desk.submit(place, case=CASE_OF_ANOTHER)
        await desk.post(f"{place}/cancel")
        late = await desk.submit(place)
        return other, late, await desk.get(f"{place}/artefacts")

    other, late, listed = talk(conversation, vault=vault)
    assert (other.status_code, other.json()["code"]) == (422, "session.other_procedure")
    assert (late.status_code, late.json()["code"]) == (409, "session.state")
    assert listed.json()["data"] == []
    assert not any(file.is_file() for file in (tmp_path / "blobs").rglob("*"))


def test_kept_files_lie_sealed(talk, vault, tmp_path):
    talk(with_picture, vault=vault)

    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 4
    for file in files:
        assert SECRET not in file.read_bytes(), file.name
        assert "Nguyễn".encode() not in file.read_bytes(), file.name


def test_without_a_vault_nothing_is_kept(talk, tmp_path):
    async def conversation(desk):
        place, _ = await with_picture(desk)
        return await desk.get(f"{place}/artefacts")

    assert talk(conversation).json()["data"] == []
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert SECRET not in file.read_bytes()


def test_what_cannot_be_kept_is_not_accepted(talk, vault, verifier, tmp_path):
    (tmp_path / "blobs").write_bytes(b"a file where the folder should be")

    async def conversation(desk):
        place = await desk.session()
        return await desk.submit(place), await desk.get(place)

    refused, seen = talk(conversation, vault=vault)
    assert refused.status_code >= 500
    assert seen.json()["state"] == "created"
    assert seen.json()["attempts"]["made"] == 0
    assert verifier.folders == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("case.toml", ("case", "evidence")),
        ("chip/EF.SOD", ("chip-sod", "evidence")),
        ("chip/EF.DG13", ("chip-dg13", "evidence")),
        ("chip/Nguyen.bin", ("chip", "evidence")),
        ("card/front.jpg", ("card-front", "media")),
        ("card/Nguyen.jpg", ("card", "media")),
        ("face/1.jpg", ("face", "media")),
        ("nguyen-van-an.jpg", ("file", "media")),
        ("nguyen/1.jpg", ("file", "media")),
    ],
)
def test_a_kind_is_of_a_closed_set_of_words(path, kind):
    assert kind_of(PurePosixPath(path)) == kind

"""Blobs in a bucket: signatures by the published examples, and a bucket that behaves, or does not."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from s3_server import BUCKET, REGION, SECRET, Bucket

from ekyc.errors import EkycError, InputError
from ekyc.ports import SystemRandom
from ekyc.storage import FileKeyProvider, RetentionPolicy
from ekyc.storage.sealed.s3_blobs import S3BlobStore, S3Settings, open_s3_blobs
from ekyc.storage.sealed.s3_signature import S3Credentials, sign

EMPTY = hashlib.sha256(b"").hexdigest()
PREFIX = "tenants/blobs/"
TOML = f"""
[s3]
endpoint = "https://s3.mau.vn"
region = "{REGION}"
bucket = "{BUCKET}"
prefix = "{PREFIX}"
access_key_variable = "S3_ACCESS"
secret_key_variable = "S3_SECRET"
"""
ENVIRONMENT = {"S3_ACCESS": "AKIAEXAMPLE", "S3_SECRET": SECRET}


def code(call, *arguments):
    with pytest.raises(EkycError) as caught:
        call(*arguments)
    return caught.value.code


@pytest.fixture
def bucket(tmp_path, clock):
    served = Bucket(tmp_path, clock.now())
    yield served
    served.close()


@pytest.fixture
def settings():
    return S3Settings.parse(TOML.encode(), environment=ENVIRONMENT)


@pytest.fixture
def store(bucket, settings, clock):
    return S3BlobStore(settings, clock=clock, random=SystemRandom(), connect=bucket.connect)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "payload", "signature"),
    [
        (
            "GET",
            "/test.txt",
            {},
            {"range": "bytes=0-9"},
            EMPTY,
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test$file.text",
            {},
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/",
            {"lifecycle": ""},
            {},
            EMPTY,
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/",
            {"max-keys": "2", "prefix": "J"},
            {},
            EMPTY,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_signatures_are_those_of_the_published_examples(
    method, path, query, headers, payload, signature
):
    """ "Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference."""
    credentials = S3Credentials(
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
    )
    signed = sign(
        credentials,
        method=method,
        path=path,
        query=query,
        headers={"host": "examplebucket.s3.amazonaws.com", **headers},
        payload_sha256=payload,
        at=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert signed["authorization"].endswith(f"Signature={signature}")


def test_a_blob_comes_back_and_goes(store, bucket):
    data = os.urandom(700_000)
    name = store.put((data[:9], b"", data[9:]))
    assert list(bucket.objects) == [PREFIX + name]
    assert b"".join(store.read(name)) == data
    for _ in range(2):
        store.delete(name)
    assert code(lambda: list(store.read(name))) == "blob.unknown"


def test_names_come_page_by_page_and_only_ours(store, bucket, clock):
    names = {store.put((b"x",)) for _ in range(7)}
    bucket.objects[PREFIX + "readme.txt"] = (b"", clock.now())
    bucket.objects["elsewhere/" + "a" * 32] = (b"", clock.now())
    listed = list(store.names())
    assert {name for name, _ in listed} == names
    assert {stored for _, stored in listed} == {clock.now()}
    assert store.sweep_unfinished(clock.now()) == 0


def test_a_bucket_serves_a_vault(storage, store, tmp_path, clock):
    vault = storage.vault(FileKeyProvider(tmp_path / "keys", SystemRandom()), store)
    person = vault.subjects.enrol("hanoi", "079185001234")
    content = os.urandom(200_000)
    kept = vault.artefacts.put("hanoi", person.id, "portrait", content, retention="media")
    assert vault.artefacts.read("hanoi", kept.id) == content
    store.put((b"an orphan",))
    clock.advance(timedelta(minutes=14))
    assert vault.apply_retention(RetentionPolicy.default()).orphans == 0
    vault.erase_subject("hanoi", person.id)
    assert len(list(store.names())) == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (500, "blob.store_failed"),
        (503, "blob.store_failed"),
        (429, "blob.store_failed"),
        (403, "blob.store_refused"),
        (301, "blob.store_refused"),
        (307, "blob.store_refused"),
    ],
)
def test_a_store_that_fails_or_sends_elsewhere_is_typed(store, bucket, fault, expected):
    name = store.put((b"x",))
    bucket.fault = fault
    before = len(bucket.asked)
    for call in (
        lambda: store.put((b"y",)),
        lambda: list(store.read(name)),
        lambda: store.delete(name),
        lambda: list(store.names()),
    ):
        assert code(call) == expected
    assert len(bucket.asked) == before + 4  # nothing is tried twice, nowhere else


def test_an_answer_that_breaks_off_is_noticed(store, bucket):
    name = store.put((b"x" * 1000,))
    bucket.fault = "cut"
    assert code(lambda: list(store.read(name))) == "blob.store_failed"


def test_a_wrong_secret_or_a_wrong_clock_is_refused(store, settings, bucket, clock):
    wrong = replace(settings, credentials=replace(settings.credentials, secret_key="other"))
    other = S3BlobStore(wrong, clock=clock, random=SystemRandom(), connect=bucket.connect)
    assert code(lambda: other.put((b"x",))) == "blob.store_refused"
    clock.advance(timedelta(hours=1))
    assert code(lambda: store.put((b"x",))) == "blob.store_refused"
    assert bucket.objects == {}


def test_a_store_that_is_not_there_is_typed(store, bucket):
    Path(bucket.path).unlink()
    assert code(lambda: store.put((b"x",))) == "blob.store_failed"


@pytest.mark.parametrize("name", ["", "../x", "a" * 31, "A" * 32])
def test_a_name_is_no_path(store, bucket, name):
    for call in (lambda: list(store.read(name)), lambda: store.delete(name)):
        assert code(call) == "blob.unknown"
    assert bucket.asked == []


@pytest.mark.parametrize(
    "change",
    [
        ("https://", "http://"),
        ("https://", "ftp://"),
        ("https://s3.mau.vn", "https://s3.mau.vn/path"),
        ("https://s3.mau.vn", "https://s3.mau.vn:99999"),
        (BUCKET, "Bucket/.."),
        (PREFIX, "no-slash"),
        (PREFIX, "../"),
        ("S3_SECRET", "NOT_SET"),
        ("[s3]", "[other]"),
        ("[s3]", "[s3]\ntimeout_s = 0"),
        ("[s3]", "s3 = 1"),
        ("[s3]", "[s3"),
    ],
)
def test_settings_without_sense_are_refused(change):
    with pytest.raises(InputError) as caught:
        S3Settings.parse(TOML.replace(*change).encode(), environment=ENVIRONMENT)
    assert caught.value.code == "blob.config"
    assert SECRET not in str(caught.value)


def test_plain_http_is_for_this_machine(settings):
    local = TOML.replace("https://s3.mau.vn", "http://127.0.0.1:9000")
    known = S3Settings.parse(local.encode(), environment=ENVIRONMENT)
    assert (known.tls, known.host, known.port) == (False, "127.0.0.1", 9000)
    assert SECRET not in repr(settings)


def test_a_file_of_settings_is_opened(tmp_path, clock, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "s3.toml").write_text(TOML)
    assert open_s3_blobs(tmp_path / "s3.toml", clock=clock, random=SystemRandom())
    assert code(lambda: open_s3_blobs(tmp_path / "absent", clock=clock, random=SystemRandom())) == (
        "blob.config"
    )
    (tmp_path / "ca.toml").write_text(TOML + 'ca_file = "nowhere.pem"\n')
    assert code(
        lambda: open_s3_blobs(tmp_path / "ca.toml", clock=clock, random=SystemRandom())
    ) == ("blob.config")

"""What a person is told when a store does not do what it was asked."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from boto3.exceptions import RetriesExceededError
from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from steps.errors import InputError, StoreUnavailableError
from steps.store import MissingObjectError, open_store
from steps.store.bucket import BucketStore
from steps.store.refusals import explain
from tests.factories_store import make_place

ENDPOINT = "https://store.example"


def answer(code: str, status: int, message: str = "") -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutObject")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (answer("NoSuchKey", 404), MissingObjectError, "no object 'the/key'"),
        (answer("404", 404), MissingObjectError, "no object 'the/key'"),
        (answer("NoSuchBucket", 404), MissingObjectError, "AWS_ENDPOINT_URL_S3"),
        (answer("AccessDenied", 403), InputError, "right to read"),
        (answer("403", 403), InputError, "right to read"),
        (answer("SignatureDoesNotMatch", 403), InputError, "AWS_SECRET_ACCESS_KEY"),
        (answer("InvalidAccessKeyId", 403), InputError, "AWS_ACCESS_KEY_ID"),
        (answer("ExpiredToken", 400), InputError, "too old"),
        (answer("RequestTimeTooSkewed", 403), InputError, "clock"),
        (answer("PermanentRedirect", 301), InputError, "AWS_REGION"),
        (answer("NotImplemented", 501, "A header"), InputError, "NotImplemented A header"),
        (answer("EntityTooLarge", 400, "see https://h/?sig=hunter2"), InputError, "EntityTooLarge"),
        (answer("SlowDown", 503), StoreUnavailableError, "SlowDown"),
        (answer("InternalError", 500), StoreUnavailableError, "busy"),
        (answer("", 429), StoreUnavailableError, "busy"),
        (answer("RequestTimeout", 400), StoreUnavailableError, "busy"),
        (exceptions.NoCredentialsError(), InputError, "AWS_ACCESS_KEY_ID"),
        (exceptions.SSLError(endpoint_url=ENDPOINT, error=OSError("self-signed")), InputError, "AWS_CA_BUNDLE"),
        (exceptions.EndpointConnectionError(endpoint_url=ENDPOINT), StoreUnavailableError, "no answer"),
        (exceptions.ReadTimeoutError(endpoint_url="https://u:hunter2@h"), StoreUnavailableError, "no answer"),
        (exceptions.ResponseStreamingError(error="broken"), StoreUnavailableError, "no answer"),
        (exceptions.ParamValidationError(report="Invalid bucket"), InputError, "Invalid bucket"),
        (RetriesExceededError(answer("SlowDown", 503)), StoreUnavailableError, "SlowDown"),  # type: ignore[arg-type]
        (RetriesExceededError(ConnectionResetError()), StoreUnavailableError, "no answer"),  # type: ignore[arg-type]
        (OSError(errno.ENOSPC, "No space left on device"), InputError, "No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), InputError, "/x: Permission denied"),
    ],
)
def test_the_answer_is_explained_when_it_is_a_refusal(error: Exception, kind: type[Exception], told: str) -> None:
    explained = explain(error, "s3://bucket/prefix", "the/key", ENDPOINT)
    assert type(explained) is kind
    assert told in str(explained)
    assert "hunter" not in str(explained)


def test_an_upload_names_the_bucket_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_place("moto", tmp_path, monkeypatch)
    (tmp_path / "x").write_text("1")
    with pytest.raises(MissingObjectError, match="no bucket 'not-there'"):
        open_store("s3://not-there").upload(tmp_path / "x", "y")


def test_an_endpoint_is_named_without_its_password_when_nobody_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_place("moto", tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://user:hunter2@127.0.0.1:9")
    with pytest.raises(StoreUnavailableError, match=r"http://\*\*\*@127.0.0.1:9") as caught:
        open_store("s3://bucket").get("x")
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint", ["minio:9000", "no url", "file:relative", "file://host/folder", "file:///", "file://[bad/folder"]
)
def test_an_endpoint_is_refused_when_it_is_no_url(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_place("moto", tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(InputError, match="hint: "):
        open_store("s3://bucket").exists("x")


def test_the_general_endpoint_is_used_when_there_is_none_for_s3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_place("folder", tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"file://{tmp_path}/general%20place")
    open_store("s3://bucket/a").put("b", b"1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")
    assert open_store("s3://bucket/a").get("b") == b"1"
    assert (tmp_path / "general place/bucket/a/b").exists()


def test_a_folder_tells_what_is_wrong_when_it_may_not_be_read(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "place"))
    with pytest.raises(MissingObjectError, match="no folder at"):
        store.get("x")
    store.put("file", b"")
    with pytest.raises(InputError, match="below a file"):
        store.put("file/x", b"")
    store.put("folder/x", b"")
    with pytest.raises(InputError, match="is a folder"):
        store.put("folder", b"")
    if os.geteuid():
        (tmp_path / "place/file").chmod(0)
        with pytest.raises(InputError, match="access denied"):
            store.get("file")


def test_boto3_is_not_imported_when_only_folders_are_used() -> None:
    code = "import sys, steps.store.source, steps.registry, steps.publish.run; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestStubbed:
    """Answers that neither moto nor MinIO gives."""

    @pytest.fixture
    def stubbed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[BucketStore, Stubber]:
        make_place("moto", tmp_path, monkeypatch)
        store = open_store("s3://bucket")
        assert isinstance(store, BucketStore)
        return store, Stubber(store.client)

    def test_a_conditional_write_is_tried_again_when_another_was_under_way(
        self, stubbed: tuple[BucketStore, Stubber]
    ) -> None:
        store, stubber = stubbed
        for _ in range(2):
            stubber.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
        stubber.add_response("put_object", {})
        with stubber:
            assert store.put_new("x", b"")
        for _ in range(5):
            stubber.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
        with stubber:
            assert not store.put_if("x", b"", "etag")

    def test_tags_are_left_out_when_the_store_has_none(self, stubbed: tuple[BucketStore, Stubber]) -> None:
        store, stubber = stubbed
        for method in ("put_object_tagging", "delete_object_tagging", "get_object_tagging"):
            stubber.add_client_error(method, "NotImplemented", http_status_code=501)
        with stubber:
            assert not store.tag("x", {"a": "b"})
            assert not store.tag("x", {})
            assert store.tags("x") == {}

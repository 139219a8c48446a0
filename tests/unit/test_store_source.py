"""`fetch`: what a person may name as a source, and what they are told when it cannot be had."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from steps.errors import InputError, StoreUnavailableError
from steps.store import MissingObjectError, open_store
from steps.store.source import fetch
from tests.factories_store import EVERYDAY, make_place
from tests.factories_web import Web, serve

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = hashlib.shake_128(b"seed").digest(700_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=EVERYDAY[1:])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return make_place(request.param, tmp_path, monkeypatch)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "into"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> "Web":
    monkeypatch.setattr("steps.store.web._WAITS_S", (0.001,) * 4)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return serve()


def test_a_local_path_is_returned_as_it_is_when_it_exists(tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.zip").write_bytes(DATA)
    assert fetch(str(tmp_path / "a.zip"), into, SHA256) == tmp_path / "a.zip"
    assert fetch(str(tmp_path), into) == tmp_path
    assert fetch(f"file://{tmp_path}", into) == tmp_path
    assert not into.exists()


@pytest.mark.parametrize(
    "source", ["no/such/file", "", "ftp://host/a", "gopher://a", "http://", "https://[bad/x", "http:///x"]
)
def test_fetch_names_the_source_when_it_is_none(source: str, into: Path) -> None:
    with pytest.raises(InputError, match="hint: "):
        fetch(source, into)


def test_fetch_tells_both_digests_when_they_differ(tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"other")
    with pytest.raises(InputError, match=f"(?s){hashlib.sha256(b'other').hexdigest()}.*{SHA256}"):
        fetch(str(tmp_path / "a.zip"), into, SHA256)
    with pytest.raises(InputError, match="folder"):
        fetch(str(tmp_path), into, SHA256)


class TestFetchedObjects:
    def test_an_object_arrives_when_it_is_named(self, place: str, into: Path) -> None:
        open_store(place).put("data/planes 1.zip", DATA)
        path = fetch(f"{place}/data/planes 1.zip", into, SHA256)
        assert path.suffix == ".zip"
        assert path.read_bytes() == DATA

    def test_a_folder_arrives_when_a_prefix_is_named(self, place: str, into: Path) -> None:
        store = open_store(place)
        names = [f"images/{number:03}.jpg" for number in range(60)] + ["data.yaml"]
        for name in names:
            store.put(f"set/{name}", name.encode())
        store.put("settings", b"not below the prefix")
        for source in (f"{place}/set", f"{place}/set/"):
            folder = fetch(source, into)
            found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
            assert sorted(found) == sorted(names)
            assert all(path.read_bytes() == name.encode() for name, path in found.items())
        assert not list(into.glob("*.part"))

    def test_the_bucket_arrives_when_only_it_is_named(self, place: str, into: Path) -> None:
        open_store(place).put("a.txt", b"1")
        bucket = place.removeprefix("s3://").partition("/")[0]
        assert (fetch(f"s3://{bucket}", into) / "pre/fix/a.txt").read_bytes() == b"1"

    def test_fetch_names_what_is_missing_when_it_is_not_there(self, place: str, into: Path) -> None:
        open_store(place).put("data", b"1")
        with pytest.raises(MissingObjectError, match="no object and no prefix"):
            fetch(f"{place}/dat", into)
        with pytest.raises(MissingObjectError, match=r"(?s)no bucket 'no-such-bucket'.*AWS_ENDPOINT_URL_S3"):
            fetch("s3://no-such-bucket/x", into)


def test_the_size_limit_holds_when_objects_are_fetched(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place("moto", tmp_path, monkeypatch)
    for name in ("a", "b"):
        open_store(place).put(f"set/{name}", b"12345")
    for source, limit in ((f"{place}/set/a", 4), (f"{place}/set", 9)):
        with pytest.raises(InputError, match="bytes"):
            fetch(source, into, max_bytes=limit)
        fetch(source, into, max_bytes=limit + 1)


def test_progress_ends_with_all_files_when_a_prefix_is_fetched(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place("moto", tmp_path, monkeypatch)
    for number in range(5):
        open_store(place).put(f"set/{number}", b"")
    seen: list[tuple[int, int]] = []
    fetch(f"{place}/set", into, report=lambda done, total, _: seen.append((done, total)))
    assert seen == [(done, 5) for done in range(1, 6)]


@pytest.mark.parametrize("key", ["set/../../escape", "set/a/../../b", "set//x", "set/a\\b", "set/./x"])
def test_a_prefix_is_refused_when_a_key_would_leave_the_folder(
    key: str, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place("moto", tmp_path, monkeypatch)
    put_raw(place, key)
    with pytest.raises(InputError, match="not a key"):
        fetch(f"{place}/set", into)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_prefix_is_refused_when_a_key_is_file_and_folder(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place("moto", tmp_path, monkeypatch)
    put_raw(place, "set/a")
    put_raw(place, "set/a/b")
    with pytest.raises(InputError, match="folder of another"):
        fetch(f"{place}/set", into)


def put_raw(place: str, key: str) -> None:
    """Put an object past the rules for keys, as another program may have."""
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    client = boto3.Session().client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"], region_name="us-east-1")
    client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=b"")
    client.close()


class TestWeb:
    def test_a_file_arrives_under_its_name_when_the_server_has_it(self, web: Web, into: Path) -> None:
        web.put("/sets/planes%201.zip", DATA)
        path = fetch(f"{web.url}/sets/planes%201.zip?download=1", into, SHA256)
        assert path == into / "planes_1.zip"
        assert path.read_bytes() == DATA

    @pytest.mark.parametrize(("path", "name"), [("/", "download"), ("/..%2F..%2F.bashrc", "bashrc"), ("/%00x", "_x")])
    def test_the_name_is_harmless_when_the_url_is_not(self, web: Web, into: Path, path: str, name: str) -> None:
        web.put(path, DATA)
        assert fetch(f"{web.url}{path}", into) == into / name

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    def test_fetch_does_not_try_again_when_the_server_refuses(self, web: Web, into: Path, status: int) -> None:
        web.answer("/a.zip", status)
        with pytest.raises(InputError, match=f"answers {status}"):
            fetch(f"{web.url}/a.zip", into)
        assert len(web.requests) == 1
        assert list(into.iterdir()) == []

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_fetch_tries_again_when_the_server_is_busy(self, web: Web, into: Path, status: int) -> None:
        web.put("/a.zip", DATA)
        web.answer("/a.zip", status, times=3)
        assert fetch(f"{web.url}/a.zip", into, SHA256).read_bytes() == DATA
        web.answer("/a.zip", status)
        with pytest.raises(StoreUnavailableError, match=f"answers {status}"):
            fetch(f"{web.url}/a.zip", into)
        assert list(into.iterdir()) == [into / "a.zip"]

    def test_fetch_goes_on_where_it_stopped_when_the_connection_breaks(self, web: Web, into: Path) -> None:
        web.put("/a.zip", DATA, breaks_at=[300_000, 600_000])
        assert fetch(f"{web.url}/a.zip", into, SHA256).read_bytes() == DATA
        starts = [request.headers.get("Range") for request in web.requests]
        assert starts[0] is None
        assert all(start and start > "bytes=1" for start in starts[1:])
        assert web.sent < 2 * len(DATA)

    @pytest.mark.parametrize("how", ["changes", "no-ranges", "weak"])
    def test_fetch_starts_anew_when_the_rest_may_be_of_another_file(self, web: Web, into: Path, how: str) -> None:
        web.put(
            "/a.zip", DATA, breaks_at=[400_000], etag='W/"1"' if how == "weak" else '"1"', ranges=how != "no-ranges"
        )
        if how == "changes":
            web.after_first("/a.zip", lambda: web.put("/a.zip", DATA[::-1], etag='"2"'))
        expected = DATA[::-1] if how == "changes" else DATA
        assert fetch(f"{web.url}/a.zip", into).read_bytes() == expected

    def test_fetch_gives_up_when_the_connection_always_breaks(self, web: Web, into: Path) -> None:
        web.put("/a.zip", DATA, breaks_at=[10] * 9)
        with pytest.raises(StoreUnavailableError, match="no answer"):
            fetch(f"{web.url}/a.zip", into)
        assert len(web.requests) == 5
        assert list(into.iterdir()) == []

    def test_fetch_asks_for_another_try_when_nobody_listens(self, into: Path, web: Web) -> None:
        web.close()
        with pytest.raises(StoreUnavailableError, match="no answer"):
            fetch(f"{web.url}/a.zip", into)

    @pytest.mark.parametrize("declared", [True, False])
    def test_the_size_limit_holds_when_the_server_tells_it_and_when_not(
        self, web: Web, into: Path, *, declared: bool
    ) -> None:
        web.put("/a.zip", DATA, length=declared)
        with pytest.raises(InputError, match="allowed"):
            fetch(f"{web.url}/a.zip", into, max_bytes=len(DATA) - 1)
        assert list(into.iterdir()) == []
        fetch(f"{web.url}/a.zip", into, max_bytes=len(DATA))

    def test_redirects_are_followed_when_they_are_few(self, web: Web, into: Path) -> None:
        web.put("/b.zip", DATA)
        web.redirect("/a.zip", "/b.zip")
        assert fetch(f"{web.url}/a.zip", into, SHA256) == into / "a.zip"

    @pytest.mark.parametrize("target", ["/a.zip", "file:///etc/passwd", "ftp://localhost/x", "http://[bad"])
    def test_redirects_are_refused_when_they_go_round_or_elsewhere(self, web: Web, into: Path, target: str) -> None:
        web.redirect("/a.zip", target)
        with pytest.raises(InputError, match=r"redirects|not http"):
            fetch(f"{web.url}/a.zip", into)

    def test_credentials_reach_the_server_but_no_message_when_the_url_has_them(self, web: Web, into: Path) -> None:
        web.put("/a.zip", DATA)
        source = web.url.replace("://", "://user:hunter2@") + "/{}?X-Amz-Signature=hunter3"
        fetch(source.format("a.zip"), into)
        assert web.requests[0].headers["Authorization"] == "Basic dXNlcjpodW50ZXIy"
        failures: list[Callable[[], object]] = [
            lambda: fetch(source.format("b.zip"), into),
            lambda: fetch(source.format("a.zip"), into, "0" * 64),
            lambda: fetch(source.format("a.zip"), into, max_bytes=1),
        ]
        web.redirect("/c.zip", "/c.zip")
        failures.append(lambda: fetch(source.format("c.zip"), into))
        for fail in failures:
            with pytest.raises(InputError) as caught:
                fail()
            assert "hunter" not in str(caught.value)

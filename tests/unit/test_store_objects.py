"""What every store promises. The same class runs on a folder, moto and, in `tests/cluster`, the real MinIO."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steps.errors import InputError, ParameterError
from steps.store import Entry, MissingObjectError, Store, open_store
from tests.factories_store import EVERYDAY, make_place


@pytest.fixture(params=EVERYDAY)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return make_place(request.param, tmp_path, monkeypatch)


@pytest.fixture
def store(place: str) -> Store:
    return open_store(place)


class TestObjects:
    def test_content_comes_back_when_it_was_put(self, store: Store) -> None:
        store.put("a/b.bin", b"one")
        store.put("a/b.bin", b"two")
        assert store.get("a/b.bin") == b"".join(store.stream("a/b.bin")) == b"two"
        assert store.exists("a/b.bin")
        assert not store.exists("a")
        assert not store.exists("a/b")

    def test_a_missing_object_is_named_when_it_is_read(self, store: Store, tmp_path: Path) -> None:
        store.put("there", b"")
        for read in (
            lambda: store.get("not/there"),
            lambda: list(store.stream("not/there")),
            lambda: store.etag("not/there"),
            lambda: store.tags("not/there"),
            lambda: store.tag("not/there", {"a": "b"}),
            lambda: store.download("not/there", tmp_path / "x"),
        ):
            with pytest.raises(MissingObjectError, match="not/there"):
                read()
        assert not list(tmp_path.glob("*x*"))
        assert not store.exists("not/there")
        store.delete("not/there")

    def test_put_new_writes_only_once_when_called_twice(self, store: Store) -> None:
        assert store.put_new("claim", b"mine")
        assert not store.put_new("claim", b"yours")
        assert store.get("claim") == b"mine"

    def test_put_if_refuses_when_the_content_is_another(self, store: Store) -> None:
        store.put("pointer", b"1")
        etag = store.etag("pointer")
        assert store.put_if("pointer", b"2", etag)
        assert store.etag("pointer") != etag
        assert not store.put_if("pointer", b"3", etag)
        assert not store.put_if("missing", b"3", etag)
        assert not store.put_if("pointer", b"3", f'"{"0" * 32}"')
        assert store.get("pointer") == b"2"

    def test_listing_is_sorted_and_complete_when_folders_nest(self, store: Store) -> None:
        keys = ["a", "b/1", "b/2/x", "b-c/y", "b.txt", "ba/z", "ü/é"]
        for key in keys:
            store.put(key, b"12")
        assert list(store.list()) == [Entry(key, 2) for key in sorted(keys)]
        assert [entry.key for entry in store.list("b/")] == ["b/1", "b/2/x"]
        assert [entry.key for entry in store.list("b")] == ["b-c/y", "b.txt", "b/1", "b/2/x", "ba/z"]
        assert list(store.list("c/")) == []
        assert list(store.list("a/")) == []

    def test_files_come_back_when_uploaded(self, store: Store, tmp_path: Path) -> None:
        big = hashlib.shake_128(b"seed").digest(9 << 20)
        (tmp_path / "big").write_bytes(big)
        store.upload(tmp_path / "big", "deep/big.bin")
        store.download("deep/big.bin", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == big
        assert sum(map(len, store.stream("deep/big.bin"))) == len(big)

    def test_tags_are_replaced_when_tagged_again(self, store: Store) -> None:
        store.put("x", b"1")
        assert store.tags("x") == {}
        assert store.tag("x", {"training-run": "latest", "a": "b"})
        assert store.tags("x") == {"training-run": "latest", "a": "b"}
        assert store.tag("x", {"c": "d"})
        assert store.tags("x") == {"c": "d"}
        assert store.tag("x", {})
        assert store.tags("x") == {}
        assert [entry.key for entry in store.list()] == ["x"]
        store.put("x", b"2")
        assert store.tags("x") == {}

    def test_an_object_is_gone_when_deleted(self, store: Store) -> None:
        store.put("x", b"1")
        store.tag("x", {"a": "b"})
        store.delete("x")
        assert not store.exists("x")
        assert list(store.list()) == []

    def test_the_url_opens_what_it_names_when_opened_again(self, store: Store, place: str) -> None:
        store.put("a/b/c", b"1")
        assert store.url("a") == f"{place}/a"
        assert open_store(store.url("a")).get("b/c") == b"1"
        assert open_store(f"{place}/").url() == store.url() == place

    @pytest.mark.parametrize(
        "key",
        ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", ".", "a\0b", "a\nb", "a\\b", "x" * 201, ".store-x", "\ud800"],
    )
    def test_a_key_is_refused_when_it_could_leave_the_place(self, store: Store, key: str) -> None:
        for use in (store.get, store.exists, store.etag, store.delete, lambda key: store.put(key, b"")):
            with pytest.raises(InputError, match="not a key"):
                use(key)

    def test_one_wins_when_many_create_the_same_object(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda n: store.put_new("claim", str(n).encode()), range(24)))
        assert sum(won) == 1
        assert store.get("claim") == str(won.index(True)).encode()

    def test_no_count_is_lost_when_many_change_the_same_object(self, store: Store) -> None:
        store.put("count", b"0")

        def increment(_: int) -> None:
            while True:
                etag = store.etag("count")
                if store.put_if("count", str(int(store.get("count")) + 1).encode(), etag):
                    return

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(increment, range(20)))
        assert store.get("count") == b"20"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x/y",
        "s3://",
        "s3:///key",
        "s3://a",
        "s3://../x",
        "s3://b..b/x",
        "s3://bucket/../x",
        "s3://bucket/a//b",
        "x\0y",
    ],
)
def test_open_store_names_the_address_when_it_is_none(url: str) -> None:
    with pytest.raises(InputError, match="hint: "):
        open_store(url)


def test_open_store_shows_no_credentials_when_they_stand_in_the_address() -> None:
    with pytest.raises(ParameterError, match="AWS_ACCESS_KEY_ID") as caught:
        open_store("s3://AKIAKEY:hunter2@bucket/x")
    assert "hunter2" not in str(caught.value)
    assert "AKIAKEY" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet="ab./-", min_size=1, max_size=6), max_size=6), st.text(alphabet="ab./-", max_size=3))
def test_a_folder_lists_as_a_bucket_does_when_keys_are_odd(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], prefix: str
) -> None:
    store = open_store(str(tmp_path_factory.mktemp("odd") / "place"))
    held = set()
    for key in keys:
        try:
            store.put(key, b"")
        except InputError:  # No key at all, or a file where another key needs a folder.
            continue
        held.add(key)
    try:
        found = [entry.key for entry in store.list(prefix)]
    except InputError:
        found = []
        assert not held or "/" in prefix
    else:
        assert found == sorted(key for key in held if key.startswith(prefix))

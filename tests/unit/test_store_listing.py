"""The digest of a listing: another when something arrived, the same whenever it is asked."""

from pathlib import Path

import pytest

from steps.errors import InputError
from steps.store import open_store
from steps.store.listing import listing_digest
from tests.factories_store import make_place


@pytest.fixture(params=["file-endpoint", "moto"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    place = make_place(request.param, tmp_path, monkeypatch)
    for key in ("a.zip", "a.zip.txt", "b/1.jpg", "b/2.jpg"):
        open_store(place).put(key, b"12")
    return place


def test_digest_stays_when_nothing_changed(place: str) -> None:
    assert listing_digest(f"{place}/a.zip") == listing_digest(f"{place}/a.zip")
    assert listing_digest(f"{place}/b") == listing_digest(f"{place}/b/")
    assert len({listing_digest(f"{place}/{name}") for name in ("a.zip", "b", "")}) == 3


@pytest.mark.parametrize("key", ["b/2.jpg", "b/3.jpg"])
def test_digest_is_another_when_an_object_is_replaced_or_added(place: str, key: str) -> None:
    before, other = listing_digest(f"{place}/b"), listing_digest(f"{place}/a.zip")
    open_store(place).put(key, b"34")
    assert listing_digest(f"{place}/b") != before
    assert listing_digest(f"{place}/a.zip") == other


def test_digest_is_another_when_an_object_is_gone(place: str) -> None:
    before = listing_digest(f"{place}/b")
    open_store(place).delete("b/1.jpg")
    assert listing_digest(f"{place}/b") != before


def test_neighbours_do_not_count_when_one_object_is_named(place: str) -> None:
    before = listing_digest(f"{place}/a.zip")
    open_store(place).put("a.zip.txt", b"other")
    assert listing_digest(f"{place}/a.zip") == before


@pytest.mark.parametrize("source", ["photos.zip", "https://host/photos.zip", "/data/photos"])
def test_there_is_none_when_the_source_is_no_bucket(source: str) -> None:
    assert listing_digest(source) == ""


def test_a_missing_bucket_is_named(place: str) -> None:
    with pytest.raises(InputError, match="nowhere"):
        listing_digest("s3://nowhere/datasets/")
